//! What happens at its time: acts of the venue, of strangers and of the machine; and what lists and prices are shown.

use super::attack::Hand;
use super::channels::{Channels, is_list, symbol_of};
use super::clock::true_ms;
use super::network::{Due, Fate, Network};
use super::plan::What;
use carry::domain::{Quantity, Symbol};
use carry::net::carrier::Carried;

impl Network {
    pub(super) fn act(&mut self, place: usize) {
        let now = true_ms();
        let Some(timed) = self.plan.acts.get(place).cloned() else { return };
        match timed.what {
            What::Venue(text, row) => {
                self.judge.borrow_mut().fired(row);
                self.before_a_change();
                self.judge.borrow_mut().act(&text, &self.core.holdings());
                self.core.act(&text).unwrap();
                self.look();
            }
            What::Order(text, row) => {
                self.judge.borrow_mut().fired(row);
                self.judge.borrow_mut().excuse(true, 10_000);
                if text.contains("status = 429") {
                    self.judge.borrow_mut().limits_by_script();
                }
                self.core.fault(&text).unwrap();
            }
            What::Step(ms) => {
                self.judge.borrow_mut().fired("G09");
                super::clock::step_wall(ms);
            }
            What::Drift(ppm) => {
                self.judge.borrow_mut().fired("G10");
                super::clock::drift(ppm);
            }
            What::Offline(ms) => {
                self.judge.borrow_mut().fired("D18");
                self.judge.borrow_mut().excuse(true, ms + 30_000);
                self.offline = now + ms;
                for id in self.lines.keys().copied().collect::<Vec<_>>() {
                    self.at(now + 10, Due::End(id));
                }
            }
            What::Kill(ms) => {
                self.judge.borrow_mut().fired("G01");
                self.judge.borrow_mut().excuse(true, ms + 60_000);
                *self.kill.borrow_mut() = Some(Fate::Dead(now + ms));
            }
            What::Keep => *self.kill.borrow_mut() = Some(Fate::Keep),
            What::Restore(ms) => {
                self.judge.borrow_mut().fired("G16");
                self.judge.borrow_mut().excuse(true, ms + 60_000);
                *self.kill.borrow_mut() = Some(Fate::Restored(now + ms));
            }
            What::Refuse(refusing) => {
                self.judge.borrow_mut().fired("A01");
                self.judge.borrow_mut().note(format!("{refusing:?}"));
                self.channels.refuse(now, refusing);
            }
            What::Bend(bent) => {
                self.judge.borrow_mut().fired(if bent.figure == "index" { "B16" } else { "B10" });
                self.judge.borrow_mut().note(format!("{bent:?}"));
                let (symbol, until) = (bent.symbol, now + bent.lasts + 5_000);
                self.channels.bend(now, bent);
                self.judge.borrow_mut().bent((symbol, until), self.channels.is_meant(now, symbol));
            }
            What::Page(form, row) => {
                self.before_a_change();
                self.page(row, &form);
                self.look();
            }
            What::Hand(hand, row) => {
                self.before_a_change();
                self.hand(&hand, row);
                self.look();
            }
        }
    }

    /// The next order at this path fills in part, finds nothing, or is refused.
    pub(super) fn spoil(&mut self, path: &str) {
        let act = match self.draws.below(6) {
            0 | 1 => "partial = \"0.4\"",
            2 => "no_fill = true",
            3 => "error = { code = -2019, msg = \"Margin is insufficient.\", status = 400 }",
            4 => "error = { code = -1008, msg = \"Server is currently overloaded.\", status = 503 }",
            _ => {
                "error = { code = -4131, msg = \"The counterparty's best price does not meet the PERCENT_PRICE filter limit.\", status = 400 }"
            }
        };
        self.judge.borrow_mut().excuse(true, 10_000);
        let text = format!("match = {{ path = \"{path}\", method = \"POST\", times = 1 }}\n{act}");
        self.core.fault(&text).unwrap();
    }

    /// Keeps what the lists show, where lists may show the past.
    fn before_a_change(&mut self) {
        if self.plan.more.lag > 0 {
            self.channels.keep(true_ms(), &mut self.core);
        }
    }

    /// Whether this order meets a refusal that lasts.
    pub(super) fn refused(&mut self, path: &str, carried: &Carried) -> Option<(u16, &'static str)> {
        let text = format!("{}&{}", carried.path_and_query, carried.body.as_deref().unwrap_or_default());
        let (status, body) = self.channels.refused(true_ms(), path, &text)?;
        self.judge.borrow_mut().refused(path, &symbol_of(carried), body);
        Some((status, body))
    }

    /// What an answer to a question shows.
    pub(super) fn shown(&mut self, path: &str, carried: &Carried, status: u16, body: String) -> (u16, String) {
        let now = true_ms();
        let query = carried.path_and_query.split_once('?').map_or("", |(_, query)| query).to_owned();
        let (stale, lag, odd, blind) =
            (self.plan.rates.stale, self.plan.more.lag, self.plan.more.odd_list, self.plan.more.blind);
        if status == 200 && is_list(path) {
            if self.strikes_more(odd, "D06") {
                let (status, body) = Channels::odd(&mut self.draws);
                return (status, body.to_owned());
            }
            if self.plan.more.cut > 0
                && self.strikes_more(self.plan.more.cut, "C08")
                && let Some(part) = Channels::cut(path, &body, &mut self.draws)
            {
                return (200, part);
            }
            self.channels.asked(path, &query);
            let strikes = self.strikes_more(stale, "C06");
            if let Some(before) = self.channels.stale(path, &query, &body, strikes) {
                return (200, before);
            }
            if lag > 0 && self.strikes_more(lag, "C06") {
                let long = self.draws.pick(&[300, 2_000, 8_000, 20_000]);
                if let Some(before) = self.channels.lagged(now, long, (path, &body)) {
                    return (200, before);
                }
            }
        }
        if path.ends_with("/order") && status == 200 && blind > 0 {
            let made = serde_json::from_str::<serde_json::Value>(&body).ok().and_then(|row| row["time"].as_i64());
            if made.is_some_and(|made| (now - made).abs() < 3_000) && self.strikes_more(blind, "A06") {
                return (400, "{\"code\":-2013,\"msg\":\"Order does not exist.\"}".to_owned());
            }
        }
        (status, self.channels.answered(now, (path, &query), body))
    }

    /// A stranger with the account open before him.
    fn hand(&mut self, hand: &Hand, row: &'static str) {
        let holdings = self.core.holdings();
        let step = Quantity::parse("0.001").unwrap();
        let share = |units: i64, percent: i64| Quantity::saturating(units.abs() / 100 * percent).floor_to(step);
        let foreign = |symbol: &str, market: &str, side: &str, quantity: Quantity| {
            format!(
                "act = \"foreign\"\nsymbol = \"{symbol}\"\nmarket = \"{market}\"\nside = \"{side}\"\nquantity = \"{quantity}\""
            )
        };
        let act = match hand {
            Hand::CloseShort(symbol, percent) => {
                let held = holdings.positions.get(&Symbol::new(symbol).unwrap()).map_or(0, |coins| coins.units());
                foreign(symbol, "perp", "buy", share(held.min(0), *percent))
            }
            Hand::SellCoins(symbol, percent) => {
                let held = self.judge.borrow_mut().coins(&holdings, symbol);
                foreign(symbol, "spot", "sell", share(held.max(0), *percent))
            }
            Hand::Trade(symbol, market, side, units) => foreign(symbol, market, side, Quantity::saturating(*units)),
            Hand::Deposit(wallet, dollars) => {
                format!("act = \"deposit\"\nwallet = \"{wallet}\"\nasset = \"USDT\"\namount = \"{dollars}\"")
            }
            Hand::Move(dollars) => {
                let kind = if *dollars > 0 { "MAIN_UMFUTURE" } else { "UMFUTURE_MAIN" };
                let amount = dollars.abs();
                return self.page(row, &format!("/sapi/v1/asset/transfer?type={kind}&asset=USDT&amount={amount}"));
            }
            Hand::Leverage(symbol, leverage) => {
                return self.page(row, &format!("/fapi/v1/leverage?symbol={symbol}&leverage={leverage}"));
            }
            Hand::Rest(symbol) => {
                let (price, quantity) = if *symbol == "BTCUSDT" { ("60000", "0.01") } else { ("2000", "0.1") };
                let order =
                    format!("symbol={symbol}&side=BUY&type=LIMIT&timeInForce=GTC&price={price}&quantity={quantity}");
                return self.page(row, &format!("/api/v3/order?{order}&newClientOrderId=and_{}", true_ms()));
            }
            Hand::Twin(symbol) => {
                let (price, quantity) = if *symbol == "BTCUSDT" { ("140000", "0.01") } else { ("5000", "0.2") };
                let order =
                    format!("symbol={symbol}&side=BUY&type=LIMIT&timeInForce=IOC&price={price}&quantity={quantity}");
                return self
                    .page(row, &format!("/api/v3/order?{order}&newClientOrderId=c7-deadbeef-{}", true_ms() % 1_000));
            }
        };
        if act.contains("quantity = \"0\"") {
            return;
        }
        self.judge.borrow_mut().fired(row);
        self.judge.borrow_mut().act(&act, &holdings);
        self.core.act(&act).unwrap();
    }

    /// The person closes at the venue each position that these words tell him to close there.
    pub(super) fn close_by_hand(&mut self, words: &str) {
        if !words.contains("close it") {
            return;
        }
        for (symbol, coins) in self.core.holdings().positions {
            if !words.contains(&format!("{symbol} position")) {
                continue;
            }
            let side = if coins.units() > 0 { "sell" } else { "buy" };
            let head = format!("act = \"foreign\"\nsymbol = \"{symbol}\"\nmarket = \"perp\"\n");
            let act = format!("{head}side = \"{side}\"\nquantity = \"{}\"", coins.magnitude());
            self.judge.borrow_mut().note(format!("the person closes {coins} {symbol} at the venue: {words}"));
            self.core.act(&act).unwrap();
            self.look();
        }
    }

    /// A form on the venue's own page.
    fn page(&mut self, row: &'static str, path_and_query: &str) {
        let answered = self.core.by_hand("POST", path_and_query);
        let body: String = answered.body.chars().take(80).collect();
        self.judge.borrow_mut().note(format!("a stranger: POST {path_and_query}: {} {body}", answered.status));
        if answered.status == 200 {
            self.judge.borrow_mut().fired(row);
            self.judge.borrow_mut().told.touched(true_ms(), path_and_query);
        }
    }
}
