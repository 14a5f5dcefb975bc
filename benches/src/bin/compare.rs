//! Compares whole processes of ours with the floor, zc.buildout and Jinja2, and prints Markdown.
//!
//! Exit codes: 0 if all wanted values are met, 1 if one is missed, 2 if no comparison could be
//! made.

use std::error::Error;
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use buildout_benches::comparison::{Bench, Benchmark};
use buildout_benches::measure::measure_child;
use buildout_benches::peers::{EggPeers, Peer, PeerError, RELEASES, install_jinja2};
use slap::test_master::RealSlapos;

const USAGE: &str = "\
usage: compare annotate|scale|noop|resolve|templates|bridge|eggs|node|promises|all [options]

  --buildout PATH       our program (default: `buildout` beside this one); `slapos` is beside it
  --runs N              runs of each contender (default: 20)
  --peer-limit SECONDS  kill a peer after this time (default: 60)
  --peers DIRECTORY     where the peers are, or will be installed (default: target/peers)
  --skip-peers          compare with the floor only
";

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).peekable();
    // How this program measures: it calls itself anew, see `measure::measure_child`.
    let result = if arguments.next_if(|first| first == "measure").is_some() {
        measure(arguments)
    } else {
        let mut arguments = arguments.map(|it| it.to_string_lossy().into_owned());
        Arguments::parse(&mut arguments)
            .map_err(|message| format!("{message}\n\n{USAGE}").into())
            .and_then(|arguments| compare(&arguments))
    };
    result.unwrap_or_else(|error| {
        let mut message = format!("error: {error}");
        let mut source = error.source();
        while let Some(cause) = source {
            message.push_str(&format!(": {cause}"));
            source = cause.source();
        }
        let _ = writeln!(io::stderr(), "{message}");
        ExitCode::from(2)
    })
}

fn measure(mut arguments: impl Iterator<Item = OsString>) -> Result<ExitCode, Box<dyn Error>> {
    let (Some(limit), Some(program)) = (arguments.next(), arguments.next()) else {
        return Err("usage: compare measure MILLISECONDS PROGRAM [ARGUMENT...]".into());
    };
    let limit = Duration::from_millis(limit.to_string_lossy().parse()?);
    let sample = measure_child(&PathBuf::from(program), arguments, limit)?;
    writeln!(io::stdout(), "{}", sample.to_line())?;
    Ok(ExitCode::SUCCESS)
}

fn compare(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let this = std::env::current_exe()?;
    let beside = this.parent().unwrap_or(Path::new("."));
    let buildout = match &arguments.buildout {
        Some(path) => std::path::absolute(path)?,
        None => beside.join("buildout"),
    };
    let floor = beside.join("floor");
    let render = beside.join("render");
    const BENCHES: &str = "build it with `cargo build --release -p buildout-benches --bins`";
    const SLAPOS: &str = "build it with `cargo build --release -p buildout-cli`";
    let slapos = buildout.with_file_name("slapos");
    let renders = arguments.benchmarks.contains(&Benchmark::Templates);
    let has_node = arguments
        .benchmarks
        .iter()
        .any(|benchmark| matches!(benchmark, Benchmark::Node | Benchmark::Promises));
    for (program, is_needed, remedy) in [
        (
            &buildout,
            true,
            "build it with `cargo build --release -p buildout-cli`, or name it with `--buildout`",
        ),
        (&floor, true, BENCHES),
        (&render, renders, BENCHES),
        (&slapos, has_node, SLAPOS),
    ] {
        if is_needed && !program.is_file() {
            return Err(format!("no program `{}`: {remedy}", program.display()).into());
        }
    }
    let directory = tempfile::tempdir()?;
    let bench = Bench {
        buildout,
        slapos,
        slapos_core: match has_node {
            true => Some(RealSlapos::install(&peer_directory(arguments, beside)?)?),
            false => None,
        },
        floor,
        render,
        peers: install_peers(arguments, beside)?,
        jinja2: install_templates_peer(arguments, beside)?,
        measures_peers: !arguments.skip_peers,
        eggs: install_egg_peers(arguments, beside)?,
        peer_limit: arguments.peer_limit,
        runs: arguments.runs,
        directory: directory.path().to_owned(),
    };
    let mut output = io::stdout();
    writeln!(output, "{}", machine())?;
    let mut misses = 0;
    for benchmark in &arguments.benchmarks {
        let report = benchmark.run(&bench)?;
        misses += report.misses();
        writeln!(output, "\n{report}")?;
        output.flush()?;
    }
    Ok(if misses == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Installs the releases of zc.buildout that are needed; one that cannot be installed is reported
/// and left out.
fn install_peers(arguments: &Arguments, beside: &Path) -> io::Result<Vec<Peer>> {
    let mut peers = Vec::new();
    let has_none = |benchmark: &Benchmark| !benchmark.measures_zc_buildout();
    if arguments.skip_peers || arguments.benchmarks.iter().all(has_none) {
        return Ok(peers);
    }
    let directory = peer_directory(arguments, beside)?;
    for release in RELEASES {
        match release.install(&directory) {
            Ok(peer) => peers.push(peer),
            Err(error) => warn(&release.label(), &error)?,
        }
    }
    Ok(peers)
}

/// Installs Jinja2 if it is needed.
fn install_templates_peer(arguments: &Arguments, beside: &Path) -> io::Result<Option<PathBuf>> {
    if arguments.skip_peers || !arguments.benchmarks.contains(&Benchmark::Templates) {
        return Ok(None);
    }
    match install_jinja2(&peer_directory(arguments, beside)?) {
        Ok(python) => Ok(Some(python)),
        Err(error) => warn("Jinja2", &error).map(|()| None),
    }
}

/// Installs what installations of eggs are compared with; theirs is the Python of all.
fn install_egg_peers(arguments: &Arguments, beside: &Path) -> io::Result<Option<EggPeers>> {
    if arguments.skip_peers || !arguments.benchmarks.contains(&Benchmark::Eggs) {
        return Ok(None);
    }
    match EggPeers::install(&peer_directory(arguments, beside)?) {
        Ok(peers) => Ok(Some(peers)),
        Err(error) => warn("the comparison of eggs", &error).map(|()| None),
    }
}

fn peer_directory(arguments: &Arguments, beside: &Path) -> io::Result<PathBuf> {
    match &arguments.peers {
        Some(path) => std::path::absolute(path),
        None => Ok(beside.parent().unwrap_or(beside).join("peers")),
    }
}

fn warn(peer: &str, error: &PeerError) -> io::Result<()> {
    let cause = error.source().map(|it| format!(": {it}"));
    writeln!(
        io::stderr(),
        "warning: {peer} is left out: {error}{}",
        cause.unwrap_or_default()
    )
}

/// Says on what machine the numbers were taken.
fn machine() -> String {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let information = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = information
        .lines()
        .find(|line| line.starts_with("model name"))
        .and_then(|line| line.split_once(':'))
        .map_or("unknown processor", |(_, model)| model.trim());
    format!("Machine: {model}, {processors} processors.")
}

struct Arguments {
    benchmarks: Vec<Benchmark>,
    buildout: Option<PathBuf>,
    runs: usize,
    peer_limit: Duration,
    peers: Option<PathBuf>,
    skip_peers: bool,
}

impl Arguments {
    fn parse(arguments: &mut dyn Iterator<Item = String>) -> Result<Self, String> {
        let mut parsed = Self {
            benchmarks: Vec::new(),
            buildout: None,
            runs: 20,
            peer_limit: Duration::from_secs(60),
            peers: None,
            skip_peers: false,
        };
        while let Some(argument) = arguments.next() {
            let mut value = || {
                let next = arguments.next();
                next.ok_or_else(|| format!("`{argument}` needs a value"))
            };
            match argument.as_str() {
                "--buildout" => parsed.buildout = Some(value()?.into()),
                "--peers" => parsed.peers = Some(value()?.into()),
                "--skip-peers" => parsed.skip_peers = true,
                "--runs" => parsed.runs = number(&argument, &value()?)?,
                "--peer-limit" => {
                    parsed.peer_limit = Duration::from_secs(number(&argument, &value()?)?);
                }
                "all" => parsed.benchmarks.extend(Benchmark::ALL),
                name => match Benchmark::ALL.iter().find(|it| it.name() == name) {
                    Some(benchmark) => parsed.benchmarks.push(*benchmark),
                    None => return Err(format!("unknown argument `{name}`")),
                },
            }
        }
        if parsed.benchmarks.is_empty() {
            return Err("no comparison named".to_owned());
        }
        Ok(parsed)
    }
}

fn number<N: std::str::FromStr + PartialOrd + Default>(
    flag: &str,
    text: &str,
) -> Result<N, String> {
    match text.parse() {
        Ok(number) if number > N::default() => Ok(number),
        _ => Err(format!(
            "`{flag}` needs a whole number above 0, not `{text}`"
        )),
    }
}
