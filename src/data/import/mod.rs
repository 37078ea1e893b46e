//! Files of history as people have them, read into rows of the layout: nothing is written here and nothing is guessed.
//!
//! A file becomes sheets of cells (`sheet.rs`: CSV, JSON, zip), a sheet gets a meaning (`meaning.rs`: which column is which, by
//! the names of the field and the shapes of the venues), and cells become rows (`rows.rs`). A row that cannot be used is refused
//! with its place; whether anything is written then is the caller's decision. Tests: `tests/suite/import.rs`.

mod meaning;
mod rows;
mod sheet;

pub use super::what::What;
pub use meaning::{Hints, Meaning};
pub use rows::{Read, Refused, Rows, read};
pub use sheet::{Sheet, sheets};
