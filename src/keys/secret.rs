//! A text that is wiped when it is dropped and that nothing can print or write.
//!
//! ```compile_fail
//! // It has no Debug: `{:?}` of it, or of anything that derives Debug round it, does not compile.
//! let secret = carry::keys::Secret::new("canary".to_owned());
//! println!("{secret:?}");
//! ```
//!
//! ```compile_fail
//! let secret = carry::keys::Secret::new("canary".to_owned());
//! println!("{secret}");
//! ```
//!
//! ```compile_fail
//! // It cannot be serialised, so no file, log or reply takes it along by accident.
//! let secret = carry::keys::Secret::new("canary".to_owned());
//! serde_json::to_string(&secret).ok();
//! ```
//!
//! ```compile_fail
//! // Neither can a key that holds one.
//! fn show(entry: &carry::keys::KeyEntry) -> String {
//!     format!("{entry:?}")
//! }
//! ```
//!
//! ```
//! let secret = carry::keys::Secret::new("canary".to_owned());
//! assert_eq!(secret.expose(), "canary"); // The one way to its content, easy to find in a review.
//! ```

use secrecy::zeroize::Zeroize as _;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::{Error, Visitor};

/// A secret text.
pub struct Secret(SecretString);

impl Secret {
    /// Takes a text over.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(SecretString::from(text))
    }

    /// The text itself, for a signer or the file that keeps it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Secret;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Secret, E> {
                Ok(Secret(SecretString::from(text)))
            }

            fn visit_string<E: Error>(self, mut text: String) -> Result<Secret, E> {
                let secret = Secret(SecretString::from(text.as_str()));
                text.zeroize();
                Ok(secret)
            }
        }
        deserializer.deserialize_string(Text)
    }
}
