//! Starting processes, one at a time.
//!
//! Between its birth and its `exec`, a child has copies of all open files of
//! this process. If one of them is a program that another thread has just
//! unpacked and closed, the system refuses to run it: "Text file busy". A start
//! is over when the child has called `exec`. So, with one start at a time,
//! whoever starts what it wrote before finds no child that still holds it.

use std::io;
use std::process::{Child, Command};
use std::sync::{Mutex, PoisonError};

/// Open files belong to the process, and so does this.
static STARTING: Mutex<()> = Mutex::new(());

/// Starts a command, when no other one is being started.
pub(crate) fn spawn(command: &mut Command) -> io::Result<Child> {
    let _starting = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    command.spawn()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_was_just_written_can_be_run() {
        let directory = tempfile::tempdir().expect("a directory can be made");
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let path = directory.path().join(format!("program{thread}"));
                scope.spawn(move || {
                    for _ in 0..100 {
                        let _ = fs::remove_file(&path);
                        fs::write(&path, "#!/bin/sh\n").expect("it can be written");
                        let mode = fs::Permissions::from_mode(0o755);
                        fs::set_permissions(&path, mode).expect("it is ours");
                        let mut child = spawn(&mut Command::new(&path)).expect("it runs");
                        assert!(child.wait().expect("it is a child").success());
                    }
                });
            }
        });
    }
}
