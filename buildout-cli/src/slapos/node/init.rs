//! `slapos node init DIRECTORY`: a node that works without root, with a master.
//!
//! The master is `slapos proxy` of slapos.core, which supervisord runs beside
//! the instances. It comes from PyPI into a virtual environment in the
//! directory, unless one is named that has it, or another master is there
//! already. supervisord is the node's own, or that of the environment that is
//! named.

use std::fs;
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use slap::Master as _;
use slapgrid::format::{FormatConfiguration, FormatEnd, format_computer};
use slapgrid::supervisor::{Groups, Supervisor, update};
use slapgrid::{Node, error_chain};

use super::super::arguments::{ConfigurationArgument, InitArguments};
use super::super::context::Context;
use crate::Stop;
use buildout_core::exec::shell_quote::quote;

/// What the virtual environment holds: versions that work together, which the
/// tests use as well. slapos.core does not say that it needs
/// `slapos.libnetworkcache`.
const REQUIREMENTS: [&str; 4] = [
    "slapos.core==1.26.1",
    "slapos.libnetworkcache==0.30",
    "zc.buildout==3.3",
    "setuptools==75.8.2",
];

/// How long the master may take to answer.
const WAITING: Duration = Duration::from_secs(90);

/// The longest path of the directory: below it, the path of supervisord's socket
/// must fit into the system's 107 bytes.
const LONGEST_PATH: usize = 85;

pub(super) fn run(context: &Context<'_>, arguments: &InitArguments) -> Result<(), Stop> {
    if context.is_root() {
        return Err(Stop::message("a node without root cannot be made by root")
            .with_hint("run the command as the user who is to own the node"));
    }
    let base = Path::new(&context.surroundings.working_directory).join(&arguments.directory);
    if base.as_os_str().len() > LONGEST_PATH {
        return Err(Stop::message(format!(
            "the path `{}` is too long for sockets below it",
            base.display()
        ))
        .with_hint(format!("choose one of at most {LONGEST_PATH} bytes")));
    }
    let place = Place {
        environment: match &arguments.environment {
            Some(directory) => Path::new(&context.surroundings.working_directory).join(directory),
            None => base.join("venv"),
        },
        base,
        arguments,
    };
    place.write_files()?;
    context
        .log
        .info(format!("Wrote {}", place.configuration().display()));
    if arguments.no_start {
        tell_next(context, &place);
        return Ok(());
    }
    if arguments.environment.is_none() && arguments.master_url.is_none() {
        place.make_environment(context)?;
    }
    start(context, &place)?;
    tell_next(context, &place);
    Ok(())
}

/// Where the node is made.
struct Place<'a> {
    base: PathBuf,
    environment: PathBuf,
    arguments: &'a InitArguments,
}

impl Place<'_> {
    fn configuration(&self) -> PathBuf {
        self.base.join("etc/slapos.cfg")
    }

    fn master_url(&self) -> String {
        match &self.arguments.master_url {
            Some(url) => url.clone(),
            None => format!(
                "http://{}:{}/",
                bracketed(&self.arguments.address),
                self.arguments.port
            ),
        }
    }

    fn program(&self, name: &str) -> PathBuf {
        self.environment.join("bin").join(name)
    }

    /// Makes the directories and the files that are not there.
    fn write_files(&self) -> Result<(), Stop> {
        let directories = [
            ("etc", 0o750),
            ("soft", 0o755),
            ("inst", 0o755),
            ("shared", 0o755),
            ("var", 0o750),
            ("var/log", 0o750),
            ("var/run", 0o750),
        ];
        fs::create_dir_all(&self.base).map_err(|error| cannot("create", &self.base, &error))?;
        for (name, mode) in directories {
            let path = self.base.join(name);
            fs::create_dir_all(&path).map_err(|error| cannot("create", &path, &error))?;
            fs::set_permissions(&path, fs::Permissions::from_mode(mode))
                .map_err(|error| cannot("set the mode of", &path, &error))?;
        }
        self.write("etc/slapos.cfg", &self.configuration_text())?;
        self.write("etc/partitions.cfg", &self.definition_text())
    }

    /// Writes a file; one with other contents is somebody's work.
    fn write(&self, name: &str, text: &str) -> Result<(), Stop> {
        let path = self.base.join(name);
        match fs::read(&path) {
            Ok(old) if old == text.as_bytes() => return Ok(()),
            Ok(_) => {
                return Err(Stop::message(format!("{} already exists.", path.display()))
                    .with_hint("choose another directory, or remove the file"));
            }
            Err(_) => {}
        }
        slapgrid::update_file(&path, text.as_bytes(), 0o640)
            .map(drop)
            .map_err(|error| Stop::message(error_chain(&error)))
    }

    fn configuration_text(&self) -> String {
        // `%` begins an expression there.
        let base = self.base.display().to_string().replace('%', "%%");
        let environment = self.environment.display().to_string().replace('%', "%%");
        // The node has its own, but for whoever brings one.
        let supervisord = match self.arguments.environment {
            Some(_) => format!("supervisord = {environment}/bin/supervisord\n"),
            None => String::new(),
        };
        let url = self.master_url();
        let rest = url.trim_end_matches('/');
        let InitArguments {
            partitions,
            address,
            port,
            computer_id,
            ..
        } = self.arguments;
        format!(
            "# A node that needs no root, made by `slapos node init`.
[slapos]
software_root = {base}/soft
instance_root = {base}/inst
shared_part_list =
  {base}/shared
master_url = {url}
master_rest_url = {rest}/hateoas
computer_id = {computer_id}
root_check = False
{supervisord}pidfile_software = {base}/var/run/software.pid
pidfile_instance = {base}/var/run/instance.pid
pidfile_report = {base}/var/run/report.pid

[slapformat]
input_definition_file = {base}/etc/partitions.cfg
computer_xml = {base}/etc/computer.xml
partition_amount = {partitions}
alter_user = False
alter_network = False
create_tap = False

[slapproxy]
slapos = {environment}/bin/slapos
host = {address}
port = {port}
database_uri = {base}/var/proxy.db
"
        )
    }

    fn definition_text(&self) -> String {
        let user = rustix::process::geteuid().as_raw();
        let accounts = slapgrid::Accounts::of_machine();
        let user = accounts
            .by_number(user)
            .map_or_else(|| user.to_string(), |account| account.name.clone());
        let address = &self.arguments.address;
        let netmask = netmask(address);
        let mut text = format!("[computer]\naddress = {address}/{netmask}\n");
        for number in 0..self.arguments.partitions {
            let both = if address.contains(':') {
                format!(
                    "127.0.0.1/{} {address}/{netmask}",
                    self::netmask("127.0.0.1")
                )
            } else {
                format!("{address}/{netmask} ::1/{}", self::netmask("::1"))
            };
            text.push_str(&format!(
                "\n[partition_{number}]\naddress = {both}\npathname = slappart{number}\nuser = {user}\nnetwork_interface =\n"
            ));
        }
        text
    }

    /// Makes the virtual environment, unless it holds everything.
    fn make_environment(&self, context: &Context<'_>) -> Result<(), Stop> {
        let complete = self.environment.join("complete");
        let requirements = REQUIREMENTS.join("\n");
        if fs::read(&complete).is_ok_and(|text| text == requirements.as_bytes()) {
            return Ok(());
        }
        context.log.info("Installing slapos.core from PyPI ...");
        let mut venv = Command::new("python3");
        venv.args(["-m", "venv"]).arg(&self.environment);
        self.execute(venv)?;
        let mut pip = Command::new(self.program("python"));
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]);
        pip.args(REQUIREMENTS);
        self.execute(pip)?;
        fs::write(&complete, requirements).map_err(|error| cannot("write", &complete, &error))
    }

    fn execute(&self, mut command: Command) -> Result<(), Stop> {
        let shown = format!("{command:?}");
        let output = command
            .stdin(Stdio::null())
            .current_dir(&self.base)
            .output()
            .map_err(|error| Stop::message(format!("failed to start {shown}: {error}")))?;
        if output.status.success() {
            return Ok(());
        }
        Err(Stop::message(format!(
            "{shown} failed:\n{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        ))
        .with_hint("with `--environment DIRECTORY` a virtual environment of yours is used"))
    }

    /// Returns the file by which supervisord runs the master.
    fn master_program(&self) -> String {
        let base = self.base.display().to_string().replace('%', "%%");
        let slapos = self.program("slapos");
        let slapos = slapos.display().to_string().replace('%', "%%");
        format!(
            "[program:slapproxy]
command={slapos} proxy start --cfg {base}/etc/slapos.cfg
directory={base}
autostart=true
autorestart=true
startsecs=1
startretries=20
stopasgroup=true
killasgroup=true
redirect_stderr=true
stdout_logfile={base}/var/log/proxy.log
stdout_logfile_maxbytes=1MB
stdout_logfile_backups=1
"
        )
    }
}

fn bracketed(address: &str) -> String {
    if address.contains(':') {
        format!("[{address}]")
    } else {
        address.to_owned()
    }
}

fn netmask(address: &str) -> &'static str {
    if address.contains(':') {
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
    } else {
        "255.255.255.255"
    }
}

fn cannot(verb: &str, path: &Path, error: &io::Error) -> Stop {
    Stop::message(format!("failed to {verb} `{}`: {error}", path.display()))
}

/// Starts supervisord with the master, and tells the master of the partitions.
fn start(context: &Context<'_>, place: &Place<'_>) -> Result<(), Stop> {
    let argument = ConfigurationArgument {
        cfg: Some(place.configuration().to_string_lossy().into_owned()),
    };
    let options = context.options(&argument, IndexMap::new())?;
    let node = context.node_of(&options)?;
    let launcher = node.launcher();
    launcher
        .write_configuration()
        .map_err(|error| context.fail(&error, error.hint(), 1))?;
    if place.arguments.master_url.is_none() {
        let running = Supervisor::at(&node.layout().socket()).processes();
        let has_master = running.is_ok_and(|processes| {
            processes
                .iter()
                .any(|info| info.name == "slapproxy" && info.is_running())
        });
        if !has_master {
            check_port(place.arguments)?;
        }
        let path = node.layout().group("slapproxy");
        slapgrid::update_file(&path, place.master_program().as_bytes(), 0o600)
            .map_err(|error| context.fail(&error, None, 1))?;
    }
    let supervisor = launcher
        .launch(&node.log, &node.cancellation)
        .map_err(|error| context.fail(&error, error.hint(), 1))?;
    update(&supervisor, Groups::All, &node.log).map_err(|error| context.fail(&error, None, 1))?;
    await_master(context, &node)?;
    let configuration = FormatConfiguration::read(&options, context.is_root())
        .map_err(|error| context.fail_configuration(&error))?;
    let end = format_computer(&configuration, &*node.master, &node.log, false)
        .map_err(|error| context.fail(&error, error.hint().as_deref(), 1))?;
    match end {
        FormatEnd::Success => Ok(()),
        FormatEnd::Offline => Err(Stop::Code(end.exit_code())),
    }
}

/// Checks that the master can have its port: another one that answers there
/// would be told of our partitions.
fn check_port(arguments: &InitArguments) -> Result<(), Stop> {
    let InitArguments { address, port, .. } = arguments;
    match TcpListener::bind((address.as_str(), *port)) {
        Ok(_) => Ok(()),
        Err(error) => Err(Stop::message(format!(
            "the master cannot listen at {}:{port}: {error}",
            bracketed(address)
        ))
        .with_hint("choose another one with `--address` and `--port`")),
    }
}

/// Waits until the master answers anything.
fn await_master(context: &Context<'_>, node: &Node) -> Result<(), Stop> {
    node.log.info("Waiting for the master ...");
    let begin = Instant::now();
    loop {
        match node.master.hateoas_url() {
            Err(error) if error.is_master_lost() && begin.elapsed() < WAITING => {
                if node.cancellation.is_cancelled() {
                    return Err(Stop::Code(1));
                }
                sleep(Duration::from_millis(200));
            }
            // It answers, if only that it has nothing like that.
            Err(error) if error.is_master_lost() => {
                return Err(context.fail(
                    &error,
                    Some("`var/log/proxy.log` in the node's directory tells why it does not start"),
                    1,
                ));
            }
            _ => return Ok(()),
        }
    }
}

fn tell_next(context: &Context<'_>, place: &Place<'_>) {
    let path = place.configuration();
    let path = quote(&path.to_string_lossy()).into_owned();
    let computer = &place.arguments.computer_id;
    context.streams.out(&format!(
        "The node is in {}. To use it:

  export SLAPOS_CONFIGURATION={path} SLAPOS_CLIENT_CONFIGURATION={path}
  slapos supply URL {computer}
  slapos node software
  slapos request NAME URL
  slapos node instance
  slapos node list
",
        place.base.display()
    ));
}
