//! From values by path to the typed [`Settings`]: the only place that knows both.
//!
//! A field that has no key, or a key of another kind than its field, is a [`Misfit`]; tests show that the table has none.
//! Nothing here reads text. Tests: `tests/suite/config.rs`.

use super::lists::AUTO;
use super::settings::{
    Alarm, Capital, Confirm, Entry, Execution, Exit, First, Gates, Ladder, Live, Margin, Risk, Run, Settings, Signal,
    Sim, Size, Store, Strategy, Universe, Web,
};
use super::settings::{
    CandleSource, Collateral, DataEnd, FillAt, FundingSource, Indicator, Level, MarginMode, Missing, Mode, OnForeign,
    Rule, SlotsOf, StrategyKind, Style, Wallets, Weighting, When,
};
use super::table::KEYS;
use super::units::Value;
use crate::domain::fees::BuyFeeIn;
use crate::domain::{Amount, Asset, Bps, FundingRate, Leg, Quantity, Rate, Span, Venue};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as WordError, StrDeserializer};
use std::collections::BTreeMap;

/// Values by path, one for each key.
pub type Values = BTreeMap<&'static str, Value>;

/// A path whose value does not fit its field: a mistake in this program, never of a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the table of keys and the settings disagree about {0}; this is a bug of carry, please report it")]
pub struct Misfit(pub &'static str);

/// The built-in values, as the table has them.
///
/// # Errors
/// [`Misfit`] names a key whose own default cannot be read.
pub fn defaults() -> Result<Values, Misfit> {
    KEYS.iter().map(|key| key.parse(key.default).map(|value| (key.path, value)).map_err(|_| Misfit(key.path))).collect()
}

impl Default for Settings {
    /// The built-in layer: what holds when no file says otherwise. The values and their reasons stand in `table.rs`.
    fn default() -> Self {
        match defaults().and_then(|values| settings(&values)) {
            Ok(settings) => settings,
            // The table is a constant of this program and a test builds it, so no input can lead here.
            Err(misfit) => unreachable!("{misfit}"),
        }
    }
}

/// The settings of the values.
///
/// # Errors
/// [`Misfit`] names the first key that is missing or of another kind than its field.
pub fn settings(values: &Values) -> Result<Settings, Misfit> {
    let from = From(values);
    Ok(Settings {
        run: run(&from)?,
        strategy: Strategy {
            kind: from.get("strategy.kind")?,
            rule: from.get("strategy.rule")?,
            pairs: listed(from.get("strategy.pairs")?),
            auto: from.get::<Vec<String>>("strategy.pairs")? == [AUTO],
            capital: from.get("strategy.capital")?,
        },
        ladder: ladder(&from)?,
        universe: universe(&from)?,
        signal: signal(&from)?,
        entry: entry(&from)?,
        exit: exit(&from)?,
        size: size(&from)?,
        gates: gates(&from)?,
        confirm: Confirm {
            indicator: from.get("confirm.indicator")?,
            period: from.get("confirm.period")?,
            level: from.get("confirm.level")?,
        },
        execution: execution(&from)?,
        risk: risk(&from)?,
        margin: margin(&from)?,
        sim: sim(&from)?,
        alarm: Alarm {
            exec: from.get("alarm.exec")?,
            webhook: from.get("alarm.webhook")?,
            fold: from.get("alarm.fold")?,
            heartbeat: from.get("alarm.heartbeat")?,
            telegram: from.get("alarm.telegram")?,
            telegram_level: from.get("alarm.telegram_level")?,
            mail: from.get("alarm.mail")?,
            mail_level: from.get("alarm.mail_level")?,
            sendmail: from.get("alarm.sendmail")?,
            silent_from: from.get("alarm.silent_from")?,
            silent_to: from.get("alarm.silent_to")?,
            digest: from.get("alarm.digest")?,
            watcher: from.get("alarm.watcher")?,
            watcher_every: from.get("alarm.watcher_every")?,
        },
        live: Live {
            shadow_hours: from.get("live.shadow_hours")?,
            max_notional: from.get("live.max_notional")?,
            start_retry: from.get("live.start_retry")?,
        },
        store: Store {
            tape_age: from.get("store.tape_age")?,
            tape_mb: from.get("store.tape_mb")?,
            min_free_mb: from.get("store.min_free_mb")?,
            reserve_mb: from.get("store.reserve_mb")?,
        },
        pairs: BTreeMap::new(),
        venues: BTreeMap::new(),
        strategies: Vec::new(),
        web: Web {
            listen: from.get("web.listen")?,
            hosts: from.get("web.hosts")?,
            tls: from.get("web.tls")?,
            metrics: from.get("web.metrics")?,
        },
    })
}

struct From<'a>(&'a Values);

impl From<'_> {
    fn get<T: Field>(&self, path: &'static str) -> Result<T, Misfit> {
        self.0.get(path).and_then(T::field).ok_or(Misfit(path))
    }
}

/// The pairs that are named; none where `[universe]` admits them.
fn listed(names: Vec<String>) -> Vec<String> {
    if names == [AUTO] { Vec::new() } else { names }
}

fn run(from: &From) -> Result<Run, Misfit> {
    Ok(Run {
        mode: from.get("run.mode")?,
        capital: from.get("run.capital")?,
        currency: from.get("run.capital")?,
        cash_apr: from.get("run.cash_apr")?,
    })
}

fn ladder(from: &From) -> Result<Ladder, Misfit> {
    Ok(Ladder {
        slots: from.get("ladder.slots")?,
        base: from.get("ladder.base")?,
        hurdle: from.get("ladder.hurdle")?,
        horizon: from.get("ladder.horizon")?,
        least_side: from.get("ladder.least_side")?,
        leave: from.get("ladder.leave")?,
        capital: from.get("ladder.capital")?,
    })
}

fn universe(from: &From) -> Result<Universe, Misfit> {
    Ok(Universe {
        venues: from.get("universe.venues")?,
        quotes: from.get("universe.quotes")?,
        min_volume: from.get("universe.min_volume")?,
        min_open_interest: from.get("universe.min_open_interest")?,
        min_age: from.get("universe.min_age")?,
        most: from.get("universe.most")?,
        without: from.get("universe.without")?,
    })
}

fn signal(from: &From) -> Result<Signal, Misfit> {
    Ok(Signal {
        funding: from.get("signal.funding")?,
        smooth: from.get("signal.smooth")?,
        memory: from.get("signal.memory")?,
        weighting: from.get("signal.weighting")?,
    })
}

fn entry(from: &From) -> Result<Entry, Misfit> {
    Ok(Entry {
        funding: from.get("entry.funding")?,
        margin: from.get("entry.margin")?,
        basis: from.get("entry.basis")?,
        min_net_apr: from.get("entry.min_net_apr")?,
        max_breakeven: from.get("entry.max_breakeven")?,
        horizon: from.get("entry.horizon")?,
        cooldown: from.get("entry.cooldown")?,
    })
}

fn exit(from: &From) -> Result<Exit, Misfit> {
    Ok(Exit {
        when: from.get("exit.when")?,
        funding: from.get("exit.funding")?,
        basis: from.get("exit.basis")?,
        min_hold: from.get("exit.min_hold")?,
        margin_apr: from.get("exit.margin_apr")?,
    })
}

fn size(from: &From) -> Result<Size, Misfit> {
    Ok(Size {
        share: from.get("size.share")?,
        per_pair: from.get("size.per_pair")?,
        per_coin: from.get("size.per_coin")?,
        per_venue: from.get("size.per_venue")?,
        per_quote: from.get("size.per_quote")?,
        depth_share: from.get("size.depth_share")?,
        oi_share: from.get("size.oi_share")?,
        leverage: from.get("size.leverage")?,
        quantity: from.get("size.quantity")?,
        quantity_coin: from.get("size.quantity")?,
    })
}

fn gates(from: &From) -> Result<Gates, Misfit> {
    Ok(Gates {
        max_age: from.get("gates.max_age")?,
        guard: from.get("gates.guard")?,
        peg: from.get("gates.peg")?,
        adl_rank: from.get("gates.adl_rank")?,
        delist_lead: from.get("gates.delist_lead")?,
        min_depth: from.get("gates.min_depth")?,
        quadrant: from.get("gates.quadrant")?,
        mark_divergence: from.get("gates.mark_divergence")?,
        reduce_age: from.get("gates.reduce_age")?,
        missing: from.get("gates.missing")?,
    })
}

fn execution(from: &From) -> Result<Execution, Misfit> {
    Ok(Execution {
        first: from.get("execution.first")?,
        style: from.get("execution.style")?,
        maker_deadline: from.get("execution.maker_deadline")?,
        collar: from.get("execution.collar")?,
        reduce_collar: from.get("execution.reduce_collar")?,
        clip: from.get("execution.clip")?,
        hedge_time: from.get("execution.hedge_time")?,
        attempts: from.get("execution.attempts")?,
        probe_every: from.get("execution.probe_every")?,
        absent_after: from.get("execution.absent_after")?,
    })
}

fn risk(from: &From) -> Result<Risk, Misfit> {
    Ok(Risk {
        max_order: from.get("risk.max_order")?,
        max_pair: from.get("risk.max_pair")?,
        max_total: from.get("risk.max_total")?,
        daily_loss: from.get("risk.daily_loss")?,
        orders_per_minute: from.get("risk.orders_per_minute")?,
        duplicate_window: from.get("risk.duplicate_window")?,
        foreign: from.get("risk.foreign")?,
    })
}

fn margin(from: &From) -> Result<Margin, Misfit> {
    Ok(Margin {
        mode: from.get("margin.mode")?,
        collateral: from.get("margin.collateral")?,
        autopilot: from.get("margin.autopilot")?,
        warn: from.get("margin.warn")?,
        top_up: from.get("margin.top_up")?,
        floor: from.get("margin.floor")?,
        target: from.get("margin.target")?,
        most_notional: from.get("margin.most_notional")?,
    })
}

fn sim(from: &From) -> Result<Sim, Misfit> {
    Ok(Sim {
        fill: from.get("sim.fill")?,
        data_end: from.get("sim.data_end")?,
        half_spread: from.get("sim.half_spread")?,
        impact: from.get("sim.impact")?,
        latency: from.get("sim.latency")?,
        buy_fee_in: from.get("sim.buy_fee_in")?,
        spot_maker: from.get("sim.spot_maker")?,
        spot_taker: from.get("sim.spot_taker")?,
        perp_maker: from.get("sim.perp_maker")?,
        perp_taker: from.get("sim.perp_taker")?,
        transfer_delay: from.get("sim.transfer_delay")?,
        spot_share: from.get("sim.spot_share")?,
        prices: from.get("sim.prices")?,
        candles: from.get("sim.candles")?,
        wallets: from.get("sim.wallets")?,
        seed: from.get("sim.seed")?,
    })
}

/// A type that a field of the settings can have.
pub(super) trait Field: Sized {
    fn field(value: &Value) -> Option<Self>;
}

macro_rules! field {
    ($($type:ty: $pattern:pat => $result:expr;)+) => { $(
        impl Field for $type {
            fn field(value: &Value) -> Option<Self> {
                match value {
                    $pattern => $result,
                    _ => None,
                }
            }
        }
    )+ };
}

field! {
    FundingRate: Value::Funding(rate) => Some(*rate);
    Rate: Value::Rate(rate) => Some(*rate);
    Bps: Value::Bps(points) => Some(*points);
    Span: Value::Span(span) => Some(*span);
    Amount: Value::Money(money) => Some(money.amount);
    Asset: Value::Money(money) => Some(money.asset);
    u8: Value::Count(count) => Self::try_from(*count).ok();
    u32: Value::Count(count) => Self::try_from(*count).ok();
    u64: Value::Count(count) => Some(*count);
    bool: Value::Switch(on) => Some(*on);
    Vec<String>: Value::Pairs(names) | Value::Hosts(names) => Some(names.clone());
    Vec<(Venue, Rate)>: Value::Multiples(rows) => Some(rows.clone());
}

/// What `"off"` may stand for.
macro_rules! optional {
    ($($type:ty: $pattern:pat => $result:expr;)+) => { $(
        impl Field for Option<$type> {
            fn field(value: &Value) -> Option<Self> {
                match value {
                    Value::Off => Some(None),
                    $pattern => Some(Some($result)),
                    _ => None,
                }
            }
        }
    )+ };
}

optional! {
    Bps: Value::Bps(points) => *points;
    Rate: Value::Rate(rate) => *rate;
    Span: Value::Span(span) => *span;
    String: Value::Path(text) | Value::Socket(text) => text.clone();
    Quantity: Value::Quantity(quantity, _) => *quantity;
    Asset: Value::Quantity(_, coin) => *coin;
}

/// Words are those that serde gives the enum, so a new variant needs no second list.
macro_rules! words {
    ($($type:ty),+) => { $(
        impl Field for $type {
            fn field(value: &Value) -> Option<Self> {
                let Value::Word(word) = value else { return None };
                let text: StrDeserializer<WordError> = word.into_deserializer();
                Self::deserialize(text).ok()
            }
        }
    )+ };
}

words!(
    Mode,
    StrategyKind,
    SlotsOf,
    CandleSource,
    Wallets,
    Rule,
    FundingSource,
    Weighting,
    When,
    Indicator,
    Style,
    MarginMode,
    OnForeign,
    Missing,
    Collateral,
    FillAt,
    DataEnd,
    BuyFeeIn,
    Leg,
    Level
);

impl Field for Capital {
    fn field(value: &Value) -> Option<Self> {
        match value {
            Value::Word(_) => Some(Self::All),
            Value::Rate(share) => Some(Self::Share(*share)),
            Value::Money(money) => Some(Self::Amount(money.amount)),
            _ => None,
        }
    }
}

impl Field for First {
    fn field(value: &Value) -> Option<Self> {
        match value {
            Value::Word("auto") => Some(Self::Auto),
            other => Leg::field(other).map(Self::Leg),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::kind::Kind;

    #[test]
    fn every_word_of_the_table_has_a_meaning() {
        for key in KEYS {
            let Kind::Word(words) = key.kind else { continue };
            for word in words {
                let mut values = defaults().unwrap();
                values.insert(key.path, key.parse(word).unwrap());
                assert!(settings(&values).is_ok(), "{} = {word}", key.path);
            }
        }
    }

    #[test]
    fn every_key_is_needed_and_its_bounds_fit_the_field() {
        for key in KEYS {
            let mut values = defaults().unwrap();
            values.remove(key.path);
            assert_eq!(settings(&values), Err(Misfit(key.path)));
            let Some((_, high)) = key.range else { continue };
            values.insert(key.path, key.parse(high).unwrap());
            assert!(settings(&values).is_ok(), "{} = {high}", key.path);
        }
    }
}
