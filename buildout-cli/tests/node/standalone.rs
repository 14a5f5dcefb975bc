//! slapos.core's StandaloneSlapOS, through which SlapOS tests its releases, with
//! this program as its `slapos`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use slap::test_master::RealSlapos;

use crate::site::by_ordinary_user;

#[test]
fn slapos_core_s_standalone_runs_with_this_program() {
    let slapos = RealSlapos::installed(env!("CARGO_TARGET_TMPDIR"));
    let root = tempfile::Builder::new().prefix("s-").tempdir().unwrap();
    let base = root.path();
    let program = PathBuf::from(env!("CARGO_BIN_EXE_slapos"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../profiles/node-hello");
    let profile = base.join("profile");
    fs::create_dir(&profile).unwrap();
    for name in ["greet.in", "instance.cfg.in", "software.cfg"] {
        fs::copy(source.join(name), profile.join(name)).unwrap();
    }
    let script = base.join("standalone.py");
    fs::write(&script, include_str!("standalone.py")).unwrap();
    let python = slapos.program("python");
    // It refuses to work for root.
    fs::create_dir(base.join("work")).unwrap();
    let mut command = by_ordinary_user(&python);
    let bin = python.parent().unwrap().display().to_string();
    let output = command
        .arg(&script)
        .arg(base.join("work"))
        .arg(&program)
        .arg(profile.join("software.cfg"))
        .env_clear()
        .env("PATH", format!("{bin}:/usr/bin:/bin"))
        .env("LC_ALL", "C.UTF-8")
        .env("HOME", base.join("work"))
        .current_dir(base.join("work"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("greeting: Hello\n"), "{text}");
}
