//! What a session shows, as text for Prometheus and for the textfile collector of `node_exporter`.
//!
//! The table names every metric with its kind, unit and meaning; nothing else in the program names one. Values come from the
//! snapshot that `carry status --json` shows. What is not known is absent, never zero. Each sample carries the name of its
//! session, so that several stand in one text. Tests: at the end, `tests/commands/metrics.rs`.

use super::latency::Latency;
use super::link::{Link, VenueRow};
use super::snapshot::{PairRow, Snapshot};
use super::stops::Stop;
use crate::domain::{Amount, Asset, WallTime};
use crate::observe::words::word;
use crate::port::command::AlarmKind;
use crate::port::health::Part;
use prometheus::TextEncoder;
use prometheus::proto::{self, MetricFamily, MetricType};
use std::collections::BTreeMap;

/// Content type of the text.
pub const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

/// What kind a metric is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only rises, from the start of the process on.
    Counter,
    /// Counts by class, with sum and count.
    Histogram,
}

/// One metric.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Its name, with the unit where there is one.
    pub name: &'static str,
    /// What kind it is of.
    pub kind: Kind,
    /// Unit of the value; `asset`: units of the asset in the label.
    pub unit: &'static str,
    /// What it says.
    pub help: &'static str,
}

macro_rules! metrics {
    ($($id:ident $kind:ident $name:literal $unit:literal $help:literal;)*) => {
        /// A metric of the table.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        enum Id { $($id,)* }

        /// Every metric, in the order in which they are written.
        pub const TABLE: &[Metric] =
            &[$(Metric { name: $name, kind: Kind::$kind, unit: $unit, help: $help },)*];

        impl Id {
            const fn metric(self) -> Metric {
                match self {
                    $(Self::$id => Metric { name: $name, kind: Kind::$kind, unit: $unit, help: $help },)*
                }
            }
        }
    };
}

metrics! {
    Up Gauge "carry_up" "1" "1 while the session answers, 0 while it does not";
    Exists Gauge "carry_process_exists" "1" "1 while a process has the session, whether it answers or not, 0 while none has; absent once it is over";
    BuildInfo Gauge "carry_build_info" "1" "Always 1; the labels say which program this is";
    SnapshotTime Gauge "carry_snapshot_time_seconds" "s" "When the session answered, by the clock of its machine, since 1970";
    Clock Gauge "carry_clock_seconds" "s" "The clock of the session since 1970; of a simulated market its own";
    Uptime Gauge "carry_uptime_seconds" "s" "Time since the process began, by the clock of the session";
    EventAge Gauge "carry_last_event_age_seconds" "s" "Time since the last event that the core has taken";
    Events Counter "carry_events_total" "1" "Number of the last event of the session, over all its starts";
    State Gauge "carry_state" "1" "1 for the derived state of the session, 0 for the others";
    Paused Gauge "carry_paused" "1" "1 while a person has paused entries";
    Stopped Gauge "carry_stop_reason" "1" "1 for each reason why less is done than could be";
    Equity Gauge "carry_equity" "asset" "Equity at the prices of the snapshot";
    Net Gauge "carry_net_profit" "asset" "Profit since the start: the change in equity without money that somebody moved";
    Profit Gauge "carry_profit" "asset" "Profit lines since the start; they sum to the change in equity";
    Unexplained Gauge "carry_unexplained" "asset" "The change in equity that no line explains; anything but 0 is a fault";
    Unvalued Gauge "carry_fees_unvalued" "asset" "Fees in coins without a known price; they are in no other figure";
    Delta Gauge "carry_delta_coins" "coins" "Spot coins plus signed perp coins of all pairs of a coin";
    Distance Gauge "carry_liquidation_distance_ratio" "ratio" "Rise of the marks at which the shorts of a wallet are liquidated";
    Unsettled Gauge "carry_orders_unsettled" "1" "Orders whose outcome is not settled";
    InDoubt Gauge "carry_orders_in_doubt" "1" "Of these, how many may or may not be at the venue";
    Alarms Counter "carry_alarms_total" "1" "Alarms raised since the start of the process";
    Reconciled Gauge "carry_reconciled_age_seconds" "s" "Time since ledger and venue were compared";
    PairPhase Gauge "carry_pair_phase" "1" "1 for the phase of a pair, 0 for the others";
    PairCoins Gauge "carry_pair_coins" "coins" "Coins of each leg, plus is long";
    PairTarget Gauge "carry_pair_target_coins" "coins" "Hedged coins wanted";
    PairUnequal Gauge "carry_pair_unequal" "asset" "Value of what is unequal between the legs";
    PairNaked Gauge "carry_pair_naked_seconds" "s" "Time since the legs became unequal by more than a lot; 0 while they are equal";
    PairLongest Gauge "carry_pair_longest_naked_seconds" "s" "Longest time unequal so far";
    PairNet Gauge "carry_pair_net_profit" "asset" "Profit of the pair so far";
    PairFunding Gauge "carry_pair_funding_received" "asset" "Funding of the pair so far, minus is paid";
    PairBasis Gauge "carry_pair_basis_ratio" "ratio" "Price of the short leg over that of the long leg, less one";
    PairRate Gauge "carry_pair_funding_rate_ratio" "ratio" "Rate of the next settlement as estimated, of its own interval";
    PairInterval Gauge "carry_pair_funding_interval_seconds" "s" "Interval of that rate";
    PairApr Gauge "carry_pair_funding_apr_ratio" "ratio" "The same rate per year, not compounded";
    PairNext Gauge "carry_pair_next_settlement_seconds" "s" "Time until the next settlement";
    PairAge Gauge "carry_pair_price_age_seconds" "s" "Time since the price of each leg";
    PairHeld Gauge "carry_pair_held_seconds" "s" "Time since the first fill of what is held";
    PairLatched Gauge "carry_pair_latched" "1" "1 while a pair takes no entries until a person looks";
    PairMayEnter Gauge "carry_pair_may_enter" "1" "1 while nothing stops an entry but the gates of the pair";
    VenueUp Gauge "carry_venue_up" "1" "1 while something that lowers risk can be sent to the venue";
    VenuePart Gauge "carry_venue_part_up" "1" "1 for each part of the way to the venue that works: hosts, streams, lists, clock";
    VenueReconciled Gauge "carry_venue_reconciled_age_seconds" "s" "Time since the lists of the venue and the ledger were compared";
    VenueAgrees Gauge "carry_venue_agrees" "1" "1 while the lists of the venue and the ledger agree, as compared last";
    ClockOffset Gauge "carry_venue_clock_offset_seconds" "s" "Clock of the venue less ours";
    ClockError Gauge "carry_venue_clock_error_seconds" "s" "How far that may be off, either way";
    Used Gauge "carry_venue_requests_used" "1" "Spent of a limit of the venue in its running window";
    Limit Gauge "carry_venue_requests_limit" "1" "What the venue allows in a window";
    Answers Histogram "carry_venue_answer_seconds" "s" "From signing a request to its answer in the loop";
    Turns Histogram "carry_turn_seconds" "s" "How long the turns of the loop took";
}

const STATES: [&str; 4] = ["starting", "ready", "reduce_only", "halted"];
const PHASES: [&str; 6] = ["flat", "entering", "hedged", "exiting", "repair", "naked"];
const PARTS: [Part; 8] = [
    Part::Host,
    Part::Clock,
    Part::SpotMarket,
    Part::PerpMarket,
    Part::SpotAccount,
    Part::PerpAccount,
    Part::Lists,
    Part::Times,
];

/// What is known of a session by whoever asked it.
#[derive(Debug, Clone, Copy)]
pub enum Told<'a> {
    /// It answered.
    Now(&'a Snapshot),
    /// A process has it and does not answer: its loop is stuck, or it was stopped.
    Silent,
    /// No process has it, and it is not over.
    Gone,
    /// It came to its end.
    Over,
}

/// Sessions as one text, each by its name; of one that does not answer there is nothing to say but that.
///
/// # Errors
/// When a name is none that the format allows; the table's are.
pub fn text<'a>(sessions: impl IntoIterator<Item = (&'a str, Told<'a>)>) -> Result<String, prometheus::Error> {
    let mut page = Page::default();
    for (name, told) in sessions {
        name.clone_into(&mut page.session);
        page.put(Id::Up, &[], flag(matches!(told, Told::Now(_))));
        if !matches!(told, Told::Over) {
            page.put(Id::Exists, &[], flag(!matches!(told, Told::Gone)));
        }
        let Told::Now(snapshot) = told else { continue };
        page.whole(snapshot);
        page.money(snapshot);
        page.work(snapshot);
        for pair in &snapshot.pairs {
            page.pair(pair, snapshot.at_ms);
        }
        for venue in &snapshot.venues {
            page.venue(venue, snapshot.at_ms);
        }
    }
    page.write()
}

/// Samples by metric.
#[derive(Default)]
struct Page {
    session: String,
    samples: BTreeMap<Id, Vec<proto::Metric>>,
}

type Labels<'a> = &'a [(&'a str, &'a str)];

impl Page {
    fn put(&mut self, id: Id, labels: Labels<'_>, value: f64) {
        let mut metric = self.labelled(labels);
        match id.metric().kind {
            Kind::Gauge | Kind::Histogram => {
                let mut gauge = proto::Gauge::default();
                gauge.set_value(value);
                metric.set_gauge(gauge);
            }
            Kind::Counter => {
                let mut counter = proto::Counter::default();
                counter.set_value(value);
                metric.set_counter(counter);
            }
        }
        self.samples.entry(id).or_default().push(metric);
    }

    fn known(&mut self, id: Id, labels: Labels<'_>, value: Option<f64>) {
        if let Some(value) = value {
            self.put(id, labels, value);
        }
    }

    /// 1 for the one that is so, 0 for the others.
    fn one_of(&mut self, id: Id, labels: Labels<'_>, (name, all, is): (&str, &[&str], &str)) {
        for word in all {
            let mut labels = labels.to_vec();
            labels.push((name, word));
            self.put(id, &labels, flag(*word == is));
        }
    }

    fn latency(&mut self, id: Id, labels: Labels<'_>, latency: &Latency) {
        let buckets = latency.cumulative().map(|(bound, count)| {
            let mut bucket = proto::Bucket::default();
            bucket.set_upper_bound(micros(bound));
            bucket.set_cumulative_count(count);
            bucket
        });
        let mut histogram = proto::Histogram::default();
        histogram.set_bucket(buckets.collect());
        histogram.set_sample_count(latency.count);
        histogram.set_sample_sum(micros(latency.sum_us));
        let mut metric = self.labelled(labels);
        metric.set_histogram(histogram);
        self.samples.entry(id).or_default().push(metric);
    }

    fn labelled(&self, labels: Labels<'_>) -> proto::Metric {
        let session = [("session", self.session.as_str())];
        let label = |(name, value): (&str, &str)| {
            let mut label = proto::LabelPair::default();
            label.set_name(name.to_owned());
            label.set_value(value.to_owned());
            label
        };
        let mut metric = proto::Metric::default();
        metric.set_label(session.into_iter().chain(labels.iter().copied()).map(label).collect());
        metric
    }

    fn whole(&mut self, now: &Snapshot) {
        let mut build = vec![("version", env!("CARGO_PKG_VERSION"))];
        build.extend(option_env!("CARRY_COMMIT").map(|commit| ("commit", commit)));
        self.put(Id::BuildInfo, &build, 1.0);
        self.known(Id::SnapshotTime, &[], now.made_ms.map(stamp));
        self.put(Id::Clock, &[], stamp(now.at_ms));
        self.known(Id::Uptime, &[], now.booted_ms.map(|at| age(at, now.at_ms)));
        // Before the first event there is none.
        let last = Some(now.last_event_ms).filter(|at| at.0 > i64::MIN);
        self.known(Id::EventAge, &[], last.map(|at| age(at, now.at_ms)));
        self.put(Id::Events, &[], count(now.last_sequence));
        self.one_of(Id::State, &[], ("state", &STATES, &now.state));
        self.put(Id::Paused, &[], flag(now.paused));
        let reason = |stop: &Stop| {
            let about = [("venue", stop.venue.clone()), ("pair", stop.pair.clone())];
            (stop.why.clone(), about.map(|(name, value)| (name, value.unwrap_or_default())))
        };
        // A reason may stand twice, once for each leg: one sample of it.
        let reasons: std::collections::BTreeSet<_> = now.stops.iter().map(reason).collect();
        for (why, [(_, venue), (_, pair)]) in &reasons {
            self.put(Id::Stopped, &[("why", why), ("venue", venue), ("pair", pair)], 1.0);
        }
        if let Some(turns) = &now.turns {
            self.latency(Id::Turns, &[], turns);
        }
    }

    fn money(&mut self, now: &Snapshot) {
        let asset = now.currency.to_string();
        let of = [("asset", asset.as_str())];
        self.put(Id::Equity, &of, now.equity.to_f64());
        self.put(Id::Net, &of, now.net.to_f64());
        for (line, amount) in now.lines.named() {
            if line != "unexplained" {
                self.put(Id::Profit, &[("asset", &asset), ("line", line)], amount.to_f64());
            }
        }
        self.put(Id::Unexplained, &of, now.lines.unexplained.to_f64());
        for (asset, amount) in &now.unvalued {
            self.put(Id::Unvalued, &[("asset", &asset.to_string())], amount.to_f64());
        }
        for (coin, delta) in &now.deltas {
            self.put(Id::Delta, &[("coin", &coin.to_string())], delta.to_f64());
        }
        for (venue, asset, distance) in &now.distances {
            let asset = asset.to_string();
            self.known(Id::Distance, &[("venue", venue), ("asset", &asset)], distance.map(crate::domain::Rate::to_f64));
        }
    }

    fn work(&mut self, now: &Snapshot) {
        self.put(Id::Unsettled, &[], count(u64::try_from(now.orders.len()).unwrap_or(u64::MAX)));
        self.put(Id::InDoubt, &[], count(now.in_doubt));
        // From the start on: a counter that first appears with its first alarm shows no increase.
        for kind in AlarmKind::ALL.map(word) {
            self.put(Id::Alarms, &[("kind", &kind)], count(now.alarms.get(&kind).copied().unwrap_or(0)));
        }
        self.known(Id::Reconciled, &[], now.reconciled_ms.map(|at| age(at, now.at_ms)));
    }

    fn pair(&mut self, row: &PairRow, now: WallTime) {
        let pair = ("pair", row.pair.as_str());
        let of = [pair];
        self.one_of(Id::PairPhase, &of, ("phase", &PHASES, &row.phase));
        self.put(Id::PairCoins, &[pair, ("leg", "long")], row.spot_coins.to_f64());
        self.put(Id::PairCoins, &[pair, ("leg", "short")], row.perp_coins.to_f64());
        self.put(Id::PairTarget, &of, row.target.to_f64());
        if let Some(asset) = row.quote.map(|quote: Asset| quote.to_string()) {
            let of = [pair, ("asset", asset.as_str())];
            self.known(Id::PairUnequal, &of, row.unequal.map(Amount::to_f64));
            self.put(Id::PairNet, &of, row.net.to_f64());
            self.put(Id::PairFunding, &of, row.funding.to_f64());
        }
        self.put(Id::PairNaked, &of, row.unequal_since_ms.map_or(0.0, |since| age(since, now)));
        self.put(Id::PairLongest, &of, seconds(row.longest_unequal_ms));
        self.known(Id::PairBasis, &of, row.basis.map(crate::domain::Rate::to_f64));
        if let Some(expected) = row.expected {
            self.put(Id::PairRate, &of, expected.rate.to_f64());
            self.put(Id::PairInterval, &of, seconds(expected.interval.span().0));
            self.put(Id::PairApr, &of, expected.annualised().to_f64());
        }
        self.known(Id::PairNext, &of, row.next_settlement_ms.map(|at| age(now, at)));
        let (long, short) = row.ages_ms;
        self.known(Id::PairAge, &[pair, ("leg", "long")], long.map(seconds));
        self.known(Id::PairAge, &[pair, ("leg", "short")], short.map(seconds));
        self.known(Id::PairHeld, &of, row.entered_ms.map(|at| age(at, now)));
        self.put(Id::PairLatched, &of, flag(row.latched.is_some()));
        self.put(Id::PairMayEnter, &of, flag(row.may_enter));
    }

    fn venue(&mut self, row: &VenueRow, now: WallTime) {
        let venue = ("venue", row.venue.as_str());
        self.put(Id::VenueUp, &[venue], flag(row.reachable));
        for part in PARTS.map(Part::as_str) {
            let works = !row.missing.iter().any(|missing| missing == part);
            self.put(Id::VenuePart, &[venue, ("part", part)], flag(works));
        }
        self.known(Id::VenueReconciled, &[venue], row.reconciled_ms.map(|at| age(at, now)));
        self.known(Id::VenueAgrees, &[venue], row.agrees.map(flag));
        let Some(Link { clock_ms, spent, answers }) = &row.link else { return };
        self.known(Id::ClockOffset, &[venue], clock_ms.map(|(offset, _)| seconds(offset)));
        self.known(Id::ClockError, &[venue], clock_ms.map(|(_, error)| seconds(error)));
        for row in spent {
            let window = format!("{}s", row.window_ms / 1_000);
            let of = [venue, ("host", row.host.as_str()), ("what", row.what.as_str()), ("window", window.as_str())];
            self.put(Id::Used, &of, f64::from(row.used));
            self.put(Id::Limit, &of, f64::from(row.limit));
        }
        self.latency(Id::Answers, &[venue], answers);
    }

    fn write(self) -> Result<String, prometheus::Error> {
        let family = |(id, samples): (Id, Vec<proto::Metric>)| {
            let metric = id.metric();
            let mut family = MetricFamily::default();
            family.set_name(metric.name.to_owned());
            family.set_help(format!("{}. Unit: {}.", metric.help, metric.unit));
            family.set_field_type(match metric.kind {
                Kind::Gauge => MetricType::GAUGE,
                Kind::Counter => MetricType::COUNTER,
                Kind::Histogram => MetricType::HISTOGRAM,
            });
            family.set_metric(samples);
            family
        };
        let families: Vec<MetricFamily> = self.samples.into_iter().map(family).collect();
        TextEncoder::new().encode_to_string(&families)
    }
}

const fn flag(is: bool) -> f64 {
    if is { 1.0 } else { 0.0 }
}

fn age(from: WallTime, to: WallTime) -> f64 {
    seconds(to.0.saturating_sub(from.0))
}

fn stamp(at: WallTime) -> f64 {
    seconds(at.0)
}

#[expect(clippy::cast_precision_loss, clippy::float_arithmetic, reason = "Prometheus keeps every value as a float")]
const fn seconds(ms: i64) -> f64 {
    ms as f64 / 1e3
}

#[expect(clippy::cast_precision_loss, clippy::float_arithmetic, reason = "Prometheus keeps every value as a float")]
const fn micros(us: u64) -> f64 {
    us as f64 / 1e6
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus keeps every value as a float")]
const fn count(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::engine::State;
    use crate::sim::{Generator, START};

    fn fresh() -> Snapshot {
        Snapshot::of(&State::new(Settings::default(), Generator::new(1, START).catalogue().clone()), START)
    }

    #[test]
    fn names_are_unique_and_carry_their_unit() {
        for (place, metric) in TABLE.iter().enumerate() {
            assert!(TABLE.iter().skip(place + 1).all(|other| other.name != metric.name), "{}", metric.name);
            let ends = |end: &str| metric.name.ends_with(end);
            match (metric.kind, metric.unit) {
                (Kind::Counter, _) => assert!(ends("_total"), "{}", metric.name),
                (_, "s") => assert!(ends("_seconds"), "{}", metric.name),
                (_, "ratio") => assert!(ends("_ratio"), "{}", metric.name),
                (_, "coins") => assert!(ends("_coins"), "{}", metric.name),
                (_, unit) => assert!(matches!(unit, "1" | "asset"), "{}: {unit}", metric.name),
            }
        }
    }

    #[test]
    fn what_is_not_known_is_absent_and_what_is_zero_is_there() {
        let text = text([("main", Told::Now(&fresh())), ("gone", Told::Gone)]).unwrap();
        for absent in
            ["carry_pair_basis_ratio", "carry_reconciled_age_seconds", "carry_last_event_age", "carry_pair_price_age"]
        {
            assert!(!text.contains(absent), "{absent}");
        }
        assert!(text.contains("carry_state{session=\"main\",state=\"starting\"} 1\n"), "{text}");
        assert!(text.contains("carry_unexplained{session=\"main\",asset=\"USDT\"} 0\n"), "{text}");
        assert!(!text.contains("NaN"));
        assert_eq!(text.matches("session=\"gone\"").count(), 2);
        assert!(text.contains("carry_up{session=\"gone\"} 0\n"), "{text}");
    }

    #[test]
    fn a_process_that_does_not_answer_is_told_apart_from_none_and_from_an_end() {
        let main = fresh();
        for (told, said) in [
            (Told::Now(&main), "carry_up{session=\"s\"} 1 carry_process_exists{session=\"s\"} 1"),
            (Told::Silent, "carry_up{session=\"s\"} 0 carry_process_exists{session=\"s\"} 1"),
            (Told::Gone, "carry_up{session=\"s\"} 0 carry_process_exists{session=\"s\"} 0"),
            (Told::Over, "carry_up{session=\"s\"} 0"),
        ] {
            let text = text([("s", told)]).unwrap();
            let of = |line: &&str| line.starts_with("carry_up") || line.starts_with("carry_process_exists");
            assert_eq!(text.lines().filter(of).collect::<Vec<_>>().join(" "), said);
        }
    }

    #[test]
    fn an_alarm_that_rings_once_is_an_increase() {
        let mut now = fresh();
        now.alarms.insert("pair_naked".to_owned(), 1);
        let text = text([("s", Told::Now(&now))]).unwrap();
        assert!(text.contains("carry_alarms_total{session=\"s\",kind=\"pair_naked\"} 1\n"), "{text}");
        assert!(text.contains("carry_alarms_total{session=\"s\",kind=\"adl\"} 0\n"), "{text}");
        assert_eq!(text.matches("carry_alarms_total{").count(), AlarmKind::ALL.len());
    }

    #[test]
    fn two_sessions_stand_in_one_text_with_one_head_each() {
        let snapshot = fresh();
        let text = text([("a", Told::Now(&snapshot)), ("b \"x\"", Told::Now(&snapshot))]).unwrap();
        assert_eq!(text.matches("# TYPE carry_equity gauge").count(), 1);
        assert!(text.contains("carry_equity{session=\"b \\\"x\\\"\",asset=\"USDT\"}"), "{text}");
    }
}
