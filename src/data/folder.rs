//! A folder of history: which files it has, which pairs can be priced, and their history in columns.
//!
//! Names that come from a person are looked up in the list of files found, never joined to a path (fault X12).
//! Tests: `tests/suite/data.rs`.

use super::bundle::confirm;
use super::candles::{read_candles_of, read_open_interest, read_open_times};
use super::coverage::{STEPS, common_opens, longest_step, segments};
use super::error::{DataError, escaped};
use super::funding::read_funding;
use super::history::{PairHistory, Segment};
use super::rules_file::{RulesLine, read_rules};
use crate::domain::pair_name::{LegName, legs_of_name};
use crate::domain::{Market, Span, Symbol, Venue, WallTime};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `funding/VENUE/SYMBOL.csv`
    Funding,
    /// `klines/VENUE-spot/SYMBOL-STEP.parquet`
    Spot,
    /// `klines/VENUE-perp/SYMBOL-STEP.parquet`
    Perp,
    /// `klines/VENUE-mark/SYMBOL-STEP.parquet`
    Mark,
    /// `oi/VENUE/SYMBOL-STEP.parquet`
    OpenInterest,
}

impl Kind {
    /// The word for it in lists and JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Funding => "funding",
            Self::Spot => "spot",
            Self::Perp => "perp",
            Self::Mark => "mark",
            Self::OpenInterest => "oi",
        }
    }
}

/// What identifies a file within a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The venue.
    pub venue: Venue,
    /// The venue's symbol.
    pub symbol: Symbol,
    /// What it holds.
    pub kind: Kind,
    /// Length of a candle; zero for funding, whose spacing is in its stamps.
    pub step: Span,
}

/// A folder of history and the files found in it.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
    files: BTreeMap<Key, PathBuf>,
    strangers: Vec<PathBuf>,
    /// Which market prices one that has no candles of its own.
    proxies: BTreeMap<String, String>,
    /// Rules of instruments by venue; a file that cannot be used is refused where its rules are needed.
    rules: BTreeMap<Venue, Vec<RulesLine>>,
}

/// The times a pair is wanted between; an open end is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Wanted {
    from: Option<WallTime>,
    to: Option<WallTime>,
}

impl Wanted {
    pub(super) const fn between((from, to): (Option<WallTime>, Option<WallTime>)) -> Self {
        Self { from, to }
    }

    pub(super) const fn start(self) -> WallTime {
        match self.from {
            Some(from) => from,
            None => WallTime(i64::MIN),
        }
    }

    /// Bars of `step` must open before this to be over by `to`. The last millisecond of a day means the whole day, so the
    /// bar that ends with it is over.
    pub(super) fn bars_until(self, step: Span) -> WallTime {
        self.to.map_or(WallTime(i64::MAX), |to| to - step + Span(2))
    }

    /// Whether a stamp lies within them. Venues stamp a settlement some milliseconds late and it is dated to its minute, so the
    /// one at the very end is inside: what is held is paid before anything else happens at that instant. The last millisecond
    /// of a day means the whole day here too.
    pub(super) fn holds(self, stamp: WallTime) -> bool {
        let is_over = |to: WallTime| stamp.floor(Span::MINUTE) <= to + Span(1);
        self.from.is_none_or(|from| stamp >= from) && self.to.is_none_or(is_over)
    }

    fn words(self) -> String {
        let from = self.from.map_or_else(String::new, |from| format!("from {from}"));
        let to = self.to.map_or_else(String::new, |to| format!("to {to}"));
        [from, to].join(" ").trim().to_owned()
    }
}

impl Folder {
    /// Looks what a folder holds; reads no file but the rules of instruments.
    ///
    /// # Errors
    /// [`DataError::NotAFolder`] without `funding/` or `klines/`, [`DataError::Unreadable`] when it cannot be listed.
    pub fn open(root: &Path) -> Result<Self, DataError> {
        let mut folder = Self {
            root: root.to_path_buf(),
            files: BTreeMap::new(),
            strangers: Vec::new(),
            proxies: BTreeMap::new(),
            rules: BTreeMap::new(),
        };
        let top = listed(root)?;
        let has = |name: &str| top.iter().any(|path| path.file_name().is_some_and(|last| last == name));
        if !has("funding") && !has("klines") {
            return Err(DataError::NotAFolder { folder: root.to_path_buf() });
        }
        for group in ["funding", "klines", "oi"] {
            if has(group) {
                for venue in listed(&root.join(group))? {
                    folder.add_group(group, &venue)?;
                }
            }
        }
        for file in if has("instruments") { listed(&root.join("instruments"))? } else { Vec::new() } {
            let venue = file.file_stem().and_then(std::ffi::OsStr::to_str).and_then(|name| Venue::new(name).ok());
            if let (Some(venue), Ok(lines)) = (venue, read_rules(&file)) {
                folder.rules.insert(venue, lines);
            }
        }
        Ok(folder)
    }

    /// The same folder, in which markets without candles of their own are priced by others (`venue-market` by `venue-market`).
    #[must_use]
    pub fn priced_by(mut self, proxies: BTreeMap<String, String>) -> Self {
        self.proxies = proxies;
        self
    }

    /// Which market prices one that has no candles of its own.
    pub(super) const fn proxies(&self) -> &BTreeMap<String, String> {
        &self.proxies
    }

    /// What the folder says of a venue's instruments.
    pub(crate) fn rules(&self, venue: Venue) -> &[RulesLine] {
        self.rules.get(&venue).map_or(&[], Vec::as_slice)
    }

    fn add_group(&mut self, group: &str, place: &Path) -> Result<(), DataError> {
        let name = place.file_name().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
        if !place.is_dir() {
            return Ok(());
        }
        for file in listed(place)? {
            match key_of(group, name, &file) {
                Some(key) => {
                    self.files.insert(key, file);
                }
                None => self.strangers.push(file),
            }
        }
        Ok(())
    }

    /// The folder's path.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// All files with what they hold, in order of venue, symbol, kind and step.
    #[must_use]
    pub const fn files(&self) -> &BTreeMap<Key, PathBuf> {
        &self.files
    }

    /// Files whose name or place does not say what they hold.
    #[must_use]
    pub fn strangers(&self) -> &[PathBuf] {
        &self.strangers
    }

    /// The file of a key.
    #[must_use]
    pub fn file(&self, key: Key) -> Option<&Path> {
        self.files.get(&key).map(PathBuf::as_path)
    }

    /// Names of the pairs that can be priced: funding and perp candles of one venue and symbol, and spot candles of its coin of
    /// the same step.
    #[must_use]
    pub fn pairs(&self) -> Vec<String> {
        let funded = self.files.keys().filter(|key| key.kind == Kind::Funding);
        funded
            .filter(|key| !self.steps(key.venue, key.symbol).is_empty())
            .map(|key| format!("{}:{}", key.venue, key.symbol))
            .collect()
    }

    /// Steps of which both legs have candles, finest first.
    fn steps(&self, venue: Venue, symbol: Symbol) -> Vec<Span> {
        let spot = self.bundle(venue, symbol).spot;
        let has = |symbol, kind, step| self.files.contains_key(&Key { venue, symbol, kind, step });
        STEPS.into_iter().filter(|step| has(spot, Kind::Spot, *step) && has(symbol, Kind::Perp, *step)).collect()
    }

    /// The history of one pair: bars that lie wholly within `[from, to]` and settlements dated within it, both ends inside.
    ///
    /// The step is the one with the longest common coverage within those times. `segments` come from the whole history:
    /// one that begins before `from` is cut there, one that goes on after `to` keeps its end, because a run that stops by
    /// choice is not the end of the data.
    ///
    /// # Errors
    /// [`DataError`]: the pair lacks a part, a file cannot be used, or no bar lies within the times.
    pub fn load_pair(
        &self,
        name: &str,
        from: Option<WallTime>,
        to: Option<WallTime>,
    ) -> Result<PairHistory, DataError> {
        let wanted = Wanted { from, to };
        if let Some([long, short]) = legs_of_name(name)
            && (long.venue != short.venue || long.market == short.market)
        {
            return self.load_legs(name, [long, short], wanted);
        }
        let (venue, symbol) = self.find(name)?;
        let (step, common) = self.choose_step(name, (venue, symbol), wanted)?;
        let bundle = self.bundle(venue, symbol);
        let read = |kind| match self.file(bundle.key(venue, symbol, kind, step)) {
            Some(file) => read_candles_of(file, step, bundle.unit(kind)).map(Some),
            None => Ok(None),
        };
        let window = (wanted.start(), wanted.bars_until(step));
        let cut = |kind| read(kind).map(|candles| candles.map(|all| whole_or(all, window)));
        let ((spot, perp), mark) =
            rayon::join(|| rayon::join(|| cut(Kind::Spot), || cut(Kind::Perp)), || cut(Kind::Mark));
        let (spot, perp) = (spot?.unwrap_or_default(), perp?.unwrap_or_default());
        confirm(name, bundle, &spot, &perp)?;
        let funding = match self.file(Key { venue, symbol, kind: Kind::Funding, step: Span::ZERO }) {
            Some(file) => read_funding(file)?,
            None => Vec::new(),
        };
        let stamps: Vec<_> = funding.iter().map(|row| row.stamp).collect();
        let inside = |stamp: WallTime| wanted.holds(stamp);
        let leg = |market, symbol| LegName { venue, market, symbol };
        Ok(PairHistory {
            name: name.to_owned(),
            legs: [leg(Market::Spot, bundle.spot), leg(Market::Perp, symbol)],
            prices: BTreeMap::new(),
            spot_symbol: bundle.spot,
            coins: bundle.coins,
            step,
            spot,
            perp,
            mark: mark?.filter(|candles| !candles.is_empty()),
            long_mark: None,
            long_funding: Vec::new(),
            listed: stamps.first().into_iter().chain(common.first()).min().copied(),
            segments: cut_segments(&segments(&common, step, &stamps), &common, window),
            funding: funding.into_iter().filter(|row| inside(row.stamp)).collect(),
            open_interest: self.open_interest(venue, symbol, &inside)?,
        })
    }

    /// The history of several pairs, read in parallel, in the order asked for.
    ///
    /// # Errors
    /// The first [`DataError`] in that order.
    pub fn load_pairs(
        &self,
        names: &[String],
        from: Option<WallTime>,
        to: Option<WallTime>,
    ) -> Result<Vec<PairHistory>, DataError> {
        let loaded: Vec<_> = names.par_iter().map(|name| self.load_pair(name, from, to)).collect();
        loaded.into_iter().collect()
    }

    pub(super) fn open_interest(
        &self,
        venue: Venue,
        symbol: Symbol,
        inside: &impl Fn(WallTime) -> bool,
    ) -> Result<Vec<(WallTime, crate::domain::Quantity)>, DataError> {
        let Some(file) = self.file(Key { venue, symbol, kind: Kind::OpenInterest, step: Span::HOUR }) else {
            return Ok(Vec::new());
        };
        Ok(read_open_interest(file)?.into_iter().filter(|row| inside(row.0)).collect())
    }

    fn choose_step(
        &self,
        name: &str,
        (venue, symbol): (Venue, Symbol),
        wanted: Wanted,
    ) -> Result<(Span, Vec<WallTime>), DataError> {
        let bundle = self.bundle(venue, symbol);
        let file = |kind, step| self.file(bundle.key(venue, symbol, kind, step));
        let files = self.steps(venue, symbol).into_iter();
        let files = files.filter_map(|step| Some((step, file(Kind::Spot, step)?, file(Kind::Perp, step)?)));
        Self::choose(name, wanted, &files.collect::<Vec<_>>())
    }

    /// The step of the longest common coverage, with its common bars, of candles of the long and the short leg.
    pub(super) fn choose(
        name: &str,
        wanted: Wanted,
        files: &[(Span, &Path, &Path)],
    ) -> Result<(Span, Vec<WallTime>), DataError> {
        let mut choices = Vec::new();
        for (step, long, short) in files {
            let step = *step;
            let common = common_opens(&read_open_times(long, step)?, &read_open_times(short, step)?);
            let start = common.partition_point(|open| *open < wanted.start());
            let end = common.partition_point(|open| *open < wanted.bars_until(step));
            choices.push((step, end.saturating_sub(start), common));
        }
        let counts: Vec<_> = choices.iter().map(|(step, bars, _)| (*step, *bars)).collect();
        if let Some(best) = longest_step(&counts)
            && let Some(choice) = choices.iter_mut().find(|choice| choice.0 == best)
        {
            return Ok((best, std::mem::take(&mut choice.2)));
        }
        let ends =
            |pick: fn(&[WallTime]) -> Option<&WallTime>| choices.iter().filter_map(move |choice| pick(&choice.2));
        match (ends(<[_]>::first).min(), ends(<[_]>::last).max()) {
            (Some(first), Some(last)) => Err(DataError::EmptyWindow {
                name: name.to_owned(),
                window: wanted.words(),
                first: *first,
                last: *last,
            }),
            _ => Err(DataError::NoPair {
                name: name.to_owned(),
                missing: "its spot and perp candles have no open time in common".to_owned(),
                nearest: None,
            }),
        }
    }

    /// The venue and symbol of a name, or what is missing and the pair that was perhaps meant.
    fn find(&self, name: &str) -> Result<(Venue, Symbol), DataError> {
        let refuse = |missing: String| {
            let pairs = self.pairs();
            let likeness = |pair: &&String| strsim::jaro_winkler(pair, name);
            let nearest = pairs.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
            DataError::NoPair { name: escaped(name, 60), missing, nearest: nearest.cloned() }
        };
        let parts =
            name.split_once(':').and_then(|(venue, symbol)| Some((Venue::new(venue).ok()?, Symbol::new(symbol).ok()?)));
        let Some((venue, symbol)) = parts else {
            return Err(refuse("expected VENUE:SYMBOL, such as binance:BTCUSDT".to_owned()));
        };
        if !self.steps(venue, symbol).is_empty()
            && self.files.contains_key(&Key { venue, symbol, kind: Kind::Funding, step: Span::ZERO })
        {
            return Ok((venue, symbol));
        }
        let (venue_text, symbol_text) = (escaped(venue.as_str(), 40), escaped(symbol.as_str(), 40));
        let spot = self.bundle(venue, symbol).spot;
        let has = |kind| {
            let symbol = if kind == Kind::Spot { spot } else { symbol };
            self.files.keys().any(|key| (key.venue, key.symbol, key.kind) == (venue, symbol, kind))
        };
        let mut missing = Vec::new();
        if !has(Kind::Funding) {
            missing.push(format!("funding/{venue_text}/{symbol_text}.csv"));
        }
        for kind in [Kind::Spot, Kind::Perp] {
            if !has(kind) {
                missing.push(format!("klines/{venue_text}-{}/{symbol_text}-STEP.parquet", kind.word()));
            }
        }
        if missing.is_empty() {
            return Err(refuse("its spot and perp candles have no step in common".to_owned()));
        }
        let verb = if missing.len() == 1 { "is" } else { "are" };
        Err(refuse(format!("{} {verb} missing in {}", missing.join(" and "), self.root.display())))
    }
}

/// Candles cut to a window without a copy when nothing is cut.
pub(super) fn whole_or(all: super::history::Candles, window: (WallTime, WallTime)) -> super::history::Candles {
    if window == (WallTime(i64::MIN), WallTime(i64::MAX)) { all } else { all.window(window.0, window.1) }
}

/// Stretches that reach into the window; the first bar is moved into it.
pub(super) fn cut_segments(all: &[Segment], common: &[WallTime], window: (WallTime, WallTime)) -> Vec<Segment> {
    let cut = |segment: &Segment| {
        let first = common.get(common.partition_point(|open| *open < segment.first.max(window.0)))?;
        (*first < segment.last && *first < window.1).then_some(Segment { first: *first, last: segment.last })
    };
    all.iter().filter_map(cut).collect()
}

/// Entries of a folder in order of name.
fn listed(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let entries = std::fs::read_dir(folder).map_err(|source| DataError::io(folder, source))?;
    let mut out = Vec::new();
    for entry in entries {
        out.push(entry.map_err(|source| DataError::io(folder, source))?.path());
    }
    out.sort();
    Ok(out)
}

/// What a file holds, by its place and name.
fn key_of(group: &str, folder: &str, file: &Path) -> Option<Key> {
    let name = file.file_name()?.to_str()?;
    if group == "funding" {
        let symbol = Symbol::new(name.strip_suffix(".csv")?).ok()?;
        return Some(Key { venue: Venue::new(folder).ok()?, symbol, kind: Kind::Funding, step: Span::ZERO });
    }
    let (symbol, step) = name.strip_suffix(".parquet")?.rsplit_once('-')?;
    let step = STEPS.into_iter().find(|known| known.to_string() == step)?;
    let symbol = Symbol::new(symbol).ok()?;
    if group == "oi" {
        return Some(Key { venue: Venue::new(folder).ok()?, symbol, kind: Kind::OpenInterest, step });
    }
    let (venue, market) = folder.rsplit_once('-')?;
    let kind = [Kind::Spot, Kind::Perp, Kind::Mark].into_iter().find(|kind| kind.word() == market)?;
    Some(Key { venue: Venue::new(venue).ok()?, symbol, kind, step })
}
