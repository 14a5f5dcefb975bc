//! `[firewall]` and the manager `whitelistfirewall`, as root in a network of
//! their own, with a real firewalld and D-Bus under the node's supervisord.
//! slapos.core works on the same firewall: what both call is noted, and is the
//! same.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::sync::{Arc, Mutex};

use slap::marshal::dumps;

use buildout_core::value::Value;

use crate::lifecycle::await_process;
use crate::managers::{managed, program, request, runs};
use crate::namespaces::Namespaces;
use crate::relay::{Fate, relay_from, use_master};
use crate::site::{NodeSite, Outcome, Whose, outcome};

/// The option by which firewalld takes what was changed.
const RELOAD: &str = "reload_config_cmd = %(firewall_cmd)s --reload\n";

/// The rules that are recorded for a partition.
const RECORD: &str = ".slapos-firewalld-rules";

/// The partition's own address, which others reach.
const OWN: &str = "10.0.0.1";
/// That of another instance of its tree.
const PEER: &str = "10.0.0.2";
/// Of a network that the configuration lets in.
const AUTHORIZED: &str = "10.0.9.1";
/// Of somebody whom nothing names.
const NEIGHBOUR: &str = "10.0.6.1";
/// Of a network that can be kept out.
const STRANGER: &str = "10.0.7.1";

/// The user of partitions, and the one beside it.
const NOBODY: &str = "65534";
const OTHER: &str = "65533";

/// What the master says about the partition beside what `slapos proxy` knows.
#[derive(Clone, Default)]
struct Said {
    /// The state, if it is not the proxy's.
    state: Option<&'static str>,
    /// `_filter_dict`.
    filter: Vec<(&'static str, &'static str)>,
}

/// A node with a partition behind a firewall.
struct Walled {
    // The node's supervisord ends before its namespaces do.
    site: NodeSite,
    said: Arc<Mutex<Said>>,
    namespaces: Namespaces,
}

impl Walled {
    /// Makes a node with these managers, and these options in `[firewall]`.
    fn new(managers: &str, interface: &str, options: &str) -> Self {
        let site = NodeSite::new(1);
        let definition = site.path("definition.cfg");
        let text = fs::read_to_string(&definition).expect("the site works");
        let (computer, partition) = text.split_once("[partition_0]").expect("it is there");
        let partition = partition.replace("127.0.0.1", OWN).replace(
            "network_interface =",
            &format!("network_interface = {interface}"),
        );
        fs::write(&definition, format!("{computer}[partition_0]{partition}")).expect("as before");
        // The real master is not in the network.
        let site = managed(site, "");
        // The release's own Python may be where the partition's user is not let
        // in, and there is nothing to install.
        let release = fs::read_dir(site.path("soft")).expect("the site works");
        let release = release.flatten().next().expect("it is built").path();
        program(&release.join("bin/buildout"), "#!/bin/sh\nexit 0\n");
        let namespaces = Namespaces::with_network(&setup(&site));
        note_calls(&site);
        let said = Arc::new(Mutex::new(Said::default()));
        let listener = namespaces.listen(Ipv4Addr::LOCALHOST);
        let (url, _) = relay_from(listener, site.master.url(), {
            let said = Arc::clone(&said);
            move |target| said.lock().expect("no panic").decide(target)
        });
        use_master(&site, &url);
        let configuration = site.path("slapos.cfg");
        let text = fs::read_to_string(&configuration).expect("the site works");
        let text = text.replace("manager_list = \n", &format!("manager_list = {managers}\n"));
        let firewall = format!(
            "\n[firewall]
firewall_executable = /usr/sbin/firewalld --nofork --nopid
dbus_executable = /usr/bin/dbus-daemon --system --nofork --nopidfile --nosyslog
firewall_cmd = {base}/bin/firewall-cmd
log_file = {base}/firewall.log
dbus_log_file = {base}/dbus.log
{options}",
            base = site.root().display()
        );
        fs::write(&configuration, text + &firewall).expect("the site works");
        Walled {
            site,
            said,
            namespaces,
        }
    }

    /// Has a pass made, which succeeds. Returns what it called.
    #[track_caller]
    fn pass(&self, whose: Whose, words: &str) -> Vec<String> {
        let (outcome, calls) = self.run(whose, words);
        outcome.expect(0);
        calls
    }

    fn run(&self, whose: Whose, words: &str) -> (Outcome, Vec<String>) {
        let calls = self.site.path("calls");
        let _ = fs::remove_file(&calls);
        let command = self.site.command_of(whose, words);
        let outcome = outcome(&mut self.namespaces.entered(&command));
        let calls = fs::read_to_string(&calls).unwrap_or_default();
        (outcome, calls.lines().map(ToOwned::to_owned).collect())
    }

    fn say(&self, change: impl FnOnce(&mut Said)) {
        change(&mut self.said.lock().expect("no panic"));
    }

    /// Runs a script in the namespaces, and tells whether it succeeded.
    fn succeeds(&self, script: &str) -> bool {
        let mut command = self.namespaces.call(Path::new("sh"), self.site.root());
        outcome(command.args(["-c", script])).code == 0
    }

    /// Tells whether a connection can be made by this user between these
    /// addresses.
    fn reaches(&self, user: &str, from: &str, to: (&str, u16)) -> bool {
        let (to, port) = to;
        self.succeeds(&format!(
            "setpriv --reuid={user} --regid={user} --clear-groups python3 -c \"import socket; socket.create_connection(('{to}', {port}), 20, ('{from}', 0))\""
        ))
    }

    fn server(&self, address: &str) -> TcpListener {
        self.namespaces
            .listen(address.parse().expect("it is an address"))
    }

    /// Returns the text of a file of the partition.
    fn file(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.site.partition(0).join(name)).ok()
    }
}

impl Said {
    /// What becomes of a request to the master.
    fn decide(&self, target: &str) -> Fate {
        if target.contains("/getHostingSubscriptionIpList") {
            let pair = |interface: &str, address: &str| {
                let members = [interface, address].map(|text| Value::Str(text.into()));
                Value::Tuple(members.into())
            };
            let list = vec![
                pair("route_slaptap0", OWN),
                pair("route_slaptap1", PEER),
                pair("slaptap1", "2001:db8::2"),
            ];
            let text = dumps(&Value::List(list)).expect("it is a list");
            return Fate::Told(text);
        }
        if !target.contains("/getFullComputerInformation") {
            return Fate::Answered;
        }
        let mut edits = Vec::new();
        if let Some(state) = self.state {
            let wrapped = |state: &str| format!("<string>{state}</string>");
            edits.push((wrapped("started"), wrapped(state)));
        }
        let filter = self.filter.iter();
        let filter: String = filter
            .map(|(name, value)| format!("<string>{name}</string><string>{value}</string>"))
            .collect();
        let next = "<string>_need_modification</string>";
        edits.push((
            next.to_owned(),
            format!(
                "<string>_filter_dict</string><dictionary id=\"i9999\">{filter}</dictionary>{next}"
            ),
        ));
        Fate::Edited(edits)
    }
}

/// Makes a machine of the namespaces: D-Bus and firewalld have their own
/// directories, and slapos.core the one that it has them run in.
fn setup(site: &NodeSite) -> String {
    let base = site.root().display();
    format!(
        "mount -t tmpfs run /run
mkdir /run/dbus
cp -a /etc/firewalld {base}/firewalld
mount --bind {base}/firewalld /etc/firewalld
mount -t tmpfs services /usr/share/dbus-1/system-services
mkdir {base}/opt
mount --rbind /opt {base}/opt
mount -t tmpfs opt /opt
for directory in {base}/opt/*/; do
  [ -d \"$directory\" ] || continue
  mkdir /opt/$(basename $directory)
  mount --rbind $directory /opt/$(basename $directory)
done
mkdir -p /opt/slapos
for address in {OWN} {PEER} {AUTHORIZED} {NEIGHBOUR} {STRANGER}; do ip addr add $address/32 dev lo; done"
    )
}

/// Puts a program before `firewall-cmd` that notes each call.
fn note_calls(site: &NodeSite) {
    let calls = site.path("calls");
    let text = format!(
        "#!/bin/sh
echo \"$*\" >> {calls}
if [ \"$*\" = --reload ] && [ -e {refuses} ]; then echo refused; exit 1; fi
exec /usr/bin/firewall-cmd \"$@\"\n",
        calls = calls.display(),
        refuses = site.path("refuses").display()
    );
    program(&site.path("bin/firewall-cmd"), &text);
}

/// The rules of [`OWN`] for those who are let in, as `firewall-cmd` has them
/// added.
fn rules_of_the_restricted() -> Vec<String> {
    let mut rules = Vec::new();
    for source in [PEER, "10.0.9.0/24"] {
        for chain in ["INPUT", "FORWARD"] {
            rules.push(format!("{chain} 0 -s {source} -d {OWN} -j ACCEPT"));
        }
    }
    for (priority, state) in [(1000, ""), (900, " -m state --state ESTABLISHED,RELATED")] {
        for chain in ["INPUT", "FORWARD"] {
            rules.push(format!("{chain} {priority} -d {OWN}{state} -j REJECT"));
        }
    }
    let begin = "--permanent --direct --add-rule ipv4 filter";
    rules.iter().map(|rule| format!("{begin} {rule}")).collect()
}

#[test]
fn partitions_are_reached_from_their_trees_as_with_slapos_core() {
    let walled = Walled::new(
        "",
        "route_slaptap0",
        &format!("{RELOAD}authorized_sources =\n  10.0.9.0/24\n  nonsense\n"),
    );
    let server = walled.server(OWN);
    let port = server.local_addr().expect("it is bound").port();
    let enters = |from: &str| walled.reaches(NOBODY, from, (OWN, port));
    let restrict = |said: &mut Said| *said = Said::default();
    let open = |said: &mut Said| {
        said.filter = vec![
            ("fw_restricted_access", "off"),
            ("fw_rejected_sources", "10.0.7.0/24 $(reboot)"),
            ("fw_authorized_sources", "10.0.7.2"),
        ];
    };
    let destroy = |said: &mut Said| said.state = Some("destroyed");

    // Nobody is kept out of what is new. supervisord has just started
    // firewalld, which is waited for.
    let mut ours = walled.pass(Whose::Ours, "node instance");
    ours.dedup();
    let rules = rules_of_the_restricted();
    let mut expected: Vec<String> = rules
        .iter()
        .flat_map(|rule| [rule.replace("--add-rule", "--query-rule"), rule.clone()])
        .collect();
    expected.push("--reload".to_owned());
    assert_eq!(ours, expected);
    let record = walled.file(RECORD).expect("it is written");
    assert_eq!(
        serde_json::from_str::<Vec<String>>(&record).expect("it is JSON"),
        rules
    );
    assert!(enters(PEER) && enters(AUTHORIZED));
    assert!(!enters(STRANGER) && !enters(NEIGHBOUR));
    let daemons = ["firewall", "dbus"].map(|name| {
        let file = walled
            .site
            .path(&format!("inst/etc/supervisord.conf.d/{name}.conf"));
        let info = await_process(&walled.site, name, runs).expect("it runs");
        (
            file.clone(),
            fs::read_to_string(file).expect("it is written"),
            info.process,
        )
    });

    // slapos.core goes on from there.
    walled.say(open);
    let opened = walled.pass(Whose::Theirs, "node instance --force");
    assert!(enters(NEIGHBOUR) && !enters(STRANGER));
    let opened_record = walled.file(RECORD);
    for (file, text, process) in &daemons {
        assert_eq!(fs::read_to_string(file).expect("it is there"), *text);
        let name = file.file_stem().expect("it has one").to_string_lossy();
        let info = walled.site.process(&name).expect("it runs");
        assert_eq!(info.process, *process, "{name} was started anew");
    }

    // And ours from there.
    walled.say(destroy);
    let ours_closed = walled.pass(Whose::Ours, "node instance --force");
    let closed_record = walled.file(RECORD);
    assert!(enters(STRANGER));

    // The other way round, it is the same.
    walled.say(restrict);
    assert_eq!(walled.pass(Whose::Theirs, "node instance --force"), ours);
    assert_eq!(walled.file(RECORD), Some(record));
    // A firewalld that does not take what was changed is told again; slapos.core
    // finds all rules there, and is content.
    walled.say(open);
    let refusal = walled.site.path("refuses");
    fs::write(&refusal, "").expect("the site is ours");
    let (outcome, calls) = walled.run(Whose::Ours, "node instance --force");
    let text = outcome.expect(1);
    assert!(
        text.contains("Failed to load firewalld rules with command"),
        "{text}"
    );
    assert_eq!(calls, opened);
    assert!(!enters(STRANGER));
    fs::remove_file(&refusal).expect("it was written");
    // Without a command of its own, it is told by the same program.
    let configuration = walled.site.path("slapos.cfg");
    let text = fs::read_to_string(&configuration).expect("the site works");
    fs::write(&configuration, text.replace(RELOAD, "")).expect("the site works");
    let mut calls = walled.pass(Whose::Ours, "node instance");
    assert_eq!(calls.pop().as_deref(), Some("--reload"));
    assert!(
        calls.iter().all(|call| call.contains("--query-rule")),
        "{calls:?}"
    );
    assert_eq!(walled.file(RECORD), opened_record);
    assert!(enters(PEER) && enters(NEIGHBOUR) && !enters(STRANGER));
    fs::write(&configuration, text).expect("the site works");
    walled.say(destroy);
    assert_eq!(
        walled.pass(Whose::Theirs, "node instance --force"),
        ours_closed
    );
    assert_eq!(walled.file(RECORD), closed_record);
}

/// A rule for [`OWN`].
const ACCEPTING: &str = "--permanent --direct --add-rule ipv4 filter INPUT 0 -d 10.0.0.1 -j ACCEPT";

#[test]
fn partitions_reach_what_they_ask_for_as_with_slapos_core() {
    let walled = Walled::new("whitelistfirewall", "slaptap0", RELOAD);
    let servers = [PEER, STRANGER].map(|address| {
        let server = walled.server(address);
        let port = server.local_addr().expect("it is bound").port();
        (server, (address, port))
    });
    let reached = |user: &str| {
        let reached = servers.iter();
        let reached = reached.filter(|(_, to)| walled.reaches(user, OWN, *to));
        reached
            .map(|(_, (address, _))| *address)
            .collect::<Vec<_>>()
    };
    let ask = |text: &str| {
        let request = walled.site.partition(0).join(".slapos-whitelist-firewall");
        fs::write(request, text).expect("the site is ours");
    };
    let follow = |whose: Whose| {
        let calls = walled.pass(whose, "node instance");
        (calls, walled.file(".slapos-whitelist-firewall.md5sum"))
    };

    // Without a request there is nothing to do but to look. What the
    // partition's user says about rules is not believed.
    let record = walled.site.partition(0).join(RECORD);
    fs::write(&record, format!("[\"{ACCEPTING}\"]")).expect("the site is ours");
    walled.site.give(&record);
    let (outcome, mut looks) = walled.run(Whose::Ours, "node instance");
    let text = outcome.expect(0);
    assert!(text.contains("it is somebody else's"), "{text}");
    looks.dedup();
    let chain = "ipv4 filter slappart0-whitelist";
    let owner =
        format!("ipv4 filter OUTPUT 0 -m owner --uid-owner {NOBODY} -j slappart0-whitelist");
    let permanent = "--direct --permanent";
    assert_eq!(
        looks,
        [
            format!("{permanent} --query-chain {chain}"),
            format!("{permanent} --query-rule {owner}"),
        ]
    );

    let one = "[\"10.0.0.2\", 167774465, \"2001:db8::2\", \"10.0.7.1 -j ACCEPT\", null]".to_owned();
    ask(&one);
    let (ours, digest) = follow(Whose::Ours);
    assert_eq!(
        ours,
        [
            format!("{permanent} --query-chain {chain}"),
            format!("{permanent} --add-chain {chain}"),
            format!("{permanent} --remove-rules {chain}"),
            format!("{permanent} --add-rule {chain} 0 -d 10.0.0.2 -j ACCEPT"),
            format!("{permanent} --add-rule {chain} 0 -d 10.0.9.1 -j ACCEPT"),
            format!("{permanent} --add-rule {chain} 0 -j REJECT"),
            format!("{permanent} --query-rule {owner}"),
            format!("{permanent} --add-rule {owner}"),
            "--reload".to_owned(),
        ]
    );
    assert_eq!(reached(NOBODY), [PEER]);
    assert_eq!(reached(OTHER), [PEER, STRANGER]);

    // slapos.core finds that followed, and follows another request.
    let (seen, same) = follow(Whose::Theirs);
    assert_eq!(seen, ours[..1]);
    assert_eq!(same, digest);
    ask("[\"10.0.7.1\"]");
    let (changed, changed_digest) = follow(Whose::Theirs);
    assert_eq!(reached(NOBODY), [STRANGER]);
    // Ours has nothing to do then, either, until the request is gone.
    assert_eq!(follow(Whose::Ours), (seen, changed_digest.clone()));
    let withdraw = || {
        let request = walled.site.partition(0).join(".slapos-whitelist-firewall");
        fs::remove_file(request).expect("it was written");
    };
    withdraw();
    let withdrawn = follow(Whose::Ours);
    assert_eq!(withdrawn.1, None);
    assert_eq!(reached(NOBODY), [PEER, STRANGER]);

    // The other way round, it is the same.
    ask(&one);
    assert_eq!(follow(Whose::Theirs), (ours, digest));
    ask("[\"10.0.7.1\"]");
    assert_eq!(follow(Whose::Ours), (changed, changed_digest));
    withdraw();
    assert_eq!(follow(Whose::Theirs), withdrawn);

    // What firewalld refuses leaves nobody with less than it asked for.
    ask(&one);
    let refusal = walled.site.path("refuses");
    fs::write(&refusal, "").expect("the site is ours");
    let (outcome, _) = walled.run(Whose::Ours, "node instance");
    let text = outcome.expect(1);
    assert!(text.contains("Failed to run firewalld rule"), "{text}");
    assert_eq!(reached(NOBODY), [PEER, STRANGER]);
    fs::remove_file(&refusal).expect("it was written");
    follow(Whose::Ours);
    assert_eq!(reached(NOBODY), [PEER]);

    // The next instance of the partition begins without, and without the rules
    // for it, also if no pass came by since the master wants it destroyed.
    assert!(walled.succeeds(&format!("firewall-cmd {ACCEPTING}")));
    fs::write(&record, format!("[\"{ACCEPTING}\"]")).expect("the site is ours");
    std::os::unix::fs::chown(&record, Some(0), Some(0)).expect("root may do that");
    request(&walled.site, "destroyed");
    let mut removed = vec![
        ACCEPTING.replace("--add-rule", "--query-rule"),
        ACCEPTING.replace("--add-rule", "--remove-rule"),
        "--reload".to_owned(),
    ];
    removed.extend(withdrawn.0);
    assert_eq!(walled.pass(Whose::Ours, "node report"), removed);
    let left = fs::read_dir(walled.site.partition(0)).expect("it is there");
    assert_eq!(left.count(), 0);
    assert_eq!(reached(NOBODY), [PEER, STRANGER]);
}
