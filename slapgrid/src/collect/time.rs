//! Days and minutes of the database, all in UTC.

use std::time::{Duration, SystemTime};

use crate::clock::log_time;

/// A day.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A moment as the database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// `YYYY-mm-dd`.
    pub(super) date: String,
    /// `HH:MM:SS`.
    pub(super) time: String,
}

impl Stamp {
    pub(super) fn of(moment: SystemTime) -> Self {
        let text = log_time(moment);
        let (date, time) = text.split_once(' ').unwrap_or((&text, ""));
        Stamp {
            date: date.to_owned(),
            time: time.to_owned(),
        }
    }

    /// Returns the moment as one text, which sorts as moments do.
    pub(super) fn text(&self) -> String {
        format!("{} {}", self.date, self.time)
    }
}

/// Returns the day so many days before a moment.
pub(super) fn day_before(moment: SystemTime, days: u32) -> String {
    let earlier = moment.checked_sub(DAY.saturating_mul(days));
    Stamp::of(earlier.unwrap_or(SystemTime::UNIX_EPOCH)).date
}

/// The minute before a moment: what monitors show is of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Minute {
    /// The day.
    pub(super) date: String,
    /// Its first second.
    pub(super) begin: String,
    /// Its last second.
    pub(super) end: String,
}

impl Minute {
    pub(super) fn before(moment: SystemTime) -> Self {
        let earlier = moment.checked_sub(Duration::from_secs(60));
        let stamp = Stamp::of(earlier.unwrap_or(SystemTime::UNIX_EPOCH));
        let minute = stamp.time.get(..5).unwrap_or("00:00");
        Minute {
            begin: format!("{minute}:00"),
            end: format!("{minute}:59"),
            date: stamp.date,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn moments_are_days_and_minutes() {
        let moment = UNIX_EPOCH + Duration::from_secs(1_795_305_600 + 30);
        assert_eq!(Stamp::of(moment).text(), "2026-11-22 00:00:30");
        assert_eq!(day_before(moment, 2), "2026-11-20");
        let minute = Minute::before(moment);
        assert_eq!(
            (&*minute.date, &*minute.begin, &*minute.end),
            ("2026-11-21", "23:59:00", "23:59:59")
        );
    }
}
