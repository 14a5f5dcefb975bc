use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use buildout_core::dialect::EggLayout;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::*;
use crate::installed::read_entry;
use crate::metadata::RequiresDist;

/// Writes a zip file of names with contents and modes.
fn archive(path: &Path, files: &[(&str, &str, u32)]) -> PathBuf {
    let mut zip = ZipWriter::new(File::create(path).unwrap());
    for (name, content, mode) in files {
        let options = SimpleFileOptions::default().unix_permissions(*mode);
        zip.start_file(*name, options).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap();
    path.to_owned()
}

const METADATA: &str = "Name: My.Pkg\nVersion: 1.0\nRequires-Dist: a>1\n\
                        Requires-Dist: b; extra == \"x\"\nProvides-Extra: x\n";

fn wheel(path: &Path) -> PathBuf {
    archive(
        path,
        &[
            ("my_pkg/__init__.py", "A = 1\n", 0o600),
            (
                "my_pkg-1.0.data/scripts/run",
                "#!python\nimport my_pkg\n",
                0o755,
            ),
            ("my_pkg-1.0.data/purelib/extra.py", "", 0o644),
            ("my_pkg-1.0.data/headers/my.h", "", 0o644),
            ("my_pkg-1.0.dist-info/METADATA", METADATA, 0o644),
            ("my_pkg-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\n", 0o644),
            (
                "my_pkg-1.0.dist-info/entry_points.txt",
                "[console_scripts]\nmy = my_pkg:main\n",
                0o644,
            ),
            (
                "my_pkg-1.0.dist-info/RECORD",
                "my_pkg/__init__.py,,\nmy_pkg-1.0.data/scripts/run,,\n\
                 my_pkg-1.0.data/headers/my.h,,\nmy_pkg-1.0.dist-info/METADATA,,\n",
                0o644,
            ),
        ],
    )
}

/// A filter that knows the one extra of the wheel above.
fn filter(requirement: &RequiresDist, extra: Option<&str>) -> Option<String> {
    match requirement.requirement.split_once(';') {
        None => Some(requirement.requirement.clone()),
        Some((text, _)) => extra.map(|_| text.to_owned()),
    }
}

fn make(store: &Path, eggs: &Path, layout: EggLayout, was_built: bool) -> PathBuf {
    let name = "my_pkg-1.0-py3-none-any.whl";
    let archive = wheel(&store.join(name));
    let wheel = WheelStore::new(store.join("wheels"))
        .unpack(&archive, "0123", name)
        .unwrap();
    let target = EggTarget {
        python: "3.11".to_owned(),
        platform: "linux-x86_64".to_owned(),
    };
    let making = EggMaking {
        layout,
        target: &target,
        was_built,
        link: LinkMode::Shared,
        filter: &filter,
    };
    wheel.make_egg(eggs, &making).unwrap()
}

#[test]
fn an_egg_has_its_metadata_twice() {
    let site = tempfile::tempdir().unwrap();
    let eggs = site.path().join("eggs");
    fs::create_dir(&eggs).unwrap();
    let egg = make(site.path(), &eggs, EggLayout::Pip, false);
    assert_eq!(egg, eggs.join("My.Pkg-1.0-py3.11-linux-x86_64.egg"));
    let read = |name: &str| fs::read_to_string(egg.join(name)).unwrap();
    assert_eq!(read("EGG-INFO/PKG-INFO"), METADATA);
    assert_eq!(read("EGG-INFO/requires.txt"), "a>1\n\n[x]\nb\n");
    assert_eq!(read("EGG-INFO/scripts/run"), "#!python\nimport my_pkg\n");
    assert!(egg.join("extra.py").is_file());
    assert!(!egg.join("my.h").exists());
    let dist_info = "My.Pkg-1.0-py3.11-linux-x86_64.dist-info";
    assert_eq!(
        read(&format!("{dist_info}/RECORD")),
        format!("my_pkg/__init__.py,,\nEGG-INFO/scripts/run,,\n{dist_info}/METADATA,,\n")
    );
    let found = read_entry(&egg).unwrap().unwrap();
    assert_eq!((found.name(), found.version()), ("My.Pkg", "1.0"));
    assert_eq!(found.entry_points().group("console_scripts").len(), 1);
    // One set of bytes, readable for all who share them.
    let file = fs::metadata(egg.join("my_pkg/__init__.py")).unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o644);
    let stored = site.path().join("wheels/0123/my_pkg/__init__.py");
    let stored = fs::metadata(stored).unwrap();
    assert!(
        file.ino() == stored.ino() || file.nlink() == 1,
        "linked or cloned"
    );
    // Nothing is left beside the egg, and a second time changes nothing.
    let again = make(site.path(), &eggs, EggLayout::Pip, false);
    assert_eq!(again, egg);
    assert_eq!(fs::read_dir(&eggs).unwrap().count(), 1);
}

#[test]
fn eggs_of_setuptools_are_named_by_the_file() {
    let site = tempfile::tempdir().unwrap();
    let name = |was_built| {
        let egg = make(site.path(), site.path(), EggLayout::Setuptools, was_built);
        egg.file_name().unwrap().to_string_lossy().into_owned()
    };
    assert_eq!(name(false), "my_pkg-1.0-py3.11.egg");
    assert_eq!(name(true), "my_pkg-1.0-py3.11-linux-x86_64.egg");
}

#[test]
fn hostile_wheels_are_refused_and_leave_nothing() {
    let site = tempfile::tempdir().unwrap();
    let name = "my_pkg-1.0-py3-none-any.whl";
    let metadata = ("my_pkg-1.0.dist-info/METADATA", METADATA, 0o644);
    let format = ("my_pkg-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\n", 0o644);
    let other = "Name: other\nVersion: 1\n";
    for (files, expected) in [
        (
            vec![metadata, format, ("../evil.py", "", 0o644)],
            "its entry `../evil.py` would be outside the egg, or is no file",
        ),
        (
            vec![metadata, format, ("my_pkg/link", "/etc/passwd", 0o120_777)],
            "its entry `my_pkg/link` is a link",
        ),
        (vec![metadata], "it has no file `WHEEL`"),
        (vec![format], "failed to read"),
        (
            vec![("x.py", "", 0o644)],
            "it has no directory `.dist-info`",
        ),
        (
            vec![("my_pkg-1.0.dist-info/METADATA", other, 0o644), format],
            "it holds the project `other`",
        ),
    ] {
        let mut zip = ZipWriter::new(File::create(site.path().join(name)).unwrap());
        for (name, content, mode) in files {
            if mode & 0o170_000 == 0o120_000 {
                zip.add_symlink(name, content, SimpleFileOptions::default())
                    .unwrap();
                continue;
            }
            let options = SimpleFileOptions::default().unix_permissions(mode);
            zip.start_file(name, options).unwrap();
            zip.write_all(content.as_bytes()).unwrap();
        }
        zip.finish().unwrap();
        let store = WheelStore::new(site.path().join("wheels"));
        let error = store
            .unpack(&site.path().join(name), "4567", name)
            .unwrap_err();
        let shown = error.to_string();
        assert!(shown.contains(expected), "{shown} has {expected}");
        assert!(!site.path().join("evil.py").exists());
        let left = fs::read_dir(site.path().join("wheels")).unwrap().count();
        assert_eq!(left, 0, "{expected}");
    }
}
