//! How long ago, and how long still, in the greatest unit that says enough.

use std::time::{SystemTime, UNIX_EPOCH};

/// Returns seconds as people say them.
fn length(seconds: f64) -> String {
    let seconds = seconds.max(0.0);
    let units = [(86400.0, "d"), (3600.0, "h"), (60.0, "min")];
    for (unit, name) in units {
        if seconds >= unit {
            return format!("{:.0} {name}", (seconds / unit).floor());
        }
    }
    format!("{seconds:.0} s")
}

fn seconds_of(at: SystemTime) -> f64 {
    let since = at.duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64()
}

/// Returns for how long something has been so at a moment.
pub(super) fn since(since: f64, at: SystemTime) -> String {
    format!("for {}", length(seconds_of(at) - since))
}

/// Returns in how long something happens from a moment on.
pub(super) fn until(next: f64, at: SystemTime) -> String {
    let left = next - seconds_of(at);
    if left <= 0.0 {
        return "due now".to_owned();
    }
    format!("next in {}", length(left))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn lengths_are_short() {
        let at = UNIX_EPOCH + Duration::from_secs(1_000_000);
        for (before, text) in [
            (0.0, "for 0 s"),
            (59.0, "for 59 s"),
            (125.0, "for 2 min"),
            (7200.0, "for 2 h"),
            (259_200.0, "for 3 d"),
            (-5.0, "for 0 s"),
        ] {
            assert_eq!(since(1_000_000.0 - before, at), text);
        }
        assert_eq!(until(1_000_090.0, at), "next in 1 min");
        assert_eq!(until(999_999.0, at), "due now");
    }
}
