//! What must hold for any bytes: shared by the fuzz targets and by `tests/suite/fuzz_smoke.rs`. Each function panics when it
//! does not.

use carry::domain::{
    ClientOrderId, InstrumentId, Interval, Market, Price, Quantity, Rate, Side, SignedQuantity, Span, Symbol, WallTime,
    decimal,
};
use carry::market::sync::{MAX_LEVELS, Verdict};
use carry::market::{Book, Diff, Level, Rule, Snapshot, Sync};
use carry::port::TimeInForce;
use carry::port::event::Wallet;
use carry::venues::answer::{AccountMessage, Answer, Class};
use carry::venues::ask::{Act, Ask, Candles, From, ListenKeyAct, Placement, Priority};
use carry::venues::binance::decode::{decode, decode_general};
use carry::venues::binance::profile::{Net, Profile};
use carry::venues::binance::pushed::pushed;
use carry::venues::binance::reply::{answer, outcome};
use carry::venues::binance::session::{Input, Session, Subscription};
use carry::venues::binance::{Message, Scratch};

const T0: WallTime = WallTime(1_700_000_000_000);

/// Bytes as a frame and as a depth answer, for both markets: never a panic, both decoders agree, and a session that was
/// given them still has only sorted, uncrossed books.
pub(crate) fn decode_binance(bytes: &[u8]) {
    for market in [Market::Spot, Market::Perp] {
        let (mut quick, mut general) = (Scratch::default(), Scratch::default());
        let result = decode(market, bytes, &mut quick);
        assert_eq!(result, decode_general(market, bytes, &mut general));
        if let Ok(Message::Depth(update)) = &result {
            assert!(update.first <= update.last);
        }
        if let Err(error) = &result {
            assert!(error.to_string().len() < 300, "errors stay short");
        }
        let instrument = InstrumentId(0);
        let symbol = Symbol::of("ABCUSDT");
        let mut session = Session::new(market, &[Subscription { instrument, symbol, interval: Some(Interval::H8) }]);
        let mut out = Vec::new();
        for line in bytes.split(|byte| *byte == b'\n').take(64) {
            session.handle(Input::Frame(line), T0, &mut out);
            session.handle(Input::Snapshot { instrument, body: line }, T0, &mut out);
            session.handle(Input::Timer, T0 + Span::seconds(2), &mut out);
            if let Some(book) = session.book(instrument) {
                check_book(book);
            }
            out.clear();
        }
    }
}

/// Bytes as the answer to every question, as the end of an order, and as a push, at any status: never a panic, short
/// texts, and an order is never taken for refused but by a code of the venue.
pub(crate) fn account_binance(bytes: &[u8]) {
    let (first, body) = bytes.split_first().map_or((0, bytes), |(first, rest)| (*first, rest));
    let statuses = [200, 400, 401, 403, 408, 418, 429, 500, 503, 302];
    let status = statuses.get(usize::from(first) % statuses.len()).copied().unwrap_or(200);
    for profile in [Profile::binance(), Profile::aster_v3(Net::Main)] {
        for market in [Market::Spot, Market::Perp] {
            for bytes in [bytes, body] {
                match pushed(&profile, market, bytes) {
                    Ok(messages) => messages.iter().for_each(check_message),
                    Err(error) => assert!(error.to_string().len() < 300),
                }
            }
            for ask in questions(market) {
                if let Err(refused) = answer(&profile, &ask, status, body) {
                    assert!(refused.to_string().len() < 600);
                    assert!(!matches!(refused.class, Class::Unknown | Class::Proof(_)), "a question is never in doubt");
                }
            }
            let order = Act::Place(placement(market));
            match outcome(&profile, &order, status, body) {
                Ok(answer) => assert!(matches!(answer, Answer::Order(_)) && status == 200),
                Err(refused) => {
                    let proved = !matches!(refused.class, Class::Unknown | Class::RateLimit | Class::Banned);
                    assert!(!proved || refused.code.is_some() && !matches!(status, 302 | 408 | 500));
                }
            }
        }
    }
}

fn check_message(message: &AccountMessage) {
    if let AccountMessage::Order { order, fill: Some(fill), .. } = message {
        assert!(fill.price.units() > 0 && fill.order == order.venue_id && fill.symbol == order.symbol);
    }
}

fn placement(market: Market) -> Placement {
    Placement {
        market,
        symbol: Symbol::of("ABCUSDT"),
        id: ClientOrderId { epoch: 1, salt: 0xab, number: 7 },
        side: Side::Buy,
        quantity: Quantity::saturating(100),
        limit: Price::from_units(100).unwrap_or_else(|_| unreachable!()),
        time_in_force: TimeInForce::ImmediateOrCancel,
        reduce_only: false,
        priority: Priority::Normal,
    }
}

fn questions(market: Market) -> Vec<Ask> {
    let symbol = Symbol::of("ABCUSDT");
    let (start, end, limit) = (T0, T0, 10);
    vec![
        Ask::Time(market),
        Ask::Instruments(market),
        Ask::Depth { market, symbol, levels: 5 },
        Ask::BestQuote { market, symbol: None },
        Ask::Candles { kind: Candles::Trade(market), symbol, step: "1h", start, end, limit },
        Ask::Premium { symbol: None },
        Ask::FundingInfo,
        Ask::FundingHistory { symbol, start: None, end: None, limit },
        Ask::OpenInterest { symbol },
        Ask::Order { market, symbol, id: "c1-000000ab-7".to_owned() },
        Ask::OpenOrders { market, symbol: None },
        Ask::Fills { market, symbol, from: From::Latest, limit },
        Ask::Balances(Wallet::Spot),
        Ask::Balances(Wallet::Perp),
        Ask::Positions,
        Ask::SymbolConfig { symbol },
        Ask::AccountConfig,
        Ask::Brackets { symbol },
        Ask::Commission { market, symbol },
        Ask::Income { kind: None, start, end: None, page: 1, limit },
        Ask::Transfers { from: Wallet::Spot, start },
        Ask::KeyRights,
        Ask::TradingStatus,
        Ask::CollateralRates,
        Ask::AdlRank,
        Ask::ListenKey { market, act: ListenKeyAct::Open },
    ]
}

/// Bytes as a script of changes, snapshots, breaks and passing time: never a panic, and a book that is handed out is
/// sorted, uncrossed, bounded, and never goes back.
pub(crate) fn book_sync(bytes: &[u8]) {
    for rule in [Rule::Contiguous, Rule::Linked] {
        let mut sync = Sync::new(rule);
        let mut now = T0;
        for step in bytes.chunks_exact(8) {
            let &[kind, a, b, c, price, quantity, time, wait] = step else { continue };
            now = now + Span(i64::from(wait) * 50);
            let first = if kind & 1 == 0 { u64::from(a) } else { u64::MAX - u64::from(a) };
            let level = [level(price, quantity)];
            let (bids, asks): (&[Level], &[Level]) = if c & 1 == 0 { (&level, &[]) } else { (&[], &level) };
            let before = sync.last_id();
            let verdict = match kind >> 1 & 7 {
                0 => sync.on_snapshot(&Snapshot { last: first, bids, asks }, now),
                1 => sync.on_timer(now).map_or(Verdict::Ignored, Verdict::Lost),
                2 => {
                    sync.on_disconnect();
                    Verdict::Ignored
                }
                3 => {
                    sync.on_snapshot_failed(now);
                    sync.take_request(now);
                    Verdict::Ignored
                }
                _ => {
                    let last = first.saturating_add(u64::from(b & 15));
                    let previous = (kind & 128 == 0).then(|| first.saturating_sub(u64::from(c & 3)));
                    let venue_time = T0 + Span(i64::from(time));
                    sync.on_diff(&Diff { first, last, previous, venue_time, bids, asks }, now)
                }
            };
            if matches!(verdict, Verdict::Lost(_)) {
                assert!(!sync.is_synced());
            }
            if let (Verdict::Applied, Some(before), Some(after)) = (verdict, before, sync.last_id()) {
                assert!(after > before);
            }
            if let Some(book) = sync.book() {
                check_book(book);
            }
        }
    }
}

/// Bytes as a number: never a panic, and what is accepted prints and parses back to itself.
pub(crate) fn decimal(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for decimals in [0, 8, 16, 18] {
        if let Ok(units) = decimal::parse_scaled(text, decimals) {
            let printed = decimal::format_scaled(units, decimals);
            // The printed form may be longer than what is accepted only when the number itself is that long.
            if printed.len() <= decimal::MAX_TEXT && units.unsigned_abs() < 1 << 90 {
                assert_eq!(decimal::parse_scaled(&printed, decimals), Ok(units), "{text} {printed}");
            }
        }
    }
    if let Ok(price) = Price::parse(text) {
        assert!(price.units() > 0);
        assert_eq!(Price::parse(&price.to_string()), Ok(price));
    }
    if let Ok(quantity) = Quantity::parse(text) {
        assert!(quantity.units() >= 0);
        assert_eq!(Quantity::parse(&quantity.to_string()), Ok(quantity));
        assert!(quantity.signed(Side::Sell) <= SignedQuantity::ZERO);
    }
    if let Ok(rate) = Rate::parse(text) {
        assert_eq!(Rate::parse(&rate.to_string()), Ok(rate));
    }
}

fn level(price: u8, quantity: u8) -> Level {
    let price = Price::from_units(i64::from(price) + 1).unwrap_or_else(|_| unreachable!());
    (price, Quantity::saturating(i64::from(quantity & 7)))
}

fn check_book(book: &Book) {
    assert!(!book.is_crossed());
    for side in [Side::Buy, Side::Sell] {
        assert!(book.len(side) <= MAX_LEVELS);
        let levels: Vec<Level> = book.levels(side).collect();
        assert!(levels.iter().all(|(_, quantity)| !quantity.is_zero()));
        let sorted = levels.is_sorted_by(|(near, _), (far, _)| match side {
            Side::Buy => near > far,
            Side::Sell => near < far,
        });
        assert!(sorted);
    }
}
