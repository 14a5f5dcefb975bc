//! Times as the node writes them. All are in UTC: there is no database of time
//! zones here, and machines that serve others rarely keep another one.

use std::time::{SystemTime, UNIX_EPOCH};

use buildout_core::calendar::date_of_day;

const DAY: u64 = 24 * 60 * 60;
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// A moment taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Moment {
    year: u64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
    millisecond: u32,
    weekday: &'static str,
}

impl Moment {
    fn of(time: SystemTime) -> Self {
        // A clock before 1970 is as good as none.
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = since.as_secs();
        let days = seconds / DAY;
        let (year, month, day) = date_of_day(days);
        Moment {
            year,
            month,
            day,
            hour: seconds / 3600 % 24,
            minute: seconds / 60 % 60,
            second: seconds % 60,
            millisecond: since.subsec_millis(),
            weekday: usize::try_from(days % 7).map_or("Thu", |index| WEEKDAYS[index]),
        }
    }
}

/// Returns the time as Python's `time.time()` does: seconds since the epoch.
pub(crate) fn seconds_now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64()
}

/// Returns a time as Python's `time.asctime` does: what `.completed` holds.
pub(crate) fn asctime(time: SystemTime) -> String {
    let m = Moment::of(time);
    let month = usize::try_from(m.month - 1).map_or("Jan", |index| MONTHS[index]);
    format!(
        "{} {month} {:2} {:02}:{:02}:{:02} {}",
        m.weekday, m.day, m.hour, m.minute, m.second, m.year
    )
}

/// Returns a time for a line of the log: `YYYY-mm-dd HH:MM:SS`.
pub fn log_time(time: SystemTime) -> String {
    let m = Moment::of(time);
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
        m.year, m.month, m.day, m.hour, m.minute, m.second
    )
}

/// Returns a time for the result of a promise, as slapos.core writes it.
pub(crate) fn result_time(time: SystemTime) -> String {
    let m = Moment::of(time);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}+0000",
        m.year, m.month, m.day, m.hour, m.minute, m.second
    )
}

/// Returns a time for a line of a log file, with milliseconds as Python's
/// `logging` has them.
pub(crate) fn file_log_time(time: SystemTime) -> String {
    format!("{},{:03}", log_time(time), Moment::of(time).millisecond)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_python_s() {
        // As `time.asctime(time.gmtime(SECONDS))` tells.
        for (seconds, text) in [
            (0, "Thu Jan  1 00:00:00 1970"),
            (951_782_400, "Tue Feb 29 00:00:00 2000"),
            (1_795_310_991, "Sun Nov 22 01:29:51 2026"),
        ] {
            let time = UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(asctime(time), text);
        }
        let time = UNIX_EPOCH + Duration::from_millis(1_795_310_991_007);
        assert_eq!(file_log_time(time), "2026-11-22 01:29:51,007");
        assert_eq!(result_time(time), "2026-11-22T01:29:51+0000");
    }
}
