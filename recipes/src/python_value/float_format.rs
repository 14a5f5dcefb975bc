//! Floats with a given precision.

/// How a float is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FloatStyle {
    /// `%f`
    Fixed,
    /// `%e`
    Exponent,
    /// `%g`
    General,
}

/// Writes the magnitude of a float, in small letters.
pub(crate) fn format_magnitude(
    float: f64,
    style: FloatStyle,
    precision: usize,
    is_alternate: bool,
) -> String {
    let float = float.abs();
    if float.is_nan() {
        return "nan".to_owned();
    }
    if float.is_infinite() {
        return "inf".to_owned();
    }
    let with_point = |text: String| match is_alternate && !text.contains('.') {
        true => match text.split_once('e') {
            Some((mantissa, exponent)) => format!("{mantissa}.e{exponent}"),
            None => text + ".",
        },
        false => text,
    };
    match style {
        FloatStyle::Fixed => with_point(format!("{float:.precision$}")),
        FloatStyle::Exponent => with_point(exponent_form(float, precision)),
        FloatStyle::General => {
            let precision = precision.max(1);
            let scientific = exponent_form(float, precision - 1);
            let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
            let exponent: i64 = exponent.parse().unwrap_or(0);
            let strip = |text: &str| match (is_alternate, text.contains('.')) {
                (false, true) => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
                _ => text.to_owned(),
            };
            if (-4..precision as i64).contains(&exponent) {
                let decimals = usize::try_from(precision as i64 - 1 - exponent).unwrap_or(0);
                let fixed = format!("{float:.decimals$}");
                return with_point(strip(&fixed));
            }
            let sign = if exponent < 0 { '-' } else { '+' };
            with_point(format!("{}e{sign}{:02}", strip(mantissa), exponent.abs()))
        }
    }
}

/// The form with an exponent of at least two digits.
fn exponent_form(float: f64, precision: usize) -> String {
    let text = format!("{float:.precision$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{digits:0>2}")
}
