//! What a sweep is, before anything of it is played: its sets, folds and parts, the same on every machine.
//!
//! The plan stands in the sweep's folder as `plan.json`. A later command that continues there must have the same one, so that no
//! file ever mixes two sweeps. Tests: at the end and `tests/suite/sweep.rs`.

use crate::config::Loaded;
use crate::config::keys::{self, Key};
use crate::data::history::{Candles, PairHistory};
use crate::domain::WallTime;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Name of the plan in the sweep's folder.
pub const PLAN: &str = "plan.json";
/// Folder of the result files.
pub const RESULTS: &str = "results";
/// Most files of results: enough to share out, few enough to read.
const MOST_PARTS: usize = 64;

/// One set of settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Set {
    /// SHA-256 of all its settings, the first sixteen digits.
    pub id: String,
    /// Values of the varied keys, in their order.
    pub values: Vec<String>,
}

/// A combination that is no set of settings, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Values of the varied keys, in their order.
    pub values: Vec<String>,
    /// What the settings' own check says.
    pub why: String,
}

/// A sweep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// `carry.sweep-plan/1`.
    pub schema: String,
    /// Version of the program.
    pub version: String,
    /// Commit that it was built from, where that is known.
    pub commit: Option<String>,
    /// SHA-256 of the history that is played.
    pub data_sha256: String,
    /// The settings that all sets have, by key.
    pub settings: BTreeMap<String, String>,
    /// Keys that are varied, in their order.
    pub keys: Vec<String>,
    /// Pairs.
    pub pairs: Vec<String>,
    /// Ends of the folds, the first and the last instant included; two of them without folds.
    pub ends_ms: Vec<WallTime>,
    /// Sets by id.
    pub sets: Vec<Set>,
    /// Combinations that are no sets.
    pub left_out: Vec<LeftOut>,
}

/// A part of the work: `2/8` is the second of eight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// From 0.
    pub place: usize,
    /// How many there are.
    pub of: usize,
}

impl Shard {
    /// All of it.
    pub const WHOLE: Self = Self { place: 0, of: 1 };

    /// Reads `I/N`.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (place, of) = text.split_once('/')?;
        let (place, of): (usize, usize) = (place.parse().ok()?, of.parse().ok()?);
        (place >= 1 && place <= of).then(|| Self { place: place - 1, of })
    }
}

impl Plan {
    /// The keys as the table has them.
    #[must_use]
    pub fn axes(&self) -> Vec<&'static Key> {
        self.keys.iter().filter_map(|key| keys::find(key)).collect()
    }

    /// Sets of each result file: neighbours by id, so that every machine cuts alike.
    #[must_use]
    pub fn parts(&self) -> Vec<&[Set]> {
        self.sets.chunks(self.sets.len().div_ceil(MOST_PARTS).max(1)).collect()
    }

    /// Places of the parts of one shard.
    #[must_use]
    pub fn shard(&self, shard: Shard) -> Vec<usize> {
        (0..self.parts().len()).filter(|part| part % shard.of == shard.place).collect()
    }

    /// The file of a part.
    #[must_use]
    pub fn file(folder: &Path, part: usize) -> PathBuf {
        folder.join(RESULTS).join(format!("part-{part:04}.parquet"))
    }

    /// In which field another plan differs; `None` when they are one.
    #[must_use]
    pub fn differs(&self, other: &Self) -> Option<&'static str> {
        let fields = [
            ("the program's version", self.version != other.version || self.commit != other.commit),
            ("the history", self.data_sha256 != other.data_sha256 || self.pairs != other.pairs),
            ("the keys that are varied", self.keys != other.keys),
            ("the settings", self.settings != other.settings),
            ("the times or folds", self.ends_ms != other.ends_ms),
            ("the sets", self.sets != other.sets || self.left_out != other.left_out),
            ("the schema", self.schema != other.schema),
        ];
        fields.into_iter().find(|(_, differs)| *differs).map(|(name, _)| name)
    }
}

/// Settings by key, those left out that decide nothing of a backtest.
#[must_use]
pub fn settings_of(loaded: &Loaded) -> BTreeMap<String, String> {
    let decides = |path: &str| !["alarm.", "live.", "web."].iter().any(|section| path.starts_with(section));
    let decisive = loaded.values.iter().filter(|value| decides(&value.path));
    decisive.map(|value| (value.path.clone(), value.text.clone())).collect()
}

/// The id of settings: the first sixteen digits of the SHA-256 of `key = value` lines in the order of the keys' names.
#[must_use]
pub fn id_of(settings: &BTreeMap<String, String>) -> String {
    let mut hash = Sha256::new();
    for (key, value) in settings {
        hash.update(format!("{key} = {value}\n"));
    }
    hex(&hash.finalize()).chars().take(16).collect()
}

/// SHA-256 of everything that is played.
#[must_use]
pub fn digest_of(histories: &[PairHistory]) -> String {
    let mut hash = Sha256::new();
    for history in histories {
        hash.update(format!("{} {} {} {}\n", history.name, history.spot_symbol, history.coins, history.step));
        for candles in [Some(&history.spot), Some(&history.perp), history.mark.as_ref()].into_iter().flatten() {
            columns(&mut hash, candles);
        }
        for row in &history.funding {
            let mark = row.mark.map_or(0, crate::domain::Price::units);
            for number in [row.stamp.0, row.rate.units(), mark, row.interval.map_or(0, |every| every.span().0)] {
                hash.update(number.to_le_bytes());
            }
        }
        for (stamp, coins) in &history.open_interest {
            hash.update(stamp.0.to_le_bytes());
            hash.update(coins.units().to_le_bytes());
        }
        for segment in &history.segments {
            hash.update(segment.first.0.to_le_bytes());
            hash.update(segment.last.0.to_le_bytes());
        }
    }
    hex(&hash.finalize())
}

fn columns(hash: &mut Sha256, candles: &Candles) {
    let mut numbers: Vec<u8> = Vec::with_capacity(candles.opened.len() * 8);
    let mut column = |cells: &mut dyn Iterator<Item = i64>| {
        numbers.clear();
        cells.for_each(|number| numbers.extend_from_slice(&number.to_le_bytes()));
        hash.update(&numbers);
    };
    column(&mut candles.opened.iter().map(|opened| opened.0));
    for prices in [&candles.open, &candles.high, &candles.low, &candles.close] {
        column(&mut prices.iter().map(|price| price.units()));
    }
    column(&mut candles.volume.iter().map(|volume| volume.units()));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(sets: usize) -> Plan {
        let set = |place: usize| Set { id: format!("{place:016x}"), values: Vec::new() };
        Plan {
            schema: "carry.sweep-plan/1".to_owned(),
            version: String::new(),
            commit: None,
            data_sha256: String::new(),
            settings: BTreeMap::new(),
            keys: Vec::new(),
            pairs: Vec::new(),
            ends_ms: Vec::new(),
            sets: (0..sets).map(set).collect(),
            left_out: Vec::new(),
        }
    }

    #[test]
    fn every_part_belongs_to_one_shard_and_every_set_to_one_part() {
        for (sets, parts) in [(1, 1), (64, 64), (65, 33), (240, 60), (10_000, 64)] {
            let plan = plan(sets);
            assert_eq!(plan.parts().len(), parts, "{sets}");
            assert_eq!(plan.parts().concat(), plan.sets);
            for of in [1, 2, 7, 100] {
                let mut all: Vec<usize> = (0..of).flat_map(|place| plan.shard(Shard { place, of })).collect();
                all.sort_unstable();
                assert_eq!(all, (0..parts).collect::<Vec<_>>(), "{sets} sets in {of} shards");
            }
        }
    }

    #[test]
    fn a_shard_is_read_as_it_is_said() {
        assert_eq!(Shard::read("1/1"), Some(Shard::WHOLE));
        assert_eq!(Shard::read("2/8"), Some(Shard { place: 1, of: 8 }));
        for wrong in ["", "2", "0/2", "3/2", "a/b", "1/0", "-1/2", "1/2/3"] {
            assert_eq!(Shard::read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_id_says_which_settings_they_are() {
        let settings = |value: &str| BTreeMap::from([("a.b".to_owned(), value.to_owned())]);
        assert_eq!(id_of(&settings("1")), id_of(&settings("1")));
        assert_ne!(id_of(&settings("1")), id_of(&settings("2")));
        assert_eq!(id_of(&settings("1")).len(), 16);
        assert_eq!(plan(3).differs(&plan(4)), Some("the sets"));
        assert_eq!(plan(3).differs(&plan(3)), None);
    }
}
