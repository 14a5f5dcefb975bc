//! Sizes as people write them (upstream's `human2bytes` and `bytes2human`).

/// The names of 1024 to the power of their place. The second ones are shown.
const UNITS: [[&str; 5]; 9] = [
    ["B", "", "byte", "Bi", "byte"],
    ["K", "KB", "kilo", "Ki", "kibi"],
    ["M", "MB", "mega", "Mi", "mebi"],
    ["G", "GB", "giga", "Gi", "gibi"],
    ["T", "TB", "tera", "Ti", "tebi"],
    ["P", "PB", "peta", "Pi", "pebi"],
    ["E", "EB", "exa", "Ei", "exbi"],
    ["Z", "ZB", "zetta", "Zi", "zebi"],
    ["Y", "YB", "iotta", "Yi", "yobi"],
];

/// Reads a size such as `1000M` or `0.5 Gi` in bytes; none if it is no size.
pub fn parse_size(text: &str) -> Option<u64> {
    let end = text
        .find(|character: char| !character.is_ascii_digit() && character != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: f64 = number.parse().ok()?;
    let unit = match unit.trim() {
        "k" => "K",
        unit => unit,
    };
    let power = UNITS.iter().position(|names| names.contains(&unit))?;
    let power = i32::try_from(power).ok()?;
    let bytes = number * 1024_f64.powi(power);
    // As Python's `int`; what does not fit is more than any disk has.
    Some(bytes as u64)
}

/// Writes a number of bytes as `1.0 KB`.
pub fn show_size(bytes: u64) -> String {
    let power = (1..UNITS.len())
        .rev()
        .find(|power| u32::try_from(*power).is_ok_and(|p| bytes >= 1024_u64.saturating_pow(p)))
        .unwrap_or(0);
    let divisor = 1024_f64.powi(i32::try_from(power).unwrap_or(0));
    format!("{:.1} {}", bytes as f64 / divisor, UNITS[power][1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_upstream_s() {
        for (text, bytes) in [
            ("1000M", Some(1000 << 20)),
            ("1 K", Some(1024)),
            ("1 k", Some(1024)),
            ("1 Gi", Some(1 << 30)),
            ("0.5kilo", Some(512)),
            ("0.1  byte", Some(0)),
            ("0 B", Some(0)),
            ("12 foo", None),
            ("5", Some(5)),
            ("3MB", Some(3 << 20)),
            ("", None),
            ("M", None),
        ] {
            assert_eq!(parse_size(text), bytes, "{text:?}");
        }
        assert_eq!(show_size(1024), "1.0 KB");
        assert_eq!(show_size(0), "0.0 ");
        assert_eq!(show_size(1_048_576_000), "1000.0 MB");
    }
}
