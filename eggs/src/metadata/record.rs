//! `RECORD`: the files of an installed distribution.

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RecordEntry {
    /// The path, seen from the directory that holds `X.dist-info`.
    pub path: String,
    /// `ALGORITHM=DIGEST`, or nothing.
    pub digest: String,
    /// The size in bytes, or nothing.
    pub size: String,
}

/// The files of a distribution, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The files.
    pub entries: Vec<RecordEntry>,
}

impl Record {
    /// Reads a `RECORD`, which is a table of three columns with commas and, if
    /// need be, quotation marks.
    pub fn parse(text: &str) -> Self {
        let rows = rows(text).into_iter();
        let entries = rows.filter(|row| row.iter().any(|cell| !cell.is_empty()));
        let entries = entries.map(|row| {
            let mut cells = row.into_iter();
            let mut next = || cells.next().unwrap_or_default();
            RecordEntry {
                path: next(),
                digest: next(),
                size: next(),
            }
        });
        Record {
            entries: entries.collect(),
        }
    }

    /// Writes it.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for entry in &self.entries {
            for (place, cell) in [&entry.path, &entry.digest, &entry.size].iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                if cell.contains([',', '"', '\n', '\r']) {
                    text.push('"');
                    text.push_str(&cell.replace('"', "\"\""));
                    text.push('"');
                } else {
                    text.push_str(cell);
                }
            }
            text.push('\n');
        }
        text
    }
}

fn rows(text: &str) -> Vec<Vec<String>> {
    let mut rows = vec![vec![String::new()]];
    let mut quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let Some(cell) = rows.last_mut().and_then(|row| row.last_mut()) else {
            break;
        };
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                cell.push('"');
                characters.next();
            }
            '"' => quoted = !quoted,
            ',' if !quoted => {
                if let Some(row) = rows.last_mut() {
                    row.push(String::new());
                }
            }
            '\r' if !quoted => {}
            '\n' if !quoted => rows.push(vec![String::new()]),
            other => cell.push(other),
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_survives_being_written() {
        let text = "a.py,sha256=x,12\n\"b,\"\"c\"\".py\",,\n";
        let record = Record::parse(text);
        assert_eq!(record.entries[1].path, "b,\"c\".py");
        assert_eq!(record.to_text(), text);
        assert_eq!(Record::parse("a.py,,\r\n\r\n").entries.len(), 1);
    }
}
