//! Archives made by the system's programs, and hostile ones made here.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use tar::{Builder, EntryType, Header};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

struct Site {
    directory: tempfile::TempDir,
    options: UnpackOptions,
}

impl Site {
    fn new() -> Self {
        let site = Self {
            directory: tempfile::tempdir().unwrap(),
            options: UnpackOptions {
                strip_top_level: StripTopLevel::Never,
                ..UnpackOptions::default()
            },
        };
        fs::write(site.path("secret"), "untouched").unwrap();
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Unpacks into a new `out`.
    fn unpack(&self, archive: &str) -> Result<UnpackSummary, UnpackError> {
        // Not everybody may remove what is in a read-only directory.
        self.run("if test -d out; then chmod -R u+rwx out; rm -r out; fi");
        unpack(&self.path(archive), &self.path("out"), &self.options)
    }

    fn tar(&self, fill: impl FnOnce(&mut Builder<Vec<u8>>)) -> Result<UnpackSummary, UnpackError> {
        let mut builder = Builder::new(Vec::new());
        fill(&mut builder);
        fs::write(self.path("made.tar"), builder.into_inner().unwrap()).unwrap();
        self.unpack("made.tar")
    }

    /// Runs a program in the directory.
    fn run(&self, command: &str) {
        let output = Command::new("sh")
            .args(["-euc", command])
            .current_dir(self.directory.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{command}: {output:?}");
    }

    /// Lists what was unpacked: path, kind and permissions, contents.
    fn tree(&self) -> Vec<String> {
        let root = self.path("out");
        walkdir::WalkDir::new(&root)
            .min_depth(1)
            .sort_by_file_name()
            .into_iter()
            .map(|entry| {
                let entry = entry.unwrap();
                let name = entry.path().strip_prefix(&root).unwrap().to_string_lossy();
                let mode = entry.metadata().unwrap().mode() & 0o7777;
                if entry.path_is_symlink() {
                    let target = fs::read_link(entry.path()).unwrap();
                    format!("{name} -> {}", target.display())
                } else if entry.file_type().is_dir() {
                    format!("{name}/ {mode:o}")
                } else {
                    let text = fs::read_to_string(entry.path()).unwrap();
                    format!("{name} {mode:o} {text}")
                }
            })
            .collect()
    }
}

/// Appends an entry whose name and link are taken as they are.
fn add(builder: &mut Builder<Vec<u8>>, kind: EntryType, name: &str, mode: u32, text: &str) {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_mtime(1_000_000_000);
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    let is_link = matches!(kind, EntryType::Link | EntryType::Symlink);
    if is_link {
        header.as_mut_bytes()[157..157 + text.len()].copy_from_slice(text.as_bytes());
    }
    let contents = if is_link { "" } else { text };
    header.set_size(contents.len() as u64);
    header.set_cksum();
    builder.append(&header, contents.as_bytes()).unwrap();
}

fn reasons(summary: &UnpackSummary) -> Vec<(&str, SkipReason)> {
    let skipped = summary.skipped.iter();
    skipped
        .map(|entry| (entry.name.as_str(), entry.reason))
        .collect()
}

const FILE: EntryType = EntryType::Regular;

#[test]
fn archives_of_real_programs() {
    let site = Site::new();
    site.run(
        "umask 022; mkdir -p pack/dir/closed; cd pack; echo -n hello > dir/file; chmod 754 dir/file
         ln dir/file dir/hard; ln -s file dir/soft; echo -n x > dir/closed/inner; mkdir dir/empty
         long=$(printf 'n%.0s' $(seq 120)); echo -n long > dir/$long; chmod 555 dir/closed
         touch -d @1000000000 dir/file dir/closed; cd ..
         for format in gnu pax; do tar -C pack --format=$format -cf $format.tar dir; done
         tar -C pack -cf dot.tar ./dir; gzip -k gnu.tar; bzip2 -k gnu.tar; xz -k gnu.tar
         cat gnu.tar | head -c 2000 | gzip > two.tar.gz; tail -c +2001 gnu.tar | gzip >> two.tar.gz
         for file in two.tar.gz gnu.tar.bz2; do head -c 700 /dev/zero >> $file; done
         cp gnu.tar.xz misnamed.zip; cd pack; zip -qry ../real.zip dir",
    );
    if Path::new("/usr/bin/zstd").exists() {
        site.run("zstd -q gnu.tar; (head -c 2000 gnu.tar | zstd; tail -c +2001 gnu.tar | zstd) > two.tar.zst");
    }
    // Written by hand: Python's lzma has the raw codec inside of lzip.
    site.run(
        "python3 - <<'END'
import lzma, struct, zlib
data = open('gnu.tar', 'rb').read()
filters = [{'id': lzma.FILTER_LZMA1, 'dict_size': 1 << 20, 'lc': 3, 'lp': 0, 'pb': 2}]
def member(data):
    alone = lzma.compress(data, lzma.FORMAT_ALONE, filters=filters)
    body = b'LZIP\\x01\\x14' + alone[13:]
    trailer = struct.pack('<IQ', zlib.crc32(data), len(data))
    return body + trailer + struct.pack('<Q', len(body) + 20)
open('gnu.tar.lz', 'wb').write(member(data[:2000]) + member(data[2000:]))
END",
    );
    let long = format!("dir/{} 644 long", "n".repeat(120));
    let expected = [
        "dir/ 755",
        "dir/closed/ 555",
        "dir/closed/inner 644 x",
        "dir/empty/ 755",
        "dir/file 754 hello",
        "dir/hard 754 hello",
        &long,
        "dir/soft -> file",
    ];
    use Compression::{Bzip2, Gzip, Lzip, None, Xz, Zstandard};
    for (name, format) in [
        ("gnu.tar", ArchiveFormat::Tar(None)),
        ("pax.tar", ArchiveFormat::Tar(None)),
        ("dot.tar", ArchiveFormat::Tar(None)),
        ("gnu.tar.gz", ArchiveFormat::Tar(Gzip)),
        ("two.tar.gz", ArchiveFormat::Tar(Gzip)),
        ("gnu.tar.bz2", ArchiveFormat::Tar(Bzip2)),
        ("gnu.tar.xz", ArchiveFormat::Tar(Xz)),
        ("misnamed.zip", ArchiveFormat::Tar(Xz)),
        ("gnu.tar.lz", ArchiveFormat::Tar(Lzip)),
        ("gnu.tar.zst", ArchiveFormat::Tar(Zstandard)),
        ("two.tar.zst", ArchiveFormat::Tar(Zstandard)),
        ("real.zip", ArchiveFormat::Zip),
        ("pack", ArchiveFormat::Directory),
    ] {
        if !site.path(name).exists() {
            // Only zstd may be absent; its decoder has a test of its own.
            assert!(name.ends_with(".zst"), "{name}");
            continue;
        }
        let summary = site
            .unpack(name)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(summary.format, format, "{name}");
        assert_eq!(summary.skipped, [], "{name}");
        assert_eq!(site.tree(), expected, "{name}");
        if !matches!(format, ArchiveFormat::Zip) {
            for kept in ["file", "closed"] {
                let metadata = fs::metadata(site.path("out/dir").join(kept)).unwrap();
                assert_eq!(metadata.mtime(), 1_000_000_000, "{name} {kept}");
            }
        }
        if let ArchiveFormat::Tar(_) = format {
            assert_eq!(fs::metadata(site.path("out/dir/file")).unwrap().nlink(), 2);
        }
    }
}

#[test]
fn zstandard_without_its_program() {
    // A skippable frame, then two frames that hold one raw block each.
    let frame = |bytes: &[u8]| {
        let size = bytes.len() as u32;
        let block = (size << 3 | 1).to_le_bytes();
        let header = [&b"\x28\xb5\x2f\xfd\xa0"[..], &size.to_le_bytes()].concat();
        [&header[..], &block[..3], bytes].concat()
    };
    let skippable = b"\x53\x2a\x4d\x18\x03\x00\x00\x00abc";
    let input = [
        &skippable[..],
        &frame(b"hello "),
        skippable,
        &frame(b"world"),
    ]
    .concat();
    let limits = UnpackLimits::default();
    let raw = Cursor::new(input);
    let mut decoder = decode::decoder(Compression::Zstandard, raw, &limits).unwrap();
    let mut text = String::new();
    decoder.read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello world");
}

#[test]
fn hostile_names_and_kinds_are_left_out_and_reported() {
    let site = Site::new();
    let outside = site.path("secret").to_string_lossy().into_owned();
    let summary = site.tar(|builder| {
        add(builder, FILE, "../evil", 0o644, "x");
        add(builder, FILE, "a/../../evil", 0o644, "x");
        add(builder, FILE, "/absolute/evil", 0o644, "x");
        add(builder, EntryType::Link, "hard1", 0o644, "../secret");
        add(builder, EntryType::Link, "hard2", 0o644, &outside);
        add(builder, EntryType::Fifo, "fifo", 0o644, "");
        add(builder, EntryType::Char, "null", 0o644, "");
        add(builder, FILE, "./", 0o644, "");
        add(builder, EntryType::new(b'V'), "label", 0o644, "");
        add(builder, FILE, "..ok..", 0o6755, "kept");
        add(builder, EntryType::Directory, "sticky", 0o7755, "");
        // As written before there was a type for directories.
        add(builder, FILE, "old/", 0o700, "");
    });
    let summary = summary.unwrap();
    assert_eq!(
        reasons(&summary),
        [
            ("../evil", SkipReason::ParentComponent),
            ("a/../../evil", SkipReason::ParentComponent),
            ("/absolute/evil", SkipReason::AbsoluteName),
            ("hard1", SkipReason::LinkTargetOutside),
            ("hard2", SkipReason::LinkTargetOutside),
            ("fifo", SkipReason::Fifo),
            ("null", SkipReason::Device),
            ("label", SkipReason::OtherKind),
        ]
    );
    assert_eq!(site.tree(), ["..ok.. 755 kept", "old/ 700", "sticky/ 755"]);
    assert_eq!(fs::read_dir(site.directory.path()).unwrap().count(), 3);
}

#[test]
fn nothing_is_written_through_links() {
    let site = Site::new();
    let outside = site.directory.path().to_string_lossy().into_owned();
    for (name, kind, target) in [
        ("link/evil", FILE, ""),
        ("link/evil", EntryType::Directory, ""),
        ("link/a/b", FILE, ""),
        ("link/evil", EntryType::Symlink, "x"),
        ("link/evil", EntryType::Link, "file"),
        ("stolen", EntryType::Link, "link/secret"),
        ("link", EntryType::Directory, ""),
    ] {
        for escape in ["..", &outside] {
            let error = site
                .tar(|builder| {
                    add(builder, FILE, "file", 0o644, "x");
                    add(builder, EntryType::Symlink, "link", 0o777, escape);
                    add(builder, kind, name, 0o755, target);
                })
                .unwrap_err();
            let is_expected = matches!(error, UnpackError::ThroughSymlink { .. });
            assert!(is_expected, "{name} {kind:?}: {error}");
            assert!(!site.path("evil").exists() && !site.path("a").exists());
            assert_eq!(fs::metadata(site.path("secret")).unwrap().nlink(), 1);
        }
    }
    // A link that nothing leads through is kept, wherever it points, and a
    // file of its name replaces it.
    site.tar(|builder| {
        add(builder, EntryType::Symlink, "link", 0o777, "../secret");
        add(builder, EntryType::Symlink, "kept", 0o777, "/etc/passwd");
        add(builder, EntryType::Link, "same", 0o777, "kept");
        add(builder, FILE, "link", 0o600, "new");
        add(builder, FILE, "one", 0o600, "old");
        add(builder, EntryType::Link, "two", 0o600, "one");
        add(builder, FILE, "two", 0o600, "new");
        add(builder, EntryType::Link, "one", 0o600, "one");
    })
    .unwrap();
    assert_eq!(
        site.tree(),
        [
            "kept -> /etc/passwd",
            "link 600 new",
            "one 600 old",
            "same -> /etc/passwd",
            "two 600 new",
        ]
    );
    assert_eq!(fs::read(site.path("secret")).unwrap(), b"untouched");
}

#[test]
fn entries_in_each_others_way() {
    let site = Site::new();
    let error = |first: (&str, EntryType), second: (&str, EntryType)| {
        let result = site.tar(|builder| {
            add(builder, first.1, first.0, 0o755, "");
            add(builder, second.1, second.0, 0o755, "");
        });
        result.map(drop).map_err(|error| error.to_string())
    };
    const DIRECTORY: EntryType = EntryType::Directory;
    let out = site.path("out");
    assert_eq!(
        error(("a", FILE), ("a/b", FILE)),
        Err(format!(
            "entry `a/b` lies below `{}/a`, which is no directory",
            out.display()
        ))
    );
    assert_eq!(
        error(("a", DIRECTORY), ("a", FILE)),
        Err("entry `a` would replace a directory".to_owned())
    );
    assert_eq!(error(("a", DIRECTORY), ("a/", DIRECTORY)), Ok(()));
    for target in ["missing", "directory/missing", "directory", "."] {
        let result = site.tar(|builder| {
            add(builder, DIRECTORY, "directory", 0o755, "");
            add(builder, EntryType::Link, "hard", 0o644, target);
        });
        let error = result.unwrap_err();
        assert!(
            matches!(error, UnpackError::LinkTargetMissing { .. }),
            "{error}"
        );
    }
}

#[test]
fn limits_hold() {
    let mut site = Site::new();
    site.options.limits = UnpackLimits {
        total_bytes: 1000,
        entries: 5,
        path_length: 50,
        nesting: 4,
        ..UnpackLimits::default()
    };
    let text = |result: Result<UnpackSummary, UnpackError>| result.unwrap_err().to_string();
    let two_files = |size: usize| {
        site.tar(|builder| {
            add(builder, FILE, "a", 0o644, &"x".repeat(600));
            add(builder, FILE, "b", 0o644, &"x".repeat(size));
        })
    };
    assert_eq!(two_files(400).unwrap().bytes, 1000);
    let too_large = "the archive unpacks to more than 1000 bytes";
    assert_eq!(text(two_files(401)), too_large);
    // A header alone can announce terabytes.
    let announced = site.tar(|builder| {
        let mut header = Header::new_gnu();
        header.set_size(1 << 42);
        header.set_cksum();
        builder.get_mut().extend_from_slice(header.as_bytes());
    });
    assert_eq!(text(announced), too_large);
    let many = site.tar(|builder| {
        (0..6).for_each(|number| add(builder, FILE, &number.to_string(), 0o644, ""));
    });
    assert_eq!(text(many), "the archive has more than 5 entries");
    for name in ["a/b/c/d/e", &"n".repeat(51)] {
        let long = text(site.tar(|builder| add(builder, FILE, name, 0o644, "")));
        assert!(long.contains("too long or too deeply nested"), "{long}");
    }
    // A long name that takes megabytes, which the tar crate would load.
    let metadata = site.tar(|builder| {
        let long = "n".repeat(3 << 20);
        add(
            builder,
            EntryType::GNULongName,
            "././@LongLink",
            0o644,
            &long,
        );
        add(builder, FILE, "a", 0o644, "");
    });
    assert_eq!(
        text(metadata),
        "the archive describes one entry in more than 1048576 bytes"
    );
    // A zip archive announces its sizes; a lie is found when bytes come out.
    let mut writer = ZipWriter::new(File::create(site.path("bomb.zip")).unwrap());
    writer
        .start_file("a", SimpleFileOptions::default())
        .unwrap();
    writer.write_all(&[0; 5000]).unwrap();
    writer.finish().unwrap();
    assert_eq!(text(site.unpack("bomb.zip")), too_large);
    let mut bytes = fs::read(site.path("bomb.zip")).unwrap();
    let honest = 5000u32.to_le_bytes();
    let mut lies = 0;
    for start in 0..bytes.len() - 4 {
        if bytes[start..start + 4] == honest {
            bytes[start..start + 4].copy_from_slice(&7u32.to_le_bytes());
            lies += 1;
        }
    }
    assert!(lies > 0);
    fs::write(site.path("bomb.zip"), bytes).unwrap();
    let damaged = text(site.unpack("bomb.zip"));
    assert!(damaged.contains("larger than its declared"), "{damaged}");
    assert!(fs::metadata(site.path("out/a")).unwrap().len() <= 1000);
}

#[test]
fn what_is_no_archive_is_named() {
    let site = Site::new();
    site.run(
        "echo text > text; : > empty; echo text | gzip > text.gz; echo text | bzip2 > text.bz2
         echo text | xz > text.xz; printf 'Rar!\\032\\007\\000' > a.rar
         printf '7z\\274\\257\\047\\034' > a.7z; printf '\\037\\235' > a.Z; printf '!<arch>\\n' > a.deb
         head -c 100000 /dev/urandom > noise; tar -cf whole.tar noise; gzip -k whole.tar
         head -c 60000 whole.tar > cut.tar; head -c 60000 whole.tar.gz > cut.tar.gz
         head -c 700 whole.tar > head.tar; zip -q whole.zip noise; head -c 60000 whole.zip > cut.zip
         seq 99999 > numbers; tar -cf numbers.tar numbers; gzip numbers.tar
         head -c 20000 numbers.tar.gz > bad.tar.gz; tail -c +20100 numbers.tar.gz >> bad.tar.gz
         xz -k whole.tar; head -c 60000 whole.tar.xz > cut.tar.xz",
    );
    for (name, text) in [
        ("text", "Not a recognized archive type: "),
        ("empty", "Not a recognized archive type: "),
        ("cut.zip", "damaged archive "),
        ("text.gz", "not a tar archive compressed with gzip: "),
        ("text.bz2", "not a tar archive compressed with bzip2: "),
        ("text.xz", "not a tar archive compressed with xz: "),
        ("a.rar", "RAR archives are not supported: "),
        ("a.7z", "7z archives are not supported: "),
        ("a.Z", "compress (.Z) archives are not supported: "),
        ("a.deb", "ar (.deb) archives are not supported: "),
        ("cut.tar", "truncated archive: "),
        ("head.tar", "truncated archive: "),
        ("cut.tar.gz", "truncated archive: "),
        ("cut.tar.xz", "truncated archive: "),
        ("bad.tar.gz", "damaged archive "),
    ] {
        let error = site.unpack(name).unwrap_err().to_string();
        assert!(error.starts_with(text), "{name}: {error}");
        assert!(error.contains(name), "{name}: {error}");
    }
    fs::write(site.path("out/there"), "").unwrap();
    let error = unpack(&site.path("whole.tar"), &site.path("out"), &site.options).unwrap_err();
    assert!(error.to_string().ends_with("is not empty"), "{error}");
}

#[test]
fn sparse_files_are_unpacked_or_refused() {
    let site = Site::new();
    site.run(
        "truncate -s 1M holes; echo -n end >> holes; tar --format=gnu -Scf gnu.tar holes
         tar --format=pax -Scf pax.tar holes; test $(stat -c %s gnu.tar) -lt 100000",
    );
    assert_eq!(site.unpack("gnu.tar").unwrap().bytes, (1 << 20) + 3);
    let unpacked = fs::read(site.path("out/holes")).unwrap();
    assert!(unpacked == fs::read(site.path("holes")).unwrap());
    let error = site.unpack("pax.tar").unwrap_err().to_string();
    assert!(
        error.ends_with("is not supported: it is a sparse file in pax format"),
        "{error}"
    );
}

#[test]
fn zip_modes_links_duplicates_and_hostile_names() {
    let site = Site::new();
    // Python's zipfile writes what it is told, as no other program does.
    site.run(
        "python3 -W ignore - <<'END'
import zipfile
def add(name, mode, data=''):
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16 | 32
    archive.writestr(info, data)
def make(name):
    return zipfile.ZipFile(name, 'w', zipfile.ZIP_DEFLATED)
with make('good.zip') as archive:
    add('../evil', 0o100644); add('/evil', 0o100644); add('fifo', 0o010644)
    add('suid', 0o104755, 'x'); add('none', 0, 'x'); add('dir/', 0o040555); add('dir/in', 0o100600)
    add('link', 0o120777, '../secret'); add('twice', 0o100600, 'first'); add('twice', 0o100600, 'last')
with make('through.zip') as archive:
    add('link', 0o120777, '..'); add('link/evil', 0o100644)
END
printf 'program' | cat - good.zip > behind.zip",
    );
    for name in ["good.zip", "behind.zip"] {
        let summary = site.unpack(name).unwrap();
        assert_eq!(
            reasons(&summary),
            [
                ("../evil", SkipReason::ParentComponent),
                ("/evil", SkipReason::AbsoluteName),
                ("fifo", SkipReason::Fifo),
            ]
        );
        let default = fs::metadata(site.path("secret")).unwrap().mode() & 0o777;
        assert_eq!(
            site.tree(),
            [
                "dir/ 555".to_owned(),
                "dir/in 600 ".to_owned(),
                "link -> ../secret".to_owned(),
                format!("none {default:o} x"),
                "suid 755 x".to_owned(),
                "twice 600 last".to_owned(),
            ]
        );
    }
    let error = site.unpack("through.zip").unwrap_err();
    assert!(
        matches!(error, UnpackError::ThroughSymlink { .. }),
        "{error}"
    );
    assert!(!site.path("evil").exists());
}

#[test]
fn a_lone_top_level_directory_is_stripped() {
    let mut site = Site::new();
    site.run(
        "mkdir -p lone/top/top/top-stripped; echo -n x > lone/top/file; chmod 500 lone/top/top
         touch -d @1000000000 lone/top/top; mkdir -p pair/a pair/b; mkdir file; echo -n x > file/a
         mkdir none; mkdir link; ln -s /etc link/a; chmod 555 lone/top
         for name in lone pair file none link; do (cd $name; ls -A | tar -cf ../$name.tar -T -); done",
    );
    use StripTopLevel::{Auto, Force, Never};
    let stripped = ["file 644 x", "top/ 500", "top/top-stripped/ 755"];
    for (policy, archive, expected) in [
        (Auto, "lone.tar", Ok(&stripped[..])),
        (Force, "lone.tar", Ok(&stripped)),
        (Auto, "lone", Ok(&stripped)),
        (
            Never,
            "lone.tar",
            Ok(&[
                "top/ 555",
                "top/file 644 x",
                "top/top/ 500",
                "top/top/top-stripped/ 755",
            ]),
        ),
        (Auto, "pair.tar", Ok(&["a/ 755", "b/ 755"])),
        (Auto, "file.tar", Ok(&["a 644 x"])),
        (Auto, "link.tar", Ok(&["a -> /etc"])),
        (Auto, "none.tar", Ok(&[])),
        (Force, "pair.tar", Err("root has 2 entries")),
        (Force, "none.tar", Err("root has 0 entries")),
        (
            Force,
            "file.tar",
            Err("root has 1 entries, which is no directory"),
        ),
        (
            Force,
            "link.tar",
            Err("root has 1 entries, which is no directory"),
        ),
    ] {
        site.options.strip_top_level = policy;
        let context = format!("{policy:?} {archive}");
        match (site.unpack(archive), expected) {
            (Ok(summary), Ok(expected)) => {
                assert_eq!(site.tree(), expected, "{context}");
                assert_eq!(
                    summary.stripped.is_some(),
                    expected == stripped,
                    "{context}"
                );
            }
            (Err(error), Err(text)) => {
                assert!(error.to_string().ends_with(text), "{context}: {error}");
            }
            (result, _) => panic!("{context}: {result:?}"),
        }
        if expected == Ok(&stripped) {
            let kept = fs::metadata(site.path("out/top")).unwrap();
            assert_eq!(kept.mtime(), 1_000_000_000, "{context}");
            let root = fs::metadata(site.path("out")).unwrap();
            assert_ne!(root.mode() & 0o777, 0o555, "{context}");
        }
    }
}

#[test]
fn a_directory_as_archive_keeps_links() {
    let site = Site::new();
    fs::create_dir(site.path("source")).unwrap();
    symlink("../secret", site.path("source/link")).unwrap();
    fs::write(site.path("source/run"), "x").unwrap();
    fs::set_permissions(site.path("source/run"), fs::Permissions::from_mode(0o4711)).unwrap();
    site.unpack("source").unwrap();
    assert_eq!(site.tree(), ["link -> ../secret", "run 711 x"]);
}
