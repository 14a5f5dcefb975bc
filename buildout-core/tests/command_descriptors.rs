//! Open files and threads after many commands. A test program of its own, as the number of open
//! files belongs to the process.

use std::{collections::BTreeMap, fs, time::Duration};

use buildout_core::exec::{
    cancel::CancellationToken,
    command::{Command, CommandOptions},
    output::StreamKind,
};

#[test]
fn commands_leave_neither_open_files_nor_threads() {
    let count = |directory| fs::read_dir(directory).expect("Linux has /proc").count();
    let environment = BTreeMap::from([("PATH".into(), "/usr/bin:/bin".into())]);
    let run = || {
        let scripts = ["echo x", "exit 3", "sleep 5 & exit 0"];
        for script in scripts {
            let command = Command::shell(script, "/", environment.clone());
            let options = CommandOptions {
                drain: Duration::from_millis(20),
                ..CommandOptions::default()
            };
            command
                .with_options(options)
                .run(&mut |_: StreamKind, _: &[u8]| {}, &CancellationToken::new())
                .expect("it runs");
        }
    };
    run();
    let before = (count("/proc/self/fd"), count("/proc/self/task"));
    for _ in 0..10 {
        run();
    }
    assert_eq!((count("/proc/self/fd"), count("/proc/self/task")), before);
}
