//! What the machine and its partitions used in a day, as a document that
//! `slapos node report` sends.

use std::fmt::Write as _;

use buildout_core::value::Value;
use rusqlite::params;

use super::CollectError;
use super::database::Database;

/// The bytes of a mebibyte.
const MEBIBYTE: f64 = 1024.0 * 1024.0;

/// Returns the document of a day (`ConsumptionReport.buildXMLReport`).
pub(super) fn consumption_of_day(
    database: &Database,
    computer_id: &str,
    partitions: &[&str],
    day: &str,
) -> Result<String, CollectError> {
    let mut xml = format!(
        "<?xml version='1.0' encoding='utf-8'?><journal><transaction type=\"Sale Packing List\"><title>Eco Information for {computer} </title><start_date>{day} 00:00:00</start_date><stop_date>{day} 23:59:59</stop_date><reference>{day}-global</reference><currency></currency><payment_mode></payment_mode><category></category><arrow type=\"Destination\"/>",
        computer = escaped(computer_id),
    );
    let mut add = |resource: &str, title: &str, reference: &str, quantity: &str| {
        let (title, reference) = (escaped(title), escaped(reference));
        let _ = write!(
            xml,
            "<movement><resource>service_module/{resource}</resource><title>{title}</title><reference>{reference}</reference><quantity>{quantity}</quantity><price>0.0</price><VAT></VAT><category></category></movement>"
        );
    };
    let number = |number: f64| Value::Float(number).to_string();
    let of_machine = [
        (
            "cpu_percent",
            "cpu_load_percent",
            "CPU Load Percent Average",
        ),
        ("memory_used", "memory_used", "Used Memory"),
    ];
    for (column, resource, title) in of_machine {
        let query = format!("SELECT SUM({column}) / COUNT({column}) FROM system WHERE date = ?");
        let average = database.row(&query, [day], |row| row.get::<_, Option<f64>>(0))?;
        if let Some(average) = average.flatten() {
            add(resource, title, computer_id, &number(average));
        }
    }
    let heating = "SELECT zero_emission_ratio FROM heating ORDER BY date, time DESC LIMIT 1";
    let ratio = database.row(heating, [], |row| row.get::<_, Option<f64>>(0))?;
    // Machines that were never tested have -1.
    let ratio = ratio.flatten().map_or_else(|| "-1".to_owned(), number);
    add(
        "zero_emission_ratio",
        "Zero Emission Ratio",
        computer_id,
        &ratio,
    );
    let of_partitions = [
        (
            "user",
            "cpu_percent",
            1.0,
            "cpu_load_percent",
            "CPU Load Percent Average",
        ),
        (
            "user",
            "memory_rss",
            MEBIBYTE,
            "memory_used",
            "Memory Used Average",
        ),
        (
            "folder",
            "disk_used",
            1024.0,
            "disk_used",
            "Partition Disk Used Average",
        ),
    ];
    for (table, column, unit, resource, title) in of_partitions {
        for partition in partitions {
            // Of all its processes together, at each moment that was measured.
            let query = format!(
                "SELECT SUM({column}), COUNT(DISTINCT time) FROM {table} WHERE date = ? AND partition = ?"
            );
            let sums = database.row(&query, params![day, partition], |row| {
                Ok((row.get::<_, Option<f64>>(0)?, row.get::<_, i64>(1)?))
            })?;
            if let Some((Some(sum), count)) = sums {
                let average = sum / count as f64 / unit;
                let title = format!("{title} for {partition}");
                add(resource, &title, partition, &number(average));
            }
        }
    }
    xml.push_str("</transaction></journal>");
    Ok(xml)
}

/// Writes a text as ASCII, as lxml does.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            character if character.is_ascii() => escaped.push(character),
            character => {
                let _ = write!(escaped, "&#{};", u32::from(character));
            }
        }
    }
    escaped
}
