//! Generated cases: a seed decides which features a case mixes, its include graph, the texts of its
//! profiles and the questions asked. The same seed always gives the same case.

mod graph;
mod text;

use crate::case::{Case, Dialect, ROOT, Step};
use crate::random::Random;
use graph::Graph;
use text::{OPTIONS, SECTIONS, Writer};

/// How often a case uses each feature, in percent of the occasions.
#[derive(Debug)]
pub(crate) struct Knobs {
    /// `+=` and `-=` among options.
    operators: usize,
    /// Unusual blanks around operators among these.
    odd_spacing: usize,
    /// `<` among sections.
    macros: usize,
    /// `[name:expression]` among section headers.
    conditions: usize,
    /// `${...}` among words of values.
    references: usize,
    /// References to what need not exist, or that are not even well formed, among these.
    bad_references: usize,
    /// `$$` and lone `$` among words.
    dollars: usize,
    /// Values of several lines.
    multi_line: usize,
    /// Comments and blank lines.
    noise: usize,
    /// Sections and options written again.
    repeats: usize,
    /// `=>` among sections.
    arrows: usize,
    /// Whether lines end in CR LF.
    crlf: bool,
    /// What is wrong with the case, if anything is.
    fault: Option<Fault>,
}

/// Things that end a run with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    BadLine,
    MissingFile,
    SelfInclude,
    UnknownName,
    OptionBeforeSection,
    ExtendedBy,
    BadBoolean,
    BadReferenceInBuildout,
    UnknownVersions,
    ByteOrderMark,
    IndentedFirstOption,
    ReferenceInCache,
}

const FAULTS: [Fault; 12] = [
    Fault::BadLine,
    Fault::MissingFile,
    Fault::SelfInclude,
    Fault::UnknownName,
    Fault::OptionBeforeSection,
    Fault::ExtendedBy,
    Fault::BadBoolean,
    Fault::BadReferenceInBuildout,
    Fault::UnknownVersions,
    Fault::ByteOrderMark,
    Fault::IndentedFirstOption,
    Fault::ReferenceInCache,
];

impl Knobs {
    fn draw(random: &mut Random, dialect: Dialect) -> Self {
        // Each feature is off in some cases, so that a failure often shows without the others.
        let mut level = |percent: usize, high: usize| {
            if random.chance(percent) {
                random.between(1, high)
            } else {
                0
            }
        };
        Self {
            operators: level(75, 60),
            odd_spacing: level(35, 25),
            macros: level(55, 50),
            conditions: level(45, 40),
            references: level(60, 50),
            bad_references: level(30, 20),
            // What a reader of values sees of `$$` is where the dialect leaves 3.0.1.
            dollars: if dialect == Dialect::Slapos {
                0
            } else {
                level(25, 30)
            },
            multi_line: level(65, 60),
            noise: level(60, 30),
            repeats: level(50, 30),
            arrows: level(10, 20),
            crlf: level(6, 1) == 1,
            fault: (level(12, 1) == 1).then(|| FAULTS[random.below(FAULTS.len())]),
        }
    }
}

/// The case of a seed.
pub(crate) fn case(seed: u64, dialect: Dialect) -> Case {
    let mut random = Random::new(seed);
    let knobs = Knobs::draw(&mut random, dialect);
    let graph = Graph::draw(&mut random);
    let mut case = Case::new(format!("seed-{seed:04}"), dialect);
    let faulty_file = random.below(graph.files.len());
    for file in 0..graph.files.len() {
        let fault = knobs.fault.filter(|_| file == faulty_file);
        let text = Writer::new(&mut random, &knobs, fault).profile(&graph, file);
        case.files.insert(graph.files[file].clone(), text);
    }
    if random.chance(15) {
        user_defaults(&mut random, &knobs, &mut case);
    }
    let leading = leading_arguments(&mut random, &knobs, &mut case);
    questions(&mut random, &leading, &mut case);
    case
}

/// Adds a `default.cfg`, which may extend another file beside it.
fn user_defaults(random: &mut Random, knobs: &Knobs, case: &mut Case) {
    let directory = if random.chance(50) {
        "home/.buildout"
    } else {
        case.environment
            .push(("BUILDOUT_HOME".to_owned(), format!("{ROOT}/defaults")));
        "defaults"
    };
    let mut graph = Graph::single(format!("{directory}/default.cfg"));
    if random.chance(30) {
        graph.add_leaf(format!("{directory}/more.cfg"));
    }
    for file in 0..graph.files.len() {
        let text = Writer::new(random, knobs, None).profile(&graph, file);
        case.files.insert(graph.files[file].clone(), text);
    }
}

/// Options and assignments that stand before every command of the case.
fn leading_arguments(random: &mut Random, knobs: &Knobs, case: &mut Case) -> Vec<String> {
    let mut arguments: Vec<String> = Vec::new();
    if random.chance(15) {
        arguments.push(
            random
                .pick(&["-U", "-N", "-n", "-o", "-O", "-q", "-vN", "-Uo"])
                .to_owned(),
        );
    }
    if random.chance(20) {
        for _ in 0..random.between(1, 3) {
            let (section, option) = (random.pick(&SECTIONS), random.pick(&OPTIONS));
            let operator = random.pick(&["=", "=", "+=", " += ", "-=", " = "]);
            let value = Writer::new(random, knobs, None).assigned_value();
            arguments.push(format!("{section}:{option}{operator}{value}"));
        }
    }
    if random.chance(8) {
        let names: &[&str] = if random.chance(30) {
            &["extra.cfg", "over.cfg"]
        } else {
            &["extra.cfg"]
        };
        for name in names {
            let graph = Graph::single((*name).to_owned());
            let text = Writer::new(random, knobs, None).profile(&graph, 0);
            case.files.insert((*name).to_owned(), text);
        }
        arguments.push(format!("buildout:extends={}", names.join(" ")));
    }
    if random.chance(5) {
        // The same profile by another spelling of its name.
        let spelling = random.pick(&[
            "-cbuildout.cfg",
            "-c./buildout.cfg",
            "-c@ROOT@/buildout.cfg",
        ]);
        arguments.push(spelling.to_owned());
    }
    arguments
}

/// What is asked: both forms of `annotate`, some queries, and all resolved values.
fn questions(random: &mut Random, leading: &[String], case: &mut Case) {
    let mut run = |arguments: &[&str]| {
        let mut all = leading.to_vec();
        all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        case.steps.push(Step::Run(all));
    };
    run(&["annotate"]);
    run(&["-v", "annotate"]);
    for _ in 0..2 {
        // Mostly something that many profiles have.
        let section = if random.chance(70) {
            random.pick(&["p", "q", "m"])
        } else {
            random.pick(&SECTIONS)
        };
        let option = if random.chance(70) {
            random.pick(&["l", "a"])
        } else {
            random.pick(&OPTIONS)
        };
        let question = format!("{section}:{option}");
        if random.chance(20) {
            run(&["-v", "query", &question]);
        } else {
            run(&["query", &question]);
        }
    }
    if random.chance(20) {
        run(&["annotate", random.pick(&SECTIONS), random.pick(&SECTIONS)]);
    }
    if random.chance(10) {
        run(&[
            "query",
            random.pick(&[
                "eggs-directory",
                "parts",
                "nothing",
                "a:b:c",
                "versions:zc.recipe.egg",
            ]),
        ]);
    }
    case.steps.push(Step::Resolve(leading.to_vec()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_names_a_case() {
        for seed in 0..50 {
            let (one, other) = (case(seed, Dialect::Upstream), case(seed, Dialect::Upstream));
            assert_eq!(one.files, other.files);
            assert_eq!(one.steps, other.steps);
        }
        assert_ne!(
            case(1, Dialect::Upstream).files,
            case(2, Dialect::Upstream).files
        );
    }
}
