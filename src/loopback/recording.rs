//! A recorded market: the frames of each leg in their order, read as time comes to them, and the books that they make.
//!
//! The venue's own reading of the messages; it shares nothing with the adapters but the form of a line. A change that
//! does not follow the one before leaves the book as it was until the next snapshot. Tests stand at the end of the file and
//! in `tests/suite/venue_replay.rs`.

use super::LoopbackError;
use crate::domain::{Instrument, Market, Price, Quantity, Rate, WallTime};
use crate::sim::generator::Ladder;
use crate::venues::frames::Frames;
use serde_json::Value;
use std::collections::VecDeque;
use std::path::PathBuf;

/// Changes that wait for a snapshot.
const HELD: usize = 20_000;

/// What is recorded of one pair.
#[derive(Debug, Clone)]
pub struct RecordedPair {
    /// The spot leg's rules.
    pub spot: Instrument,
    /// The perp leg's rules.
    pub perp: Instrument,
    /// Files of spot and of perp, each in order of time.
    pub files: [Vec<PathBuf>; 2],
}

/// What a frame changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// The whole book.
    Book(Ladder),
    /// Some levels; a size of zero takes the level away.
    Levels(Ladder),
    /// Mark and index; the running estimate of funding and the time of its settlement, where they are recorded.
    Mark { mark: Price, index: Option<Price>, funding: Option<(Rate, WallTime)> },
    /// A trade of others; whether the buyer rested.
    Trade { price: Price, quantity: Quantity, buyer_rested: bool },
}

/// A message as it is read.
#[derive(Debug, Clone)]
enum Heard {
    Snapshot(u64, Ladder),
    Change(Change),
    Other(Step),
}

#[derive(Debug, Clone)]
struct Change {
    first: u64,
    last: u64,
    /// The id before, on a perp.
    before: Option<u64>,
    levels: Ladder,
}

/// Snapshots and changes of one book, joined by the venue's rule.
#[derive(Debug, Default)]
struct Joint {
    last: Option<u64>,
    /// No change has followed the snapshot yet.
    fresh: bool,
    held: VecDeque<Change>,
}

/// One leg of a recording.
struct Leg {
    pair: usize,
    market: Market,
    files: VecDeque<PathBuf>,
    frames: Option<Frames>,
    joint: Joint,
    /// What the next frame changes, and when it was received; never before the one before it.
    next: Option<(WallTime, Heard)>,
    at: WallTime,
}

/// All legs, and how far they were read.
pub(crate) struct Recording {
    legs: Vec<Leg>,
    /// Changes that did not follow, and messages that could not be read.
    pub(crate) gaps: u64,
    pub(crate) refused: u64,
    /// When the last frame was received.
    pub(crate) last: WallTime,
}

impl Recording {
    /// Opens the files.
    ///
    /// # Errors
    /// [`LoopbackError::Recording`] when one cannot be read or a leg has no frame.
    pub(crate) fn open(pairs: &[RecordedPair]) -> Result<Self, LoopbackError> {
        let mut legs = Vec::new();
        for (pair, recorded) in pairs.iter().enumerate() {
            for (market, files) in [Market::Spot, Market::Perp].into_iter().zip(&recorded.files) {
                legs.push(Leg {
                    pair,
                    market,
                    files: files.iter().cloned().collect(),
                    frames: None,
                    joint: Joint::default(),
                    next: None,
                    at: WallTime(0),
                });
            }
        }
        let mut recording = Self { legs, gaps: 0, refused: 0, last: WallTime(0) };
        for place in 0..recording.legs.len() {
            recording.read(place)?;
            if let Some(leg) = recording.legs.get(place).filter(|leg| leg.next.is_none()) {
                return Err(LoopbackError::Recording(format!("the {} leg has no frame", leg.market)));
            }
        }
        Ok(recording)
    }

    /// When the next frame was received; `None` after the last one.
    pub(crate) fn next(&self) -> Option<WallTime> {
        self.legs.iter().filter_map(|leg| leg.next.as_ref().map(|(at, _)| *at)).min()
    }

    /// Takes the next frame: whose leg it is, and what it changes.
    pub(crate) fn take(&mut self) -> Option<(usize, Market, Vec<Step>)> {
        let at = self.next()?;
        let place = self.legs.iter().position(|leg| leg.next.as_ref().is_some_and(|(next, _)| *next == at))?;
        self.last = self.last.max(at);
        let leg = self.legs.get_mut(place)?;
        let (_, heard) = leg.next.take()?;
        let steps = match heard {
            Heard::Other(step) => vec![step],
            Heard::Snapshot(last, book) => leg.joint.snapshot(last, book),
            Heard::Change(change) => leg.joint.change(change, &mut self.gaps),
        };
        let (pair, market) = (leg.pair, leg.market);
        if let Err(error) = self.read(place) {
            // What was read so far stands; this leg has no more.
            tracing::error!(%error, "the recording breaks off");
        }
        Some((pair, market, steps))
    }

    /// Reads up to the leg's next frame that changes something.
    fn read(&mut self, place: usize) -> Result<(), LoopbackError> {
        let failed = |error: &dyn std::fmt::Display| LoopbackError::Recording(error.to_string());
        let Some(leg) = self.legs.get_mut(place) else { return Ok(()) };
        loop {
            let Some(frames) = leg.frames.as_mut() else {
                let Some(file) = leg.files.pop_front() else { return Ok(()) };
                leg.frames = Some(Frames::open(&file).map_err(|error| failed(&error))?);
                continue;
            };
            let Some(frame) = frames.next() else {
                leg.frames = None;
                continue;
            };
            let frame = match frame {
                Ok(frame) => frame,
                Err(error) => {
                    (leg.frames, leg.files) = (None, VecDeque::new());
                    return Err(failed(&error));
                }
            };
            // Frames of a leg keep their order, whatever their times say.
            leg.at = leg.at.max(frame.at);
            let Some(text) = useful(&frame.bytes) else { continue };
            if let Some(heard) = heard(text) {
                leg.next = Some((leg.at, heard));
                return Ok(());
            }
            self.refused += 1;
        }
    }
}

impl Joint {
    fn snapshot(&mut self, last: u64, book: Ladder) -> Vec<Step> {
        if self.last.is_some_and(|known| last <= known) {
            // The answer to a question from before: the book knows more already.
            return Vec::new();
        }
        (self.last, self.fresh) = (Some(last), true);
        let mut steps = vec![Step::Book(book)];
        let mut none = 0;
        for change in std::mem::take(&mut self.held) {
            steps.extend(self.change(change, &mut none));
        }
        steps
    }

    fn change(&mut self, change: Change, gaps: &mut u64) -> Vec<Step> {
        let Some(last) = self.last else {
            self.hold(change);
            return Vec::new();
        };
        // On a perp the first change may end with the snapshot's own id.
        let joins = self.fresh && change.before.is_some();
        let stale = if joins { change.last < last } else { change.last <= last };
        if stale {
            return Vec::new();
        }
        let follows = match (self.fresh, change.before) {
            (true, Some(_)) => change.first <= last,
            (true, None) => change.first <= last + 1,
            (false, Some(before)) => before == last,
            (false, None) => change.first == last + 1,
        };
        if !follows {
            *gaps += 1;
            self.last = None;
            self.hold(change);
            return Vec::new();
        }
        (self.last, self.fresh) = (Some(change.last), false);
        vec![Step::Levels(change.levels)]
    }

    fn hold(&mut self, change: Change) {
        self.held.push_back(change);
        if self.held.len() > HELD {
            self.held.pop_front();
        }
    }
}

/// The text of a message that may change something; best quotes, confirmations and the like do not.
fn useful(bytes: &[u8]) -> Option<&str> {
    let words = ["\"depthUpdate\"", "\"markPriceUpdate\"", "\"trade\"", "\"lastUpdateId\""];
    std::str::from_utf8(bytes).ok().filter(|text| words.iter().any(|word| text.contains(word)))
}

/// What a message says; `None` when it cannot be read.
fn heard(text: &str) -> Option<Heard> {
    let value: Value = serde_json::from_str(text).ok()?;
    let message = value.get("data").unwrap_or(&value);
    if let Some(last) = message.get("lastUpdateId") {
        let book = Ladder { bids: levels(message.get("bids"))?, asks: levels(message.get("asks"))? };
        return Some(Heard::Snapshot(last.as_u64()?, book));
    }
    let number = |name: &str| message.get(name).and_then(Value::as_u64);
    let price = |name: &str| message.get(name).and_then(Value::as_str).and_then(|text| Price::parse(text).ok());
    Some(match message.get("e")?.as_str()? {
        "depthUpdate" => Heard::Change(Change {
            first: number("U")?,
            last: number("u")?,
            before: number("pu"),
            levels: Ladder { bids: levels(message.get("b"))?, asks: levels(message.get("a"))? },
        }),
        "markPriceUpdate" => {
            let rate = message.get("r").and_then(Value::as_str).and_then(|text| Rate::parse(text).ok());
            let next = message.get("T").and_then(Value::as_i64).filter(|at| *at > 0).map(WallTime);
            Heard::Other(Step::Mark { mark: price("p")?, index: price("i"), funding: rate.zip(next) })
        }
        "trade" => Heard::Other(Step::Trade {
            price: price("p")?,
            quantity: message.get("q").and_then(Value::as_str).and_then(|text| Quantity::parse(text).ok())?,
            buyer_rested: message.get("m")?.as_bool()?,
        }),
        _ => return None,
    })
}

fn levels(rows: Option<&Value>) -> Option<Vec<(Price, Quantity)>> {
    let level = |row: &Value| {
        let text = |place: usize| row.get(place).and_then(Value::as_str);
        Some((Price::parse(text(0)?).ok()?, Quantity::parse(text(1)?).ok()?))
    };
    rows?.as_array()?.iter().map(level).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(first: u64, last: u64, before: Option<u64>) -> Change {
        Change { first, last, before, levels: Ladder::default() }
    }

    #[test]
    fn b01_a_book_follows_its_changes_and_a_gap_waits_for_the_next_snapshot() {
        let check = |before: fn(u64) -> Option<u64>| {
            let (mut joint, mut gaps) = (Joint::default(), 0);
            let mut take =
                |joint: &mut Joint, first, last, of| joint.change(change(first, last, before(of)), &mut gaps).len();
            assert_eq!(take(&mut joint, 5, 8, 4), 0, "no snapshot yet");
            assert_eq!(take(&mut joint, 9, 12, 8), 0);
            // The first is old, the second joins.
            assert_eq!(joint.snapshot(10, Ladder::default()).len(), 2);
            assert_eq!(take(&mut joint, 13, 14, 12), 1);
            assert_eq!(take(&mut joint, 13, 14, 12), 0, "told twice");
            assert_eq!(joint.snapshot(11, Ladder::default()), [], "older than what is known");
            assert_eq!(take(&mut joint, 17, 18, 16), 0, "15 and 16 are missing");
            assert_eq!(take(&mut joint, 19, 20, 18), 0);
            assert_eq!(joint.snapshot(18, Ladder::default()).len(), if before(0).is_some() { 3 } else { 2 });
            assert_eq!(take(&mut joint, 21, 22, 20), 1);
            assert_eq!(gaps, 1);
        };
        check(|_| None);
        check(Some);
    }

    #[test]
    fn messages_are_read_or_left_out_and_nonsense_is_counted() {
        assert_eq!(useful(br#"{"result":null,"id":1}"#), None);
        assert_eq!(useful(b"\"trade\" \xff"), None);
        assert!(useful(br#"{"e":"trade"}"#).is_some() && heard(r#"{"e":"trade"}"#).is_none());
        let mark =
            r#"{"stream":"x","data":{"e":"markPriceUpdate","p":"100.5","i":"100","r":"0.0001","T":1735718400000}}"#;
        let Some(Heard::Other(Step::Mark { funding, .. })) = heard(mark) else { panic!() };
        assert_eq!(funding, Rate::parse("0.0001").ok().zip(Some(WallTime(1_735_718_400_000))));
        let trade = r#"{"e":"trade","p":"100","q":"0.5","m":true}"#;
        assert!(matches!(heard(trade), Some(Heard::Other(Step::Trade { buyer_rested: true, .. }))));
        let snapshot = r#"{"lastUpdateId":7,"bids":[["1","2"]],"asks":[]}"#;
        let Some(Heard::Snapshot(7, book)) = heard(snapshot) else { panic!() };
        assert_eq!((book.bids.len(), book.asks.len()), (1, 0));
    }
}
