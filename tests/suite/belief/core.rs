//! A booted core with money and prices, for tests of what it believes.

use carry::config::Settings;
use carry::domain::{Amount, InstrumentId, Leg, Price, Quantity, Sequence, Span, VenueId, WallTime, fees};
use carry::engine::{self, State};
use carry::port::event::{Adjustment, Operator, Quote, Wallet};
use carry::port::order::{Fill, Intent, OrderReport, Outcome};
use carry::port::{Command, Event, Stamped};
use carry::sim::Generator;
use carry::sim::START;

/// The core and what it wanted.
pub(crate) struct Core {
    pub(crate) state: State,
    pub(crate) said: Vec<Command>,
    fills: u64,
}

pub(crate) fn price(text: &str) -> Price {
    Price::parse(text).unwrap()
}

impl Core {
    /// Booted, with money on both sides of every venue and books of 9999 / 10001 of the first pair.
    pub(crate) fn new(settings: Settings) -> Self {
        let catalogue = Generator::new(1, START).catalogue().clone();
        let pair = catalogue.pairs()[0].clone();
        let mut core = Self { state: State::new(settings, catalogue), said: Vec::new(), fills: 0 };
        core.tell(Event::Boot { epoch: 1, salt: 7 });
        for wallet in [Wallet::Spot, Wallet::Perp] {
            let (asset, amount) = (pair.quote(Leg::Short), Amount::whole(50_000));
            core.tell(Event::Opening { venue: VenueId(0), wallet, asset, amount });
        }
        core.books("10000");
        core
    }

    pub(crate) fn spot(&self) -> InstrumentId {
        self.state.pairs[0].pair.long
    }

    pub(crate) fn perp(&self) -> InstrumentId {
        self.state.pairs[0].pair.short
    }

    pub(crate) fn tell(&mut self, event: Event) {
        let at = if self.state.now == WallTime(i64::MIN) { START } else { self.state.now };
        let stamped = Stamped { sequence: Sequence(self.state.sequence.0 + 1), at, event };
        let before = self.said.len();
        engine::step(&mut self.state, &stamped, &mut self.said);
        let recorded: Vec<Intent> = self.said[before..]
            .iter()
            .filter_map(|command| if let Command::Record(intent) = command { Some(intent.clone()) } else { None })
            .collect();
        for intent in recorded {
            self.tell(Event::IntentDurable { id: intent.id });
        }
    }

    pub(crate) fn later(&mut self, span: Span) {
        self.state.now = self.state.now + span;
    }

    /// One instrument quoted one unit to either side of `mid`.
    pub(crate) fn quote(&mut self, instrument: InstrumentId, mid: &str) {
        let depth = Quantity::parse("1000").unwrap();
        let half = price("1");
        let mid = price(mid);
        let bid = Price::from_units(mid.units() - half.units()).unwrap();
        let ask = Price::from_units(mid.units() + half.units()).unwrap();
        let venue_time = self.state.now;
        let quote = Quote { bid, ask, bid_depth: depth, ask_depth: depth, venue_time };
        self.tell(Event::Quote { instrument, quote });
    }

    pub(crate) fn books(&mut self, mid: &str) {
        let (spot, perp) = (self.spot(), self.perp());
        self.quote(spot, mid);
        self.quote(perp, mid);
    }

    pub(crate) fn mark(&mut self, mark: &str, index: &str) {
        let instrument = self.perp();
        self.tell(Event::Mark { instrument, mark: price(mark), index: price(index) });
    }

    pub(crate) fn turn(&mut self) {
        self.tell(Event::Turn);
    }

    /// Quote coin of a wallet is this much from now on: the rest came or went by another hand.
    pub(crate) fn wallet(&mut self, wallet: Wallet, amount: i64) {
        let (venue, asset) = (VenueId(0), self.state.pairs[0].pair.quote(Leg::Short));
        let amount = Amount::whole(amount) - self.state.ledger.wallet(venue, wallet, asset);
        self.tell(Event::Adjusted { venue, wallet, asset, amount, cause: Adjustment::External });
    }

    /// Orders that left since `from` commands ago.
    pub(crate) fn placed(&self, from: usize) -> Vec<Intent> {
        let placed = |command: &Command| if let Command::Place(intent) = command { Some(intent.clone()) } else { None };
        self.said[from..].iter().filter_map(placed).collect()
    }

    /// The venue executes an order whole at its limit or better: at the mid.
    pub(crate) fn fill(&mut self, intent: &Intent) {
        self.fills += 1;
        let id = intent.id;
        let instrument = self.state.catalogue.instrument(intent.instrument).unwrap();
        let fee_coin = instrument.fee_coin(intent.side);
        let what = (intent.arrival_mid, intent.quantity);
        let fee = fees::fee(what, instrument.fees.taker, fee_coin, instrument.quote);
        let fill = Fill {
            id: carry::domain::FillId(self.fills),
            quantity: intent.quantity,
            price: intent.arrival_mid,
            fee: fee.amount,
            fee_asset: fee.asset,
            role: fees::Role::Taker,
            at: self.state.now,
        };
        self.tell(Event::Order(OrderReport { id, outcome: Outcome::Accepted }));
        self.tell(Event::Order(OrderReport { id, outcome: Outcome::Filled(fill) }));
        self.tell(Event::Order(OrderReport { id, outcome: Outcome::Done { filled: intent.quantity } }));
    }

    /// Executes whatever leaves until nothing does.
    pub(crate) fn trade(&mut self) {
        let mut from = self.said.len();
        self.turn();
        for _ in 0..50 {
            let placed = self.placed(from);
            from = self.said.len();
            if placed.is_empty() {
                return;
            }
            for intent in placed {
                self.fill(&intent);
            }
            self.turn();
        }
        panic!("it does not come to rest");
    }

    /// Opens the first pair by hand and executes all of it.
    pub(crate) fn hold(&mut self, notional: i64) {
        let pair = self.state.pairs[0].pair.id;
        let from = self.said.len();
        self.tell(Event::Operator(Operator::Open { pair, notional: Amount::whole(notional) }));
        for intent in self.placed(from) {
            self.fill(&intent);
        }
        self.trade();
        let (spot, perp) = self.state.held(&self.state.pairs[0]);
        assert!(!perp.is_zero() && (spot + perp).magnitude() < Quantity::parse("0.001").unwrap(), "{spot} {perp}");
    }
}
