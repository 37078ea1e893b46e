//! The venue's own books: wallets and positions, kept by its own arithmetic and not shared with the bot.

use crate::domain::{
    Amount, Asset, Catalogue, Instrument, InstrumentId, Price, Quantity, Rate, Side, SignedQuantity, VenueId,
};
use crate::domain::{collateral, margin};
use crate::port::event::Wallet;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A perp position as the venue keeps it: signed coins and the value they were opened at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VenuePosition {
    /// Signed coins.
    pub coins: SignedQuantity,
    /// Signed value at entry.
    pub entry_value: Amount,
    /// Last price the venue values it at.
    pub mark: Option<Price>,
    /// Margin of an isolated position; unused in cross mode.
    pub isolated: Amount,
    /// Share of its value that a coin in the perp wallet counts for as collateral; nothing unless coins are collateral.
    #[serde(default)]
    pub share: Rate,
}

/// All accounts of all venues.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accounts {
    #[serde(with = "wallet_rows")]
    wallets: BTreeMap<(VenueId, Wallet, Asset), Amount>,
    /// By number of the instrument; flat where it is spot.
    #[serde(default, rename = "perps")]
    positions: Vec<VenuePosition>,
    /// By number of the pair, as the first files have them; see [`Accounts::by_instrument`].
    #[serde(default, skip_serializing, rename = "positions")]
    of_pairs: Vec<VenuePosition>,
    /// Venues whose both wallets are one account.
    #[serde(skip)]
    unified: Vec<VenueId>,
}

/// JSON has no tuple keys: wallets are stored as rows.
mod wallet_rows {
    use super::{Amount, Asset, BTreeMap, VenueId, Wallet};
    use serde::{Deserialize, Deserializer, Serializer};

    type Wallets = BTreeMap<(VenueId, Wallet, Asset), Amount>;

    pub(super) fn serialize<S: Serializer>(wallets: &Wallets, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(wallets.iter())
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Wallets, D::Error> {
        let rows = Vec::<((VenueId, Wallet, Asset), Amount)>::deserialize(deserializer)?;
        Ok(rows.into_iter().collect())
    }
}

impl Accounts {
    /// Empty accounts for the instruments of a catalogue.
    #[must_use]
    pub fn new(catalogue: &Catalogue) -> Self {
        let positions = vec![VenuePosition::default(); catalogue.instruments().len()];
        Self { wallets: BTreeMap::new(), positions, ..Self::default() }
    }

    /// Brings accounts of a file that has its positions by pair to those of instruments: each was of its short leg.
    #[must_use]
    pub fn by_instrument(mut self, catalogue: &Catalogue) -> Self {
        self.positions.resize(catalogue.instruments().len(), VenuePosition::default());
        for (pair, known) in catalogue.pairs().iter().zip(std::mem::take(&mut self.of_pairs)) {
            if let Some(position) = self.positions.get_mut(pair.short.index()) {
                *position = known;
            }
        }
        self
    }

    /// What is in a wallet.
    #[must_use]
    pub fn wallet(&self, venue: VenueId, wallet: Wallet, asset: Asset) -> Amount {
        self.wallets.get(&(venue, wallet, asset)).copied().unwrap_or_default()
    }

    /// Adds to a wallet, or takes from it.
    pub fn add(&mut self, venue: VenueId, wallet: Wallet, asset: Asset, amount: Amount) {
        *self.wallets.entry((venue, wallet, asset)).or_default() += amount;
    }

    /// What of an asset margins the perps of a venue: the perp wallet, and all of it where both are one account.
    #[must_use]
    pub fn margining(&self, venue: VenueId, asset: Asset) -> Amount {
        let perp = self.wallet(venue, Wallet::Perp, asset);
        if self.is_unified(venue) { perp + self.wallet(venue, Wallet::Spot, asset) } else { perp }
    }

    /// Both wallets of these venues are one account; of the others they are two.
    pub fn set_unified(&mut self, unified: Vec<VenueId>) {
        self.unified = unified;
    }

    /// Whether both wallets of a venue are one account.
    #[must_use]
    #[inline]
    pub fn is_unified(&self, venue: VenueId) -> bool {
        self.unified.contains(&venue)
    }

    /// All wallets in order.
    pub fn wallets(&self) -> impl Iterator<Item = (&(VenueId, Wallet, Asset), &Amount)> {
        self.wallets.iter()
    }

    /// The position in an instrument.
    #[must_use]
    #[inline]
    pub fn position(&self, instrument: InstrumentId) -> VenuePosition {
        self.positions.get(instrument.index()).copied().unwrap_or_default()
    }

    /// The venue's mark of a perp moved.
    pub fn mark(&mut self, instrument: InstrumentId, price: Price) {
        if let Some(position) = self.positions.get_mut(instrument.index()) {
            position.mark = Some(price);
        }
    }

    /// A perp execution: realises profit into the perp wallet.
    pub fn trade_perp(&mut self, of: &Instrument, side: Side, quantity: Quantity, price: Price) {
        let Some(position) = self.positions.get_mut(of.id.index()) else { return };
        let mut left = quantity.signed(side);
        let held = position.coins;
        let mut realised = Amount::ZERO;
        if held.units().signum() * left.units().signum() < 0 {
            let closing = if left.magnitude() > held.magnitude() { -held } else { left };
            let released = if closing.magnitude() == held.magnitude() {
                position.entry_value
            } else {
                position.entry_value.share(closing.magnitude().units(), held.magnitude().units())
            };
            // Sold dearer than bought, whichever came first.
            realised = -(released + price.times_signed(closing));
            position.entry_value -= released;
            position.coins += closing;
            left -= closing;
        }
        position.coins += left;
        position.entry_value += price.times_signed(left);
        position.mark = position.mark.or(Some(price));
        self.add(of.venue_id, Wallet::Perp, of.quote, realised);
    }

    /// A spot execution, without its fee.
    pub fn trade_spot(&mut self, of: &Instrument, side: Side, quantity: Quantity, price: Price) {
        let value = price.times(quantity);
        let coins = Amount::of_coins(quantity.signed(side));
        let paid = match side {
            Side::Buy => -value,
            Side::Sell => value,
        };
        self.add(of.venue_id, Wallet::Spot, of.coin, coins);
        self.add(of.venue_id, Wallet::Spot, of.quote, paid);
    }

    /// Equity of a perp wallet, notional and maintenance of its positions; `stress` values one of them at another
    /// price.
    #[must_use]
    pub fn margin(
        &self,
        catalogue: &Catalogue,
        of: (VenueId, Asset),
        stress: Option<(InstrumentId, Price)>,
    ) -> MarginOf {
        let (venue, quote) = of;
        let mut sum = MarginOf { equity: self.margining(venue, quote), ..MarginOf::default() };
        for (instrument, position) in catalogue.instruments().iter().zip(&self.positions) {
            let nothing = position.coins.is_zero() && position.share == Rate::ZERO;
            if nothing || (instrument.venue_id, instrument.quote) != of {
                continue;
            }
            let stressed = stress.filter(|(id, _)| *id == instrument.id).map(|(_, price)| price);
            let Some(price) = stressed.or(position.mark) else { continue };
            if position.share.units() > 0 {
                let counts = collateral::counts(self.margining(venue, instrument.coin), price, position.share);
                sum.collateral += counts;
                sum.equity += counts;
            }
            if position.coins.is_zero() {
                continue;
            }
            let notional = price.times(position.coins.magnitude());
            let unrealised = price.times_signed(position.coins) - position.entry_value;
            sum.equity += unrealised;
            sum.unrealised += unrealised;
            sum.notional += notional;
            sum.maintenance += margin::maintenance(&instrument.brackets, notional).unwrap_or(notional);
        }
        sum
    }

    /// The same for one isolated position: its own margin and profit only.
    #[must_use]
    pub fn isolated_margin(&self, of: &Instrument, price: Price) -> MarginOf {
        let position = self.position(of.id);
        let notional = price.times(position.coins.magnitude());
        MarginOf {
            collateral: Amount::ZERO,
            unrealised: price.times_signed(position.coins) - position.entry_value,
            equity: position.isolated + price.times_signed(position.coins) - position.entry_value,
            notional,
            maintenance: margin::maintenance(&of.brackets, notional).unwrap_or(notional),
        }
    }

    /// Keeps an isolated position's money in step with its size, as the venue does: what is added brings its initial margin
    /// from the wallet, what is closed lets its share go, and what was put in by hand stays with the rest.
    pub fn share_isolated(&mut self, of: InstrumentId, before: &VenuePosition, leverage: Rate) {
        let Some(position) = self.positions.get_mut(of.index()) else { return };
        let (old, new) = (before.coins, position.coins);
        let same_way = old.units().signum() * new.units().signum() > 0;
        if same_way && new.magnitude() <= old.magnitude() {
            position.isolated = before.isolated.share(new.magnitude().units(), old.magnitude().units());
            return;
        }
        let kept = if same_way { before.isolated } else { Amount::ZERO };
        let added = if same_way { position.entry_value - before.entry_value } else { position.entry_value };
        position.isolated = kept + crate::sim::settle::initial_margin(added.abs(), leverage);
    }

    /// Money that isolated positions of a wallet hold.
    #[must_use]
    pub fn isolated_money(&self, catalogue: &Catalogue, (venue, quote): (VenueId, Asset)) -> Amount {
        let all = catalogue.instruments().iter().zip(&self.positions);
        all.filter(|(one, _)| (one.venue_id, one.quote) == (venue, quote)).map(|(_, position)| position.isolated).sum()
    }

    /// Coins of this perp count for a share of their value as collateral.
    pub fn set_share(&mut self, of: InstrumentId, share: Rate) {
        if let Some(position) = self.positions.get_mut(of.index()) {
            position.share = share;
        }
    }

    /// Adds margin to an isolated position.
    pub fn add_isolated(&mut self, of: InstrumentId, amount: Amount) {
        if let Some(position) = self.positions.get_mut(of.index()) {
            position.isolated += amount;
        }
    }
}

/// Margin figures of one wallet or one isolated position.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MarginOf {
    /// Wallet plus unrealised profit, and what coins count for.
    pub equity: Amount,
    /// What coins count for, which rises with the mark.
    pub collateral: Amount,
    /// Profit that is not realised.
    pub unrealised: Amount,
    /// Value of the positions.
    pub notional: Amount,
    /// Maintenance margin.
    pub maintenance: Amount,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Leg;
    use crate::sim::{Generator, START};

    #[test]
    fn positions_of_a_file_that_has_them_by_pair_are_those_of_its_short_legs() {
        let catalogue = Generator::new(1, START).catalogue().clone();
        let pair = catalogue.pairs().get(1).unwrap();
        let flat = r#"{"coins":"0","entry_value":"0","mark":null,"isolated":"0"}"#;
        let held = r#"{"coins":"-0.5","entry_value":"-50","mark":"101","isolated":"0"}"#;
        let text = format!(r#"{{"wallets":[],"positions":[{flat},{held}]}}"#);
        let accounts: Accounts = serde_json::from_str(&text).unwrap();
        let accounts = accounts.by_instrument(&catalogue);
        assert_eq!(accounts.position(pair.leg(Leg::Short)).coins.to_string(), "-0.5");
        assert!(accounts.position(pair.leg(Leg::Long)).coins.is_zero());
        let again: Accounts = serde_json::from_str(&serde_json::to_string(&accounts).unwrap()).unwrap();
        assert_eq!(again.by_instrument(&catalogue), accounts, "and a file of today is read as it is");
    }
}
