//! How `textwrap` breaks lines.

use super::methods::expand_tabs;
use super::regex::{Extent, Flags, Regex};
use super::{Exception, Raised};
use buildout_core::profile::python_text::is_python_space;

/// What is white space here.
const BLANKS: [char; 6] = ['\t', '\n', '\x0b', '\x0c', '\r', ' '];

/// Blanks, dashes between words, and words, which may be parts of hyphenated
/// ones.
const WORDS: &str = r#"([\t\n\x0b\x0c\r ]+|(?<=[\w!"'&.,?])-{2,}(?=\w)|[^\t\n\x0b\x0c\r ]+?(?:-(?:(?<=[^\d\W]{2}-)|(?<=[^\d\W]-[^\d\W]-))(?=[^\d\W]-?[^\d\W])|(?=[\t\n\x0b\x0c\r ]|\Z)|(?<=[\w!"'&.,?])(?=-{2,}\w)))"#;

const BLANKS_ONLY: &str = r"([\t\n\x0b\x0c\r ]+)";

/// The end of a sentence.
const SENTENCE_END: &str = r#"[a-z][\.\!\?][\"\']?\Z"#;

/// Python's `TextWrapper`, with its options.
pub(crate) struct Wrapper {
    pub(crate) width: i128,
    pub(crate) initial_indent: String,
    pub(crate) subsequent_indent: String,
    pub(crate) expands_tabs: bool,
    pub(crate) replaces_whitespace: bool,
    pub(crate) fixes_sentence_endings: bool,
    pub(crate) breaks_long_words: bool,
    pub(crate) drops_whitespace: bool,
    pub(crate) breaks_on_hyphens: bool,
    pub(crate) tab_size: usize,
    pub(crate) max_lines: Option<i128>,
    pub(crate) placeholder: String,
}

impl Default for Wrapper {
    fn default() -> Self {
        Wrapper {
            width: 70,
            initial_indent: String::new(),
            subsequent_indent: String::new(),
            expands_tabs: true,
            replaces_whitespace: true,
            fixes_sentence_endings: false,
            breaks_long_words: true,
            drops_whitespace: true,
            breaks_on_hyphens: true,
            tab_size: 8,
            max_lines: None,
            placeholder: " [...]".to_owned(),
        }
    }
}

fn length(text: &str) -> i128 {
    text.chars().count() as i128
}

fn is_blank(text: &str) -> bool {
    lstrip(text).is_empty()
}

impl Wrapper {
    /// Breaks a text into lines.
    pub(crate) fn wrap(&self, text: &str) -> Raised<Vec<String>> {
        let mut text = text.to_owned();
        if self.expands_tabs {
            text = expand_tabs(&text, self.tab_size);
        }
        if self.replaces_whitespace {
            text = text.replace(BLANKS, " ");
        }
        let mut chunks = split(&text, self.breaks_on_hyphens)?;
        if self.fixes_sentence_endings {
            fix_sentence_endings(&mut chunks)?;
        }
        chunks.reverse();
        self.lines(chunks)
    }

    fn lines(&self, mut chunks: Vec<String>) -> Raised<Vec<String>> {
        if self.width <= 0 {
            return Err(Exception::value_error(format!(
                "invalid width {} (must be > 0)",
                self.width
            )));
        }
        if let Some(most) = self.max_lines {
            let indent = match most > 1 {
                true => &self.subsequent_indent,
                false => &self.initial_indent,
            };
            if length(indent) + length(lstrip(&self.placeholder)) > self.width {
                return Err(Exception::value_error(
                    "placeholder too large for max width",
                ));
            }
        }
        let mut lines: Vec<String> = Vec::new();
        while !chunks.is_empty() {
            let indent = match lines.is_empty() {
                true => &self.initial_indent,
                false => &self.subsequent_indent,
            };
            let width = self.width - length(indent);
            if self.drops_whitespace
                && !lines.is_empty()
                && chunks.last().is_some_and(|chunk| is_blank(chunk))
            {
                chunks.pop();
            }
            let mut line: Vec<String> = Vec::new();
            let mut used = 0;
            while let Some(chunk) = chunks.pop() {
                let size = length(&chunk);
                if used + size > width {
                    chunks.push(chunk);
                    break;
                }
                used += size;
                line.push(chunk);
            }
            if chunks.last().is_some_and(|chunk| length(chunk) > width) {
                self.long_word(&mut chunks, &mut line, used, width);
                used = line.iter().map(|chunk| length(chunk)).sum();
            }
            if self.drops_whitespace && line.last().is_some_and(|chunk| is_blank(chunk)) {
                used -= line.pop().map_or(0, |chunk| length(&chunk));
            }
            if line.is_empty() {
                continue;
            }
            let is_rest_blank = match &chunks[..] {
                [] => true,
                [only] => self.drops_whitespace && is_blank(only),
                _ => false,
            };
            let has_room = match self.max_lines {
                None => true,
                Some(most) => (lines.len() as i128) + 1 < most || (is_rest_blank && used <= width),
            };
            if has_room {
                lines.push(format!("{indent}{}", line.concat()));
                continue;
            }
            self.cut(&mut lines, line, used, indent, width);
            break;
        }
        Ok(lines)
    }

    /// Ends the last line that there may be.
    fn cut(
        &self,
        lines: &mut Vec<String>,
        mut line: Vec<String>,
        mut used: i128,
        indent: &str,
        width: i128,
    ) {
        while let Some(last) = line.last() {
            if !is_blank(last) && used + length(&self.placeholder) <= width {
                lines.push(format!("{indent}{}{}", line.concat(), self.placeholder));
                return;
            }
            used -= length(last);
            line.pop();
        }
        if let Some(previous) = lines.last_mut() {
            let kept = rstrip(previous);
            if length(kept) + length(&self.placeholder) <= self.width {
                *previous = format!("{kept}{}", self.placeholder);
                return;
            }
        }
        lines.push(format!("{indent}{}", lstrip(&self.placeholder)));
    }

    /// Takes as much of a word as there is place for, or all of it.
    fn long_word(&self, chunks: &mut Vec<String>, line: &mut Vec<String>, used: i128, width: i128) {
        let Some(chunk) = chunks.pop() else {
            return;
        };
        if !self.breaks_long_words {
            match line.is_empty() {
                true => line.push(chunk),
                false => chunks.push(chunk),
            }
            return;
        }
        let space = if width < 1 { 1 } else { width - used };
        let space = usize::try_from(space).unwrap_or(0);
        let characters: Vec<char> = chunk.chars().collect();
        let mut end = space.min(characters.len());
        if self.breaks_on_hyphens && characters.len() > space {
            let hyphen = characters[..space].iter().rposition(|one| *one == '-');
            if let Some(hyphen) = hyphen
                && characters[..hyphen].iter().any(|one| *one != '-')
            {
                end = hyphen + 1;
            }
        }
        line.push(characters[..end].iter().collect());
        chunks.push(characters[end..].iter().collect());
    }
}

fn lstrip(text: &str) -> &str {
    text.trim_start_matches(is_python_space)
}

fn rstrip(text: &str) -> &str {
    text.trim_end_matches(is_python_space)
}

fn regex(pattern: &str) -> Raised<Regex> {
    Regex::new(pattern, Flags::default()).map_err(|problem| Exception::new("re.error", problem.0))
}

fn split(text: &str, on_hyphens: bool) -> Raised<Vec<String>> {
    let regex = regex(if on_hyphens { WORDS } else { BLANKS_ONLY })?;
    let characters: Vec<char> = text.chars().collect();
    let mut chunks = Vec::new();
    let mut at = 0;
    let mut push = |start: usize, end: usize| {
        if start < end {
            chunks.push(characters[start..end].iter().collect());
        }
    };
    // A chunk is never empty.
    while let Ok(Some(found)) = regex.find(&characters, at, Extent::Search, false) {
        let (start, end) = found.span();
        if end == start {
            break;
        }
        push(at, start);
        push(start, end);
        at = end;
    }
    push(at, characters.len());
    Ok(chunks)
}

/// Puts two blanks between sentences.
fn fix_sentence_endings(chunks: &mut [String]) -> Raised<()> {
    let end = regex(SENTENCE_END)?;
    let mut index = 0;
    while index + 1 < chunks.len() {
        let characters: Vec<char> = chunks[index].chars().collect();
        let found = end.find(&characters, 0, Extent::Search, false);
        if chunks[index + 1] == " " && matches!(found, Ok(Some(_))) {
            chunks[index + 1] = "  ".to_owned();
            index += 1;
        }
        index += 1;
    }
    Ok(())
}
