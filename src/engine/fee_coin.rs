//! The coin of its own that a venue takes its fees in while there is enough of it: how long it lasts, and that it is used up.
//!
//! Seen from the fills alone, so it works wherever a venue does such a thing. Nothing is bought here: the fees fall back to
//! the usual coin by themselves and the pair is hedged by what was received; but they cost more, and a person should know
//! before that (fault E10). Tests: at the end of the file, and `tests/live/fee_coin.rs`.

use super::apply::alarm;
use super::state::{PairState, State};
use crate::config::settings::Missing;
use crate::domain::{Amount, Asset, Leg, Market, PairId, Place, Side, VenueId};
use crate::ledger::book::Cause;
use crate::port::Command;
use crate::port::command::{AlarmKind, Severity};
use crate::port::event::Wallet;
use crate::port::order::Fill;

/// Below so many of the largest fee so far the coin counts as low: a pair leaves in some ten clips of two legs.
const FEES: i64 = 20;

/// What a wallet's fees are taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeeCoin {
    /// The coin.
    pub asset: Asset,
    /// The largest fee so far.
    pub largest: Amount,
    /// It was told that little is left.
    pub told: bool,
}

impl State {
    /// Whether fees were taken in a coin whose price is not known: then neither is the day's loss, and nothing is entered (L34).
    #[must_use]
    pub fn loss_unknown(&self) -> bool {
        self.settings.gates.missing == Missing::Refuse && !self.ledger.unpriced_tokens().is_empty()
    }

    /// The coin of its own that the venue of a pair takes spot fees in now; `None` when it takes the usual ones, when that is
    /// not known yet, or when less is left than one fee took.
    #[must_use]
    pub fn fee_coin(&self, pair: &PairState) -> Option<Asset> {
        let venue = pair.pair.venue(Leg::Long);
        let known = self.venue(venue)?.fee_coins.get(&Wallet::Spot)?;
        let left = self.ledger.wallet(venue, Wallet::Spot, known.asset);
        (left >= known.largest).then_some(known.asset)
    }
}

/// A fill of ours was booked: what its fee was taken in, what is left of that, and whose coins it took.
pub(super) fn watch(state: &mut State, of: (PairId, Leg, Side), fill: &Fill, out: &mut Vec<Command>) {
    let (id, leg, side) = of;
    let Some(pair) = state.pairs.get(id.index()).map(|pair| pair.pair.clone()) else { return };
    let Place { venue, market, quote } = pair.place(leg);
    let wallet = match market {
        Market::Spot => Wallet::Spot,
        Market::Perp => Wallet::Perp,
    };
    let Some(coins) = state.venue(venue).map(|venue| &venue.fee_coins) else { return };
    let known = coins.get(&wallet).copied();
    if fill.fee_asset == pair.coin
        && (market, side) == (Market::Spot, Side::Buy)
        && known.is_none_or(|one| one.asset == pair.coin)
    {
        // Taken from what was bought: that is the usual place, and it would be the same coin anyhow.
        return;
    }
    let usual = fill.fee_asset == quote || fill.fee_asset == pair.coin && (market, side) == (Market::Spot, Side::Buy);
    let left = (!usual).then(|| state.ledger.wallet(venue, wallet, fill.fee_asset));
    let (coin, told) = next(known, (fill.fee, fill.fee_asset), left);
    let Some(coins) = state.venues.get_mut(venue.index()).map(|venue| &mut venue.fee_coins) else { return };
    match coin {
        Some(coin) => drop(coins.insert(wallet, coin)),
        None => drop(coins.remove(&wallet)),
    }
    out.extend(told.map(|kind| alarm(kind, Severity::Warning, Some(id), None)));
    if !usual && fill.fee_asset != pair.coin {
        taken_from(state, id, (venue, fill.fee_asset));
    }
}

/// A fee of one pair was taken in the coin of another one: what the wallets no longer cover has left that pair. It is that
/// pair's loss, and its legs are made equal again like after any other fee.
fn taken_from(state: &mut State, payer: PairId, (venue, coin): (VenueId, Asset)) {
    let Some(owner) = super::collateral::pair_of(state, venue, coin) else { return };
    let Some(pair) = state.pairs.get(owner.index()) else { return };
    let held = Amount::of_coins(state.held(pair).0);
    let there: Amount = [Wallet::Spot, Wallet::Perp].into_iter().map(|one| state.ledger.wallet(venue, one, coin)).sum();
    let missing = held - there - state.ledger.transit(venue, coin);
    if missing <= Amount::ZERO {
        return;
    }
    let marks = state.ledger.pair(owner).and_then(|book| book.attribution.marks());
    let Some(mids) = pair.market.long.mid.zip(pair.market.short.mid).or(marks) else { return };
    let cause = Cause { sequence: state.sequence, at: state.now };
    let pair = pair.pair.clone();
    state.ledger.fee_from_coins(cause, (payer, &pair), missing, mids);
    if let Some(pair) = state.pairs.get_mut(owner.index()) {
        (pair.dirty, pair.at_rest) = (true, false);
    }
}

/// What is known after a fee, and what to tell; `left` is what the wallet holds of a coin that is neither the quote nor the
/// pair's own.
fn next(known: Option<FeeCoin>, fee: (Amount, Asset), left: Option<Amount>) -> (Option<FeeCoin>, Option<AlarmKind>) {
    let (fee, asset) = fee;
    if fee.is_zero() {
        return (known, None);
    }
    let Some(left) = left else { return (None, known.map(|_| AlarmKind::FeeCoinOut)) };
    let known = known.filter(|known| known.asset == asset);
    let largest = known.map_or(fee, |known| known.largest.max(fee));
    let low = left < Amount::from_units(largest.units() * i128::from(FEES));
    let fresh = low && !known.is_some_and(|known| known.told);
    // Filled up, it may be told again.
    (Some(FeeCoin { asset, largest, told: low }), fresh.then_some(AlarmKind::FeeCoinLow))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e10_little_left_is_told_once_and_the_end_too() {
        let amount = |text: &str| Amount::parse(text).unwrap();
        let mut known = None;
        let mut pay = |fee: &str, asset: &'static str, left: Option<&str>| {
            let (coin, told) = next(known, (amount(fee), Asset::of(asset)), left.map(amount));
            known = coin;
            told
        };
        assert_eq!(pay("0.001", "BTC", None), None, "it was never taken in another coin");
        assert_eq!(pay("0.025", "BNB", Some("0.5")), None, "twenty of them are left");
        assert_eq!(pay("0.025", "BNB", Some("0.475")), Some(AlarmKind::FeeCoinLow));
        assert_eq!(pay("0.025", "BNB", Some("0.45")), None);
        assert_eq!(pay("0", "USDT", None), None, "nothing was paid");
        assert_eq!(pay("0.025", "BNB", Some("5")), None, "filled up");
        assert_eq!(pay("0.3", "BNB", Some("4.7")), Some(AlarmKind::FeeCoinLow));
        assert_eq!(pay("0.001", "BTC", None), Some(AlarmKind::FeeCoinOut));
        assert_eq!(pay("0.001", "BTC", None), None);
    }
}
