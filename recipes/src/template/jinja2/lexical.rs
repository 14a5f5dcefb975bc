//! What is checked on the tokens of a template, before it is parsed: what the
//! parser would read otherwise than Jinja2, or would not keep.

use std::borrow::Cow;
use std::sync::Arc;

use buildout_core::profile::python_text::universal_newlines;
use buildout_core::value::str_repr;
use minijinja::machinery::{Span, Token, tokenize};
use minijinja::syntax::SyntaxConfig;

use super::engine::{Cause, Extensions, TemplateError};
use super::names::TAGS;

/// The most tokens in one tag: trees of the parser are no deeper than that.
const TOKEN_LIMIT: usize = 4000;

/// The tags that are supported without an extension.
const SUPPORTED_TAGS: &[&str] = &[
    "if", "elif", "else", "endif", "for", "endfor", "set", "include",
];

/// Returns the text with Jinja2's newlines.
pub(super) fn normalise(source: &str) -> Cow<'_, str> {
    universal_newlines(source)
}

/// Checks the tokens of a template.
///
/// # Errors
///
/// The first token that is refused.
pub(super) fn check_tokens(
    template: &Arc<str>,
    source: &str,
    extensions: Extensions,
) -> Result<(), TemplateError> {
    let check = TokenCheck {
        template,
        source,
        extensions,
    };
    check.run()
}

struct TokenCheck<'a> {
    template: &'a Arc<str>,
    source: &'a str,
    extensions: Extensions,
}

impl TokenCheck<'_> {
    fn run(&self) -> Result<(), TemplateError> {
        // Python counts these characters as whitespace, Rust does not.
        if let Some(at) = self.source.find(|c| ('\x1c'..='\x1f').contains(&c)) {
            let line = self.source[..at].matches('\n').count() + 1;
            let what = "a control character between U+001C and U+001F";
            return Err(self.unsupported(line, what));
        }
        let mut tag: Option<&str> = None;
        let mut at_tag_name = false;
        let mut count = 0;
        for token in tokenize(self.source, false, SyntaxConfig::default()) {
            let (token, span) = token.map_err(|error| parse_error(self.template, &error))?;
            let line = usize::from(span.start_line);
            count += 1;
            if count > TOKEN_LIMIT {
                return Err(self.unsupported(line, "a tag of more than 4000 words"));
            }
            match token {
                Token::TemplateData(_) => count = 0,
                Token::BlockStart => {
                    self.check_marker(span)?;
                    at_tag_name = true;
                    (tag, count) = (None, 0);
                    continue;
                }
                Token::VariableStart | Token::BlockEnd | Token::VariableEnd => {
                    self.check_marker(span)?;
                    (tag, count) = (None, 0);
                }
                Token::Ident(name) if at_tag_name => {
                    self.check_tag(name, line)?;
                    tag = Some(name);
                }
                Token::Ident("without") if tag == Some("include") => {
                    return Err(self.unsupported(line, "`include` without context"));
                }
                Token::Str(_) | Token::String(_) => self.check_string(span)?,
                Token::Int(_) | Token::Int128(_) | Token::Float(_) => self.check_number(span)?,
                _ => {}
            }
            at_tag_name = false;
        }
        Ok(())
    }

    fn unsupported(&self, line: usize, what: impl Into<String>) -> TemplateError {
        self.error(line, Cause::Unsupported(what.into()))
    }

    fn error(&self, line: usize, cause: Cause) -> TemplateError {
        TemplateError {
            cause,
            template: Arc::clone(self.template),
            line,
        }
    }

    fn text(&self, span: Span) -> &str {
        let range = span.start_offset as usize..span.end_offset as usize;
        self.source.get(range).unwrap_or_default()
    }

    /// A plus sign in a delimiter has no effect here, and is not always read
    /// as part of it.
    fn check_marker(&self, span: Span) -> Result<(), TemplateError> {
        if self.text(span).contains('+') {
            let what = "a plus sign in a delimiter";
            return Err(self.unsupported(span.start_line.into(), what));
        }
        Ok(())
    }

    fn check_tag(&self, name: &str, line: usize) -> Result<(), TemplateError> {
        let is_on = match name {
            "do" => self.extensions.expression_statement,
            "break" | "continue" => self.extensions.loop_controls,
            name => TAGS.contains(&name),
        };
        if !is_on {
            let message = format!("Encountered unknown tag {}.", str_repr(name));
            return Err(self.error(line, Cause::Syntax(message)));
        }
        if SUPPORTED_TAGS.contains(&name) || matches!(name, "break" | "continue") {
            return Ok(());
        }
        Err(self.unsupported(line, format!("the tag `{name}`")))
    }

    /// Only escapes that both languages have are read alike.
    fn check_string(&self, span: Span) -> Result<(), TemplateError> {
        let mut characters = self.text(span).chars();
        while let Some(character) = characters.next() {
            if character != '\\' {
                continue;
            }
            match characters.next() {
                Some('\\' | '\'' | '"' | 'n' | 'r' | 't') => {}
                Some(other) => {
                    let what = format!("the escape `\\{}` in a string", other.escape_default());
                    return Err(self.unsupported(span.start_line.into(), what));
                }
                None => {}
            }
        }
        Ok(())
    }

    fn check_number(&self, span: Span) -> Result<(), TemplateError> {
        let text = self.text(span);
        let is_integer = text.bytes().all(|byte| byte.is_ascii_digit())
            && (text == "0" || !text.starts_with('0'));
        let is_float = text.split_once('.').is_some_and(|(whole, fraction)| {
            let is_digits =
                |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            is_digits(whole) && is_digits(fraction)
        });
        if is_integer || is_float {
            return Ok(());
        }
        Err(self.unsupported(
            span.start_line.into(),
            format!("a number written as `{text}`"),
        ))
    }
}

/// Turns an error of the parser into ours.
pub(super) fn parse_error(template: &Arc<str>, error: &minijinja::Error) -> TemplateError {
    let message = match error.detail() {
        Some(detail) => detail.to_owned(),
        None => error.kind().to_string(),
    };
    TemplateError {
        cause: Cause::Syntax(message),
        template: Arc::clone(template),
        line: error.line().unwrap_or(1),
    }
}
