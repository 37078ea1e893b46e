//! Tests of the folding of alarms.

use super::*;
use crate::port::command::AlarmKind;

const FOLD: Span = Span(60_000);

fn alarm(kind: AlarmKind, severity: Severity, pair: u16) -> Alarm {
    Alarm { kind, severity, pair: Some(PairId(pair)), venue: None, order: None }
}

fn btc() -> About {
    About { pair: Some("alpha:BTCUSDT".to_owned()), ..About::default() }
}

fn at(seconds: i64) -> WallTime {
    WallTime(seconds * 1_000)
}

/// Every alarm is of an event.
fn event(_: AlarmKind, _: Option<PairId>, _: &About) -> Still {
    Still::Event
}

fn fresh(heartbeat: Option<Span>) -> Alarms {
    Alarms::new(FOLD, heartbeat, Memory::default())
}

#[test]
fn repeats_are_told_once_and_summed_up() {
    let mut alarms = fresh(None);
    let stale = alarm(AlarmKind::Stale, Severity::Warning, 1);
    let first = alarms.raise(&stale, &btc(), at(0)).unwrap();
    assert_eq!((first.what, first.count, first.kind.as_deref()), (What::Raised, 1, Some("stale")));
    for second in 1..10 {
        assert_eq!(alarms.raise(&stale, &About::default(), at(second)), None);
    }
    assert!(
        alarms.raise(&alarm(AlarmKind::Stale, Severity::Warning, 2), &About::default(), at(3)).is_some(),
        "another pair"
    );
    assert!(
        alarms.raise(&alarm(AlarmKind::Depeg, Severity::Warning, 1), &About::default(), at(3)).is_some(),
        "another kind"
    );
    assert_eq!(alarms.tick(at(59), &event), []);
    let sum = alarms.tick(at(60), &event);
    assert_eq!(sum.len(), 1);
    assert_eq!((sum[0].what, sum[0].count, sum[0].since_ms), (What::Repeated, 9, at(1)));
    assert_eq!(alarms.tick(at(61), &event), [], "told once");
}

#[test]
fn what_is_of_one_venue_is_never_folded_into_another() {
    let mut alarms = fresh(None);
    let down = Alarm { kind: AlarmKind::VenueDown, severity: Severity::Page, pair: None, venue: None, order: None };
    let at_venue = |name: &str| About { venue: Some(name.to_owned()), ..About::default() };
    let told = |notice: Option<Notice>| notice.map(|notice| (notice.what, notice.venue.unwrap(), notice.count));
    let raised = |name: &str| Some((What::Raised, name.to_owned(), 1));
    assert_eq!(told(alarms.raise(&down, &at_venue("binance"), at(0))), raised("binance"));
    assert_eq!(told(alarms.raise(&down, &at_venue("aster"), at(1))), raised("aster"), "the other one is news");
    for second in 2..8 {
        assert_eq!(alarms.raise(&down, &at_venue("binance"), at(second)), None, "the same again");
    }
    assert_eq!(alarms.raise(&down, &at_venue("aster"), at(9)), None);
    assert_eq!(alarms.open(), 2);
    let mut sums: Vec<_> = alarms.tick(at(62), &event).into_iter().map(|notice| told(Some(notice)).unwrap()).collect();
    sums.sort_by(|one, other| one.1.cmp(&other.1));
    let sum = |name: &str, count| (What::Repeated, name.to_owned(), count);
    assert_eq!(sums, [sum("aster", 1), sum("binance", 6)], "each counts its own");
    // Each ends by itself.
    alarms.raise(&down, &at_venue("aster"), at(100));
    let over: Vec<_> =
        alarms.tick(at(182), &event).into_iter().map(|notice| (notice.what, notice.venue.unwrap())).collect();
    assert!(over.contains(&(What::Quiet, "binance".to_owned())), "{over:?}");
    assert_eq!(alarms.open(), 1);
}

#[test]
fn the_window_doubles_while_it_goes_on_and_begins_anew_after_its_end() {
    let mut alarms = fresh(None);
    let stale = alarm(AlarmKind::Stale, Severity::Warning, 1);
    let mut told = Vec::new();
    for second in 0..3_600 {
        if alarms.raise(&stale, &btc(), at(second)).is_some() {
            told.push(second);
        }
    }
    assert_eq!(told, [0, 60, 180, 420, 900, 1_860], "a minute, two, four, eight, sixteen");
    let ended = alarms.tick(at(3_719), &event);
    assert_eq!((ended.len(), ended[0].what, ended[0].count), (1, What::Quiet, 1_739), "{ended:?}");
    assert!(ended[0].text.starts_with("not raised any more, after 1739 times: "), "{}", ended[0].text);
    assert_eq!(alarms.raise(&stale, &btc(), at(3_720)).unwrap().what, What::Raised);
    assert!(alarms.raise(&stale, &btc(), at(3_780)).is_some());
}

#[test]
fn the_digest_comes_once_a_day_at_its_time_and_says_what_rang_and_what_is_open() {
    let mut alarms = fresh(None).with_digest(Some(Span::hours(8)));
    let hour = |hours: i64| at(hours * 3_600);
    let digests = |notices: Vec<Notice>| -> Vec<String> {
        notices.into_iter().filter(|one| one.what == What::Digest).map(|one| one.text).collect()
    };
    assert_eq!(digests(alarms.tick(hour(9), &event)), [""; 0], "not on the day of the start, after its time");
    assert_eq!(digests(alarms.tick(hour(31), &event)), [""; 0]);
    assert_eq!(digests(alarms.tick(hour(32), &event)), ["no alarm rang since 1970-01-01T09:00:00Z; none is open"]);
    let naked = alarm(AlarmKind::PairNaked, Severity::Page, 1);
    for minute in 0..4 {
        alarms.raise(
            &naked,
            &About { at_risk: Some("5 USDT unequal".to_owned()), ..btc() },
            hour(55) + Span(minute * 20_000),
        );
    }
    // What is remembered goes on after a restart.
    let memory = serde_json::from_str(&serde_json::to_string(alarms.memory()).unwrap()).unwrap();
    let mut again = Alarms::new(FOLD, None, memory).with_digest(Some(Span::hours(8)));
    let told = digests(again.tick(hour(56), &event));
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("4 alarms rang since 1970-01-02T08:00:00Z (pair_naked 4), told in "), "{told:?}");
    assert_eq!(digests(again.tick(hour(57), &event)), [""; 0], "once");
}

#[test]
fn a_worse_one_is_never_folded() {
    let mut alarms = fresh(None);
    assert!(alarms.raise(&alarm(AlarmKind::MarginLow, Severity::Warning, 1), &About::default(), at(0)).is_some());
    let worse = alarms.raise(&alarm(AlarmKind::MarginLow, Severity::Page, 1), &About::default(), at(1)).unwrap();
    assert_eq!((worse.what, worse.severity.as_str()), (What::Repeated, "page"));
    assert_eq!(alarms.raise(&alarm(AlarmKind::MarginLow, Severity::Page, 1), &About::default(), at(2)), None);
}

#[test]
fn open_alarms_outlive_a_restart_and_end_when_quiet() {
    let mut alarms = fresh(None);
    alarms.raise(&alarm(AlarmKind::OrderUnknown, Severity::Page, 1), &btc(), at(0));
    let stored = serde_json::to_string(alarms.memory()).unwrap();
    let mut again = Alarms::new(FOLD, None, serde_json::from_str(&stored).unwrap());
    let told = again.tick(at(30), &event);
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].what, told[0].pair.as_deref()), (What::StillOpen, Some("alpha:BTCUSDT")));
    assert_eq!(
        again.raise(&alarm(AlarmKind::OrderUnknown, Severity::Page, 1), &About::default(), at(40)),
        None,
        "still folded"
    );
    assert_eq!(again.tick(at(100), &event).len(), 1);
    let ended = again.tick(at(160), &event);
    assert_eq!((ended[0].what, ended[0].open, again.open()), (What::Quiet, 0, 0));
}

#[test]
fn a_heartbeat_comes_at_once_and_then_in_its_time() {
    let mut alarms = fresh(Some(Span::HOUR));
    let beats = |notices: Vec<Notice>| notices.iter().filter(|one| one.what == What::Heartbeat).count();
    assert_eq!(beats(alarms.tick(at(0), &event)), 1);
    assert_eq!(beats(alarms.tick(at(3_599), &event)), 0);
    assert_eq!(beats(alarms.tick(at(3_600), &event)), 1);
    assert_eq!(beats(alarms.tick(at(10), &event)), 1, "a clock set back does not silence it");
}

#[test]
fn a_clock_set_back_does_not_fold_for_ever() {
    let mut alarms = fresh(None);
    let stale = alarm(AlarmKind::Stale, Severity::Warning, 1);
    assert!(alarms.raise(&stale, &About::default(), at(10_000)).is_some());
    assert!(alarms.raise(&stale, &About::default(), at(10)).is_some());
}

#[test]
fn notes_of_two_pairs_that_have_no_number_are_told_both() {
    let mut alarms = fresh(None);
    let note = Alarm { pair: None, ..alarm(AlarmKind::PairAdmitted, Severity::Notice, 1) };
    let of = |name: &str| About { pair: Some(name.to_owned()), venue: Some("binance".to_owned()), ..About::default() };
    for name in ["binance:XUSDT", "binance:YUSDT"] {
        let told = alarms.raise(&note, &of(name), at(0)).unwrap();
        assert_eq!((told.what, told.pair.as_deref(), told.severity.as_str()), (What::Raised, Some(name), "notice"));
    }
    assert_eq!(alarms.raise(&note, &of("binance:XUSDT"), at(1)), None, "the same one again is folded");
}

fn worth(units: i64) -> About {
    About { sum: Some(crate::domain::Amount::whole(units)), at_risk: Some(format!("{units} USDT unequal")), ..btc() }
}

#[test]
fn a_page_of_a_state_is_told_again_until_the_state_ends_and_is_over_only_then() {
    let mut alarms = fresh(None);
    let naked = alarm(AlarmKind::PairNaked, Severity::Page, 1);
    assert!(alarms.raise(&naked, &worth(5), at(0)).is_some());
    let mut told = Vec::new();
    for second in 1..20_000 {
        for notice in alarms.tick(at(second), &|_, _, _| Still::So(worth(5))) {
            assert_eq!((notice.what, notice.since_ms, notice.open), (What::Repeated, at(0), 1));
            assert!(notice.text.starts_with("still so: "), "{}", notice.text);
            told.push(second);
        }
    }
    assert_eq!(told, [60, 180, 420, 900, 1_860, 3_780, 7_380, 10_980, 14_580, 18_180], "an hour at most");
    // A restart finds it, and does not end it in the same breath.
    let memory = serde_json::from_str(&serde_json::to_string(alarms.memory()).unwrap()).unwrap();
    let mut again = Alarms::new(FOLD, None, memory);
    let first = again.tick(at(40_000), &|_, _, _| Still::Over);
    assert_eq!(first.iter().map(|one| one.what).collect::<Vec<_>>(), [What::StillOpen]);
    assert_eq!(again.tick(at(40_001), &|_, _, _| Still::So(worth(5))), []);
    assert_eq!(again.tick(at(40_060), &|_, _, _| Still::Over), [], "it may come and go for a window");
    let over = again.tick(at(40_061), &|_, _, _| Still::Over);
    assert_eq!((over[0].what, again.open()), (What::Quiet, 0));
    assert!(over[0].text.starts_with("over, it is not so any more: "), "{}", over[0].text);
}

#[test]
fn an_event_of_before_a_restart_is_not_over_in_the_tick_that_tells_of_it() {
    let mut alarms = fresh(None);
    alarms.raise(&alarm(AlarmKind::Adl, Severity::Page, 1), &btc(), at(0));
    let mut again = Alarms::new(FOLD, None, alarms.memory().clone());
    assert_eq!(again.tick(at(9_000), &event).iter().map(|one| one.what).collect::<Vec<_>>(), [What::StillOpen]);
    assert_eq!(again.tick(at(9_119), &event), []);
    assert_eq!(again.tick(at(9_120), &event)[0].what, What::Quiet);
}

#[test]
fn a_much_larger_sum_at_risk_is_never_folded() {
    let mut alarms = fresh(None);
    let naked = alarm(AlarmKind::PairNaked, Severity::Page, 1);
    assert!(alarms.raise(&naked, &worth(1_000), at(0)).is_some());
    assert_eq!(alarms.raise(&naked, &worth(1_500), at(1)), None, "half more is the limit");
    let more = alarms.raise(&naked, &worth(1_501), at(2)).unwrap();
    assert!(more.text.contains("(1501 USDT unequal)"), "{}", more.text);
    // One that is not raised again grows by itself.
    assert_eq!(alarms.tick(at(3), &|_, _, _| Still::So(worth(2_000))), []);
    let grown = alarms.tick(at(4), &|_, _, _| Still::So(worth(20_000)));
    assert_eq!((grown.len(), grown[0].at_risk.as_deref()), (1, Some("20000 USDT unequal")));
    assert!(grown[0].text.starts_with("still so: ") && grown[0].text.contains("(20000 USDT"), "{}", grown[0].text);
    assert_eq!(alarms.tick(at(5), &|_, _, _| Still::So(worth(20_001))), []);
}

#[test]
fn repeats_of_a_page_are_never_folded_for_longer_than_an_hour() {
    for (level, most) in [(Severity::Page, 3_600), (Severity::Warning, 86_400)] {
        let mut alarms = fresh(None);
        let (mut last, mut longest) = (0, 0);
        for minute in 0..6 * 1_440 {
            if alarms.raise(&alarm(AlarmKind::Adl, level, 1), &btc(), at(minute * 60)).is_some() {
                (longest, last) = (longest.max(minute * 60 - last), minute * 60);
            }
        }
        assert_eq!(longest, most, "{level:?}");
    }
}
