//! What gems need of each other, as `gem dependency` tells it.

/// A gem of the option `gems`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GemVersion {
    pub(super) name: String,
    pub(super) version: Option<String>,
}

impl GemVersion {
    /// Reads `NAME` or `NAME==VERSION`.
    pub(super) fn parse(text: &str) -> Self {
        match text.split_once("==") {
            Some((name, version)) => GemVersion {
                name: name.trim().to_owned(),
                version: Some(version.trim().to_owned()),
            },
            None => GemVersion {
                name: text.trim().to_owned(),
                version: None,
            },
        }
    }
}

/// A gem that another one needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dependency {
    pub(super) name: String,
    pub(super) constraints: Vec<Constraint>,
}

/// Which versions are good enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Constraint {
    symbol: String,
    version: String,
}

/// A version that is not good enough, in upstream's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "Configuration error, version {version} for gem {name} does not satisfy dependency constraint {symbol} {wanted} of gem {user}"
)]
pub(super) struct Unsatisfied {
    name: String,
    version: String,
    symbol: String,
    wanted: String,
    user: String,
}

/// The comparisons that upstream knows; what has another one is passed over.
const SYMBOLS: [&str; 4] = ["<", "~>", ">=", "!="];

/// Reads what `gem dependency` prints: a line `NAME (SYMBOL VERSION, ...)` for
/// each gem, after the line of the gem itself.
pub(super) fn dependencies(answer: &str) -> Vec<Dependency> {
    answer.lines().filter_map(dependency).collect()
}

fn dependency(line: &str) -> Option<Dependency> {
    if !line.starts_with(char::is_whitespace) {
        return None;
    }
    let (name, rest) = line.trim_start().split_once(" (")?;
    let (list, _) = rest.split_once(')')?;
    let is_name = |character: char| character.is_alphanumeric() || "-_.".contains(character);
    if name.is_empty() || !name.chars().all(is_name) {
        return None;
    }
    let constraints: Option<Vec<Constraint>> = list.split(", ").map(constraint).collect();
    let constraints = constraints.filter(|constraints| constraints.len() <= 2)?;
    Some(Dependency {
        name: name.to_owned(),
        constraints,
    })
}

fn constraint(text: &str) -> Option<Constraint> {
    let (symbol, version) = text.split_once(' ')?;
    if !SYMBOLS.contains(&symbol) || numbers(version).is_none() {
        return None;
    }
    Some(Constraint {
        symbol: symbol.to_owned(),
        version: version.to_owned(),
    })
}

/// Returns the numbers of a version; `None` if there is anything else.
fn numbers(version: &str) -> Option<Vec<u64>> {
    version
        .split('.')
        .map(|number| number.parse().ok())
        .collect()
}

/// Checks that the version of a gem is good enough for the gem `user`.
///
/// # Errors
///
/// It is not, or is no version of numbers.
pub(super) fn check(
    constraint: &Constraint,
    gem: &GemVersion,
    user: &str,
) -> Result<(), Unsatisfied> {
    let version = gem.version.clone().unwrap_or_default();
    let wanted = numbers(&constraint.version).unwrap_or_default();
    let is_satisfied = |found: &[u64]| match &*constraint.symbol {
        "<" => found < &*wanted,
        ">=" => found >= &*wanted,
        "!=" => found != wanted,
        _ => {
            // Up to the next number at the last place but one.
            let mut limit = wanted.clone();
            if limit.len() > 1 {
                limit.pop();
            }
            if let Some(last) = limit.last_mut() {
                *last += 1;
            }
            found >= &*wanted && found < &*limit
        }
    };
    match numbers(&version) {
        Some(found) if is_satisfied(&found) => Ok(()),
        _ => Err(Unsatisfied {
            name: gem.name.clone(),
            version,
            symbol: constraint.symbol.clone(),
            wanted: constraint.version.clone(),
            user: user.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_are_read_and_compared() {
        // Printed by `gem dependency -rv 2.0.0 ^sinatra$`.
        let answer = "Gem sinatra-2.0.0\n  mustermann (~> 1.0)\n  rack (>= 1.0, < 3)\n  \
                      tilt (~> 2.0)\n  odd (= 3.a)\n\n";
        let found = dependencies(answer);
        let names: Vec<&str> = found.iter().map(|found| &*found.name).collect();
        assert_eq!(names, ["mustermann", "rack", "tilt"]);
        for (name, version, good) in [
            ("mustermann", "1.0", true),
            ("mustermann", "1.9.1", true),
            ("mustermann", "2.0", false),
            ("mustermann", "0.9", false),
            ("rack", "1.0", true),
            ("rack", "2.9.9", true),
            ("rack", "3", false),
            ("tilt", "2.pre", false),
        ] {
            let gem = GemVersion::parse(&format!("{name}=={version}"));
            let found = found
                .iter()
                .find(|found| found.name == name)
                .expect("it is there");
            let result: Result<(), _> = found
                .constraints
                .iter()
                .try_for_each(|c| check(c, &gem, "sinatra"));
            assert_eq!(result.is_ok(), good, "{name} {version}");
        }
        let gem = GemVersion::parse("rack==3");
        let error = check(&found[1].constraints[1], &gem, "sinatra").unwrap_err();
        assert_eq!(
            error.to_string(),
            "Configuration error, version 3 for gem rack does not satisfy dependency constraint \
             < 3 of gem sinatra"
        );
    }
}
