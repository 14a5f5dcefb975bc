use std::{
    env,
    fs::Permissions,
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _, chown, symlink},
        net::UnixListener,
        process::CommandExt as _,
    },
    process::Command,
};

use super::*;

/// A buildout directory `w` with a neighbour `outside` that must never change.
struct Site {
    temporary: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        let temporary = tempfile::tempdir().expect("a temporary directory");
        let site = Self { temporary };
        site.file("w/parts/keep");
        site.file("outside/precious");
        site
    }

    fn path(&self, path: &str) -> PathBuf {
        // The real path, so that a linked temporary directory does not matter here.
        let root = fs::canonicalize(self.temporary.path()).expect("it exists");
        root.join(path)
    }

    fn file(&self, path: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("below the root")).expect("made");
        fs::write(path, "x").expect("written");
    }

    fn link(&self, target: impl AsRef<Path>, path: &str) {
        symlink(target, self.path(path)).expect("linked");
    }

    fn exists(&self, path: &str) -> bool {
        fs::symlink_metadata(self.path(path)).is_ok()
    }

    fn scope(&self) -> RemovalScope {
        RemovalScope::new(&self.path("w")).expect("the directory exists")
    }

    /// Removes one path and returns the name of the report's list it is in.
    fn outcome(&self, path: &str) -> &'static str {
        let report = self.scope().remove([path]);
        assert!(self.exists("outside/precious") && self.exists("w/parts/keep"));
        match (
            report.removed.len(),
            report.missing.len(),
            report.refused_outside.len(),
            report.failures.len(),
        ) {
            (1, 0, 0, 0) => "removed",
            (0, 1, 0, 0) => "missing",
            (0, 0, 1, 0) => "refused",
            (0, 0, 0, 1..) => "failed",
            (0, 0, 0, 0) => "skipped",
            _ => panic!("{report:?}"),
        }
    }
}

#[test]
fn every_kind_of_entry_is_removed_but_not_what_links_lead_to() {
    let site = Site::new();
    site.file("w/parts/file");
    site.file("w/parts/tree/a/b/file");
    site.link(site.path("outside"), "w/parts/tree/a/link");
    site.link("gone", "w/parts/dangling");
    site.link(site.path("outside"), "w/parts/link");
    site.link(site.path("outside/precious"), "w/parts/file-link");
    site.link("keep", "w/parts/inner-link");
    let socket = UnixListener::bind(site.path("w/parts/socket")).expect("bound");
    let absolute = site.path("w/parts/file");
    let mode = |path| fs::metadata(site.path(path)).expect("exists").mode();
    let mode_before = mode("outside");
    for (path, expected) in [
        (absolute.to_str().expect("UTF-8"), "removed"),
        ("parts/file", "missing"),
        ("parts/tree/", "removed"),
        ("parts/dangling", "removed"),
        ("parts/link", "removed"),
        ("parts/./file-link", "removed"),
        ("parts/absent/../inner-link", "missing"),
        ("parts/../parts/inner-link", "removed"),
        ("parts/socket", "removed"),
        ("parts/keep/below-a-file", "missing"),
        ("parts/nul\0", "missing"),
        ("", "skipped"),
    ] {
        assert_eq!(site.outcome(path), expected, "{path:?}");
    }
    drop(socket);
    assert_eq!(mode("outside"), mode_before);
    let left = fs::read_dir(site.path("w/parts"))
        .expect("readable")
        .count();
    assert_eq!(left, 1);
}

#[test]
fn nothing_outside_is_touched() {
    let site = Site::new();
    site.link(site.path("outside"), "w/way-out");
    site.link(site.path(""), "w/up");
    site.link(site.path("w/parts"), "outside/way-in");
    fs::create_dir(site.path("w-neighbour")).expect("made");
    let absolute = |path: &str| site.path(path).to_str().expect("UTF-8").to_owned();
    for path in [
        "/".to_owned(),
        ".".to_owned(),
        "..".to_owned(),
        "parts/..".to_owned(),
        "parts/../..".to_owned(),
        "../outside/precious".to_owned(),
        "../w-neighbour".to_owned(),
        "/etc/hostname".to_owned(),
        "way-out/precious".to_owned(),
        "way-out/..".to_owned(),
        "way-out/../w".to_owned(),
        "up/w".to_owned(),
        "up/w/..".to_owned(),
        // Its place is inside, its spelling is not.
        absolute("outside/way-in/keep"),
        absolute("w"),
        absolute("outside/precious"),
        absolute("outside/not-there"),
    ] {
        assert_eq!(site.outcome(&path), "refused", "{path:?}");
    }
    assert!(site.exists("w/way-out") && site.exists("w-neighbour"));
}

#[test]
fn both_spellings_of_a_linked_buildout_directory_are_inside() {
    let site = Site::new();
    site.link(site.path("w"), "alias");
    site.file("w/a");
    site.file("w/b");
    let scope = RemovalScope::new(&site.path("alias")).expect("the directory exists");
    let by_alias = site.path("alias/a").to_str().expect("UTF-8").to_owned();
    let by_place = site.path("w/b").to_str().expect("UTF-8").to_owned();
    let report = scope.remove([by_alias.as_str(), by_place.as_str()]);
    assert_eq!(report.removed.len(), 2, "{report:?}");
    let report = scope.remove([site.path("w").to_str().expect("UTF-8")]);
    assert_eq!(report.refused_outside.len(), 1, "{report:?}");
}

#[test]
fn another_directory_can_be_allowed_but_not_removed() {
    let site = Site::new();
    site.file("srv/parts/a/file");
    let mut scope = site.scope();
    scope.allow(&site.path("srv/parts")).expect("it exists");
    let paths = ["srv/parts/a", "srv/parts", "srv", "outside/precious"].map(|path| site.path(path));
    let report = scope.remove(paths.iter().map(|path| path.to_str().expect("UTF-8")));
    assert_eq!(report.removed, paths[..1]);
    assert_eq!(report.refused_outside, paths[1..]);
    // Not even where everything around it is allowed, and the way leads through a link.
    site.link(site.path(""), "w/up");
    scope.allow(&site.path("")).expect("it exists");
    let report = scope.remove(["up/w", "up/srv", "up/srv/parts"]);
    assert_eq!(report.refused_outside.len(), 3, "{report:?}");
    assert!(matches!(
        RemovalScope::new(Path::new("relative")),
        Err(RemovalError::NotAbsolute { .. })
    ));
}

#[test]
fn a_very_deep_tree_needs_neither_stack_nor_open_files() {
    const DEPTH: usize = 3000;
    let site = Site::new();
    fs::create_dir(site.path("w/deep")).expect("made");
    let mut directory =
        rustix::fs::open(site.path("w/deep"), READ_DIRECTORY, Mode::empty()).expect("opened");
    for _ in 0..DEPTH {
        rustix::fs::mkdirat(&directory, "d", Mode::RWXU).expect("made");
        directory =
            rustix::fs::openat(&directory, "d", READ_DIRECTORY, Mode::empty()).expect("opened");
    }
    drop(directory);
    assert_eq!(site.outcome("deep"), "removed");
    assert!(!site.exists("w/deep"));
}

/// Permissions mean nothing to root, so there the test runs itself again as another user.
#[test]
fn read_only_directories_of_ours_are_no_obstacle_and_those_of_others_are_reported() {
    const SITE: &str = "BUILDOUT_TEST_REMOVAL_SITE";
    const NOBODY: u32 = 65534;
    if let Some(site) = env::var_os(SITE) {
        assert_ne!(rustix::process::geteuid().as_raw(), 0);
        return remove_protected(Path::new(&site));
    }
    let site = Site::new();
    for path in [
        "w/parts/mine/0555/file",
        "w/parts/mine/0111/inner/file",
        "w/parts/mine/0444/inner/file",
        "w/parts/mine/0000/file",
        "w/parts/mixed/removable/file",
        "w/parts/mixed/theirs/file",
    ] {
        site.file(path);
    }
    for mode in ["0000", "0111", "0444", "0555"] {
        let bits = u32::from_str_radix(mode, 8).expect("octal digits");
        let path = site.path("w/parts/mine").join(mode);
        fs::set_permissions(path, Permissions::from_mode(bits)).expect("changed");
    }
    let mine = Permissions::from_mode(0o500);
    fs::set_permissions(site.path("w/parts/mine"), mine).expect("changed");
    if rustix::process::geteuid().as_raw() != 0 {
        return remove_protected(&site.path("w"));
    }
    for entry in walkdir::WalkDir::new(site.path("")) {
        let entry = entry.expect("root reads everything");
        if !entry.path().ends_with("theirs") {
            chown(entry.path(), Some(NOBODY), Some(NOBODY)).expect("root may");
        }
    }
    let theirs = Permissions::from_mode(0o755);
    fs::set_permissions(site.path("w/parts/mixed/theirs"), theirs).expect("changed");
    // The test binary may be where the other user cannot go.
    let program = site.path("test-program");
    fs::copy(env::current_exe().expect("known"), &program).expect("copied");
    let name = "state::removal::tests::\
                read_only_directories_of_ours_are_no_obstacle_and_those_of_others_are_reported";
    let output = Command::new(&program)
        .args(["--exact", name])
        .env(SITE, site.path("w"))
        .current_dir("/")
        .uid(NOBODY)
        .gid(NOBODY)
        .output()
        .expect("the test program starts as another user");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}"
    );
    assert!(!site.exists("w/parts/mine") && !site.exists("w/parts/mixed/removable"));
    assert!(site.exists("w/parts/mixed/theirs/file"));
}

fn remove_protected(directory: &Path) {
    let scope = RemovalScope::new(directory).expect("the directory exists");
    let report = scope.remove(["parts/mine"]);
    assert!(report.failures.is_empty(), "{report:?}");
    assert_eq!(report.removed, [directory.join("parts/mine")]);
    let theirs = directory.join("parts/mixed/theirs");
    let is_theirs = fs::metadata(&theirs).expect("exists").uid();
    if is_theirs == rustix::process::geteuid().as_raw() {
        return;
    }
    let report = scope.remove(["parts/mixed"]);
    let [RemovalError::Unlink { path, source }] = &report.failures[..] else {
        panic!("one failure was expected: {report:?}");
    };
    assert_eq!(*path, theirs.join("file"));
    assert_eq!(source.kind(), io::ErrorKind::PermissionDenied);
    assert!(!directory.join("parts/mixed/removable").exists());
}
