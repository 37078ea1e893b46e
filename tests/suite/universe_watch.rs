//! The daily look at the universe while a venue answers badly: what is not known changes nothing, and is asked for again.
//!
//! The venue is a list in memory. Over sockets it is looked at in `tests/commands/universe_live.rs`.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may stop the test")]

use carry::config::Settings;
use carry::data::instruments;
use carry::domain::universe::Outside;
use carry::domain::{Amount, Asset, Catalogue, Market, Quantity, Span, Symbol, WallTime};
use carry::engine::State;
use carry::port::Event;
use carry::run::universe_watch::UniverseWatch;
use carry::venues::answer::{Answer, CandleRow, Listing};
use carry::venues::ask::Ask;
use std::collections::{BTreeMap, BTreeSet};

/// Noon of a day.
const NOON: WallTime = WallTime(1_760_011_200_000);
const MINUTE: Span = Span::MINUTE;
const COINS: [&str; 3] = ["BTC", "ETH", "SOL"];

fn symbol(coin: &str) -> Symbol {
    Symbol::new(&format!("{coin}USDT")).unwrap()
}

fn listing(coin: &str, market: Market) -> Listing {
    let legs = instruments::built_in("binance", symbol(coin)).unwrap();
    Listing {
        symbol: symbol(coin),
        market,
        base: Asset::new(coin).unwrap(),
        quote: Asset::new("USDT").unwrap(),
        rules: if market == Market::Spot { legs.spot.rules } else { legs.perp.rules },
        trading: true,
        perpetual: market == Market::Perp,
        ends: None,
        begins: (market == Market::Perp).then_some(WallTime(NOON.0 - 400 * Span::DAY.0)),
        price_band: None,
    }
}

/// What the venue lists and tells.
struct Lists {
    rows: Vec<Listing>,
    /// Coins that traded in a day, as printed.
    volumes: BTreeMap<Symbol, String>,
    /// Coins of open interest.
    interest: BTreeMap<Symbol, Quantity>,
    /// Questions about these get no answer.
    silent: BTreeSet<Symbol>,
    /// The lists get no answer.
    down: bool,
    asked: usize,
}

impl Lists {
    fn new() -> Self {
        let rows = COINS.iter().flat_map(|coin| [Market::Spot, Market::Perp].map(|market| listing(coin, market)));
        let volumes = COINS.iter().map(|coin| (symbol(coin), "90000".to_owned())).collect();
        let (interest, silent) = (BTreeMap::new(), BTreeSet::new());
        Self { rows: rows.collect(), volumes, interest, silent, down: false, asked: 0 }
    }

    fn row(&mut self, coin: &str, market: Market) -> &mut Listing {
        self.rows.iter_mut().find(|row| row.symbol == symbol(coin) && row.market == market).unwrap()
    }

    fn without(&mut self, coin: &str) {
        self.rows.retain(|row| row.symbol != symbol(coin));
    }

    fn answer(&mut self, ask: &Ask) -> Option<Answer> {
        self.asked += 1;
        match ask {
            Ask::Instruments(_) if self.down => None,
            Ask::Instruments(market) => {
                let listings = self.rows.iter().filter(|row| row.market == *market).cloned().collect();
                Some(Answer::Instruments { listings, limits: Vec::new(), left_out: Vec::new() })
            }
            Ask::Candles { symbol, .. } | Ask::OpenInterest { symbol } if self.silent.contains(symbol) => None,
            Ask::Candles { symbol, start, .. } => {
                let volume = self.volumes.get(symbol)?;
                let row = |day: i64| CandleRow {
                    opened: *start + Span(day * Span::DAY.0),
                    prices: ["100", "100", "100", "100"].map(str::to_owned),
                    volume: Some(volume.clone()),
                };
                Some(Answer::Candles((0..30).map(row).collect()))
            }
            Ask::OpenInterest { symbol } => {
                let coins = self.interest.get(symbol)?;
                Some(Answer::OpenInterest(vec![(NOON, *coins)]))
            }
            other => panic!("{other:?} was asked"),
        }
    }
}

/// A session of the three pairs, and its watch.
struct Desk {
    state: State,
    watch: UniverseWatch,
    lists: Lists,
    now: WallTime,
    /// What the core was told last.
    outside: BTreeMap<String, Option<Outside>>,
}

impl Desk {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::default();
        settings.strategy.auto = true;
        settings.universe.venues = vec!["binance".to_owned()];
        settings.universe.min_volume = Amount::whole(1_000_000);
        change(&mut settings);
        let mut catalogue = Catalogue::default();
        for coin in COINS {
            let legs = instruments::built_in("binance", symbol(coin)).unwrap();
            catalogue.add_pair(legs.spot, legs.perp);
        }
        let state = State::new(settings, catalogue);
        let mut watch = UniverseWatch::of(&state, NOON).unwrap();
        let before = watch.begin(3);
        let mut desk = Self { state, watch, lists: Lists::new(), now: NOON, outside: BTreeMap::new() };
        desk.told(before);
        for coin in COINS {
            assert_eq!(desk.of(coin), Some(Outside::NotLooked), "nothing is entered before the first look");
        }
        desk
    }

    fn told(&mut self, events: Vec<Event>) {
        for event in events {
            let Event::Universe(verdict) = event else { panic!("{event:?}") };
            let name = self.state.catalogue.pair(verdict.pair).unwrap().name.clone();
            self.outside.insert(name, verdict.outside);
        }
    }

    fn of(&self, coin: &str) -> Option<Outside> {
        self.outside[&format!("binance:{coin}USDT")]
    }

    fn all(&self) -> [Option<Outside>; 3] {
        COINS.map(|coin| self.of(coin))
    }

    /// Asks and answers until nothing more is asked now.
    fn look(&mut self) {
        loop {
            let rules = self.state.settings.universe.clone();
            let asks = self.watch.asks(&rules, self.now);
            if asks.is_empty() {
                return;
            }
            for (_, call, ask) in asks {
                let answer = self.lists.answer(&ask);
                let events = self.watch.answered(call, answer, &self.state, self.now);
                self.told(events);
            }
        }
    }

    /// So many minutes pass, one after the other.
    fn pass(&mut self, minutes: i64) {
        for _ in 0..minutes {
            self.now = self.now + MINUTE;
            self.look();
        }
    }
}

const IN: [Option<Outside>; 3] = [None; 3];

#[test]
fn c07_a_list_that_comes_empty_is_no_knowledge_and_is_asked_for_again() {
    let mut desk = Desk::new();
    desk.look();
    assert_eq!(desk.all(), IN);
    for market in [Market::Spot, Market::Perp] {
        let rows = desk.lists.rows.clone();
        desk.lists.rows.retain(|row| row.market != market);
        desk.pass(2 * 24 * 60);
        assert_eq!(desk.all(), IN, "nothing at all is listed on {market}: that is no venue");
        desk.lists.rows = rows;
        desk.pass(24 * 60);
        assert_eq!(desk.all(), IN);
    }
}

#[test]
fn c08_a_list_without_a_pair_of_the_session_is_believed_when_it_says_so_again_and_again() {
    let mut desk = Desk::new();
    desk.look();
    desk.pass(11 * 60 + 58);
    assert_eq!(desk.all(), IN);
    // The list of the day's look is cut: a pair of ours is not in it.
    let rows = desk.lists.rows.clone();
    desk.lists.without("ETH");
    desk.pass(5);
    assert_eq!(desk.all(), IN, "one list is not believed");
    desk.lists.rows = rows;
    desk.pass(60);
    assert_eq!(desk.all(), IN);
    // Of one that is gone for good the lists say so each time.
    desk.lists.without("SOL");
    desk.pass(26 * 60);
    assert_eq!(desk.all(), [None, None, Some(Outside::NotTrading)]);
}

#[test]
fn the_first_look_after_a_start_goes_on_until_it_is_whole() {
    let mut desk = Desk::new();
    desk.lists.down = true;
    desk.pass(3 * 24 * 60);
    assert_eq!(desk.all(), [Some(Outside::NotLooked); 3], "nothing is entered on no knowledge");
    // I18: two lists each ten minutes, one of which ends the look.
    assert!(desk.lists.asked <= 3 * 24 * 6 * 2 + 2, "{} questions in three days", desk.lists.asked);
    desk.lists.down = false;
    desk.pass(10);
    assert_eq!(desk.all(), IN);
}

#[test]
fn c07_looks_that_fail_for_days_change_nothing_of_what_was_known() {
    let mut desk = Desk::new();
    desk.lists.row("SOL", Market::Perp).trading = false;
    desk.look();
    let known = [None, None, Some(Outside::NotTrading)];
    assert_eq!(desk.all(), known);
    desk.lists.down = true;
    desk.pass(4 * 24 * 60);
    assert_eq!(desk.all(), known);
}

#[test]
fn b10_open_interest_that_is_absent_or_zero_keeps_a_pair_out() {
    let rule = |settings: &mut Settings| settings.universe.min_open_interest = Amount::whole(1_000_000);
    let mut desk = Desk::with(rule);
    let coins = |count: i64| Quantity::parse(&count.to_string()).unwrap();
    desk.lists.interest = [(symbol("BTC"), coins(50_000)), (symbol("ETH"), Quantity::ZERO)].into();
    desk.look();
    desk.pass(60);
    let out = [None, Some(Outside::OpenInterest), Some(Outside::OpenInterestUnknown)];
    assert_eq!(desk.all(), out);
}

#[test]
fn a09_an_answer_to_a_look_that_was_given_up_is_none_to_the_next() {
    let mut desk = Desk::new();
    let rules = desk.state.settings.universe.clone();
    let first = desk.watch.asks(&rules, desk.now);
    assert_eq!(first.len(), 2, "both lists");
    // They do not come for an hour; what was asked then is of no use to the look after it.
    desk.now = desk.now + Span::HOUR + MINUTE;
    assert!(desk.watch.asks(&rules, desk.now).is_empty(), "given up, and begun again after a pause");
    let mut old = Lists::new();
    old.without("BTC");
    for (_, call, ask) in first {
        let answer = old.answer(&ask);
        let events = desk.watch.answered(call, answer, &desk.state, desk.now);
        assert!(events.is_empty(), "{events:?}");
    }
    desk.pass(11);
    assert_eq!(desk.all(), IN);
}
