//! Tables as files: those of today's machine as CSV, and all of each earlier
//! day in an archive.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, Seek as _, Write as _};
use std::path::Path;

use buildout_core::value::Value;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::CollectError;
use super::database::{Database, python_text};
use crate::files::{failed_to, replace_file};

/// The mode of the files.
const MODE: u32 = 0o644;

/// Writes a record as Python's `csv` does.
fn csv_record<'a>(fields: impl IntoIterator<Item = &'a str>) -> String {
    let mut record = String::new();
    for (place, field) in fields.into_iter().enumerate() {
        if place > 0 {
            record.push(',');
        }
        if field.contains([',', '"', '\r', '\n']) {
            let _ = write!(record, "\"{}\"", field.replace('"', "\"\""));
        } else {
            record.push_str(field);
        }
    }
    record.push_str("\r\n");
    record
}

/// A curve: times and values.
type Curve = Vec<(String, f64)>;

/// Writes `system_NAME.csv` for everything that is known of a day's machine.
pub(super) fn dump_system(
    database: &Database,
    day: &str,
    directory: &Path,
) -> Result<(), CollectError> {
    for (name, curve) in system_curves(database, day)? {
        write_curve(directory, &name, &curve)?;
    }
    for (name, curve) in disk_curves(database, day)? {
        write_curve(directory, &name, &curve)?;
    }
    Ok(())
}

fn write_curve(directory: &Path, name: &str, curve: &Curve) -> Result<(), CollectError> {
    let mut text = csv_record(["time", "entry"]);
    for (time, value) in curve {
        let value = Value::Float(*value).to_string();
        text.push_str(&csv_record([time.as_str(), &value]));
    }
    let path = directory.join(format!("system_{name}.csv"));
    replace_file(&path, text.as_bytes(), MODE, None)?;
    Ok(())
}

/// The columns of `system` that are shown, how they are divided, and whether
/// they count from the machine's begin.
const SYSTEM: [(&str, f64, bool); 10] = [
    ("loadavg", 1.0, false),
    ("cpu_percent", 1.0, false),
    ("memory_used", 1024.0, false),
    ("memory_free", 1024.0, false),
    ("net_in_bytes", 1024.0, true),
    ("net_in_errors", 1.0, false),
    ("net_in_dropped", 1.0, false),
    ("net_out_bytes", 1024.0, true),
    ("net_out_errors", 1.0, false),
    ("net_out_dropped", 1.0, false),
];

/// Returns the curves of the machine. The first row of a day only tells from
/// where counters count.
fn system_curves(database: &Database, day: &str) -> Result<Vec<(String, Curve)>, CollectError> {
    let mut curves: Vec<(String, Curve)> = SYSTEM
        .iter()
        .map(|(name, ..)| ((*name).to_owned(), Curve::new()))
        .collect();
    let columns: Vec<&str> = SYSTEM.iter().map(|(name, ..)| *name).collect();
    let query = format!(
        "SELECT {}, date || ' ' || time FROM system WHERE date = ?",
        columns.join(", ")
    );
    let mut before: Option<Vec<f64>> = None;
    database.rows(&query, [day], |row| {
        let values = (0..SYSTEM.len()).map(|place| row.get(place));
        let values: Vec<f64> = values.collect::<Result<_, _>>()?;
        let time: String = row.get(SYSTEM.len())?;
        if let Some(before) = &before {
            for (place, (_, divisor, is_counter)) in SYSTEM.iter().enumerate() {
                let base = if *is_counter { before[place] } else { 0.0 };
                let value = (values[place] - base) / divisor;
                curves[place].1.push((time.clone(), value));
            }
        }
        before = Some(values);
        Ok(())
    })?;
    Ok(curves)
}

/// Returns how full each disk was.
fn disk_curves(database: &Database, day: &str) -> Result<Vec<(String, Curve)>, CollectError> {
    let mut curves: Vec<(String, Curve)> = Vec::new();
    let query = "SELECT partition, CAST(used AS REAL), CAST(free AS REAL), date || ' ' || time FROM disk WHERE date = ?";
    database.rows(query, [day], |row| {
        let device: String = row.get(0)?;
        let device = device.replace(['-', '/'], "_");
        let time: String = row.get(3)?;
        for (kind, column) in [("used", 1), ("free", 2)] {
            let name = format!("disk_memory_{kind}_{device}");
            let value = row.get::<_, f64>(column)? / 1024.0;
            match curves.iter_mut().find(|(known, _)| *known == name) {
                Some((_, curve)) => curve.push((time.clone(), value)),
                None => curves.push((name, vec![(time.clone(), value)])),
            }
        }
        Ok(())
    })?;
    Ok(curves)
}

/// Writes `DAY.tar.gz` with `DAY/dump_TABLE.csv` for every day before `today`
/// that was not dumped, and notes that it was.
pub(super) fn dump_days(
    database: &mut Database,
    today: &str,
    directory: &Path,
) -> Result<(), CollectError> {
    let tables = database.tables()?;
    for day in database.days_to_dump(today)? {
        // It becomes the name of a file.
        if !day
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'-')
        {
            continue;
        }
        let path = directory.join(format!("{day}.tar.gz"));
        let mut temporary = tempfile::Builder::new()
            .prefix(".dump")
            .tempfile_in(directory)
            .map_err(failed_to("write", &path))?;
        let mut archive = tar::Builder::new(GzEncoder::new(
            BufWriter::new(temporary.as_file_mut()),
            Compression::default(),
        ));
        for table in &tables {
            let mut file = tempfile::tempfile_in(directory).map_err(failed_to("write", &path))?;
            dump_table(database, table, &day, &mut file)?;
            append(&mut archive, &format!("{day}/dump_{table}.csv"), &mut file)
                .map_err(failed_to("write", &path))?;
        }
        archive
            .into_inner()
            .and_then(GzEncoder::finish)
            .and_then(|mut writer| writer.flush())
            .map_err(failed_to("write", &path))?;
        let mode = std::os::unix::fs::PermissionsExt::from_mode(MODE);
        temporary
            .as_file()
            .set_permissions(mode)
            .and_then(|()| temporary.as_file().sync_all())
            .map_err(failed_to("write", &path))?;
        temporary
            .persist(&path)
            .map_err(|error| failed_to("write", &path)(error.error))?;
        database.mark_dumped(&day)?;
    }
    Ok(())
}

fn dump_table(
    database: &Database,
    table: &str,
    day: &str,
    file: &mut File,
) -> Result<(), CollectError> {
    let mut writer = BufWriter::new(file);
    let mut failure = None;
    let query = format!("SELECT * FROM \"{table}\" WHERE date = ?");
    database.rows(&query, [day], |row| {
        let mut fields = Vec::new();
        let mut place = 0;
        while let Ok(value) = row.get_ref(place) {
            fields.push(python_text(value));
            place += 1;
        }
        let record = csv_record(fields.iter().map(String::as_str));
        if let Err(error) = writer.write_all(record.as_bytes()) {
            failure.get_or_insert(error);
        }
        Ok(())
    })?;
    let path = Path::new(table);
    failure
        .map_or(Ok(()), Err)
        .and_then(|()| writer.flush())
        .map_err(failed_to("dump", path))?;
    Ok(())
}

fn append<W: io::Write>(
    archive: &mut tar::Builder<W>,
    name: &str,
    file: &mut File,
) -> io::Result<()> {
    let size = file.stream_position()?;
    file.rewind()?;
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(MODE);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    header.set_mtime(now.unwrap_or_default().as_secs());
    archive.append_data(&mut header, name, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_those_of_python() {
        // `csv.writer(...).writerow(["a", "b,c", 'd"', "", "e f"])`.
        assert_eq!(
            csv_record(["a", "b,c", "d\"", "", "e f"]),
            "a,\"b,c\",\"d\"\"\",,e f\r\n"
        );
    }
}
