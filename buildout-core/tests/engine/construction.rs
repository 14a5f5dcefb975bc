//! What recipes do while they are constructed, and the order this gives.

use std::sync::{Arc, Mutex};

use buildout_core::recipe::{Answer, Buildout, Call, RecipeError};
use buildout_core::run::{Problem, SIGNATURE_OPTION};

use super::scripted::{Script, mini, registry, set_out};
use super::site::Site;

#[test]
fn parts_are_installed_in_the_order_of_their_construction() {
    // Profiles without `recipe = mini`, which sections named by one letter
    // get; cases 48 to 52 of the profile language's section 7 among them.
    let cases = [
        ("parts = a b", "[a]\n[b]", "a b"),
        ("parts = b a", "[a]\n[b]", "b a"),
        ("parts = p", "[p]\na = ${q:out}\n[q]", "q p"),
        (
            "parts = p",
            "[p]\nB = ${q:recipe}\na = ${r:recipe} ${q:recipe}\n_ = ${s:recipe}\n[q]\n[r]\n[s]",
            "q s r p",
        ),
        ("parts = p\nzz = ${q:recipe}", "[p]\n[q]", "q p"),
        (
            "parts = b a b",
            "[a]\nx = ${c:out}\n[b]\na = ${a:out}\nz = ${d:out}\n[c]\n[d]",
            "c a d b",
        ),
        ("parts = p", "[p]\n=> q r\n[q]\n[r]", "q r p"),
        // Through a section without a recipe.
        (
            "parts = p",
            "[p]\nx = ${data:x}\n[data]\nx = ${q:out}\n[q]",
            "q p",
        ),
        // `parts` itself may refer to parts.
        (
            "parts = ${data:list}",
            "[data]\nlist = b a\n[a]\n[b]",
            "b a",
        ),
        // Sections that refer to each other in a circle, options that do not.
        (
            "parts = a",
            "[a]\nx = ${b:y}\nw = 1\n[b]\ny = 2\nz = ${a:w}",
            "b a",
        ),
        ("parts = a a a", "[a]", "a"),
    ];
    for (buildout, sections, expected) in cases {
        let mut profile = format!("[buildout]\n{buildout}\n");
        for line in sections.lines() {
            profile.push_str(line);
            profile.push('\n');
            if line.len() == 3 {
                profile.push_str("recipe = mini\n");
            }
        }
        let site = Site::new(&profile);
        let run = site.install(mini()).succeeded();
        let wanted: Vec<String> = expected
            .split(' ')
            .map(|part| format!("Installing {part}."))
            .collect();
        let started = |line: &String| line.starts_with("Installing ");
        let log: Vec<String> = run.log().into_iter().filter(started).collect();
        assert_eq!(log, wanted, "{profile}");
        assert_eq!(site.recorded().join(" "), expected, "{profile}");
    }
}

#[test]
fn the_order_of_upstreams_example_with_generated_parts() {
    let site = Site::new(
        "[buildout]\nparts = c a a\n[a]\nrecipe = mini\nx = ${b:out}\n[b]\nrecipe = mini\n\
         [c]\nrecipe = mini\nx = ${d:out}\n[d]\nrecipe = adds\n",
    );
    let adds = Script::new().construct(|part| {
        part.buildout()
            .add_sections("\n    [gen]\n    recipe = mini\n    x = ${d:early}\n")?;
        set_out(part)
    });
    site.edit("recipe = adds", "recipe = adds\nearly = 1");
    site.install(adds.clone().named("adds")).succeeded();
    assert_eq!(site.recorded(), ["gen", "d", "c", "b", "a"]);

    // Named parts are installed alone; the others stay, untouched.
    site.edit("[b]", "[e]\nrecipe = mini\n[b]");
    let run = site.install_parts(adds.clone().named("adds"), &["e"]);
    assert_eq!(run.succeeded().log(), ["Installing e."]);
    assert_eq!(site.recorded(), ["gen", "d", "c", "b", "a", "e"]);
    let log = site.install(adds.named("adds")).succeeded().log();
    assert_eq!(log[0], "Uninstalling e.");
    assert!(log[1..].iter().all(|line| line.starts_with("Updating ")));
}

#[test]
fn a_constructor_reads_sets_deletes_and_lists_options() {
    let site = Site::new(
        "[buildout]\nparts = a\n[a]\nrecipe = probe\nz = ${other:y}\nb = 1\n[other]\ny = Y\n",
    );
    let seen = Arc::new(Mutex::new(Vec::new()));
    let probe = {
        let seen = Arc::clone(&seen);
        Script::new().construct(move |part| {
            let mut seen = seen.lock().unwrap();
            let buildout = part.buildout();
            seen.push(part.option_names()?.join(" "));
            part.set("new", "${not:substituted}")?;
            part.set("b", "2")?;
            seen.push(part.option_names()?.join(" "));
            seen.push(part.required("z")?.to_string());
            seen.push(part.required("new")?.to_string());
            seen.push(format!("{:?}", part.option("absent")?));
            seen.push(format!("{:?}", buildout.delete("a", "b")?));
            seen.push(format!("{:?}", buildout.delete("a", "b")?));
            seen.push(part.option_names()?.join(" "));
            seen.push(
                buildout
                    .substitute("a", "<${:z} $${x:y} ${other:y}>")?
                    .to_string(),
            );
            seen.push(buildout.section_names()?.join(" "));
            let section = Arc::from("other");
            match buildout.call(Call::KnownValues { section })? {
                Answer::Options(options) => seen.push(format!("{options:?}")),
                other => panic!("{other:?}"),
            }
            seen.push(part.required("absent").unwrap_err().to_string());
            seen.push(buildout.reach("nowhere").unwrap_err().to_string());
            let twice = buildout.add_sections("[other]\n").unwrap_err();
            seen.push(twice.to_string());
            set_out(part)
        })
    };
    site.install(probe.named("probe")).succeeded();
    let expected = [
        "recipe z b",
        "recipe z b new",
        "Y",
        "${not:substituted}",
        "None",
        "Some(\"2\")",
        "None",
        "recipe z new",
        "<Y $${x:y} Y>",
        "buildout a other versions",
        "{\"y\": \"Y\"}",
        "Missing option: a:absent",
        "The referenced section, 'nowhere', was not defined.",
        "('Section already exists', 'other')",
    ];
    let seen = seen.lock().unwrap();
    for (index, (seen, expected)) in seen.iter().zip(expected).enumerate() {
        assert_eq!(seen, expected, "{index}");
    }
    assert_eq!(seen.len(), expected.len());
    let state = site.state();
    assert_eq!(state.parts["a"].options["new"], "${not:substituted}");
    assert!(!state.parts["a"].options.contains_key("b"));
}

#[test]
fn reading_the_signature_freezes_what_a_part_depends_on() {
    let profile = "[buildout]\nparts = a\n[a]\nrecipe = frozen\n[before]\nx = 1\n[after]\nx = 1\n";
    let site = Site::new(profile);
    let signatures = Arc::new(Mutex::new(Vec::new()));
    let frozen = {
        let signatures = Arc::clone(&signatures);
        Script::new().version(7).construct(move |part| {
            part.buildout().reach("before")?;
            let signature = part.signature()?;
            part.buildout().get("after", "x")?;
            assert_eq!(part.signature()?, signature);
            signatures.lock().unwrap().push(signature.to_string());
            set_out(part)
        })
    };
    let run = || site.install(frozen.clone().named("frozen")).succeeded();
    run();
    let recorded = site.state().parts["a"].options[SIGNATURE_OPTION].clone();
    assert_eq!(signatures.lock().unwrap()[0], recorded);
    assert!(
        recorded.starts_with("native:frozen:default:7 before:"),
        "{recorded}"
    );
    assert!(!recorded.contains("after"), "{recorded}");

    site.profile(&profile.replace("[after]\nx = 1", "[after]\nx = 2"));
    assert_eq!(run().log(), ["Updating a."]);
    site.profile(&profile.replace("[before]\nx = 1", "[before]\nx = 2"));
    assert_eq!(run().log(), ["Uninstalling a.", "Installing a."]);
}

#[test]
fn failures_of_construction_name_the_part_and_do_nothing() {
    let fails = |message: &'static str| {
        Script::new().construct(move |part| match message {
            "panic" => panic!("oh no"),
            "reach" => Ok(part.buildout().reach("nowhere")?),
            "exit" => Err(RecipeError::new(
                buildout_core::recipe::RecipeErrorKind::Exit(3),
                "",
            )),
            other => Err(RecipeError::user(other).at_option("recipe")),
        })
    };
    let trail = "Installing. Getting section b. Initializing section b. ";
    let cases = [
        ("bad thing", "bad thing", 1),
        ("panic", "the recipe of part `b` panicked: oh no", 1),
        (
            "reach",
            "Getting section nowhere. The referenced section, 'nowhere', was not defined.",
            1,
        ),
        ("exit", "", 3),
    ];
    for (message, expected, code) in cases {
        let site = Site::new("[buildout]\nparts = a b\n[a]\nrecipe = mini\n[b]\nrecipe = mini\n");
        site.install(mini()).succeeded();
        let before = site.read(".installed.cfg");
        site.edit("[b]\nrecipe = mini", "[b]\nrecipe = fails");
        let run = site.install(fails(message).named("fails"));
        assert_eq!(run.error(), format!("{trail}{expected}"));
        assert_eq!(run.failure().exit_code(), code);
        assert_eq!(run.log(), [""; 0], "nothing is touched");
        assert_eq!(site.read(".installed.cfg"), before);
    }
}

#[test]
fn what_cannot_become_a_part_is_an_error() {
    let cases = [
        ("[a]\nx = 1", "Installing. Missing option: a:recipe"),
        (
            "[b]",
            "Installing. Getting section a. The referenced section, 'a', was not defined.",
        ),
        (
            "[a]\nrecipe = x:y:z",
            "Installing. Getting section a. Initializing section a. Invalid recipe: 'x:y:z'",
        ),
        (
            "[a]\nrecipe = mini\nb = ${:b}",
            "Installing. Getting section a. Initializing section a. Getting option a:b. \
             Getting option a:b. Circular reference in substitutions.\n",
        ),
    ];
    for (sections, expected) in cases {
        let site = Site::new(&format!("[buildout]\nparts = a\n{sections}\n"));
        assert_eq!(site.install(mini()).error(), expected);
    }
    // An empty recipe makes no part, and no error.
    let site = Site::new("[buildout]\nparts = a b\n[a]\nrecipe =\n[b]\nrecipe = mini\n");
    assert_eq!(site.install(mini()).succeeded().log(), ["Installing b."]);
    assert_eq!(site.recorded(), ["b"]);
}

#[test]
fn a_provider_that_panics_does_not_leave_other_threads_waiting() {
    struct Panics;
    impl buildout_core::recipe::Provider for Panics {
        fn find(
            &self,
            recipe: &buildout_core::recipe::RecipeReference,
        ) -> Option<Arc<dyn buildout_core::recipe::Factory>> {
            assert_ne!(recipe.distribution, "broken", "no such recipe");
            None
        }
        fn descriptors(&self) -> Vec<buildout_core::recipe::Descriptor> {
            Vec::new()
        }
    }
    let failures = Arc::new(Mutex::new(Vec::new()));
    let calls = {
        let failures = Arc::clone(&failures);
        Script::new().construct(move |part| {
            part.on_other_thread(|remote| {
                for _ in 0..2 {
                    let failure = remote.reach("b").unwrap_err();
                    failures.lock().unwrap().push(failure);
                }
            });
            Ok(())
        })
    };
    let registry = registry([("calls", calls)]).with(Arc::new(Panics));
    let result = super::site::watched(move || {
        let site = Site::new("[buildout]\nparts = a\n[a]\nrecipe = calls\n[b]\nrecipe = broken\n");
        site.install(registry).error()
    });
    assert!(result.contains("panicked"), "{result}");
    for failure in failures.lock().unwrap().iter() {
        assert!(
            matches!(failure.problem(), Problem::EngineGone),
            "{failure}"
        );
    }
}
