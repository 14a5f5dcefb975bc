//! The headers of `METADATA` and `PKG-INFO` files.

/// The fields of such a file, in order; what follows the first blank line is
/// description and left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    fields: Vec<(String, String)>,
}

impl Headers {
    /// Reads the fields. Lines that are none are passed over, as Python's
    /// `email` package does.
    pub fn parse(text: &str) -> Self {
        let mut fields: Vec<(String, String)> = Vec::new();
        for line in text.trim_start_matches('\u{feff}').lines() {
            if line.is_empty() {
                break;
            }
            if line.starts_with([' ', '\t']) {
                if let Some((_, value)) = fields.last_mut() {
                    value.push('\n');
                    value.push_str(line.trim());
                }
                continue;
            }
            if let Some((name, value)) = line.split_once(':')
                && !name.is_empty()
                && !name.contains(char::is_whitespace)
            {
                fields.push((name.to_owned(), value.trim().to_owned()));
            }
        }
        Headers { fields }
    }

    /// Returns the values of a field, whose name has no case.
    pub fn all<'h>(&'h self, field: &'h str) -> impl Iterator<Item = &'h str> {
        self.fields
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case(field))
            .map(|(_, value)| value.as_str())
    }

    /// Returns the first value of a field.
    pub fn first(&self, field: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(field))
            .map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_end_with_the_first_blank_line() {
        let headers = Headers::parse(
            "Metadata-Version: 2.1\r\nName: My.Pkg\nSummary: a\n  b: c\nrequires-dist: x>1\n\
             Requires-Dist: y ; extra == 'z'\nno field\n\nName: description\n",
        );
        assert_eq!(headers.first("name"), Some("My.Pkg"));
        assert_eq!(headers.first("Summary"), Some("a\nb: c"));
        let requires: Vec<&str> = headers.all("Requires-Dist").collect();
        assert_eq!(requires, ["x>1", "y ; extra == 'z'"]);
        assert_eq!(headers.all("Name").count(), 1);
    }
}
