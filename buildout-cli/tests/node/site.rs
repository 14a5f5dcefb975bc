//! A node with its own master, in a directory of its own.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use slap::test_master::{COMPUTER_ID, RealSlapos, TestMaster};
use slap::{ComputerPartition, Master as _};
use slapgrid::release_name;
use slapgrid::supervisor::{ProcessInfo, Supervisor};

/// The user who owns releases and partitions where the tests are run by root.
const NOBODY: u32 = 65534;

/// What a command did.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) text: String,
}

impl Outcome {
    /// Checks the exit code.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> String {
        assert_eq!(self.code, code, "{}", self.text);
        self.text
    }
}

/// Who does what both can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// This node.
    Ours,
    /// slapos.core's.
    Theirs,
}

/// A call of our program that runs.
pub(crate) struct Started(Child);

impl Started {
    /// Waits for its end.
    pub(crate) fn wait(self) -> Outcome {
        outcome_of(&self.0.wait_with_output().expect("it is a child"))
    }
}

/// A node with its master.
pub(crate) struct NodeSite {
    root: tempfile::TempDir,
    pub(crate) slapos: RealSlapos,
    pub(crate) master: TestMaster,
    program: PathBuf,
    /// Whether all commands are an ordinary user's.
    ordinary: bool,
}

impl NodeSite {
    /// Starts a master and prepares a node with so many partitions; where the
    /// tests are run by root, it is root's.
    pub(crate) fn new(partitions: usize) -> Self {
        Self::of_user(partitions, false)
    }

    /// The same, with its own release built, and requested as `hello`.
    pub(crate) fn with_hello(partitions: usize) -> Self {
        let site = Self::new(partitions);
        let url = site.own_release();
        site.run("node format --now").expect(0);
        site.run(&format!("supply {url} local")).expect(0);
        site.run("node software").expect(0);
        site.run(&format!("request hello {url}")).expect(0);
        site
    }

    /// The same as [`NodeSite::new`] for an ordinary user's node, whoever runs the tests. Root's
    /// Python is in directories that nobody else may enter, so where programs
    /// of slapos.core are run by the owner of releases, that cannot be another
    /// user.
    pub(crate) fn ordinary(partitions: usize) -> Self {
        Self::of_user(partitions, true)
    }

    fn of_user(partitions: usize, ordinary: bool) -> Self {
        let slapos = RealSlapos::installed(env!("CARGO_TARGET_TMPDIR"));
        let root = tempfile::Builder::new()
            .prefix("node-")
            .tempdir()
            .expect("a temporary directory can be made");
        let program = for_everybody(root.path());
        let master = TestMaster::start(&slapos, &root.path().join("master"));
        let site = NodeSite {
            slapos,
            master,
            program,
            ordinary,
            root,
        };
        site.prepare(partitions);
        site
    }

    fn prepare(&self, partitions: usize) {
        for name in ["soft", "inst", "shared", "profiles", "run"] {
            let path = self.path(name);
            fs::create_dir(&path).expect("the site is ours");
            self.give(&path);
        }
        let mut definition = String::from("[computer]\naddress = 127.0.0.1/255.255.255.255\n");
        let user = if is_root() {
            "nobody".to_owned()
        } else {
            own_name()
        };
        for number in 0..partitions {
            let path = self.partition(number);
            fs::create_dir(&path).expect("the site is ours");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).expect("it is ours");
            self.give(&path);
            definition.push_str(&format!(
                "[partition_{number}]\naddress = 127.0.0.1/255.255.255.255\npathname = slappart{number}\nuser = {user}\nnetwork_interface =\n"
            ));
        }
        fs::write(self.path("definition.cfg"), definition).expect("the site is ours");
        let text = self.configuration_text(partitions);
        fs::write(self.path("slapos.cfg"), text).expect("the site is ours");
    }

    fn configuration_text(&self, partitions: usize) -> String {
        let base = self.root.path().display();
        let supervisord = self.slapos.program("supervisord");
        format!(
            "[slapos]
software_root = {base}/soft
instance_root = {base}/inst
shared_part_list =
  {base}/shared
master_url = {url}
master_rest_url = {url}/hateoas
computer_id = {COMPUTER_ID}
root_check = False
supervisord = {supervisord}
software_min_free_space = 1M
instance_min_free_space = 1M
pidfile_software = {base}/run/software.pid
pidfile_instance = {base}/run/instance.pid
pidfile_report = {base}/run/report.pid

[slapformat]
input_definition_file = {base}/definition.cfg
computer_xml = {base}/computer.xml
partition_amount = {partitions}
alter_user = False
alter_network = False
create_tap = False
",
            url = self.master.url(),
            supervisord = supervisord.display(),
        )
    }

    /// Gives a path to the user of releases and partitions.
    pub(crate) fn give(&self, path: &Path) {
        if is_root() && !self.ordinary {
            chown(path, Some(NOBODY), Some(NOBODY)).expect("root may do that");
        }
    }

    /// Returns the directory of everything.
    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    /// Returns a path of the site.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.path().join(relative)
    }

    /// Returns the directory of a partition.
    pub(crate) fn partition(&self, number: usize) -> PathBuf {
        self.path(&format!("inst/slappart{number}"))
    }

    /// Writes the profile of a release, and returns its URL.
    pub(crate) fn profile(&self, name: &str, text: &str) -> String {
        let path = self.path("profiles").join(name);
        fs::create_dir_all(path.parent().expect("it has one")).expect("the site is ours");
        fs::write(&path, text).expect("the site is ours");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("it is ours");
        path.to_string_lossy().into_owned()
    }

    /// Writes a release whose instances have this profile, and returns its URL.
    pub(crate) fn release_with_instance(&self, name: &str, instance: &str) -> String {
        let instance = self.profile(&format!("{name}/instance.cfg.in"), instance);
        let text = format!(
            "[buildout]
parts = instance
[instance]
recipe = slapos.recipe.template:jinja2
url = {instance}
output = ${{buildout:directory}}/instance.cfg
"
        );
        self.profile(&format!("{name}/software.cfg"), &text)
    }

    /// Copies the project's own release, and returns its URL.
    pub(crate) fn own_release(&self) -> String {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../profiles/node-hello");
        for name in ["greet.in", "instance.cfg.in", "software.cfg"] {
            let text = fs::read_to_string(source.join(name)).expect("the profile is there");
            self.profile(&format!("node-hello/{name}"), &text);
        }
        let path = self.path("profiles/node-hello/software.cfg");
        path.to_string_lossy().into_owned()
    }

    /// Returns the directory of a release.
    pub(crate) fn release(&self, url: &str) -> PathBuf {
        self.path("soft").join(release_name(url))
    }

    /// Returns a call of our program.
    pub(crate) fn command(&self, words: &str) -> Command {
        let mut command = self.started(&self.program);
        command
            .args(words.split_whitespace())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LC_ALL", "C.UTF-8")
            .env("HOME", self.root.path())
            .env("SLAPOS_CONFIGURATION", self.path("slapos.cfg"))
            .env("SLAPOS_CLIENT_CONFIGURATION", self.path("slapos.cfg"))
            .current_dir(self.root.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs our program.
    pub(crate) fn run(&self, words: &str) -> Outcome {
        outcome(&mut self.command(words))
    }

    /// Starts our program.
    pub(crate) fn start(&self, words: &str) -> Started {
        let mut command = self.command(words);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Started(command.spawn().expect("the program can be run"))
    }

    /// Kills supervisord, and waits until it is gone.
    pub(crate) fn kill_supervisord(&self) {
        let text = fs::read_to_string(self.path("inst/var/run/supervisord.pid"));
        let number = text.expect("supervisord runs").trim().to_owned();
        let status = Command::new("kill").args(["-KILL", &number]).status();
        assert!(status.expect("kill can be run").success());
        let gone = || {
            let state = fs::read_to_string(format!("/proc/{number}/stat"));
            // It stays as long as nobody asks how it ended.
            state.map_or(true, |text| text.contains(") Z "))
        };
        let end = Instant::now() + Duration::from_secs(60);
        while !gone() {
            assert!(Instant::now() < end, "supervisord {number} does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Runs a command of slapos.core's node.
    pub(crate) fn run_python(&self, words: &str) -> Outcome {
        outcome(&mut self.python_command(words))
    }

    /// Returns a call of slapos.core's node.
    pub(crate) fn python_command(&self, words: &str) -> Command {
        let mut command = self.started(&self.slapos.program("slapos"));
        command
            .args(words.split_whitespace())
            .arg("--cfg")
            .arg(self.path("slapos.cfg"))
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LC_ALL", "C.UTF-8")
            .env("HOME", self.root.path())
            .current_dir(self.root.path())
            .stdin(Stdio::null());
        command
    }

    /// Returns a call of one of the nodes.
    pub(crate) fn command_of(&self, whose: Whose, words: &str) -> Command {
        match whose {
            Whose::Ours => self.command(words),
            Whose::Theirs => self.python_command(words),
        }
    }

    /// Returns a call of a program by the user of the node.
    fn started(&self, program: &Path) -> Command {
        if self.ordinary {
            return by_ordinary_user(program);
        }
        Command::new(program)
    }

    /// Returns what the master says about a partition.
    pub(crate) fn wanted(&self, number: usize) -> ComputerPartition {
        let computer = self.master.client().full_computer_information(COMPUTER_ID);
        let computer = computer.expect("the master answers");
        let name = format!("slappart{number}");
        let mut partitions = computer.partitions.into_iter();
        partitions
            .find(|partition| partition.reference.partition_id == name)
            .expect("the partition is there")
    }

    /// Returns a process under supervisord.
    pub(crate) fn process(&self, name: &str) -> Option<ProcessInfo> {
        self.supervisor().process(name).ok()
    }

    pub(crate) fn supervisor(&self) -> Supervisor {
        Supervisor::at(&self.path("inst/sv.sock"))
    }
}

impl Drop for NodeSite {
    fn drop(&mut self) {
        let pid_file = self.path("inst/var/run/supervisord.pid");
        let Ok(process) = fs::read_to_string(&pid_file) else {
            return;
        };
        let process = PathBuf::from("/proc").join(process.trim());
        if self.supervisor().shutdown().is_err() {
            return;
        }
        // Its directory is removed next.
        let end = Instant::now() + Duration::from_secs(30);
        while process.exists() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Runs a program to its end.
pub(crate) fn outcome(command: &mut Command) -> Outcome {
    outcome_of(&command.output().expect("the program can be run"))
}

fn outcome_of(output: &Output) -> Outcome {
    Outcome {
        code: output.status.code().unwrap_or(-1),
        text: format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        ),
    }
}

/// Opens a directory to everybody, and returns our program where everybody can
/// run it: homes of users are closed to others.
fn for_everybody(directory: &Path) -> PathBuf {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_slapos"));
    if !is_root() {
        return program;
    }
    let everybody = fs::Permissions::from_mode(0o755);
    fs::set_permissions(directory, everybody).expect("it is ours");
    let copy = directory.join("slapos");
    fs::copy(&program, &copy).expect("the program can be copied");
    copy
}

/// Returns a call of a program by an ordinary user. Where the tests are run by
/// root, it is root under another number, in a namespace of its own.
pub(crate) fn by_ordinary_user(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("unshare");
    command
        .args([
            "--user".to_owned(),
            format!("--map-user={NOBODY}"),
            format!("--map-group={NOBODY}"),
        ])
        .arg(program);
    command
}

/// Tells whether this process is root's.
pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|it| it.uid() == 0)
}

fn own_name() -> String {
    let user = fs::metadata("/proc/self").expect("it is there").uid();
    let accounts = slapgrid::Accounts::of_machine();
    let account = accounts.by_number(user);
    account.expect("this user has a name").name.clone()
}
