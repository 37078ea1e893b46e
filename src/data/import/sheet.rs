//! A file as sheets of cells: CSV with or without a header, JSON of exchanges and of ccxt, and zip archives of CSV.
//!
//! Text may begin with a byte-order mark. Sizes are bounded (fault X06); links, paths and other entries of an archive are
//! never written anywhere (fault X12).

use crate::data::columns::open_regular;
use crate::data::error::{DataError, Place, escaped};
use crate::domain::text::unmarked;
use serde_json::Value;
use std::io::Read as _;
use std::path::Path;

/// Most bytes of one file or of one entry of an archive, unpacked.
const LARGEST: u64 = 512 << 20;
/// Most entries of an archive: one for each day of ten years.
const MOST_ENTRIES: usize = 4_000;

/// Cells of one file or entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sheet {
    /// Where it came from: the file, and the entry of an archive.
    pub name: String,
    /// `csv` or `json`.
    pub form: &'static str,
    /// Names of the columns; none when the file says none.
    pub names: Vec<String>,
    /// Cells with the place of their row.
    pub rows: Vec<(Place, Vec<String>)>,
}

/// The sheets of a file.
///
/// # Errors
/// [`DataError`] when it is no CSV, JSON or zip, or too large.
pub fn sheets(file: &Path) -> Result<Vec<Sheet>, DataError> {
    let mut bytes = Vec::new();
    let io = |source| DataError::io(file, source);
    open_regular(file)?.take(LARGEST + 1).read_to_end(&mut bytes).map_err(io)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LARGEST {
        return Err(DataError::row(file, Place::Line(1, 1), "is larger than 512 MB"));
    }
    let name = file.display().to_string();
    if bytes.starts_with(b"PK\x03\x04") {
        return unpacked(file, bytes);
    }
    sheet(file, name, &bytes).map(|sheet| vec![sheet])
}

/// The CSV and JSON entries of an archive, in order of name.
fn unpacked(file: &Path, bytes: Vec<u8>) -> Result<Vec<Sheet>, DataError> {
    let failed =
        |problem: String| DataError::row(file, Place::Line(1, 1), format!("is not a whole zip archive: {problem}"));
    let mut archive =
        zip::ZipArchive::new(std::io::Cursor::new(bytes)).map_err(|problem| failed(problem.to_string()))?;
    if archive.len() > MOST_ENTRIES {
        return Err(failed(format!("it has more than {MOST_ENTRIES} entries")));
    }
    let mut out = Vec::new();
    for number in 0..archive.len() {
        let entry = archive.by_index(number).map_err(|problem| failed(problem.to_string()))?;
        let name = entry.name().to_owned();
        let wanted = [".csv", ".json"].iter().any(|end| name.to_ascii_lowercase().ends_with(end));
        if !entry.is_file() || !wanted {
            continue;
        }
        let mut text = Vec::new();
        entry.take(LARGEST + 1).read_to_end(&mut text).map_err(|problem| failed(problem.to_string()))?;
        if u64::try_from(text.len()).unwrap_or(u64::MAX) > LARGEST {
            return Err(failed(format!("{} is larger than 512 MB", escaped(&name, 80))));
        }
        out.push(sheet(file, format!("{}:{}", file.display(), escaped(&name, 120)), &text)?);
    }
    if out.is_empty() {
        return Err(failed("no CSV or JSON file is in it".to_owned()));
    }
    out.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(out)
}

fn sheet(file: &Path, name: String, bytes: &[u8]) -> Result<Sheet, DataError> {
    let text = std::str::from_utf8(bytes).map_err(|_| {
        DataError::row(file, Place::Line(1, 1), "is not UTF-8 text; expected CSV, JSON or a zip of CSV")
    })?;
    let text = unmarked(text);
    if text.trim_start().starts_with(['[', '{']) {
        return json(file, name, text);
    }
    csv(file, name, text)
}

/// A first line of which no cell is a number is a header.
fn csv(file: &Path, name: String, text: &str) -> Result<Sheet, DataError> {
    let first = text.lines().next().unwrap_or_default();
    let most = [b',', b';', b'\t'].into_iter().max_by_key(|mark| first.bytes().filter(|byte| byte == mark).count());
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(most.unwrap_or(b','))
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut sheet = Sheet { name, form: "csv", ..Sheet::default() };
    for record in reader.records() {
        let record = record.map_err(|problem| DataError::row(file, Place::Line(1, 1), problem.to_string()))?;
        let line = record.position().map_or(0, csv::Position::line);
        let cells: Vec<String> = record.iter().map(str::to_owned).collect();
        let is_header = sheet.rows.is_empty() && cells.iter().all(|cell| cell.parse::<f64>().is_err());
        if is_header && sheet.names.is_empty() {
            sheet.names = cells;
        } else {
            sheet.rows.push((Place::Line(line, 1), cells));
        }
    }
    Ok(sheet)
}

fn json(file: &Path, name: String, text: &str) -> Result<Sheet, DataError> {
    let whole: Value = serde_json::from_str(text).map_err(|problem| {
        let place = Place::Line(u64::try_from(problem.line()).unwrap_or(0), problem.column());
        DataError::row(file, place, "is not JSON here; expected one whole document")
    })?;
    let Some(list) = listed(&whole) else {
        let problem = "holds no list of rows; expected one, or one in `data`, `result` or `result.list`";
        return Err(DataError::row(file, Place::Line(1, 1), problem));
    };
    let mut sheet = Sheet { name, form: "json", ..Sheet::default() };
    for (number, row) in list.iter().enumerate() {
        let place = Place::Row(number + 1);
        match row {
            Value::Array(cells) => sheet.rows.push((place, cells.iter().map(cell).collect())),
            Value::Object(fields) => {
                for name in fields.keys().filter(|name| *name != "info") {
                    if !sheet.names.contains(name) {
                        sheet.names.push(name.clone());
                    }
                }
                let value = |name: &String| fields.get(name).map_or_else(String::new, cell);
                sheet.rows.push((place, sheet.names.iter().map(value).collect()));
            }
            _ => return Err(DataError::row(file, place, "is neither a list nor an object")),
        }
    }
    Ok(sheet)
}

/// The rows of a document: itself, or a list that the usual words name.
fn listed(value: &Value) -> Option<&Vec<Value>> {
    match value {
        Value::Array(list) => Some(list),
        Value::Object(fields) => ["data", "result", "list", "rows"].iter().find_map(|word| listed(fields.get(*word)?)),
        _ => None,
    }
}

/// A value as the text of a cell; a nested one is nothing.
fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Bool(_) | Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
    }
}
