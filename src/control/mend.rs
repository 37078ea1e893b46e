//! What a person may have booked so that the ledger is what the venue's lists show: positions and coins of pairs first, then
//! the money of the wallets, and what is left after that.
//!
//! Pure: it works on a copy of the books, so that what it shows before consent is what is booked after it. Nothing is traded.
//! A position of which nobody can say which pair it belongs to is not booked; it is named with the way out. Tests: at the end,
//! and `tests/mending.rs`.

use super::plans::Line;
use crate::checks::reconcile::{self, Difference, Moved};
use crate::domain::{Amount, Bps, Leg, Price, Quantity, Side, SignedQuantity, VenueId};
use crate::engine::{self, PairState, State};
use crate::port::Event;
use crate::port::event::{Adjustment, Correction, Operator};
use crate::venues::binance::Lists;
use std::collections::BTreeMap;

/// What would be booked, in this order, and what would still differ.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Mending {
    /// Facts that a person consents to.
    pub events: Vec<Event>,
    /// The same for the person.
    pub lines: Vec<Line>,
    /// What differs afterwards.
    pub left: Vec<Difference>,
}

/// The mending of one venue; empty when nothing differs.
///
/// # Errors
/// Says which position cannot be booked, and what to do about it.
pub fn mending(state: &State, venue: VenueId, lists: &Lists) -> Result<Mending, String> {
    let mut mending = Mending::default();
    let mut copy = state.clone();
    let mut nothing = Vec::new();
    for correction in corrections(state, venue, lists)? {
        if let Some(pair) = state.pair(correction.pair) {
            mending.lines.extend(lines_of(pair, &correction));
        }
        let event = Event::Operator(Operator::Book(correction));
        engine::apply::apply(&mut copy, &event, &mut nothing);
        mending.events.push(event);
    }
    for one in reconcile::money(&copy, venue, lists) {
        let Moved { venue, wallet, asset, amount } = one;
        let event = Event::Adjusted { venue, wallet, asset, amount, cause: Adjustment::External };
        engine::apply::apply(&mut copy, &event, &mut nothing);
        mending.events.push(event);
        mending.lines.push(super::plans::money_line(state, &one));
    }
    mending.left = reconcile::compare(&copy, venue, lists).differences;
    Ok(mending)
}

/// What a pair has less or more at the venue than in its books.
fn corrections(state: &State, venue: VenueId, lists: &Lists) -> Result<Vec<Correction>, String> {
    let mut found = Vec::new();
    let mut missing: BTreeMap<_, Amount> = BTreeMap::new();
    let mut changes = BTreeMap::new();
    for pair in state.pairs.iter().filter(|pair| pair.pair.stands_at(venue)) {
        let coin = pair.pair.coin;
        let off = reconcile::off(state, (venue, coin), lists);
        let (_, perp) = state.held(pair);
        let row = lists.positions.iter().find(|(instrument, _)| *instrument == pair.pair.short);
        let listed = row.map_or(SignedQuantity::ZERO, |(_, row)| row.coins);
        // A leg at another venue is in that one's lists.
        let there = if pair.pair.venue(Leg::Short) == venue { listed } else { perp };
        // What all pairs of this contract together hold less or more is the first one's.
        let whole = changes.entry(pair.pair.short).or_insert_with(|| {
            if pair.pair.venue(Leg::Short) == venue {
                there - state.position(pair.pair.short)
            } else {
                SignedQuantity::ZERO
            }
        });
        let change = std::mem::replace(whole, SignedQuantity::ZERO);
        let left = missing.entry(coin).or_insert_with(|| reconcile::missing_coins(state, (venue, coin), off));
        let held = if pair.pair.venue(Leg::Long) == venue { state.held(pair).0 } else { SignedQuantity::ZERO };
        let gone = (*left).min(Amount::of_coins(held)).max(Amount::ZERO);
        *left -= gone;
        // Coins that came with a larger short are the pair's; other coins are money like any other.
        let came = if change.units() < 0 { off.min(Amount::of_coins(-change)).max(Amount::ZERO) } else { Amount::ZERO };
        let spot = (came - gone).to_coins();
        if change.is_zero() && spot.is_zero() {
            continue;
        }
        if there.units() > 0 || (perp.is_zero() && held.is_zero() && there.units() < 0) {
            return Err(stranger(pair, perp, there));
        }
        let none = || format!("{}: there is no price of one of the legs; try again", pair.pair.name);
        let mids = pair.market.long.mid.zip(pair.market.short.mid).ok_or_else(none)?;
        let entry = row.and_then(|(_, row)| row.entry);
        let price = price(state, pair, (perp + change, change), entry).unwrap_or(mids.1);
        found.push(Correction { pair: pair.pair.id, long: spot, short: change, price, mids });
    }
    Ok(found)
}

/// A position that no book of a pair can take over as it is.
fn stranger(pair: &PairState, ledger: SignedQuantity, there: SignedQuantity) -> String {
    let name = &pair.pair.name;
    let way = if there.units() > 0 {
        "a long is no part of a pair: close it at the venue"
    } else {
        "a short is not booked alone: carry adopt takes it into its pair with the coins of before, or close it at the venue"
    };
    format!("{name} position: ledger {ledger}, venue {there}; {way}")
}

/// The price of added coins after which the position costs what the venue says; `None` where the mid is as good.
fn price(
    state: &State,
    pair: &PairState,
    (there, change): (SignedQuantity, SignedQuantity),
    entry: Option<Price>,
) -> Option<Price> {
    if change.units() >= 0 {
        return None;
    }
    let book = state.ledger.pair(pair.pair.id)?.perp(Leg::Short);
    let whole = entry?.times_signed(there) - book.cost;
    let units = whole.units().checked_div(i128::from(change.units()))?;
    let price = Price::from_units(i64::try_from(units).ok()?).ok()?;
    // What is far from the market is no price: the venue's entry has another story.
    let mid = pair.market.short.mid?;
    (price.distance_bps(mid) <= Bps::from_units(i64::try_from(2_000 * Bps::ONE).ok()?)).then_some(price)
}

fn lines_of(pair: &PairState, correction: &Correction) -> Vec<Line> {
    let line = |leg: Leg, change: SignedQuantity, mid: Price| {
        let coins: Quantity = change.magnitude();
        let side = if change.units() > 0 { Side::Buy } else { Side::Sell };
        (!change.is_zero()).then(|| Line {
            pair: pair.pair.name.clone(),
            leg: pair.pair.market(leg).to_string(),
            side: format!("book {}", side.as_str()),
            coins,
            about: Some(mid.times(coins)),
            quote: pair.pair.quote(leg),
        })
    };
    let legs = [(Leg::Long, correction.long, correction.mids.0), (Leg::Short, correction.short, correction.mids.1)];
    legs.into_iter().filter_map(|(leg, change, mid)| line(leg, change, mid)).collect()
}

/// The words of a plan that only books.
#[must_use]
pub fn words(mending: &Mending) -> String {
    let positions = mending.events.iter().any(|event| matches!(event, Event::Operator(_)));
    let mut text =
        "no order is sent: the ledger books what the venue's lists show, as transfers from outside; it is no profit \
                    and no loss"
            .to_owned();
    if positions {
        text.push_str(
            "; coins and positions of a pair are booked at the present price, and legs that are unequal afterwards are made \
             equal by reducing, once nothing is halted",
        );
    }
    if !mending.left.is_empty() {
        let left: Vec<String> = mending.left.iter().map(ToString::to_string).collect();
        text.push_str("; still different afterwards: ");
        text.push_str(&left.join(", "));
    }
    text
}
