//! The watchdog: an event listener of supervisord that tells the master of
//! services that ended by themselves.
//!
//! supervisord writes a line of `key:value` words, then as many bytes as `len`
//! says; the listener answers `RESULT 2\nOK`, or `RESULT 4\nFAIL` to be told
//! again.

use std::collections::HashMap;
use std::io::{self, BufRead, Read as _, Write};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use slap::{Master, PartitionReference};

use crate::bang::{BangError, BangLedger, Banged};
use crate::child::error_chain;
use crate::files::{read_text, replace_file};
use crate::instance::check_name;
use crate::supervisor::configuration::WATCHED;

/// How long is waited before an event is refused, the first time and at most:
/// supervisord sends what was refused again at once. It waits for ten seconds
/// before it kills a watchdog that is to end.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// The longest event that is read.
const LONGEST_EVENT: usize = 1024 * 1024;

/// The file that says for which timestamp the master was told.
const LATEST_BANG: &str = ".slapos_latest_bang_timestamp";

/// Returns the `key:value` words of a text.
fn words(text: &str) -> HashMap<&str, &str> {
    let words = text.split_whitespace();
    words.filter_map(|word| word.split_once(':')).collect()
}

/// Returns the group of a watched process that ended, from the header and the
/// payload of an event.
fn watched_group<'p>(header: &str, payload: &'p str) -> Option<&'p str> {
    let event = *words(header).get("eventname")?;
    if !matches!(event, "PROCESS_STATE_EXITED" | "PROCESS_STATE_FATAL") {
        return None;
    }
    let payload = words(payload);
    let (name, group) = (*payload.get("processname")?, *payload.get("groupname")?);
    name.contains(WATCHED).then_some(group)
}

/// Tells whether the master was told already: since then the partition was not
/// processed. Timestamps are compared as decimals; those of `slapos proxy` are.
fn is_told(latest_bang: Option<&str>, timestamp: Option<&str>) -> bool {
    let number = |text: &str| text.trim().parse::<f64>().ok();
    let Some(latest) = latest_bang else {
        return false;
    };
    match (number(latest), timestamp.map(number)) {
        (_, None) => true,
        (Some(latest), Some(Some(timestamp))) => timestamp <= latest,
        // What is no number is told rather than kept.
        _ => timestamp == Some(latest),
    }
}

/// The watchdog of a node.
pub struct Watchdog<'a> {
    /// Where the partitions are.
    pub instance_root: PathBuf,
    /// What the master calls the node.
    pub computer_id: String,
    /// Returns the master as a partition reaches it.
    pub master: &'a dyn Fn(&str) -> Box<dyn Master>,
    /// How many bangs an hour a partition has.
    pub bang_quota: u32,
}

impl Watchdog<'_> {
    /// Serves supervisord until it closes its end. Problems go to `errors`.
    ///
    /// # Errors
    ///
    /// Reading or writing fails.
    pub fn serve(
        &self,
        input: &mut dyn BufRead,
        output: &mut dyn Write,
        errors: &mut dyn FnMut(&str),
    ) -> io::Result<()> {
        let mut pause = FIRST_PAUSE;
        loop {
            output.write_all(b"READY\n")?;
            output.flush()?;
            let mut header = String::new();
            if input.take(LONGEST_EVENT as u64).read_line(&mut header)? == 0 {
                return Ok(());
            }
            let length = words(&header).get("len").and_then(|len| len.parse().ok());
            let length = length.filter(|length| *length <= LONGEST_EVENT);
            let length = length.ok_or(io::ErrorKind::InvalidData)?;
            let mut payload = vec![0; length];
            input.read_exact(&mut payload)?;
            let payload = String::from_utf8_lossy(&payload);
            let result = self.handle(&header, &payload, errors);
            let answer: &[u8] = match result {
                Ok(()) => {
                    pause = FIRST_PAUSE;
                    b"RESULT 2\nOK"
                }
                Err(error) => {
                    errors(&error_chain(&error));
                    sleep(pause);
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    b"RESULT 4\nFAIL"
                }
            };
            output.write_all(answer)?;
            output.flush()?;
        }
    }

    fn handle(
        &self,
        header: &str,
        payload: &str,
        errors: &mut dyn FnMut(&str),
    ) -> Result<(), BangError> {
        let Some(group) = watched_group(header, payload) else {
            return Ok(());
        };
        if check_name(group).is_err() {
            return Ok(());
        }
        let partition = self.instance_root.join(group);
        let file = |name: &str| read_text(&partition.join(name), 4096).ok();
        let timestamp = file(".timestamp");
        if is_told(file(LATEST_BANG).as_deref(), timestamp.as_deref()) {
            return Ok(());
        }
        let process = *words(payload).get("processname").unwrap_or(&"");
        let reference = PartitionReference::new(self.computer_id.as_str(), group);
        let message = format!("{process} process in partition {group} encountered a problem");
        let ledger = BangLedger::of(&self.instance_root, group, self.bang_quota);
        // The event does not come again: the node makes up for what is held back.
        let banged = ledger.bang(&message, true, || {
            (self.master)(group).instance_bang(&reference, &message)
        })?;
        if let Banged::HeldBack { quota } = banged {
            errors(&format!(
                "{message}: bang held back, {quota} in an hour are enough (option 'bang_quota')"
            ));
            return Ok(());
        }
        remember(&partition, timestamp.as_deref().unwrap_or("0"));
        Ok(())
    }
}

/// What cannot be remembered is only told once more.
fn remember(partition: &Path, timestamp: &str) {
    let _ = replace_file(
        &partition.join(LATEST_BANG),
        timestamp.as_bytes(),
        0o644,
        None,
    );
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use slap::ReplayMaster;

    use super::*;

    const PAYLOAD: &str =
        "processname:web-on-watch groupname:slappart0 from_state:RUNNING expected:0 pid:2766";

    fn event(payload: &str) -> String {
        let length = payload.len();
        format!(
            "ver:3.0 server:supervisor serial:21 pool:watchdog poolserial:10 eventname:PROCESS_STATE_EXITED len:{length}\n{payload}"
        )
    }

    fn node_directory() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("var")).unwrap();
        root
    }

    #[test]
    fn what_is_too_often_is_held_back_and_owed() {
        let root = node_directory();
        let master = Arc::new(ReplayMaster::new().with("softwareInstanceBang", "OK"));
        let make = |_: &str| -> Box<dyn Master> { Box::new(Arc::clone(&master)) };
        let watchdog = Watchdog {
            instance_root: root.path().to_owned(),
            computer_id: "local".to_owned(),
            master: &make,
            bang_quota: 1,
        };
        let partition = root.path().join("slappart0");
        fs::create_dir(&partition).unwrap();
        let mut told = Vec::new();
        for timestamp in ["1", "2", "3"] {
            fs::write(partition.join(".timestamp"), timestamp).unwrap();
            let mut output = Vec::new();
            watchdog
                .serve(&mut event(PAYLOAD).as_bytes(), &mut output, &mut |text| {
                    told.push(text.to_owned());
                })
                .unwrap();
            assert!(output.ends_with(b"RESULT 2\nOKREADY\n"));
        }
        assert_eq!(master.asked().len(), 1);
        assert_eq!(told.len(), 2);
        let held = crate::bang::BangState::of(root.path(), "slappart0").held_back;
        assert!(held.is_some_and(|held| held.is_owed && held.count == 2));
    }

    #[test]
    fn the_master_is_told_once_until_the_partition_is_processed() {
        let root = node_directory();
        let partition = root.path().join("slappart0");
        fs::create_dir(&partition).unwrap();
        let timestamp = partition.join(".timestamp");
        fs::write(&timestamp, "1795310594.8155599").unwrap();
        let master = Arc::new(ReplayMaster::new().with("softwareInstanceBang", "OK"));
        let make = |_: &str| -> Box<dyn Master> { Box::new(Arc::clone(&master)) };
        let watchdog = Watchdog {
            instance_root: root.path().to_owned(),
            computer_id: "local".to_owned(),
            master: &make,
            bang_quota: 9,
        };
        let serve = |events: &str| {
            let mut output = Vec::new();
            let mut errors = |text: &str| panic!("{text}");
            watchdog
                .serve(&mut events.as_bytes(), &mut output, &mut errors)
                .unwrap();
            String::from_utf8(output).unwrap()
        };
        let other = PAYLOAD.replace("web-on-watch", "once");
        let events = [event(PAYLOAD), event(PAYLOAD), event(&other)].concat();
        assert_eq!(
            serve(&events),
            "READY\nRESULT 2\nOKREADY\nRESULT 2\nOKREADY\nRESULT 2\nOKREADY\n"
        );
        assert_eq!(master.asked().len(), 1);
        assert_eq!(
            fs::read_to_string(partition.join(LATEST_BANG)).unwrap(),
            "1795310594.8155599"
        );
        fs::write(&timestamp, "1795310594.9").unwrap();
        serve(&event(PAYLOAD));
        assert_eq!(master.asked().len(), 2);
    }

    #[test]
    fn a_master_that_is_away_is_told_later() {
        let root = node_directory();
        let make = |_: &str| -> Box<dyn Master> { Box::new(ReplayMaster::new()) };
        let watchdog = Watchdog {
            instance_root: root.path().to_owned(),
            computer_id: "local".to_owned(),
            master: &make,
            bang_quota: 9,
        };
        let (mut output, mut told) = (Vec::new(), 0);
        watchdog
            .serve(&mut event(PAYLOAD).as_bytes(), &mut output, &mut |_| {
                told += 1
            })
            .unwrap();
        assert!(output.ends_with(b"RESULT 4\nFAILREADY\n"));
        assert_eq!(told, 1);
    }

    #[test]
    fn nonsense_ends_the_watchdog() {
        let make = |_: &str| -> Box<dyn Master> { Box::new(ReplayMaster::new()) };
        let watchdog = Watchdog {
            instance_root: PathBuf::from("/nonexistent"),
            computer_id: String::new(),
            master: &make,
            bang_quota: 9,
        };
        for input in ["x\n", "len:99999999999\n", "len:5\nab"] {
            let served = watchdog.serve(&mut input.as_bytes(), &mut Vec::new(), &mut |_| {});
            assert!(served.is_err(), "{input}");
        }
    }
}
