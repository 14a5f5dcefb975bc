//! The manager `cpuset`, as root: processes of partitions get processors of
//! their own, by this node as by slapos.core.
//!
//! Both work on a directory tree that stands for the kernel's control groups, as
//! in slapos.core's own tests; and then on the kernel's, through a group of the
//! test's own that they take for the root, where the kernel still has those of
//! the first version for processors.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::managers::managed;
use crate::namespaces::Namespaces;
use crate::site::{NodeSite, Outcome, Whose, outcome};

const REQUEST: &str = ".slapos-cpu-exclusive";

/// What both programs take for the root of the control groups.
const ROOT: &str = "/sys/fs/cgroup/cpuset";

/// Processes that wait to be moved.
struct Sleepers(Vec<Child>);

impl Sleepers {
    /// Begins one as each of these users.
    fn of(users: &[&str]) -> Self {
        let sleeper = |user: &&str| {
            Command::new("setpriv")
                .args([format!("--reuid={user}"), format!("--regid={user}")])
                .args(["--clear-groups", "sleep", "1000000"])
                .stdin(Stdio::null())
                .spawn()
                .expect("setpriv can be run")
        };
        Sleepers(users.iter().map(sleeper).collect())
    }

    fn number(&self, index: usize) -> u32 {
        self.0[index].id()
    }

    fn lines(&self, range: std::ops::Range<usize>) -> String {
        let sleepers = self.0[range].iter();
        sleepers.map(|it| format!("{}\n", it.id())).collect()
    }
}

impl Drop for Sleepers {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Where processes are moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Files,
    Kernel,
}

/// Control groups, or what stands for them, with the sleepers in them.
struct Groups<'a> {
    namespaces: Namespaces,
    site: &'a NodeSite,
}

impl<'a> Groups<'a> {
    /// Makes them with the kernel, or as files; also as files where the kernel
    /// has none, or not several processors.
    fn new(site: &'a NodeSite, sleepers: &Sleepers, place: Place) -> Self {
        let script = format!(
            "cd {base}
mkdir -p hierarchy tree
find tree -mindepth 1 -delete
group=hierarchy/node-test-{test}
root=tree
if {wants_kernel} && mount -t cgroup -o cpuset cpuset hierarchy && grep -q ^0- hierarchy/cpuset.cpus; then
  mkdir $group
  if cp hierarchy/cpuset.cpus $group/ && cp hierarchy/cpuset.mems $group/ && echo 1 > $group/cpuset.cpu_exclusive
  then root=$group
  else rmdir $group
  fi
fi
if [ $root = tree ]; then echo 0-2 > tree/cpuset.cpus; : > tree/tasks; fi
for process in {processes}; do echo $process >> $root/tasks; done
mount -t tmpfs control-groups /sys/fs/cgroup
mkdir {ROOT}
mount --bind $root {ROOT}
echo $root > root",
            base = site.root().display(),
            test = std::process::id(),
            wants_kernel = place == Place::Kernel,
            processes = sleepers.lines(0..sleepers.0.len()).replace('\n', " "),
        );
        Groups {
            namespaces: Namespaces::of_mounts(&script),
            site,
        }
    }

    /// Tells whether the kernel moves processes here.
    fn is_kernel(&self) -> bool {
        let root = fs::read_to_string(self.site.path("root")).expect("it was written");
        root.trim() != "tree"
    }

    fn script(&self, script: &str) -> String {
        let mut command = self.namespaces.call(Path::new("sh"), self.site.root());
        outcome(command.args(["-ec", script])).expect(0)
    }

    fn run(&self, command: &Command) -> Outcome {
        outcome(&mut self.namespaces.entered(command))
    }

    /// Has slapos.core's manager make the groups. Its `node format` tells it
    /// nothing where there is a definition file.
    fn format_by_slapos_core(&self) {
        let python = self.site.slapos.program("python");
        let mut command = self.namespaces.call(&python, self.site.root());
        let script = "from slapos.manager import cpuset; cpuset.Manager({}).format(None)";
        outcome(command.args(["-c", script])).expect(0);
    }

    /// Returns all that there is to see: the groups with their processes, and on
    /// which processors those may run.
    fn picture(&self, sleepers: &Sleepers) -> String {
        let settings = self.script(&format!(
            "for file in {ROOT}/cpu[0-9]*/cpuset.cpus {ROOT}/cpu[0-9]*/cpuset.cpu_exclusive {ROOT}/cpu[0-9]*/cpuset.mems; do echo $file $(cat $file); done
for set in {ROOT} {ROOT}/cpu[0-9]*; do echo $set $(sort $set/tasks 2>/dev/null); done"
        ));
        let allowed = sleepers.0.iter().map(|sleeper| {
            let status = fs::read_to_string(format!("/proc/{}/status", sleeper.id()));
            let status = status.expect("it sleeps");
            let line = status
                .lines()
                .find(|line| line.starts_with("Cpus_allowed_list:"));
            format!("{} {}\n", sleeper.id(), line.expect("Linux tells"))
        });
        let request = fs::read_to_string(self.site.partition(0).join(REQUEST));
        format!(
            "{settings}{}request: {:?}",
            allowed.collect::<String>(),
            request.ok()
        )
    }
}

impl Drop for Groups<'_> {
    /// Removes the group from the kernel, which another one of the same
    /// processors would be in conflict with.
    fn drop(&mut self) {
        if !self.is_kernel() {
            return;
        }
        let mut command = self.namespaces.call(Path::new("sh"), self.site.root());
        let script = format!(
            "cat {ROOT}/tasks {ROOT}/cpu[0-9]*/tasks | while read process; do echo $process > hierarchy/tasks || true; done
umount {ROOT}
rmdir $(cat root)/cpu[0-9]* $(cat root)"
        );
        let _ = command.args(["-c", &script]).status();
    }
}

#[test]
fn processes_get_processors_as_with_slapos_core() {
    // Without the manager, which would find the machine's own control groups.
    let site = managed(NodeSite::new(1), "");
    site.run("node instance").expect(0);
    // Three of the partition's user, and one of another's.
    let mut sleepers = Sleepers::of(&["65534", "65534", "65534", "65533"]);
    let request = site.partition(0).join(REQUEST);
    let ask = |text: &str| {
        fs::write(&request, text).expect("the site is ours");
        site.give(&request);
    };
    let configuration = site.path("slapos.cfg");
    let closed = fs::read_to_string(&configuration).expect("the site works");
    let closed = closed.replace("manager_list = \n", "manager_list = cpuset\n");
    let open = closed.replacen("[slapos]\n", "[slapos]\npower_user_list = root nobody\n", 1);

    let mut pictures = Vec::new();
    for (place, whose) in [
        (Place::Files, Whose::Theirs),
        (Place::Files, Whose::Ours),
        (Place::Kernel, Whose::Theirs),
        (Place::Kernel, Whose::Ours),
    ] {
        let groups = Groups::new(&site, &sleepers, place);
        if place == Place::Kernel && !groups.is_kernel() {
            println!("there are no control groups of several processors here");
            break;
        }
        let run = |words: &str| groups.run(&site.command_of(whose, words)).expect(0);
        let mut seen = Vec::new();
        fs::write(&configuration, &closed).expect("the site works");
        ask(&sleepers.lines(0..3));
        let text = run("node instance");
        assert!(text.contains("is not cpuset-formatted"), "{text}");
        // Another time, it is all there.
        for _ in 0..2 {
            match whose {
                Whose::Ours => drop(run("node format --now")),
                Whose::Theirs => groups.format_by_slapos_core(),
            }
        }
        seen.push(groups.picture(&sleepers));
        let text = run("node instance");
        assert!(
            text.contains("User nobody not allowed to modify cpuset!"),
            "{text}"
        );
        seen.push(groups.picture(&sleepers));
        fs::write(&configuration, &open).expect("the site works");
        run("node instance");
        seen.push(groups.picture(&sleepers));
        // Those who have a processor keep it.
        ask(&sleepers.lines(0..2));
        run("node instance");
        seen.push(groups.picture(&sleepers));
        pictures.push(seen);
        if let [.., theirs, ours] = &pictures[..]
            && whose == Whose::Ours
        {
            assert_eq!(ours, theirs, "{place:?}");
        }
    }

    // What slapos.core fails at: processes that are gone, words that are none;
    // and what it does: moving the processes of others.
    let groups = Groups::new(&site, &sleepers, Place::Kernel);
    groups.run(&site.command("node format --now")).expect(0);
    let gone = sleepers.number(0);
    let mut first = sleepers.0.remove(0);
    first.kill().expect("it sleeps");
    first.wait().expect("it is a child");
    let (own, foreign) = (sleepers.number(0), sleepers.number(2));
    ask(&format!("{gone}\nword\n{foreign}\n{own}\n"));
    let text = groups.run(&site.command("node instance")).expect(0);
    for expected in [
        format!("Process {gone} is gone"),
        "\"word\" is not the number of a process".to_owned(),
        format!("Process {foreign} is another user's"),
    ] {
        assert!(text.contains(&expected), "{expected}: {text}");
    }
    let picture = groups.picture(&sleepers);
    assert!(
        picture.contains(&format!("{ROOT}/cpu1 {own}\n")),
        "{picture}"
    );
    assert!(picture.ends_with("request: Some(\"\")"), "{picture}");
    if groups.is_kernel() {
        let moved = format!("{own} Cpus_allowed_list:\t1\n");
        assert!(picture.contains(&moved), "{picture}");
    }
}
