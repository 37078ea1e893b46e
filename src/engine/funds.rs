//! Money of a venue: what is free in each wallet, and moving it to where the next order needs it.

use super::state::{PairState, State};
use crate::domain::{Amount, Asset, Price, VenueId};
use crate::pairs::sizing::margin_of;
use crate::port::Command;
use crate::port::event::{Transfer, Wallet};

/// Money of one venue in one quote coin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Funds {
    /// Quote coin in the spot wallet.
    pub spot: Amount,
    /// Quote coin in the perp wallet plus unrealised profit.
    pub perp_equity: Amount,
    /// Value of all shorts at mark.
    pub notional: Amount,
    /// Their maintenance margin.
    pub maintenance: Amount,
    /// Margin that the shorts need at the configured leverage.
    pub margin: Amount,
    /// Value of spot holdings.
    pub holdings: Amount,
    /// On its way between wallets.
    pub transit: Amount,
}

impl Funds {
    /// Free for new margin.
    #[must_use]
    pub fn free_perp(&self) -> Amount {
        (self.perp_equity - self.margin).max(Amount::ZERO)
    }

    /// All money of the venue.
    #[must_use]
    pub fn equity(&self) -> Amount {
        self.spot + self.perp_equity + self.holdings + self.transit
    }
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
    pair.market.mark.map(|(mark, _)| mark).or(pair.market.perp.mid)
}

impl State {
    /// Money of a venue in one quote coin.
    #[must_use]
    pub fn funds(&self, venue: VenueId, quote: Asset) -> Funds {
        let mut funds = Funds {
            spot: self.ledger.wallet(venue, Wallet::Spot, quote),
            perp_equity: self.ledger.wallet(venue, Wallet::Perp, quote),
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
                Wallet::Perp => funds.perp_equity -= moving.amount,
            }
        }
        for pair in self.pairs.iter().filter(|pair| pair.pair.venue_id == venue && pair.pair.quote == quote) {
            let Some(book) = self.ledger.pair(pair.pair.id) else { continue };
            if book.perp.is_flat() && book.attribution.spot.is_zero() {
                continue;
            }
            let Some(mark) = mark_of(pair) else { continue };
            let notional = mark.times(book.perp.coins.magnitude());
            funds.perp_equity += book.perp.unrealised(mark);
            funds.notional += notional;
            let brackets = self.catalogue.instrument(pair.pair.perp).map(|instrument| instrument.brackets.as_slice());
            let maintenance = brackets.and_then(|brackets| crate::domain::margin::maintenance(brackets, notional));
            // Unknown brackets count as all of the notional: nothing is added on them.
            funds.maintenance += maintenance.unwrap_or(notional);
            if let Some(mid) = pair.market.spot.mid {
                funds.holdings += mid.times_signed(book.attribution.spot);
            }
        }
        funds.margin = margin_of(funds.notional, self.settings.size.leverage);
        funds
    }

    /// Moves money so that both wallets hold what a clip needs, or says that it must wait or cannot be.
    pub fn make_ready(&mut self, of: (VenueId, Asset), spot: Amount, perp: Amount, out: &mut Vec<Command>) -> Ready {
        let (venue, quote) = of;
        let funds = self.funds(venue, quote);
        let free_perp = funds.free_perp();
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
        let ((venue, from), (amount, asset)) = (wallet, money);
        // Up to the next cent, so that rounding never leaves the target short by a unit.
        let cent = 100_000_000_000_000;
        let amount = Amount::from_units((amount.units() + cent - 1).div_euclid(cent) * cent);
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
