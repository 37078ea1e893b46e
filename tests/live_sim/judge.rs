//! Judges the way by the venue's own books, after everything that changes them, and the end by ledger and venue.
//!
//! A cause from outside excuses for a stated time and no longer: a request whose outcome could not be known, a ban, a halted
//! market, a dead process. Lost streams and failing lists excuse nothing: what reduces risk needs neither.

use super::clock::true_ms;
use super::legs::{Legs, together};
use super::told::{FOREIGN_MS, Told};
use carry::domain::{Amount, Asset, Market, Quantity, Side, SignedQuantity, Symbol};
use carry::loopback::{Answered, Core, Executed, Holdings};
use carry::port::command::AlarmKind;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Longest that legs may be unequal without a cause from outside: `execution.hedge_time` and two ways.
const NAKED_MS: i64 = 5_000 + 3_000;
/// Time between two looks at the lists, and their way.
const LISTS_MS: i64 = 35_000;
/// Least time between a trade that takes another back and the next attempt.
const PAUSE_MS: i64 = 4_000;
/// Orders of one leg between two moments at which the pair was equal and at rest.
const ORDERS: u32 = 6;

/// Orders of one leg that reached the venue while the pair was unequal.
const ATTEMPTS: u32 = 8;
/// Whether an order was not executed whole.
fn is_short(body: &str) -> bool {
    let Ok(value) = serde_json::from_str::<serde_json::Value>(body) else { return true };
    let quantity = |name: &str| value[name].as_str().and_then(|text| Quantity::parse(text).ok());
    quantity("executedQty") < quantity("origQty")
}

/// What it found.
#[derive(Debug, Clone, Default)]
pub(crate) struct Findings {
    pub(crate) broken: Vec<String>,
    pub(crate) worst_naked_ms: i64,
    pub(crate) worst_orders: u32,
    pub(crate) worst_held_ms: i64,
    pub(crate) orders: u64,
    pub(crate) executions: u64,
    pub(crate) fired: BTreeMap<&'static str, u64>,
    pub(crate) refused_by_limits: u64,
    /// Most of a minute's weight that was used, in percent of what the venue gives.
    pub(crate) worst_weight: u64,
}

/// The judge of one seed.
pub(crate) struct Judge {
    pub(crate) found: Findings,
    pub(crate) manners: super::manners::Manners,
    lots: BTreeMap<Symbol, (Asset, Quantity)>,
    legs: BTreeMap<Symbol, Legs>,
    base: Holdings,
    /// What each venue showed last.
    holds: Vec<Holdings>,
    excused: i64,
    /// A market takes no orders until then.
    halted: i64,
    /// A line is silent until then.
    frozen: i64,
    /// When something from outside last went wrong with an order.
    caused: i64,
    /// The newest execution that was seen of each venue.
    seen: Vec<u64>,
    limited: i64,
    venue_acts: i64,
    log: Vec<String>,
    /// Every answer goes to the log.
    traces: bool,
    pub(crate) start: i64,
    /// Minutes in which what is held has no reason to be left.
    pub(crate) held: &'static [(i64, i64)],
    /// What a person is told.
    pub(crate) told: Told,
    coins: super::coin::Coins,
    /// A stranger's market order is on its way. The venue refuses it in a halted market or off the grid of the hour: then nothing
    /// changed, and there is nothing to tell of.
    stranger_acts: bool,
    /// Lines and lists go wrong in this seed, so that news may be late.
    pub(crate) noisy: bool,
}

impl Judge {
    /// What each venue holds; `lots`: symbol, its coin, and what counts as equal.
    pub(crate) fn new(holds: Vec<Holdings>, lots: Vec<(Symbol, Asset, Quantity)>) -> Self {
        let legs = lots.iter().map(|(symbol, _, _)| (*symbol, Legs::default())).collect();
        Self {
            found: Findings::default(),
            manners: super::manners::Manners::default(),
            lots: lots.into_iter().map(|(symbol, coin, lot)| (symbol, (coin, lot))).collect(),
            legs,
            base: together(&holds),
            seen: vec![0; holds.len()],
            holds,
            excused: 0,
            halted: 0,
            frozen: 0,
            caused: i64::MIN,
            limited: 0,
            venue_acts: 0,
            log: Vec::new(),
            traces: std::env::var("CARRY_TRACE").is_ok(),
            start: true_ms(),
            held: &[],
            told: Told::default(),
            coins: super::coin::Coins::default(),
            stranger_acts: false,
            noisy: false,
        }
    }

    pub(crate) fn fired(&mut self, row: &'static str) {
        *self.found.fired.entry(row).or_default() += 1;
    }

    /// The last lines of what happened, for a failing seed.
    pub(crate) fn log(&self) -> &[String] {
        &self.log
    }

    pub(crate) fn note(&mut self, text: impl Into<String>) {
        let at = true_ms() - self.start;
        self.log.push(format!(
            "{:>9.3} s  {}",
            f64::from(i32::try_from(at).unwrap_or(i32::MAX)) / 1_000.0,
            text.into()
        ));
    }

    fn break_(&mut self, text: String) {
        self.note(format!("BROKEN {text}"));
        if self.found.broken.len() < 8 {
            self.found.broken.push(text);
        }
    }

    /// An outcome cannot be known for this long, or nobody can act.
    pub(crate) fn excuse(&mut self, matters: bool, ms: i64) {
        if matters {
            self.excused = self.excused.max(true_ms() + ms);
            self.caused = true_ms();
        }
    }

    /// A rule of the script refuses for too many requests, whatever was sent.
    pub(crate) const fn limits_by_script(&mut self) {
        self.limited = i64::MAX;
    }

    /// A line says nothing for so long: what the venue does meanwhile is known by the next lists.
    pub(crate) fn frozen(&mut self, ms: i64) {
        self.frozen = self.frozen.max(true_ms() + ms);
        self.told.blind(self.frozen);
        self.manners.frozen(ms);
    }

    /// An act of the venue or of a stranger, in the grammar of fault files.
    pub(crate) fn act(&mut self, text: &str, holdings: &Holdings) {
        let now = true_ms();
        self.note(text.replace('\n', ", "));
        self.manners.act(text);
        self.coins.act(now, text);
        let lasts =
            text.lines().find_map(|line| line.strip_prefix("for = \"")?.strip_suffix("s\"")?.parse::<i64>().ok());
        if text.contains("\"ban\"") || text.contains("\"rate_limit\"") {
            self.limited = true_ms() + lasts.unwrap_or(0) * 1_000 + 10_000;
            // After a ban the first question is a gentle one.
            self.excuse(true, lasts.unwrap_or(0) * 1_000 + 30_000);
        }
        if text.contains("\"freeze\"") {
            let minutes =
                text.lines().find_map(|line| line.strip_prefix("for = \"")?.strip_suffix("m\"")?.parse().ok());
            self.frozen(minutes.unwrap_or(0) * 60_000);
        }
        if text.contains("\"halt\"") {
            let lasts = if text.contains("true") { 20 * 60_000 } else { 30_000 };
            self.halted = true_ms() + lasts;
        }
        let says = |word: &str| text.contains(&format!("\"{word}\""));
        if says("adl") || says("liquidation") || says("rally") || says("settle") {
            self.venue_acts = now + 60_000;
        }
        // What a stranger alone holds there is told of when he trades, and is no short of a pair.
        let is_ours =
            |symbol: &Symbol| holdings.positions.get(symbol).is_some_and(|coins| !self.is_a_strangers(*symbol, *coins));
        let held = self.lots.keys().find(|symbol| says(symbol.as_str()) && is_ours(symbol));
        let within = if self.noisy { FOREIGN_MS } else { 8_000 };
        if held.is_some() && says("adl") {
            self.told.expect(now, within, &[AlarmKind::Adl], "E12");
        }
        if held.is_some() && says("liquidation") {
            self.told.expect(now, within, &[AlarmKind::Liquidated], "E13");
        }
        if held.is_some() && says("settle") {
            let kinds = &[AlarmKind::TradingEnds, AlarmKind::Adl, AlarmKind::Liquidated, AlarmKind::Difference];
            self.told.expect(now, within, kinds, "E03");
        }
        self.stranger_acts = says("foreign");
        if text.contains("\"rules\"") && text.contains("step") {
            for (symbol, (_, lot)) in &mut self.lots {
                let coarse = if symbol.as_str() == "BTCUSDT" { "0.01" } else { "0.1" };
                *lot = (*lot).max(Quantity::parse(coarse).unwrap());
            }
        }
    }

    /// A channel shows wrong prices; `meant` when the venue tells the same wrong mark everywhere.
    pub(crate) fn bent(&mut self, (symbol, until): (&str, i64), meant: bool) {
        if let Some(legs) = self.legs.get_mut(&Symbol::new(symbol).unwrap()) {
            legs.bent = legs.bent.max(until);
            if meant {
                legs.meant = legs.meant.max(until);
                // What a mark that the venue means makes of the margin is a cause from outside.
                self.caused = true_ms();
            }
        }
    }

    /// Coins of a pair in the account, in units of 1e-8.
    pub(crate) fn coins(&self, holdings: &Holdings, symbol: &str) -> i64 {
        let (coin, _) = self.lots[&Symbol::new(symbol).unwrap()];
        holdings.spot.get(&coin).map_or(0, |amount| i64::try_from(amount.units() / 10_000_000_000).unwrap())
    }

    /// An order met a refusal that the plan made.
    pub(crate) fn refused(&mut self, path: &str, symbol: &str, body: &str) {
        self.found.orders += 1;
        self.note(format!("order at {path} of {symbol}: refused {body}"));
        self.attempt(path, symbol, true);
    }

    /// An order came; refused ones excuse for a while, and not without end.
    fn attempt(&mut self, path: &str, symbol: &str, short: bool) {
        let now = true_ms();
        let (excused, limited) = (self.excused, self.limited);
        let Some(legs) = Symbol::new(symbol).ok().and_then(|symbol| self.legs.get_mut(&symbol)) else { return };
        let place = usize::from(path.starts_with("/fapi"));
        legs.attempts[place] += 1;
        let count = legs.attempts[place];
        if short && count <= ATTEMPTS {
            self.excused = excused.max(now + 6_000);
            self.caused = now;
        }
        if count == ATTEMPTS + 1 && legs.naked_since.is_some() && now > limited {
            self.break_(format!("L16: {count} orders at {path} of {symbol} before it was equal"));
        }
    }

    /// The venue answered a request.
    pub(crate) fn answered(&mut self, order: Option<&str>, path: &str, answered: &Answered) {
        let is_order = order.is_some();
        let most = if path.starts_with("/fapi") { 2_400 } else { 6_000 };
        let used = answered.headers.iter().find(|(name, _)| *name == "x-mbx-used-weight-1m");
        let used = used.and_then(|(_, value)| value.parse::<u64>().ok()).unwrap_or(0) * 100 / most;
        self.found.worst_weight = self.found.worst_weight.max(used);
        if is_order {
            self.found.orders += 1;
            let body: String = answered.body.chars().take(90).collect();
            self.note(format!("order at {path}: {} {body}", answered.status));
            let short = answered.status != 200 || is_short(&answered.body);
            self.attempt(path, order.unwrap_or_default(), short);
        }
        let blame = self.manners.answered(is_order, path, answered);
        self.blame(blame);
        if !is_order && self.traces {
            self.note(format!("{path}: {} {}", answered.status, answered.body.chars().take(140).collect::<String>()));
        }
        if matches!(answered.status, 418 | 429) && true_ms() > self.limited {
            self.found.refused_by_limits += 1;
            self.break_(format!("I18: {} at {path} by our own hand", answered.status));
        }
    }

    /// After everything that may have changed the books.
    pub(crate) fn look(&mut self, (venue, core): (usize, &Core), faulty: bool) {
        let fresh = core.executions_after(self.seen[venue]);
        for one in &fresh {
            self.seen[venue] = self.seen[venue].max(one.id);
            self.executed(one);
        }
        let now = true_ms();
        self.holds[venue] = core.holdings();
        let holdings = together(&self.holds);
        let symbols: Vec<(Symbol, Asset, Quantity)> = self.lots.iter().map(|(s, (c, l))| (*s, *c, *l)).collect();
        for (place, (symbol, coin, lot)) in symbols.into_iter().enumerate() {
            let delta = self.delta(&holdings, symbol, coin);
            if let Some(sold) = self.coins.sold(now, coin, self.held(&holdings, coin)) {
                self.sold(symbol, sold);
            }
            let listed = self.told.blind_until() + LISTS_MS;
            let excused = now < self.excused.max(self.halted);
            let Some(legs) = self.legs.get_mut(&symbol) else { continue };
            let excused = excused || legs.by_venue && now < listed;
            let passed = now - legs.last;
            legs.last = now;
            // Without what strangers traded, with it, or with one leg of it.
            let [spot, perp] = legs.foreign;
            let is_own = |foreign: i64| (delta - SignedQuantity::from_units(foreign)).magnitude() <= lot;
            if delta.magnitude() <= lot || is_own(spot + perp) || is_own(spot) || is_own(perp) {
                if delta.magnitude() > lot {
                    legs.held += passed;
                    self.found.worst_held_ms = self.found.worst_held_ms.max(legs.held);
                }
                if legs.naked_since.take().is_some() {
                    legs.orders = [0, 0];
                    legs.counted = 0;
                }
                if delta.magnitude() <= lot {
                    legs.held = 0;
                }
                legs.attempts = [0, 0];
                legs.by_venue = false;
                continue;
            }
            let since = *legs.naked_since.get_or_insert(now);
            if !excused && since != now {
                legs.counted += passed;
            }
            let (counted, worst) = (legs.counted, legs.worst);
            legs.worst = worst.max(counted);
            self.found.worst_naked_ms = self.found.worst_naked_ms.max(counted);
            if counted > NAKED_MS && counted - passed <= NAKED_MS {
                self.break_(format!(
                    "I1: {symbol} unequal by {delta} for {counted} ms without a cause (faults on: {faulty})"
                ));
            }
            if let Some(wrong) = self.told.about(now, (symbol, place), since, self.excused.max(self.halted)) {
                self.break_(wrong);
            }
        }
        for missed in self.told.missed(now, self.excused.max(self.halted)) {
            self.break_(missed);
        }
        for (client, count) in core.arrivals() {
            if *count > 1 {
                self.break_(format!("I2: {client} arrived {count} times"));
                return;
            }
        }
    }

    /// Coins in both wallets, more than at the start.
    fn held(&self, holdings: &Holdings, coin: Asset) -> Amount {
        let of = |of: &BTreeMap<Asset, Amount>| of.get(&coin).copied().unwrap_or_default();
        of(&holdings.spot) + of(&holdings.perp) - of(&self.base.spot) - of(&self.base.perp)
    }

    fn delta(&self, holdings: &Holdings, symbol: Symbol, coin: Asset) -> SignedQuantity {
        let coins = self.held(holdings, coin);
        let units = i64::try_from(coins.units() / (Amount::whole(1).units() / 100_000_000)).unwrap();
        let position = holdings.positions.get(&symbol).copied().unwrap_or(SignedQuantity::ZERO);
        SignedQuantity::from_units(units) + position
    }

    /// The venue itself made a pair unequal.
    fn by_venue(&mut self, symbol: Symbol) {
        let now = true_ms();
        self.venue_acts = now + 60_000;
        let known = if now < self.frozen { LISTS_MS } else { 0 };
        self.excused = self.excused.max(now + known);
        if let Some(legs) = self.legs.get_mut(&symbol) {
            legs.by_venue = true;
        }
    }

    /// The venue closed a part of a position.
    fn closed(&mut self, one: &Executed) {
        if true_ms() > self.venue_acts {
            self.break_(format!("I15: the venue closed {} {} at {}", one.quantity, one.symbol, one.price));
        }
        self.by_venue(one.symbol);
        if let Some(legs) = self.legs.get_mut(&one.symbol) {
            legs.closed(one.quantity.signed(one.side).units());
        }
    }

    /// The venue sold coins of a pair for a debt in the quote coin.
    fn sold(&mut self, symbol: Symbol, (coins, has_cause): (Amount, bool)) {
        self.note(format!("the venue sold {coins} of {symbol} for a debt"));
        if !has_cause {
            self.break_(format!("E15: a debt of our own: the venue sold {coins} of {symbol} for it"));
        }
        self.by_venue(symbol);
        let within = if self.noisy { FOREIGN_MS } else { 8_000 };
        self.told.expect(true_ms(), within, &[AlarmKind::AutoExchanged], "E15");
    }

    fn executed(&mut self, one: &Executed) {
        self.found.executions += 1;
        if let Some((coin, _)) = self.lots.get(&one.symbol) {
            self.coins.executed(*coin, one);
        }
        let blame = self.manners.executed(one);
        self.blame(blame);
        let market = if one.market == Market::Spot { "spot" } else { "perp" };
        let by = if one.by_venue { "the venue" } else { &one.client };
        let mut text = format!("{market} {} {:?} {} at {}", one.symbol, one.side, one.quantity, one.price);
        let _ = write!(text, " fee {} {} by {by}", one.fee, one.fee_asset);
        self.note(text);
        let now = true_ms();
        let (venue_acts, excused) = (self.venue_acts, self.excused.max(self.halted));
        if one.by_venue {
            self.closed(one);
            return;
        }
        let Some(legs) = self.legs.get_mut(&one.symbol) else { return };
        if ["web_", "and_", "c7-deadbeef"].iter().any(|stranger| one.client.starts_with(stranger)) {
            // What he bought is here without the fee that was taken from it.
            let coin = self.lots.get(&one.symbol).map(|(coin, _)| *coin);
            let fee = if coin == Some(one.fee_asset) { one.fee.to_coins() } else { SignedQuantity::ZERO };
            legs.foreign[usize::from(one.market == Market::Perp)] += (one.quantity.signed(one.side) - fee).units();
            if std::mem::take(&mut self.stranger_acts) {
                self.told.stranger(now, "H09");
            }
            return;
        }
        let minute = (now - self.start) / 60_000;
        let held = self.held.iter().any(|(from, to)| (*from..*to).contains(&minute));
        let leaves = (one.side == Side::Sell) == (one.market == Market::Spot);
        if (legs.meant..legs.bent).contains(&now)
            && held
            && leaves
            && legs.naked_since.is_none()
            && now > venue_acts
            && now > excused
        {
            self.break_(format!("B10: {market} {} {:?} while a channel shows wrong prices", one.symbol, one.side));
            return;
        }
        let before = legs.last_trade.insert(market, (one.side, now, one.quantity));
        // While a line was silent one leg alone could be traded: the other way was open, and is left again after a pause.
        let silent = before.map_or(self.frozen, |(_, at, _)| self.frozen.min(at - 1));
        let caused = self.caused.max(silent);
        let slot = &mut legs.orders[usize::from(one.market == Market::Perp)];
        *slot += 1;
        let count = *slot;
        self.found.worst_orders = self.found.worst_orders.max(count);
        if count > ORDERS && now > excused {
            self.break_(format!("I3: {count} executions of the {market} leg of {} before it was equal", one.symbol));
        }
        if let Some((side, at, size)) = before
            && side != one.side
            // A fee taken in another coin than the entry was sized for is made good by a small order.
            && one.quantity.units() * 50 > size.units()
            && size.units() * 50 > one.quantity.units()
            && now - at < 60_000
            && caused < at
            // What failed and was taken back may be tried again, after a pause.
            && (caused < now - 60_000 || now - at < PAUSE_MS)
            && now > venue_acts
        {
            self.break_(format!(
                "churn: {market} {} went {side:?} and {:?} within {} ms without a cause",
                one.symbol,
                one.side,
                now - at
            ));
        }
    }

    /// Whether a position is what strangers traded.
    pub(crate) fn is_a_strangers(&self, symbol: Symbol, coins: SignedQuantity) -> bool {
        self.legs.get(&symbol).is_some_and(|legs| legs.foreign[1] == coins.units())
    }

    /// What a rule about manners says.
    pub(crate) fn blame(&mut self, what: Option<String>) {
        if let Some(text) = what.filter(|_| !self.manners.asleep) {
            self.break_(text);
        }
    }

    /// The venue says something on a line.
    pub(crate) fn pushed(&mut self, text: &str) {
        let blame = self.manners.pushed(text, self.caused);
        self.blame(blame);
    }

    /// The run closed a line by itself.
    pub(crate) fn hung_up(&mut self, path: &str) {
        let blame = self.manners.hung_up(path, self.excused.max(self.caused.saturating_add(60_000)));
        self.blame(blame);
    }

    /// How the end must be.
    pub(crate) fn end(&mut self, problems: Vec<String>) {
        for problem in problems {
            self.break_(problem);
        }
    }
}
