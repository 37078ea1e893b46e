//! Tests of the session, beside it because they look inside.

use super::*;
use crate::domain::{Price, Rate, Span};
use crate::market::sync::REQUEST_SPACING;

const T0: WallTime = WallTime(1_700_000_000_000);
const ABC: InstrumentId = InstrumentId(3);

fn session(market: Market, interval: Option<Interval>) -> Session {
    let subscription = |id, symbol| Subscription { instrument: InstrumentId(id), symbol: Symbol::of(symbol), interval };
    Session::new(market, &[subscription(2, "XYZUSDT"), subscription(ABC.0, "ABCUSDT")])
}

fn feed(session: &mut Session, frame: &str, now: WallTime) -> Vec<Output> {
    let mut out = Vec::new();
    session.handle(Input::Frame(frame.as_bytes()), now, &mut out);
    out
}

fn answer(session: &mut Session, body: &str, now: WallTime) -> Vec<Output> {
    let mut out = Vec::new();
    session.handle(Input::Snapshot { instrument: ABC, body: body.as_bytes() }, now, &mut out);
    out
}

fn depth(first: u64, last: u64, bids: &str, asks: &str) -> String {
    let time = T0.0 + i64::try_from(last).unwrap();
    format!(r#"{{"e":"depthUpdate","E":{time},"s":"ABCUSDT","U":{first},"u":{last},"b":[{bids}],"a":[{asks}]}}"#)
}

fn ticker(id: u64, bid: &str, ask: &str) -> String {
    format!(r#"{{"u":{id},"s":"ABCUSDT","b":"{bid}","B":"2","a":"{ask}","A":"3"}}"#)
}

fn snapshot(last: u64) -> String {
    let bids = r#"["100","1"],["99.95","4"],["99","50"]"#;
    format!(r#"{{"lastUpdateId":{last},"bids":[{bids}],"asks":[["100.1","7"],["101","9"]]}}"#)
}

fn quote(outputs: &[Output]) -> Quote {
    let [Output::Event(Event::Quote { instrument: ABC, quote })] = outputs else { panic!("{outputs:?}") };
    *quote
}

fn sizes(quote: Quote) -> (String, String) {
    (quote.bid_depth.to_string(), quote.ask_depth.to_string())
}

/// A spot session whose book is in step at id 10.
fn in_step() -> Session {
    let mut session = session(Market::Spot, None);
    let out = feed(&mut session, &depth(1, 9, "", ""), T0);
    assert_eq!(out, [Output::NeedSnapshot { instrument: ABC, symbol: Symbol::of("ABCUSDT") }]);
    assert_eq!(answer(&mut session, &snapshot(9), T0), []);
    assert_eq!(feed(&mut session, &depth(10, 10, "", ""), T0), []);
    session
}

#[test]
fn a_quote_carries_the_depth_of_the_book_and_the_time_of_arrival() {
    let mut plain = session(Market::Spot, None);
    let alone = quote(&feed(&mut plain, &ticker(5, "100", "100.1"), T0));
    assert_eq!((alone.bid, alone.ask), (Price::parse("100").unwrap(), Price::parse("100.1").unwrap()));
    assert_eq!(alone.venue_time, T0);
    assert_eq!(sizes(alone), ("2".into(), "3".into()), "the best level when no more is known");
    let mut session = in_step();
    let deep = quote(&feed(&mut session, &ticker(11, "100", "100.1"), T0));
    assert_eq!(sizes(deep), ("5".into(), "7".into()), "99.95 is within 10 bps, 99 and 101 are not");
}

#[test]
fn b01_a_lost_book_falls_back_to_the_best_level_and_asks_again() {
    let mut session = in_step();
    let out = feed(&mut session, &depth(15, 16, "", ""), T0);
    let loss = Loss::Gap { last: 10, first: 15 };
    assert_eq!(out, [Output::BookLost { instrument: ABC, loss }]);
    assert!(session.book(ABC).is_none());
    assert_eq!(sizes(quote(&feed(&mut session, &ticker(11, "100", "100.1"), T0))), ("2".into(), "3".into()));
    let mut out = Vec::new();
    session.handle(Input::Timer, T0 + REQUEST_SPACING, &mut out);
    assert_eq!(out, [Output::NeedSnapshot { instrument: ABC, symbol: Symbol::of("ABCUSDT") }]);
    answer(&mut session, &snapshot(15), T0 + REQUEST_SPACING);
    assert!(session.book(ABC).is_some());
}

#[test]
fn b02_a_bad_or_failed_answer_is_a_try_and_failing_is_said_once() {
    let mut session = session(Market::Spot, None);
    let mut now = T0;
    feed(&mut session, &depth(20, 21, "", ""), now);
    let mut failing = 0;
    for round in 0..10 {
        let mut out = match round % 3 {
            0 => answer(&mut session, &snapshot(5), now),
            1 => answer(&mut session, "<html>busy</html>", now),
            _ => {
                let mut out = Vec::new();
                session.handle(Input::SnapshotFailed { instrument: ABC }, now, &mut out);
                out
            }
        };
        for _ in 0..40 {
            now = now + Span::seconds(1);
            session.handle(Input::Timer, now, &mut out);
            if out.iter().any(|output| matches!(output, Output::NeedSnapshot { .. })) {
                break;
            }
        }
        failing += out.iter().filter(|output| matches!(output, Output::BookFailing { .. })).count();
    }
    assert_eq!(failing, 1);
    assert_eq!(session.refused(), 3, "the unreadable answers");
    assert_eq!(answer(&mut session, &snapshot(20), now), []);
    assert!(session.book(ABC).is_some());
}

#[test]
fn b03_old_best_quotes_are_ignored() {
    let mut session = session(Market::Spot, None);
    assert_eq!(feed(&mut session, &ticker(5, "100", "100.1"), T0).len(), 1);
    assert_eq!(feed(&mut session, &ticker(5, "100", "100.1"), T0), []);
    assert_eq!(feed(&mut session, &ticker(4, "90", "90.1"), T0), []);
    let mut out = Vec::new();
    session.handle(Input::Disconnected, T0, &mut out);
    assert_eq!(feed(&mut session, &ticker(4, "90", "90.1"), T0).len(), 1, "a new connection starts afresh");
}

#[test]
fn b04_a_new_numbering_resets_book_and_best_quote() {
    let mut session = in_step();
    feed(&mut session, &ticker(11, "100", "100.1"), T0);
    let restarted = depth(1, 2, "", "").replace(&(T0.0 + 2).to_string(), &(T0.0 + 99).to_string());
    let out = feed(&mut session, &restarted, T0);
    assert_eq!(out, [Output::BookLost { instrument: ABC, loss: Loss::Restarted }]);
    assert_eq!(feed(&mut session, &ticker(3, "90", "90.1"), T0).len(), 1);
}

#[test]
fn b05_b09_crossed_and_one_sided_quotes_are_not_passed_on() {
    let mut session = session(Market::Spot, None);
    let crossed = [Output::Note(Note::Crossed { instrument: ABC })];
    assert_eq!(feed(&mut session, &ticker(5, "100", "100"), T0), crossed);
    let empty = ticker(6, "0", "100").replace("\"B\":\"2\"", "\"B\":\"0\"");
    assert_eq!(feed(&mut session, &empty, T0), [Output::Note(Note::OneSided { instrument: ABC })]);
}

#[test]
fn b05_a_book_that_stays_crossed_is_fetched_again() {
    let mut session = in_step();
    assert_eq!(feed(&mut session, &depth(11, 11, r#"["102","1"]"#, ""), T0), []);
    assert!(session.book(ABC).is_none());
    assert_eq!(sizes(quote(&feed(&mut session, &ticker(12, "100", "100.1"), T0))), ("2".into(), "3".into()));
    let mut out = Vec::new();
    session.handle(Input::Timer, T0 + Span::seconds(2), &mut out);
    assert_eq!(out, [Output::BookLost { instrument: ABC, loss: Loss::Crossed }]);
}

#[test]
fn b11_data_of_other_symbols_and_misplaced_books_are_refused() {
    let mut session = in_step();
    let refused = |out: Vec<Output>| matches!(out.as_slice(), [Output::Refused(_)]);
    for frame in [ticker(99, "1", "2"), depth(11, 11, "", "")] {
        assert!(refused(feed(&mut session, &frame.replace("ABCUSDT", "GHOSTUSDT"), T0)));
    }
    assert!(refused(feed(&mut session, &snapshot(11), T0)), "a whole book does not come on the stream");
    assert!(refused(answer(&mut session, &depth(11, 11, "", ""), T0)), "changes do not answer a request");
    assert_eq!(session.sync(ABC).unwrap().last_id(), Some(10));
    assert_eq!(session.refused(), 4);
}

#[test]
fn b14_e06_a_funding_estimate_needs_its_interval() {
    let mark = r#"{"e":"markPriceUpdate","E":1700000000007,"s":"ABCUSDT","p":"25.36","i":"25.34","r":"0.0001","T":1700006400000}"#;
    let mut session = session(Market::Perp, None);
    let event = Output::Event(Event::Mark {
        instrument: ABC,
        mark: Price::parse("25.36").unwrap(),
        index: Price::parse("25.34").unwrap(),
    });
    let note = Output::Note(Note::UnknownInterval { instrument: ABC });
    assert_eq!(feed(&mut session, mark, T0), [event.clone(), note]);
    assert_eq!(feed(&mut session, mark, T0), std::slice::from_ref(&event), "said once");
    session.set_interval(ABC, Some(Interval::H4));
    let funding = FundingRate { rate: Rate::parse("0.0001").unwrap(), interval: Interval::H4 };
    let estimate =
        Output::Event(Event::FundingEstimate { instrument: ABC, funding, next: WallTime(1_700_006_400_000) });
    assert_eq!(feed(&mut session, mark, T0), [event, estimate]);
    let no_index = mark.replace(r#""i":"25.34","#, "");
    assert_eq!(feed(&mut session, &no_index, T0)[0], Output::Note(Note::NoIndex { instrument: ABC }));
}

#[test]
fn replies_errors_and_unknown_kinds_are_counted() {
    let mut session = session(Market::Spot, None);
    assert_eq!(feed(&mut session, r#"{"result":null,"id":7}"#, T0), [Output::Note(Note::Confirmed { id: Some(7) })]);
    let refused = [Output::Note(Note::VenueError { code: 2, id: Some(8) })];
    assert_eq!(feed(&mut session, r#"{"error":{"code":2,"msg":"no"},"id":8}"#, T0), refused);
    assert_eq!(feed(&mut session, r#"{"e":"serverShutdown"}"#, T0), [Output::Note(Note::ServerShutdown)]);
    assert_eq!(feed(&mut session, r#"{"e":"somethingNew"}"#, T0), []);
    let counted = |kind| session.counts().get(&kind).copied();
    assert_eq!((counted(Kind::Unrecognised), counted(Kind::Reply), counted(Kind::Error)), (Some(1), Some(1), Some(1)));
}

#[test]
fn l03_event_times_hours_old_or_a_day_ahead_are_refused_and_counted() {
    let mark = |at: i64| {
        format!(
            r#"{{"stream":"btcusdt@markPrice@1s","data":{{"e":"markPriceUpdate","E":{at},"s":"BTCUSDT","p":"100","i":"100","r":"0.0001","T":1700006400000}}}}"#
        )
    };
    let now = WallTime(1_700_000_000_000);
    let instrument = InstrumentId(1);
    let mut session =
        Session::new(Market::Perp, &[Subscription { instrument, symbol: Symbol::of("BTCUSDT"), interval: None }]);
    let passes = |session: &mut Session, at: i64| {
        let mut out = Vec::new();
        session.handle(Input::Frame(mark(at).as_bytes()), now, &mut out);
        out.iter().any(|one| matches!(one, Output::Event(Event::Mark { .. })))
    };
    assert!(passes(&mut session, now.0 - 5 * 3_600_000), "nothing is judged while the clock is not known");
    // The venue's clock is a minute ahead of ours, known to within 20 ms.
    session.set_offset(Some((Span::seconds(60), Span(20))));
    let venue = now.0 + 60_000;
    for (at, expected, refused) in [
        (venue, true, 0),
        (venue - 59_000, true, 0),
        (venue - 61_000, false, 1),
        (venue - 5 * 3_600_000, false, 2),
        (venue + 4_000, true, 2),
        (venue + 86_400_000, false, 3),
        (venue, true, 3),
    ] {
        assert_eq!(passes(&mut session, at), expected, "{}", at - venue);
        assert_eq!(session.mistimed(), (refused, !expected), "{}", at - venue);
    }
}
