//! The daily look at lists that are empty, cut, unreadable or not answered: what is not known of a pair is no news of it.

use super::*;
use crate::config::Settings;
use crate::domain::{Amount, Asset, Market, Symbol};
use crate::sim::{Generator, START};
use crate::venues::answer::{CandleRow, Listing};

/// A session of the pairs of one venue, and what that venue answers.
struct Bench {
    state: State,
    watch: UniverseWatch,
    now: WallTime,
    /// Coins that its lists have, and those whose rows cannot be read.
    listed: Vec<String>,
    unread: Vec<String>,
    /// Coins that are stopped, on this market, and those of which a question gets no answer.
    stopped: Vec<String>,
    halted: Market,
    silent: Vec<String>,
    /// No list comes at all.
    down: bool,
}

impl Bench {
    fn new() -> Self {
        let all = Generator::new(1, START).catalogue().clone();
        let mut catalogue = Catalogue::default();
        for pair in all.pairs().iter().filter(|pair| pair.name.starts_with("alpha:") && pair.name.ends_with("USDT")) {
            let leg = |id| all.instrument(id).unwrap().clone();
            catalogue.add_pair(leg(pair.long), leg(pair.short));
        }
        let mut settings = Settings::default();
        settings.strategy.auto = true;
        settings.universe.min_age = Span::ZERO;
        settings.universe.min_volume = Amount::whole(1_000_000);
        settings.universe.min_open_interest = Amount::ZERO;
        settings.universe.most = 60;
        let state = State::new(settings, catalogue);
        let listed = state.catalogue.pairs().iter().map(|pair| pair.coin.to_string()).collect();
        let watch = UniverseWatch::of(&state, START).unwrap();
        let (unread, stopped, silent) = (Vec::new(), Vec::new(), Vec::new());
        let halted = Market::Perp;
        Self { state, watch, now: START, listed, unread, stopped, halted, silent, down: false }
    }

    fn answer(&self, ask: &Ask) -> Option<Answer> {
        let has =
            |coins: &[String], symbol: &Symbol| coins.iter().any(|coin| *symbol.as_str() == format!("{coin}USDT"));
        match ask {
            Ask::Instruments(_) if self.down => None,
            Ask::Instruments(market) => {
                let rows = self.listed.iter().filter(|coin| !self.unread.contains(coin));
                let left_out = self.unread.iter().map(|coin| (symbol(coin), "status".to_owned())).collect();
                let listings = rows.map(|coin| self.row(coin, *market)).collect();
                Some(Answer::Instruments { listings, limits: Vec::new(), left_out })
            }
            Ask::Candles { symbol, .. } if has(&self.silent, symbol) => None,
            Ask::Candles { end, .. } => {
                let prices = ["100"; 4].map(str::to_owned);
                Some(Answer::Candles(vec![CandleRow { opened: *end, prices, volume: Some("20000".to_owned()) }]))
            }
            other => panic!("{other:?}"),
        }
    }

    fn row(&self, coin: &str, market: Market) -> Listing {
        let known = self.state.catalogue.instruments().first().unwrap();
        let perp = market == Market::Perp;
        Listing {
            symbol: symbol(coin),
            market,
            base: Asset::new(coin).unwrap(),
            quote: Asset::of("USDT"),
            rules: known.rules,
            trading: market != self.halted || !self.stopped.iter().any(|one| one == coin),
            perpetual: perp,
            ends: None,
            begins: perp.then_some(WallTime(0)),
            price_band: None,
        }
    }

    /// Everything that is due, answered; what the core is told, by coin.
    fn look(&mut self) -> Vec<(String, Option<Outside>)> {
        let mut events = self.watch.begin(self.state.pairs.len());
        let rules = self.state.settings.universe.clone();
        loop {
            let asks = self.watch.asks(&rules, self.now);
            if asks.is_empty() {
                break;
            }
            for (_, call, ask) in asks {
                let answer = self.answer(&ask);
                events.extend(self.watch.answered(call, answer, &self.state, self.now));
            }
        }
        let told = events.into_iter().map(|event| match event {
            Event::Universe(Verdict { pair, outside }) => {
                (self.state.catalogue.pair(pair).unwrap().coin.to_string(), outside)
            }
            other => panic!("{other:?}"),
        });
        told.collect()
    }

    fn later(&mut self, by: Span) -> Vec<(String, Option<Outside>)> {
        self.now = self.now + by;
        self.look()
    }

    /// A session in which every pair was admitted by the first look.
    fn admitted() -> Self {
        let mut bench = Self::new();
        let told = bench.look();
        let count = bench.listed.len();
        assert!(count > 3 && told.len() == 2 * count, "{told:?}");
        assert!(told.iter().take(count).all(|(_, outside)| *outside == Some(Outside::NotLooked)), "{told:?}");
        assert!(told.iter().skip(count).all(|(_, outside)| outside.is_none()), "{told:?}");
        assert_eq!(bench.later(Span::HOUR), [], "not before the next day");
        bench
    }
}

fn symbol(coin: &str) -> Symbol {
    Symbol::new(&format!("{coin}USDT")).unwrap()
}

const OUT: Option<Outside> = Some(Outside::NotTrading);

#[test]
fn a_list_that_is_empty_or_does_not_come_changes_nothing_and_is_asked_for_again() {
    for empty in [true, false] {
        let mut bench = Bench::admitted();
        let listed = bench.listed.clone();
        if empty {
            bench.listed.clear();
        } else {
            bench.down = true;
        }
        for _ in 0..10 {
            assert_eq!(bench.later(Span::DAY), []);
        }
        (bench.listed, bench.down) = (listed, false);
        bench.stopped = vec![bench.listed[0].clone()];
        assert_eq!(bench.later(Span::MINUTE), [], "not at once");
        assert_eq!(bench.later(AGAIN), [(bench.listed[0].clone(), OUT)], "what it then says counts");
    }
}

#[test]
fn a_pair_that_a_list_does_not_have_is_gone_after_three_looks_and_no_sooner() {
    let mut bench = Bench::admitted();
    let gone = bench.listed.split_off(2);
    assert_eq!(bench.later(Span::DAY), []);
    assert_eq!(bench.later(AGAIN), []);
    let told = bench.later(AGAIN);
    assert_eq!(told, gone.iter().map(|coin| (coin.clone(), OUT)).collect::<Vec<_>>());
    assert_eq!(bench.later(AGAIN), [], "and then it is looked at each day");
    // It was cut for two looks alone: nobody is told anything.
    let mut bench = Bench::admitted();
    let whole = bench.listed.clone();
    bench.listed.truncate(1);
    assert_eq!((bench.later(Span::DAY), bench.later(AGAIN)), (Vec::new(), Vec::new()));
    bench.listed = whole;
    assert_eq!((bench.later(AGAIN), bench.later(AGAIN)), (Vec::new(), Vec::new()));
}

#[test]
fn a_row_that_cannot_be_read_is_no_end_of_trading() {
    let mut bench = Bench::admitted();
    bench.unread = vec![bench.listed[1].clone()];
    assert_eq!((bench.later(Span::DAY), bench.later(AGAIN)), (Vec::new(), Vec::new()));
    assert_eq!(bench.later(AGAIN), [(bench.listed[1].clone(), Some(Outside::Unread))]);
    bench.unread.clear();
    assert_eq!(bench.later(Span::DAY), [(bench.listed[1].clone(), None)]);
    // At a start nothing is known of it: it is not entered, and the others are.
    let mut bench = Bench::new();
    bench.unread = vec![bench.listed[1].clone()];
    let told = bench.look();
    assert!(!told.contains(&(bench.listed[1].clone(), None)) && told.contains(&(bench.listed[0].clone(), None)));
}

#[test]
fn trading_that_is_stopped_counts_at_once_and_is_looked_at_again_the_same_day() {
    for halted in [Market::Spot, Market::Perp] {
        let mut bench = Bench::admitted();
        (bench.halted, bench.stopped) = (halted, vec![bench.listed[0].clone()]);
        assert_eq!(bench.later(Span::DAY), [(bench.listed[0].clone(), OUT)], "{halted}");
        bench.stopped.clear();
        assert_eq!(bench.later(AGAIN), [(bench.listed[0].clone(), None)], "{halted}");
    }
}

#[test]
fn a_question_without_an_answer_is_asked_again_and_then_its_volume_is_unknown() {
    let mut bench = Bench::admitted();
    bench.silent = vec![bench.listed[2].clone()];
    assert_eq!((bench.later(Span::DAY), bench.later(AGAIN)), (Vec::new(), Vec::new()));
    assert_eq!(bench.later(AGAIN), [(bench.listed[2].clone(), Some(Outside::VolumeUnknown))]);
    // It is asked for once an hour, and is back as soon as it is known.
    assert_eq!((bench.later(AGAIN), bench.later(LATER)), (Vec::new(), Vec::new()));
    bench.silent.clear();
    assert_eq!(bench.later(AGAIN), Vec::new());
    assert_eq!(bench.later(LATER), [(bench.listed[2].clone(), None)]);
    assert_eq!(bench.later(LATER), Vec::new(), "not before the next day");
}

#[test]
fn a_pair_that_the_session_does_not_have_is_told_once() {
    let mut bench = Bench::admitted();
    assert_eq!((bench.watch.fresh(), bench.watch.newcomers()), (Vec::new(), Vec::new()));
    bench.listed.push("NEW".to_owned());
    assert_eq!(bench.later(Span::DAY), [], "it has no number that the core could be told of");
    let name = vec!["alpha:NEWUSDT".to_owned()];
    assert_eq!((bench.watch.fresh(), bench.watch.newcomers()), (name.clone(), name.clone()));
    bench.listed.push("NEXT".to_owned());
    bench.later(Span::DAY);
    assert_eq!(bench.watch.fresh(), ["alpha:NEXTUSDT"], "the other one was told");
    bench.listed.retain(|coin| coin != "NEW");
    bench.later(Span::DAY);
    assert_eq!(bench.watch.newcomers(), ["alpha:NEXTUSDT"]);
    bench.listed.push("NEW".to_owned());
    bench.later(Span::DAY);
    assert_eq!((bench.watch.fresh(), bench.watch.newcomers().len()), (Vec::new(), 2));
}
