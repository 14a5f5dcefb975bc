//! The schemes of passlib that a password can be hashed with.

use buildout_core::recipe::RecipeError;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use super::crypt::{DIGITS, Sha, md5_crypt, sha_crypt};
use crate::python_value::modules::base64;
use crate::values::randomness;

/// The rounds that passlib 1.7.4 makes unless told otherwise.
const SHA256_ROUNDS: u32 = 535_000;
const SHA512_ROUNDS: u32 = 656_000;

/// The bytes of salt of the schemes of LDAP.
const LDAP_SALT: usize = 8;

/// Schemes that passlib has and this program has not.
const UNSUPPORTED: &[&str] = &[
    "argon2",
    "atlassian_pbkdf2_sha1",
    "bcrypt",
    "bcrypt_sha256",
    "bigcrypt",
    "bsd_nthash",
    "bsdi_crypt",
    "cisco_asa",
    "cisco_pix",
    "cisco_type7",
    "crypt16",
    "cta_pbkdf2_sha1",
    "des_crypt",
    "django_argon2",
    "django_bcrypt",
    "django_bcrypt_sha256",
    "django_des_crypt",
    "django_disabled",
    "django_pbkdf2_sha1",
    "django_pbkdf2_sha256",
    "django_salted_md5",
    "django_salted_sha1",
    "dlitz_pbkdf2_sha1",
    "fshp",
    "grub_pbkdf2_sha512",
    "hex_md4",
    "htdigest",
    "ldap_bcrypt",
    "ldap_bsdi_crypt",
    "ldap_des_crypt",
    "ldap_hex_md5",
    "ldap_hex_sha1",
    "ldap_pbkdf2_sha1",
    "ldap_pbkdf2_sha256",
    "ldap_pbkdf2_sha512",
    "ldap_sha1_crypt",
    "lmhash",
    "msdcc",
    "msdcc2",
    "mssql2000",
    "mssql2005",
    "mysql323",
    "mysql41",
    "nthash",
    "oracle10",
    "oracle11",
    "pbkdf2_sha1",
    "pbkdf2_sha256",
    "pbkdf2_sha512",
    "phpass",
    "postgres_md5",
    "roundup_plaintext",
    "scram",
    "scrypt",
    "sha1_crypt",
    "sun_md5_crypt",
    "unix_disabled",
    "unix_fallback",
];

/// A scheme that only passlib has.
#[derive(Debug, thiserror::Error)]
#[error("Not supported: the password scheme '{scheme}' of passlib.")]
pub(super) struct UnsupportedScheme {
    scheme: String,
}

/// A password that was not hashed.
#[derive(Debug)]
pub(super) enum SchemeError {
    /// There is no such scheme.
    Unknown,
    /// Passlib has it.
    Unsupported(UnsupportedScheme),
    /// The system has no random salt.
    NoRandomness(RecipeError),
}

impl From<RecipeError> for SchemeError {
    fn from(error: RecipeError) -> Self {
        SchemeError::NoRandomness(error)
    }
}

/// Hashes a password with a new salt. The scheme may be written with dashes.
pub(super) fn hash(scheme: &str, password: &str) -> Result<String, SchemeError> {
    let scheme = scheme.replace('-', "_");
    let salt = |length: usize| randomness::text(length, DIGITS);
    let bytes = password.as_bytes();
    Ok(match &*scheme {
        "sha256_crypt" => sha_crypt(Sha::Sha256, password, &salt(16)?, SHA256_ROUNDS),
        "sha512_crypt" => sha_crypt(Sha::Sha512, password, &salt(16)?, SHA512_ROUNDS),
        "md5_crypt" => md5_crypt("$1$", password, &salt(8)?),
        "apr_md5_crypt" => md5_crypt("$apr1$", password, &salt(8)?),
        "ldap_sha256_crypt" | "ldap_sha512_crypt" | "ldap_md5_crypt" => {
            let inner = hash(scheme.trim_start_matches("ldap_"), password)?;
            format!("{{CRYPT}}{inner}")
        }
        "ldap_salted_md5" => salted::<Md5>("SMD5", bytes)?,
        "ldap_salted_sha1" => salted::<Sha1>("SSHA", bytes)?,
        "ldap_salted_sha256" => salted::<Sha256>("SSHA256", bytes)?,
        "ldap_salted_sha512" => salted::<Sha512>("SSHA512", bytes)?,
        "ldap_md5" => format!("{{MD5}}{}", base64::encode_standard(&Md5::digest(bytes))),
        "ldap_sha1" => format!("{{SHA}}{}", base64::encode_standard(&Sha1::digest(bytes))),
        "hex_md5" => hexadecimal::<Md5>(bytes),
        "hex_sha1" => hexadecimal::<Sha1>(bytes),
        "hex_sha256" => hexadecimal::<Sha256>(bytes),
        "hex_sha512" => hexadecimal::<Sha512>(bytes),
        "plaintext" | "ldap_plaintext" => password.to_owned(),
        other if UNSUPPORTED.contains(&other) => {
            return Err(SchemeError::Unsupported(UnsupportedScheme { scheme }));
        }
        _ => return Err(SchemeError::Unknown),
    })
}

fn salted<D: Digest>(name: &str, password: &[u8]) -> Result<String, RecipeError> {
    let salt: [u8; LDAP_SALT] = randomness::bytes()?;
    let digest = D::new()
        .chain_update(password)
        .chain_update(salt)
        .finalize();
    let encoded = base64::encode_standard(&[&digest, &salt[..]].concat());
    Ok(format!("{{{name}}}{encoded}"))
}

fn hexadecimal<D: Digest>(password: &[u8]) -> String {
    let digest = D::digest(password);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_are_known_known_elsewhere_or_unknown() {
        let made = hash("hex-md5", "a").expect("a scheme");
        assert_eq!(made, "0cc175b9c0f1b6a831c399e269772661");
        let salted = hash("ldap-salted-sha1", "a").expect("a scheme");
        assert!(
            salted.starts_with("{SSHA}") && salted.len() == 6 + 40,
            "{salted}"
        );
        let crypt = hash("apr-md5-crypt", "a").expect("a scheme");
        assert!(
            crypt.starts_with("$apr1$") && crypt.len() == 6 + 8 + 1 + 22,
            "{crypt}"
        );
        match hash("bcrypt", "a") {
            Err(SchemeError::Unsupported(error)) => assert_eq!(
                error.to_string(),
                "Not supported: the password scheme 'bcrypt' of passlib."
            ),
            other => panic!("{other:?}"),
        }
        assert!(matches!(hash("cheese", "a"), Err(SchemeError::Unknown)));
    }
}
