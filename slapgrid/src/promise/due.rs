//! Whether a promise is due, from what is remembered of it.

use super::cache::PromiseCache;
use super::result::{PromiseResult, ResultKind};

/// How promises are checked, and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check {
    /// As a test or for anomalies.
    pub kind: ResultKind,
    /// Whether those that are not due are checked as well.
    pub force: bool,
}

impl Check {
    /// All promises of a partition that is processed.
    pub const TEST: Check = Check {
        kind: ResultKind::Test,
        force: true,
    };
    /// Those that are due, of a partition with nothing to do.
    pub const ANOMALY: Check = Check {
        kind: ResultKind::Anomaly,
        force: false,
    };
}

/// What is done with a promise.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Due {
    /// It is not checked in this way.
    NotThus,
    /// It is not due; a failure that it is known for still counts.
    NotYet,
    /// It is run.
    Now,
}

/// Decides about a promise (`PromiseLauncher._launchPromise`).
pub(super) fn decide(cache: Option<&PromiseCache>, check: Check, now: f64) -> Due {
    let Some(cache) = cache else {
        return Due::Now;
    };
    let is_wanted = match check.kind {
        ResultKind::Test => cache.is_tested,
        ResultKind::Anomaly => cache.is_anomaly_detected,
    };
    if !is_wanted {
        Due::NotThus
    } else if !check.force && !cache.is_due(now) {
        Due::NotYet
    } else {
        Due::Now
    }
}

/// Tells whether a promise that gave no result has failed
/// (`PromiseLauncher._generatePromiseResult`): as an anomaly only if the last
/// time was bad, too.
pub(super) fn failed_without_result(kind: ResultKind, last: Option<&PromiseResult>) -> bool {
    match kind {
        ResultKind::Test => true,
        ResultKind::Anomaly => last.is_some_and(PromiseResult::is_bad),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promises_are_due_as_upstream_s_are() {
        let cache = |is_tested, is_anomaly_detected| PromiseCache {
            is_tested,
            is_anomaly_detected,
            periodicity: 2.0,
            next_run_after: 100.0,
            timestamp: 0.0,
            module_file: "/m".into(),
            module_file_mtime: 0.0,
        };
        let both = cache(true, true);
        for (cache, check, now, due) in [
            (None, Check::ANOMALY, 0.0, Due::Now),
            (Some(&both), Check::ANOMALY, 99.9, Due::NotYet),
            (Some(&both), Check::ANOMALY, 100.0, Due::Now),
            (Some(&both), Check::TEST, 0.0, Due::Now),
            (Some(&cache(false, true)), Check::TEST, 999.0, Due::NotThus),
            (
                Some(&cache(true, false)),
                Check::ANOMALY,
                999.0,
                Due::NotThus,
            ),
        ] {
            assert_eq!(decide(cache, check, now), due, "{cache:?} {check:?} {now}");
        }
    }
}
