//! The options of generated sections: which keys a kind of section has, and plausible values.

use super::document::{Section, Value};
use crate::random::Random;

const COMPILED: [&str; 16] = [
    "recipe",
    "url",
    "md5sum",
    "shared",
    "version",
    "environment",
    "configure-options",
    "patches",
    "patch-options",
    "pre-configure",
    "make-options",
    "post-install",
    "pkg_config_depends",
    "make-targets",
    "configure-command",
    "location",
];
const VARIANT: [&str; 10] = [
    "<",
    "version",
    "md5sum",
    "url",
    "patches",
    "patch-options",
    "configure-options",
    "environment",
    "post-install",
    "make-targets",
];
const EGG: [&str; 12] = [
    "recipe",
    "egg",
    "setup-eggs",
    "environment",
    "library-dirs",
    "include-dirs",
    "rpath",
    "patches",
    "patch-options",
    "depends",
    "patch-binary",
    "egg-patch-revision",
];
const VARIABLES: [&str; 10] = [
    "PATH",
    "CPPFLAGS",
    "LDFLAGS",
    "PKG_CONFIG_PATH",
    "CFLAGS",
    "CXXFLAGS",
    "LD_LIBRARY_PATH",
    "PYTHONPATH",
    "CGO_LDFLAGS",
    "HOME",
];
const DOWNLOAD: [&str; 9] = [
    "recipe",
    "url",
    "filename",
    "md5sum",
    "mode",
    "destination",
    "shared",
    "depends",
    "update-command",
];

/// The kinds of sections that SlapOS's profiles are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A library that is configured, compiled and installed.
    Compiled,
    /// Another version of the file's main section, by macro.
    Variant,
    /// A Python distribution with extensions.
    Egg,
    /// Environment variables for another section.
    Variables,
    /// A file that lies next to the profile.
    Download,
}

impl Kind {
    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Compiled => &COMPILED,
            Self::Variant => &VARIANT,
            Self::Egg => &EGG,
            Self::Variables => &VARIABLES,
            Self::Download => &DOWNLOAD,
        }
    }
}

/// What the values of a section may refer to.
#[derive(Debug)]
pub(super) struct Surroundings<'a> {
    /// Main section of the file.
    pub(super) component: &'a str,
    /// Main sections of the files that this one extends.
    pub(super) extended: &'a [&'a str],
}

/// Returns a section with exactly `count` options.
pub(super) fn section(
    kind: Kind,
    name: &str,
    count: usize,
    around: &Surroundings<'_>,
    random: &mut Random,
) -> Section {
    let mut section = Section::new(name);
    let keys = kind.keys();
    for (position, key) in keys.iter().enumerate() {
        let wanted = count - section.options.len();
        if wanted == 0 {
            break;
        }
        // Sections differ in what they leave out, but not in the first two options.
        let spare = keys.len() - position > wanted;
        if spare && position > 1 && random.chance(30) {
            continue;
        }
        match value(kind, key, around, random) {
            Value::Inline(text) => section.inline(*key, text),
            Value::Block(lines) => section.block(*key, lines),
        }
    }
    for number in section.options.len()..count {
        section.inline(format!("setting-{number}"), word(random));
    }
    section
}

/// Returns a further line for the block value of the option `key`.
pub(super) fn line(key: &str, around: &Surroundings<'_>, random: &mut Random) -> String {
    let other = around.reference(random);
    match key {
        "configure-options" | "make-options" => match random.below(3) {
            0 => format!("--with-{other}=${{{other}:location}}"),
            1 => format!("--disable-{}", word(random)),
            _ => format!("--enable-{}", word(random)),
        },
        "environment" => {
            let variable = *random.pick(&VARIABLES);
            let second = around.reference(random);
            match variable {
                "LDFLAGS" | "CGO_LDFLAGS" => format!(
                    "{variable}=-L${{{other}:location}}/lib -Wl,-rpath=${{{other}:location}}/lib \
                     -L${{{second}:location}}/lib -Wl,-rpath=${{{second}:location}}/lib"
                ),
                "CPPFLAGS" | "CFLAGS" | "CXXFLAGS" => format!(
                    "{variable}=-I${{{other}:location}}/include -I${{{second}:location}}/include"
                ),
                _ => format!(
                    "{variable}=${{{other}:location}}/bin:${{{second}:location}}/bin:%({variable})s"
                ),
            }
        }
        "patches" if random.chance(70) => format!(
            "https://download.example.org/{}/{}.patch#{}",
            around.component,
            word(random),
            random.hexadecimal(32)
        ),
        "patches" => format!(
            "${{:_profile_base_location_}}/{}.patch#{}",
            word(random),
            random.hexadecimal(32)
        ),
        "library-dirs" | "rpath" => format!("${{{other}:location}}/lib/"),
        "include-dirs" => format!("${{{other}:location}}/include/"),
        "setup-eggs" | "depends" => format!("${{{other}:egg}}"),
        "allow-hosts" | "find-links" | "extensions" => {
            format!("{}.example.org", word(random))
        }
        _ => match random.below(3) {
            0 => format!("mkdir -p %(location)s/{}", word(random)),
            1 => format!(
                "ln -s ${{{other}:location}}/bin/{other} %(location)s/bin/{}",
                word(random)
            ),
            _ => format!(
                "sed -i 's#@{}@#${{{other}:location}}#g' {}/$${{name}}.in",
                word(random),
                word(random)
            ),
        },
    }
}

/// Returns a sentence for a comment.
pub(super) fn comment(around: &Surroundings<'_>, random: &mut Random) -> String {
    let mut text = format!("{} needs {}", around.component, word(random));
    for _ in 0..3 + random.below(7) {
        text.push(' ');
        text.push_str(word(random));
    }
    text
}

impl Surroundings<'_> {
    fn reference(&self, random: &mut Random) -> &str {
        if self.extended.is_empty() {
            self.component
        } else {
            random.pick::<&str>(self.extended)
        }
    }
}

fn value(kind: Kind, key: &str, around: &Surroundings<'_>, random: &mut Random) -> Value {
    let component = around.component;
    let text = match (kind, key) {
        (Kind::Variables, _) => {
            let other = around.reference(random);
            format!("${{{other}:location}}/bin:${{{component}:location}}/bin:%({key})s")
        }
        (Kind::Compiled, "recipe") => "slapos.recipe.cmmi".to_owned(),
        (Kind::Egg, "recipe") => "zc.recipe.egg:custom".to_owned(),
        (_, "recipe") => "slapos.recipe.build:download".to_owned(),
        (Kind::Download, "url") => "${:_profile_base_location_}/${:filename}".to_owned(),
        (_, "url") => format!(
            "https://download.example.org/{component}/{component}-{}.tar.xz",
            release(random)
        ),
        (_, "md5sum") => random.hexadecimal(32),
        (_, "shared") => "true".to_owned(),
        (_, "version") => release(random),
        (_, "<") => component.to_owned(),
        (_, "egg") => format!("{component}.{}", word(random)),
        (_, "mode") => "0755".to_owned(),
        (_, "filename") => format!("{}.in", word(random)),
        (_, "patch-options") => "-p1".to_owned(),
        (Kind::Egg, "environment") => format!("{component}-env"),
        (_, "pkg_config_depends") => {
            let other = around.reference(random);
            format!("${{{other}:location}}/lib/pkgconfig:${{{other}:pkg_config_depends}}")
        }
        (_, "configure-command") => "./configure --prefix=@@LOCATION@@ ${:options}".to_owned(),
        (_, "location" | "destination") => {
            format!("${{buildout:parts-directory}}/{component}")
        }
        (_, "patch-binary") => format!("${{{}:location}}/bin/patch", around.reference(random)),
        (_, "make-targets" | "egg-patch-revision" | "update-command") => word(random).to_owned(),
        (_, block) => {
            let lines = 1 + random.below(3);
            return Value::Block((0..lines).map(|_| line(block, around, random)).collect());
        }
    };
    Value::Inline(text)
}

/// Returns a version number.
pub(super) fn release(random: &mut Random) -> String {
    format!(
        "{}.{}.{}",
        random.below(12),
        random.below(30),
        random.below(20)
    )
}

/// Returns a word that may stand in names and sentences.
pub(super) fn word(random: &mut Random) -> &'static str {
    const WORDS: [&str; 32] = [
        "assembler",
        "backend",
        "bundled",
        "cache",
        "charset",
        "client",
        "compiler",
        "daemon",
        "debug",
        "default",
        "doc",
        "driver",
        "examples",
        "gui",
        "headers",
        "install",
        "legacy",
        "locale",
        "manual",
        "module",
        "network",
        "nls",
        "openmp",
        "plugin",
        "server",
        "shared",
        "static",
        "system",
        "test",
        "thread",
        "tools",
        "wrapper",
    ];
    random.pick::<&str>(&WORDS)
}
