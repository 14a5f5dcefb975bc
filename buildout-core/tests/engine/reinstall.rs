//! When an installed part is installed anew.

use buildout_core::dialect::DialectName;
use buildout_core::event::Level;

use super::scripted::{Script, mini, registry};
use super::site::Site;

/// A change of the profile between two runs, and what the second one logs.
struct Case {
    from: &'static str,
    to: &'static str,
    slapos: &'static str,
    upstream: &'static str,
}

const PROFILE: &str = "[buildout]\nparts = a b c\n\
    [a]\nrecipe = mini\nx = ${data:x}\ntext = 1\n\
    [data]\nx = 1\ny = 2\ndeep = ${deeper:x}\n\
    [deeper]\nx = 1\ny = 2\n\
    [b]\nrecipe = mini\n\
    [c]\nrecipe = mini\nuses = ${a:out}\n";

#[test]
fn changes_of_a_profile_reinstall_what_they_concern() {
    let nothing = "=a =b =c";
    let cases = [
        Case {
            from: "text = 1",
            to: "text = 2",
            slapos: "-c -a +a =b +c",
            upstream: "-a +a =b =c",
        },
        Case {
            from: "[b]\n",
            to: "[b]\nnew = 1\n",
            slapos: "-b =a +b =c",
            upstream: "-b =a +b =c",
        },
        Case {
            from: "text = 1\n",
            to: "",
            slapos: "-c -a +a =b +c",
            upstream: "-a +a =b =c",
        },
        // An interpolated value counts in both dialects.
        Case {
            from: "[data]\nx = 1",
            to: "[data]\nx = 2",
            slapos: "-c -a +a =b +c",
            upstream: "-a +a =b =c",
        },
        // What is not interpolated counts only where signatures include what
        // a part depends on; also when that section has no recipe.
        Case {
            from: "[data]\nx = 1\ny = 2",
            to: "[data]\nx = 1\ny = 3",
            slapos: "-c -a +a =b +c",
            upstream: nothing,
        },
        Case {
            from: "[deeper]\nx = 1\ny = 2",
            to: "[deeper]\nx = 1\ny = 3",
            slapos: "-c -a +a =b +c",
            upstream: nothing,
        },
        Case {
            from: "parts = a b c\n",
            to: "parts = a b c\nother = 1\n",
            slapos: nothing,
            upstream: nothing,
        },
    ];
    for case in cases {
        for dialect in DialectName::ALL {
            let site = Site::new(PROFILE).dialect(dialect);
            site.install(mini()).succeeded();
            site.edit(case.from, case.to);
            let expected = match dialect {
                DialectName::Slapos => case.slapos,
                DialectName::Upstream => case.upstream,
            };
            let context = format!("{} -> {} ({})", case.from, case.to, dialect.as_str());
            assert_eq!(actions(&site.install(mini())), expected, "{context}");
            assert_eq!(actions(&site.install(mini())), nothing, "{context}: again");
        }
    }
}

#[test]
fn a_circle_of_sections_counts_as_a_whole() {
    // Each part depends on one section of the circle, and so on all of it,
    // whichever part is looked at first.
    for parts in ["a b", "b a"] {
        for section in ["one", "two", "three"] {
            let site = Site::new(&format!(
                "[buildout]\nparts = {parts}\n\
                 [a]\nrecipe = mini\nx = ${{one:x}}\n[b]\nrecipe = mini\nx = ${{two:x}}\n\
                 [one]\nx = 1\nto = ${{two:x}}\n[two]\nx = 1\nto = ${{three:x}}\n\
                 [three]\nx = 1\nto = ${{one:x}}\n"
            ));
            site.install(mini()).succeeded();
            assert!(!actions(&site.install(mini())).contains('+'));
            site.edit(&format!("[{section}]\n"), &format!("[{section}]\ny = 2\n"));
            let actions = actions(&site.install(mini()));
            assert!(
                actions.contains("+a") && actions.contains("+b"),
                "{parts}, {section}: {actions}"
            );
        }
    }
}

#[test]
fn what_is_told_of_changed_options() {
    let site = Site::new("[buildout]\nparts = a\n[a]\nrecipe = mini\nchanged = 1\ndropped = 1\n");
    site.install(mini()).succeeded();
    site.edit("changed = 1\ndropped", "changed = 2\nnew");
    let run = site.install(mini()).succeeded();
    assert_eq!(
        run.log_from(Level::Debug),
        [
            "Part a, option changed changed:\n'2' != '1'",
            "Part a, dropped option dropped.",
            "Part a, new option new.",
            "Uninstalling a.",
            "Installing a.",
        ]
    );
}

#[test]
fn a_missing_file_reinstalls() {
    let site = Site::new("[buildout]\nparts = a b\n[a]\nrecipe = mini\n[b]\nrecipe = mini\n");
    site.install(mini()).succeeded();
    let out = site.path("parts/b.txt");
    std::fs::remove_file(&out).unwrap();
    assert_eq!(actions(&site.install(mini())), "-b =a +b");
    // A link that leads nowhere is missing as well.
    std::fs::remove_file(&out).unwrap();
    std::os::unix::fs::symlink("nowhere", &out).unwrap();
    assert_eq!(actions(&site.install(mini())), "-b =a +b");
    assert!(out.exists());
}

#[test]
fn another_behaviour_version_reinstalls() {
    let site = Site::new("[buildout]\nparts = a\n[a]\nrecipe = versioned\n");
    let run = |version| {
        let script = Script::new().version(version);
        actions(&site.install(registry([("versioned", script)])))
    };
    assert_eq!(run(1), "+a");
    assert_eq!(run(1), "=a");
    assert_eq!(run(2), "-a +a");
}

#[test]
fn values_that_are_hard_to_write_down_do_not_reinstall() {
    let values = [
        "",
        "\tx",
        "x\t",
        "  x ",
        "a\n\n b",
        "%(__buildout_space__)s",
        "$${x:y}",
        "é\r",
    ];
    for value in values {
        let sets = Script::new().construct(move |part| {
            part.set("value", value)?;
            super::scripted::set_out(part)
        });
        let site = Site::new("[buildout]\nparts = a\n[a]\nrecipe = sets\n");
        assert_eq!(actions(&site.install(sets.clone().named("sets"))), "+a");
        let again = actions(&site.install(sets.named("sets")));
        assert_eq!(again, "=a", "{value:?}");
    }
}

/// Returns what was done to parts, as `-uninstalled +installed =updated`.
#[track_caller]
fn actions(run: &super::site::Run) -> String {
    if let Err(failure) = &run.result {
        panic!("{failure}");
    }
    let lines = run.log();
    let short = |line: &String| {
        let part = line.strip_suffix('.')?;
        let (verb, part) = part.split_once(' ')?;
        match verb {
            "Uninstalling" => Some(format!("-{part}")),
            "Installing" => Some(format!("+{part}")),
            "Updating" => Some(format!("={part}")),
            _ => None,
        }
    };
    lines.iter().filter_map(short).collect::<Vec<_>>().join(" ")
}
