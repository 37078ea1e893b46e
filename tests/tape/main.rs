//! The tape as a run and a replay use it: round trips, interrupted writes, damage, rotation, resuming.
//!
//! The framing of single blocks is tested in `src/tape/block.rs`.
#![expect(clippy::unwrap_used, reason = "helpers of a test stop at the first surprise")]

mod any_event;

use carry::domain::contract::Contract;
use carry::domain::{Catalogue, InstrumentId, Price, Quantity, Sequence, WallTime};
use carry::port::event::Quote;
use carry::port::{Event, Stamped};
use carry::tape::{Damage, Header, Limits, Note, TapeError, TapeReader, TapeWriter, canonical};
use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};

/// Small enough that a handful of events makes several blocks.
const SMALL: Limits = Limits { block_events: 4, block_bytes: 1 << 20, file_bytes: 1 << 20 };

fn header() -> Header {
    Header {
        mode: "paper".to_owned(),
        market: "sim".to_owned(),
        seed: u64::MAX,
        strategy_sha256: "00ff".to_owned(),
        settings: canonical(&carry::config::Settings::default()).unwrap(),
        catalogue: Catalogue::default(),
    }
}

fn quote(number: u64) -> Stamped {
    // A slow walk of both prices with changing depths, as a busy book prints.
    let noise = number.wrapping_mul(6_364_136_223_846_793_005).rotate_left(29);
    let unit = |value: u64| i64::try_from(value).unwrap();
    let mid = 6_000_000_000_000 + unit(number % 50_000) * 1_000_000 + unit(noise % 977) * 1_000_000;
    let at = WallTime(1_700_000_000_000 + unit(number) * 7);
    let quote = Quote {
        bid: Price::from_units(mid - 5_000_000).unwrap(),
        ask: Price::from_units(mid + 5_000_000).unwrap(),
        bid_depth: Quantity::from_units(unit(noise % 90_000) * 100_000).unwrap(),
        ask_depth: Quantity::from_units(unit((noise >> 20) % 90_000) * 100_000).unwrap(),
        venue_time: WallTime(at.0 - 3),
    };
    let instrument = InstrumentId(u16::try_from(number % 20).unwrap());
    Stamped { sequence: Sequence(number), at, event: Event::Quote { instrument, quote } }
}

fn append(writer: &mut TapeWriter, numbers: std::ops::RangeInclusive<u64>) {
    for number in numbers {
        writer.append(&quote(number)).unwrap();
    }
}

/// A completed tape of the events 1 to `last`.
fn tape(last: u64, limits: Limits) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = TapeWriter::create_with(dir.path(), &header(), limits).unwrap();
    append(&mut writer, 1..=last);
    writer.finish("abc123").unwrap();
    dir
}

fn file(dir: &Path, number: usize) -> PathBuf {
    dir.join(format!("tape-{number:06}.zst"))
}

/// Everything a tape gives: numbers of its events, errors as text, notes, digest.
#[derive(Debug, Default, PartialEq)]
struct Read {
    numbers: Vec<u64>,
    errors: Vec<String>,
    notes: Vec<Note>,
    digest: Option<String>,
}

fn read(dir: &Path) -> Read {
    let mut reader = match TapeReader::open(dir) {
        Ok(reader) => reader,
        Err(error) => return Read { errors: vec![error.to_string()], ..Read::default() },
    };
    let mut read = Read::default();
    for item in reader.by_ref() {
        match item {
            Ok(stamped) => {
                assert_eq!(stamped, quote(stamped.sequence.0));
                read.numbers.push(stamped.sequence.0);
            }
            Err(error) => read.errors.push(error.to_string()),
        }
    }
    read.notes = reader.notes().to_vec();
    read.digest = reader.trailer().map(|digest| digest.to_string());
    read
}

/// Offsets at which the blocks of a file begin, found by their first four bytes.
fn blocks(bytes: &[u8]) -> Vec<usize> {
    let starts = bytes.windows(8).enumerate().filter(|(_, window)| *window == [0x5c, 0x2a, 0x4d, 0x18, 28, 0, 0, 0]);
    starts.map(|(place, _)| place).collect()
}

#[test]
fn a_completed_tape_gives_back_header_events_and_digest() {
    let dir = tape(10, SMALL);
    let reader = TapeReader::open(dir.path()).unwrap();
    assert_eq!(reader.header(), &header());
    assert_eq!(reader.trailer(), None, "the digest is known at the end only");
    let expected = Read { numbers: (1..=10).collect(), digest: Some("abc123".to_owned()), ..Read::default() };
    assert_eq!(read(dir.path()), expected);
}

#[test]
fn a_tape_is_a_zstandard_file_of_json_lines() {
    let dir = tape(2, SMALL);
    let text = zstd::decode_all(fs::File::open(file(dir.path(), 1)).unwrap()).unwrap();
    let lines: Vec<serde_json::Value> = text
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[0]["schema"], 2);
    assert_eq!(lines[1]["event"]["event"], "quote");
    assert_eq!(lines[3]["digest"], "abc123");
}

#[test]
fn a_new_tape_is_refused_where_there_is_one_and_reading_nothing_says_so() {
    let dir = tape(1, SMALL);
    assert!(matches!(TapeWriter::create(dir.path(), &header()), Err(TapeError::Exists { .. })));
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(TapeReader::open(empty.path()), Err(TapeError::NoTape { .. })));
    assert!(matches!(TapeWriter::resume(empty.path(), Sequence(1)), Err(TapeError::NoTape { .. })));
    assert!(matches!(TapeReader::open(&empty.path().join("none")), Err(TapeError::Io { .. })));
}

#[test]
fn g21_a_tail_torn_at_every_byte_is_cut_with_a_note() {
    let dir = tape(10, SMALL);
    let path = file(dir.path(), 1);
    let whole = fs::read(&path).unwrap();
    let starts = blocks(&whole);
    let (last_events, trailer) = (starts[starts.len() - 2], starts[starts.len() - 1]);
    for length in last_events..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let (kept, start) = if length < trailer { (8, last_events) } else { (10, trailer) };
        let torn = Note::TornTail {
            file: path.clone(),
            offset: u64::try_from(start).unwrap(),
            bytes: u64::try_from(length - start).unwrap(),
        };
        let notes = if length == start { vec![] } else { vec![torn] };
        assert_eq!(
            read(dir.path()),
            Read { numbers: (1..=kept).collect(), notes, ..Read::default() },
            "cut at {length}"
        );
    }
}

#[test]
fn g21_a_bad_checksum_in_the_last_block_is_cut_and_zeroes_after_it_too() {
    let dir = tape(10, SMALL);
    let path = file(dir.path(), 1);
    let mut bytes = fs::read(&path).unwrap();
    let trailer = *blocks(&bytes).last().unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    // A power loss may leave a file longer than what was written, filled with zeroes.
    bytes.extend([0; 100]);
    fs::write(&path, &bytes).unwrap();
    let seen = read(dir.path());
    assert_eq!((seen.numbers.len(), seen.errors.len(), seen.digest), (10, 0, None));
    let cut = u64::try_from(bytes.len() - trailer).unwrap();
    assert!(matches!(seen.notes[..], [Note::TornTail { bytes, .. }] if bytes == cut), "{:?}", seen.notes);
}

#[test]
fn g21_a_changed_byte_before_the_last_block_is_an_error_that_names_file_and_offset() {
    let dir = tape(10, SMALL);
    let path = file(dir.path(), 1);
    let whole = fs::read(&path).unwrap();
    let starts = blocks(&whole);
    let trailer = *starts.last().unwrap();
    for place in 0..trailer {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x40;
        fs::write(&path, &bytes).unwrap();
        let block = starts.iter().rposition(|start| *start <= place).unwrap();
        let seen = read(dir.path());
        assert_eq!(seen.errors.len(), 1, "byte {place}: {seen:?}");
        assert!(seen.errors[0].contains("tape-000001.zst"), "{seen:?}");
        assert_eq!(seen.digest, None);
        if block > 0 {
            assert!(seen.errors[0].contains(&format!("at offset {} is damaged", starts[block])), "{seen:?}");
            assert_eq!(seen.numbers.len(), (block - 1) * SMALL.block_events as usize);
        }
    }
}

#[test]
fn g17_an_unknown_schema_is_refused() {
    let dir = tape(1, SMALL);
    let path = file(dir.path(), 1);
    // The header of a later program: another schema, fields unknown here, a valid checksum.
    let line = b"{\"schema\":3,\"new\":true}\n";
    let packed = zstd::bulk::compress(line, 1).unwrap();
    let mut head = vec![0x5c, 0x2a, 0x4d, 0x18, 28, 0, 0, 0, 1, 0, 0, 0];
    head.extend(u32::try_from(line.len()).unwrap().to_le_bytes());
    head.extend(u32::try_from(packed.len()).unwrap().to_le_bytes());
    head.extend([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let checksum = crc32fast::hash(&[&head[8..], &packed].concat());
    head.extend(checksum.to_le_bytes());
    fs::write(&path, [head, packed].concat()).unwrap();
    assert!(matches!(TapeReader::open(dir.path()), Err(TapeError::UnknownSchema { found: 3, .. })));
    assert!(matches!(TapeWriter::resume(dir.path(), Sequence(1)), Err(TapeError::UnknownSchema { found: 3, .. })));
}

#[test]
fn files_rotate_at_a_size_and_read_as_one() {
    let limits = Limits { file_bytes: 3_000, ..SMALL };
    let dir = tape(200, limits);
    let files = fs::read_dir(dir.path()).unwrap().count();
    assert!(files > 3, "{files}");
    for number in 1..=files {
        assert!(fs::metadata(file(dir.path(), number)).unwrap().len() < 4_000);
    }
    let seen = read(dir.path());
    assert_eq!((seen.numbers, seen.errors, seen.notes), ((1..=200).collect(), vec![], vec![]));
    // A cut in the middle of the files, and a lost file, are damage: no crash explains them.
    let second = fs::read(file(dir.path(), 2)).unwrap();
    fs::write(file(dir.path(), 2), &second[..second.len() - 1]).unwrap();
    assert!(read(dir.path()).errors[0].contains("tape-000002.zst"));
    fs::remove_file(file(dir.path(), 2)).unwrap();
    assert!(matches!(TapeReader::open(dir.path()), Err(TapeError::FileMissing { .. })));
}

#[test]
fn g01_a_resumed_tape_supersedes_what_was_not_durable() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = TapeWriter::create_with(dir.path(), &header(), SMALL).unwrap();
    append(&mut writer, 1..=11);
    writer.flush().unwrap();
    drop(writer);
    let first = file(dir.path(), 1);
    // The crash tore the last write as well.
    let mut bytes = fs::read(&first).unwrap();
    bytes.truncate(bytes.len() - 5);
    fs::write(&first, &bytes).unwrap();

    let mut writer = TapeWriter::resume_with(dir.path(), Sequence(6), SMALL).unwrap();
    assert!(matches!(writer.append(&quote(8)), Err(TapeError::OutOfOrder { expected: Sequence(7), .. })));
    append(&mut writer, 7..=9);
    writer.finish("d2").unwrap();

    let seen = read(dir.path());
    assert_eq!((seen.numbers, seen.errors, seen.digest), ((1..=9).collect(), vec![], Some("d2".to_owned())));
    assert!(
        matches!(&seen.notes[..], [Note::TornTail { .. }, Note::Superseded { events: 2, file }] if *file == first),
        "{:?}",
        seen.notes
    );
    assert_eq!(fs::read(&first).unwrap(), bytes, "nothing on disk was changed");
    assert!(matches!(TapeWriter::resume(dir.path(), Sequence(9)), Err(TapeError::Finished { .. })));
}

#[test]
fn g01_crash_after_crash_keeps_the_latest_word_on_each_event() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = TapeWriter::create_with(dir.path(), &header(), SMALL).unwrap();
    append(&mut writer, 1..=8);
    drop(writer);
    // Resumed twice, the second time before anything reached even the header of its file.
    let writer = TapeWriter::resume_with(dir.path(), Sequence(7), SMALL).unwrap();
    drop(writer);
    fs::write(file(dir.path(), 2), [0x5c, 0x2a]).unwrap();
    let mut writer = TapeWriter::resume_with(dir.path(), Sequence(3), SMALL).unwrap();
    append(&mut writer, 4..=5);
    drop(writer);
    let seen = read(dir.path());
    assert_eq!((seen.numbers, seen.errors), ((1..=5).collect(), vec![]));
    assert!(
        matches!(seen.notes[..], [Note::Superseded { events: 5, .. }, Note::TornTail { bytes: 2, .. }]),
        "{:?}",
        seen.notes
    );
}

#[test]
fn g22_events_that_a_crash_took_are_reported_never_skipped() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = TapeWriter::create_with(dir.path(), &header(), SMALL).unwrap();
    append(&mut writer, 1..=4);
    drop(writer);
    let mut writer = TapeWriter::resume_with(dir.path(), Sequence(9), SMALL).unwrap();
    append(&mut writer, 10..=11);
    drop(writer);
    let seen = read(dir.path());
    assert_eq!(seen.numbers, [1, 2, 3, 4, 10, 11]);
    assert_eq!(seen.errors.len(), 1);
    assert!(seen.errors[0].ends_with("events 5 to 9 are missing"), "{:?}", seen.errors);
}

#[test]
fn g22_a_block_lost_before_the_digest_is_missed() {
    let dir = tape(8, SMALL);
    let path = file(dir.path(), 1);
    let bytes = fs::read(&path).unwrap();
    let starts = blocks(&bytes);
    let without_second = [&bytes[..starts[2]], &bytes[starts[3]..]].concat();
    fs::write(&path, without_second).unwrap();
    let seen = read(dir.path());
    assert_eq!((seen.numbers, seen.errors.len()), ((1..=4).collect(), 1));
    assert!(seen.errors[0].ends_with("events 5 to 8 are missing"), "{:?}", seen.errors);
}

#[test]
fn a_file_of_another_run_is_refused() {
    let dir = tape(4, SMALL);
    let other = tempfile::tempdir().unwrap();
    let writer = TapeWriter::create(other.path(), &Header { seed: 2, ..header() }).unwrap();
    drop(writer);
    fs::copy(file(other.path(), 1), file(dir.path(), 2)).unwrap();
    assert!(matches!(TapeReader::open(dir.path()), Err(TapeError::OtherRun { .. })));
}

#[test]
fn bytes_that_never_were_a_tape_are_a_typed_error() {
    let dir = tempfile::tempdir().unwrap();
    for junk in [&b""[..], b"{}", b"\x28\xb5\x2f\xfd", &[0xff; 4096]] {
        fs::write(file(dir.path(), 1), junk).unwrap();
        let error = TapeReader::open(dir.path()).err().unwrap();
        assert!(matches!(error, TapeError::NoHeader { damage: Damage::Cut | Damage::Head, .. }), "{error}");
    }
}

#[test]
fn quotes_take_less_than_sixty_bytes_each() {
    let dir = tape(50_000, Limits::default());
    let bytes = fs::metadata(file(dir.path(), 1)).unwrap().len();
    assert!(bytes < 50_000 * 60, "{bytes}");
}

#[test]
fn settings_that_are_equal_are_equal_bytes() {
    let value = canonical(&carry::config::Settings::default()).unwrap();
    let keys: Vec<_> = value.as_object().unwrap().keys().collect();
    assert!(keys.is_sorted(), "{keys:?}");
    assert_eq!(canonical(&Contract::Linear { coins: 1 }).unwrap().to_string(), r#"{"coins":1,"kind":"linear"}"#);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_event_survives(events in prop::collection::vec((any_event::any_event(), any::<i64>()), 1..40), first in 0..u64::MAX - 40) {
        let dir = tempfile::tempdir().unwrap();
        let stamped: Vec<Stamped> = events
            .into_iter()
            .zip(first..)
            .map(|((event, at), number)| Stamped { sequence: Sequence(number), at: WallTime(at), event })
            .collect();
        let mut writer = TapeWriter::create_with(dir.path(), &header(), SMALL).unwrap();
        for event in &stamped {
            writer.append(event).unwrap();
        }
        drop(writer);
        let read: Result<Vec<Stamped>, TapeError> = TapeReader::open(dir.path()).unwrap().collect();
        prop_assert_eq!(read.unwrap(), stamped);
    }

    #[test]
    fn no_bytes_after_a_header_make_the_reader_panic(tail in prop::collection::vec(any::<u8>(), 0..200)) {
        let dir = tape(4, SMALL);
        let path = file(dir.path(), 1);
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend(tail);
        fs::write(&path, bytes).unwrap();
        let seen = read(dir.path());
        prop_assert_eq!(seen.numbers, [1, 2, 3, 4]);
    }
}
