//! Message digests, computed while bytes stream by, and their verification.

use std::fmt;
use std::io::{self, Read};

use md5::Md5;
use sha2::digest::Digest;
use sha2::{Sha256, Sha512};

/// Size of the blocks read by this module and by the download loop.
pub(crate) const BLOCK_SIZE: usize = 128 * 1024;

/// A digest algorithm a profile can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// MD5, what existing profiles pin.
    Md5,
    /// SHA-256, what new profiles should pin.
    Sha256,
    /// SHA-512, the key of the network cache.
    Sha512,
}

impl Algorithm {
    /// All algorithms, the weakest first.
    pub const ALL: [Self; 3] = [Self::Md5, Self::Sha256, Self::Sha512];

    /// Returns the name used in messages, such as `MD5`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA256",
            Self::Sha512 => "SHA512",
        }
    }

    /// Returns the length of a digest in bytes.
    pub fn size(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    /// Finds an algorithm by its name in a URL fragment (`md5`, `sha256`, `sha512`).
    fn from_fragment_name(name: &str) -> Option<Self> {
        match name {
            "md5" => Some(Self::Md5),
            "sha256" => Some(Self::Sha256),
            "sha512" => Some(Self::Sha512),
            _ => None,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A text that should be a digest and is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidDigest {
    /// The text has the wrong length or a character that is no hex digit.
    #[error("`{text}` is not a {algorithm} checksum of {} hexadecimal digits", algorithm.size() * 2)]
    NotHexadecimal {
        /// The algorithm the text is meant for.
        algorithm: Algorithm,
        /// The text as written.
        text: String,
    },
    /// A URL fragment names an algorithm that is not supported.
    #[error("checksum algorithm `{name}` is not supported (use md5, sha256 or sha512)")]
    UnsupportedAlgorithm {
        /// The name as written.
        name: String,
    },
    /// A URL fragment is neither a checksum nor `name=value`.
    #[error("URL fragment `{fragment}` is not a checksum")]
    UnknownFragment {
        /// The fragment, without `#`.
        fragment: String,
    },
}

/// The digests of one byte sequence.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Digests {
    /// The MD5 digest.
    pub md5: [u8; 16],
    /// The SHA-256 digest.
    pub sha256: [u8; 32],
    /// The SHA-512 digest.
    pub sha512: [u8; 64],
}

impl Digests {
    /// Computes the digests of a byte slice.
    pub fn of(bytes: &[u8]) -> Self {
        Digests {
            md5: Md5::digest(bytes).into(),
            sha256: Sha256::digest(bytes).into(),
            sha512: Sha512::digest(bytes).into(),
        }
    }

    /// Returns one digest.
    pub fn get(&self, algorithm: Algorithm) -> &[u8] {
        match algorithm {
            Algorithm::Md5 => &self.md5,
            Algorithm::Sha256 => &self.sha256,
            Algorithm::Sha512 => &self.sha512,
        }
    }

    /// Returns one digest in lower-case hexadecimal digits.
    pub fn hex(&self, algorithm: Algorithm) -> String {
        encode_hex(self.get(algorithm))
    }
}

impl fmt::Debug for Digests {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut output = formatter.debug_struct("Digests");
        for algorithm in Algorithm::ALL {
            output.field(algorithm.name(), &self.hex(algorithm));
        }
        output.finish()
    }
}

/// Digests of one byte sequence, as far as somebody wanted them: SHA-256 always.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct KnownDigests {
    md5: Option<[u8; 16]>,
    pub(crate) sha256: [u8; 32],
    sha512: Option<[u8; 64]>,
}

impl KnownDigests {
    fn get(&self, algorithm: Algorithm) -> Option<&[u8]> {
        match algorithm {
            Algorithm::Md5 => self.md5.as_ref().map(|digest| &digest[..]),
            Algorithm::Sha256 => Some(&self.sha256),
            Algorithm::Sha512 => self.sha512.as_ref().map(|digest| &digest[..]),
        }
    }

    /// Returns all digests, if all are known.
    pub(crate) fn all(&self) -> Option<Digests> {
        Some(Digests {
            md5: self.md5?,
            sha256: self.sha256,
            sha512: self.sha512?,
        })
    }
}

impl From<Digests> for KnownDigests {
    fn from(digests: Digests) -> Self {
        KnownDigests {
            md5: Some(digests.md5),
            sha256: digests.sha256,
            sha512: Some(digests.sha512),
        }
    }
}

/// Computes digests of a stream in one pass.
#[derive(Clone)]
pub(crate) struct StreamingDigests {
    md5: Option<Md5>,
    sha256: Sha256,
    sha512: Option<Sha512>,
}

impl StreamingDigests {
    /// Starts with the empty stream, for all digests.
    pub(crate) fn all() -> Self {
        StreamingDigests {
            md5: Some(Md5::default()),
            sha256: Sha256::default(),
            sha512: Some(Sha512::default()),
        }
    }

    /// Does so for SHA-256, and for what else is demanded: the others take longer.
    pub(crate) fn demanded(expected: &ExpectedDigests) -> Self {
        StreamingDigests {
            md5: expected.md5.map(|_| Md5::default()),
            sha256: Sha256::default(),
            sha512: expected.sha512.map(|_| Sha512::default()),
        }
    }

    /// Adds the next bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        if let Some(md5) = &mut self.md5 {
            md5.update(bytes);
        }
        self.sha256.update(bytes);
        if let Some(sha512) = &mut self.sha512 {
            sha512.update(bytes);
        }
    }

    /// Returns the digests of all bytes added.
    pub(crate) fn finish(self) -> KnownDigests {
        KnownDigests {
            md5: self.md5.map(|md5| md5.finalize().into()),
            sha256: self.sha256.finalize().into(),
            sha512: self.sha512.map(|sha512| sha512.finalize().into()),
        }
    }
}

/// Reads to the end, adds it to `digests`, and returns them and the number of bytes.
///
/// # Errors
///
/// Passes on what the reader reports; the caller knows the path to name.
pub(crate) fn digest_reader(
    mut reader: impl Read,
    mut digests: StreamingDigests,
) -> io::Result<(KnownDigests, u64)> {
    let mut block = vec![0; BLOCK_SIZE];
    let mut size = 0;
    loop {
        match reader.read(&mut block) {
            Ok(0) => return Ok((digests.finish(), size)),
            Ok(count) => {
                digests.update(&block[..count]);
                size += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The digests a profile demands; an absent one is not checked.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct ExpectedDigests {
    /// The MD5 digest, from `md5sum`.
    pub md5: Option<[u8; 16]>,
    /// The SHA-256 digest.
    pub sha256: Option<[u8; 32]>,
    /// The SHA-512 digest.
    pub sha512: Option<[u8; 64]>,
}

impl ExpectedDigests {
    /// Demands nothing.
    pub fn none() -> Self {
        Self::default()
    }

    /// Demands one MD5 digest, given in hexadecimal digits of either case.
    ///
    /// # Errors
    ///
    /// Fails if the text is not 32 hexadecimal digits. Upstream compares texts
    /// and so reports a mismatch, after the download.
    pub fn md5(text: &str) -> Result<Self, InvalidDigest> {
        let mut expected = Self::none();
        expected.set(Algorithm::Md5, text)?;
        Ok(expected)
    }

    /// Adds or replaces the demand for one algorithm.
    ///
    /// # Errors
    ///
    /// Fails if the text is not the right number of hexadecimal digits.
    pub fn set(&mut self, algorithm: Algorithm, text: &str) -> Result<(), InvalidDigest> {
        match algorithm {
            Algorithm::Md5 => self.md5 = Some(decode_hex(algorithm, text)?),
            Algorithm::Sha256 => self.sha256 = Some(decode_hex(algorithm, text)?),
            Algorithm::Sha512 => self.sha512 = Some(decode_hex(algorithm, text)?),
        }
        Ok(())
    }

    /// Returns the digest demanded for an algorithm.
    pub fn get(&self, algorithm: Algorithm) -> Option<&[u8]> {
        match algorithm {
            Algorithm::Md5 => self.md5.as_ref().map(|digest| &digest[..]),
            Algorithm::Sha256 => self.sha256.as_ref().map(|digest| &digest[..]),
            Algorithm::Sha512 => self.sha512.as_ref().map(|digest| &digest[..]),
        }
    }

    /// Says whether nothing is demanded.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Compares everything demanded with what was computed.
    ///
    /// # Errors
    ///
    /// Returns the first mismatch, MD5 before the others.
    pub fn verify(&self, actual: &Digests) -> Result<(), DigestMismatch> {
        self.compare(|algorithm| Some(actual.get(algorithm)))
    }

    /// Does so with digests that need not be all. One that is demanded and was not
    /// computed is no match.
    pub(crate) fn verify_known(&self, actual: &KnownDigests) -> Result<(), DigestMismatch> {
        self.compare(|algorithm| actual.get(algorithm))
    }

    fn compare<'d>(
        &self,
        actual: impl Fn(Algorithm) -> Option<&'d [u8]>,
    ) -> Result<(), DigestMismatch> {
        for algorithm in Algorithm::ALL {
            let actual = actual(algorithm);
            if let Some(expected) = self.get(algorithm)
                && Some(expected) != actual
            {
                return Err(DigestMismatch {
                    algorithm,
                    expected: encode_hex(expected),
                    actual: actual.map_or_else(|| "unknown".to_owned(), encode_hex),
                });
            }
        }
        Ok(())
    }
}

impl fmt::Debug for ExpectedDigests {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut output = formatter.debug_struct("ExpectedDigests");
        for algorithm in Algorithm::ALL {
            if let Some(digest) = self.get(algorithm) {
                output.field(algorithm.name(), &encode_hex(digest));
            }
        }
        output.finish()
    }
}

/// A digest that differs from the one demanded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{algorithm} checksum is {actual}, expected {expected}")]
pub struct DigestMismatch {
    /// The algorithm of both digests.
    pub algorithm: Algorithm,
    /// What the profile demands, in lower-case hexadecimal digits.
    pub expected: String,
    /// What was computed, in lower-case hexadecimal digits.
    pub actual: String,
}

/// Splits `URL#checksum` into the URL and what its fragment demands.
///
/// Known fragments are a bare digest (slapos.recipe.cmmi's patches: 32
/// hexadecimal digits; longer ones are told apart by their length) and
/// `md5=`, `sha256=`, `sha512=`, several of them joined by `&`. A fragment made
/// only of other `name=value` pairs (`#egg=name`) belongs to the URL, which is
/// then returned whole.
///
/// # Errors
///
/// Fails on anything else after `#`, so that a mistyped checksum is never
/// taken for an absent one.
pub fn split_url_digest(url: &str) -> Result<(&str, ExpectedDigests), InvalidDigest> {
    let mut expected = ExpectedDigests::none();
    let Some((base, fragment)) = url.split_once('#') else {
        return Ok((url, expected));
    };
    if fragment.is_empty() {
        return Ok((base, expected));
    }
    for piece in fragment.split('&') {
        match piece.split_once('=') {
            None => {
                let algorithm = Algorithm::ALL
                    .into_iter()
                    .find(|algorithm| algorithm.size() * 2 == piece.len())
                    .ok_or_else(|| InvalidDigest::UnknownFragment {
                        fragment: fragment.to_owned(),
                    })?;
                expected.set(algorithm, piece)?;
            }
            Some((name, value)) => match Algorithm::from_fragment_name(name) {
                Some(algorithm) => expected.set(algorithm, value)?,
                None if name.starts_with("sha") => {
                    return Err(InvalidDigest::UnsupportedAlgorithm {
                        name: name.to_owned(),
                    });
                }
                None => {}
            },
        }
    }
    let url = if expected.is_empty() { url } else { base };
    Ok((url, expected))
}

/// Writes bytes as lower-case hexadecimal digits.
pub fn encode_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

fn decode_hex<const SIZE: usize>(
    algorithm: Algorithm,
    text: &str,
) -> Result<[u8; SIZE], InvalidDigest> {
    let invalid = || InvalidDigest::NotHexadecimal {
        algorithm,
        text: text.to_owned(),
    };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut decoded = [0; SIZE];
    if text.len() != SIZE * 2 {
        return Err(invalid());
    }
    for (byte, pair) in decoded.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let (high, low) = (
            digit(pair[0]).ok_or_else(invalid)?,
            digit(pair[1]).ok_or_else(invalid)?,
        );
        // Both digits are below 16.
        *byte = (high << 4 | low) as u8;
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MD5_OF_HELLO: &str = "5d41402abc4b2a76b9719d911017c592";
    const SHA256_OF_HELLO: &str =
        "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    #[test]
    fn computes_all_digests_in_one_pass() {
        let (known, size) = digest_reader(&b"hello"[..], StreamingDigests::all()).unwrap();
        assert_eq!(size, 5);
        let digests = known.all().unwrap();
        assert_eq!(digests.hex(Algorithm::Md5), MD5_OF_HELLO);
        assert_eq!(digests.hex(Algorithm::Sha256), SHA256_OF_HELLO);
        assert!(
            digests
                .hex(Algorithm::Sha512)
                .starts_with("9b71d224bd62f378")
        );
        assert_eq!(Digests::of(b"hello"), digests);
        let mut pieces = StreamingDigests::all();
        pieces.update(b"he");
        pieces.update(b"llo");
        assert_eq!(pieces.finish().all(), Some(digests));
    }

    #[test]
    fn what_is_not_demanded_is_not_computed_and_matches_nothing() {
        let md5 = ExpectedDigests::md5(MD5_OF_HELLO).unwrap();
        let known = |expected: &ExpectedDigests| {
            let digests = StreamingDigests::demanded(expected);
            digest_reader(&b"hello"[..], digests).unwrap().0
        };
        assert_eq!(md5.verify_known(&known(&md5)), Ok(()));
        let none = known(&ExpectedDigests::none());
        assert_eq!(encode_hex(&none.sha256), SHA256_OF_HELLO);
        assert_eq!(none.all(), None);
        assert!(md5.verify_known(&none).is_err());
    }

    #[test]
    fn verification_tells_expected_and_actual() {
        let digests = Digests::of(b"hello");
        assert_eq!(ExpectedDigests::none().verify(&digests), Ok(()));
        let upper = MD5_OF_HELLO.to_uppercase();
        let mut expected = ExpectedDigests::md5(&upper).unwrap();
        assert_eq!(expected.verify(&digests), Ok(()));
        expected.set(Algorithm::Sha256, &"0".repeat(64)).unwrap();
        let mismatch = expected.verify(&digests).unwrap_err();
        assert_eq!(mismatch.algorithm, Algorithm::Sha256);
        assert_eq!(mismatch.expected, "0".repeat(64));
        assert_eq!(mismatch.actual, SHA256_OF_HELLO);
    }

    #[test]
    fn splits_checksums_from_urls() {
        let none = ExpectedDigests::none();
        let md5 = ExpectedDigests::md5(MD5_OF_HELLO).unwrap();
        let mut both = md5.clone();
        both.set(Algorithm::Sha256, SHA256_OF_HELLO).unwrap();
        for (url, base, expected) in [
            ("http://h/a".to_owned(), "http://h/a", &none),
            ("p.patch#".to_owned(), "p.patch", &none),
            (format!("p.patch#{MD5_OF_HELLO}"), "p.patch", &md5),
            (format!("u#md5={MD5_OF_HELLO}"), "u", &md5),
            (
                format!("u#md5={MD5_OF_HELLO}&sha256={SHA256_OF_HELLO}&egg=x"),
                "u",
                &both,
            ),
            ("u#egg=x".to_owned(), "u#egg=x", &none),
        ] {
            assert_eq!(
                split_url_digest(&url),
                Ok((base, expected.clone())),
                "{url}"
            );
        }
        for (url, message) in [
            ("u#abc", "URL fragment `abc` is not a checksum"),
            (
                "u#md5=abc",
                "`abc` is not a MD5 checksum of 32 hexadecimal digits",
            ),
            (
                "u#0123456789abcdef0123456789abcdeg",
                "`0123456789abcdef0123456789abcdeg` is not a MD5 checksum of 32 hexadecimal digits",
            ),
            (
                "u#sha1=00",
                "checksum algorithm `sha1` is not supported (use md5, sha256 or sha512)",
            ),
        ] {
            assert_eq!(split_url_digest(url).unwrap_err().to_string(), message);
        }
    }
}
