//! Coins as collateral at the simulated venue: what they count for, what may leave the perp wallet, and the sale for a debt.
//!
//! The maths is that of `domain/collateral.rs`, which the loopback venue uses too. Where a coin is priced by no index of its own,
//! the mark of its perp stands for it. Tests: `src/loopback/margin_tests.rs` against the loopback venue,
//! `tests/backtest/coin.rs`.

use super::venue::SimVenue;
use crate::config::settings::{Collateral, MarginMode};
use crate::domain::collateral::{COIN_LEVERAGE, DEBT, Standing, counts, sale};
use crate::domain::{Amount, Asset, Instrument, Market, Price, Rate, VenueId, WallTime};
use crate::port::Event;
use crate::port::event::{Adjustment, Wallet};
use crate::sim::settle::initial_margin;

impl SimVenue {
    /// Accounts as the settings want them: what coins count for, and whether both wallets are one.
    pub(super) fn set_account_model(&mut self) {
        let perps = self.catalogue.instruments().iter().filter(|one| one.market == Market::Perp);
        let mut unified = Vec::new();
        for perp in perps {
            match self.model_at(perp.venue_id) {
                Collateral::Quote => continue,
                Collateral::Unified if !unified.contains(&perp.venue_id) => unified.push(perp.venue_id),
                Collateral::Coin | Collateral::Unified => {}
            }
            self.accounts.set_share(perp.id, perp.collateral);
        }
        self.accounts.set_unified(unified);
    }

    /// What margins the shorts of a venue.
    pub(super) fn model_at(&self, venue: VenueId) -> Collateral {
        let named = self.catalogue.venue(venue).filter(|_| !self.settings.venues.is_empty());
        named.map_or(self.settings.margin.collateral, |name| self.settings.collateral_at(name))
    }

    /// Notional over margin that the account is set to at a venue.
    pub(super) fn leverage_at(&self, venue: VenueId) -> Rate {
        let named = self.catalogue.venue(venue).filter(|_| !self.settings.venues.is_empty());
        named.map_or(self.settings.size.leverage, |name| self.settings.leverage_at(name))
    }

    /// Most leverage that the venue gives. It lets an account use more than ours does and refuses only what even that cannot
    /// carry.
    pub(super) fn most_leverage(&self, venue: VenueId) -> Rate {
        match self.model_at(venue) {
            Collateral::Quote => self.leverage_at(venue).times(2),
            Collateral::Coin | Collateral::Unified => Rate::from_units(Rate::ONE).times(i64::from(COIN_LEVERAGE)),
        }
    }

    /// What the venue says that each coin counts for now. Nothing where coins are no collateral.
    #[must_use]
    pub fn collateral_rates(&self) -> Vec<Event> {
        let mut rates: Vec<Event> = Vec::new();
        if !self.settings.any_coins_margin() {
            return rates;
        }
        let one = Rate::from_units(Rate::ONE);
        for perp in self.catalogue.instruments().iter().filter(|one| one.market == Market::Perp) {
            if !self.model_at(perp.venue_id).has_coins() {
                continue;
            }
            let Some(index) = self.accounts.position(perp.id).mark else { continue };
            let (venue, asset, share) = (perp.venue_id, perp.coin, perp.collateral);
            rates.push(Event::CollateralRate { venue, asset, index, share });
            if let Ok(index) = Price::parse("1") {
                rates.push(Event::CollateralRate { venue, asset: perp.quote, index, share: one });
            }
        }
        rates
    }

    /// What may leave a wallet. The spot wallet gives all; what margins positions stays in the perp wallet, and one account
    /// for both has nothing to leave.
    pub(super) fn may_leave(&self, venue: VenueId, wallet: Wallet, asset: Asset) -> Amount {
        let held = self.accounts.wallet(venue, wallet, asset);
        if wallet == Wallet::Spot || self.accounts.is_unified(venue) {
            return held;
        }
        if self.settings.margin.mode == MarginMode::Isolated {
            return held - self.accounts.isolated_money(&self.catalogue, (venue, asset));
        }
        let perps = || self.catalogue.instruments().iter().filter(|one| one.market == Market::Perp);
        if let Some(perp) = perps().find(|one| (one.venue_id, one.coin) == (venue, asset)) {
            return self.standing((venue, perp.quote)).coins_out(held, self.counts_of(perp, held));
        }
        self.standing((venue, asset)).quote_out(held)
    }

    /// What coins of a perp count for at its mark.
    fn counts_of(&self, perp: &Instrument, coins: Amount) -> Amount {
        let position = self.accounts.position(perp.id);
        position.mark.map_or(Amount::ZERO, |mark| counts(coins, mark, position.share))
    }

    fn standing(&self, account: (VenueId, Asset)) -> Standing {
        let now = self.accounts.margin(&self.catalogue, account, None);
        let initial = initial_margin(now.notional, self.most_leverage(account.0));
        Standing { wallet: now.equity - now.unrealised, unrealised: now.unrealised, initial }
    }

    /// Sells coins of the perp wallets for a debt in the quote coin, as the venue does it by itself.
    pub fn exchange_debts(&mut self, now: WallTime) {
        if !self.settings.any_coins_margin() {
            return;
        }
        let perps: Vec<(VenueId, Asset, Asset, Option<Price>)> = self
            .catalogue
            .instruments()
            .iter()
            .filter(|one| one.market == Market::Perp && self.accounts.position(one.id).share.units() > 0)
            .map(|one| (one.venue_id, one.quote, one.coin, self.accounts.position(one.id).mark))
            .collect();
        let mut paying: Vec<(VenueId, Asset)> = Vec::new();
        for (venue, quote, coin, mark) in perps {
            let debt = -self.accounts.margining(venue, quote);
            if debt < DEBT && !paying.contains(&(venue, quote)) {
                continue;
            }
            let held = self.accounts.wallet(venue, Wallet::Perp, coin);
            let Some((coins, paid)) = mark.and_then(|mark| sale(debt, held, mark)) else { continue };
            paying.push((venue, quote));
            for (asset, amount) in [(coin, -coins), (quote, paid)] {
                self.accounts.add(venue, Wallet::Perp, asset, amount);
                let cause = Adjustment::AutoExchange;
                let at = now + self.latency();
                self.send(at, Event::Adjusted { venue, wallet: Wallet::Perp, asset, amount, cause });
            }
        }
    }
}
