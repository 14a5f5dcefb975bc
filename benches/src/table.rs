//! Markdown tables and the way numbers are shown in them.

use std::fmt::{self, Write as _};
use std::time::Duration;

/// A Markdown table whose columns are aligned in the source text too.
#[derive(Debug)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Starts a table with the given column titles.
    pub fn new(titles: &[&str]) -> Self {
        Self {
            rows: vec![titles.iter().map(|&title| title.to_owned()).collect()],
        }
    }

    /// Adds a row; missing cells are shown empty.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows[0].len();
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                let cells = self.rows.iter().filter_map(|row| row.get(column));
                cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
            })
            .collect();
        for (index, row) in self.rows.iter().enumerate() {
            formatter.write_char('|')?;
            for (column, &width) in widths.iter().enumerate() {
                let cell = row.get(column).map_or("", String::as_str);
                // The first column holds names, the last one remarks; numbers stand right.
                if column == 0 || column + 1 == columns {
                    write!(formatter, " {cell:<width$} |")?;
                } else {
                    write!(formatter, " {cell:>width$} |")?;
                }
            }
            formatter.write_char('\n')?;
            if index == 0 {
                formatter.write_char('|')?;
                for (column, &width) in widths.iter().enumerate() {
                    let numbers = column != 0 && column + 1 != columns;
                    let end = if numbers { ':' } else { '-' };
                    write!(formatter, "{}{end}|", "-".repeat(width + 1))?;
                }
                formatter.write_char('\n')?;
            }
        }
        Ok(())
    }
}

/// Shows a time with three digits or so: `4.21 ms`, `2.66 s`.
pub fn time(duration: Duration) -> String {
    let milliseconds = duration.as_secs_f64() * 1e3;
    if milliseconds < 100.0 {
        format!("{milliseconds:.2} ms")
    } else if milliseconds < 1000.0 {
        format!("{milliseconds:.0} ms")
    } else {
        format!("{:.2} s", milliseconds / 1e3)
    }
}

/// Shows a number of bytes in MiB.
pub fn memory(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// Shows how many times `part` fits into `whole`.
pub fn ratio(whole: Duration, part: Duration) -> String {
    let times = quotient(whole, part);
    if times < 10.0 {
        format!("{times:.2}×")
    } else {
        format!("{times:.0}×")
    }
}

/// How many times `part` fits into `whole`; no time counts as one nanosecond.
pub fn quotient(whole: Duration, part: Duration) -> f64 {
    whole.as_nanos().max(1) as f64 / part.as_nanos().max(1) as f64
}

/// Shows a whole number with thousands separated, or in powers of ten when it is long.
pub fn count(number: u128) -> String {
    if number >= 1_000_000_000_000 {
        return format!("{:.2e}", number as f64);
    }
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(&["what", "time", "verdict"]);
        table.row(vec!["ours".into(), "4 ms".into(), "met".into()]);
        table.row(vec!["the floor".into(), "12 ms".into()]);
        assert_eq!(
            table.to_string(),
            "| what      |  time | verdict |\n\
             |-----------|------:|---------|\n\
             | ours      |  4 ms | met     |\n\
             | the floor | 12 ms |         |\n"
        );
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(count(999), "999");
        assert_eq!(count(176_680), "176,680");
        assert_eq!(count(1_766_800_000_000_000), "1.77e15");
        assert_eq!(time(Duration::from_micros(4_207)), "4.21 ms");
        assert_eq!(time(Duration::from_millis(2_660)), "2.66 s");
        assert_eq!(
            ratio(Duration::from_millis(30), Duration::from_millis(20)),
            "1.50×"
        );
    }
}
