//! Where values may come from, in the order in which later ones win.
//!
//! The only place of the program that reads the environment for settings. Nothing here opens a file.

use std::path::{Path, PathBuf};

/// The layers above the built-in values, lowest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// `config/carry.toml`, where there is one.
    pub base: Option<PathBuf>,
    /// The strategy file.
    pub strategy: Option<PathBuf>,
    /// The files of further strategies of the same run.
    pub beside: Vec<PathBuf>,
    /// `--config` files in their order.
    pub extra: Vec<PathBuf>,
    /// Environment variables as name and value; those that do not start with `CARRY__` are ignored.
    pub env: Vec<(String, String)>,
    /// `--set` arguments, `key=value`, in their order.
    pub set: Vec<String>,
}

impl Sources {
    /// The file that is read without being named.
    pub const BASE: &'static str = "config/carry.toml";
    /// How the names of environment variables begin.
    pub const PREFIX: &'static str = "CARRY__";

    /// The layers of a command: [`Sources::BASE`] of the working directory if it is there, the files given, the
    /// environment, and `--set`.
    #[must_use]
    pub fn discover(strategy: Option<PathBuf>, extra: Vec<PathBuf>, set: Vec<String>) -> Self {
        let base = Path::new(Self::BASE);
        // Named by hand it would be read twice, and the second time it would win over the strategy file; that is what
        // the person asked for, so only the first reading is left out.
        let named = extra.iter().chain(&strategy).any(|path| path == base);
        let found = std::fs::symlink_metadata(base).is_ok() && !named;
        Self { base: found.then(|| base.to_path_buf()), strategy, beside: Vec::new(), extra, env: environment(), set }
    }

    /// The same of a run of several strategies, or of one, or of none.
    #[must_use]
    pub fn of_strategies(files: &[PathBuf], extra: Vec<PathBuf>, set: Vec<String>) -> Self {
        let mut files = files.iter().cloned();
        let first = files.next();
        Self { beside: files.collect(), ..Self::discover(first, extra, set) }
    }

    /// The environment variable of a key: `CARRY__ENTRY__FUNDING`.
    #[must_use]
    pub fn variable(path: &str) -> String {
        format!("{}{}", Self::PREFIX, path.replace('.', "__").to_uppercase())
    }
}

/// The variables of the environment that set keys.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment, so that tests can give their own"
)]
pub fn environment() -> Vec<(String, String)> {
    // A name that is not UTF-8 is none of ours. A value that is not keeps a mark, which `load` refuses.
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())))
        .filter(|(name, _)| name.starts_with(Sources::PREFIX))
        .collect()
}

/// Folders and a file that the environment names, and the width of the output. They are places, never values: no secret is
/// read from a variable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Folders {
    /// Where the service manager put the credentials of this service.
    pub credentials: Option<PathBuf>,
    /// The person's folder for configuration of programs.
    pub config: Option<PathBuf>,
    /// The person's folder for what programs remember between runs.
    pub memory: Option<PathBuf>,
    /// The certificate of a simulated venue on this machine, as PEM; believed there alone.
    pub test_root: Option<PathBuf>,
    /// Whether standard error goes to the journal of the system.
    pub journal: bool,
    /// Whether a service manager wants to be told how this process is.
    pub supervised: bool,
    /// How wide a person's output is, where no terminal says it.
    pub columns: Option<usize>,
}

impl Folders {
    /// The variable that names the certificate of a simulated venue.
    pub const TEST_ROOT: &'static str = "CARRY_TEST_ROOT";

    /// As the environment of this process has them.
    #[must_use]
    pub fn discover() -> Self {
        let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        Self {
            credentials: folder("CREDENTIALS_DIRECTORY"),
            config: folder("XDG_CONFIG_HOME").or_else(|| folder("HOME").map(|home| home.join(".config"))),
            memory: folder("XDG_STATE_HOME").or_else(|| folder("HOME").map(|home| home.join(".local/state"))),
            test_root: std::env::var_os(Self::TEST_ROOT).map(PathBuf::from),
            supervised: std::env::var_os("NOTIFY_SOCKET").is_some(),
            journal: std::env::var_os("JOURNAL_STREAM").is_some(),
            columns: std::env::var_os("COLUMNS").and_then(|text| text.to_str()?.parse().ok()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_one_variable() {
        assert_eq!(Sources::variable("entry.min_net_apr"), "CARRY__ENTRY__MIN_NET_APR");
    }
}
