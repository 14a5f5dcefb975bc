//! Lines of known width, painted or not.

/// How a piece of a line is painted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    Plain,
    Strong,
    Faint,
    Good,
    Bad,
    Lively,
}

impl Paint {
    /// The parameter of the escape sequence.
    fn code(self) -> Option<&'static str> {
        match self {
            Paint::Plain => None,
            Paint::Strong => Some("1"),
            Paint::Faint => Some("2"),
            Paint::Good => Some("32"),
            Paint::Bad => Some("31"),
            Paint::Lively => Some("36"),
        }
    }
}

/// What a terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether it is painted.
    pub colour: bool,
    /// Whether characters beyond ASCII are used.
    pub unicode: bool,
}

impl Style {
    /// No paint, and ASCII only.
    pub(crate) const PLAIN: Style = Style {
        colour: false,
        unicode: false,
    };

    /// Returns one of two texts.
    pub(crate) fn pick(self, unicode: &'static str, ascii: &'static str) -> &'static str {
        if self.unicode { unicode } else { ascii }
    }

    /// Draws a bar of `width` columns, of which `part` in `whole` is full.
    pub(crate) fn bar(self, width: usize, part: u64, whole: u64, paint: Paint) -> Line {
        let scale = u128::from(whole.max(1));
        let full = u128::from(part.min(whole)) * width as u128 / scale;
        let full = usize::try_from(full).unwrap_or(width);
        Line::new()
            .with(paint, self.pick("\u{2501}", "#").repeat(full))
            .with(
                Paint::Faint,
                self.pick("\u{2500}", "-").repeat(width - full),
            )
    }
}

/// A line without its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line(Vec<(Paint, String)>);

impl Line {
    pub(crate) fn new() -> Self {
        Line::default()
    }

    /// Appends a text; what would steer the terminal is left out.
    #[must_use]
    pub(crate) fn with(mut self, paint: Paint, text: impl AsRef<str>) -> Self {
        let text: String = text.as_ref().chars().filter(|c| !c.is_control()).collect();
        if !text.is_empty() {
            self.0.push((paint, text));
        }
        self
    }

    /// Appends a text in a column of `width`: it is cut or filled up.
    #[must_use]
    pub(crate) fn column(self, paint: Paint, text: &str, width: usize, style: Style) -> Self {
        let cut = Line::new().with(paint, text).fit(width, style);
        let space = " ".repeat(width - cut.width());
        self.append(cut).with(Paint::Plain, space)
    }

    /// Appends another line.
    #[must_use]
    pub(crate) fn append(mut self, other: Line) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Returns how many columns it takes.
    pub(crate) fn width(&self) -> usize {
        self.0.iter().map(|(_, text)| width(text)).sum()
    }

    /// Cuts it to at most `columns`, with a mark where something is missing.
    #[must_use]
    pub(crate) fn fit(self, columns: usize, style: Style) -> Self {
        if self.width() <= columns {
            return self;
        }
        let mark = style.pick("\u{2026}", "~");
        let mut left = columns.saturating_sub(1);
        let mut cut = Line::new();
        for (paint, text) in self.0 {
            let mut kept = String::new();
            for character in text.chars() {
                let width = character_width(character);
                if width > left {
                    let mark = if columns == 0 { "" } else { mark };
                    return cut.with(paint, kept).with(paint, mark);
                }
                left -= width;
                kept.push(character);
            }
            cut = cut.with(paint, kept);
        }
        cut
    }

    /// Returns it as it is written to a terminal.
    pub(crate) fn render(&self, style: Style) -> String {
        let mut rendered = String::new();
        for (paint, text) in &self.0 {
            match paint.code().filter(|_| style.colour) {
                Some(code) => rendered.push_str(&format!("\u{1b}[{code}m{text}\u{1b}[0m")),
                None => rendered.push_str(text),
            }
        }
        // Trailing space would only be reflowed.
        if style.colour {
            rendered
        } else {
            rendered.trim_end().to_owned()
        }
    }
}

/// Returns how many columns a text takes.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(character_width).sum()
}

/// How many columns terminals give to a character. Names of parts and files
/// need no more than this; a line that is taken for too long is only cut.
fn character_width(character: char) -> usize {
    match u32::from(character) {
        0x300..=0x36f | 0x200b..=0x200f | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f
        | 0x2e80..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1faff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNICODE: Style = Style {
        colour: false,
        unicode: true,
    };

    #[test]
    fn lines_are_cut_to_columns() {
        let line = || {
            Line::new()
                .with(Paint::Plain, "ab\u{1b}[31m")
                .with(Paint::Good, "\u{6f22}\u{5b57}z")
        };
        assert_eq!(line().width(), 11);
        for (columns, shown) in [
            (11, "ab[31m\u{6f22}\u{5b57}z"),
            (10, "ab[31m\u{6f22}\u{2026}"),
            (9, "ab[31m\u{6f22}\u{2026}"),
            (8, "ab[31m\u{2026}"),
            (3, "ab\u{2026}"),
            (1, "\u{2026}"),
            (0, ""),
        ] {
            let cut = line().fit(columns, UNICODE);
            assert_eq!(cut.render(UNICODE), shown);
            assert!(cut.width() <= columns, "{columns}");
        }
        let column = Line::new().column(Paint::Plain, "zlib", 3, UNICODE);
        assert_eq!(column.render(UNICODE), "zl\u{2026}");
        let column = Line::new().column(Paint::Plain, "a", 3, UNICODE);
        assert_eq!(column.with(Paint::Plain, "|").render(UNICODE), "a  |");
    }

    #[test]
    fn paint_is_for_terminals_that_want_it() {
        let line = Line::new().with(Paint::Good, "a").with(Paint::Plain, "b");
        let style = Style {
            colour: true,
            unicode: false,
        };
        assert_eq!(line.render(style), "\u{1b}[32ma\u{1b}[0mb");
        assert_eq!(line.render(Style::PLAIN), "ab");
    }

    #[test]
    fn bars_are_as_full_as_their_part() {
        for (part, whole, shown) in [
            (0, 8, "----"),
            (1, 8, "----"),
            (4, 8, "##--"),
            (9, 8, "####"),
            (0, 0, "----"),
            (u64::MAX, u64::MAX, "####"),
        ] {
            let bar = Style::PLAIN.bar(4, part, whole, Paint::Good);
            assert_eq!(bar.render(Style::PLAIN), shown, "{part} of {whole}");
        }
    }
}
