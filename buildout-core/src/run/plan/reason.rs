//! Why something is done to a part.

use std::fmt;
use std::sync::Arc;

use serde_json::{Value, json};

/// How much of a value the text of a reason shows, in characters.
const SHOWN_CHARACTERS: usize = 60;

/// Why a part is installed, installed anew or uninstalled.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// Nothing is recorded of it.
    NeverInstalled,
    /// Its installation was interrupted.
    Interrupted,
    /// It is recorded, and no part of the profile any more.
    NoLongerWanted,
    /// An option has another value.
    OptionChanged {
        /// The option.
        option: Arc<str>,
        /// The recorded value.
        old: Arc<str>,
        /// The value now.
        new: Arc<str>,
    },
    /// An option is new.
    OptionAdded {
        /// The option.
        option: Arc<str>,
        /// Its value.
        new: Arc<str>,
    },
    /// An option is gone.
    OptionDropped {
        /// The option.
        option: Arc<str>,
        /// The recorded value.
        old: Arc<str>,
    },
    /// The recipe is another one, or does its work differently now.
    RecipeChanged {
        /// The recorded recipe, with the version of its behaviour if known.
        old: Arc<str>,
        /// The recipe now.
        new: Arc<str>,
    },
    /// A section that the part depends on has changed.
    Dependency {
        /// The section where the change began.
        section: Arc<str>,
        /// What changed there, if that is known.
        reason: Option<Box<Reason>>,
    },
    /// A file or directory that the part had installed is missing.
    FileMissing {
        /// The path as recorded.
        path: Arc<str>,
    },
}

impl Reason {
    /// Makes the reason for an option that differs; none if it does not.
    pub(crate) fn of_option(
        option: &Arc<str>,
        old: Option<&str>,
        new: Option<&Arc<str>>,
    ) -> Option<Self> {
        let option = Arc::clone(option);
        match (old, new) {
            (Some(old), Some(new)) if *old == **new => None,
            (Some(old), Some(new)) => Some(Reason::OptionChanged {
                option,
                old: Arc::from(old),
                new: Arc::clone(new),
            }),
            (None, Some(new)) => Some(Reason::OptionAdded {
                option,
                new: Arc::clone(new),
            }),
            (Some(old), None) => Some(Reason::OptionDropped {
                option,
                old: Arc::from(old),
            }),
            (None, None) => None,
        }
    }

    /// Tells in a sentence why a part cannot stay.
    pub fn sentence(part: &str, reasons: &[Reason]) -> String {
        let Some((first, more)) = reasons.split_first() else {
            return format!("Part {part} changed.");
        };
        if *first == Reason::NoLongerWanted {
            return format!("Part {part} is {first}.");
        }
        match more.len() {
            0 => format!("Part {part} is installed anew: {first}."),
            1 => format!("Part {part} is installed anew: {first}, and one more reason."),
            more => format!("Part {part} is installed anew: {first}, and {more} more reasons."),
        }
    }

    /// Returns the name of the kind, as machine formats have it.
    pub fn kind(&self) -> &'static str {
        match self {
            Reason::NeverInstalled => "never-installed",
            Reason::Interrupted => "interrupted",
            Reason::NoLongerWanted => "no-longer-wanted",
            Reason::OptionChanged { .. } => "option-changed",
            Reason::OptionAdded { .. } => "option-added",
            Reason::OptionDropped { .. } => "option-dropped",
            Reason::RecipeChanged { .. } => "recipe-changed",
            Reason::Dependency { .. } => "dependency",
            Reason::FileMissing { .. } => "file-missing",
        }
    }

    /// Returns the option that the reason is about.
    pub fn option(&self) -> Option<&Arc<str>> {
        match self {
            Reason::OptionChanged { option, .. }
            | Reason::OptionAdded { option, .. }
            | Reason::OptionDropped { option, .. } => Some(option),
            _ => None,
        }
    }

    /// Returns the old and the new value, where there are some.
    pub fn values(&self) -> (Option<&Arc<str>>, Option<&Arc<str>>) {
        match self {
            Reason::OptionChanged { old, new, .. } | Reason::RecipeChanged { old, new } => {
                (Some(old), Some(new))
            }
            Reason::OptionAdded { new, .. } => (None, Some(new)),
            Reason::OptionDropped { old, .. } => (Some(old), None),
            _ => (None, None),
        }
    }

    /// Returns the reason for machines: an object with `kind` and, where they
    /// apply, `option`, `old`, `new`, `section`, `reason` and `path`.
    pub fn to_json(&self) -> Value {
        let mut object = json!({"kind": self.kind()});
        let (old, new) = self.values();
        let mut set = |name: &str, value: Option<&Arc<str>>| {
            if let Some(value) = value {
                object[name] = Value::from(&**value);
            }
        };
        set("option", self.option());
        set("old", old);
        set("new", new);
        match self {
            Reason::Dependency { section, reason } => {
                set("section", Some(section));
                object["reason"] = reason
                    .as_ref()
                    .map_or(Value::Null, |reason| reason.to_json());
            }
            Reason::FileMissing { path } => set("path", Some(path)),
            _ => {}
        }
        object
    }

    /// Reads what [`to_json`](Self::to_json) made; none of a kind that is not
    /// known.
    pub fn from_json(value: &Value) -> Option<Self> {
        let text = |name: &str| value.get(name)?.as_str().map(Arc::<str>::from);
        Some(match value.get("kind")?.as_str()? {
            "never-installed" => Reason::NeverInstalled,
            "interrupted" => Reason::Interrupted,
            "no-longer-wanted" => Reason::NoLongerWanted,
            "option-changed" => Reason::OptionChanged {
                option: text("option")?,
                old: text("old")?,
                new: text("new")?,
            },
            "option-added" => Reason::OptionAdded {
                option: text("option")?,
                new: text("new")?,
            },
            "option-dropped" => Reason::OptionDropped {
                option: text("option")?,
                old: text("old")?,
            },
            "recipe-changed" => Reason::RecipeChanged {
                old: text("old")?,
                new: text("new")?,
            },
            "dependency" => {
                // A dependency's reason is never one itself, so this ends.
                let inner = value
                    .get("reason")
                    .filter(|inner| inner["kind"] != "dependency");
                Reason::Dependency {
                    section: text("section")?,
                    reason: inner.and_then(Reason::from_json).map(Box::new),
                }
            }
            "file-missing" => Reason::FileMissing {
                path: text("path")?,
            },
            _ => return None,
        })
    }
}

/// A short clause: "option `url` changed".
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::NeverInstalled => f.write_str("never installed"),
            Reason::Interrupted => f.write_str("its installation was interrupted"),
            Reason::NoLongerWanted => f.write_str("no longer wanted"),
            Reason::OptionChanged { option, .. } => write!(f, "option `{option}` changed"),
            Reason::OptionAdded { option, .. } => write!(f, "option `{option}` is new"),
            Reason::OptionDropped { option, .. } => write!(f, "option `{option}` is gone"),
            Reason::RecipeChanged { old, new } => {
                write!(f, "recipe changed from {} to {}", short(old), short(new))
            }
            Reason::Dependency { section, reason } => {
                write!(f, "`{section}` changed")?;
                match reason {
                    Some(reason) => write!(f, ": {reason}"),
                    None => Ok(()),
                }
            }
            Reason::FileMissing { path } => write!(f, "`{path}` is missing"),
        }
    }
}

fn short(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_come_back_from_json() {
        let text = Arc::<str>::from;
        let changed = Reason::OptionChanged {
            option: text("url"),
            old: text("a"),
            new: text("b\n"),
        };
        for reason in [
            Reason::NeverInstalled,
            Reason::Interrupted,
            Reason::NoLongerWanted,
            changed.clone(),
            Reason::OptionAdded {
                option: text("x"),
                new: text(""),
            },
            Reason::OptionDropped {
                option: text("x"),
                old: text("é"),
            },
            Reason::RecipeChanged {
                old: text("a:default:1"),
                new: text("a:default:2"),
            },
            Reason::Dependency {
                section: text("zlib"),
                reason: None,
            },
            Reason::Dependency {
                section: text("zlib"),
                reason: Some(Box::new(changed)),
            },
            Reason::FileMissing { path: text("/p") },
        ] {
            let json: Value =
                serde_json::from_str(&reason.to_json().to_string()).expect("it is JSON");
            assert_eq!(Reason::from_json(&json), Some(reason));
        }
        assert_eq!(Reason::from_json(&json!({"kind": "other"})), None);
    }
}
