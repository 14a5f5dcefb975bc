//! Calendars of systemd as lines of a crontab.

/// The calendars that have a name.
const NAMED: [(&str, &str); 6] = [
    ("minutely", "* * * * *"),
    ("hourly", "0 * * * *"),
    ("daily", "0 0 * * *"),
    ("weekly", "0 0 * * 0"),
    ("monthly", "0 0 1 * *"),
    ("yearly", "0 0 1 1 *"),
];

const WEEKDAYS: [&str; 7] = [
    "sunday",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
];

/// The least value of minute, hour, day and month, and how many there are.
const FIELDS: [(i64, i64); 4] = [(0, 60), (0, 24), (1, 31), (1, 12)];

/// Converts a calendar, `[WEEKDAYS] [[YEAR-]MONTH-DAY] [HOUR:MINUTE[:SECOND]]`, as upstream's
/// `systemd_to_cron` does it, its oddities included: words are separated by single spaces, and a
/// repetition replaces what is beside it. `None` if that has no form in a crontab: the year must be
/// `*` and the second 0, and a weekday excludes a day of the month.
pub(super) fn crontab_from_calendar(calendar: &str) -> Option<String> {
    if let Some((_, line)) = NAMED.iter().find(|(name, _)| *name == calendar) {
        return Some((*line).to_owned());
    }
    if calendar.trim().is_empty() {
        return None;
    }
    let mut words: Vec<&str> = calendar.split(' ').collect();
    let weekdays = match weekdays(words[0]) {
        Some(weekdays) => {
            words.remove(0);
            weekdays
        }
        None => "*".to_owned(),
    };
    let (date, time) = match words[..] {
        [] => ("*-*", "0:0"),
        [word] if word.contains(':') => ("*-*", word),
        [word] => (word, "0:0"),
        [date, time] => (date, time),
        _ => return None,
    };
    let mut date: Vec<&str> = date.split('-').collect();
    let mut time: Vec<&str> = time.split(':').collect();
    if date.len() > 2 && date.remove(0) != "*" {
        return None;
    }
    if weekdays != "*" && *date.get(1)? != "*" {
        return None;
    }
    if time.len() > 2 && number(time.pop()?)? != 0 {
        return None;
    }
    let ([month, day], [hour, minute]) = (&date[..], &time[..]) else {
        return None;
    };
    let mut fields = [minute, hour, day, month].map(|field| (*field).to_owned());
    for (field, (least, count)) in fields.iter_mut().zip(FIELDS) {
        check_field(field, least, count)?;
    }
    Some(format!("{} {weekdays}", fields.join(" ")))
}

/// Days of the week as numbers, sorted as texts; `None` if one is no such day.
fn weekdays(word: &str) -> Option<String> {
    let day = |name: &str| {
        let name = name.to_lowercase();
        let found = WEEKDAYS
            .iter()
            .position(|day| *day == name || day[..3] == name);
        found.map(|number| number.to_string())
    };
    let days = word.split(',').filter(|days| !days.is_empty());
    let mut numbers = days
        .map(|days| {
            let bounds: Option<Vec<String>> = days.splitn(2, '-').map(day).collect();
            Some(bounds?.join("-"))
        })
        .collect::<Option<Vec<String>>>()?;
    numbers.sort();
    Some(numbers.join(","))
}

/// Checks the values of a field, and gives repetitions the end that a crontab wants.
fn check_field(field: &mut String, least: i64, count: i64) -> Option<()> {
    if field == "*" {
        return Some(());
    }
    for value in field.clone().split(',') {
        let (start, step) = match value.split_once('/') {
            None => (number(value)?, None),
            Some((start, step)) => (number(start)?, Some(number(step)?)),
        };
        let offset = start - least;
        if !(0..count).contains(&offset) {
            return None;
        }
        let Some(step) = step else {
            continue;
        };
        let length = (step > 0).then(|| (count - offset - 1) / step * step)?;
        if length == 0 {
            return None;
        }
        *field = format!("{start}-{}/{step}", start + length);
    }
    Some(())
}

/// Python's `int`, for numbers of a calendar.
fn number(text: &str) -> Option<i64> {
    text.trim().parse::<i32>().ok().map(i64::from)
}

#[cfg(test)]
mod tests {
    use super::crontab_from_calendar;

    #[test]
    fn calendars_become_lines() {
        for (calendar, expected) in [
            ("daily", Some("0 0 * * *")),
            ("mon,tue 4:30:00", Some("30 4 * * 1,2")),
            ("Sunday", Some("0 0 * * 0")),
            ("mon-fri 1:02", Some("02 1 * * 1-5")),
            ("*-*-1", Some("0 0 1 * *")),
            ("*-4/3-1 0/6:15", Some("15 0-18/6 1 4-10/3 *")),
            ("12-25 3:4", Some("4 3 25 12 *")),
            ("0/20:0", Some("0 0-20/20 * * *")),
            ("*:0,30", Some("0,30 * * * *")),
            (" 4:30", Some("30 4 * * ")),
            ("", None),
            ("2020-1-1", None),
            ("mon 1-1", None),
            ("4:30:01", None),
            ("24:00", None),
            ("*:0/60", None),
            ("*:*/5", None),
            ("1 2 3", None),
            ("someday", None),
        ] {
            assert_eq!(
                crontab_from_calendar(calendar).as_deref(),
                expected,
                "{calendar:?}"
            );
        }
    }
}
