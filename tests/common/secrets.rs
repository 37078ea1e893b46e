//! Looks for secrets in whatever a program wrote: raw, hex, base64 and URL-encoded, in bytes, files and folders (fault X10).
//!
//! A search that cannot find is worse than none: `tests/commands/keys.rs` shows that each form is found.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![expect(clippy::expect_used, reason = "helpers of tests may stop the test")]

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use std::fmt::Write as _;
use std::path::Path;

/// One form of one secret. The name may be printed, the bytes may not.
struct Form {
    name: String,
    bytes: Vec<u8>,
}

/// The forms of some secrets.
pub(crate) struct Canaries(Vec<Form>);

impl Canaries {
    /// Every form of each secret; names say which one a finding is about.
    pub(crate) fn new(secrets: &[(&str, &str)]) -> Self {
        let mut forms = Vec::new();
        for (name, secret) in secrets {
            assert!(secret.len() >= 8, "{name} is too short to be looked for");
            let bytes = secret.as_bytes();
            let mut push = |form: &str, bytes: Vec<u8>| {
                if !forms.iter().any(|known: &Form| known.bytes == bytes) {
                    forms.push(Form { name: format!("{name} ({form})"), bytes });
                }
            };
            push("raw", bytes.to_vec());
            let hex = bytes.iter().fold(String::new(), |mut hex, byte| {
                let _ = write!(hex, "{byte:02x}");
                hex
            });
            push("hex, upper case", hex.to_uppercase().into_bytes());
            push("hex", hex.into_bytes());
            push("base64", STANDARD.encode(bytes).into_bytes());
            push("base64 without padding", STANDARD_NO_PAD.encode(bytes).into_bytes());
            push("base64 of URLs", URL_SAFE.encode(bytes).into_bytes());
            push("base64 of URLs without padding", URL_SAFE_NO_PAD.encode(bytes).into_bytes());
            for (form, lower) in [("URL-encoded", false), ("URL-encoded, lower case", true)] {
                push(form, url_encoded(bytes, lower).into_bytes());
            }
            // As JSON and Debug would show it.
            push("escaped", secret.replace('\n', "\\n").into_bytes());
        }
        Self(forms)
    }

    /// Names of the forms that stand in the bytes.
    pub(crate) fn in_bytes(&self, bytes: &[u8]) -> Vec<String> {
        let stands = |form: &&Form| bytes.windows(form.bytes.len()).any(|window| window == form.bytes);
        self.0.iter().filter(stands).map(|form| form.name.clone()).collect()
    }

    /// The same for every file below a path, except those named in `except`; names of files are searched too.
    pub(crate) fn in_path(&self, path: &Path, except: &[&str]) -> Vec<String> {
        let mut found = self.in_bytes(path.as_os_str().as_encoded_bytes());
        let Ok(known) = std::fs::symlink_metadata(path) else { return found };
        if known.is_dir() {
            let entries = std::fs::read_dir(path).expect("a folder can be listed");
            for entry in entries.flatten() {
                found.extend(self.in_path(&entry.path(), except));
            }
        } else if known.is_file() && !path.file_name().is_some_and(|name| except.iter().any(|known| name == *known)) {
            let bytes = std::fs::read(path).expect("a file can be read");
            found.extend(self.in_bytes(&bytes).into_iter().map(|name| format!("{}: {name}", path.display())));
        }
        found
    }
}

fn url_encoded(bytes: &[u8], lower: bool) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            text.push(char::from(*byte));
        } else if lower {
            let _ = write!(text, "%{byte:02x}");
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}
