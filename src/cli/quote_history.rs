//! `carry quote --data`: one pair as it stood at a time of history, by the engine that trades; costs of a size from the volume of
//! its bars, and the pooled odds from all series of funding of its venue in the folder. Nothing later than the time is looked at.
//!
//! Tests: `tests/suite/quote_room.rs`.

use super::history::{Ready, Window, not_there};
use super::quote::{Args, Report};
use super::quote_room::{Known, Odds, Past, Room, Sized};
use super::scan::Row;
use super::{Exit, Failure};
use crate::control::forecast_row::NextRow;
use crate::data::folder::{Folder, Kind};
use crate::data::funding::read_funding;
use crate::data::history::FundingRow;
use crate::domain::{Amount, Instrument, Interval, Leg, Quantity, Symbol, Venue, WallTime};
use crate::engine::{PairState, State};
use crate::fetch::look::coins_of;
use crate::run::backtest::Bars;
use crate::run::journal::NoJournal;
use crate::strategy::capacity::Capacity;
use crate::strategy::odds::Paid;
use std::path::Path;

/// The card of one pair.
///
/// # Errors
/// Exit code 2 for a pair, a size or a time that cannot be, 1 for files that cannot be used.
pub(super) fn report(args: &Args, data: &Path) -> Result<Report, Failure> {
    let window = Window::read(None, args.date.as_deref(), ("", "--at"))?;
    let (size, quote) = args.at.size()?;
    let loaded = args.at.loaded(Some(format!("strategy.pairs=[\"{}\"]", args.pair)))?;
    let folder = Folder::open(data).map_err(not_there)?;
    let ready = Ready::of(&loaded, &folder, window)?;
    let failed = |error: crate::store::JournalError| Failure::new(Exit::Failure, error.to_string());
    let inputs = ready.inputs();
    let mut bars = Bars::new(&inputs, NoJournal, false).map_err(failed)?;
    while bars.step().map_err(failed)? {}
    let now = bars.now();
    let state = &bars.driver().state;
    let (Some(pair), Some(history)) = (state.pairs.first(), ready.histories.first()) else {
        return Err(Failure::new(Exit::Usage, format!("{} is not played: see size.quantity", args.pair)));
    };
    if pair.pair.is_spread() || pair.pair.quote(Leg::Short).as_str() != quote {
        let text =
            format!("{}: expected a pair of spot and perp that is priced in {quote}, the coin of --size", args.pair);
        return Err(Failure::new(Exit::Usage, text));
    }
    let Some(perp) = state.catalogue.instrument(pair.pair.short) else {
        return Err(Failure::new(Exit::Failure, format!("{}: its short leg is not known", args.pair)));
    };
    let own = (perp.symbol.to_string(), paid(&history.funding, now));
    let past = Past { own, others: others(&folder, (perp.venue, perp.symbol), now)? };
    let mut report = card(state, pair, (size, quote), &past);
    report.remarks = ready.remarks.iter().map(|remark| format!("{}: {}", remark.subject, remark.text)).collect();
    Ok(report)
}

/// What had been paid by then.
fn paid(rows: &[FundingRow], now: WallTime) -> Vec<Paid> {
    let rows = rows.iter().filter(|row| row.stamp <= now);
    rows.map(|row| (row.stamp, row.rate.to_f64(), row.interval.map_or(8, Interval::hours))).collect()
}

/// The other series of funding of the venue.
fn others(folder: &Folder, (venue, own): (Venue, Symbol), now: WallTime) -> Result<Vec<(String, Vec<Paid>)>, Failure> {
    let wanted = folder.files().iter().filter(|(key, _)| key.kind == Kind::Funding && key.venue == venue);
    let mut rows = Vec::new();
    for (key, file) in wanted.filter(|(key, _)| key.symbol != own) {
        rows.push((key.symbol.to_string(), paid(&read_funding(file)?, now)));
    }
    Ok(rows)
}

#[expect(clippy::float_arithmetic, reason = "estimates")]
fn card(state: &State, pair: &PairState, (size, quote): (Amount, String), past: &Past) -> Report {
    let mut view = state.view(pair, Quantity::ZERO);
    let fees = view.costs.long_fee + view.costs.short_fee;
    let capacity = Capacity::of(&view);
    let usual = view.costs;
    let at = |size: f64| {
        let costs = capacity?.costs(&usual, size);
        Some(Sized { costs, enter: costs.one_way() })
    };
    let legs: Vec<&Instrument> =
        [pair.pair.long, pair.pair.short].into_iter().filter_map(|id| state.catalogue.instrument(id)).collect();
    let least = legs.iter().map(|leg| leg.rules.min_notional.to_f64()).fold(1.0, f64::max);
    let step = legs.iter().map(|leg| leg.rules.step).max().unwrap_or(Quantity::ZERO);
    let interest = view.market.short.open_interest().zip(view.market.short.mid);
    let known = Known {
        from: "the volume of bars: a size is what trades in one bar, and its impact grows with the root of its share of it",
        at: &at,
        bounds: capacity.map(|capacity| (least, capacity.volumes[0].min(capacity.volumes[1]))),
        open_interest: interest.map(|(coins, mid)| coins.to_f64() * mid.to_f64()).filter(|value| *value > 0.0),
        size: size.to_f64(),
    };
    let costs = at(size.to_f64()).map(|sized| sized.costs);
    let (odds, room) = (Odds::of(&view, costs.map(|costs| costs.round_trip()), past), Room::of(&view, &known));
    let coins = view.market.long.mid.map(|mid| coins_of(size, mid).floor_to(step));
    view.costs = costs.unwrap_or(usual);
    let row = Row::seen(&pair.pair.name, &view, (costs, fees), coins.unwrap_or(Quantity::ZERO));
    let mut report = Report::of(&view, (size, quote), row, (odds, room));
    report.round_trip_cost =
        costs.and_then(|costs| Amount::parse(&format!("{:.2}", costs.round_trip() * size.to_f64())).ok());
    report.next = NextRow::of(&pair.next);
    report
}
