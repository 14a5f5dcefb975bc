//! The program `slapos`.

use std::process::ExitCode;

fn main() -> ExitCode {
    buildout_cli::run_process(buildout_cli::run_slapos)
}
