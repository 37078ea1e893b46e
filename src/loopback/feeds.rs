//! Public stream messages: best quotes, depth, trades, marks and contract news, sent in pulses.
//!
//! A pulse happens so often in real time, whatever the venue's clock does, so that streams are alive while time is held.
//! Texts follow the stream documents (digests read 2026-11).

use super::Profile;
use super::depth::Diff;
use super::faults::{Seen, Wrong, since};
use super::listing::Listing;
use super::venue::Venue;
use super::words::{coins8, join, levels, price8};
use crate::domain::{Market, Price, Quantity, Side, Symbol};
use serde_json::{Value, json};

/// Pulses between two synthetic trades of a book, and at most between two marks.
const SLOW: u64 = 10;

/// Pulses between two marks: the venue pushes one each second of its own time.
fn mark_pulses(pulse_ms: u64, speed_per_mille: i64) -> u64 {
    let passes = pulse_ms.saturating_mul(speed_per_mille.max(1).unsigned_abs());
    (1_000_000 / passes.max(1)).clamp(1, SLOW)
}

impl Venue {
    /// Plays time up to now and publishes what changed.
    pub(crate) fn pulse(&mut self) {
        self.catch_up();
        self.pulses += 1;
        if self.market.has_ended() {
            // It stands still, and its streams do not pretend otherwise.
            return;
        }
        let symbols: Vec<Symbol> = self.market.listings.iter().map(|listing| listing.symbol).collect();
        let marks = self.has_marks();
        for symbol in symbols {
            if self.streams.is_frozen(symbol.as_str(), self.now) {
                continue;
            }
            for market in [Market::Spot, Market::Perp] {
                self.pulse_book(symbol, market);
            }
            let trades = self.market.get_mut(symbol.as_str()).map(|one| std::mem::take(&mut one.trades));
            for (market, price, quantity, buyer_rested) in trades.unwrap_or_default() {
                self.pulse_trade(symbol, market, (price, quantity), buyer_rested);
            }
            if marks {
                self.pulse_mark(symbol);
            }
        }
        if marks {
            self.streams.marks_due = false;
            self.pulse_all_marks();
        }
    }

    /// Whether this pulse carries marks, at the speed that the clock has now.
    fn has_marks(&self) -> bool {
        let (_, speed) = self.clock.state();
        self.streams.marks_due || self.pulses.is_multiple_of(mark_pulses(self.pulse_ms, speed))
    }

    fn pulse_book(&mut self, symbol: Symbol, market: Market) {
        let (pulses, stamp, recorded) = (self.pulses, self.stamp().0, self.market.recording().is_some());
        let name = symbol.as_str().to_lowercase();
        let Some(listing) = self.market.get_mut(symbol.as_str()).filter(|one| one.offers(market)) else { return };
        let step = listing.instrument(market).rules.step;
        let book = listing.book_mut(market);
        if !recorded {
            book.nudge(pulses, step);
        }
        let Some(diff) = book.flush() else { return };
        if !self.streams.hears_of(&name) {
            self.trades += u64::from(!recorded && pulses.is_multiple_of(SLOW));
            return;
        }
        let trade = (!recorded && pulses.is_multiple_of(SLOW)).then(|| listing.book(market).best()).flatten();
        // What nobody hears is not written.
        let heard = |name: &str| self.streams.wanted(market, name);
        let depths = ["", "@100ms", "@500ms"].map(|suffix| format!("{name}@depth{suffix}"));
        let ticker_name = format!("{name}@bookTicker");
        let ticker = if heard(&ticker_name) { ticker(listing, market, stamp) } else { None };
        let partial = |limit: usize| {
            let book = listing.book(market);
            let (bids, asks) = (book.levels(Side::Buy, limit), book.levels(Side::Sell, limit));
            json!({"lastUpdateId": book.id(), "bids": levels(&bids, market), "asks": levels(&asks, market)})
        };
        let partials: Vec<(usize, Value)> = match market {
            Market::Spot => {
                let wanted = |limit: &usize| {
                    heard(&format!("{name}@depth{limit}")) || heard(&format!("{name}@depth{limit}@100ms"))
                };
                [5, 10, 20].into_iter().filter(wanted).map(|limit| (limit, partial(limit))).collect()
            }
            Market::Perp => Vec::new(),
        };
        if depths.iter().any(|name| heard(name)) {
            let event = depth_update(symbol, market, &diff, stamp);
            for name in &depths {
                self.publish(market, symbol, name, &event);
            }
        }
        if let Some(ticker) = ticker {
            self.publish(market, symbol, &ticker_name, &ticker);
        }
        for (limit, value) in partials {
            self.publish(market, symbol, &format!("{name}@depth{limit}"), &value);
            self.publish(market, symbol, &format!("{name}@depth{limit}@100ms"), &value);
        }
        if let Some(((bid, _), (ask, _))) = trade {
            let seller = (pulses / SLOW).is_multiple_of(2);
            self.pulse_trade(symbol, market, (if seller { bid } else { ask }, step), seller);
        }
    }

    fn pulse_trade(&mut self, symbol: Symbol, market: Market, what: (Price, Quantity), buyer_rested: bool) {
        let (price, quantity) = what;
        self.trades += 1;
        let (id, stamp) = (self.trades, self.stamp().0);
        let name = symbol.as_str().to_lowercase();
        if !["trade", "aggTrade"].iter().any(|kind| self.streams.wanted(market, &format!("{name}@{kind}"))) {
            return;
        }
        let common = json!({
            "E": stamp, "s": symbol.as_str(), "p": price.to_string(), "q": quantity.to_string(), "T": stamp, "m": buyer_rested,
        });
        let mut trade = json!({"e": "trade", "t": id, "M": true});
        join(&mut trade, common.clone());
        self.publish(market, symbol, &format!("{name}@trade"), &trade);
        let mut whole = json!({"e": "aggTrade", "a": id, "f": id, "l": id});
        join(&mut whole, common);
        self.publish(market, symbol, &format!("{name}@aggTrade"), &whole);
    }

    fn pulse_mark(&mut self, symbol: Symbol) {
        let stamp = self.stamp().0;
        let name = symbol.as_str().to_lowercase();
        if !["", "@1s"].iter().any(|suffix| self.streams.wanted(Market::Perp, &format!("{name}@markPrice{suffix}"))) {
            return;
        }
        let listing = self.market.get(symbol.as_str()).filter(|one| one.offers(Market::Perp));
        let Some(event) = listing.map(|listing| mark_update(listing, stamp, self.profile)) else {
            return;
        };
        for suffix in ["", "@1s"] {
            self.publish(Market::Perp, symbol, &format!("{name}@markPrice{suffix}"), &event);
        }
    }

    fn pulse_all_marks(&mut self) {
        let names = ["!markPrice@arr", "!markPrice@arr@1s"];
        if !names.iter().any(|name| self.streams.wanted(Market::Perp, name)) {
            return;
        }
        let stamp = self.stamp().0;
        let rows: Value =
            self.market.of(Market::Perp).map(|listing| mark_update(listing, stamp, self.profile)).collect();
        for name in names {
            self.streams.publish(Market::Perp, name, &rows, None);
        }
    }

    /// News of a contract: brackets, delivery date, status.
    pub(crate) fn tell_contract(&mut self, symbol: Symbol) {
        let stamp = self.stamp().0;
        let Some(listing) = self.market.get(symbol.as_str()) else { return };
        let brackets = super::rest::market_info::brackets(listing);
        let rows: Vec<Value> = brackets
            .iter()
            .map(|row| {
                json!({"bs": row.number, "bnf": row.floor.to_string(), "bnc": row.cap.to_string(),
                       "mmr": row.ratio.to_string(), "cf": row.cum.to_string(), "mi": 1, "ma": row.leverage})
            })
            .collect();
        let event = json!({
            "e": "contractInfo", "E": stamp, "s": symbol.as_str(), "ps": symbol.as_str(), "ct": "PERPETUAL",
            "dt": super::rest::market_info::delivery(listing), "ot": self.start.0, "cs": "TRADING", "bks": rows,
        });
        self.publish(Market::Perp, symbol, "!contractInfo", &event);
    }

    fn publish(&mut self, market: Market, symbol: Symbol, name: &str, event: &Value) {
        if !self.streams.wanted(market, name) {
            return;
        }
        let word = event.get("e").and_then(Value::as_str).unwrap_or("bookTicker").to_owned();
        let wrong: Option<Wrong> = self.script.judge(Seen {
            path: name,
            method: "EVENT",
            symbol: Some(symbol.as_str()),
            event: Some(&word),
            reduce_only: false,
            since_start: since(self.now, self.start),
        });
        self.streams.publish(market, name, event, wrong.as_ref());
    }
}

fn depth_update(symbol: Symbol, market: Market, diff: &Diff, stamp: i64) -> Value {
    let mut event = json!({
        "e": "depthUpdate", "E": stamp, "s": symbol.as_str(), "U": diff.first, "u": diff.last,
        "b": levels(&diff.bids, market), "a": levels(&diff.asks, market),
    });
    if market == Market::Perp {
        join(&mut event, json!({"T": stamp, "pu": diff.before}));
    }
    event
}

fn ticker(listing: &Listing, market: Market, stamp: i64) -> Option<Value> {
    let book = listing.book(market);
    let ((bid, bids), (ask, asks)) = book.best()?;
    let symbol = listing.symbol.as_str();
    Some(match market {
        Market::Spot => json!({
            "u": book.id(), "s": symbol, "b": price8(Some(bid)), "B": coins8(bids), "a": price8(Some(ask)), "A": coins8(asks),
        }),
        Market::Perp => json!({
            "e": "bookTicker", "u": book.id(), "E": stamp, "T": stamp, "s": symbol,
            "b": bid.to_string(), "B": bids.to_string(), "a": ask.to_string(), "A": asks.to_string(),
        }),
    })
}

fn mark_update(listing: &Listing, stamp: i64, profile: Profile) -> Value {
    let mut event = json!({
        "e": "markPriceUpdate", "E": stamp, "s": listing.symbol.as_str(), "p": price8(Some(listing.mark)),
        "i": price8(Some(listing.index)), "P": price8(Some(listing.index)),
        "r": rate8(listing.estimate), "T": listing.next.0,
    });
    if profile == Profile::Binance {
        join(&mut event, json!({"ap": price8(Some(listing.mark))}));
    }
    event
}

/// A rate with eight decimals.
pub(crate) fn rate8(rate: crate::domain::Rate) -> String {
    super::words::eight(i128::from(rate.units()) / 10_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Amount, Span, WallTime};
    use crate::loopback::{Options, Script, Source};

    #[test]
    fn b06_marks_keep_their_pace_when_the_clock_gets_another_speed() {
        let options = Options {
            profile: Profile::Binance,
            listen: "127.0.0.1:0".parse().unwrap(),
            source: Source::Generated(1),
            start: WallTime(1_760_054_700_000),
            history: Span::HOUR,
            speed_per_mille: 1_000,
            pulse_ms: 100,
            script: Script::parse("calm = true").unwrap(),
            spot_balance: Amount::ZERO,
            futures_balance: Amount::ZERO,
            state: None,
            certificate: None,
        };
        let mut venue = Venue::open(options, std::sync::Arc::new(|| 0)).unwrap();
        let mut marks = |per_mille| {
            venue.clock.set_speed(0, per_mille);
            (0..20)
                .filter(|_| {
                    venue.pulse();
                    venue.has_marks()
                })
                .count()
        };
        assert_eq!(marks(1_000), 2, "one a second");
        assert_eq!(marks(150_000), 20, "each pulse is many seconds");
        assert_eq!(marks(1_000), 2);
    }
}
