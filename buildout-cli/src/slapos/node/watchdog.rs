//! `slapos watchdog`, which supervisord runs.

use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use slap::{HttpMaster, HttpMasterOptions, Master};
use slapgrid::Watchdog;

use crate::{Stop, Streams};

pub(in super::super) fn run(words: &[String], streams: &Streams) -> Result<(), Stop> {
    let option = |name: &str| {
        let place = words.iter().position(|word| word == name)?;
        words.get(place + 1).cloned()
    };
    let required = |name: &str| {
        option(name)
            .ok_or_else(|| Stop::message(format!("watchdog needs {name}; supervisord runs it")))
    };
    let url = required("--master-url")?;
    let certificates = option("--certificate-repository-path").map(PathBuf::from);
    let master = |partition: &str| -> Box<dyn Master> {
        let mut options = HttpMasterOptions::new(url.clone());
        let file = |ending: &str| {
            let path = certificates
                .as_deref()?
                .join(format!("{partition}.{ending}"));
            Path::exists(&path).then_some(path)
        };
        options.certificate_file = file("crt");
        options.key_file = file("key");
        Box::new(HttpMaster::new(options))
    };
    let watchdog = Watchdog {
        instance_root: PathBuf::from(required("--instance-root")?),
        computer_id: required("--computer-id")?,
        master: &master,
    };
    // The protocol is for these alone, whoever else the streams are for.
    let mut input = BufReader::new(io::stdin());
    let mut errors = |text: &str| streams.err(&format!("{text}\n"));
    watchdog
        .serve(&mut input, &mut io::stdout(), &mut errors)
        .map_err(|error| Stop::message(format!("supervisord cannot be understood: {error}")))
}
