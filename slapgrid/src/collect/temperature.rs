//! What the sensors of the machine say, through the program `sensors`.

use std::io;
use std::process::{Command, Stdio};

/// A temperature.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Temperature {
    /// The adapter and the sensor.
    pub(super) sensor: String,
    /// In degrees Celsius.
    pub(super) degrees: f64,
    /// How many of the two limits it has reached.
    pub(super) alarm: i64,
}

/// The limit of a sensor that names none.
const NO_LIMIT: f64 = 1000.0;

/// Reads what `sensors -u` writes.
fn parse(output: &str) -> Vec<Temperature> {
    let lines: Vec<&str> = output.lines().collect();
    let mut adapter = "";
    let mut found = Vec::new();
    for (place, line) in lines.iter().enumerate() {
        let before = place.checked_sub(1).map_or("", |place| lines[place]);
        let line = line.trim();
        if line.starts_with("Adapter:") {
            adapter = before;
            continue;
        }
        if !(line.starts_with("temp") && line.contains("_input")) {
            continue;
        }
        let number = |line: &str| line.split_whitespace().last()?.parse::<f64>().ok();
        let Some(degrees) = number(line) else {
            continue;
        };
        let limit = |name: &str| {
            let next = lines.iter().skip(place + 1).take(2).map(|line| line.trim());
            let mut of_name = next.filter(|line| line.starts_with("temp") && line.contains(name));
            of_name.next().and_then(number).unwrap_or(NO_LIMIT)
        };
        let limits = [limit("_max"), limit("_crit")];
        let reached = limits.iter().filter(|limit| degrees >= **limit).count();
        found.push(Temperature {
            sensor: format!("{adapter} {before}"),
            degrees,
            alarm: i64::try_from(reached).unwrap_or(2),
        });
    }
    found
}

/// Asks the sensors; a machine without the program, or without sensors, has
/// none.
///
/// # Errors
///
/// The program cannot be run, or fails, with what it says.
pub(super) fn temperatures() -> io::Result<Vec<Temperature>> {
    let output = Command::new("sensors")
        .arg("-u")
        .stdin(Stdio::null())
        .output();
    match output {
        Ok(output) => {
            let [said, complaint] = [output.stdout, output.stderr]
                .map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            read(output.status.success(), &said, &complaint)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Reads what the program said. That there are no sensors is a failure for it.
fn read(has_succeeded: bool, said: &str, complaint: &str) -> io::Result<Vec<Temperature>> {
    let is_without = [said, complaint].map(|text| text.contains("No sensors found!"));
    if has_succeeded || is_without.contains(&true) {
        return Ok(parse(said));
    }
    Err(io::Error::other(
        format!("{said}{complaint}").trim().to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temperatures_have_their_limits() {
        let output = "coretemp-isa-0000\nAdapter: ISA adapter\nPackage id 0:\n  temp1_input: 84.000\n  temp1_max: 80.000\n  temp1_crit: 100.000\nCore 0:\n  temp2_input: 41.500\n\nacpitz\nAdapter: ACPI\nfan1:\n  fan1_input: 2000\ntemp1:\n  temp1_input: 27.8\n";
        let found = parse(output);
        let sensor = |sensor: &str, degrees, alarm| Temperature {
            sensor: sensor.to_owned(),
            degrees,
            alarm,
        };
        assert_eq!(
            found,
            [
                sensor("coretemp-isa-0000 Package id 0:", 84.0, 1),
                sensor("coretemp-isa-0000 Core 0:", 41.5, 0),
                sensor("acpitz temp1:", 27.8, 0),
            ]
        );
        assert_eq!(read(true, output, "").unwrap(), found);
    }

    #[test]
    fn a_machine_without_sensors_has_no_temperatures() {
        let without = "No sensors found!\nMake sure you loaded all the kernel drivers you need.\n";
        assert_eq!(read(false, "", without).unwrap(), []);
        let error = read(false, "", "Can't access procfs/sysfs file\n").unwrap_err();
        assert_eq!(error.to_string(), "Can't access procfs/sysfs file");
    }
}
