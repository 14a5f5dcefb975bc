//! `slapos.cookbook:random.integer` and `:random.time`: values drawn anew for
//! each run, unless the option is there already. `publish-early` keeps them.

use std::sync::Arc;

use buildout_core::recipe::{
    Construction, ConstructionKind, Descriptor, Factory, Footprint, OptionDocumentation, Recipe,
    RecipeError, ResultDocumentation, UpdateKind,
};
use buildout_core::value::{Value, encode};

use crate::documentation::{FunctionFactory, option, required, result};
use crate::live_options::required_option;
use crate::only_options::OnlyOptionsAndNone;
use crate::python_int::int_option;
use crate::values::randomness;

static INTEGER: Descriptor = Descriptor {
    name: "slapos.cookbook:random.integer",
    summary: "Draws a random integer.",
    behaviour_version: 1,
    construction: ConstructionKind::Pure,
    footprint: Footprint::Declared,
    update: UpdateKind::Nothing,
    options: INTEGER_OPTIONS,
};

const INTEGER_OPTIONS: &[OptionDocumentation] = &[
    required("minimum", "The least integer."),
    required("maximum", "The greatest integer."),
    option("value", "", "The integer, if it is known already."),
];

const INTEGER_RESULTS: &[ResultDocumentation] =
    &[result("value", "The integer; each run draws another one.")];

static TIME: Descriptor = Descriptor {
    name: "slapos.cookbook:random.time",
    summary: "Draws a random time of the day.",
    behaviour_version: 1,
    construction: ConstructionKind::Pure,
    footprint: Footprint::Declared,
    update: UpdateKind::Nothing,
    options: TIME_OPTIONS,
};

const TIME_OPTIONS: &[OptionDocumentation] =
    &[option("time", "", "The time, if it is known already.")];

const TIME_RESULTS: &[ResultDocumentation] = &[result(
    "time",
    "The time, such as `7:05`; each run draws another one.",
)];

/// A range without an integer.
#[derive(Debug, thiserror::Error)]
#[error("empty range in randrange({minimum}, {})", maximum.saturating_add(1))]
struct EmptyRange {
    minimum: i128,
    maximum: i128,
}

/// Returns the factories.
pub(crate) fn factories() -> [Arc<dyn Factory>; 2] {
    [
        FunctionFactory::shared(&INTEGER, INTEGER_RESULTS, draw_integer),
        FunctionFactory::shared(&TIME, TIME_RESULTS, draw_time),
    ]
}

fn draw_integer(part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
    if part.option("value")?.is_none() {
        let minimum = int_option("minimum", &required_option(part, "minimum")?)?;
        let maximum = int_option("maximum", &required_option(part, "maximum")?)?;
        let width = maximum
            .checked_sub(minimum)
            .and_then(|width| width.checked_add(1));
        let width = width.and_then(|width| u128::try_from(width).ok());
        let Some(width) = width.filter(|width| *width > 0) else {
            let error = EmptyRange { minimum, maximum };
            return Err(RecipeError::internal("ValueError", error)
                .at_option("maximum")
                .with_hint("`maximum` must not be less than `minimum`"));
        };
        let drawn = i128::try_from(randomness::below(width)?).unwrap_or_default();
        let value = minimum + drawn;
        // A number where options may have types.
        let text = match part.dialect().typed_values {
            true => encode(&Value::Int(value)).unwrap_or_else(|_| value.to_string()),
            false => value.to_string(),
        };
        part.set("value", &text)?;
    }
    Ok(Box::new(OnlyOptionsAndNone))
}

fn draw_time(part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
    if part.option("time")?.is_none() {
        let (hour, minute) = (randomness::below(24)?, randomness::below(60)?);
        part.set("time", &format!("{hour}:{minute:02}"))?;
    }
    Ok(Box::new(OnlyOptionsAndNone))
}
