//! Whether a partition is what the master wants already.

use std::time::{Duration, SystemTime};

/// The last time that a partition was processed to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastTime {
    /// The master's timestamp then.
    pub timestamp: String,
    /// When that was.
    pub at: SystemTime,
}

/// What a partition is compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comparison<'a> {
    /// The master's timestamp.
    pub timestamp: Option<&'a str>,
    /// What the partition remembers.
    pub last: Option<&'a LastTime>,
    /// After how many seconds it is processed again; never if negative, always
    /// if 0.
    pub periodicity: i64,
    /// Whether it is processed anyway.
    pub force: bool,
    /// The time.
    pub now: SystemTime,
}

/// Why a partition is processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Somebody wants it.
    Forced,
    /// The master tells no timestamp.
    NoTimestamp,
    /// It is processed in every run.
    Always,
    /// It was never processed, or not to its end.
    NotFinished,
    /// The timestamp is another one, be it older.
    Changed,
    /// It has been long enough.
    Due,
}

impl Comparison<'_> {
    /// Decides whether the partition is to be processed, and why.
    pub fn decide(&self) -> Option<Reason> {
        if self.force {
            return Some(Reason::Forced);
        }
        let Some(timestamp) = self.timestamp else {
            return Some(Reason::NoTimestamp);
        };
        if self.periodicity == 0 {
            return Some(Reason::Always);
        }
        let Some(last) = self.last else {
            return Some(Reason::NotFinished);
        };
        if last.timestamp != timestamp {
            return Some(Reason::Changed);
        }
        let Ok(periodicity) = u64::try_from(self.periodicity) else {
            return None;
        };
        let due = last.at.checked_add(Duration::from_secs(periodicity));
        due.is_some_and(|due| self.now > due).then_some(Reason::Due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_current_as_upstream_s_are() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let last = LastTime {
            timestamp: "5".to_owned(),
            at: now - Duration::from_secs(100),
        };
        let base = Comparison {
            timestamp: Some("5"),
            last: Some(&last),
            periodicity: 100,
            force: false,
            now,
        };
        let cases = [
            (base, None),
            (
                Comparison {
                    periodicity: 99,
                    ..base
                },
                Some(Reason::Due),
            ),
            (
                Comparison {
                    periodicity: -1,
                    ..base
                },
                None,
            ),
            (
                Comparison {
                    periodicity: 0,
                    ..base
                },
                Some(Reason::Always),
            ),
            (
                Comparison {
                    periodicity: i64::MAX,
                    ..base
                },
                None,
            ),
            (
                Comparison {
                    force: true,
                    ..base
                },
                Some(Reason::Forced),
            ),
            (Comparison { last: None, ..base }, Some(Reason::NotFinished)),
            (
                Comparison {
                    timestamp: None,
                    ..base
                },
                Some(Reason::NoTimestamp),
            ),
            (
                Comparison {
                    timestamp: Some("4"),
                    ..base
                },
                Some(Reason::Changed),
            ),
            (
                Comparison {
                    timestamp: Some("5.0"),
                    ..base
                },
                Some(Reason::Changed),
            ),
        ];
        for (comparison, expected) in cases {
            assert_eq!(comparison.decide(), expected, "{comparison:?}");
        }
    }
}
