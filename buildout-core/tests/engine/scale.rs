//! Configurations that are longer or deeper than people write: nothing
//! recurses, nothing is quadratic.

use std::fmt::Write as _;

use buildout_core::recipe::{Buildout as _, Registry};
use buildout_core::resolve::ResolveProblem;
use buildout_core::run::{CONSTRUCTION_LIMIT, Failure, LABEL_LIMIT, Problem, Session};

use super::scripted::{Script, mini, set_out};
use super::site::{Site, watched};

/// Gives `work` a session of `profile`, on a thread with a stack of 2 MiB.
fn resolve<T: Send + 'static>(
    profile: String,
    work: impl FnOnce(&Session<'_>) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    watched(move || Site::new(&profile).session(Registry::default(), work).0)
}

#[test]
fn a_chain_of_100000_references() {
    let last = 100_000;
    let mut profile = String::from("[buildout]\nparts =\n");
    for index in 0..last {
        writeln!(profile, "[s{index}]\nx = ${{s{}:x}}", index + 1).unwrap();
    }
    writeln!(profile, "[s{last}]\nx = end").unwrap();
    let (value, edges) = resolve(profile, |session| {
        let value = session.required("s0", "x")?;
        Ok((value, session.edges().len()))
    })
    .unwrap();
    assert_eq!(&*value, "end");
    assert_eq!(edges, last);
}

#[test]
fn a_chain_of_100000_references_in_one_section() {
    let last = 100_000;
    let mut profile = String::from("[buildout]\nparts =\n[s]\n");
    for index in 0..last {
        writeln!(profile, "x{index} = ${{:x{}}}", index + 1).unwrap();
    }
    writeln!(profile, "x{last} = end").unwrap();
    let value = resolve(profile, |session| session.required("s", "x0")).unwrap();
    assert_eq!(&*value, "end");
}

#[test]
fn a_chain_of_100000_macros() {
    let last = 100_000;
    let mut profile = String::from("[buildout]\nparts =\n");
    for index in 0..last {
        // Each overrides an option, changes one and inherits one.
        writeln!(profile, "[s{index}]\n<= s{}\nx = {index}", index + 1).unwrap();
    }
    writeln!(profile, "[s{last}]\nx = end\ny = inherited").unwrap();
    let values = resolve(profile, |session| {
        Ok((session.required("s0", "x")?, session.required("s0", "y")?))
    })
    .unwrap();
    assert_eq!((&*values.0, &*values.1), ("0", "inherited"));
}

#[test]
fn a_chain_of_macros_without_an_end() {
    let count = 50_000;
    let mut profile = String::from("[buildout]\nparts =\n");
    for index in 0..count {
        writeln!(profile, "[s{index}]\n<= s{}", (index + 1) % count).unwrap();
    }
    let failure = resolve(profile, |session| session.reach("s0")).unwrap_err();
    assert!(
        matches!(
            failure.problem(),
            Problem::Resolve(ResolveProblem::MacroLoop { .. })
        ),
        "{failure}"
    );
}

#[test]
fn an_installation_of_10000_sections() {
    let count = 10_000;
    let mut profile = String::from("[buildout]\nparts = last\n[last]\nrecipe = mini\n");
    for index in (0..count).rev() {
        writeln!(profile, "x{index} = ${{s{index}:x}}").unwrap();
    }
    for index in 0..count {
        writeln!(
            profile,
            "[s{index}]\nx = {index}\ny = ${{s{}:x}}",
            index / 2
        )
        .unwrap();
    }
    watched(move || {
        let site = Site::new(&profile);
        let run = site.install(mini()).succeeded();
        assert_eq!(
            run.edges.len(),
            2 * count,
            "one each, and the parts directory"
        );
        assert_eq!(site.state().parts["last"].options["x4711"], "4711");
        let run = site.install(mini()).succeeded();
        assert_eq!(run.log(), ["Updating last."]);
    });
}

#[test]
fn an_installation_of_100_parts_that_each_need_the_one_before() {
    let count = 100;
    let mut profile = format!("[buildout]\nparts = p{}\n[p0]\nrecipe = mini\n", count - 1);
    for index in 1..count {
        writeln!(
            profile,
            "[p{index}]\nrecipe = mini\nx = ${{p{}:out}}",
            index - 1
        )
        .unwrap();
    }
    watched(move || {
        let site = Site::new(&profile);
        site.install(mini()).succeeded();
        assert_eq!(site.recorded().len(), count);
        assert_eq!(site.recorded()[0], "p0");
    });
}

#[test]
fn a_circle_of_50000_options() {
    let count = 50_000;
    let mut across = String::from("[buildout]\nparts =\n");
    let mut within = String::from("[buildout]\nparts =\n[s0]\n");
    for index in 0..count {
        let next = (index + 1) % count;
        writeln!(across, "[s{index}]\nx = ${{s{next}:x}}").unwrap();
        writeln!(within, "x{index} = ${{:x{next}}}").unwrap();
    }
    for profile in [across, within] {
        let failure = resolve(profile, |session| session.reach("s0")).unwrap_err();
        assert!(
            matches!(
                failure.problem(),
                Problem::Resolve(ResolveProblem::Circular { .. })
            ),
            "{failure}"
        );
        assert!(failure.doing().len() >= count, "upstream's trail is whole");
        assert_eq!(failure.labels().len(), LABEL_LIMIT);
    }
}

#[test]
fn constructions_nest_to_the_limit_and_no_deeper() {
    let reaches = |other_threads: bool| {
        Script::new().construct(move |part| {
            // What the constructor of a recipe may well need by itself; a debug
            // build has it twice.
            let buffer = std::hint::black_box([0_u8; 6 * 1024]);
            if let Some(next) = part.option("next")? {
                if other_threads {
                    part.on_other_thread(|remote| remote.get(&next, "out"))?;
                } else {
                    part.buildout().get(&next, "out")?;
                }
            }
            std::hint::black_box(&buffer);
            set_out(part)
        })
    };
    let profile = |depth: usize| {
        let mut profile = String::from("[buildout]\nparts = p1\n");
        for index in 1..depth {
            writeln!(profile, "[p{index}]\nrecipe = deep\nnext = p{}", index + 1).unwrap();
        }
        writeln!(profile, "[p{depth}]\nrecipe = deep").unwrap();
        profile
    };
    for other_threads in [false, true] {
        let registry = reaches(other_threads).named("deep");
        let at_limit = profile(CONSTRUCTION_LIMIT);
        let beyond = profile(CONSTRUCTION_LIMIT + 1);
        watched(move || {
            let site = Site::new(&at_limit);
            site.install(registry.clone()).succeeded();
            assert_eq!(site.recorded().len(), CONSTRUCTION_LIMIT);
            let site = Site::new(&beyond);
            let run = site.install(registry);
            assert!(
                matches!(
                    run.failure().problem(),
                    Problem::Resolve(ResolveProblem::TooDeep { .. })
                ),
                "{}",
                run.error()
            );
        });
    }
}

#[test]
fn values_do_not_grow_without_bound() {
    let mut profile = String::from("[buildout]\nparts =\n[s]\nx0 = 0123456789abcdef\n");
    for index in 1..40 {
        writeln!(profile, "x{index} = ${{:x{0}}}${{:x{0}}}", index - 1).unwrap();
    }
    let failure = resolve(profile, |session| session.reach("s")).unwrap_err();
    assert!(
        matches!(
            failure.problem(),
            Problem::Resolve(ResolveProblem::ValueTooLong { .. })
        ),
        "{failure}"
    );
}
