//! `carry paper --market replay:DIR`: recorded candles and funding, or recorded raw frames.

use super::{Exit, Failure, Output};
use crate::config::Loaded;
use std::path::Path;

/// Runs it.
///
/// # Errors
/// A [`Failure`] with its exit code.
pub fn run(folder: &Path, _loaded: &Loaded, _json: bool, _output: &mut Output<'_>) -> Result<(), Failure> {
    Err(Failure::new(Exit::Failure, format!("{}: nothing to replay", folder.display())))
}
