//! Names of signals.

/// The names that Python's `signal` module has on Linux, without `SIG`.
const SIGNALS: [&str; 36] = [
    "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL",
    "PIPE", "POLL", "PROF", "PWR", "QUIT", "RTMAX", "RTMIN", "SEGV", "STKFLT", "STOP", "SYS",
    "TERM", "TRAP", "TSTP", "TTIN", "TTOU", "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU",
    "XFSZ",
];

/// Tells whether a text is the name of a signal, perhaps with a plus sign and
/// a number.
pub(super) fn is_signal(text: &str) -> bool {
    let (name, offset) = text.split_once('+').unwrap_or((text, "0"));
    SIGNALS.contains(&name) && offset.trim().parse::<i32>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::is_signal;

    #[test]
    fn names_have_no_prefix() {
        for (text, expected) in [
            ("HUP", true),
            ("RTMIN+1", true),
            ("RTMAX+-2", true),
            ("SIGHUP", false),
            ("hup", false),
            ("_IGN", false),
            ("RTMIN+", false),
            ("1", false),
            ("", false),
        ] {
            assert_eq!(is_signal(text), expected, "{text:?}");
        }
    }
}
