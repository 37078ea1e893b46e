//! What can be wrong with a configuration, each with its place; all of it is collected before anything is reported.
//!
//! Messages never repeat a text that looks like a secret (fault X14), and escape and shorten all foreign text (fault X08).
//! Tests: `tests/suite/config.rs` has a row for each message.

use super::keys;
use std::fmt;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The built-in value.
    Default,
    /// A file as it was named, and the line.
    File(String, usize),
    /// An environment variable's name.
    Env(String),
    /// `--set`.
    Flag,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(file, 0) => f.write_str(file),
            Self::File(file, line) => write!(f, "{file}:{line}"),
            Self::Env(name) => f.write_str(name),
            Self::Flag => f.write_str("--set"),
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{source}: {problem}", source = self.place)]
pub struct ConfigError {
    /// Where.
    pub place: Source,
    /// What.
    pub problem: Problem,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// No such file.
    #[error("there is no such file")]
    Missing,
    /// A folder, device or pipe.
    #[error("is not a file")]
    NotAFile,
    /// Larger than a configuration can be.
    #[error("is {0} bytes long, a configuration has at most 1048576")]
    TooBig(u64),
    /// The system refuses to read it.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// Bytes that are not text.
    #[error("is not UTF-8 text")]
    NotUtf8,
    /// The parser's word.
    #[error("is not TOML here: {0}")]
    Malformed(String),
    /// `--set` without `=`.
    #[error("{0} is not key=value, for example --set entry.funding=0.02%/8h")]
    NotAssignment(String),
    /// No such section.
    #[error("unknown section [{section}]; {}", suggestion(*nearest, "the sections are ", &keys::sections().join(", ")))]
    UnknownSection {
        /// As written, made safe to print.
        section: String,
        /// The section that was most likely meant.
        nearest: Option<&'static str>,
    },
    /// No such key.
    #[error("unknown key {key}; {}", suggestion(nearest.as_deref(), "every key stands in ", "strategies/README.md and `carry check --keys`"))]
    UnknownKey {
        /// As written, made safe to print.
        key: String,
        /// The key, in the way of its source, that was most likely meant.
        nearest: Option<String>,
    },
    /// A section's name with a value.
    #[error("{section} is a section, not a key; write [{section}] and its keys below")]
    SectionAsKey {
        /// The section.
        section: &'static str,
    },
    /// A key below `[pairs]` that is one for all.
    #[error("{key} holds for all pairs and cannot differ for {pair}; write it in [{section}]")]
    NotOfPair {
        /// The key.
        key: &'static str,
        /// Its section.
        section: &'static str,
        /// The pair.
        pair: String,
    },
    /// A section below `[pairs]` whose name is no pair's.
    #[error(
        "[pairs.{name}] names no pair; expected [pairs.\"VENUE:SYMBOL\".SECTION], for example [pairs.\"binance:BTCUSDT\".entry]"
    )]
    NoPair {
        /// As written, made safe to print.
        name: String,
    },
    /// A key below `[venues.NAME]` that none has.
    #[error("unknown key {key}; a venue has {known}")]
    NotOfVenue {
        /// As written, made safe to print.
        key: String,
        /// The keys that a venue may have.
        known: String,
    },
    /// A table below `[venues]` whose name is no venue's.
    #[error(
        "[venues.{name}] names no venue that is known; known are {known}; a venue of your own history is known by a pair of it in strategy.pairs"
    )]
    NoVenue {
        /// As written, made safe to print.
        name: String,
        /// The venues that are known here.
        known: String,
    },
    /// A pair below `[pairs]` that is not traded.
    #[error("[pairs.\"{name}\"] is not among the pairs that are traded: {traded}")]
    PairNotTraded {
        /// The name.
        name: String,
        /// Those of `strategy.pairs`.
        traded: String,
    },
    /// A key named like a secret.
    #[error("{key} is named like a secret; a configuration holds none, use `carry keys add`")]
    SecretKey {
        /// As written, made safe to print.
        key: String,
    },
    /// A value that looks like a secret.
    #[error(
        "the value of {key} looks like an API key or secret, so it is not shown; a configuration holds none: remove it, replace the key at the venue, and use `carry keys add`"
    )]
    SecretValue {
        /// As written, made safe to print.
        key: String,
    },
    /// A value that cannot be read.
    #[error("{key} = {shown} {why}; expected {expected}")]
    Value {
        /// The key, with its pair where it is one pair's.
        key: String,
        /// The value, made safe to print.
        shown: String,
        /// What is wrong with it.
        why: String,
        /// What was expected, with an example.
        expected: String,
    },
    /// A value outside of its key's range.
    #[error("{key} = {shown} is out of range; expected {range}")]
    OutOfRange {
        /// The key, with its pair where it is one pair's.
        key: String,
        /// The value, made safe to print.
        shown: String,
        /// The range in words.
        range: String,
    },
    /// Two values that contradict each other.
    #[error("{0}")]
    Conflict(String),
    /// The program contradicts itself.
    #[error(transparent)]
    Internal(#[from] super::assemble::Misfit),
}

impl Problem {
    /// The same with other names of keys, each with the bracket behind it.
    pub(super) fn renamed(self, names: &[(String, String)]) -> Self {
        match self {
            Self::Conflict(text) => {
                Self::Conflict(names.iter().fold(text, |text, (from, to)| text.replace(from.as_str(), to)))
            }
            other => other,
        }
    }

    /// The same of one pair's settings.
    pub(super) fn of_pair(self, pair: &str) -> Self {
        match self {
            Self::Conflict(text) => Self::Conflict(format!("for {pair}: {text}")),
            other => other,
        }
    }
}

fn suggestion(nearest: Option<&str>, otherwise: &str, list: &str) -> String {
    nearest.map_or_else(|| format!("{otherwise}{list}"), |name| format!("did you mean {name}?"))
}

/// Everything that is wrong, in the order of the layers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigErrors {
    /// The first [`ConfigErrors::LIMIT`] of them.
    pub errors: Vec<ConfigError>,
    /// How many more there are.
    pub more: usize,
}

impl ConfigErrors {
    /// Most errors that are kept; nobody reads more, and a hostile file could have a million (invariant I10).
    pub const LIMIT: usize = 100;

    /// Adds one.
    pub fn add(&mut self, place: Source, problem: Problem) {
        if self.is_full() {
            self.more += 1;
        } else {
            self.errors.push(ConfigError { place, problem });
        }
    }

    /// Whether further errors are only counted.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.errors.len() >= Self::LIMIT
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, error) in self.errors.iter().enumerate() {
            write!(f, "{}{error}", if place == 0 { "" } else { "\n" })?;
        }
        if self.more > 0 { write!(f, "\nand {} more", self.more) } else { Ok(()) }
    }
}

impl std::error::Error for ConfigErrors {}
