//! The hashes of `crypt(3)` that are made of MD5 and SHA-2.
//!
//! MD5-crypt is what FreeBSD introduced, with Apache's variant; SHA-crypt is
//! specified by Ulrich Drepper's "Unix crypt using SHA-256 and SHA-512".

use md5::Md5;
use sha2::{Digest, Sha256, Sha512};

/// The digits of the encoding, least significant first.
pub(super) const DIGITS: &[u8; 64] =
    b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The rounds of SHA-crypt that need not be written down.
const DEFAULT_ROUNDS: u32 = 5000;

/// The digest that SHA-crypt is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sha {
    Sha256,
    Sha512,
}

/// How three bytes of a digest follow each other in the text, over and over:
/// the position of each is the one before plus this, around the first `SIZE`.
struct Order {
    groups: &'static [[usize; 3]],
    /// The positions in the last group, which is shorter.
    last: &'static [usize],
}

const SHA256_ORDER: Order = Order {
    groups: &[
        [0, 10, 20],
        [21, 1, 11],
        [12, 22, 2],
        [3, 13, 23],
        [24, 4, 14],
        [15, 25, 5],
        [6, 16, 26],
        [27, 7, 17],
        [18, 28, 8],
        [9, 19, 29],
    ],
    last: &[31, 30],
};

const SHA512_ORDER: Order = Order {
    groups: &[
        [0, 21, 42],
        [22, 43, 1],
        [44, 2, 23],
        [3, 24, 45],
        [25, 46, 4],
        [47, 5, 26],
        [6, 27, 48],
        [28, 49, 7],
        [50, 8, 29],
        [9, 30, 51],
        [31, 52, 10],
        [53, 11, 32],
        [12, 33, 54],
        [34, 55, 13],
        [56, 14, 35],
        [15, 36, 57],
        [37, 58, 16],
        [59, 17, 38],
        [18, 39, 60],
        [40, 61, 19],
        [62, 20, 41],
    ],
    last: &[63],
};

const MD5_ORDER: Order = Order {
    groups: &[[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5]],
    last: &[11],
};

impl Order {
    fn encode(&self, digest: &[u8]) -> String {
        let mut text = String::new();
        let mut push = |positions: &[usize]| {
            let byte = |position: &usize| digest.get(*position).copied().unwrap_or_default();
            let bits = positions
                .iter()
                .fold(0u32, |bits, at| (bits << 8) | u32::from(byte(at)));
            for digit in 0..=positions.len() {
                let index = (bits >> (6 * digit)) & 63;
                text.push(char::from(DIGITS[index as usize]));
            }
        };
        for group in self.groups {
            push(group);
        }
        push(self.last);
        text
    }
}

/// Hashes a password: `$5$...` or `$6$...`. The salt has at most 16 characters.
pub(super) fn sha_crypt(sha: Sha, password: &str, salt: &str, rounds: u32) -> String {
    let (name, digest, order) = match sha {
        Sha::Sha256 => (
            "5",
            sha_rounds::<Sha256>(password, salt, rounds),
            SHA256_ORDER,
        ),
        Sha::Sha512 => (
            "6",
            sha_rounds::<Sha512>(password, salt, rounds),
            SHA512_ORDER,
        ),
    };
    let rounds = match rounds {
        DEFAULT_ROUNDS => String::new(),
        rounds => format!("rounds={rounds}$"),
    };
    format!("${name}${rounds}{salt}${}", order.encode(&digest))
}

/// Puts `text` into a digest as often as it takes to make `length` bytes.
fn fill<D: Digest>(digest: &mut D, text: &[u8], length: usize) {
    for _ in 0..length / text.len().max(1) {
        digest.update(text);
    }
    digest.update(&text[..length % text.len().max(1)]);
}

fn sha_rounds<D: Digest>(password: &str, salt: &str, rounds: u32) -> Vec<u8> {
    let (password, salt) = (password.as_bytes(), salt.as_bytes());
    let length = password.len();
    let alternate = D::new()
        .chain_update(password)
        .chain_update(salt)
        .chain_update(password)
        .finalize();
    let mut first = D::new().chain_update(password).chain_update(salt);
    fill(&mut first, &alternate, length);
    let mut bits = length;
    while bits > 0 {
        match bits & 1 {
            1 => first.update(&alternate),
            _ => first.update(password),
        }
        bits >>= 1;
    }
    let mut result = first.finalize();
    // Sequences made of password and salt, as long as those.
    let mut repeated = D::new();
    for _ in 0..length {
        repeated.update(password);
    }
    let sequence = |digest: &[u8], length: usize| -> Vec<u8> {
        digest.iter().copied().cycle().take(length).collect()
    };
    let passwords = sequence(&repeated.finalize(), length);
    let mut repeated = D::new();
    for _ in 0..16 + usize::from(result.first().copied().unwrap_or_default()) {
        repeated.update(salt);
    }
    let salts = sequence(&repeated.finalize(), salt.len());
    for round in 0..rounds {
        let is_odd = round & 1 == 1;
        let mut digest = D::new();
        match is_odd {
            true => digest.update(&passwords),
            false => digest.update(&result),
        }
        if round % 3 != 0 {
            digest.update(&salts);
        }
        if round % 7 != 0 {
            digest.update(&passwords);
        }
        match is_odd {
            true => digest.update(&result),
            false => digest.update(&passwords),
        }
        result = digest.finalize();
    }
    result.to_vec()
}

/// Hashes a password with MD5: `magic` is `$1$`, or Apache's `$apr1$`. The salt
/// has at most 8 characters.
pub(super) fn md5_crypt(magic: &str, password: &str, salt: &str) -> String {
    let (secret, pepper) = (password.as_bytes(), salt.as_bytes());
    let alternate = Md5::new()
        .chain_update(secret)
        .chain_update(pepper)
        .chain_update(secret)
        .finalize();
    let mut first = Md5::new()
        .chain_update(secret)
        .chain_update(magic)
        .chain_update(pepper);
    fill(&mut first, &alternate, secret.len());
    let mut bits = secret.len();
    while bits > 0 {
        match bits & 1 {
            1 => first.update([0]),
            _ => first.update(&secret[..1]),
        }
        bits >>= 1;
    }
    let mut result = first.finalize();
    for round in 0..1000 {
        let is_odd = round & 1 == 1;
        let mut digest = Md5::new();
        match is_odd {
            true => digest.update(secret),
            false => digest.update(result),
        }
        if round % 3 != 0 {
            digest.update(pepper);
        }
        if round % 7 != 0 {
            digest.update(secret);
        }
        match is_odd {
            true => digest.update(result),
            false => digest.update(secret),
        }
        result = digest.finalize();
    }
    format!("{magic}{salt}${}", MD5_ORDER.encode(&result))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Compares with what OpenSSL makes of the same password and salt.
    #[test]
    fn hashes_are_those_of_openssl() {
        let long = "pass".repeat(30);
        for password in [
            "a",
            "correct horse",
            "gr\u{fc}\u{df}e",
            &long,
            "0123456789abcdef0",
        ] {
            for (flag, salt, ours) in [
                ("-1", "saltsalt", md5_crypt("$1$", password, "saltsalt")),
                ("-apr1", "xyz", md5_crypt("$apr1$", password, "xyz")),
                (
                    "-5",
                    "saltstring",
                    sha_crypt(Sha::Sha256, password, "saltstring", 5000),
                ),
                (
                    "-6",
                    "a.b/c",
                    sha_crypt(Sha::Sha512, password, "a.b/c", 5000),
                ),
                (
                    "-5",
                    "rounds=1400$0123456789abcdef",
                    sha_crypt(Sha::Sha256, password, "0123456789abcdef", 1400),
                ),
                (
                    "-6",
                    "rounds=1001$0123456789abcdef",
                    sha_crypt(Sha::Sha512, password, "0123456789abcdef", 1001),
                ),
            ] {
                let output = Command::new("openssl")
                    .args(["passwd", flag, "-salt", salt, password])
                    .output()
                    .expect("openssl starts");
                let theirs = String::from_utf8_lossy(&output.stdout);
                assert_eq!(ours, theirs.trim_end(), "{flag} {salt} {password}");
            }
        }
    }
}
