//! The two tokens of a page: one that reads, one that acts. 256 bits each, in a file of mode 0600 of the state folder.
//!
//! They are compared in constant time and never printed but by `carry serve --print-token`. The cookie that a reader gets is no
//! token: it is a time with a code that only the reading token makes, so it ends by itself and with the file (fault X16).
//! **Invariant**: a page of several sessions is read with the token of its first folder, and each session acts only with the
//! token of its own.
//! Tests: at the end, and `tests/commands/page.rs`.

use crate::domain::WallTime;
use crate::domain::text::hex;
use crate::keys::Secret;
use crate::keys::file::{FileError, Guard, read_secret, replace};
use hmac::{Hmac, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::path::{Path, PathBuf};
use subtle::ConstantTimeEq as _;
use thiserror::Error;

/// Name of the file in the state folder.
pub const FILE: &str = "page.json";
const SCHEMA: &str = "carry.page/1";
/// Characters of a token: 32 bytes in hex.
const LENGTH: usize = 64;
/// How long a cookie reads.
pub const COOKIE_SECONDS: i64 = 7 * 86_400;

/// Why there are no tokens.
#[derive(Debug, Error)]
pub enum TokenError {
    /// The file cannot be read or written, or others can.
    #[error(transparent)]
    File(#[from] FileError),
    /// It holds something else.
    #[error("{path}: is not a file of page tokens; remove it, and new ones are made at the next start", path = .0.display())]
    Damaged(PathBuf),
    /// No random bytes.
    #[error("the system gives no random bytes: no tokens can be made")]
    Random,
}

#[derive(Deserialize)]
struct Stored {
    schema: String,
    view: Secret,
    act: Secret,
}

#[derive(Serialize)]
struct Fresh<'a> {
    schema: &'a str,
    view: &'a str,
    act: &'a str,
}

/// The tokens of a page.
pub struct Tokens {
    view: Secret,
    act: Secret,
}

impl Tokens {
    /// Those of a folder; made when there are none.
    ///
    /// # Errors
    /// [`TokenError`] when the file is not this user's alone, is damaged or cannot be written.
    pub fn of(folder: &Path) -> Result<Self, TokenError> {
        if let Some(known) = Self::kept(folder)? {
            return Ok(known);
        }
        let (view, act) = (fresh()?, fresh()?);
        let text = serde_json::to_vec(&Fresh { schema: SCHEMA, view: view.expose(), act: act.expose() });
        replace(&folder.join(FILE), &text.map_err(|_| TokenError::Random)?)?;
        Ok(Self::known(view, act))
    }

    /// Those of a folder, where it has some: none are made.
    ///
    /// # Errors
    /// [`TokenError`] when the file is not this user's alone or is damaged.
    pub fn kept(folder: &Path) -> Result<Option<Self>, TokenError> {
        let path = folder.join(FILE);
        let Some(bytes) = read_secret(&path, Guard::Private)? else { return Ok(None) };
        let damaged = || TokenError::Damaged(path.clone());
        let stored: Stored = serde_json::from_slice(&bytes).map_err(|_| damaged())?;
        let whole = |token: &Secret| {
            let text = token.expose();
            text.len() == LENGTH && text.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        if stored.schema != SCHEMA || !whole(&stored.view) || !whole(&stored.act) {
            return Err(damaged());
        }
        Ok(Some(Self::known(stored.view, stored.act)))
    }

    fn known(view: Secret, act: Secret) -> Self {
        for token in [&view, &act] {
            crate::observe::scrub::register(token.expose());
        }
        Self { view, act }
    }

    /// The texts, for the person who starts the page: the one that reads and the one that acts.
    #[must_use]
    pub fn expose(&self) -> (&str, &str) {
        (self.view.expose(), self.act.expose())
    }

    /// Whether it is the token that reads.
    #[must_use]
    pub fn reads(&self, given: &str) -> bool {
        same(&self.view, given)
    }

    /// Whether it is the token that acts.
    #[must_use]
    pub fn acts(&self, given: &str) -> bool {
        same(&self.act, given)
    }

    /// A cookie that reads until it ends.
    #[must_use]
    pub fn cookie(&self, now: WallTime) -> String {
        let until = now.0 / 1_000 + COOKIE_SECONDS;
        format!("{until}.{}", hex(&self.code(until)))
    }

    /// Whether a cookie was made by [`Tokens::cookie`] and has not ended.
    #[must_use]
    pub fn knows(&self, cookie: &str, now: WallTime) -> bool {
        let Some((until, code)) = cookie.split_once('.') else { return false };
        let Ok(until) = until.parse::<i64>() else { return false };
        let made: bool = hex(&self.code(until)).as_bytes().ct_eq(code.as_bytes()).into();
        made && now.0 / 1_000 < until
    }

    fn code(&self, until: i64) -> Vec<u8> {
        // A key of any length is taken; an error cannot be.
        let Ok(mut code) = Hmac::<Sha256>::new_from_slice(self.view.expose().as_bytes()) else { return Vec::new() };
        code.update(format!("{SCHEMA} cookie {until}").as_bytes());
        code.finalize().into_bytes().to_vec()
    }
}

/// Takes the same time wherever the two differ; that a token has 64 characters is no secret.
#[must_use]
pub fn same(known: &Secret, given: &str) -> bool {
    known.expose().as_bytes().ct_eq(given.as_bytes()).into()
}

fn fresh() -> Result<Secret, TokenError> {
    let mut bytes = [0_u8; 32];
    let random = rustls::crypto::ring::default_provider().secure_random;
    random.fill(&mut bytes).map_err(|_| TokenError::Random)?;
    Ok(Secret::new(hex(&bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn x16_tokens_are_long_private_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let one = Tokens::of(folder.path()).unwrap();
        let (view, act) = one.expose();
        assert!(view.len() == LENGTH && act.len() == LENGTH && view != act);
        let mode = std::fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        let again = Tokens::of(folder.path()).unwrap();
        assert_eq!(again.expose(), one.expose());
        assert!(one.reads(view) && one.acts(act) && !one.reads(act) && !one.acts(view) && !one.reads(""));
        assert!(!one.reads(&view[..63]) && !one.acts(&format!("{act}0")));
    }

    #[test]
    fn x13_a_file_that_others_may_read_or_that_is_damaged_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        Tokens::of(folder.path()).unwrap();
        let path = folder.path().join(FILE);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(Tokens::of(folder.path()), Err(TokenError::File(_))));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        for text in ["{}", "", r#"{"schema":"carry.page/1","view":"1","act":"2"}"#] {
            std::fs::write(&path, text).unwrap();
            assert!(matches!(Tokens::of(folder.path()), Err(TokenError::Damaged(_))), "{text}");
        }
    }

    #[test]
    fn x16_a_cookie_ends_and_is_of_its_tokens_alone() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (tokens, others) = (Tokens::of(folder.path()).unwrap(), Tokens::of(other.path()).unwrap());
        let now = WallTime(1_800_000_000_000);
        let cookie = tokens.cookie(now);
        assert!(tokens.knows(&cookie, now) && !others.knows(&cookie, now));
        assert!(!tokens.knows(&cookie, WallTime(now.0 + COOKIE_SECONDS * 1_000)));
        let later = cookie.replacen("18", "19", 1);
        assert!(!tokens.knows(&later, now) && !tokens.knows("", now) && !tokens.knows("9999999999.", now));
    }
}
