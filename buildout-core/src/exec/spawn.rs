//! Starting processes, so that what was just written can be run.
//!
//! Between its birth and its `exec`, a child has copies of all open files of
//! this process. If one of them is a program that another thread has just
//! unpacked and closed, the system refuses to run it: "Text file busy". With
//! one start at a time hardly any start finds such a child. Hardly: Linux lets
//! the parent go on when the child has given up its memory, a moment before it
//! closes the files; and a program may have been written by another process
//! that is starting one of its own. So a busy program is tried again.

use std::io;
use std::process::{Child, Command};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Open files belong to the process, and so does this.
static STARTING: Mutex<()> = Mutex::new(());

/// The pause before the first new attempt; each later one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_micros(100);

/// How often a busy program is tried again, in about a second and a half: the
/// one who really has it open for writing gets an error, soon enough.
const ATTEMPTS: u32 = 14;

/// Starts a command, when no other one is being started.
///
/// # Errors
///
/// The system refuses.
pub fn spawn(command: &mut Command) -> io::Result<Child> {
    let mut pause = FIRST_PAUSE;
    for _ in 0..ATTEMPTS {
        match spawn_once(command) {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => {
                std::thread::sleep(pause);
                pause *= 2;
            }
            result => return result,
        }
    }
    spawn_once(command)
}

fn spawn_once(command: &mut Command) -> io::Result<Child> {
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

    #[test]
    fn what_stays_open_for_writing_is_an_error() {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let path = directory.path().join("program");
        let file = fs::File::create(&path).expect("it can be made");
        file.set_permissions(fs::Permissions::from_mode(0o755))
            .expect("it is ours");
        let error = spawn(&mut Command::new(&path)).expect_err("it is open for writing");
        assert_eq!(error.kind(), io::ErrorKind::ExecutableFileBusy);
    }
}
