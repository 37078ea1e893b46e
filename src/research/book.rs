//! The book that a shock meets: what is held, what margins it, and what the settings would do about it.
//!
//! Read from the state of a session or of a backtest at one instant, valued at the prices of that instant. Floats: what comes of it is an
//! estimate. Tests: `tests/suite/stress.rs`.

use crate::config::Settings;
use crate::domain::margin::Bracket;
use crate::domain::{Leg, Market, WallTime};
use crate::engine::{PairState, State};
use crate::port::event::Wallet;

/// What a coin in the perp wallet counts for where coins are collateral; Binance counts BTC and ETH at 95 % and more up to large sums.
pub const COIN_COUNTS: f64 = 0.95;

/// Value below which a leg is dust, in the quote coin: the least order of most venues.
const DUST: f64 = 5.0;

/// One pair that is held.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// Its name.
    pub pair: String,
    /// Its coin.
    pub coin: String,
    /// Place of the wallet that margins the short.
    pub wallet: usize,
    /// Coins held.
    pub long: f64,
    /// Coins sold short, above zero.
    pub short: f64,
    /// Of the coins held, those that stand in the perp wallet as collateral.
    pub parked: f64,
    /// Price of the spot leg.
    pub spot: f64,
    /// Price of the perp.
    pub perp: f64,
    /// From so much notional on, this maintenance margin.
    pub brackets: Vec<(f64, f64)>,
    /// Taker fees of spot and perp.
    pub fees: (f64, f64),
}

/// Money of one venue in one quote coin.
#[derive(Debug, Clone, PartialEq)]
pub struct Purse {
    /// Venue and quote coin.
    pub name: String,
    /// Quote coin in the perp wallet with the unrealised profit of the shorts.
    pub margin: f64,
    /// Quote coin in the spot wallet.
    pub free: f64,
}

/// What the margin autopilot does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// Whether it acts.
    pub autopilot: bool,
    /// Distance below which money is moved.
    pub top_up: f64,
    /// Distance below which both legs shrink.
    pub floor: f64,
    /// Distance that both restore.
    pub target: f64,
    /// Hours within which an unequal pair is made equal.
    pub hedge_hours: f64,
    /// Half of the spread.
    pub half_spread: f64,
    /// Impact of trading as much as the whole volume of an hour.
    pub impact: f64,
}

/// Everything that a shock meets.
#[derive(Debug, Clone, PartialEq)]
pub struct Book {
    /// When.
    pub at: WallTime,
    /// Equity then.
    pub equity: f64,
    /// Pairs that are held.
    pub held: Vec<Held>,
    /// Wallets.
    pub purses: Vec<Purse>,
    /// What is done about margin.
    pub rules: Rules,
    /// Pairs that are held and cannot be put through a shock, with the reason.
    pub left_out: Vec<(String, String)>,
}

impl Rules {
    fn of(settings: &Settings) -> Self {
        let margin = &settings.margin;
        Self {
            autopilot: margin.autopilot,
            top_up: margin.top_up.to_f64(),
            floor: margin.floor.to_f64(),
            target: margin.target.to_f64(),
            hedge_hours: hours(settings.execution.hedge_time),
            half_spread: settings.sim.half_spread.to_rate().to_f64(),
            impact: settings.sim.impact.to_rate().to_f64(),
        }
    }
}

#[expect(clippy::float_arithmetic, clippy::cast_precision_loss, clippy::as_conversions, reason = "an estimate")]
fn hours(span: crate::domain::Span) -> f64 {
    span.0 as f64 / 3.6e6
}

impl Book {
    /// The book of a state; what has no price is left out with that word.
    #[must_use]
    pub fn of(state: &State, at: WallTime) -> Self {
        let mut book = Self {
            at,
            equity: state.equity().to_f64(),
            held: Vec::new(),
            purses: Vec::new(),
            rules: Rules::of(&state.settings),
            left_out: Vec::new(),
        };
        for pair in &state.pairs {
            book.add(state, pair);
        }
        book
    }

    #[expect(clippy::float_arithmetic, reason = "an estimate")]
    fn add(&mut self, state: &State, pair: &PairState) {
        let Some(ledger) = state.ledger.pair(pair.pair.id) else { return };
        let position = ledger.perp(Leg::Short);
        let (long, short) = (ledger.attribution.long, position.coins);
        if long.is_zero() && short.is_zero() {
            return;
        }
        let mut left_out = |why: &str| self.left_out.push((pair.pair.name.clone(), why.to_owned()));
        if pair.pair.market(Leg::Long) != Market::Spot {
            return left_out("its long leg is a perp too: two margins and opposite fears are not modelled");
        }
        let Some((spot, perp)) = ledger.attribution.marks() else {
            return left_out("no price of it is known");
        };
        // Dust of an earlier trip, less than any venue takes as an order.
        if long.to_f64().abs() * spot.to_f64() < DUST && position.coins.to_f64().abs() * perp.to_f64() < DUST {
            return;
        }
        let instrument = |leg| state.catalogue.instrument(pair.pair.leg(leg));
        let (Some(spot_leg), Some(perp_leg)) = (instrument(Leg::Long), instrument(Leg::Short)) else { return };
        let (venue, quote) = pair.pair.account(Leg::Short);
        let name = format!("{} {quote}", perp_leg.venue);
        let place = self.purses.iter().position(|purse| purse.name == name).unwrap_or_else(|| {
            self.purses.push(Purse {
                name,
                margin: state.ledger.wallet(venue, Wallet::Perp, quote).to_f64(),
                free: state.ledger.wallet(venue, Wallet::Spot, quote).to_f64(),
            });
            self.purses.len() - 1
        });
        if let Some(purse) = self.purses.get_mut(place) {
            purse.margin += position.unrealised(perp).to_f64();
        }
        let parked = if state.coins_margin_of(&pair.pair) { state.parked(pair).to_f64() } else { 0.0 };
        let bracket = |bracket: &Bracket| (bracket.floor.to_f64(), bracket.maintenance.to_f64());
        self.held.push(Held {
            pair: pair.pair.name.clone(),
            coin: spot_leg.coin.to_string(),
            wallet: place,
            long: long.to_f64(),
            short: short.magnitude().to_f64(),
            parked,
            spot: spot.to_f64(),
            perp: perp.to_f64(),
            brackets: perp_leg.brackets.iter().map(bracket).collect(),
            fees: (spot_leg.fees.taker.to_f64(), perp_leg.fees.taker.to_f64()),
        });
    }
}
