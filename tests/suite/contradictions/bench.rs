//! The core alone on a clock of the test: what it orders, asks and says, and the venue's answers by hand.

use carry::config::Settings;
use carry::domain::fees::{self, Role};
use carry::domain::{
    Amount, Asset, ClientOrderId, FillId, FundingRate, InstrumentId, Interval, Leg, Price, Quantity, Rate, Sequence,
    Side, Span, VenueId, WallTime,
};
use carry::engine::{self, State};
use carry::port::command::{Alarm, AlarmKind, Severity};
use carry::port::event::{Operator, Quote, Settlement, VenueAct, Wallet};
use carry::port::health::Listed;
use carry::port::order::{Fill, Intent, OrderReport, Outcome, RejectCause};
use carry::port::{Command, Event, Stamped};
use carry::sim::Generator;
use carry::sim::START;
use std::collections::BTreeSet;

/// A booted core and all that it wanted so far.
pub(crate) struct Bench {
    pub(crate) state: State,
    pub(crate) placed: Vec<(WallTime, Intent)>,
    pub(crate) alarms: Vec<(WallTime, Alarm)>,
    pub(crate) compares: Vec<WallTime>,
    pub(crate) rereads: usize,
    pub(crate) queries: Vec<WallTime>,
    pub(crate) cancels: usize,
    wakes: BTreeSet<WallTime>,
    fills: u64,
}

pub(crate) fn coins(text: &str) -> Quantity {
    Quantity::parse(text).unwrap()
}

fn price(text: &str) -> Price {
    Price::parse(text).unwrap()
}

impl Bench {
    /// Money in both wallets, spot coins of a person, prices of 10,000 on both legs.
    pub(crate) fn new(change: impl Fn(&mut Settings)) -> Self {
        let mut settings = Settings::default();
        change(&mut settings);
        let catalogue = Generator::new(1, START).catalogue().clone();
        let mut bench = Self {
            state: State::new(settings, catalogue.clone()),
            placed: Vec::new(),
            alarms: Vec::new(),
            compares: Vec::new(),
            rereads: 0,
            queries: Vec::new(),
            cancels: 0,
            wakes: BTreeSet::new(),
            fills: 0,
        };
        bench.feed(Event::Boot { epoch: 1, salt: 7 });
        let pair = &catalogue.pairs()[0];
        for (wallet, asset, amount) in [
            (Wallet::Spot, pair.quote(Leg::Short), "50000"),
            (Wallet::Perp, pair.quote(Leg::Short), "50000"),
            (Wallet::Spot, pair.coin, "0.75"),
        ] {
            let amount = Amount::parse(amount).unwrap();
            bench.feed(Event::Opening { venue: VenueId(0), wallet, asset, amount });
        }
        bench.quotes();
        bench
    }

    /// Settings under which the strategy enters whenever it may.
    pub(crate) fn eager(settings: &mut Settings) {
        settings.strategy.rule = carry::config::settings::Rule::Anchor;
        settings.signal.smooth = Span::ZERO;
        let rate = |units| FundingRate { rate: Rate::from_units(units), interval: Interval::H8 };
        settings.entry.funding = rate(-5_000_000_000_000_000);
        settings.exit.funding = rate(-5_000_000_000_000_000);
        settings.gates.guard = Span::ZERO;
        settings.gates.quadrant = false;
        settings.gates.min_depth = Amount::ZERO;
        settings.entry.cooldown = Span::ZERO;
    }

    /// A settlement of 0.01 %.
    pub(crate) fn settled(&mut self) {
        let instrument = self.leg(Leg::Short);
        let funding = FundingRate { rate: Rate::from_units(100_000_000_000_000), interval: Interval::H8 };
        let settlement = Settlement { stamp: self.state.now, funding };
        self.feed(Event::Settled { instrument, settlement });
    }

    pub(crate) fn leg(&self, leg: Leg) -> InstrumentId {
        self.state.pairs[0].pair.leg(leg)
    }

    /// Fresh prices of both legs.
    pub(crate) fn quotes(&mut self) {
        for instrument in [self.leg(Leg::Long), self.leg(Leg::Short)] {
            self.quote(instrument);
        }
    }

    /// A fresh price of one instrument.
    pub(crate) fn quote(&mut self, instrument: InstrumentId) {
        {
            let depth = coins("1000");
            let venue_time = self.state.now;
            let quote =
                Quote { bid: price("9999"), ask: price("10001"), bid_depth: depth, ask_depth: depth, venue_time };
            self.feed(Event::Quote { instrument, quote });
        }
    }

    /// One event, and everything that follows from it at once.
    pub(crate) fn feed(&mut self, event: Event) {
        let at = if self.state.now == WallTime(i64::MIN) { START } else { self.state.now };
        let mut events = vec![event];
        while !events.is_empty() {
            for event in std::mem::take(&mut events) {
                let stamped = Stamped { sequence: Sequence(self.state.sequence.0 + 1), at, event };
                let mut out = Vec::new();
                engine::step(&mut self.state, &stamped, &mut out);
                for command in out {
                    match command {
                        Command::Record(intent) => events.push(Event::IntentDurable { id: intent.id }),
                        Command::Place(intent) => self.placed.push((at, intent)),
                        Command::Alarm(alarm) => self.alarms.push((at, alarm)),
                        Command::Compare { .. } => self.compares.push(at),
                        Command::Reread { .. } => self.rereads += 1,
                        Command::Query { .. } => self.queries.push(at),
                        Command::Cancel { .. } => self.cancels += 1,
                        Command::WakeAt { at: wake } => drop(self.wakes.insert(wake)),
                        _ => {}
                    }
                }
            }
        }
    }

    /// What happened, and then a decision.
    pub(crate) fn then(&mut self, event: Event) {
        self.feed(event);
        self.feed(Event::Turn);
    }

    /// Time goes on; the core is woken when it asked for it.
    pub(crate) fn wait(&mut self, span: Span) {
        let end = self.state.now + span;
        while let Some(wake) = self.wakes.first().copied().filter(|wake| *wake <= end) {
            self.wakes.remove(&wake);
            self.state.now = wake.max(self.state.now);
            self.feed(Event::Timer);
        }
        self.state.now = end;
        self.feed(Event::Timer);
    }

    /// Time goes on with a fresh price of both legs each half minute: what does not leave is held back by a rule and not by an
    /// old book.
    pub(crate) fn watch(&mut self, span: Span) {
        let end = self.state.now + span;
        while self.state.now < end {
            self.quotes();
            self.feed(Event::Turn);
            self.wait(Span::seconds(30).min(end.since(self.state.now)));
        }
        self.quotes();
        self.feed(Event::Turn);
    }

    pub(crate) fn operate(&mut self, act: Operator) {
        self.feed(Event::Operator(act));
    }

    pub(crate) fn open(&mut self, notional: i64) {
        let pair = self.state.pairs[0].pair.id;
        self.operate(Operator::Open { pair, notional: Amount::whole(notional) });
    }

    pub(crate) fn close(&mut self) {
        let pair = self.state.pairs[0].pair.id;
        self.operate(Operator::Flatten { pair: Some(pair) });
    }

    /// The order that left last.
    pub(crate) fn last(&self) -> Intent {
        self.placed.last().unwrap().1.clone()
    }

    pub(crate) fn say(&mut self, id: ClientOrderId, outcome: Outcome) {
        self.then(Event::Order(OrderReport { id, outcome }));
    }

    pub(crate) fn refuse(&mut self, intent: &Intent, cause: RejectCause) {
        self.say(intent.id, Outcome::Rejected { cause });
    }

    /// An execution at the mid, with the fee where the instrument takes it.
    pub(crate) fn execution(&mut self, of: (InstrumentId, Side), quantity: Quantity) -> Fill {
        self.fills += 1;
        let instrument = self.state.catalogue.instrument(of.0).unwrap();
        let at = price("10000");
        let fee = fees::fee((at, quantity), instrument.fees.taker, instrument.fee_coin(of.1), instrument.quote);
        Fill {
            id: FillId(self.fills),
            quantity,
            price: at,
            fee: fee.amount,
            fee_asset: fee.asset,
            role: Role::Taker,
            at: self.state.now,
        }
    }

    /// So much of an order is executed.
    pub(crate) fn fill(&mut self, intent: &Intent, quantity: Quantity) {
        let fill = self.execution((intent.instrument, intent.side), quantity);
        self.feed(Event::Order(OrderReport { id: intent.id, outcome: Outcome::Filled(fill) }));
    }

    /// All of it with the fee in a coin of the venue's own.
    pub(crate) fn execute_paying(&mut self, intent: &Intent, fee: &str, asset: Asset) {
        let mut fill = self.execution((intent.instrument, intent.side), intent.quantity);
        (fill.fee, fill.fee_asset) = (Amount::parse(fee).unwrap(), asset);
        self.feed(Event::Order(OrderReport { id: intent.id, outcome: Outcome::Filled(fill) }));
        self.say(intent.id, Outcome::Done { filled: intent.quantity });
    }

    /// All of it, and its end.
    pub(crate) fn execute(&mut self, intent: &Intent) {
        self.fill(intent, intent.quantity);
        self.say(intent.id, Outcome::Done { filled: intent.quantity });
    }

    /// Nothing of it: an immediate order that met nobody.
    pub(crate) fn expire(&mut self, intent: &Intent) {
        self.say(intent.id, Outcome::Expired { filled: Quantity::ZERO });
    }

    /// A pair that holds half a coin, hedged.
    pub(crate) fn hedged(&mut self) {
        self.open(5_000);
        let first = self.last();
        self.execute(&first);
        let second = self.last();
        self.execute(&second);
        assert_eq!(self.phase(), "hedged", "{:?}", self.state.pairs[0].memory);
    }

    /// Somebody's fill on the perp: not an order of ours.
    pub(crate) fn by_venue(&mut self, act: VenueAct, side: Side, quantity: &str) {
        let instrument = self.leg(Leg::Short);
        let fill = self.execution((instrument, side), coins(quantity));
        self.then(Event::VenueFill { instrument, act, side, fill });
    }

    /// The venue's list of the position.
    pub(crate) fn listed(&mut self, short: &str) {
        let coins = coins(short).signed(Side::Sell);
        let listed = Listed { coins, mark: None, liquidation: None, isolated: None, at: None };
        self.then(Event::PositionListed { instrument: self.leg(Leg::Short), listed });
    }

    /// The lists differ, and so many coins of the pair are not there.
    pub(crate) fn differs(&mut self, missing: &str) {
        let coin = self.state.pairs[0].pair.coin;
        self.then(Event::Reconciled {
            venue: VenueId(0),
            differences: 2,
            missing: vec![(coin, Amount::parse(missing).unwrap())],
        });
    }

    pub(crate) fn compared(&mut self, differences: u32) {
        self.then(Event::Reconciled { venue: VenueId(0), differences, missing: Vec::new() });
    }

    pub(crate) fn phase(&self) -> &'static str {
        self.state.pairs[0].memory.phase.as_str()
    }

    /// Spot coins and signed perp coins.
    pub(crate) fn holds(&self) -> (String, String) {
        let (spot, perp) = self.state.held(&self.state.pairs[0]);
        (spot.to_string(), perp.to_string())
    }

    pub(crate) fn paged(&self, kind: AlarmKind) -> usize {
        self.alarms.iter().filter(|(_, alarm)| alarm.kind == kind && alarm.severity == Severity::Page).count()
    }
}
