//! `annotate`: every value and where it comes from.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use buildout_core::configuration::Configuration;
use buildout_core::extends::{HistoryItem, MergedOption, Operation, Source, normalize_path};
use buildout_core::profile::python_text::{has_plain_lines, split_lines};
use rustc_hash::FxHashMap;
use serde_json::{Value, json};

use buildout_core::redaction::redacted;

/// How long a piece of the document is, in bytes, or a little longer.
const PIECE: usize = 32 * 1024;

/// Renders sections as zc.buildout prints them.
pub(crate) struct Annotation<'a> {
    /// Sources below this directory are shown relative to it.
    pub(crate) directory: &'a str,
    /// Whether whole histories are shown.
    pub(crate) verbose: bool,
    /// The sections to show; empty for all.
    pub(crate) chosen: &'a [String],
}

impl Annotation<'_> {
    /// Hands the document to `out`, piece by piece: whole histories can be
    /// many times as long as the profiles.
    pub(crate) fn write(&self, configuration: &Configuration, out: &dyn Fn(&str)) {
        let mut writer = Writer {
            annotation: self,
            text: String::with_capacity(2 * PIECE),
            shown: FxHashMap::default(),
            last: None,
        };
        writer
            .text
            .push_str("\nAnnotated sections\n==================\n");
        let mut sections: Vec<_> = configuration.sections.iter().collect();
        sections.sort_unstable_by(|left, right| left.0.cmp(right.0));
        let mut options = Vec::new();
        for (name, section) in sections {
            if !self.chosen.is_empty() && !self.chosen.iter().any(|chosen| **chosen == **name) {
                continue;
            }
            writer.text.push_str("\n[");
            writer.text.push_str(name);
            writer.text.push_str("]\n");
            options.extend(section.iter());
            options.sort_unstable_by(|left: &(&Arc<str>, _), right| left.0.cmp(right.0));
            for (key, option) in options.drain(..) {
                writer.option(key, option);
                if writer.text.len() >= PIECE {
                    out(&writer.text);
                    writer.text.clear();
                }
            }
        }
        out(&writer.text);
    }
}

struct Writer<'a> {
    annotation: &'a Annotation<'a>,
    text: String,
    /// How each profile is shown; most options share few of them.
    shown: FxHashMap<Arc<str>, Rc<str>>,
    /// The one shown last; neighbours often come from one.
    last: Option<(Arc<str>, Rc<str>)>,
}

impl Writer<'_> {
    fn option(&mut self, key: &str, option: &MergedOption) {
        self.text.push_str(key);
        self.text.push('=');
        let value = joined_lines(&option.value);
        if !value.is_empty() {
            self.text.push(' ');
            self.text.push_str(&value);
        }
        self.text.push('\n');
        if self.annotation.verbose {
            self.history(option);
        } else {
            self.sources(option);
        }
    }

    /// The sources since the last plain value.
    fn sources(&mut self, option: &MergedOption) {
        match option.last() {
            Some(last) if !last.operation.is_edit() => self.source_line("    ", &last),
            _ => {
                for item in option.history.current() {
                    let prefix = match item.operation {
                        Operation::Add => "+=  ",
                        Operation::Remove => "-=  ",
                        _ => "    ",
                    };
                    self.source_line(prefix, &item);
                }
            }
        }
    }

    fn source_line(&mut self, prefix: &str, item: &HistoryItem) {
        self.text.push_str(prefix);
        self.push_source(&item.origin.source);
        self.text.push('\n');
    }

    fn history(&mut self, option: &MergedOption) {
        self.text.push('\n');
        let listing = option.history.list();
        for item in listing.items.iter().rev() {
            let symbolic = matches!(
                item.origin.source,
                Source::Default | Source::Computed | Source::CommandLine
            );
            self.text
                .push_str(if symbolic { "   AS " } else { "   IN " });
            self.push_source(&item.origin.source);
            self.text.push_str("\n   ");
            self.text.push_str(item.operation.as_str());
            self.text.push_str(" VALUE =");
            let lines = split_lines(&item.value);
            if lines.len() > 1 {
                for line in lines {
                    self.text.push_str("\n      ");
                    self.text.push_str(line);
                }
            } else {
                self.text.push(' ');
                self.text.push_str(&item.value);
            }
            self.text.push('\n');
        }
        if listing.omitted > 0 {
            self.text
                .push_str(&format!("   ... and {} more before\n", listing.omitted));
        }
        self.text.push('\n');
    }

    fn push_source(&mut self, source: &Source) {
        let Source::Profile(name) = source else {
            self.text.push_str(source.as_str());
            return;
        };
        if let Some((last, shown)) = &self.last
            && Arc::ptr_eq(last, name)
        {
            self.text.push_str(shown);
            return;
        }
        let shown = match self.shown.get(name) {
            Some(shown) => Rc::clone(shown),
            None => {
                let relative = relative_source(name, self.annotation.directory);
                let shown: Rc<str> = Rc::from(redacted(&relative));
                self.shown.insert(Arc::clone(name), Rc::clone(&shown));
                shown
            }
        };
        self.text.push_str(&shown);
        self.last = Some((Arc::clone(name), shown));
    }
}

/// Returns a value as upstream prints it: if that is several lines, each with
/// a newline of its own.
fn joined_lines(value: &str) -> Cow<'_, str> {
    if has_plain_lines(value) {
        return match value.strip_suffix('\n') {
            Some(lines) if lines.contains('\n') => Cow::Borrowed(lines),
            _ => Cow::Borrowed(value),
        };
    }
    match split_lines(value) {
        lines if lines.len() > 1 => Cow::Owned(lines.join("\n")),
        _ => Cow::Borrowed(value),
    }
}

/// Shows a source relative to `directory` if it starts with it, as
/// `os.path.relpath` does.
fn relative_source(source: &str, directory: &str) -> String {
    if !source.starts_with(directory) {
        return source.to_owned();
    }
    let source = normalize_path(source);
    let base = normalize_path(directory);
    let split = |path: &str| -> Vec<String> {
        path.split('/')
            .filter(|part| !part.is_empty())
            .map(ToOwned::to_owned)
            .collect()
    };
    let (source, base) = (split(&source), split(&base));
    let common = source.iter().zip(&base).take_while(|(a, b)| a == b).count();
    let up = vec!["..".to_owned(); base.len() - common];
    let parts: Vec<String> = up
        .into_iter()
        .chain(source[common..].iter().cloned())
        .collect();
    if parts.is_empty() {
        ".".to_owned()
    } else {
        parts.join("/")
    }
}

/// Returns the configuration with all histories, for tools.
pub(crate) fn annotation_json(configuration: &Configuration, chosen: &[String]) -> Value {
    let mut document = serde_json::Map::new();
    for (name, section) in &configuration.sections {
        if !chosen.is_empty() && !chosen.iter().any(|chosen| **chosen == **name) {
            continue;
        }
        let mut options = serde_json::Map::new();
        for (key, option) in &**section {
            let listing = option.history.list();
            let history: Vec<Value> = listing
                .items
                .iter()
                .map(|item| {
                    json!({
                        "operation": item.operation.as_str(),
                        "source": redacted(item.origin.source.as_str()),
                        "line": item.origin.line,
                        "value": &*item.value,
                    })
                })
                .collect();
            let mut entry = json!({"value": &*option.value, "history": history});
            if listing.omitted > 0 {
                entry["omitted"] = json!(listing.omitted);
            }
            options.insert(key.to_string(), entry);
        }
        document.insert(name.to_string(), Value::Object(options));
    }
    Value::Object(document)
}
