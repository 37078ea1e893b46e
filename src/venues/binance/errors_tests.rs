//! Tests of `errors`: every code of the digests' tables, and the statuses.

use super::*;
use crate::domain::WallTime;

const fn context(market: Market, asked: Asked) -> Context {
    Context { market, asked, telling_overload: true }
}

fn class(context: Context, status: u16, code: i64, words: &str) -> Class {
    let body = serde_json::json!({ "code": code, "msg": words }).to_string();
    let refused = refused(context, status, body.as_bytes(), None);
    assert_eq!((refused.code, refused.status), (Some(code), status));
    refused.class
}

#[test]
fn l11_what_ends_by_itself_is_no_verdict() {
    let lasting = [Class::Auth, Class::Restricted];
    let passing = [
        Class::RateLimit,
        Class::Banned,
        Class::Later,
        Class::Clock,
        Class::Unknown,
        Class::ListenKey,
        Class::Proof(RejectCause::Halted),
    ];
    assert!(lasting.iter().all(|class| class.lasts()) && !passing.iter().any(|class| class.lasts()));
}

#[test]
fn a07_every_documented_code_of_a_placement_on_a_perp() {
    use RejectCause::{Balance, Filter, Halted, Limit, PriceBand, RateLimit, ReduceOnly, WouldTake};
    let table: &[(&[i64], Class)] = &[
        (&[-1000, -1006, -1007, -4115, -4116, -1125, -2011, -2013, -2026, -4046, -99999], Class::Unknown),
        (&[-1001, -1008, -1016], Class::Later),
        (&[-1002, -2014, -2015, -2017, -1022], Class::Auth),
        (&[-1003], Class::RateLimit),
        (&[-1015], Class::Proof(RateLimit)),
        (&[-1021, -5028, -4225], Class::Clock),
        (&[-1100, -1101, -1102, -1103, -1104, -1105, -1106, -1108, -1114, -1115, -1116, -1117], Class::Malformed),
        (&[-1118, -1119, -1120, -1121, -1127, -1128, -1130, -2021, -4015, -4028, -4120], Class::Malformed),
        (&[-5021, -5024, -5025, -5026, -5027, -5037, -5038, -5039, -5040, -5041, -5043], Class::Malformed),
        (&[-1013, -1111, -4001, -4002, -4003, -4004, -4005, -4013, -4014], Class::Proof(Filter)),
        (&[-4023, -4029, -4030, -4164], Class::Proof(Filter)),
        (&[-1122, -1220, -4140, -4141, -4400, -4401], Class::Proof(Halted)),
        (&[-2018, -2019, -4050, -4051], Class::Proof(Balance)),
        (&[-2020, -4016, -4024, -4131], Class::Proof(PriceBand)),
        (&[-2022, -4118], Class::Proof(ReduceOnly)),
        (&[-2023], Class::Liquidating),
        (&[-2024, -2025, -2027, -2028, -4045], Class::Proof(Limit)),
        (&[-4047, -4048, -4067, -4068, -4531, -4061, -4062, -4109, -4167], Class::State),
        (&[-4087, -4088, -4105, -4106, -4107, -4189, -4192, -4202, -4402, -4403], Class::Restricted),
        (&[-5022], Class::Proof(WouldTake)),
    ];
    for (codes, expected) in table {
        for code in *codes {
            assert_eq!(class(context(Market::Perp, Asked::Place), 400, *code, "text"), *expected, "{code}");
        }
    }
}

#[test]
fn a07_spot_placements_are_told_apart_by_text() {
    let check = |code: i64, words: &str, expected: Class| {
        assert_eq!(class(context(Market::Spot, Asked::Place), 400, code, words), expected, "{words}");
    };
    check(-2010, "Account has insufficient balance for requested action.", Class::Proof(RejectCause::Balance));
    check(-2010, "Order would immediately match and take.", Class::Proof(RejectCause::WouldTake));
    check(-2010, "Market is closed.", Class::Proof(RejectCause::Halted));
    check(-2010, "This symbol is not permitted for this account.", Class::Restricted);
    check(-2010, "This symbol is restricted for this account.", Class::Restricted);
    check(-2010, "Rest API trading is not enabled.", Class::Auth);
    check(-2010, "Duplicate order sent.", Class::Unknown);
    check(-2010, "A text that nobody has seen.", Class::Unknown);
    check(-1010, "", Class::Unknown);
    check(-1013, "Filter failure: NOTIONAL", Class::Proof(RejectCause::Filter));
    check(-1013, "Filter failure: PERCENT_PRICE_BY_SIDE", Class::Proof(RejectCause::PriceBand));
    check(-1013, "Filter failure: MAX_NUM_ORDERS", Class::Proof(RejectCause::Limit));
    // Half a replacement on spot; the overload of spot proves nothing.
    for code in [-2021, -2022, -1001, -1008] {
        check(code, "text", Class::Unknown);
    }
}

#[test]
fn questions_and_other_writes() {
    let check = |asked: Asked, code: i64, expected: Class| {
        assert_eq!(class(context(Market::Perp, asked), 400, code, "Unknown order sent."), expected, "{asked:?} {code}");
    };
    check(Asked::Read, -2013, Class::NotFound);
    check(Asked::Write, -2011, Class::NotFound);
    check(Asked::Write, -4046, Class::Unchanged);
    check(Asked::Write, -4059, Class::Unchanged);
    check(Asked::Write, -4171, Class::Unchanged);
    check(Asked::Write, -99999, Class::Unknown);
    check(Asked::Read, -99999, Class::Later);
    check(Asked::Read, -1000, Class::Later);
    check(Asked::Read, -4001, Class::Malformed);
    check(Asked::Read, -1015, Class::RateLimit);
    check(Asked::Read, -1125, Class::ListenKey);
}

#[test]
fn a07_d06_statuses_and_bodies_that_are_not_the_venues() {
    use Asked::{Place, Read, Write};
    use Market::{Perp, Spot};
    let check = |market: Market, asked: Asked, status: u16, body: &str, expected: Class| {
        let refused = refused(context(market, asked), status, body.as_bytes(), None);
        assert_eq!(refused.class, expected, "{market} {asked:?} {status} {body}");
        assert!(!refused.text.contains('<'), "a page is not shown");
    };
    let page = "<html>Bad gateway</html>";
    for status in [302, 403, 404, 408, 500, 502, 503, 504, 599, 200] {
        check(Spot, Place, status, page, Class::Unknown);
        check(Perp, Write, status, page, Class::Unknown);
        check(Perp, Read, status, page, Class::Later);
    }
    // A place from which the venue may not be used stays one; an order is settled by questions all the same.
    let place = r#"{"code":0,"msg":"Service unavailable from a restricted location."}"#;
    check(Perp, Read, 451, place, Class::Restricted);
    check(Spot, Place, 451, place, Class::Unknown);
    // Spot's 5xx is always unknown; the perp host tells three kinds apart.
    let unknown = r#"{"code":-1000,"msg":"Unknown error, please check your request or try again later."}"#;
    let unavailable = r#"{"code":-1,"msg":"Service Unavailable."}"#;
    let internal = r#"{"code":-1001,"msg":"Internal error; unable to process your request. Please try again."}"#;
    let throttled = r#"{"code":-1008,"msg":"Request throttled by system-level protection."}"#;
    check(Perp, Place, 503, unknown, Class::Unknown);
    for body in [unavailable, internal, throttled] {
        check(Perp, Place, 503, body, Class::Later);
        check(Spot, Place, 503, body, Class::Unknown);
        let untold = Context { telling_overload: false, ..context(Perp, Place) };
        assert_eq!(refused(untold, 503, body.as_bytes(), None).class, Class::Unknown);
    }
    // A proof inside a 5xx is no proof.
    check(Perp, Place, 500, r#"{"code":-2019,"msg":"Margin is insufficient."}"#, Class::Unknown);
    check(Perp, Place, 400, r#"{"code":-2019,"msg":"Marg"#, Class::Unknown);
    check(Perp, Place, 400, r#"{"code":"-2019","msg":"x"}"#, Class::Proof(RejectCause::Balance));
    check(Perp, Place, 400, "[]", Class::Unknown);
    check(Perp, Place, 429, "", Class::RateLimit);
    check(Spot, Place, 418, "", Class::Banned);
    check(Spot, Place, 429, r#"{"code":-1015,"msg":"Too many new orders."}"#, Class::Proof(RejectCause::RateLimit));
}

#[test]
fn d07_d08_how_long_to_keep_still() {
    let until = |status: u16, words: &str, header: Option<&str>| {
        let body = serde_json::json!({ "code": -1003, "msg": words }).to_string();
        refused(context(Market::Spot, Asked::Read), status, body.as_bytes(), header).until
    };
    let banned = "Way too much request weight used; IP banned until 1700000000000. Please use WebSocket Streams.";
    assert_eq!(until(418, banned, Some("720")), Some(Until::At(WallTime(1_700_000_000_000))));
    assert_eq!(until(418, "IP banned until later", Some("720")), Some(Until::Seconds(720)));
    assert_eq!(until(429, "x", None), None);
    for (header, expected) in [("0", Some(1)), ("1000000000000", Some(259_200)), (" 30 ", Some(30))] {
        assert_eq!(until(429, "x", Some(header)), expected.map(Until::Seconds));
    }
    for odd in ["-1", "", "Wed, 21 Oct 2026 07:28:00 GMT", "1.5", "99999999999999999999999"] {
        assert_eq!(until(429, "x", Some(odd)), None, "{odd}");
    }
    assert_eq!(class(context(Market::Spot, Asked::Read), 400, -1003, banned), Class::Banned);
}

#[test]
fn x08_texts_are_escaped_and_cut() {
    let words = format!("a\u{1b}[2J\n{}", "b".repeat(500));
    let body = serde_json::json!({ "code": -1121, "msg": words }).to_string();
    let refused = refused(context(Market::Spot, Asked::Read), 400, body.as_bytes(), None);
    assert!(refused.text.chars().count() <= 120 && refused.text.starts_with("a\\u{1b}[2J\\nbbb"), "{}", refused.text);
    assert!(refused.to_string().starts_with("Malformed: HTTP 400, code -1121: a"));
}
