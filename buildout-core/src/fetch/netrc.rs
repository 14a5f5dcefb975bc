//! The file `.netrc`: logins by host.

use std::fmt;

/// The logins of a `.netrc`, which never shows one.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Netrc {
    entries: Vec<Entry>,
}

#[derive(Clone, PartialEq, Eq)]
struct Entry {
    /// The host; `None` for `default`.
    machine: Option<String>,
    login: String,
    password: String,
}

/// A login for a host.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Login<'a> {
    /// The user.
    pub user: &'a str,
    /// The password.
    pub password: &'a str,
}

/// A text that is no `.netrc`. It quotes nothing, which might be a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct NetrcError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub problem: &'static str,
}

impl Netrc {
    /// Reads the text of a file, in the syntax that ftp and Python share:
    /// words, some of them in double quotes, and comments after `#` where a
    /// keyword could stand.
    ///
    /// # Errors
    ///
    /// A word is no keyword, or a keyword lacks its value.
    pub fn parse(text: &str) -> Result<Self, NetrcError> {
        let mut words = Words { text, line: 1 };
        let mut entries: Vec<Entry> = Vec::new();
        while let Some(keyword) = words.next_keyword() {
            let line = words.line;
            let wrong = |problem| NetrcError { line, problem };
            let mut value = || words.next().ok_or(wrong("a value is missing at the end"));
            let mut begin = |machine| {
                entries.push(Entry {
                    machine,
                    login: String::new(),
                    password: String::new(),
                });
            };
            match keyword.as_str() {
                "machine" => begin(Some(value()?)),
                "default" => begin(None),
                "macdef" => words.skip_macro(),
                "login" | "user" | "account" | "password" => {
                    let value = value()?;
                    let Some(entry) = entries.last_mut() else {
                        return Err(wrong("a login must follow `machine` or `default`"));
                    };
                    match keyword.as_str() {
                        "login" | "user" => entry.login = value,
                        "password" => entry.password = value,
                        // For FTP only.
                        _ => {}
                    }
                }
                _ => {
                    return Err(wrong(
                        "expected `machine`, `default`, `login`, `password`, `account` or `macdef`",
                    ));
                }
            }
        }
        Ok(Netrc { entries })
    }

    /// Returns the login for a host: the first entry that names it, else the
    /// default.
    pub fn find(&self, host: &str) -> Option<Login<'_>> {
        let named = |entry: &&Entry| {
            let machine = entry.machine.as_deref();
            machine.is_some_and(|machine| machine.eq_ignore_ascii_case(host))
        };
        let entry = self.entries.iter().find(named).or_else(|| {
            let mut entries = self.entries.iter();
            entries.find(|entry| entry.machine.is_none())
        })?;
        Some(Login {
            user: &entry.login,
            password: &entry.password,
        })
    }
}

impl fmt::Debug for Netrc {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machines: Vec<_> = self.entries.iter().map(|entry| &entry.machine).collect();
        formatter.debug_tuple("Netrc").field(&machines).finish()
    }
}

/// The words of the file.
struct Words<'a> {
    text: &'a str,
    line: usize,
}

impl Words<'_> {
    fn skip(&mut self, length: usize) {
        let (skipped, rest) = self.text.split_at(length);
        self.line += skipped.matches('\n').count();
        self.text = rest;
    }

    fn skip_blanks(&mut self) {
        let rest = self.text.trim_start();
        self.skip(self.text.len() - rest.len());
    }

    fn skip_line(&mut self) {
        let end = self.text.find('\n').unwrap_or(self.text.len());
        self.skip(end);
    }

    /// Returns the next word that is not in a comment.
    fn next_keyword(&mut self) -> Option<String> {
        self.skip_blanks();
        while self.text.starts_with('#') {
            self.skip_line();
            self.skip_blanks();
        }
        self.next()
    }

    /// A macro goes on to the next empty line.
    fn skip_macro(&mut self) {
        let end = self.text.find("\n\n").unwrap_or(self.text.len());
        self.skip(end);
    }

    fn next(&mut self) -> Option<String> {
        self.skip_blanks();
        let quoted = self.text.starts_with('"');
        let mut word = String::new();
        let mut characters = self.text.char_indices().skip(usize::from(quoted));
        let mut end = self.text.len();
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => match characters.next() {
                    Some((_, escaped)) => word.push(escaped),
                    None => break,
                },
                '"' if quoted => {
                    end = at + 1;
                    break;
                }
                _ if !quoted && character.is_whitespace() => {
                    end = at;
                    break;
                }
                _ => word.push(character),
            }
        }
        if end == 0 {
            return None;
        }
        self.skip(end);
        Some(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(netrc: &Netrc, host: &str) -> Option<(String, String)> {
        let login = netrc.find(host)?;
        Some((login.user.to_owned(), login.password.to_owned()))
    }

    #[test]
    fn finds_logins_by_host() {
        let netrc = Netrc::parse(
            "# mine\nmachine a.example login me password s\\ 1#x\n\
             machine b.example\n  account none\n  user you\n  password \"two words\"\n\
             macdef init\ncd /tmp\nmachine not.example\n\n\
             machine a.example login other password y\ndefault login anonymous password @\n",
        )
        .unwrap();
        let pair = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(login(&netrc, "A.example"), pair("me", "s 1#x"));
        assert_eq!(login(&netrc, "b.example"), pair("you", "two words"));
        assert_eq!(login(&netrc, "not.example"), pair("anonymous", "@"));
        assert_eq!(login(&Netrc::default(), "a"), None);
        assert!(!format!("{netrc:?}").contains("two words"));
    }

    #[test]
    fn mistakes_have_a_line_and_show_no_word() {
        for (text, message) in [
            (
                "\nlogin me",
                "line 2: a login must follow `machine` or `default`",
            ),
            ("machine a login", "line 1: a value is missing at the end"),
            (
                "machine a\nsecret",
                "line 2: expected `machine`, `default`, `login`, `password`, `account` or `macdef`",
            ),
        ] {
            assert_eq!(Netrc::parse(text).unwrap_err().to_string(), message);
        }
    }
}
