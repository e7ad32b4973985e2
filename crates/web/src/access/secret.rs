//! What somebody proves who they are with, and what is kept of it.

use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD, HEXLOWER};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The fewest characters of a password.
const PASSWORD_MIN_CHARS: usize = 12;
/// The most: what is longer only makes work.
pub(crate) const PASSWORD_MAX_CHARS: usize = 256;
/// What a token begins with, so that one that has leaked is found by those who look for such.
const TOKEN_PREFIX: &str = "linetwin_";
/// Of a random secret, bytes: 256 bits.
const RANDOM_BYTES: usize = 32;
/// Of a password of chance, bytes: 80 bits are enough for what is hashed slowly.
const PASSWORD_BYTES: usize = 10;
/// A password of chance is written in groups of so many characters.
const GROUP_CHARS: usize = 4;
/// Of a salt, bytes.
const SALT_BYTES: usize = 16;

/// Why a secret cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The password is too short or too long.
    #[error(
        "a password of {chars} characters; expected {PASSWORD_MIN_CHARS} to {PASSWORD_MAX_CHARS}: several words are easy to keep in mind"
    )]
    Length {
        /// How many characters it has.
        chars: usize,
    },
    /// The operating system gives no random bytes.
    #[error("the operating system gives no random bytes: {0}")]
    Random(String),
    /// It could not be hashed.
    #[error("the password cannot be hashed: {0}")]
    Hash(String),
    /// What is kept of it is damaged.
    #[error("is not what is kept of a password or a token; set it anew with `linetwin user set-password`")]
    Damaged,
}

/// What is kept of a password or a token. Neither can be had back from it.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// Of a person's password: Argon2id with its salt and costs, as a PHC string.
    Password(String),
    /// Of a machine's token: its SHA-256. It is long and random, so that nobody finds it by trying.
    Token([u8; RANDOM_BYTES]),
}

impl Secret {
    /// What to keep of a password. Takes about a tenth of a second, on purpose.
    ///
    /// # Errors
    /// If it is too short or too long.
    pub fn of_password(password: &str) -> Result<Self, SecretError> {
        let chars = password.chars().count();
        if !(PASSWORD_MIN_CHARS..=PASSWORD_MAX_CHARS).contains(&chars) {
            return Err(SecretError::Length { chars });
        }
        let failed = |error: argon2::password_hash::Error| SecretError::Hash(error.to_string());
        let salt = SaltString::encode_b64(&random::<SALT_BYTES>()?).map_err(failed)?;
        let hash = Argon2::default().hash_password(password.as_bytes(), &salt).map_err(failed)?;
        Ok(Self::Password(hash.to_string()))
    }

    /// A password of chance, to be told once, and what to keep of it.
    ///
    /// # Errors
    /// If there are no random bytes.
    pub fn new_password() -> Result<(String, Self), SecretError> {
        let text = BASE32_NOPAD.encode(&random::<PASSWORD_BYTES>()?).to_lowercase();
        let groups: Vec<&str> =
            text.as_bytes().chunks(GROUP_CHARS).filter_map(|group| str::from_utf8(group).ok()).collect();
        let password = groups.join("-");
        let kept = Self::of_password(&password)?;
        Ok((password, kept))
    }

    /// A new token, which is told once, and what to keep of it.
    ///
    /// # Errors
    /// If there are no random bytes.
    pub fn new_token() -> Result<(String, Self), SecretError> {
        let token = format!("{TOKEN_PREFIX}{}", random_text()?);
        let kept = Self::Token(digest(&token));
        Ok((token, kept))
    }

    /// What was kept of a password.
    pub(super) fn from_kept_password(text: &str) -> Result<Self, SecretError> {
        let hash = PasswordHash::new(text).map_err(|_| SecretError::Damaged)?;
        let is_ours = hash.algorithm == argon2::ARGON2ID_IDENT && hash.hash.is_some();
        if is_ours { Ok(Self::Password(text.to_owned())) } else { Err(SecretError::Damaged) }
    }

    /// What was kept of a token.
    pub(super) fn from_kept_token(text: &str) -> Result<Self, SecretError> {
        let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|_| SecretError::Damaged)?;
        bytes.try_into().map(Self::Token).map_err(|_| SecretError::Damaged)
    }

    /// As it is kept.
    pub(super) fn kept(&self) -> String {
        match self {
            Self::Password(hash) => hash.clone(),
            Self::Token(digest) => HEXLOWER.encode(digest),
        }
    }

    /// Whether this is the password. A token is none.
    pub(super) fn is_password(&self, password: &str) -> bool {
        let Self::Password(hash) = self else { return false };
        let Ok(hash) = PasswordHash::new(hash) else { return false };
        Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
    }

    /// Whether this is the token with that digest.
    pub(super) fn is_token(&self, token: &[u8; RANDOM_BYTES]) -> bool {
        matches!(self, Self::Token(kept) if kept.ct_eq(token).into())
    }
}

/// Without what is kept: it would be of use to who tries passwords.
impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Password(_) => "Password(..)",
            Self::Token(_) => "Token(..)",
        })
    }
}

/// 256 random bits as text that fits a cookie and a header.
pub(super) fn random_text() -> Result<String, SecretError> {
    Ok(BASE64URL_NOPAD.encode(&random::<RANDOM_BYTES>()?))
}

/// What is kept of a long random text.
pub(super) fn digest(text: &str) -> [u8; RANDOM_BYTES] {
    Sha256::digest(text.as_bytes()).into()
}

/// Whether two texts are the same, in a time that does not tell where they differ.
pub(crate) fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

fn random<const N: usize>() -> Result<[u8; N], SecretError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| SecretError::Random(error.to_string()))?;
    Ok(bytes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_again_and_no_other() {
        let kept = Secret::of_password("correct horse battery").unwrap();
        let kept = Secret::from_kept_password(&kept.kept()).unwrap();
        assert!(kept.is_password("correct horse battery"));
        assert!(!kept.is_password("correct horse batterz") && !kept.is_password(""));
        assert!(kept.kept().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", kept.kept());
        assert_ne!(kept, Secret::of_password("correct horse battery").unwrap(), "each has a salt of its own");
        assert!(!kept.is_token(&digest("correct horse battery")));
    }

    #[test]
    fn a_password_of_chance_can_be_read_out() {
        let (password, kept) = Secret::new_password().unwrap();
        assert!(kept.is_password(&password));
        assert_eq!(password.split('-').map(str::len).collect::<Vec<_>>(), [4; 4], "{password}");
        assert_ne!(password, Secret::new_password().unwrap().0);
    }

    #[test]
    fn a_short_or_endless_password_is_not_taken() {
        assert_eq!(Secret::of_password("elf zeichen").unwrap_err(), SecretError::Length { chars: 11 });
        assert_eq!(Secret::of_password(&"ä".repeat(257)).unwrap_err(), SecretError::Length { chars: 257 });
        assert!(Secret::of_password("ä ö ü ß é è ").is_ok(), "characters count, not bytes");
    }

    #[test]
    fn a_token_is_known_again_and_no_other() {
        let (token, kept) = Secret::new_token().unwrap();
        let kept = Secret::from_kept_token(&kept.kept()).unwrap();
        assert!(kept.is_token(&digest(&token)));
        assert!(!kept.is_token(&digest(&format!("{token}x"))) && !kept.is_password(&token));
        assert_ne!(token, Secret::new_token().unwrap().0);
    }

    #[test]
    fn what_is_damaged_is_not_taken() {
        let md5 = "$1$abc$def";
        let other = "$argon2i$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$lQ8gpH3FtpNVHp0d1J0gKw";
        for text in ["", "plain", md5, other, "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ"] {
            assert_eq!(Secret::from_kept_password(text), Err(SecretError::Damaged), "{text}");
        }
        for text in ["", "0f", "xy"] {
            assert_eq!(Secret::from_kept_token(text), Err(SecretError::Damaged), "{text}");
        }
    }
}
