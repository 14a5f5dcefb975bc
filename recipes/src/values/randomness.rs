//! Random values, from the system's generator.

use buildout_core::recipe::RecipeError;
use rustix::rand::{GetRandomFlags, getrandom};

/// A system without randomness.
#[derive(Debug, thiserror::Error)]
#[error("failed to get random bytes: {0}")]
struct NoRandomness(rustix::io::Errno);

/// Returns random bytes.
///
/// # Errors
///
/// The system has none.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], RecipeError> {
    let mut bytes = [0; N];
    let mut filled = 0;
    while filled < N {
        filled += getrandom(&mut bytes[filled..], GetRandomFlags::empty())
            .map_err(|errno| RecipeError::internal("OSError", NoRandomness(errno)))?;
    }
    Ok(bytes)
}

/// Returns a number below `limit`, each with the same probability; 0 for 0.
///
/// # Errors
///
/// As [`bytes`].
pub(crate) fn below(limit: u128) -> Result<u128, RecipeError> {
    if limit == 0 {
        return Ok(0);
    }
    // What is beyond the last whole multiple would favour the small numbers.
    let excess = (u128::MAX % limit + 1) % limit;
    loop {
        let number = u128::from_ne_bytes(bytes()?);
        if number <= u128::MAX - excess {
            return Ok(number % limit);
        }
    }
}

/// Returns a text of `length` characters of an alphabet.
///
/// # Errors
///
/// As [`bytes`].
pub(crate) fn text(length: usize, alphabet: &[u8]) -> Result<String, RecipeError> {
    let mut text = String::new();
    for _ in 0..length {
        let index = below(alphabet.len() as u128)?;
        let character = usize::try_from(index).ok().and_then(|at| alphabet.get(at));
        text.extend(character.map(|character| char::from(*character)));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_below_their_limit_and_reach_it() {
        let mut seen = [false; 3];
        for _ in 0..200 {
            let number = below(3).expect("randomness");
            seen[usize::try_from(number).expect("below 3")] = true;
        }
        assert_eq!(seen, [true; 3]);
        assert_eq!(below(1).expect("randomness"), 0);
        assert_eq!(text(5, b"a").expect("randomness"), "aaaaa");
    }
}
