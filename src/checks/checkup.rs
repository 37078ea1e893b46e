//! What `carry doctor` asks of one venue: reach, clock, and for each pair fees, modes, filters, status and delisting.
//!
//! It asks and judges and changes nothing. What cannot be had is a line, and the other checks go on; the rights of the key
//! and the modes of the account stand in `preflight.rs`. Tests: at the end, and `tests/commands/doctor.rs`.

use super::asked::Asked;
use super::inquiry::NO_COLLATERAL;
use super::inquiry::{Inquiry, StartError};
use super::preflight::{self, Line, Verdict, whole_leverage};
use crate::config::Settings;
use crate::config::settings::{Collateral, MarginMode};
use crate::domain::{Amount, Market, Price, Span, Symbol, WallTime};
use crate::net::clock_offset::{ClockOffset, Offset, OffsetSettings};
use crate::net::http::{HttpSettings, Outgoing};
use crate::net::wire::Network;
use crate::net::{HttpClient, Site};
use crate::pairs::minimums::{self, TooSmall, What};
use crate::venues::answer::{Answer, Listing, SymbolModes};
use crate::venues::ask::{Ask, Host};
use crate::venues::binance::profile::Profile;
use crate::venues::binance::{encode, reply};
use std::time::Duration;

/// Of one question whether a host answers: a doctor ends within 15 s, also without a network.
const PATIENCE: HttpSettings = HttpSettings {
    connect: Duration::from_secs(3),
    total: Duration::from_secs(4),
    keep: Duration::from_secs(20),
    body_cap: 64 * 1024,
};
/// Questions for the time: the one with the shortest trip counts.
const SAMPLES: usize = 3;
/// From here on a person should mend the clock.
const CLOCK_WARN: Span = Span(250);
/// From here on unmeasured stamps are refused by the venue, which takes none that are a second early.
const CLOCK_REFUSE: Span = Span(1_000);
/// Delistings within this are told.
const DELIST_NOTICE: Span = Span(90 * Span::DAY.0);

/// What the venue is judged against.
pub struct Subject<'a> {
    /// Settings of the strategy.
    pub settings: &'a Settings,
    /// The venue's symbols (`BTCUSDT`) of the strategy's pairs whose both legs stand here.
    pub symbols: &'a [Symbol],
    /// What else is traded here: legs whose other leg is at another venue.
    pub asked: &'a Asked,
    /// Now, on the run's clock.
    pub now: WallTime,
}

/// Whether both hosts answer, and how far the clocks are apart. False when one does not.
pub async fn reach(profile: &Profile, network: &Network<'_>, lines: &mut Vec<Line>) -> bool {
    let (spot, perp) = tokio::join!(probe(profile, network, Market::Spot), probe(profile, network, Market::Perp));
    let mut reached = true;
    let mut offset = None;
    for (market, host, found) in [(Market::Spot, Host::Spot, spot), (Market::Perp, Host::Perp, perp)] {
        let (check, base) = (format!("reach: {market}"), profile.base(host));
        match found {
            Ok((trip, measured)) => {
                let found = format!("{base} answers in {} ms", trip.as_millis());
                lines.push(Line::new(&check, Verdict::Good, found, ""));
                offset = Some(measured);
            }
            Err(why) => {
                reached = false;
                let fix = "is the network up, is the address right, and is the venue open? see its status page";
                lines.push(Line::new(&check, Verdict::Refuse, format!("{base} cannot be reached: {why}"), fix));
            }
        }
    }
    if let Some(offset) = offset {
        lines.push(clock_line(offset));
    }
    reached
}

/// The shortest trip to a host and what it says of the clock.
async fn probe(profile: &Profile, network: &Network<'_>, market: Market) -> Result<(Duration, Option<Offset>), String> {
    let ask = Ask::Time(market);
    let request = encode::read(profile, &ask).map_err(|error| error.to_string())?;
    let site =
        Site::new(profile.base(request.host), network.owner, network.holder).map_err(|error| error.to_string())?;
    let client = HttpClient::new(&site, PATIENCE, network.test_root, network.clock).map_err(|e| e.to_string())?;
    let outgoing = Outgoing { method: request.method, path_and_query: request.path, body: None, header: None };
    let mut clock = ClockOffset::new(OffsetSettings::default());
    let mut best: Option<Duration> = None;
    for _ in 0..SAMPLES {
        let answer = client.send(&outgoing).await.map_err(|error| error.to_string())?;
        let trip = answer.received_at.since(answer.sent_at);
        match reply::answer(profile, &ask, answer.status, &answer.body) {
            Ok(Answer::Time(server)) => {
                clock.sample(answer.sent_at, answer.received_at, server);
                best = Some(best.map_or(trip, |best| best.min(trip)));
            }
            Ok(_) => return Err("its answer is of another kind".to_owned()),
            Err(refused) => return Err(refused.to_string()),
        }
    }
    Ok((best.unwrap_or_default(), clock.read(network.clock.now())))
}

fn clock_line(offset: Option<Offset>) -> Line {
    let fix = "switch on time synchronisation (timedatectl set-ntp true) and wait until the clock is right; with a simulated venue \
               that keeps its own time, say --clock venue";
    let Some(Offset { offset, error }) = offset else {
        return Line::new("clock", Verdict::Warn, "not measured: answers take too long, or the clock jumped", fix);
    };
    let way = if offset < Span::ZERO { "behind" } else { "ahead of" };
    let ms = offset.0.saturating_abs();
    let found = format!("the venue is {ms} ms {way} this machine, +-{} ms", error.0);
    // Only what is certain is held against it.
    let certain = Span(ms.saturating_sub(error.0));
    match certain {
        certain if certain >= CLOCK_REFUSE => Line::new("clock", Verdict::Refuse, format!("clock skew: {found}"), fix),
        certain if certain >= CLOCK_WARN => Line::new("clock", Verdict::Warn, format!("clock skew: {found}"), fix),
        _ => Line::new("clock", Verdict::Good, found, ""),
    }
}

/// Everything that needs the key. What fails is a line, and the rest is asked all the same.
pub async fn account(inquiry: &Inquiry<'_>, subject: &Subject<'_>, lines: &mut Vec<Line>) {
    match preflight::key(inquiry, subject.settings, subject.now).await {
        Ok((known, found)) => {
            lines.extend(found);
            if !known {
                let fix = "mend the key first";
                lines.push(Line::new("account", Verdict::Refuse, "not asked: the venue refuses the key", fix));
                return;
            }
        }
        Err(error) => lines.push(failed("key", &error)),
    }
    // Where spot legs alone are traded no mode of positions is needed.
    if !subject.symbols.is_empty() || !subject.asked.perps.is_empty() || subject.asked.spots.is_empty() {
        match preflight::account_modes(inquiry, subject.settings.margin.collateral).await {
            Ok(found) => lines.extend(found),
            Err(error) => lines.push(failed("account", &error)),
        }
    }
    lines.extend(preflight::locks(inquiry).await);
    // What is wrong with them is said with the other lines of the pairs.
    let spots = inquiry.spot_legs(subject.symbols).await.unwrap_or_default();
    for symbol in subject.symbols {
        modes(inquiry, *symbol, (subject, lines)).await;
        let spot = spots.get(symbol).copied().unwrap_or(*symbol);
        for (market, symbol) in [(Market::Spot, spot), (Market::Perp, *symbol)] {
            lines.push(fees(inquiry, market, symbol).await);
        }
    }
    for (market, symbols) in subject.asked.lone() {
        for symbol in symbols {
            if market == Market::Perp {
                modes(inquiry, *symbol, (subject, lines)).await;
            }
            lines.push(fees(inquiry, market, *symbol).await);
        }
    }
}

/// Leverage and margin mode of a perp.
async fn modes(inquiry: &Inquiry<'_>, symbol: Symbol, (subject, lines): (&Subject<'_>, &mut Vec<Line>)) {
    match inquiry.ask("modes of a perp", Ask::SymbolConfig { symbol }).await {
        Ok(Answer::SymbolConfig(found)) => lines.push(modes_line(&found, subject.settings)),
        Ok(_) => lines.push(unread(&format!("{symbol} modes"))),
        Err(error) => lines.push(failed(&format!("{symbol} modes"), &error)),
    }
}

/// Our fees of a leg.
async fn fees(inquiry: &Inquiry<'_>, market: Market, symbol: Symbol) -> Line {
    let check = format!("{symbol} {market} fees");
    match inquiry.ask("our fees", Ask::Commission { market, symbol }).await {
        Ok(Answer::Commission { fees, own_coin }) => {
            let found = format!("maker {}, taker {}", fees.maker, fees.taker);
            if own_coin == Some(true) {
                let fix = "switch off paying fees with the venue's coin, so that fees are what the strategy counts";
                return Line::new(&check, Verdict::Warn, format!("{found}; taken in the venue's own coin"), fix);
            }
            Line::new(&check, Verdict::Good, found, "")
        }
        Ok(_) => unread(&check),
        Err(error) => failed(&check, &error),
    }
}

/// Status and delisting of legs whose other leg is at another venue; no key needed.
pub async fn lone_legs(inquiry: &Inquiry<'_>, subject: &Subject<'_>, lines: &mut Vec<Line>) {
    for (market, symbols) in subject.asked.lone() {
        match inquiry.listings(market, symbols).await {
            Ok(rows) => lines.extend(symbols.iter().map(|symbol| {
                let leg = rows.iter().find(|row| row.symbol == *symbol && (market == Market::Spot || row.perpetual));
                status_line((*symbol, market), leg, (subject.settings, subject.now))
            })),
            Err(error) => lines.push(failed(&format!("{market} instruments"), &error)),
        }
    }
}

fn failed(check: &str, error: &StartError) -> Line {
    let found = match error {
        StartError::Refused { refused, .. } => refused.to_string(),
        other => other.to_string(),
    };
    let fix = match error {
        StartError::Untrusted { .. } => "is the address the venue's, and does something on the way open TLS?",
        _ => "try again; may the key read this, and is the venue open?",
    };
    Line::new(check, Verdict::Refuse, found, fix)
}

fn unread(check: &str) -> Line {
    Line::new(check, Verdict::Refuse, "the answer is of another kind", "is this address the venue's?")
}

fn modes_line(found: &SymbolModes, settings: &Settings) -> Line {
    let wanted = whole_leverage(settings);
    let isolated = settings.margin.mode == MarginMode::Isolated;
    let mode = |isolated: bool| if isolated { "isolated" } else { "cross" };
    let leverage = found.leverage.map_or_else(|| "unknown leverage".to_owned(), |leverage| format!("{leverage}x"));
    let text = format!("{leverage}, {}", found.isolated.map_or("unknown mode", mode));
    let check = format!("{} modes", found.symbol);
    if found.leverage == Some(wanted) && found.isolated == Some(isolated) {
        return Line::new(&check, Verdict::Good, text, "");
    }
    let fix = format!("nothing: carry live sets it to {wanted}x, {} at its start", mode(isolated));
    Line::new(&check, Verdict::Warn, text, &fix)
}

/// Status, delisting and filters of every pair; no key needed.
pub async fn pairs(inquiry: &Inquiry<'_>, subject: &Subject<'_>, lines: &mut Vec<Line>) {
    if subject.symbols.is_empty() {
        return;
    }
    let mut listed = Vec::new();
    let spots = match inquiry.spot_legs(subject.symbols).await {
        Ok(spots) => spots,
        Err(StartError::Pair { pair, problem }) => {
            let fix = "take the pair out of strategy.pairs";
            lines.push(Line::new(&format!("{pair} spot leg"), Verdict::Refuse, problem, fix));
            return;
        }
        Err(error) => {
            lines.push(failed("spot legs", &error));
            return;
        }
    };
    let legs: Vec<Symbol> = spots.values().copied().collect();
    for (market, symbols) in [(Market::Spot, legs.as_slice()), (Market::Perp, subject.symbols)] {
        match inquiry.listings(market, symbols).await {
            Ok(listings) => listed.push(listings),
            Err(error) => lines.push(failed(&format!("{market} instruments"), &error)),
        }
    }
    let [spot, perp] = listed.as_slice() else { return };
    for symbol in subject.symbols {
        let find = |rows: &[Listing], symbol: Symbol| rows.iter().find(|row| row.symbol == symbol).cloned();
        let leg = spots.get(symbol).copied().unwrap_or(*symbol);
        let (spot, perp) = (find(spot, leg), find(perp, *symbol).filter(|row| row.perpetual));
        let own = subject.settings.of_pair(&format!("{}:{symbol}", inquiry.name));
        lines.extend(unit_line(*symbol, leg, inquiry, subject));
        for (market, leg) in [(Market::Spot, &spot), (Market::Perp, &perp)] {
            lines.push(status_line((*symbol, market), leg.as_ref(), (own, subject.now)));
        }
        let (Some(spot), Some(perp)) = (spot, perp) else { continue };
        let check = format!("{symbol} filters");
        match inquiry.ask("its mark", Ask::Premium { symbol: Some(*symbol) }).await {
            Ok(Answer::Premium(rows)) => match rows.iter().find(|row| row.symbol == *symbol) {
                Some(row) => lines.push(filters_line(&spot, &perp, row.mark, own)),
                None => lines.push(unread(&check)),
            },
            Ok(_) => lines.push(unread(&check)),
            Err(error) => lines.push(failed(&check, &error)),
        }
    }
}

/// What a pair is counted in, where that is not one coin.
fn unit_line(perp: Symbol, leg: Symbol, inquiry: &Inquiry<'_>, subject: &Subject<'_>) -> Option<Line> {
    let bundles = inquiry.wire.bundles();
    let one = bundles.iter().find(|one| one.spot == leg && leg != perp)?;
    let check = format!("{perp} unit");
    let found = format!("one {} is {} {}; spot leg {}", one.contract, one.coins, one.coin, one.spot);
    if subject.settings.margin.collateral == Collateral::Coin {
        return Some(Line::new(
            &check,
            Verdict::Refuse,
            format!("{found}, {NO_COLLATERAL}"),
            "set margin.collateral = \"quote\"",
        ));
    }
    Some(Line::new(&check, Verdict::Good, found, ""))
}

fn status_line(of: (Symbol, Market), leg: Option<&Listing>, (own, now): (&Settings, WallTime)) -> Line {
    let (symbol, market) = of;
    let check = format!("{symbol} {market} status");
    let Some(leg) = leg else {
        let fix = "take the pair out of strategy.pairs, or correct its name";
        return Line::new(&check, Verdict::Refuse, "not listed", fix);
    };
    let ends = leg.ends.filter(|ends| ends.since(now) < DELIST_NOTICE);
    match ends {
        _ if !leg.trading => {
            let fix = "take the pair out of strategy.pairs until the venue trades it again";
            Line::new(&check, Verdict::Refuse, "not trading", fix)
        }
        Some(ends) if ends.since(now) < own.gates.delist_lead => {
            let fix = "take the pair out of strategy.pairs and close what is held of it";
            Line::new(&check, Verdict::Refuse, format!("delisted at {ends}"), fix)
        }
        Some(ends) => {
            let fix = "entries stop gates.delist_lead before; be out by then";
            Line::new(&check, Verdict::Warn, format!("trading; delisted at {ends}"), fix)
        }
        None => Line::new(&check, Verdict::Good, "trading; no delisting announced", ""),
    }
}

/// Whether a clip, and the whole size, can be ordered on both legs at this price.
fn filters_line(spot: &Listing, perp: &Listing, price: Price, settings: &Settings) -> Line {
    let check = format!("{} filters", perp.symbol);
    let (size, _) = minimums::slot(settings, Some(price));
    let clip = settings.execution.clip.min(size).min(settings.risk.max_order);
    let coins = minimums::coins_of(clip, price);
    let quote = spot.quote;
    if let Some(small) = minimums::judge(settings, (&spot.rules, &perp.rules), Some(price)) {
        let TooSmall { what, market, least, needed, .. } = small;
        let found =
            format!("the least {market} order is {} {quote}, and one clip is {} {quote}", money(least), money(clip));
        let fix = match what {
            What::Slot => {
                format!(
                    "raise run.capital, size.per_pair or risk.max_pair until a pair may hold {} {quote}",
                    money(needed)
                )
            }
            What::Clip => format!("raise execution.clip and risk.max_order to at least {} {quote}", money(needed)),
        };
        return Line::new(&check, Verdict::Refuse, found, &fix);
    }
    let least = |leg: &Listing| {
        let rules = &leg.rules;
        rules.min_notional.max(price.times(rules.min_quantity)).max(price.times(rules.step))
    };
    if let Some(leg) = [spot, perp].into_iter().find(|leg| coins > leg.rules.max_quantity) {
        let most = price.times(leg.rules.max_quantity);
        let found =
            format!("the largest {} order is {} {quote}, and one clip is {}", leg.market, money(most), money(clip));
        return Line::new(&check, Verdict::Refuse, found, "lower execution.clip below it");
    }
    let found = format!(
        "clip {} of {} {quote}, least order {}, step {} spot and {} perp",
        money(clip),
        money(size),
        money(least(spot).max(least(perp))),
        spot.rules.step,
        perp.rules.step
    );
    Line::new(&check, Verdict::Good, found, "")
}

fn money(amount: Amount) -> String {
    crate::domain::money::grouped(amount, 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Asset, Quantity, Rules};

    fn listing(market: Market, min_notional: i64, step: &str) -> Listing {
        Listing {
            symbol: Symbol::of("BTCUSDT"),
            market,
            base: Asset::of("BTC"),
            quote: Asset::of("USDT"),
            rules: Rules {
                tick: Price::parse("0.01").unwrap(),
                step: Quantity::parse(step).unwrap(),
                min_quantity: Quantity::parse(step).unwrap(),
                max_quantity: Quantity::parse("100").unwrap(),
                min_notional: Amount::whole(min_notional),
            },
            trading: true,
            perpetual: market == Market::Perp,
            ends: None,
            begins: None,
            price_band: None,
        }
    }

    fn judged(clip: i64, capital: i64) -> Line {
        let mut settings = Settings::default();
        settings.execution.clip = Amount::whole(clip);
        settings.run.capital = Amount::whole(capital);
        let price = Price::parse("50000").unwrap();
        filters_line(&listing(Market::Spot, 5, "0.00001"), &listing(Market::Perp, 100, "0.001"), price, &settings)
    }

    #[test]
    fn a_clip_must_be_an_order_on_both_legs_after_it_was_cut_to_the_coarser_step() {
        assert_eq!(judged(1_000, 1_000_000).verdict, Verdict::Good);
        // 149 USDT are 0.00298 BTC, cut to 0.002: exactly 100 USDT. 99 are cut to 50.
        assert_eq!(judged(149, 1_000_000).verdict, Verdict::Good);
        let line = judged(99, 1_000_000);
        assert_eq!((line.verdict, line.found.contains("least perp order is 100.00 USDT")), (Verdict::Refuse, true));
        assert!(line.fix.contains("raise execution.clip and risk.max_order to at least 150.00 USDT"), "{}", line.fix);
        let line = judged(1_000, 100);
        assert_eq!((line.verdict, line.fix.contains("raise run.capital")), (Verdict::Refuse, true), "{line:?}");
        let line = judged(6_000_000, 1_000_000_000);
        assert!(line.verdict == Verdict::Good, "the gate's own limits bound a clip: {line:?}");
    }

    #[test]
    fn g08_a_clock_is_refused_only_for_what_is_certain() {
        let line = |offset, error| clock_line(Some(Offset { offset: Span(offset), error: Span(error) }));
        assert_eq!(line(40, 5).verdict, Verdict::Good);
        assert_eq!(line(-400, 5).verdict, Verdict::Warn);
        assert_eq!(line(1_200, 5).verdict, Verdict::Refuse);
        assert_eq!(line(1_200, 1_000).verdict, Verdict::Good);
        assert_eq!(clock_line(None).verdict, Verdict::Warn);
        let skewed = line(-7_000, 3);
        assert!(skewed.found.contains("clock skew: the venue is 7000 ms behind this machine, +-3 ms"), "{skewed:?}");
        assert!(skewed.fix.contains("time synchronisation"), "{skewed:?}");
    }

    #[test]
    fn a_delisting_is_told_and_refused_when_it_is_near() {
        let settings = Settings::default();
        let status = |ends: Option<Span>, trading| {
            let leg =
                Listing { ends: ends.map(|ends| WallTime(0) + ends), trading, ..listing(Market::Perp, 5, "0.001") };
            status_line((leg.symbol, Market::Perp), Some(&leg), (&settings, WallTime(0))).verdict
        };
        assert_eq!(status(None, true), Verdict::Good);
        assert_eq!(status(Some(Span(36_500 * Span::DAY.0)), true), Verdict::Good, "far away is never");
        assert_eq!(status(Some(Span(30 * Span::DAY.0)), true), Verdict::Warn);
        assert_eq!(status(Some(Span(settings.gates.delist_lead.0 - 1)), true), Verdict::Refuse);
        assert_eq!(status(None, false), Verdict::Refuse);
        assert_eq!(
            status_line((Symbol::of("XUSDT"), Market::Spot), None, (&settings, WallTime(0))).found,
            "not listed"
        );
    }
}
