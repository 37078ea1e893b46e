//! Coins of the spot leg as collateral of the short (`margin.collateral = "coin"`): what they count for, moving each clip to
//! the perp wallet once it is hedged, and the quote coin that must stand beside them.
//!
//! A coin counts for the worse of the venue's index and our own mid, less the venue's haircut (fault E15); only the coins
//! of our pairs count, and only while the venue's rates are young. Unrealised profit and loss are in the quote coin, so a
//! rally that is realised leaves a debt there, for which the venue would sell coins: the autopilot pays it before.
//! The way back, for a sale, is in `unpark`. Tests: `tests/suite/coin.rs`, `tests/live.rs`.

use super::apply::{alarm, venue_alarm};
use super::funds::Funds;
use super::margin;
use super::orders_due;
use super::record::{FillRecord, Record};
use super::state::{PairState, State};
use super::unpark;
use crate::domain::fees::Role;
use crate::domain::price::PRICE_ONE;
use crate::domain::{
    Amount, Asset, FillId, Leg, PairId, Price, Quantity, Rate, Side, SignedQuantity, Span, VenueId, WallTime,
};
use crate::ledger::book::Cause;
use crate::pairs::sizing::QUOTE_BUFFER;
use crate::port::Command;
use crate::port::command::{AlarmKind, Severity};
use crate::port::event::{Adjustment, Wallet};
use crate::port::order::{Fill, Reason};

/// The venue's rates are asked for each minute; after three that brought none they are not known.
const RATE_AGE: Span = Span(3 * 60_000);
/// Share of the covered shorts below which the quote coin beside them is filled up to [`QUOTE_BUFFER`].
const QUOTE_LOW: Rate = Rate::from_units(5_000_000_000_000_000);

/// What a coin counts for, as the venue told it last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CoinRate {
    /// Index in US dollars.
    pub index: Price,
    /// Share of it that counts.
    pub share: Rate,
    /// When it was told.
    pub at: WallTime,
}

/// Which rates a value may stand on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Young ones: for everything that adds, and for what is moved to be safe.
    Fresh,
    /// The last ones, however old: for selling. Not knowing is no reason to sell what may be safe.
    Last,
}

impl State {
    /// Price in the quote coin at which a pair's coin counts before its haircut, and the share that counts; `None` when
    /// that is not known.
    #[must_use]
    pub fn coin_rate(&self, pair: &PairState, trust: Trust) -> Option<(Price, Rate)> {
        let of = |asset: Asset| {
            let rate = self.collateral.get(&(pair.pair.venue(Leg::Short), asset))?;
            (trust == Trust::Last || self.now.since(rate.at) <= RATE_AGE).then_some(rate)
        };
        let (coin, quote) = (of(pair.pair.coin)?, of(pair.pair.quote(Leg::Short))?);
        let units = i128::from(coin.index.units()) * i128::from(PRICE_ONE) / i128::from(quote.index.units().max(1));
        let index = Price::from_units(i64::try_from(units).ok()?).ok()?;
        let share = coin.share.clamp_to(Rate::from_units(0), Rate::from_units(Rate::ONE));
        Some((index.min(pair.market.long.mid?), share))
    }

    /// What coins of a pair count for, in its quote coin.
    #[must_use]
    pub fn coin_value(&self, pair: &PairState, coins: Quantity, trust: Trust) -> Option<Amount> {
        let (price, share) = self.coin_rate(pair, trust)?;
        Some(price.times(coins).times_rate(share))
    }

    /// Ours of a coin in the perp wallet; never more than there is, should somebody have moved them.
    fn in_perp(&self, venue: VenueId, coin: Asset) -> Amount {
        self.ledger.parked(venue, coin).min(self.ledger.wallet(venue, Wallet::Perp, coin))
    }

    /// Coins of a pair in the perp wallet. What was decided to leave it is not among them.
    #[must_use]
    pub fn parked(&self, pair: &PairState) -> Quantity {
        let (venue, coin) = (pair.pair.venue(Leg::Short), pair.pair.coin);
        let mut parked = self.in_perp(venue, coin);
        if let Some(moving) = self.venue(venue).and_then(|state| state.moving)
            && self.ledger.transit(venue, coin).is_zero()
            && (moving.asset, moving.from) == (coin, Wallet::Perp)
        {
            parked -= moving.amount;
        }
        Quantity::saturating(parked.to_coins().units())
    }

    /// Coins of a pair that lie in the spot wallet: all that it holds less what is parked or on its way.
    #[must_use]
    pub fn at_hand(&self, pair: &PairState) -> Quantity {
        let (venue, coin) = (pair.pair.venue(Leg::Short), pair.pair.coin);
        let (spot, _) = self.held(pair);
        let mut away = self.in_perp(venue, coin) + self.ledger.transit(venue, coin);
        if let Some(moving) = self.venue(venue).and_then(|state| state.moving)
            && self.ledger.transit(venue, coin).is_zero()
            && (moving.asset, moving.from) == (coin, Wallet::Spot)
        {
            away += moving.amount;
        }
        Quantity::saturating((spot - away.to_coins()).units())
    }
}

/// Looks after every venue that holds coins as collateral.
pub(super) fn work(state: &mut State, out: &mut Vec<Command>) {
    if !state.coins_margin() {
        return;
    }
    let mut seen: Vec<(VenueId, Asset)> = Vec::new();
    for place in 0..state.pairs.len() {
        let Some(pair) = state.pairs.get(place) else { continue };
        let key = pair.pair.account(Leg::Short);
        if pair.memory.entered_at.is_none() || !state.coins_margin_of(&pair.pair) {
            continue;
        }
        if !seen.contains(&key) {
            seen.push(key);
            warn_of_age(state, place, out);
            if state.settings.margin.autopilot {
                pay_debt(state, key, out);
                bound(state, key);
            }
        }
        keep_way_out(state, place, out);
        park(state, place, out);
    }
}

/// Says once that what coins count for is not known any more.
fn warn_of_age(state: &mut State, place: usize, out: &mut Vec<Command>) {
    let Some(pair) = state.pairs.get(place) else { return };
    let (known, id) = (state.coin_rate(pair, Trust::Fresh).is_some(), pair.pair.venue(Leg::Short));
    // At the boot nothing has been asked yet: that is no news.
    let asked = state.booted.is_some_and(|booted| state.now.since(booted) > RATE_AGE);
    let Some(venue) = state.venues.get_mut(id.index()) else { return };
    if known {
        venue.rates_missed = false;
    } else if asked && !std::mem::replace(&mut venue.rates_missed, true) {
        out.push(venue_alarm(AlarmKind::CollateralUnknown, Severity::Page, id));
    }
}

/// Moves a hedged pair's coins to the perp wallet.
fn park(state: &mut State, place: usize, out: &mut Vec<Command>) {
    let Some(pair) = state.pairs.get(place) else { return };
    let leaves = pair.memory.closing || pair.memory.target.is_zero();
    if leaves || state.orders.is_busy(pair.pair.id) || orders_due::blocks(state, pair.pair.id) {
        return;
    }
    let Some(input) = state.plan_input(pair) else { return };
    let coins = state.at_hand(pair);
    // Coins of a leg that is not hedged may have to be sold again; less than can be sold is not worth the way.
    if input.delta().magnitude() >= input.lot() || coins < input.lot() || !counts(state, pair) {
        return;
    }
    let (wallet, coin) = ((pair.pair.venue(Leg::Long), Wallet::Spot), pair.pair.coin);
    state.send(wallet, (Amount::of_coins(SignedQuantity::from_units(coins.units())), coin), out);
}

/// Whether the venue takes the pair's coin as collateral, as far as is known now.
pub(super) fn counts(state: &State, pair: &PairState) -> bool {
    state.coin_rate(pair, Trust::Fresh).is_some_and(|(_, share)| share.units() > 0)
}

/// Keeps the quote coin beside the coins above a debt: from the spot wallet, else by closing a part of the pairs.
fn pay_debt(state: &mut State, key: (VenueId, Asset), out: &mut Vec<Command>) {
    let (venue, quote) = key;
    let funds = state.funds(venue, quote);
    let low = funds.covered.times_rate(QUOTE_LOW).max(Amount::ZERO);
    if funds.covered.is_zero() || funds.quote >= low || state.venue(venue).is_none_or(|venue| venue.moving.is_some()) {
        return;
    }
    let wanted = funds.covered.times_rate(QUOTE_BUFFER) - funds.quote;
    let movable = wanted.min(funds.spot);
    if movable >= low && state.send((venue, Wallet::Spot), (movable, quote), out) {
        return;
    }
    let rests = state.pairs.iter().filter(|pair| pair.pair.account(Leg::Short) == key).all(|pair| pair.at_rest);
    let short = funds.quote < Amount::ZERO && funds.spot < -funds.quote && rests;
    if short && margin::shrink_to(state, key, raises(&funds, wanted - funds.spot)) {
        out.push(venue_alarm(AlarmKind::MarginFloor, Severity::Page, venue));
    }
}

/// Makes both legs smaller where a rally made the shorts more than `margin.most_notional` of the equity: their coins carry them
/// further, but a cut of the haircut would meet all of it.
fn bound(state: &mut State, key: (VenueId, Asset)) {
    let Some(most) = state.settings.margin.most_notional else { return };
    let funds = state.funds(key.0, key.1);
    let limit = funds.equity().times_rate(most);
    let rests = state.pairs.iter().filter(|pair| pair.pair.account(Leg::Short) == key).all(|pair| pair.at_rest);
    if limit > Amount::ZERO && funds.notional > limit && rests {
        margin::shrink_to(state, key, share_of(limit, funds.notional));
    }
}

/// Nine tenths of the limit over what there is, so that the next hour does not do it again.
#[expect(clippy::float_arithmetic, reason = "a share of a position; the coins are rounded down to the step afterwards")]
fn share_of(limit: Amount, notional: Amount) -> f64 {
    0.9 * limit.to_f64() / notional.to_f64()
}

/// After a great rally the venue keeps back what the coins count for, and none could be sold any more: the quote coin goes
/// there before that, or a quarter of the pairs is closed while it still can be.
fn keep_way_out(state: &mut State, place: usize, out: &mut Vec<Command>) {
    let Some(pair) = state.pairs.get(place) else { return };
    let key = pair.pair.account(Leg::Short);
    let (rests, missing) = (pair.at_rest, unpark::missing(state, pair));
    let Some(venue) = state.venues.get_mut(key.0.index()) else { return };
    venue.stuck &= !missing.is_zero();
    if missing.is_zero() || !rests || venue.moving.is_some() || !state.settings.margin.autopilot {
        return;
    }
    if !unpark::widen(state, place, out) && margin::shrink_to(state, key, 0.75) {
        out.push(venue_alarm(AlarmKind::MarginFloor, Severity::Page, key.0));
    }
}

/// The share of all pairs to keep so that closing the rest brings this much of the quote coin: the coins' value with the
/// loss or gain of their short, about what they cost. One percent more, for the costs of getting there.
#[expect(clippy::float_arithmetic, reason = "a share of a position; the coins are rounded down to the step afterwards")]
fn raises(funds: &Funds, wanted: Amount) -> f64 {
    let cost = (funds.holdings + funds.perp_equity - funds.quote).to_f64();
    if cost > 0.0 { (1.0 - wanted.to_f64() / cost * 1.01).clamp(0.0, 1.0) } else { 0.0 }
}

/// Coins went out of a perp wallet, or the quote coin came in, because the venue sold coins for a debt.
pub(super) fn exchanged(state: &mut State, (venue, asset, amount): (VenueId, Asset, Amount), out: &mut Vec<Command>) {
    let cause = Cause { sequence: state.sequence, at: state.now };
    let proceeds = state.quotes.contains(&asset) && amount > Amount::ZERO;
    let owner = if proceeds { seller(state, venue, asset) } else { exchanged_pair(state, venue, asset) };
    let Some(id) = owner else {
        state.ledger.adjust(cause, (venue, Wallet::Perp), (amount, asset), Adjustment::AutoExchange);
        return;
    };
    let Some(pair) = state.pairs.get(id.index()) else { return };
    if proceeds {
        state.ledger.exchange_proceeds(cause, &pair.pair, amount);
        record_sale(state, id, (amount, asset));
        return;
    }
    let parked = state.ledger.parked(venue, asset).max(Amount::ZERO);
    // What is more than ours was there before.
    let ours = Quantity::saturating((-amount).min(parked).to_coins().units());
    let marks = state.ledger.pair(id).and_then(|book| book.attribution.marks());
    if let Some(mids) = pair.market.long.mid.zip(pair.market.short.mid).or(marks) {
        state.ledger.exchange_coins(cause, &pair.pair, ours, mids);
        if let Some(venue) = state.venues.get_mut(venue.index()) {
            venue.sold = Some((id, ours, mids));
        }
    }
    let rest = amount + Amount::of_coins(SignedQuantity::from_units(ours.units()));
    state.ledger.adjust(cause, (venue, Wallet::Perp), (rest, asset), Adjustment::AutoExchange);
    repair(state, id, out);
}

/// The row of a sale by the venue: known once what it paid has come.
fn record_sale(state: &mut State, id: PairId, (paid, asset): (Amount, Asset)) {
    let Some(venue) = state.pairs.get(id.index()).map(|pair| pair.pair.venue(Leg::Short)) else { return };
    let Some(sold) = state.venues.get_mut(venue.index()).and_then(|venue| venue.sold.take()) else { return };
    let (pair, quantity, mids) = sold;
    let units = paid.units().div_euclid(i128::from(quantity.units().max(1)));
    let Some(price) = i64::try_from(units).ok().and_then(|units| Price::from_units(units).ok()) else { return };
    let (at, id) = (state.now, FillId(state.sequence.0));
    let fill = Fill { id, quantity, price, fee: Amount::ZERO, fee_asset: asset, role: Role::Taker, at };
    let hedged = state.pairs.get(pair.index()).map_or(Quantity::ZERO, |pair| pair.largest);
    state.records.push(Record::Fill(FillRecord {
        at,
        pair,
        leg: Leg::Long,
        side: Side::Sell,
        fill,
        mids,
        arrival_mid: mids.0,
        intent: None,
        act: None,
        reason: Reason::AutoExchange,
        hedged,
    }));
}

/// The pair whose coin it is.
#[must_use]
pub fn pair_of(state: &State, venue: VenueId, coin: Asset) -> Option<PairId> {
    state
        .pairs
        .iter()
        .map(|pair| &pair.pair)
        .find(|pair| (pair.venue(Leg::Long), pair.coin) == (venue, coin))
        .map(|pair| pair.id)
}

/// The pair whose coins a sale takes: one of that coin with coins in the perp wallet.
fn exchanged_pair(state: &State, venue: VenueId, coin: Asset) -> Option<PairId> {
    pair_of(state, venue, coin).filter(|_| state.ledger.parked(venue, coin) > Amount::ZERO)
}

/// The pair whose sale the quote coin is for: the one whose coins went last, else one that has coins there.
fn seller(state: &State, venue: VenueId, quote: Asset) -> Option<PairId> {
    let last = state.venue(venue).and_then(|venue| venue.sold_last);
    let parks = |pair: &&PairState| state.ledger.parked(venue, pair.pair.coin) > Amount::ZERO;
    let ours = state.pairs.iter().filter(|pair| pair.pair.account(Leg::Short) == (venue, quote));
    last.or_else(|| ours.filter(parks).map(|pair| pair.pair.id).next())
}

/// A pair lost coins to the venue: the short is made as small as what is left.
fn repair(state: &mut State, id: PairId, out: &mut Vec<Command>) {
    out.push(alarm(AlarmKind::AutoExchanged, Severity::Page, Some(id), None));
    let Some(pair) = state.pairs.get(id.index()) else { return };
    let (spot, perp) = state.held(pair);
    let hedged = Quantity::saturating(spot.units().min(-perp.units()));
    let Some(pair) = state.pairs.get_mut(id.index()) else { return };
    pair.memory.venue_made = true;
    pair.memory.closing = true;
    pair.memory.target = pair.memory.target.min(hedged);
    pair.memory.reason = Some(Reason::VenueClosed);
    pair.dirty = true;
    pair.at_rest = false;
    let venue = pair.pair.venue(Leg::Short);
    if let Some(venue) = state.venues.get_mut(venue.index()) {
        venue.sold_last = Some(id);
    }
}
