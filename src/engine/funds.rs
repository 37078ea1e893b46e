//! Money of a venue: what is free in each wallet, and moving it to where the next order needs it.

use super::collateral::Trust;
use super::state::{PairState, State};
use crate::domain::collateral::COIN_LEVERAGE;
use crate::domain::{Amount, Asset, Leg, Price, Rate, Span, VenueId};
use crate::pairs::sizing::{QUOTE_BUFFER, margin_of};
use crate::port::Command;
use crate::port::event::{Transfer, Wallet};
use crate::risk::belief::Use;

/// Money of one venue in one quote coin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Funds {
    /// Quote coin in the spot wallet.
    pub spot: Amount,
    /// Quote coin in the perp wallet; below zero it is a debt.
    pub quote: Amount,
    /// Quote coin in the perp wallet plus unrealised profit.
    pub perp_equity: Amount,
    /// What coins in the perp wallet count for after their haircut.
    pub collateral: Amount,
    /// Value of all shorts at mark.
    pub notional: Amount,
    /// Value of all long perps at mark.
    pub longs: Amount,
    /// The part of it whose coins are in the perp wallet.
    pub covered: Amount,
    /// Maintenance margin of shorts and long perps.
    pub maintenance: Amount,
    /// Margin that they need at the configured leverage.
    pub margin: Amount,
    /// Value of spot holdings.
    pub holdings: Amount,
    /// On its way between wallets.
    pub transit: Amount,
    /// What isolated positions hold of the perp wallet; absent where they share it.
    pub isolated: Option<Amount>,
}

impl Funds {
    /// What margins the positions.
    #[must_use]
    pub fn margin_equity(&self) -> Amount {
        self.perp_equity + self.collateral
    }

    /// Free for new margin.
    #[must_use]
    pub fn free_perp(&self) -> Amount {
        if let Some(isolated) = self.isolated {
            return (self.quote - isolated).max(Amount::ZERO);
        }
        (self.margin_equity() - self.margin).max(Amount::ZERO)
    }

    /// Quote coin of the perp wallet that is free: for the margin of a clip, or to leave.
    #[must_use]
    pub fn free_quote(&self) -> Amount {
        if self.covered.is_zero() && self.collateral.is_zero() {
            return self.free_perp();
        }
        let kept = self.covered.times_rate(QUOTE_BUFFER);
        (self.quote - kept).min(self.free_perp()).max(Amount::ZERO)
    }

    /// All money of the venue.
    #[must_use]
    pub fn equity(&self) -> Amount {
        self.spot + self.perp_equity + self.holdings + self.transit
    }
}

/// What an entry needs of the money of one venue in one quote coin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// Whose money.
    pub account: (VenueId, Asset),
    /// In the spot wallet.
    pub spot: Amount,
    /// In the perp wallet.
    pub perp: Amount,
}

/// Whether an entry can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ready {
    /// Both wallets hold enough.
    Yes,
    /// Money is on its way, or was just sent.
    Wait,
    /// Not even together.
    No,
}

/// The price that margin is computed at: the mark, else the perp's mid.
#[must_use]
pub fn mark_of(pair: &PairState) -> Option<Price> {
    pair.market.short.mark.map(|(mark, _)| mark).or(pair.market.short.mid)
}

impl State {
    /// Money of a venue in one quote coin. Coins whose rate is not known, or is old, count for nothing.
    #[must_use]
    pub fn funds(&self, venue: VenueId, quote: Asset) -> Funds {
        self.funds_by(venue, quote, Trust::Fresh)
    }

    /// The same, with coins valued by what is trusted.
    #[must_use]
    pub fn funds_by(&self, venue: VenueId, quote: Asset, trust: Trust) -> Funds {
        let mut funds = Funds {
            spot: self.ledger.wallet(venue, Wallet::Spot, quote),
            quote: self.ledger.wallet(venue, Wallet::Perp, quote),
            transit: self.ledger.transit(venue, quote),
            ..Funds::default()
        };
        // A transfer that was decided and has not left yet is already spoken for.
        if let Some(moving) = self.venue(venue).and_then(|state| state.moving.as_ref())
            && funds.transit.is_zero()
            && moving.asset == quote
        {
            funds.transit = moving.amount;
            match moving.from {
                Wallet::Spot => funds.spot -= moving.amount,
                Wallet::Perp => funds.quote -= moving.amount,
            }
        }
        funds.perp_equity = funds.quote;
        for pair in &self.pairs {
            for leg in Leg::BOTH {
                if pair.pair.account(leg) == (venue, quote) {
                    self.add_leg(&mut funds, (pair, leg), trust);
                }
            }
        }
        let leverage = self.leverage_at(venue);
        let kept = Rate::from_units(Rate::ONE).times(i64::from(COIN_LEVERAGE));
        if self.is_isolated() {
            let ours = self.pairs.iter().filter(|pair| pair.pair.account(Leg::Short) == (venue, quote));
            funds.isolated = Some(ours.map(|pair| self.isolated_money(pair)).sum());
        }
        funds.margin = margin_of(funds.notional - funds.covered, leverage) + margin_of(funds.covered, kept);
        funds.margin += margin_of(funds.longs, leverage);
        funds
    }

    fn add_leg(&self, funds: &mut Funds, (pair, leg): (&PairState, Leg), trust: Trust) {
        let Some(book) = self.ledger.pair(pair.pair.id) else { return };
        let Some(position) = book.leg(leg).perp else {
            if let Some(mid) = pair.market.leg(leg).mid {
                funds.holdings += mid.times_signed(leg.of((book.attribution.long, book.attribution.short)));
            }
            return;
        };
        let parks = leg == Leg::Short && self.coins_margin_of(&pair.pair);
        // Coins that margined a short count until they have left.
        let nothing = !parks || book.owned().is_zero();
        if position.is_flat() && nothing {
            return;
        }
        let wanted = match trust {
            Trust::Fresh => Use::Margin,
            Trust::Last => Use::Shrink,
        };
        let Some(mark) = self.mark_for((pair, leg), wanted) else { return };
        let value = mark.times(position.coins.magnitude());
        funds.perp_equity += position.unrealised(mark);
        *(if position.coins.units() > 0 { &mut funds.longs } else { &mut funds.notional }) += value;
        let brackets = self.catalogue.instrument(pair.pair.leg(leg)).map(|instrument| instrument.brackets.as_slice());
        let maintenance = brackets.and_then(|brackets| crate::domain::margin::maintenance(brackets, value));
        // Unknown brackets count as all of the value: nothing is added on them.
        funds.maintenance += maintenance.unwrap_or(value);
        if parks {
            let parked = self.parked(pair);
            funds.collateral += self.coin_value(pair, parked, trust).unwrap_or_default();
            funds.covered += mark.times(parked.min(position.coins.magnitude()));
        }
    }

    /// The same as [`State::make_ready`] for all wallets that a pair's legs need: nothing is sent where one of them can never
    /// hold enough, because no money moves between venues.
    pub fn make_all_ready(&mut self, needs: &[Need], out: &mut Vec<Command>) -> Ready {
        let lacks = |need: &Need| {
            let funds = self.funds(need.account.0, need.account.1);
            let moving = self.venue(need.account.0).is_none_or(|venue| venue.moving.is_some());
            !moving && funds.spot + funds.free_quote() < need.spot + need.perp
        };
        if needs.len() > 1 && needs.iter().any(lacks) {
            return Ready::No;
        }
        let mut ready = Ready::Yes;
        for need in needs {
            match self.make_ready(need.account, need.spot, need.perp, out) {
                Ready::Yes => {}
                Ready::Wait => ready = Ready::Wait,
                Ready::No => return Ready::No,
            }
        }
        ready
    }

    /// Moves money so that both wallets hold what a clip needs, or says that it must wait or cannot be.
    pub fn make_ready(&mut self, of: (VenueId, Asset), spot: Amount, perp: Amount, out: &mut Vec<Command>) -> Ready {
        let (venue, quote) = of;
        let funds = self.funds(venue, quote);
        let free_perp = funds.free_quote();
        if funds.spot >= spot && free_perp >= perp {
            return Ready::Yes;
        }
        if self.venue(venue).is_none_or(|state| state.moving.is_some()) {
            return Ready::Wait;
        }
        if funds.spot + free_perp < spot + perp {
            return Ready::No;
        }
        let (from, amount) =
            if funds.spot < spot { (Wallet::Perp, spot - funds.spot) } else { (Wallet::Spot, perp - free_perp) };
        if self.send((venue, from), (amount, quote), out) { Ready::Wait } else { Ready::No }
    }

    /// Sends a transfer; false when it cannot be tried now.
    pub fn send(&mut self, wallet: (VenueId, Wallet), money: (Amount, Asset), out: &mut Vec<Command>) -> bool {
        let ((venue, from), (mut amount, asset)) = (wallet, money);
        if self.quotes.contains(&asset) {
            // Up to the next cent, so that rounding never leaves the target short by a unit.
            let cent = 100_000_000_000_000;
            amount = Amount::from_units((amount.units() + cent - 1).div_euclid(cent) * cent);
        }
        let available = self.ledger.wallet(venue, from, asset);
        let now = self.now;
        let may = self
            .venues
            .get(venue.index())
            .is_some_and(|state| state.moving.is_none() && !state.down && super::apply::has_come(now, state.retry_at));
        if !may || amount <= Amount::ZERO || amount > available {
            return false;
        }
        let transfer = Transfer { id: self.orders.next_id(), venue, from, asset, amount };
        if let Some(state) = self.venues.get_mut(venue.index()) {
            state.moving = Some(transfer);
        }
        out.push(Command::Transfer(transfer));
        true
    }
}

/// Time until a transfer is tried again after a refused one: a minute, but at first a second where a pair is unequal, because
/// the sale that mends it may wait for its coins (faults E12, E14).
pub(super) fn transfer_pause(state: &State, venue: VenueId) -> Span {
    let recent =
        state.venue(venue).and_then(|venue| venue.retry_at).is_some_and(|at| state.now.since(at) < Span::MINUTE);
    let is_unequal =
        |pair: &PairState| state.plan_input(pair).is_some_and(|input| input.delta().magnitude() >= input.lot());
    let waits = state.pairs.iter().any(|pair| pair.pair.stands_at(venue) && is_unequal(pair));
    if waits && !recent { Span::seconds(1) } else { Span::MINUTE }
}
