//! What every command that plays history needs: settings, instruments and the bars of each pair.
//!
//! Nothing is played here. Tests: `tests/backtest/bad_input.rs`.

use super::{Exit, Failure, dates};
use crate::config::load::not_traded;
use crate::config::settings::{CandleSource, Collateral, Wallets};
use crate::config::{Loaded, Settings, Sources, load};
use crate::data::error::DataError;
use crate::data::flat::{self, FlatPair};
use crate::data::folder::Folder;
use crate::data::history::{FundingRow, PairHistory};
use crate::data::instruments::{self, Legs};
use crate::domain::collateral::built_in_share;
use crate::domain::{Catalogue, Instrument, Interval, Market, Quantity, Span, WallTime};
use crate::report::run::{Remark, RunInfo};
use crate::run::backtest::Inputs;
use std::path::PathBuf;

/// Which history and which strategy.
#[derive(Debug, Clone, clap::Args)]
pub struct Choice {
    /// Folder of history (funding/, klines/, ...; see `carry data list`)
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Strategy file; repeated where several strategies play on one capital
    #[arg(long, value_name = "FILE", required = true)]
    pub strategy: Vec<PathBuf>,
    /// Overrides one key, for example `exit.min_hold=3d`; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Further configuration files; may be repeated
    #[arg(long, value_name = "FILE")]
    pub config: Vec<PathBuf>,
}

impl Choice {
    /// The strategy file of a command that takes one.
    ///
    /// # Errors
    /// Exit code 2 when there are several.
    pub fn one_strategy(&self, command: &str) -> Result<&PathBuf, Failure> {
        let refused = |what: String| Err(Failure::new(Exit::Usage, what));
        match self.strategy.as_slice() {
            [file] => Ok(file),
            [] => refused(format!("{command} needs --strategy FILE")),
            [_, second, ..] => refused(format!(
                "--strategy {}: {command} takes one strategy; several play together in carry backtest, carry paper, carry shadow, carry \
                 live, carry why and carry check",
                second.display()
            )),
        }
    }
}

/// The times wanted; an open end is `None`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Window {
    /// First instant.
    pub from: Option<WallTime>,
    /// Last instant.
    pub to: Option<WallTime>,
}

impl Window {
    /// Reads both ends as a person wrote them; `names` are their flags, for the error.
    ///
    /// # Errors
    /// Exit code 2 when an end is no time or the first lies after the second.
    pub fn read(from: Option<&str>, to: Option<&str>, names: (&str, &str)) -> Result<Self, Failure> {
        let wrong =
            |flag: &str, text: &str, problem: String| Failure::new(Exit::Usage, format!("{flag} {text:?}: {problem}"));
        let first = from.map(|text| dates::first_instant(text).map_err(|problem| wrong(names.0, text, problem)));
        let last = to.map(|text| dates::last_instant(text).map_err(|problem| wrong(names.1, text, problem)));
        let window = Self { from: first.transpose()?, to: last.transpose()? };
        if let (Some(from), Some(to)) = (window.from, window.to)
            && from > to
        {
            let text = format!("{} {from} is after {} {to}; expected an earlier time", names.0, names.1);
            return Err(Failure::new(Exit::Usage, text));
        }
        Ok(window)
    }
}

/// Settings and history, ready to be played.
#[derive(Debug)]
pub struct Ready {
    /// Settings of the run.
    pub settings: Settings,
    /// Instruments and pairs, in the order of `histories`.
    pub catalogue: Catalogue,
    /// History of each pair.
    pub histories: Vec<PairHistory>,
    /// Proxies, defaults, and pairs left out.
    pub remarks: Vec<Remark>,
    /// What the settings are.
    pub run: RunInfo,
}

/// Coins are collateral where it is known what they count for: a recording of public streams does not say it.
///
/// # Errors
/// Exit code 2 for `margin.collateral = "coin"`.
pub fn quote_margin(settings: &Settings, what: &str) -> Result<(), Failure> {
    let all = ("margin.collateral".to_owned(), settings.margin.collateral);
    let own = settings
        .venues
        .iter()
        .filter_map(|(venue, terms)| Some((format!("venues.{venue}.collateral"), terms.collateral?)));
    let Some((key, found)) = own.chain([all]).find(|(_, one)| *one != Collateral::Quote) else { return Ok(()) };
    let word = if found == Collateral::Coin { "coin" } else { "unified" };
    let text = format!(
        "{key} = \"{word}\": {what} does not say what coins count for as collateral; expected \"quote\" \
         (carry backtest, carry paper, carry shadow and carry paper --market live take coin)"
    );
    Err(Failure::new(Exit::Usage, text))
}

/// The universe is looked at on history and at real venues; a market that has neither takes names.
///
/// # Errors
/// Exit code 2 for `strategy.pairs = "auto"`.
pub fn named_pairs(settings: &Settings, what: &str) -> Result<(), Failure> {
    if !settings.strategy.auto || !settings.strategy.pairs.is_empty() {
        return Ok(());
    }
    let text = format!(
        "strategy.pairs = \"auto\": {what} takes a list of pairs; the universe is looked at in carry backtest, carry sweep, \
         carry live, carry shadow, carry paper --market live and carry universe"
    );
    Err(Failure::new(Exit::Usage, text))
}

impl Ready {
    /// Loads what was chosen, within the times. Pairs that the strategy names must be there; when it names none, those
    /// without bars in the times are left out and listed.
    ///
    /// # Errors
    /// Exit code 2 for a wrong strategy, folder, pair or window, 1 for files that cannot be used.
    pub fn load(choice: &Choice, set: Vec<String>, window: Window) -> Result<Self, Failure> {
        let loaded = load(&Sources::of_strategies(&choice.strategy, choice.config.clone(), set))?;
        let folder = Folder::open(&choice.data).map_err(not_there)?;
        Self::of(&loaded, &folder, window)
    }

    /// The same with settings and folder at hand.
    ///
    /// # Errors
    /// As for [`Ready::load`].
    pub fn of(loaded: &Loaded, folder: &Folder, window: Window) -> Result<Self, Failure> {
        let stray = super::venue_names::stray(loaded, Some(folder));
        if !stray.is_empty() {
            return Err(stray.into());
        }
        let named = &loaded.settings.strategy.pairs;
        let folder = &folder.clone().priced_by(loaded.settings.sim.priced_by());
        let mut ready = Self {
            catalogue: Catalogue::default(),
            histories: Vec::new(),
            remarks: Vec::new(),
            settings: loaded.settings.clone(),
            run: super::about::about(loaded),
        };
        if ready.settings.sim.candles == CandleSource::Flat {
            return ready.flat(folder, window);
        }
        let there = folder.pairs();
        if let Some(pair) = ready.settings.stray_pair(&there) {
            return Err(Failure::new(Exit::Usage, not_traded(pair, &there).to_string()));
        }
        let histories = if named.is_empty() {
            ready.all_within(folder, window)?
        } else {
            folder.load_pairs(named, window.from, window.to)?
        };
        for history in histories {
            if ready.add(folder, &history)? {
                ready.histories.push(history);
            }
        }
        in_contracts(&mut ready.settings, &ready.histories)?;
        Ok(ready)
    }

    /// The pairs at flat prices: all series of funding, or those that are named.
    fn flat(mut self, folder: &Folder, window: Window) -> Result<Self, Failure> {
        use rayon::prelude::*;
        let named = self.settings.strategy.pairs.clone();
        let names = if named.is_empty() { flat::names(folder) } else { named };
        let loaded: Vec<_> = names.par_iter().map(|name| flat::load(folder, name, (window.from, window.to))).collect();
        let pooled = self.settings.sim.wallets == Wallets::Pooled;
        for one in loaded {
            let FlatPair { history, mut legs } = one?;
            legs.spot.buy_fee_in = self.settings.sim.buy_fee_in;
            own_fees(&self.settings, &mut legs);
            let text =
                "flat prices: the spot leg stays at 100 and the perp at its basis to it, 0 where there are no candles";
            self.remarks.push(Remark { subject: history.name.clone(), text: text.to_owned() });
            self.relax_guard(&history);
            if pooled {
                let home = self.catalogue.venues().first().copied().unwrap_or(legs.perp.venue);
                self.catalogue.add_pair_at(home, legs.spot, legs.perp);
            } else {
                self.catalogue.add_pair(legs.spot, legs.perp);
            }
            self.histories.push(history);
        }
        Ok(self)
    }

    /// Other settings over the same history: what a run takes, but for the bars. They must not choose other pairs.
    ///
    /// # Errors
    /// As for [`Ready::load`].
    pub fn under(&self, loaded: &Loaded, folder: &Folder) -> Result<(Settings, Catalogue), Failure> {
        let mut other = Self {
            catalogue: Catalogue::default(),
            histories: Vec::new(),
            remarks: Vec::new(),
            settings: loaded.settings.clone(),
            run: RunInfo::default(),
        };
        for history in &self.histories {
            other.add(folder, history)?;
        }
        in_contracts(&mut other.settings, &self.histories)?;
        Ok((other.settings, other.catalogue))
    }

    fn all_within(&mut self, folder: &Folder, window: Window) -> Result<Vec<PairHistory>, Failure> {
        use rayon::prelude::*;
        let names = folder.pairs();
        if names.is_empty() {
            let text = format!(
                "{}: no pair can be priced: expected funding, spot candles and perp candles of one venue and symbol",
                folder.root().display()
            );
            return Err(Failure::new(Exit::Usage, text));
        }
        let loaded: Vec<_> = names.par_iter().map(|name| folder.load_pair(name, window.from, window.to)).collect();
        let mut kept = Vec::new();
        let mut reach: Option<(WallTime, WallTime)> = None;
        for one in loaded {
            match one {
                Ok(history) => kept.push(history),
                Err(DataError::EmptyWindow { name, window, first, last }) => {
                    let text = format!("left out: no bars {window}; they exist from {first} to {last}");
                    self.remarks.push(Remark { subject: name, text });
                    let (start, end) = reach.unwrap_or((first, last));
                    reach = Some((start.min(first), end.max(last)));
                }
                Err(other) => return Err(other.into()),
            }
        }
        match reach {
            Some((first, last)) if kept.is_empty() => {
                let text = format!("no pair has bars within the given times; bars exist from {first} to {last}");
                Err(Failure::new(Exit::Usage, text))
            }
            _ => Ok(kept),
        }
    }

    /// Instruments of a pair with the fees of the settings, and what was assumed about them; whether it is traded.
    fn add(&mut self, folder: &Folder, history: &PairHistory) -> Result<bool, Failure> {
        let mut legs = instruments::legs(folder, history)?;
        let mut remark = |text: String| self.remarks.push(Remark { subject: history.name.clone(), text });
        let own = self.settings.of_pair(&history.name);
        if let Some(coin) = own.size.quantity_coin.filter(|coin| *coin != legs.spot.coin) {
            remark(format!("left out: size.quantity is in {coin}"));
            return Ok(false);
        }
        legs.spot.buy_fee_in = self.settings.sim.buy_fee_in;
        legs.remarks.iter().cloned().for_each(&mut remark);
        own_fees(&self.settings, &mut legs).into_iter().for_each(&mut remark);
        if history.funding.is_empty() {
            remark("no settlement within the given times: nothing to enter for".to_owned());
        } else if history.funding.iter().all(|row| row.interval.is_none()) {
            remark(format!("{}: it is not entered", crate::data::settlements::no_interval(history.funding.len())));
        }
        crate::data::settlements::unusual(&history.funding).into_iter().for_each(&mut remark);
        if history.open_interest.is_empty() {
            remark("no open interest: the quadrant gate is off".to_owned());
        }
        for (leg, file) in &history.prices {
            remark(format!(
                "{leg} has no prices of its own: {file} stands for them, and its basis is that of the proxy"
            ));
        }
        if legs.spot.quote != legs.perp.quote {
            remark(format!("{} and {} count one for one", legs.spot.quote, legs.perp.quote));
        }
        let depth = "depth from bar volume (a twentieth of an hour's volume)";
        remark(match legs.spot.market {
            Market::Spot => format!("premium index from perp / spot - 1; {depth}"),
            Market::Perp => depth.to_owned(),
        });
        if self.settings.collateral_at(legs.perp.venue).has_coins() {
            let (coin, share) = (legs.perp.coin, legs.perp.collateral);
            let origin = if share == built_in_share(coin) { "built-in" } else { "as the folder says" };
            remark(format!("{coin} counts for {share} of its value as collateral ({origin}); 0 is none, and no entry"));
        }
        self.relax_guard(history);
        self.catalogue.add_pair(legs.spot, legs.perp);
        Ok(true)
    }

    /// A guard that no bar of a pair can keep would refuse every entry: it is off there, and that is said.
    fn relax_guard(&mut self, history: &PairHistory) {
        let own = self.settings.of_pair(&history.name);
        let guard = own.gates.guard;
        if keeps_guard(history, guard) {
            return;
        }
        let mut own = own.clone();
        own.gates.guard = Span::ZERO;
        own.pairs.clear();
        self.settings.pairs.insert(history.name.clone(), own);
        let step = history.step;
        let text = format!(
            "gates.guard cannot be kept: bars of {step} never close {guard} away from every settlement; it is off"
        );
        self.remarks.push(Remark { subject: history.name.clone(), text });
    }

    /// What a run takes.
    #[must_use]
    pub fn inputs(&self) -> Inputs<'_> {
        Inputs {
            settings: self.settings.clone(),
            catalogue: self.catalogue.clone(),
            histories: &self.histories,
            remarks: self.remarks.clone(),
        }
    }
}

/// Whether any bar of a pair closes as far from its settlements as the guard asks, before and after. Both count from midnight.
fn keeps_guard(history: &PairHistory, guard: Span) -> bool {
    let rarest = |rows: &[FundingRow]| rows.iter().filter_map(|row| row.interval).max().map(Interval::span);
    let Some(interval) = [rarest(&history.funding), rarest(&history.long_funding)].into_iter().flatten().min() else {
        return true;
    };
    let closes = (0..interval.0.div_euclid(history.step.0.max(1)).max(1)).map(|place| place * history.step.0);
    let away = closes.map(|close| close.rem_euclid(interval.0)).map(|after| after.min(interval.0 - after)).max();
    away.is_none_or(|away| away >= guard.0)
}

/// A fixed quantity is in coins; pairs of a contract of several coins are counted in contracts.
fn in_contracts(settings: &mut Settings, histories: &[PairHistory]) -> Result<(), Failure> {
    let contracts = |settings: &mut Settings, coins: u32| {
        if let Some(own) = settings.size.quantity.as_mut() {
            *own = Quantity::saturating(own.units() / i64::from(coins));
        }
    };
    for history in histories {
        settings.pairs.entry(history.name.clone()).and_modify(|own| contracts(own, history.coins));
    }
    let usual = histories.iter().filter(|history| !settings.pairs.contains_key(&history.name));
    let mut units = usual.map(|history| history.coins);
    let coins = units.next().unwrap_or(1);
    if settings.size.quantity.is_some() && units.any(|other| other != coins) {
        let text = "size.quantity: the pairs of this coin have contracts of different numbers of coins; name one pair \
                    in strategy.pairs, or write it below [pairs.\"VENUE:SYMBOL\".size]";
        return Err(Failure::new(Exit::Usage, text));
    }
    contracts(settings, coins);
    Ok(())
}

/// A fee that a person set differently from the built-in one is theirs on every venue; the rest is the venue's own.
fn own_fees(settings: &Settings, legs: &mut Legs) -> Option<String> {
    let (sim, usual) = (&settings.sim, Settings::default().sim);
    let fees = [
        (Market::Spot, "sim.spot_maker", sim.spot_maker, usual.spot_maker),
        (Market::Spot, "sim.spot_taker", sim.spot_taker, usual.spot_taker),
        (Market::Perp, "sim.perp_maker", sim.perp_maker, usual.perp_maker),
        (Market::Perp, "sim.perp_taker", sim.perp_taker, usual.perp_taker),
    ];
    let mut words = Vec::new();
    for (market, key, own, _) in fees.into_iter().filter(|(_, _, own, usual)| own != usual) {
        let mut used = false;
        let applies = |leg: &&mut Instrument| leg.market == market && !settings.asks_fees(leg.venue);
        for leg in [&mut legs.spot, &mut legs.perp].into_iter().filter(applies) {
            let fee = if key.ends_with("maker") { &mut leg.fees.maker } else { &mut leg.fees.taker };
            *fee = own.to_rate();
            used = true;
        }
        if used {
            words.push(format!("{key} {}", own.to_rate()));
        }
    }
    words.extend([&mut legs.spot, &mut legs.perp].into_iter().flat_map(|leg| settings.venue_fees(leg)));
    (!words.is_empty()).then(|| format!("fees as set: {}", words.join(", ")))
}

/// The folder that was named is not one of history: the argument is wrong.
#[expect(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
pub(super) fn not_there(error: DataError) -> Failure {
    let expected = if matches!(error, DataError::Unreadable { .. }) { "; expected a folder of history" } else { "" };
    Failure::new(Exit::Usage, format!("--data {error}{expected}"))
}

impl From<DataError> for Failure {
    fn from(error: DataError) -> Self {
        let exit = match error {
            DataError::NotAFolder { .. } | DataError::NoPair { .. } | DataError::EmptyWindow { .. } => Exit::Usage,
            DataError::Unreadable { .. }
            | DataError::NotAFile { .. }
            | DataError::Parquet { .. }
            | DataError::NoColumn { .. }
            | DataError::WrongType { .. }
            | DataError::Cell { .. }
            | DataError::Row { .. } => Exit::Failure,
        };
        Self::new(exit, error.to_string())
    }
}
