//! An instrument that serves two pairs: its facts go to both, the venue's one position is the sum of theirs, and what the venue
//! does to it is shared out.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may stop the test")]

use carry::checks::reconcile;
use carry::config::Settings;
use carry::config::settings::First;
use carry::domain::fees::Role;
use carry::domain::{
    Amount, Asset, Catalogue, FillId, InstrumentId, Leg, PairId, Price, Quantity, Rate, Sequence, Side, Symbol,
    VenueId, WallTime,
};
use carry::engine::standing::Standing;
use carry::engine::{self, State};
use carry::ledger::BookedFill;
use carry::ledger::book::Cause;
use carry::port::by_hand::Adoption;
use carry::port::command::AlarmKind;
use carry::port::event::{Bar, MarkSource, Operator, Quote, Stamped, VenueAct, Wallet};
use carry::port::health::Listed;
use carry::port::order::{Fill, Intent, OrderReport, Outcome, Purpose};
use carry::port::{Command, Event};
use carry::sim::{Generator, START};
use carry::venues::answer::PositionRow;
use carry::venues::binance::Lists;

const FIRST: PairId = PairId(0);
const SECOND: PairId = PairId(1);

fn price(text: &str) -> Price {
    Price::parse(text).unwrap()
}

fn coins(text: &str) -> Quantity {
    Quantity::parse(text).unwrap()
}

fn amount(text: &str) -> Amount {
    Amount::parse(text).unwrap()
}

/// Coins of two venues, both hedged in the perp of the second one.
struct Two {
    state: State,
    long: [InstrumentId; 2],
    perp: InstrumentId,
}

impl Two {
    fn new() -> Self {
        let known = Generator::new(1, START).catalogue().clone();
        let leg = |name, leg| known.instrument(known.pair_named(name).unwrap().leg(leg)).unwrap().clone();
        let perp = leg("hyper:BTCUSDC", Leg::Short);
        let mut catalogue = Catalogue::default();
        assert_eq!(catalogue.add_pair(leg("alpha:BTCUSDT", Leg::Long), perp.clone()), FIRST);
        assert_eq!(catalogue.add_pair(leg("hyper:BTCUSDC", Leg::Long), perp), SECOND);
        let long = [catalogue.pairs()[0].long, catalogue.pairs()[1].long];
        let perp = catalogue.pairs()[0].short;
        assert_eq!(catalogue.legs_of(perp), [(FIRST, Leg::Short), (SECOND, Leg::Short)]);
        let mut two = Self { state: State::new(Settings::default(), catalogue), long, perp };
        two.step(Event::Boot { epoch: 1, salt: 1 });
        two
    }

    fn step(&mut self, event: Event) -> Vec<Command> {
        let at = if self.state.now == WallTime(i64::MIN) { START } else { self.state.now };
        self.step_at(at, event)
    }

    fn step_at(&mut self, at: WallTime, event: Event) -> Vec<Command> {
        let mut out = Vec::new();
        let stamped = Stamped { sequence: Sequence(self.state.sequence.0 + 1), at, event };
        engine::step(&mut self.state, &stamped, &mut out);
        assert_eq!(self.state.ledger.imbalance(), None, "the books balance");
        out
    }

    fn quote(&mut self, instrument: InstrumentId, bid: &str, ask: &str) {
        let depth = coins("100");
        let venue_time = if self.state.now == WallTime(i64::MIN) { START } else { self.state.now };
        let quote = Quote { bid: price(bid), ask: price(ask), bid_depth: depth, ask_depth: depth, venue_time };
        self.step(Event::Quote { instrument, quote });
    }

    /// With 0.3 coins short in the first pair and 0.5 in the second.
    fn holding() -> Self {
        let mut two = Self::new();
        for instrument in [two.long[0], two.long[1], two.perp] {
            two.quote(instrument, "9999", "10001");
        }
        for (pair, size) in [(FIRST, "0.3"), (SECOND, "0.5")] {
            let mids = (price("10000"), price("10000"));
            let adoption = Adoption { pair, coins: coins(size), short: coins(size), entry: price("10000"), mids };
            two.step(Event::Operator(Operator::Adopt(adoption)));
        }
        assert_eq!(two.short(), ["-0.3", "-0.5"]);
        two
    }

    fn short(&self) -> [String; 2] {
        [FIRST, SECOND].map(|pair| self.state.held(self.state.pair(pair).unwrap()).1.to_string())
    }

    fn by_venue(&mut self, id: u64, act: VenueAct, size: &str) -> Vec<Command> {
        let (quantity, at) = (coins(size), self.state.now);
        let (fee, fee_asset) = (amount("0.8"), Asset::of("USDC"));
        let fill = Fill { id: FillId(id), quantity, price: price("10100"), fee, fee_asset, role: Role::Taker, at };
        self.step(Event::VenueFill { instrument: self.perp, act, side: Side::Buy, fill })
    }

    fn lines(&self, pair: PairId) -> carry::ledger::Lines {
        self.state.ledger.pair(pair).unwrap().attribution.lines
    }

    fn lists(&self, position: &str) -> Lists {
        let coins = coins(position).signed(Side::Sell);
        let row = PositionRow {
            symbol: Symbol::of("BTCUSDC"),
            coins,
            entry: Some(price("10000")),
            mark: None,
            liquidation: None,
            adl: None,
            isolated: None,
            at: None,
            hedge_side: false,
        };
        let (spot, perp, elsewhere) = (Vec::new(), Vec::new(), Vec::new());
        Lists { at: self.state.now, quiet: true, spot, perp, positions: vec![(self.perp, row)], elsewhere }
    }
}

#[test]
fn a_price_of_a_shared_instrument_is_known_to_both_pairs() {
    let mut two = Two::new();
    two.quote(two.perp, "10009", "10011");
    let mids = |two: &Two| [FIRST, SECOND].map(|pair| two.state.pair(pair).unwrap().market.short.mid);
    assert_eq!(mids(&two), [Some(price("10010")); 2]);
    two.quote(two.long[0], "9999", "10001");
    let marks = |two: &Two| [FIRST, SECOND].map(|pair| two.state.pair(pair).unwrap().market.marks);
    assert_eq!(marks(&two), [Some((price("10000"), price("10010"))), None]);
    let instrument = two.perp;
    two.step(Event::Mark { instrument, mark: price("10008"), index: price("10007") });
    two.step(Event::OpenInterest { instrument, coins: coins("77") });
    two.step(Event::AdlRank { instrument, rank: 3 });
    for pair in [FIRST, SECOND] {
        let market = &two.state.pair(pair).unwrap().market;
        assert_eq!(
            (market.short.mark.map(|(mark, _)| mark), market.short.index),
            (Some(price("10008")), Some(price("10007")))
        );
        assert_eq!((market.short.open_interest(), market.short.adl_rank), (Some(coins("77")), 3));
    }
    two.step(Event::Trading { instrument, open: false });
    assert!(two.state.pairs.iter().all(|pair| pair.witness.closed == [Leg::Short]));
}

#[test]
fn a_bar_of_a_shared_instrument_completes_the_pair_whose_other_leg_has_closed_the_same_one() {
    let mut two = Two::new();
    let bar = |close: &str| {
        let close = price(close);
        Bar { opened: START, open: close, high: close, low: close, close, volume: coins("1") }
    };
    let (other, shared) = (two.long[1], two.perp);
    two.step(Event::Bar { instrument: other, bar: bar("10000") });
    two.step(Event::Bar { instrument: shared, bar: bar("10010") });
    let marks = [FIRST, SECOND].map(|pair| two.state.pair(pair).unwrap().market.marks);
    assert_eq!(marks, [None, Some((price("10000"), price("10010")))]);
}

#[test]
fn the_venues_position_is_the_sum_of_the_pairs() {
    let two = Two::holding();
    assert_eq!(two.state.position(two.perp).to_string(), "-0.8");
    let differences = |position: &str| -> Vec<String> {
        let found = reconcile::compare(&two.state, VenueId(0), &two.lists(position)).differences;
        found.iter().map(ToString::to_string).filter(|text| text.contains("position")).collect()
    };
    assert_eq!(differences("0.8"), Vec::<String>::new());
    assert_eq!(differences("0.5"), ["hyper:BTCUSDC position: ledger -0.8, venue -0.5"]);
    let rows = reconcile::accounts(&two.state, VenueId(0), &two.lists("0.8"));
    assert_eq!(rows.iter().filter(|row| row.account.contains("position")).count(), 1, "one row: {rows:?}");
}

#[test]
fn e12_what_the_venue_closes_is_taken_from_the_pairs_in_their_order_with_its_fee() {
    let mut two = Two::holding();
    let told = two.by_venue(1, VenueAct::Adl, "0.4");
    assert_eq!(two.short(), ["0", "-0.4"]);
    assert_eq!([two.lines(FIRST).fees, two.lines(SECOND).fees], [amount("-0.6"), amount("-0.2")]);
    let pages = |kind| told.iter().filter(|one| matches!(one, Command::Alarm(alarm) if alarm.kind == kind)).count();
    assert_eq!(pages(AlarmKind::Adl), 2, "each pair is told of: {told:?}");
    assert!(two.state.pairs.iter().all(|pair| pair.memory.venue_made));
    // The same execution told twice is one.
    two.by_venue(1, VenueAct::Adl, "0.4");
    assert_eq!(two.short(), ["0", "-0.4"]);
    // More than is held: nobody else is there to be charged with it.
    two.by_venue(2, VenueAct::Foreign, "0.5");
    assert_eq!(two.short(), ["0.1", "0"]);
}

#[test]
fn funding_of_a_shared_position_is_shared_by_coins_and_nothing_is_lost_in_rounding() {
    let mut two = Two::holding();
    let pay = |two: &mut Two, stamp: i64, money: &str| {
        let (instrument, position) = (two.perp, two.state.position(two.perp));
        let (stamp, mark, rate) = (WallTime(START.0 + stamp), price("10000"), Rate::parse("0.0001").unwrap());
        let (mark_source, amount) = (MarkSource::Funding, amount(money));
        two.step(Event::FundingPaid { instrument, stamp, position, mark, mark_source, rate, amount });
        [two.lines(FIRST).funding, two.lines(SECOND).funding]
    };
    assert_eq!(pay(&mut two, 1, "0.8"), [amount("0.3"), amount("0.5")]);
    assert_eq!(pay(&mut two, 1, "0.8"), [amount("0.3"), amount("0.5")], "a payment told twice is one");
    let [first, second] = pay(&mut two, 2, "0.00000001");
    assert_eq!(first + second, amount("0.80000001"));
    let wallet = two.state.ledger.wallet(VenueId(0), Wallet::Perp, Asset::of("USDC"));
    assert_eq!(wallet, amount("0.80000001"));
}

#[test]
fn a16_the_list_of_a_shared_position_ends_a_doubt_when_it_shows_the_sum() {
    let listed = |text: &str| {
        let coins = -coins(text).signed(Side::Buy);
        Listed { coins, mark: None, liquidation: None, isolated: None, at: None }
    };
    let after = |shown: &str| {
        let mut two = Two::holding();
        two.state.pairs[1].memory.doubted_since = Some(WallTime(two.state.now.0 - 3_600_000));
        two.state.pairs[1].witness.refused = Some(Leg::Short);
        carry::engine::apply::apply(
            &mut two.state,
            &Event::PositionListed { instrument: two.perp, listed: listed(shown) },
            &mut Vec::new(),
        );
        two.state.pairs[1].memory.doubted_since.is_some()
    };
    assert!(after("0.5"), "the coins of this pair alone are not what the venue lists");
    assert!(!after("0.8"));
}

#[test]
fn a_leg_is_booked_at_its_own_venue_and_in_its_own_quote_coin() {
    let two = Two::new();
    let pair = &two.state.pairs[0].pair;
    let mut ledger = two.state.ledger.clone();
    let cause = Cause { sequence: Sequence(1), at: START };
    let mids = (price("10000"), price("10000"));
    for (leg, side, fee_asset) in [(Leg::Long, Side::Buy, "USDT"), (Leg::Short, Side::Sell, "USDC")] {
        let (id, fee, fee_asset) = (FillId(1), amount("2"), Asset::new(fee_asset).unwrap());
        let fill =
            Fill { id, quantity: coins("0.5"), price: price("10010"), fee, fee_asset, role: Role::Taker, at: START };
        ledger.fill(cause, &BookedFill { pair, leg, side, fill: &fill, mids });
    }
    let wallet = |(venue, _): (VenueId, Asset), wallet, asset| ledger.wallet(venue, wallet, Asset::new(asset).unwrap());
    let (long, short) = (pair.account(Leg::Long), pair.account(Leg::Short));
    assert_ne!(long.0, short.0);
    assert_eq!(wallet(long, Wallet::Spot, "BTC"), amount("0.5"));
    assert_eq!(wallet(long, Wallet::Spot, "USDT"), amount("-5007"));
    assert_eq!(wallet(short, Wallet::Perp, "USDC"), amount("-2"));
    assert_eq!((ledger.imbalance(), ledger.lines().fees), (None, amount("-4")));
    assert_eq!(ledger.equity(long.1), amount("-7"), "what was paid above the mid, and the fee");
    assert_eq!(ledger.equity(short.1), amount("3"), "what was got above the mid, less the fee");
}

#[test]
fn a_pair_over_two_venues_enters_nothing_while_one_of_them_is_away() {
    let mut two = Two::holding();
    let may_enter = |two: &Two| Standing::of(&two.state).pairs.iter().map(|pair| pair.may_enter).collect::<Vec<_>>();
    assert_eq!(may_enter(&two), [true, true]);
    let venue = two.state.pairs[0].pair.venue(Leg::Long);
    two.step(Event::VenueHealth { venue, reachable: false, missing: Vec::new() });
    assert_eq!(may_enter(&two), [false, true]);
    let venue = two.state.pairs[0].pair.venue(Leg::Short);
    two.step(Event::VenueHealth { venue, reachable: false, missing: Vec::new() });
    assert_eq!(may_enter(&two), [false, false]);
}

/// The orders that are made in a step.
fn made(commands: Vec<Command>) -> Option<Intent> {
    commands.into_iter().find_map(|one| if let Command::Record(intent) = one { Some(intent) } else { None })
}

/// The seconds after a bought clip at which the first order followed while the venue of the short was away, and that order.
fn lost_after_the_long_leg(also_long: bool) -> (i64, Option<Intent>) {
    let mut two = Two::new();
    two.state.settings.execution.first = First::Leg(Leg::Long);
    let pair = two.state.pairs[0].pair.clone();
    for (leg, wallet) in [(Leg::Long, Wallet::Spot), (Leg::Short, Wallet::Perp)] {
        let ((venue, asset), amount) = (pair.account(leg), amount("50000"));
        two.step(Event::Opening { venue, wallet, asset, amount });
    }
    for instrument in [pair.long, pair.short] {
        two.quote(instrument, "9999", "10001");
    }
    let order =
        made(two.step(Event::Operator(Operator::Open { pair: FIRST, notional: Amount::whole(5_000) }))).unwrap();
    assert_eq!((order.leg, order.side), (Leg::Long, Side::Buy));
    two.step(Event::IntentDurable { id: order.id });
    let away = |leg| Event::VenueHealth { venue: pair.venue(leg), reachable: false, missing: Vec::new() };
    two.step(away(Leg::Short));
    if also_long {
        two.step(away(Leg::Long));
    }
    let (fee, fee_asset) = (Amount::ZERO, pair.quote(Leg::Long));
    let quantity = order.quantity;
    let fill = Fill { id: FillId(1), quantity, price: price("10001"), fee, fee_asset, role: Role::Taker, at: START };
    let ends = [Outcome::Filled(fill), Outcome::Done { filled: quantity }];
    let told = ends.map(|outcome| made(two.step(Event::Order(OrderReport { id: order.id, outcome }))));
    assert!(told.iter().all(Option::is_none), "the hedge cannot leave: {told:?}");
    for second in 1..=60 {
        let at = WallTime(START.0 + second * 1_000);
        let depth = coins("100");
        let quote =
            Quote { bid: price("9999"), ask: price("10001"), bid_depth: depth, ask_depth: depth, venue_time: at };
        let quoted = made(two.step_at(at, Event::Quote { instrument: pair.long, quote }));
        if let Some(order) = quoted.or_else(|| made(two.step_at(at, Event::Timer))) {
            return (second, Some(order));
        }
    }
    (60, None)
}

#[test]
fn a23_a_clip_whose_short_s_venue_is_lost_is_taken_back_at_the_other_venue_within_the_hedge_time() {
    let (after, order) = lost_after_the_long_leg(false);
    let order = order.expect("the bought coins stay naked");
    assert_eq!((order.leg, order.side, order.purpose), (Leg::Long, Side::Sell, Purpose::Undo));
    assert!(after <= Settings::default().execution.hedge_time.0 / 1_000 + 1, "after {after} s");
    assert_eq!(lost_after_the_long_leg(true), (60, None), "where neither venue answers nothing can be done");
}
