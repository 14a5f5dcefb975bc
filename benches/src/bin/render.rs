//! Renders all templates of a directory with the engine of `slapos.recipe.template:jinja2`, and
//! prints how long it took: `render DIRECTORY ROUNDS`. `comparison/render.py` does the same with
//! Python's Jinja2.
//!
//! The directory has a file `context`, a literal of Python, and templates `*.in`. The first
//! rendering of each is one number, the shortest of the following rounds over all another one.

use std::error::Error;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use buildout_benches::templates::{read_context, rendering};
use buildout_recipes::jinja2::{NativeEngine, Rendering, TemplateEngine as _};
use sha2::{Digest as _, Sha256};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(directory), Some(rounds)) = (arguments.next(), arguments.next()) else {
        return Err("usage: render DIRECTORY ROUNDS".into());
    };
    let rounds: usize = rounds.to_string_lossy().parse()?;
    let renderings = read(Path::new(&directory))?;
    let engine = NativeEngine::default();
    let mut digest = Sha256::new();
    let mut first = Duration::ZERO;
    for rendering in &renderings {
        let start = Instant::now();
        let text = engine.render(rendering);
        first += start.elapsed();
        let text =
            text.map_err(|error| format!("{} line {}: {error}", rendering.name, error.line))?;
        digest.update(text.as_bytes());
        digest.update(b"\0");
    }
    let mut warm = Duration::MAX;
    for _ in 0..rounds {
        let mut round = Duration::ZERO;
        for rendering in &renderings {
            let start = Instant::now();
            let text = engine.render(rendering)?;
            round += start.elapsed();
            std::hint::black_box(text);
        }
        warm = warm.min(round);
    }
    let digest: String = digest
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    writeln!(
        io::stdout(),
        "{} {} 0 {digest}",
        first.as_nanos(),
        warm.as_nanos()
    )?;
    Ok(())
}

fn read(directory: &Path) -> Result<Vec<Rendering>, Box<dyn Error>> {
    let context = read_context(&std::fs::read_to_string(directory.join("context"))?)?;
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "in") {
            paths.push(path);
        }
    }
    paths.sort();
    let mut renderings = Vec::new();
    for path in paths {
        let source = std::fs::read_to_string(&path)?;
        renderings.push(rendering(&path.to_string_lossy(), &source, &context));
    }
    Ok(renderings)
}
