//! One TOML file as a list of written values with their lines; what the keys mean is `load.rs`'s matter.
//!
//! There is no include, a device or pipe is never opened (fault X12), and size and depth are bounded (faults X04, X06).
//! Tests: `tests/suite/config.rs`.

use super::error::{ConfigErrors, Problem, Source};
use super::units::Raw;
use crate::domain::text::unmarked;
use std::io::Read as _;
use std::path::Path;
use toml::de::{DeTable, DeValue};

/// Largest file that is read, bytes.
const LARGEST: u64 = 1_048_576;
/// Most characters of a file's name in a message: the longest path that common systems accept.
const LONGEST_NAME: usize = 4_096;
/// Most characters of a key that are kept; the longest key of the table has half as many.
const LONGEST_KEY: usize = 80;

/// One value as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    /// `section.key`.
    pub(super) path: String,
    /// The value.
    pub(super) raw: Raw,
    /// Where.
    pub(super) place: Source,
}

/// Reads a file; what is wrong with it as a file goes to `errors`.
pub(super) fn read(path: &Path, errors: &mut ConfigErrors) -> Vec<Written> {
    let name = super::secret::escaped(&path.display().to_string(), LONGEST_NAME);
    match text_of(path) {
        Ok(text) => values(&name, &text, errors),
        Err(problem) => {
            errors.add(Source::File(name, 0), problem);
            Vec::new()
        }
    }
}

fn text_of(path: &Path) -> Result<String, Problem> {
    let unreadable = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => Problem::Missing,
        _ => Problem::Unreadable(error.to_string()),
    };
    let meta = std::fs::metadata(path).map_err(unreadable)?;
    if !meta.is_file() {
        return Err(Problem::NotAFile);
    }
    if meta.len() > LARGEST {
        return Err(Problem::TooBig(meta.len()));
    }
    let mut bytes = Vec::new();
    // The file may grow between the question and the reading, so the reading is bounded too.
    std::fs::File::open(path).and_then(|file| file.take(LARGEST).read_to_end(&mut bytes)).map_err(unreadable)?;
    let text = String::from_utf8(bytes).map_err(|_| Problem::NotUtf8)?;
    Ok(unmarked(&text).to_owned())
}

/// The values of a text, in the order of its lines. A text that is not TOML gives only errors.
pub(super) fn values(name: &str, text: &str, errors: &mut ConfigErrors) -> Vec<Written> {
    let lines = Lines::of(text);
    let (document, mut malformed) = DeTable::parse_recoverable(text);
    malformed.sort_by_key(|error| error.span().map_or(0, |span| span.start));
    let mut last = 0;
    for error in &malformed {
        let line = lines.at(error.span().map_or(0, |span| span.start));
        // One slip makes the parser stumble several times in its line; the first is the one to mend.
        if line != last {
            errors.add(Source::File(name.to_owned(), line), Problem::Malformed(error.message().to_owned()));
        }
        last = line;
    }
    if !malformed.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    Walk { found: &mut found }.table("", document.get_ref());
    found.sort_by_key(|(place, _, _)| *place);
    let written = |(place, path, raw)| Written { path, raw, place: Source::File(name.to_owned(), lines.at(place)) };
    found.into_iter().map(written).collect()
}

struct Walk<'a> {
    found: &'a mut Vec<(usize, String, Raw)>,
}

impl Walk<'_> {
    /// Recursion is bounded by the parser, which refuses more than 80 levels.
    fn table(&mut self, above: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let path = below(above, key.get_ref());
            match value.get_ref() {
                // An empty section is fine, an empty unknown one is not: it is kept so that its name is judged.
                DeValue::Table(inner) if !inner.is_empty() => self.table(&path, inner),
                other => self.found.push((key.span().start, path, raw(other))),
            }
        }
    }
}

/// A path one level down, cut where no key is as long: a file of one long section name and many keys would otherwise
/// become as many long paths (invariant I10).
fn below(above: &str, key: &str) -> String {
    let key: String = key.chars().take(LONGEST_KEY).collect();
    if above.is_empty() {
        key
    } else if above.len() > 2 * LONGEST_KEY {
        above.to_owned()
    } else {
        format!("{above}.{key}")
    }
}

fn raw(value: &DeValue<'_>) -> Raw {
    match value {
        DeValue::String(text) => Raw::Text(text.to_string()),
        DeValue::Integer(number) => Raw::Integer((number.radix() == 10).then(|| number.as_str().to_owned())),
        DeValue::Float(number) => Raw::Float(number.as_str().to_owned()),
        DeValue::Boolean(on) => Raw::Switch(*on),
        DeValue::Datetime(_) => Raw::Other("a date"),
        DeValue::Array(items) => Raw::List(items.iter().map(|item| raw(item.get_ref())).collect()),
        DeValue::Table(_) => Raw::Other("a table"),
    }
}

/// Where each line ends, to give lines to places.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(place, _)| place).collect())
    }

    /// The line, from 1, of a place in bytes.
    fn at(&self, place: usize) -> usize {
        self.0.partition_point(|end| *end < place) + 1
    }
}
