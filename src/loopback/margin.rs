//! What the futures account is worth and needs: equity, initial and maintenance margin, what is left, liquidation prices.
//!
//! Brackets are those of the instrument (`domain::margin`). With multi-assets mode other coins count at the index less a
//! haircut. Nothing here changes anything. Tests in `tests/suite/loopback.rs`.

use super::books::Position;
use super::listing::Listing;
use super::venue::Venue;
use crate::domain::collateral::{self, built_in_share, counts};
use crate::domain::{Amount, Asset, Market, Price, Quantity, Rate, Side, SignedQuantity, Symbol, margin};

/// Figures of the crossed account in the quote coin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Wallet that crossed positions share.
    pub(crate) wallet: Amount,
    pub(crate) unrealised: Amount,
    pub(crate) initial: Amount,
    pub(crate) open_orders: Amount,
    pub(crate) maintenance: Amount,
}

impl Standing {
    pub(crate) fn equity(&self) -> Amount {
        self.wallet + self.unrealised
    }

    /// What new positions may use.
    pub(crate) fn available(&self) -> Amount {
        (self.equity() - self.initial - self.open_orders).max(Amount::ZERO)
    }
}

/// Maintenance margin of a value on a perp.
pub(crate) fn maintenance(listing: &Listing, notional: Amount) -> Amount {
    margin::maintenance(&listing.perp.brackets, notional).unwrap_or(notional)
}

pub(crate) fn over(amount: Amount, leverage: u32) -> Amount {
    Amount::from_units(amount.units() / i128::from(leverage.max(1)))
}

impl Venue {
    /// Price of an asset in the quote coin; `None` when it is no collateral.
    pub(crate) fn asset_index(&self, asset: Asset) -> Option<Price> {
        if asset == self.quote {
            return Price::parse("1").ok();
        }
        self.market.of(Market::Spot).find(|listing| listing.spot.coin == asset).map(|listing| listing.index)
    }

    /// What a futures wallet counts for.
    pub(crate) fn collateral(&self, asset: Asset) -> Amount {
        let held = self.books.wallet(asset);
        if asset == self.quote {
            return held;
        }
        self.asset_index(asset).map_or(Amount::ZERO, |index| counts(held, index, built_in_share(asset)))
    }

    /// Money that isolated positions hold inside a wallet.
    pub(crate) fn isolated_money(&self, asset: Asset) -> Amount {
        if asset != self.quote {
            return Amount::ZERO;
        }
        self.books.positions.values().map(|position| position.isolated_wallet).sum()
    }

    /// The crossed account now.
    pub(crate) fn standing(&self) -> Standing {
        let mut sum = Standing { wallet: self.books.wallet(self.quote), ..Standing::default() };
        if self.books.multi_assets {
            sum.wallet = self.books.futures.keys().map(|asset| self.collateral(*asset)).sum();
        }
        sum.wallet -= self.isolated_money(self.quote);
        for (symbol, position) in &self.books.positions {
            let Some(listing) = self.market.get(symbol.as_str()) else { continue };
            sum.open_orders += over(self.open_value(*symbol, position), position.leverage);
            if position.isolated || position.coins.is_zero() {
                continue;
            }
            let notional = listing.mark.times(position.coins.magnitude());
            sum.unrealised += position.unrealised(listing.mark);
            sum.initial += over(notional, position.leverage);
            sum.maintenance += maintenance(listing, notional);
        }
        sum
    }

    /// Value of open orders that would add to a position: the larger of the two sides after closing.
    pub(crate) fn open_value(&self, symbol: Symbol, position: &Position) -> Amount {
        let side = |side: Side| -> Amount {
            let orders = self.books.open_orders(Market::Perp, Some(symbol));
            let adding = orders.filter(|order| order.side == side && !order.reduce_only);
            let value: Amount =
                adding.map(|order| order.price.map_or(Amount::ZERO, |price| price.times(order.left()))).sum();
            let closes = position.coins.units().signum() * i64::from(side == Side::Sell) > 0
                || position.coins.units() < 0 && side == Side::Buy;
            let held = self.market.get(symbol.as_str()).map(|one| one.mark.times(position.coins.magnitude()));
            if closes { (value - held.unwrap_or_default()).max(Amount::ZERO) } else { value }
        };
        side(Side::Buy).max(side(Side::Sell))
    }

    /// Money that could leave a futures wallet.
    pub(crate) fn withdrawable(&self, asset: Asset) -> Amount {
        let held = self.books.wallet(asset) - self.isolated_money(asset);
        let now = self.standing();
        let initial = now.initial + now.open_orders;
        let standing = collateral::Standing { wallet: now.wallet, unrealised: now.unrealised, initial };
        match (asset == self.quote, self.books.multi_assets) {
            (true, _) => standing.quote_out(held),
            (false, true) => standing.coins_out(held, self.collateral(asset)),
            (false, false) => held,
        }
    }

    /// Whether the account can carry `signed` more coins at `price`.
    pub(crate) fn can_carry(&self, listing: &Listing, signed: SignedQuantity, price: Price) -> bool {
        let position = self.books.position(listing.symbol);
        let held = position.coins;
        let against = held.units().signum() * signed.units().signum() < 0;
        let adding = if against { signed.magnitude().minus(held.magnitude()) } else { signed.magnitude() };
        if adding.is_zero() {
            return true;
        }
        let need = over(price.times(adding), position.leverage);
        let fee = price.times(adding).times_rate(listing.perp.fees.taker);
        self.standing().available() >= need + fee
    }

    /// Price at which a position is liquidated, other things equal, in units of 1e-8; zero when there is none.
    pub(crate) fn liquidation_units(&self, listing: &Listing, position: &Position) -> i64 {
        if position.coins.is_zero() {
            return 0;
        }
        let notional = listing.mark.times(position.coins.magnitude());
        let own = maintenance(listing, notional);
        let (equity, needed) = if position.isolated {
            (position.isolated_wallet + position.unrealised(listing.mark), own)
        } else {
            let standing = self.standing();
            (standing.equity(), standing.maintenance)
        };
        let short = position.coins.units() < 0;
        let per_coin = if short { notional + own } else { notional - own };
        let scale = 1_000_000_000_i128;
        let room = (equity - needed).units() / scale * i128::from(listing.mark.units());
        let distance = room / (per_coin.units() / scale).max(1);
        let moved = i128::from(listing.mark.units()) + if short { distance } else { -distance };
        i64::try_from(moved.max(0)).unwrap_or(0)
    }
}

/// Whether an order of this side and size only makes a position smaller.
pub(crate) fn reduces(position: &Position, side: Side, quantity: Quantity) -> bool {
    let signed = quantity.signed(side);
    position.coins.units().signum() * signed.units().signum() < 0 && quantity <= position.coins.magnitude()
}

/// Most value at a leverage, from the brackets: the leverage times the ratio stays within one.
pub(crate) fn most_notional(listing: &Listing, leverage: u32) -> i64 {
    let fits = |ratio: Rate| i128::from(ratio.units()) * 2 * i128::from(leverage) <= i128::from(Rate::ONE);
    let brackets = &listing.perp.brackets;
    let first_out = brackets.iter().skip(1).find(|bracket| !fits(bracket.maintenance));
    first_out.map_or(1_000_000_000, |bracket| {
        i64::try_from(bracket.floor.units() / 10_000_000_000_000_000).unwrap_or(i64::MAX)
    })
}

/// The rank of a position for deleveraging, 0 to 4: by its profit against its margin.
pub(crate) fn adl_rank(listing: &Listing, position: &Position) -> u32 {
    if position.coins.is_zero() {
        return 0;
    }
    let profit = position.unrealised(listing.mark);
    let value = listing.mark.times(position.coins.magnitude());
    let share = profit.units() * 100 * i128::from(position.leverage) / value.units().max(1);
    match share {
        i128::MIN..=0 => 0,
        1..=10 => 1,
        11..=50 => 2,
        51..=100 => 3,
        _ => 4,
    }
}

#[cfg(test)]
#[path = "margin_tests.rs"]
mod tests;
