//! Recorded frames of a venue, read one by one from a file, plain or gzipped.
//!
//! Two forms of a line are known: `<receive time in ns> <message>` and a JSON object with the receive time (`t_ns` in
//! nanoseconds or `t` in seconds) and the message's text (`raw`). Nothing is interpreted here but whether a message looks
//! like the answer of a depth request. Lines are bounded, so a damaged or hostile file cannot fill the memory (fault X06).
//! Tests stand at the end of the file and in `tests/suite/wire.rs`.

use crate::domain::{Span, WallTime, decimal};
use flate2::bufread::MultiGzDecoder;
use serde::Deserialize;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Longest line accepted, in bytes: the largest frame, escaped, and room for the time.
pub const MAX_LINE: u64 = 9 * 1024 * 1024;

/// One recorded message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// When it was received here.
    pub at: WallTime,
    /// The message as received.
    pub bytes: Vec<u8>,
    /// Whether it is the answer of a depth request: it has a `lastUpdateId` and is no message of a stream.
    pub is_snapshot: bool,
    /// Its line in the file, from 1.
    pub line: u64,
}

/// Why a recording cannot be read.
#[derive(Debug, Error)]
pub enum FramesError {
    /// The file cannot be opened or read, or its compression is damaged.
    #[error("{}:{line}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The line that was being read; 0 before the first.
        line: u64,
        /// What the system says.
        source: io::Error,
    },
    /// A line longer than [`MAX_LINE`].
    #[error("{}:{line}: longer than {MAX_LINE} bytes", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The line.
        line: u64,
    },
    /// A line of neither form.
    #[error("{}:{line}: {expected}", path.display())]
    BadLine {
        /// The file.
        path: PathBuf,
        /// The line.
        line: u64,
        /// What was expected.
        expected: &'static str,
    },
}

/// The frames of one file in order; it ends at the first error.
pub struct Frames {
    path: PathBuf,
    reader: Box<dyn BufRead + Send>,
    line: u64,
    buffer: Vec<u8>,
    ended: bool,
}

#[derive(Deserialize)]
struct JsonLine {
    t_ns: Option<i64>,
    t: Option<f64>,
    raw: String,
}

impl Frames {
    /// Opens a recording; compression is recognised by its first bytes, not by its name.
    ///
    /// # Errors
    /// [`FramesError::Read`] when it cannot be opened or read.
    pub fn open(path: &Path) -> Result<Self, FramesError> {
        let failed = |source| FramesError::Read { path: path.to_owned(), line: 0, source };
        let mut file = BufReader::with_capacity(1 << 16, File::open(path).map_err(failed)?);
        let gzipped = file.fill_buf().map_err(failed)?.starts_with(&[0x1f, 0x8b]);
        let reader: Box<dyn BufRead + Send> = if gzipped {
            Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(file)))
        } else {
            Box::new(file)
        };
        Ok(Self { path: path.to_owned(), reader, line: 0, buffer: Vec::new(), ended: false })
    }

    fn read_line(&mut self) -> Result<bool, FramesError> {
        self.buffer.clear();
        self.line += 1;
        let limited = &mut self.reader.as_mut().take(MAX_LINE);
        let read = limited.read_until(b'\n', &mut self.buffer);
        match read {
            Ok(0) => Ok(false),
            Ok(_) if self.buffer.ends_with(b"\n") => {
                self.buffer.pop();
                if self.buffer.ends_with(b"\r") {
                    self.buffer.pop();
                }
                Ok(true)
            }
            Ok(count) if u64::try_from(count).is_ok_and(|count| count >= MAX_LINE) => {
                Err(FramesError::TooLong { path: self.path.clone(), line: self.line })
            }
            Ok(_) => Ok(true),
            Err(source) => Err(FramesError::Read { path: self.path.clone(), line: self.line, source }),
        }
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, FramesError> {
        loop {
            if !self.read_line()? {
                return Ok(None);
            }
            if self.buffer.iter().any(|byte| !byte.is_ascii_whitespace()) {
                break;
            }
        }
        let parsed = if self.buffer.starts_with(b"{") { json_line(&self.buffer) } else { plain_line(&self.buffer) };
        let (at, bytes) =
            parsed.map_err(|expected| FramesError::BadLine { path: self.path.clone(), line: self.line, expected })?;
        let is_snapshot = is_snapshot(&bytes);
        Ok(Some(Frame { at, bytes, is_snapshot, line: self.line }))
    }
}

impl Iterator for Frames {
    type Item = Result<Frame, FramesError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.next_frame().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

/// The names of an answer have no order.
fn is_snapshot(bytes: &[u8]) -> bool {
    bytes.starts_with(b"{\"lastUpdateId\"")
        || std::str::from_utf8(bytes).is_ok_and(|text| {
            text.contains("\"lastUpdateId\"") && !text.contains("\"stream\"") && !text.contains("\"e\"")
        })
}

fn plain_line(line: &[u8]) -> Result<(WallTime, Vec<u8>), &'static str> {
    let expected = "expected `<receive time in ns> <message>` or a JSON object with `t_ns` and `raw`";
    let place = line.iter().position(|byte| *byte == b' ').ok_or(expected)?;
    let (time, message) = line.split_at_checked(place).ok_or(expected)?;
    let nanoseconds: i64 = std::str::from_utf8(time).ok().and_then(|time| time.parse().ok()).ok_or(expected)?;
    let message = message.strip_prefix(b" ").ok_or(expected)?;
    Ok((from_nanoseconds(nanoseconds)?, message.to_vec()))
}

fn json_line(line: &[u8]) -> Result<(WallTime, Vec<u8>), &'static str> {
    let expected = "expected a JSON object with `t_ns` (ns) or `t` (s), and `raw`";
    let parsed: JsonLine = serde_json::from_slice(line).map_err(|_| expected)?;
    let at = match (parsed.t_ns, parsed.t) {
        (Some(nanoseconds), _) => from_nanoseconds(nanoseconds)?,
        (None, Some(seconds)) => from_seconds(seconds)?,
        (None, None) => return Err(expected),
    };
    Ok((at, parsed.raw.into_bytes()))
}

/// Fault B17: a receive time in another unit would make every age wrong.
fn from_nanoseconds(nanoseconds: i64) -> Result<WallTime, &'static str> {
    let known = 1_388_534_400_000_000_000..4_102_444_800_000_000_000;
    let time = known.contains(&nanoseconds).then(|| WallTime(nanoseconds.div_euclid(1_000_000)));
    time.ok_or("expected the receive time in nanoseconds since 1970")
}

fn from_seconds(seconds: f64) -> Result<WallTime, &'static str> {
    let expected = "expected the receive time in seconds since 1970";
    let units = decimal::from_double(seconds).map_err(|_| expected)?;
    let time = WallTime(0) + Span(units.div_euclid(100_000));
    if (1_388_534_400_000..4_102_444_800_000).contains(&time.0) { Ok(time) } else { Err(expected) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write as _;

    fn read(bytes: &[u8]) -> Vec<Result<Frame, String>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("frames.jsonl");
        std::fs::write(&path, bytes).unwrap();
        Frames::open(&path).unwrap().map(|frame| frame.map_err(|error| error.to_string())).collect()
    }

    fn error_of(bytes: &[u8]) -> String {
        let frames = read(bytes);
        let error = frames.last().unwrap().clone().unwrap_err();
        error.rsplit_once("frames.jsonl:").unwrap().1.to_owned()
    }

    #[test]
    fn both_forms_are_read_plain_or_gzipped() {
        let text = concat!(
            "1700000000123456789 {\"e\":\"x\"}\n",
            "\n",
            "{\"t_ns\":1700000000124999999,\"raw\":\"{\\\"lastUpdateId\\\":1}\"}\r\n",
            "{\"t\": 1700000000.1259, \"dir\": \"in\", \"raw\": \"{}\"}\n",
            "1700000000126000000 {\"asks\":[],\"bids\":[],\"lastUpdateId\":2}\n",
            "1700000000127000000 {\"data\":{\"lastUpdateId\":3},\"stream\":\"x@depth5\"}\n",
        );
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        for bytes in [text.as_bytes().to_vec(), encoder.finish().unwrap()] {
            let frames: Vec<Frame> = read(&bytes).into_iter().map(Result::unwrap).collect();
            let seen: Vec<_> = frames.iter().map(|f| (f.at.0, f.bytes.as_slice(), f.is_snapshot, f.line)).collect();
            assert_eq!(
                seen,
                [
                    (1_700_000_000_123, b"{\"e\":\"x\"}".as_slice(), false, 1),
                    (1_700_000_000_124, b"{\"lastUpdateId\":1}", true, 3),
                    (1_700_000_000_125, b"{}", false, 4),
                    (1_700_000_000_126, b"{\"asks\":[],\"bids\":[],\"lastUpdateId\":2}", true, 5),
                    (1_700_000_000_127, b"{\"data\":{\"lastUpdateId\":3},\"stream\":\"x@depth5\"}", false, 6),
                ]
            );
        }
    }

    #[test]
    fn errors_name_the_line_and_what_was_expected() {
        assert!(error_of(b"1700000000123456789 {}\nhello\n").starts_with("2: expected `<receive time in ns>"));
        assert!(error_of(b"{\"raw\":\"{}\"}").starts_with("1: expected a JSON object with `t_ns`"));
        assert!(error_of(b"{\"t_ns\":1,").starts_with("1: expected a JSON object"));
        let cut = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2];
        assert!(error_of(&cut).starts_with("1: "), "{}", error_of(&cut));
        let missing = Frames::open(Path::new("no/such/file")).err().unwrap().to_string();
        assert!(missing.starts_with("no/such/file:0: "), "{missing}");
    }

    #[test]
    fn b17_receive_times_in_another_unit_are_refused() {
        assert!(error_of(b"1700000000123 {}").contains("nanoseconds"));
        assert!(error_of(b"{\"t\":1700000000123.0,\"raw\":\"\"}").contains("seconds since 1970"));
    }

    #[test]
    fn x06_a_line_without_an_end_is_refused_before_it_fills_the_memory() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let block = vec![b'7'; 1 << 20];
        for _ in 0..32 {
            encoder.write_all(&block).unwrap();
        }
        assert!(error_of(&encoder.finish().unwrap()).starts_with("1: longer than"));
    }
}
