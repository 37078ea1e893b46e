//! The loopback venue and the simulated venue keep the same books of the same run, coins as collateral: the fills that the first
//! one made, funding, transfers and a sale for a debt, to the last unit.

use super::super::books::Execution;
use super::super::faults::Script;
use super::super::listing::Settled;
use super::super::venue::Venue;
use super::super::{Options, Profile, Source};
use crate::config::Settings;
use crate::config::settings::Collateral;
use crate::domain::{
    Amount, Asset, Catalogue, ClientOrderId, FundingRate, InstrumentId, Interval, Leg, Market, PairId, Price, Quantity,
    Rate, Side, Span, Symbol, VenueId, WallTime,
};
use crate::port::event::{MarkSource, Transfer, Wallet};
use crate::port::order::{Intent, Purpose, Reason};
use crate::port::{Event, TimeInForce};
use crate::sim::matching::Liquidity;
use crate::sim::{Faults, START, SimVenue};

fn amount(text: &str) -> Amount {
    Amount::parse(text).unwrap()
}
fn price(text: &str) -> Price {
    Price::parse(text).unwrap()
}
fn symbol() -> Symbol {
    Symbol::of("BTCUSDT")
}

/// Both venues, and what the second one repeats of the first one.
struct Both {
    loopback: Venue,
    sim: SimVenue,
    seen: u64,
    next: u32,
    now: WallTime,
}

impl Both {
    fn new() -> Self {
        let options = Options {
            profile: Profile::Binance,
            listen: "127.0.0.1:0".parse().unwrap(),
            source: Source::Generated(1),
            start: START,
            history: Span::HOUR,
            speed_per_mille: 0,
            pulse_ms: 100,
            script: Script::parse("calm = true").unwrap(),
            spot_balance: Amount::whole(100_000),
            futures_balance: Amount::whole(20_000),
            state: None,
            certificate: None,
        };
        let mut loopback = Venue::open(options, std::sync::Arc::new(|| 0)).unwrap();
        loopback.books.multi_assets = true;
        loopback.books.position_mut(symbol()).leverage = 5;
        let listing = loopback.market.get("BTCUSDT").unwrap();
        let mut catalogue = Catalogue::default();
        catalogue.add_pair(listing.spot.clone(), listing.perp.clone());
        let mut settings = Settings::default();
        settings.margin.collateral = Collateral::Coin;
        settings.sim.transfer_delay = Span::ZERO;
        let mut sim = SimVenue::new(settings, catalogue, Faults::none(), true);
        let (venue, quote) = (VenueId(0), Asset::of("USDT"));
        sim.deposit(venue, Wallet::Spot, quote, Amount::whole(100_000));
        sim.deposit(venue, Wallet::Perp, quote, Amount::whole(20_000));
        let now = loopback.now;
        Self { loopback, sim, seen: 0, next: 1, now }
    }

    /// Mark and index of both.
    fn mark(&mut self, at: &str) {
        let at = price(at);
        for listing in self.loopback.market.listings.iter_mut().filter(|one| one.symbol == symbol()) {
            (listing.mark, listing.index) = (at, at);
        }
        self.sim.on_mark(InstrumentId(1), at, (at, at), (self.now, self.now));
    }

    /// A market order at the loopback venue, and its executions at the other one.
    fn trade(&mut self, market: Market, side: Side, coins: &str) {
        self.loopback.foreign(symbol(), market, (side, Quantity::parse(coins).unwrap()));
        let seen = self.seen;
        let fresh: Vec<Execution> =
            self.loopback.books.executions.values().filter(|one| one.id > seen).cloned().collect();
        assert!(!fresh.is_empty(), "{market} {side:?} {coins} was not executed");
        for one in fresh {
            self.seen = self.seen.max(one.id);
            self.repeat(&one);
        }
        self.agree();
    }

    fn repeat(&mut self, one: &Execution) {
        let instrument = InstrumentId(u16::from(one.market == Market::Perp));
        let level = vec![(one.price, one.quantity)];
        self.sim.set_liquidity(instrument, Liquidity::Book { bids: level.clone(), asks: level });
        self.next += 1;
        let held = self.sim.accounts().position(InstrumentId(1)).coins;
        self.sim.place(
            Intent {
                id: ClientOrderId { epoch: 1, salt: 1, number: self.next },
                pair: PairId(0),
                leg: if one.market == Market::Perp { Leg::Short } else { Leg::Long },
                instrument,
                side: one.side,
                quantity: one.quantity,
                limit: one.price,
                time_in_force: TimeInForce::ImmediateOrCancel,
                reduce_only: one.market == Market::Perp && one.side == Side::Buy && held.units() < 0,
                purpose: Purpose::Hedge,
                arrival_mid: one.price,
                decided_at: self.now,
                reason: Reason::CarryAbove,
            },
            self.now,
        );
        while self.sim.deliver(self.now).is_some() {}
    }

    /// All that may leave leaves in both, and one unit more is refused in both; then it comes back.
    fn withdraw(&mut self, asset: &str) {
        let asset = Asset::new(asset).unwrap();
        let most = self.loopback.withdrawable(asset);
        let unit = amount("0.00000001");
        assert!(self.loopback.transfer(false, (asset, most + unit), ("UMFUTURE_MAIN", None)).is_err());
        assert!(!self.moves(Wallet::Perp, asset, most + unit), "{asset} {most}");
        if most > Amount::ZERO {
            self.move_all(Wallet::Perp, asset, most);
            self.move_all(Wallet::Spot, asset, most);
        }
    }

    fn move_all(&mut self, from: Wallet, asset: Asset, amount: Amount) {
        let way = if from == Wallet::Spot { "MAIN_UMFUTURE" } else { "UMFUTURE_MAIN" };
        self.loopback.transfer(from == Wallet::Spot, (asset, amount), (way, None)).unwrap();
        assert!(self.moves(from, asset, amount), "{asset} {amount}");
        self.agree();
    }

    /// Whether a transfer at the simulated venue arrives.
    fn moves(&mut self, from: Wallet, asset: Asset, amount: Amount) -> bool {
        self.next += 1;
        let id = ClientOrderId { epoch: 1, salt: 1, number: self.next };
        self.sim.transfer(Transfer { id, venue: VenueId(0), from, asset, amount }, self.now);
        self.sim.arrivals(self.now);
        let mut done = false;
        while let Some((_, event)) = self.sim.deliver(self.now) {
            done |= matches!(event, Event::TransferDone(_));
        }
        done
    }

    /// Every wallet and the position are the same.
    fn agree(&self) {
        let wallet = |wallet, asset| self.sim.accounts().wallet(VenueId(0), wallet, Asset::new(asset).unwrap());
        for asset in ["USDT", "BTC"] {
            let purse =
                self.loopback.books.spot.get(&Asset::new(asset).unwrap()).map(|purse| purse.total).unwrap_or_default();
            assert_eq!(wallet(Wallet::Spot, asset), purse, "{asset} in the spot wallet");
            assert_eq!(
                wallet(Wallet::Perp, asset),
                self.loopback.books.wallet(Asset::new(asset).unwrap()),
                "{asset} in the perp wallet"
            );
        }
        let (ours, theirs) = (self.sim.accounts().position(InstrumentId(1)), self.loopback.books.position(symbol()));
        assert_eq!((ours.coins, ours.entry_value), (theirs.coins, theirs.entry_value));
    }

    fn fund(&mut self, rate: &str) {
        let (stamp, rate) = (self.now, Rate::parse(rate).unwrap());
        let mark = self.loopback.market.get("BTCUSDT").unwrap().mark;
        self.loopback.settle_funding(symbol(), Settled { stamp, rate, mark });
        let funding = FundingRate { rate, interval: Interval::H8 };
        self.sim.settle(InstrumentId(1), funding, (stamp, stamp), (mark, MarkSource::Mark));
        while self.sim.deliver(self.now).is_some() {}
        self.agree();
    }
}

#[test]
fn e15_both_venues_keep_the_same_books_of_a_run_with_coins_as_collateral() {
    let mut both = Both::new();
    let mid = both.loopback.market.get("BTCUSDT").unwrap().mark;
    both.mark(&mid.to_string());
    both.trade(Market::Spot, Side::Buy, "0.8");
    both.trade(Market::Perp, Side::Sell, "0.8");
    both.withdraw("USDT");
    let coins = both.loopback.books.free(Asset::of("BTC")).floor_to_ledger_unit();
    both.move_all(Wallet::Spot, Asset::of("BTC"), coins);
    both.withdraw("BTC");
    both.fund("0.0003");
    // A rally: what is not realised keeps coins back in both.
    let higher = |by: i64| Price::from_units(mid.units() / 100 * (100 + by)).unwrap().to_string();
    both.mark(&higher(40));
    both.withdraw("BTC");
    both.withdraw("USDT");
    both.fund("-0.0001");
    both.mark(&mid.to_string());
    // The quote coin leaves, and a settlement makes a debt that coins pay.
    let left = both.loopback.withdrawable(Asset::of("USDT"));
    both.move_all(Wallet::Perp, Asset::of("USDT"), left);
    both.fund("-0.02");
    assert!(both.loopback.books.wallet(Asset::of("USDT")) < amount("-100"));
    both.loopback.auto_exchange();
    both.sim.exchange_debts(both.now);
    while both.sim.deliver(both.now).is_some() {}
    both.agree();
    assert!(both.loopback.books.wallet(Asset::of("BTC")) < coins, "coins were sold");
    both.withdraw("BTC");
    both.trade(Market::Perp, Side::Buy, "0.5");
}
