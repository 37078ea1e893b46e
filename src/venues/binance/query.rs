//! Parameters of a request as text: percent-encoded (RFC 3986, unreserved characters stay), joined once, so that the very
//! string that is signed is the one that is sent. Tests: at the end.

use crate::domain::WallTime;
use std::fmt::{self, Write as _};

/// Parameters in the order in which they were added.
#[derive(Debug, Default)]
pub(super) struct Query(String);

impl Query {
    pub(super) fn new() -> Self {
        Self(String::with_capacity(192))
    }

    /// Adds a name, which is ours and plain, and its value.
    pub(super) fn with(mut self, name: &str, value: impl fmt::Display) -> Self {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.push_str(name);
        self.0.push('=');
        // Writing into a String does not fail.
        let _ = write!(Encode(&mut self.0), "{value}");
        self
    }

    pub(super) fn maybe(self, name: &str, value: Option<impl fmt::Display>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    pub(super) fn time(self, name: &str, at: WallTime) -> Self {
        self.with(name, at.0)
    }

    pub(super) fn done(self) -> String {
        self.0
    }
}

/// Percent-encodes what is written through it.
pub(super) struct Encode<'s>(pub(super) &'s mut String);

impl fmt::Write for Encode<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
                self.0.push(char::from(byte));
            } else {
                write!(self.0, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_percent_encoded_by_rfc_3986() {
        let check = |value: &str, expected: &str| assert_eq!(Query::new().with("k", value).done(), expected);
        check("AZaz09-._~", "k=AZaz09-._~");
        check("a b+c/d=&?%", "k=a%20b%2Bc%2Fd%3D%26%3F%25");
        // The sample symbol of the venue's documents, full-width digits.
        check("\u{ff11}\u{ff12}\u{ff13}", "k=%EF%BC%91%EF%BC%92%EF%BC%93");
        let two = Query::new().with("a", 1).maybe("b", None::<u8>).maybe("c", Some("x:y")).time("t", WallTime(5));
        assert_eq!(two.done(), "a=1&c=x%3Ay&t=5");
    }
}
