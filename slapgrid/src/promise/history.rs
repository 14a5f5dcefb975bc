//! The log of a promise, `.slapgrid/promise/log/TITLE.log`: what it found,
//! run by run, and what that means.

use std::time::SystemTime;

use crate::clock::log_time;

/// One run of a promise, as its log has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Transaction {
    /// `SECONDS-NNN`: when it began, and a number at random.
    pub(super) identity: String,
    /// Whether a line says so.
    pub(super) failed: bool,
    /// All that it says.
    pub(super) message: String,
}

impl Transaction {
    /// Returns when the run began: seconds since the epoch.
    fn began(&self) -> Option<u64> {
        self.identity.split('-').next()?.parse().ok()
    }
}

/// What a promise's last runs mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) failed: bool,
    pub(super) message: String,
}

/// A line of the log taken apart.
struct Line<'a> {
    level: &'a str,
    transaction: &'a str,
    message: &'a str,
}

/// Takes a line apart as slapos.core's `LOGLINE_RE` does; none if it goes on
/// with what the one before it says.
fn parse_line(line: &str) -> Option<Line<'_>> {
    let rest = skip_form(line, "dddd-dd-dd")?;
    let rest = skip_form(skip_blanks(rest, 1)?, "dd:dd:dd")?;
    let rest = skip_blanks(skip_dash(skip_blanks(rest, 1)?), 0)?;
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    let end = rest.find(|character| !is_word(character))?;
    let (level, rest) = rest.split_at(end);
    let before_dash = skip_blanks(rest, 1)?;
    let rest = match before_dash.strip_prefix('-') {
        Some(rest) => skip_blanks(rest, 1)?,
        None => skip_blanks(rest, 2)?,
    };
    let digits = rest.find(|character: char| !character.is_ascii_digit())?;
    let after = skip_form(rest.get(digits..)?, "-ddd")?;
    let transaction = &rest[..rest.len() - after.len()];
    if level.is_empty() || digits == 0 {
        return None;
    }
    let message = skip_blanks(skip_dash(skip_blanks(after, 1)?), 0)?;
    Some(Line {
        level,
        transaction,
        message,
    })
}

/// Skips a text in which `d` stands for any digit.
fn skip_form<'a>(text: &'a str, form: &str) -> Option<&'a str> {
    let head = text.get(..form.len())?;
    let fits = head.chars().zip(form.chars()).all(|pair| match pair {
        (character, 'd') => character.is_ascii_digit(),
        (character, wanted) => character == wanted,
    });
    fits.then(|| &text[form.len()..])
}

fn skip_blanks(text: &str, at_least: usize) -> Option<&str> {
    let rest = text.trim_start();
    let count = text[..text.len() - rest.len()].chars().count();
    (count >= at_least).then_some(rest)
}

fn skip_dash(text: &str) -> &str {
    text.strip_prefix('-').unwrap_or(text)
}

/// Returns the last transactions of a log, the newest first, at most `limit`
/// (`GenericPromise.getLastPromiseResultList`). A first line that is not whole
/// does no harm.
pub(super) fn last_transactions(log: &str, limit: usize) -> Vec<Transaction> {
    let mut transactions: Vec<(Transaction, Vec<String>)> = Vec::new();
    let mut continued: Vec<&str> = Vec::new();
    for text in log.rsplit('\n').filter(|line| !line.is_empty()) {
        let Some(line) = parse_line(text) else {
            continued.push(text);
            continue;
        };
        let is_same = transactions
            .last()
            .is_some_and(|(transaction, _)| transaction.identity == line.transaction);
        if !is_same {
            if transactions.len() == limit {
                break;
            }
            let transaction = Transaction {
                identity: line.transaction.to_owned(),
                failed: false,
                message: String::new(),
            };
            transactions.push((transaction, Vec::new()));
        }
        let mut message = line.message.to_owned();
        for more in continued.drain(..).rev() {
            message.push('\n');
            message.push_str(more);
        }
        if let Some((transaction, messages)) = transactions.last_mut() {
            transaction.failed |= matches!(line.level, "ERROR" | "CRITICAL");
            messages.push(message.trim().to_owned());
        }
    }
    transactions
        .into_iter()
        .map(|(mut transaction, mut messages)| {
            messages.reverse();
            transaction.message = messages.join("\n").trim().to_owned();
            transaction
        })
        .collect()
}

/// Decides from the last `result_count` transactions whether the promise
/// failed: the newest did, and `failure_amount` of them
/// (`GenericPromise.__checkPromiseResult`).
pub(super) fn decide(log: &str, result_count: usize, failure_amount: usize) -> Verdict {
    let transactions = last_transactions(log, result_count);
    let Some(newest) = transactions.first() else {
        return Verdict {
            failed: false,
            message: "No result found!".to_owned(),
        };
    };
    let failures = transactions.iter().filter(|it| it.failed).count();
    Verdict {
        failed: newest.failed && failures >= failure_amount,
        message: newest.message.clone(),
    }
}

/// Returns since when the promise is as it is: when the first of the newest
/// transactions that agree began, in seconds since the epoch.
pub(super) fn unchanged_since(log: &str) -> Option<u64> {
    let transactions = last_transactions(log, usize::MAX);
    let newest = transactions.first()?;
    transactions
        .iter()
        .take_while(|transaction| transaction.failed == newest.failed)
        .last()?
        .began()
}

/// How bad a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineLevel {
    Info,
    Error,
}

/// Returns a line as Python's `logging` writes it. Times are in UTC, as all
/// of the node's are.
pub(super) fn log_line(
    time: SystemTime,
    level: LineLevel,
    transaction: &str,
    message: &str,
) -> String {
    let level = match level {
        LineLevel::Info => "INFO",
        LineLevel::Error => "ERROR",
    };
    format!("{} - {level} - {transaction} - {message}\n", log_time(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
2026-11-22 01:30:35 - INFO - 1795311035-111 - all good
2026-11-22 01:32:35 - ERROR - 1795311155-222 - bad
  very bad

2026-11-22 01:32:36 - INFO - 1795311155-222 - Bang with message 'x'.
2026-11-22 01:34:35 - CRITICAL - 1795311275-333 -  worse
";

    #[test]
    fn transactions_are_read_from_the_end() {
        let found = last_transactions(LOG, 2);
        let identities: Vec<&str> = found.iter().map(|it| it.identity.as_str()).collect();
        assert_eq!(identities, ["1795311275-333", "1795311155-222"]);
        assert_eq!(found[0].message, "worse");
        assert_eq!(found[1].message, "bad\n  very bad\nBang with message 'x'.");
        assert!(found[1].failed);
        // A log that was cut is read as far as it goes.
        assert_eq!(last_transactions(&LOG[30..], 9).len(), 2);
        assert_eq!(unchanged_since(LOG), Some(1795311155));
    }

    #[test]
    fn failures_are_counted_from_the_newest() {
        for (results, failures, failed) in [(1, 1, true), (2, 2, true), (3, 3, false), (3, 2, true)]
        {
            assert_eq!(decide(LOG, results, failures).failed, failed);
        }
        let good = format!(
            "{LOG}{}",
            log_line(
                SystemTime::UNIX_EPOCH,
                LineLevel::Info,
                "1795311395-444",
                "ok"
            )
        );
        let verdict = decide(&good, 3, 1);
        assert_eq!((verdict.failed, &*verdict.message), (false, "ok"));
        assert_eq!(decide("", 1, 1).message, "No result found!");
    }

    #[test]
    fn lines_are_those_of_the_regular_expression() {
        for (line, is_line) in [
            ("2026-11-22 01:30:35 - INFO - 1-111 - ", true),
            ("2026-11-22  01:30:35 INFO  1-111 x", true),
            ("2026-11-22 01:30:35 - INFO - 1-11 - x", false),
            ("2026-11-22 01:30:35 - INFO -1-111 - x", false),
            ("2026-11-22 01:30:35,123 - INFO - 1-111 - x", false),
            ("é026-11-22 01:30:35 - INFO - 1-111 - x", false),
        ] {
            assert_eq!(parse_line(line).is_some(), is_line, "{line}");
        }
    }
}
