//! The texts of generated profiles.

use super::graph::Graph;
use super::{Fault, Knobs};
use crate::random::Random;

/// Names of sections. A small set, so that files meet in the same sections.
pub(crate) const SECTIONS: [&str; 10] = ["p", "p", "q", "q", "m", "m", "n", "s-t", "S.u", "é"];
/// Names of options.
pub(crate) const OPTIONS: [&str; 10] = ["l", "l", "l", "a", "a", "key", "k-2", "Z", "_o", "ü"];

const WORDS: [&str; 18] = [
    "one", "two", "three", "one", "two", "x # y", "y ; z", "=2", "a:b", "%(x)s", "[q]", "{b}",
    "'q'", "\"d\"", "élan", "a  b", "<", "+",
];
const CONDITIONS: [&str; 30] = [
    "linux",
    "windows",
    "python2",
    "python3",
    "posix and linux",
    "bits64",
    "not windows",
    "macosx or linux",
    "cpython",
    "pypy",
    "True",
    "False",
    "1",
    "0",
    "\"]\"",
    "[]",
    "",
    "True, False",
    "sys.version_info < (3, 5)",
    "sys.version_info[0] >= 3",
    "sys.platform == \"linux\"",
    "os.name == 'posix'",
    "linux and platform.machine() == \"x86_64\"",
    "not (linux and bits32)",
    "\"\\x3b\" == \"a\"",
    "python_version >= \"3.8\"",
    "platform_system == \"Windows\"",
    "sys_platform == \"linux\" and python_version < \"4\"",
    "implementation_name == 'cpython' or os_name == 'nt'",
    "python_full_version != \"3.0.0\"",
];
const BAD_REFERENCES: [&str; 10] = [
    "${none:a}",
    "${p:none}",
    "${x}",
    "${x:y:z}",
    "${x!:y}",
    "${p:}",
    "${:}",
    "${p:a$b}",
    "${ p : a }",
    "${p:a",
];

/// Writes one profile.
pub(crate) struct Writer<'a> {
    random: &'a mut Random,
    knobs: &'a Knobs,
    fault: Option<Fault>,
    text: String,
}

impl<'a> Writer<'a> {
    /// A writer for one file, which has the fault if there is one.
    pub(crate) fn new(random: &'a mut Random, knobs: &'a Knobs, fault: Option<Fault>) -> Self {
        Self {
            random,
            knobs,
            fault,
            text: String::new(),
        }
    }

    /// The bytes of a file of the graph.
    pub(crate) fn profile(mut self, graph: &Graph, file: usize) -> Vec<u8> {
        if self.fault == Some(Fault::ByteOrderMark) {
            self.text.push('\u{feff}');
        }
        if self.fault == Some(Fault::OptionBeforeSection) {
            self.text.push_str("early = 1\n");
        }
        self.noise();
        let count = self.random.between(1, 4);
        let place = if self.random.chance(80) {
            0
        } else {
            self.random.below(count + 1)
        };
        for index in 0..=count {
            if index == place {
                self.buildout(graph, file);
            } else {
                self.section(index == 0);
            }
        }
        if self.random.chance(12) {
            self.versions();
        }
        if self.fault == Some(Fault::BadLine) {
            self.text.push_str("this is no option\n");
        }
        if self.random.chance(4) {
            // No newline at the end of the file.
            self.text.truncate(self.text.trim_end_matches('\n').len());
        }
        if self.knobs.crlf {
            self.text.replace('\n', "\r\n").into_bytes()
        } else {
            self.text.into_bytes()
        }
    }

    /// A value for an assignment on the command line.
    pub(crate) fn assigned_value(mut self) -> String {
        let mut value = self.words();
        if self.random.chance(25) {
            value.push('\n');
            value.push_str(&self.words());
        }
        value
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        if self.random.chance(self.knobs.noise / 4) {
            self.text.push_str("  ");
        }
        self.text.push('\n');
        self.noise();
    }

    fn noise(&mut self) {
        if !self.random.chance(self.knobs.noise) {
            return;
        }
        let line = self.random.pick(&[
            "# comment",
            "; comment",
            "",
            "",
            "#",
            "   ",
            "# [p]",
            ";a = 1",
        ]);
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn buildout(&mut self, graph: &Graph, file: usize) {
        let mut entries = graph.entries(file, self.random);
        let is_root = file == 0;
        let plain_faults = [
            (Fault::ExtendedBy, "extended-by = x.cfg"),
            (Fault::BadBoolean, "newest = maybe"),
            (Fault::BadReferenceInBuildout, "zz = ${none:a}"),
            (Fault::UnknownVersions, "versions = nowhere"),
            (Fault::ReferenceInCache, "extends-cache = ${p:a}"),
        ];
        let fault = plain_faults
            .into_iter()
            .find(|(fault, _)| self.fault == Some(*fault));
        match self.fault {
            Some(Fault::MissingFile) => entries.push("nowhere.cfg".to_owned()),
            Some(Fault::SelfInclude) => entries.push(graph.own_name(file).to_owned()),
            _ => {}
        }
        if entries.is_empty() && fault.is_none() && !is_root && self.random.chance(50) {
            return;
        }
        self.line("[buildout]");
        if !entries.is_empty() {
            let separator = self.random.pick(&["\n  ", "\n# a comment\n\t", " ", "  "]);
            let lead = if separator.starts_with('\n') && self.random.chance(50) {
                "\n  "
            } else {
                " "
            };
            self.line(&format!("extends ={lead}{}", entries.join(separator)));
        }
        let optional = graph.optional_entries(file);
        if !optional.is_empty() {
            self.line(&format!("optional-extends = {}", optional.join(" ")));
        }
        if is_root {
            self.line("parts =");
        }
        if let Some((_, line)) = fault {
            self.line(line);
        }
        if self.random.chance(30) {
            let line = self.random.pick(&[
                "newest = false",
                "offline = true",
                "eggs-directory = e",
                "eggs-directory = ${buildout:directory}/e",
                "eggs-directory-version =",
                "parts-directory = pp",
                "download-cache = dl",
                "bin-directory = ${buildout:directory}/b",
                "find-links += x",
                "installed = state.cfg",
                "extra = 1\n  2",
                "extra += 3",
                "extra -= 2",
                "log-level = DEBUG",
                "prefer-final = false",
                "extends += never.cfg",
                "< = m",
            ]);
            self.line(line);
        }
    }

    fn versions(&mut self) {
        if self.random.chance(20) {
            self.line("[buildout]");
            self.line("versions = versions");
        }
        self.line("[versions]");
        let line = self.random.pick(&[
            "foo = 1.0",
            "zc.recipe.egg = 2.0.7",
            "zc.buildout = 6.0.1",
            "foo += 2",
            "bar = ${p:a}",
            "Foo = >=2",
        ]);
        self.line(line);
    }

    fn section(&mut self, first: bool) {
        let name = self.random.pick(&SECTIONS);
        let conditional = self.random.chance(if first {
            self.knobs.conditions / 8
        } else {
            self.knobs.conditions
        });
        if self.fault == Some(Fault::UnknownName) && !first {
            self.line(&format!("[{name}:python2 or unknown_name]"));
            self.fault = None;
        } else if conditional {
            let expression = self.random.pick(&CONDITIONS);
            let comment = self.random.pick(&["", "", "", " # why", " ; why"]);
            self.line(&format!("[{name}:{expression}]{comment}"));
        } else {
            let header = match self.random.below(12) {
                0 => format!("[ {name} ]"),
                1 => format!("[{name}] # comment"),
                2 => format!("[{name}:]"),
                _ => format!("[{name}]"),
            };
            self.line(&header);
        }
        if self.fault == Some(Fault::IndentedFirstOption) {
            self.text.push_str("  indented = 1\n");
            self.fault = None;
        }
        if self.random.chance(self.knobs.macros) {
            self.parents();
        }
        if self.random.chance(self.knobs.arrows) {
            let dependency = self.random.pick(&SECTIONS);
            self.line(&format!("=> {dependency}"));
        }
        if self.random.chance(5) {
            // One that both sides have, for where `[buildout]` leads to its construction.
            self.line("recipe = plone.recipe.command");
        }
        let mut options = Vec::new();
        for _ in 0..self.random.between(0, 5) {
            let repeated = !options.is_empty() && self.random.chance(self.knobs.repeats);
            let option = if repeated {
                options[self.random.below(options.len())]
            } else {
                self.random.pick(&OPTIONS)
            };
            options.push(option);
            self.option(option);
        }
        if self.random.chance(self.knobs.repeats / 2) {
            let again = self.random.pick(&SECTIONS);
            self.line(&format!("[{again}]"));
            let option = self.random.pick(&OPTIONS);
            self.option(option);
        }
    }

    fn parents(&mut self) {
        let start = self.random.pick(&["<=", "<= ", "< = ", "<="]);
        let first = self.random.pick(&["m", "n", "m", "n", "q", "é", "S.u"]);
        let mut line = format!("{start}{first}");
        if self.random.chance(30) {
            let second = self.random.pick(&["m", "n", "s-t", "none", "q"]);
            line.push_str(&format!("\n  {second}"));
        } else if self.random.chance(4) {
            line = "<=".to_owned();
        }
        self.line(&line);
    }

    fn option(&mut self, option: &str) {
        let operator = self.operator(option);
        if self.random.chance(7) {
            self.line(&format!("{option}{operator}"));
            return;
        }
        let first = self.words();
        if !self.random.chance(self.knobs.multi_line) {
            let blank = if operator.ends_with(' ') {
                ""
            } else {
                self.random.pick(&["", " "])
            };
            self.line(&format!("{option}{operator}{blank}{first}"));
            return;
        }
        let block = self.random.chance(60);
        let start = if block { String::new() } else { first };
        self.line(&format!("{option}{operator}{start}"));
        let usual = self.random.pick(&["  ", "    ", "\t"]);
        for _ in 0..self.random.between(1, 4) {
            let indent = if self.random.chance(80) {
                usual
            } else {
                self.random.pick(&[" ", "      ", "\t\t", "  \t"])
            };
            let words = self.words();
            self.line(&format!("{indent}{words}"));
        }
    }

    fn operator(&mut self, option: &str) -> &'static str {
        if !self.random.chance(self.knobs.operators) {
            return self.random.pick(&[" = ", " = ", "=", " =", "= "]);
        }
        let odd = self.random.chance(self.knobs.odd_spacing);
        // Without a blank upstream takes two characters off the name where the option is new, and
        // crashes on a name of one character: worth meeting, but not in every other case.
        if odd && (option.len() > 1 || self.random.chance(15)) {
            return self
                .random
                .pick(&["+=", "+= ", "-=", "  += ", " +=", "\t+= "]);
        }
        if odd {
            return self.random.pick(&[" +=", " -=", " += "]);
        }
        self.random.pick(&[" += ", " += ", " += ", " -= "])
    }

    fn words(&mut self) -> String {
        let count = if self.random.chance(75) {
            1
        } else {
            self.random.between(2, 3)
        };
        let words: Vec<String> = (0..count).map(|_| self.word()).collect();
        words.join(self.random.pick(&[" ", " ", "", "/"]))
    }

    fn word(&mut self) -> String {
        if self.random.chance(self.knobs.dollars) {
            return self
                .random
                .pick(&[
                    "$",
                    "$$",
                    "$x",
                    "$${p:a}",
                    "$$$${:l}",
                    "${:a}$${:l}",
                    "$$${:l}",
                ])
                .to_owned();
        }
        if !self.random.chance(self.knobs.references) {
            return self.random.pick(&WORDS).to_owned();
        }
        if self.random.chance(self.knobs.bad_references) {
            return self.random.pick(&BAD_REFERENCES).to_owned();
        }
        let section = self
            .random
            .pick(&["", "", "p", "q", "m", "n", "s-t", "S.u", "buildout"]);
        if section == "buildout" {
            return self
                .random
                .pick(&["${buildout:directory}", "${buildout:parts-directory}/x"])
                .to_owned();
        }
        let option =
            self.random
                .pick(&["l", "a", "key", "k-2", "Z", "_o", "_buildout_section_name_"]);
        format!("${{{section}:{option}}}")
    }
}
