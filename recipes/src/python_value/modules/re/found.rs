//! `re.Match`.

use std::any::Any;
use std::rc::Rc;

use super::super::super::function::closure;
use super::super::super::regex::Found;
use super::super::super::{Arguments, Dict, Exception, Native, Object, Raised, repr};
use super::pattern::{Pattern, Subject};
use super::replacement::{Part, parts};

/// A match.
pub(super) struct Match {
    pub(super) pattern: Pattern,
    pub(super) subject: Subject,
    pub(super) found: Found,
}

impl Match {
    fn text(&self, group: usize) -> Option<Object> {
        let span = self.found.groups[group]?;
        Some(Object::from(self.subject.part(span)))
    }

    fn index(&self, group: &Object) -> Raised<usize> {
        let index = self.pattern.group(group);
        index.ok_or_else(|| Exception::index_error("no such group"))
    }

    fn groups_or(&self, default: Option<Object>) -> Vec<Object> {
        let default = default.unwrap_or_default();
        (1..self.found.groups.len())
            .map(|group| self.text(group).unwrap_or_else(|| default.clone()))
            .collect()
    }

    fn call_method(&self, name: &str, arguments: Arguments) -> Raised<Object> {
        match name {
            "group" => {
                let wanted = arguments.without_keywords(name)?;
                let mut texts = Vec::new();
                for group in &wanted {
                    texts.push(self.text(self.index(group)?).unwrap_or_default());
                }
                Ok(match texts.len() {
                    0 => self.text(0).unwrap_or_default(),
                    1 => texts.remove(0),
                    _ => Object::tuple(texts),
                })
            }
            "groups" => {
                let [default] = arguments.bind(name, ["default"], 0)?;
                Ok(Object::tuple(self.groups_or(default)))
            }
            "groupdict" => {
                let [default] = arguments.bind(name, ["default"], 0)?;
                let default = default.unwrap_or_default();
                let dict = Dict::new();
                for (name, group) in &self.pattern.regex.names {
                    let text = self.text(*group).unwrap_or_else(|| default.clone());
                    dict.insert_str(Rc::clone(name), text);
                }
                Ok(Object::Dict(Rc::new(dict)))
            }
            "expand" => {
                let [template] = arguments.exactly(name)?;
                let Some(template) = template.as_str() else {
                    return Err(Exception::type_error("a template is a text"));
                };
                let mut text = String::new();
                for part in parts(template, &self.pattern)? {
                    match part {
                        Part::Text(part) => text.push_str(&part),
                        Part::Group(group) => {
                            if let Some(span) = self.found.groups[group] {
                                text.push_str(&self.subject.part(span));
                            }
                        }
                    }
                }
                Ok(Object::from(text))
            }
            _ => {
                let [group] = arguments.bind(name, ["/group"], 0)?;
                let index = self.index(&group.unwrap_or(Object::Int(0)))?;
                let (start, end) = match self.found.groups[index] {
                    Some((start, end)) => (start as i128, end as i128),
                    None => (-1, -1),
                };
                Ok(match name {
                    "start" => Object::Int(start),
                    "end" => Object::Int(end),
                    _ => Object::tuple(vec![Object::Int(start), Object::Int(end)]),
                })
            }
        }
    }
}

impl Native for Match {
    fn type_name(&self) -> &str {
        "Match"
    }

    fn qualified_type_name(&self) -> String {
        "re.Match".to_owned()
    }

    fn repr(&self) -> Raised<String> {
        let (start, end) = self.found.span();
        let text: String = repr(&self.text(0).unwrap_or_default())?;
        let text: String = text.chars().take(50).collect();
        Ok(format!(
            "<re.Match object; span=({start}, {end}), match={text}>"
        ))
    }

    fn attribute(self: Rc<Self>, name: &str) -> Raised<Option<Object>> {
        let method = |name: &'static str| {
            let found = Rc::clone(&self);
            closure(name, move |arguments| found.call_method(name, arguments))
        };
        Ok(Some(match name {
            "group" => method("group"),
            "groups" => method("groups"),
            "groupdict" => method("groupdict"),
            "expand" => method("expand"),
            "start" => method("start"),
            "end" => method("end"),
            "span" => method("span"),
            "string" => self.subject.string.clone(),
            "re" => Object::native(self.pattern.clone()),
            "pos" => Object::size(self.subject.start),
            "endpos" => Object::size(self.subject.characters.len()),
            "lastindex" => self.found.last.map_or(Object::None, Object::size),
            "lastgroup" => {
                let mut names = self.pattern.regex.names.iter();
                let name = names.find(|(_, group)| Some(*group) == self.found.last);
                name.map_or(Object::None, |(name, _)| Object::Str(Rc::clone(name)))
            }
            _ => return Ok(None),
        }))
    }

    fn is_subscriptable(&self) -> bool {
        true
    }

    fn item(&self, key: &Object) -> Raised<Object> {
        Ok(self.text(self.index(key)?).unwrap_or_default())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
