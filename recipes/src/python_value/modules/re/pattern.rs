//! `re.Pattern`.

use std::any::Any;
use std::rc::Rc;

use super::super::super::function::closure;
use super::super::super::iterator::{FromFunction, IteratorObject};
use super::super::super::methods::int_argument;
use super::super::super::regex::{Exhausted, Extent, Flags, Found, Regex};
use super::super::super::{Arguments, Dict, Exception, Native, Object, Raised, repr};
use super::found::Match;
use super::replacement::Replacement;

/// A compiled pattern.
#[derive(Clone)]
pub(super) struct Pattern {
    pub(super) text: Rc<str>,
    pub(super) regex: Rc<Regex>,
}

/// A text to look into, up to a position.
#[derive(Clone)]
pub(super) struct Subject {
    pub(super) string: Object,
    pub(super) characters: Rc<[char]>,
    pub(super) start: usize,
}

impl Subject {
    /// Reads a text, and the positions between which it is looked into.
    pub(super) fn new(
        string: Option<Object>,
        start: Option<Object>,
        end: Option<Object>,
    ) -> Raised<Self> {
        let string = string.unwrap_or_default();
        let text = match &string {
            Object::Bytes(_) => {
                return Err(Exception::type_error(
                    "cannot use a string pattern on a bytes-like object",
                ));
            }
            other => other.as_str().ok_or_else(|| {
                Exception::type_error(format!(
                    "expected string or bytes-like object, got '{}'",
                    other.type_name()
                ))
            })?,
        };
        let mut characters: Vec<char> = text.chars().collect();
        let position = |given: Option<Object>, default: usize| -> Raised<usize> {
            let Some(given) = given else {
                return Ok(default);
            };
            let given = int_argument(&given)?.clamp(0, default as i128);
            Ok(usize::try_from(given).unwrap_or(default))
        };
        let length = characters.len();
        let end = position(end, length)?;
        let start = match start {
            Some(start) => position(Some(start), length)?,
            None => 0,
        };
        characters.truncate(end);
        Ok(Subject {
            string,
            characters: Rc::from(characters),
            start,
        })
    }

    pub(super) fn part(&self, (start, end): (usize, usize)) -> String {
        self.characters[start..end].iter().collect()
    }
}

impl Pattern {
    pub(super) fn new(text: Rc<str>, regex: Regex) -> Self {
        Pattern {
            text,
            regex: Rc::new(regex),
        }
    }

    fn find(
        &self,
        subject: &Subject,
        from: usize,
        extent: Extent,
        must_advance: bool,
    ) -> Raised<Option<Found>> {
        if from > subject.characters.len() {
            return Ok(None);
        }
        let found = self
            .regex
            .find(&subject.characters, from, extent, must_advance);
        found.map_err(|Exhausted| {
            Exception::new("RecursionError", "a regular expression takes too long")
        })
    }

    /// Finds one match after the other; at most so many, if that is not 0.
    fn all(&self, subject: &Subject, most: usize) -> Raised<Vec<Found>> {
        let mut all = Vec::new();
        let (mut from, mut must_advance) = (subject.start, false);
        while most == 0 || all.len() < most {
            let Some(found) = self.find(subject, from, Extent::Search, must_advance)? else {
                break;
            };
            let (start, end) = found.span();
            (from, must_advance) = (end, start == end);
            all.push(found);
        }
        Ok(all)
    }

    fn matched(&self, subject: &Subject, found: Found) -> Object {
        Object::native(Match {
            pattern: self.clone(),
            subject: subject.clone(),
            found,
        })
    }

    /// Returns the group of a name or number.
    pub(super) fn group(&self, group: &Object) -> Option<usize> {
        match group.as_str() {
            Some(name) => {
                let mut names = self.regex.names.iter();
                names.find(|(known, _)| **known == *name).map(|(_, at)| *at)
            }
            None => usize::try_from(group.as_int()?)
                .ok()
                .filter(|index| *index <= self.regex.groups),
        }
    }

    /// Calls a method.
    pub(super) fn call_method(&self, name: &str, arguments: Arguments) -> Raised<Object> {
        match name {
            "match" => self.first(arguments, name, Extent::Prefix),
            "fullmatch" => self.first(arguments, name, Extent::Whole),
            "search" => self.first(arguments, name, Extent::Search),
            "findall" => self.find_all(arguments),
            "finditer" => self.find_each(arguments),
            "split" => self.split(arguments),
            "sub" => Ok(self.substitute(arguments, name)?.0),
            _ => {
                let (text, count) = self.substitute(arguments, name)?;
                Ok(Object::tuple(vec![text, Object::size(count)]))
            }
        }
    }

    fn first(&self, arguments: Arguments, name: &str, extent: Extent) -> Raised<Object> {
        let [string, start, end] = arguments.bind(name, ["string", "pos", "endpos"], 1)?;
        let subject = Subject::new(string, start, end)?;
        let found = self.find(&subject, subject.start, extent, false)?;
        Ok(match found {
            Some(found) => self.matched(&subject, found),
            None => Object::None,
        })
    }

    fn find_all(&self, arguments: Arguments) -> Raised<Object> {
        let [string, start, end] = arguments.bind("findall", ["string", "pos", "endpos"], 1)?;
        let subject = Subject::new(string, start, end)?;
        let mut items = Vec::new();
        for found in self.all(&subject, 0)? {
            let text = |group: &Option<(usize, usize)>| match group {
                Some(span) => Object::from(subject.part(*span)),
                None => Object::from(""),
            };
            items.push(match &found.groups[1..] {
                [] => text(&found.groups[0]),
                [only] => text(only),
                groups => Object::tuple(groups.iter().map(text).collect()),
            });
        }
        Ok(Object::list(items))
    }

    fn find_each(&self, arguments: Arguments) -> Raised<Object> {
        let [string, start, end] = arguments.bind("finditer", ["string", "pos", "endpos"], 1)?;
        let subject = Subject::new(string, start, end)?;
        let pattern = self.clone();
        let (mut from, mut must_advance) = (subject.start, false);
        let iterator = FromFunction(move || {
            let Some(found) = pattern.find(&subject, from, Extent::Search, must_advance)? else {
                return Ok(None);
            };
            let (start, end) = found.span();
            (from, must_advance) = (end, start == end);
            Ok(Some(pattern.matched(&subject, found)))
        });
        Ok(Object::native(IteratorObject::new(
            "callable_iterator",
            iterator,
        )))
    }

    fn split(&self, arguments: Arguments) -> Raised<Object> {
        let [string, most] = arguments.bind("split", ["string", "maxsplit"], 1)?;
        let subject = Subject::new(string, None, None)?;
        let Some(most) = limit(most)? else {
            return Ok(Object::list(vec![subject.string]));
        };
        let mut items = Vec::new();
        let mut at = 0;
        for found in self.all(&subject, most)? {
            let (start, end) = found.span();
            items.push(Object::from(subject.part((at, start))));
            let groups = found.groups[1..].iter();
            items.extend(groups.map(|group| match group {
                Some(span) => Object::from(subject.part(*span)),
                None => Object::None,
            }));
            at = end;
        }
        items.push(Object::from(subject.part((at, subject.characters.len()))));
        Ok(Object::list(items))
    }

    fn substitute(&self, arguments: Arguments, name: &str) -> Raised<(Object, usize)> {
        let [replacement, string, count] = arguments.bind(name, ["repl", "string", "count"], 2)?;
        let replacement = Replacement::new(replacement.unwrap_or_default(), self)?;
        let subject = Subject::new(string, None, None)?;
        let Some(most) = limit(count)? else {
            return Ok((subject.string, 0));
        };
        let mut text = String::new();
        let (mut at, mut count) = (0, 0);
        let (mut from, mut must_advance) = (0, false);
        // A function may run other code between two matches.
        while most == 0 || count < most {
            let Some(found) = self.find(&subject, from, Extent::Search, must_advance)? else {
                break;
            };
            let (start, end) = found.span();
            text.push_str(&subject.part((at, start)));
            match &replacement {
                Replacement::Call(function) => {
                    let replaced = function.call1(self.matched(&subject, found))?;
                    match (&replaced, replaced.as_str()) {
                        (_, Some(part)) => text.push_str(part),
                        (Object::None, None) => {}
                        (other, None) => {
                            return Err(Exception::type_error(format!(
                                "sequence item {count}: expected str instance, {} found",
                                other.type_name()
                            )));
                        }
                    }
                }
                Replacement::Parts(parts) => {
                    replacement_parts(parts, &subject, &found, &mut text);
                }
            }
            count += 1;
            (at, from, must_advance) = (end, end, start == end);
        }
        text.push_str(&subject.part((at, subject.characters.len())));
        Ok((Object::from(text), count))
    }
}

fn replacement_parts(
    parts: &[super::replacement::Part],
    subject: &Subject,
    found: &Found,
    text: &mut String,
) {
    use super::replacement::Part;
    for part in parts {
        match part {
            Part::Text(part) => text.push_str(part),
            Part::Group(index) => {
                if let Some(span) = found.groups[*index] {
                    text.push_str(&subject.part(span));
                }
            }
        }
    }
}

/// Reads how often something is done: 0 is always, nothing is never.
fn limit(count: Option<Object>) -> Raised<Option<usize>> {
    let count = count.map_or(Ok(0), |count| int_argument(&count))?;
    Ok(usize::try_from(count).ok())
}

impl Native for Pattern {
    fn type_name(&self) -> &str {
        "Pattern"
    }

    fn qualified_type_name(&self) -> String {
        "re.Pattern".to_owned()
    }

    fn repr(&self) -> Raised<String> {
        let mut flags = Vec::new();
        for (flag, name) in [
            (Flags::IGNORE_CASE, "re.IGNORECASE"),
            (Flags::MULTI_LINE, "re.MULTILINE"),
            (Flags::DOT_ALL, "re.DOTALL"),
            (Flags::VERBOSE, "re.VERBOSE"),
            (Flags::ASCII, "re.ASCII"),
        ] {
            if self.regex.flags.has(flag) {
                flags.push(name);
            }
        }
        let text = repr(&Object::Str(Rc::clone(&self.text)))?;
        // Longer patterns are cut.
        let text: String = text.chars().take(200).collect();
        Ok(match flags.is_empty() {
            true => format!("re.compile({text})"),
            false => format!("re.compile({text}, {})", flags.join("|")),
        })
    }

    fn attribute(self: Rc<Self>, name: &str) -> Raised<Option<Object>> {
        let method = |name: &'static str| {
            let pattern = Rc::clone(&self);
            closure(name, move |arguments| pattern.call_method(name, arguments))
        };
        Ok(Some(match name {
            "match" => method("match"),
            "fullmatch" => method("fullmatch"),
            "search" => method("search"),
            "findall" => method("findall"),
            "finditer" => method("finditer"),
            "split" => method("split"),
            "sub" => method("sub"),
            "subn" => method("subn"),
            "pattern" => Object::Str(Rc::clone(&self.text)),
            "flags" => Object::Int(self.regex.flags.0.into()),
            "groups" => Object::size(self.regex.groups),
            "groupindex" => {
                let index = Dict::new();
                for (name, at) in &self.regex.names {
                    index.insert_str(Rc::clone(name), Object::size(*at));
                }
                Object::Dict(Rc::new(index))
            }
            _ => return Ok(None),
        }))
    }

    fn equals(&self, other: &Object) -> Raised<Option<bool>> {
        Ok(other
            .downcast::<Pattern>()
            .map(|other| self.text == other.text && self.regex.flags == other.regex.flags))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
