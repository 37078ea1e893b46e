//! The core of one pair where coins are collateral, and a venue that is a loop: it fills orders at the mid, and lets transfers
//! arrive when the test says so.

use carry::config::Settings;
use carry::config::settings::{Collateral, Style};
use carry::domain::fees::{self, Role};
use carry::domain::{Amount, Asset, FillId, Leg, Pair, Price, Quantity, Rate, Sequence, Side, Span, VenueId, WallTime};
use carry::engine::{self, State};
use carry::port::command::AlarmKind;
use carry::port::event::{Operator, Quote, Transfer, VenueAct, Wallet};
use carry::port::order::{Fill, Intent, OrderReport, Outcome};
use carry::port::{Command, Event, Stamped};
use carry::sim::Generator;
use carry::sim::START;

/// The core of one pair, and a venue that does as it is told.
pub(crate) struct Bench {
    pub(crate) state: State,
    /// Transfers that left and did not arrive.
    pub(crate) moving: Vec<Transfer>,
    /// Orders that were sent and filled.
    pub(crate) placed: Vec<Intent>,
    pub(crate) alarms: Vec<AlarmKind>,
    /// Lowest quote money in the perp wallet seen.
    pub(crate) lowest: Amount,
    fills: u64,
}

pub(crate) fn amount(text: &str) -> Amount {
    Amount::parse(text).unwrap()
}
pub(crate) fn coins(text: &str) -> Quantity {
    Quantity::parse(text).unwrap()
}
pub(crate) fn price(text: &str) -> Price {
    Price::parse(text).unwrap()
}
pub(crate) fn rate(text: &str) -> Rate {
    Rate::parse(text).unwrap()
}

impl Bench {
    /// 50,000 in the spot wallet, clips of 5,000, a coin at 10,000 that counts for 95 % of it.
    pub(crate) fn new() -> Self {
        let catalogue = Generator::new(1, START).catalogue().clone();
        let mut settings = Settings::default();
        settings.margin.collateral = Collateral::Coin;
        settings.execution.style = Style::Taker;
        settings.execution.clip = Amount::whole(5_000);
        settings.size.share = rate("1");
        settings.size.per_pair = rate("1");
        let state = State::new(settings, catalogue);
        let mut bench =
            Self { state, moving: Vec::new(), placed: Vec::new(), alarms: Vec::new(), lowest: Amount::ZERO, fills: 0 };
        bench.feed(Event::Boot { epoch: 1, salt: 7 });
        let (venue, wallet, asset) = (VenueId(0), Wallet::Spot, bench.pair().quote(Leg::Short));
        bench.feed(Event::Opening { venue, wallet, asset, amount: Amount::whole(50_000) });
        bench.rates("10000", "0.95");
        bench.price("10000");
        bench
    }

    pub(crate) fn pair(&self) -> Pair {
        self.state.pairs[0].pair.clone()
    }

    /// One event, and everything that follows from it except arrivals.
    pub(crate) fn feed(&mut self, event: Event) {
        let mut events = vec![event];
        while !events.is_empty() {
            let event = events.remove(0);
            let mut out = Vec::new();
            let at = if self.state.now == WallTime(i64::MIN) { START } else { self.state.now };
            let stamped = Stamped { sequence: Sequence(self.state.sequence.0 + 1), at, event };
            engine::step(&mut self.state, &stamped, &mut out);
            assert_eq!(self.state.ledger.imbalance(), None);
            self.lowest = self.lowest.min(self.wallet(Wallet::Perp, self.pair().quote(Leg::Short)));
            for command in out {
                match command {
                    Command::Record(intent) => events.push(Event::IntentDurable { id: intent.id }),
                    Command::Place(intent) => events.extend(self.fill(intent)),
                    Command::Transfer(transfer) => {
                        self.moving.push(transfer);
                        events.push(Event::TransferSent(transfer));
                    }
                    Command::Alarm(alarm) => self.alarms.push(alarm.kind),
                    Command::Cancel { .. }
                    | Command::Query { .. }
                    | Command::Compare { .. }
                    | Command::Reread { .. }
                    | Command::AddMargin { .. }
                    | Command::WakeAt { .. } => {}
                }
            }
        }
    }

    /// Fills an order whole at the mid.
    fn fill(&mut self, intent: Intent) -> Vec<Event> {
        let instrument = self.state.catalogue.instrument(intent.instrument).unwrap().clone();
        let mid = intent.arrival_mid;
        let fee_coin = instrument.fee_coin(intent.side);
        let fee = fees::fee((mid, intent.quantity), instrument.fees.taker, fee_coin, instrument.quote);
        self.fills += 1;
        let fill = Fill {
            id: FillId(self.fills),
            quantity: intent.quantity,
            price: mid,
            fee: fee.amount,
            fee_asset: fee.asset,
            role: Role::Taker,
            at: self.state.now,
        };
        let filled = intent.quantity;
        let report = |outcome| Event::Order(OrderReport { id: intent.id, outcome });
        let events = vec![report(Outcome::Filled(fill)), report(Outcome::Done { filled }), Event::Turn];
        if intent.leg == Leg::Long && intent.side == Side::Sell {
            let there = self.wallet(Wallet::Spot, instrument.coin);
            let sold = Amount::of_coins(intent.quantity.signed(Side::Buy));
            assert!(sold <= there, "a sale of {sold} with {there} in the spot wallet");
        }
        self.placed.push(intent);
        events
    }

    /// The venue deleverages so many coins of the short at its mark.
    pub(crate) fn deleverage(&mut self, quantity: &str) {
        let (instrument, quote) = (self.pair().short, self.pair().quote(Leg::Short));
        let (quantity, price, at) = (coins(quantity), price("10000"), self.state.now);
        self.fills += 1;
        let (id, fee, role) = (FillId(1_000_000 + self.fills), Amount::ZERO, Role::Taker);
        let fill = Fill { id, quantity, price, fee, fee_asset: quote, role, at };
        self.feed(Event::VenueFill { instrument, act: VenueAct::Adl, side: Side::Buy, fill });
        self.feed(Event::Turn);
    }

    /// Both legs at this price, and the mark and index too.
    pub(crate) fn price(&mut self, at: &str) {
        let (pair, mid) = (self.pair(), price(at));
        let half = Price::from_units(mid.units() / 10_000).unwrap();
        let (bid, ask) = (Price::from_units(mid.units() - half.units()), Price::from_units(mid.units() + half.units()));
        let (bid, ask, depth) = (bid.unwrap(), ask.unwrap(), coins("1000"));
        let venue_time = self.state.now;
        for instrument in [pair.long, pair.short] {
            let quote = Quote { bid, ask, bid_depth: depth, ask_depth: depth, venue_time };
            self.feed(Event::Quote { instrument, quote });
        }
        self.feed(Event::Mark { instrument: pair.short, mark: mid, index: mid });
        self.feed(Event::Turn);
    }

    /// What the coin counts for, and the quote coin at one dollar.
    pub(crate) fn rates(&mut self, index: &str, share: &str) {
        let (venue, pair) = (VenueId(0), self.pair());
        let (index, share) = (price(index), rate(share));
        self.feed(Event::CollateralRate { venue, asset: pair.coin, index, share });
        self.feed(Event::CollateralRate { venue, asset: pair.quote(Leg::Short), index: price("1"), share: rate("1") });
    }

    /// The oldest transfer arrives.
    pub(crate) fn arrive(&mut self) -> bool {
        if self.moving.is_empty() {
            return false;
        }
        let transfer = self.moving.remove(0);
        self.feed(Event::TransferDone(transfer));
        self.feed(Event::Turn);
        true
    }

    pub(crate) fn settle(&mut self) {
        for _ in 0..200 {
            if !self.arrive() {
                return;
            }
        }
        panic!("transfers without end");
    }

    /// Some seconds later at this price, with what the coin counts for; everything that is under way is done.
    pub(crate) fn tick(&mut self, at: &str, share: &str) {
        self.later(Span::seconds(5));
        self.rates(at, share);
        self.price(at);
        self.settle();
    }

    pub(crate) fn later(&mut self, span: Span) {
        self.state.now = self.state.now + span;
    }

    pub(crate) fn wallet(&self, wallet: Wallet, asset: Asset) -> Amount {
        self.state.ledger.wallet(VenueId(0), wallet, asset)
    }

    pub(crate) fn held(&self) -> (String, String) {
        let (spot, perp) = self.state.held(&self.state.pairs[0]);
        (spot.to_string(), perp.to_string())
    }

    pub(crate) fn open(&mut self, notional: i64) {
        let pair = self.pair().id;
        self.feed(Event::Operator(Operator::Open { pair, notional: Amount::whole(notional) }));
    }

    pub(crate) fn flatten(&mut self) {
        self.feed(Event::Operator(Operator::Flatten { pair: None }));
    }

    /// A pair of three clips, hedged, its coins in the perp wallet.
    pub(crate) fn holding() -> Self {
        let mut bench = Self::new();
        bench.open(15_000);
        bench.settle();
        assert!(bench.state.pairs[0].at_rest, "{:?}", bench.state.pairs[0].memory);
        bench
    }

    pub(crate) fn unexplained(&mut self) -> Amount {
        self.state.mark_all();
        let quote = self.pair().quote(Leg::Short);
        self.state.equity() - self.state.ledger.opening(quote) - self.state.ledger.lines().total()
    }

    pub(crate) fn distance(&self) -> f64 {
        let funds = self.state.funds(VenueId(0), self.pair().quote(Leg::Short));
        engine::margin::distance(&funds).unwrap().to_f64()
    }
}
