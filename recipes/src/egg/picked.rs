//! The report of picked versions at the end of a run.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use buildout_core::calendar::date_of_day;
use buildout_core::event::{ENGINE_LOGGER, Level};
use buildout_core::recipe::{RecipeError, RunServices};

use super::run::EggRun;
use crate::system_error::failed;

/// Shows the versions that were picked, and adds them to the file of versions,
/// as far as the profile asks for that.
pub(super) fn report(run: &EggRun, services: &RunServices) -> Result<(), RecipeError> {
    let logger: Arc<str> = Arc::from(ENGINE_LOGGER);
    let settings = &run.settings;
    if settings.show_picked_versions
        && let Some(report) = run.picked().report()
    {
        let report = report.trim_end().to_owned();
        services.log(&logger, Level::Info, report);
    }
    if let Some(file) = &settings.update_versions_file {
        let added = run.picked().append_to(file, &timestamp(SystemTime::now()));
        let told = added
            .map_err(failed("write", file))
            .map_err(|error| RecipeError::from(error).at_option("update-versions-file"))?;
        if let Some(told) = told {
            // As the profile names it.
            let directory = format!("{}/", services.directory.display());
            let told = told.replacen(&directory, "", 1);
            services.log(&logger, Level::Info, told);
        }
    }
    Ok(())
}

/// Writes a time as Python writes a `datetime`, in UTC.
fn timestamp(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, seconds) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = date_of_day(days);
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}.{:06}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        since.subsec_micros()
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_written_as_python_writes_them() {
        for (seconds, expected) in [
            (0, "1970-01-01 00:00:00.000042"),
            (951_782_399, "2000-02-28 23:59:59.000042"),
            (951_782_400, "2000-02-29 00:00:00.000042"),
            (1_795_310_520, "2026-11-22 01:22:00.000042"),
        ] {
            let time = UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_micros(42);
            assert_eq!(timestamp(time), expected);
        }
    }
}
