//! Times and sizes for people.

use std::time::Duration;

/// A time in whole units: `12s`, `1m 04s`, `2h 05m`.
pub(crate) fn rough_time(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

/// A time with tenths while they matter: `0.3s`, `12.3s`, `1m 04s`.
pub(crate) fn exact_time(time: Duration) -> String {
    // Rounded first, so that nothing is shown as `60.0s`.
    let tenths = (time.as_millis() + 50) / 100;
    if tenths < 600 {
        format!("{}.{}s", tenths / 10, tenths % 10)
    } else {
        rough_time(time)
    }
}

/// A number of bytes in decimal units: `999 B`, `1.5 kB`, `20.0 MB`.
pub(crate) fn size(bytes: u64) -> String {
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut tenths = bytes / 100;
    let mut units = ["kB", "MB", "GB"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    for next in units {
        if tenths < 10_000 {
            break;
        }
        tenths /= 1000;
        unit = next;
    }
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// A number of things: `1 part`, `2 parts`.
pub(crate) fn count(number: usize, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_follow_the_size() {
        let time = |millis| {
            let time = Duration::from_millis(millis);
            (rough_time(time), exact_time(time))
        };
        let pair = |rough: &str, exact: &str| (rough.to_owned(), exact.to_owned());
        assert_eq!(time(40), pair("0s", "0.0s"));
        assert_eq!(time(12_340), pair("12s", "12.3s"));
        assert_eq!(time(59_970), pair("59s", "59s"));
        assert_eq!(time(64_000), pair("1m 04s", "1m 04s"));
        assert_eq!(time(7_500_000), pair("2h 05m", "2h 05m"));
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (999_999, "999.9 kB"),
            (1_000_000, "1.0 MB"),
            (20_480_000, "20.4 MB"),
            (1_500_000_000, "1.5 GB"),
            (7_000_000_000_000, "7000.0 GB"),
        ] {
            assert_eq!(size(bytes), text);
        }
        assert_eq!(
            (count(1, "part"), count(0, "part")),
            ("1 part".into(), "0 parts".into())
        );
    }
}
