//! The engine against a tight loop over integers on a made-up pair with every kind of hole: the same fills at the same
//! times and prices, the same payments, and the same money to the last unit.

use super::files::{carry, carry_with, csv_rows, repo, text};
use super::series::{HOUR, HOURS, START, STRETCHES, Series, make, write};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// 1e-8 of a cent-priced coin: every amount below is a whole number of these.
const CENT: i64 = 1_000_000;
const CAPITAL: i64 = 1_000_000 * 100 * CENT;

/// What the loop did.
#[derive(Debug, Default, PartialEq, Eq)]
struct Books {
    /// Time, whether it entered, spot and perp price in cents.
    trades: Vec<(i64, bool, i64, i64)>,
    /// Stamp, price in cents, amount.
    paid: Vec<(i64, i64, i64)>,
    /// Exits because the history ended.
    data_ends: Vec<i64>,
    cash: i64,
    fees: i64,
    held: bool,
}

/// What is known at an instant.
#[derive(Debug, Default)]
struct Known {
    spot: Option<(i64, i64)>,
    perp: Option<(i64, i64)>,
    /// Millionths per 8 h.
    rate: Option<i64>,
    ends: Option<i64>,
    last_chance: bool,
}

impl Known {
    /// Perp over spot less one, in the sign and size of the rule, exactly.
    fn basis_at_most(&self, bps: i64) -> bool {
        let (Some((spot, _)), Some((perp, _))) = (self.spot, self.perp) else { return false };
        (perp - spot) * 10_000 <= bps * spot
    }

    fn enters(&self, now: i64) -> bool {
        let fresh = |leg: Option<(i64, i64)>| leg.is_some_and(|(_, at)| now - at <= HOUR);
        let left = self.ends.is_some_and(|ends| ends - now > 24 * HOUR);
        let pays = self.rate.is_some_and(|rate| rate > 100) && !self.basis_at_most(0);
        pays && left && !self.last_chance && fresh(self.spot) && fresh(self.perp)
    }

    fn leaves(&self) -> bool {
        self.last_chance || self.rate.is_some_and(|rate| rate < 50) || self.basis_at_most(-2)
    }
}

/// One instant: bar close, settlement on the position held before it, decision, fill at the next open.
fn play(series: &Series, until: i64) -> Books {
    let mut books = Books { cash: CAPITAL, ..Books::default() };
    let mut known = Known::default();
    let mut instants: Vec<i64> = (0..HOURS).map(|hour| START + (hour + 1) * HOUR).collect();
    instants.extend(series.funding.iter().map(|row| row.stamp - row.stamp % 60_000));
    instants.sort_unstable();
    instants.dedup();
    let mut stretch = 0;
    let mut wants = None;
    for now in instants.into_iter().filter(|now| *now <= until) {
        let hour = (now - START) / HOUR;
        let on_hour = (now - START) % HOUR == 0;
        let bar = |rows: &[Option<[i64; 4]>], hour: i64| {
            usize::try_from(hour)
                .ok()
                .filter(|_| on_hour && START + (hour + 1) * HOUR <= until)
                .and_then(|place| rows.get(place).copied().flatten())
        };
        let (spot, perp) = (bar(&series.spot, hour - 1), bar(&series.perp, hour - 1));
        let mut asks = spot.is_some() && perp.is_some();
        if (spot.is_some() || perp.is_some()) && STRETCHES.get(stretch).is_some_and(|(first, _)| hour > *first) {
            known = Known { ends: Some(START + STRETCHES[stretch].1 * HOUR), ..Known::default() };
            stretch += 1;
        }
        if let Some(bar) = spot {
            known.spot = Some((bar[3], now));
        }
        if let Some(bar) = perp {
            known.perp = Some((bar[3], now));
        }
        if (spot.is_some() || perp.is_some()) && known.ends.is_some_and(|ends| now >= ends) {
            known.last_chance = true;
            asks = true;
        }
        for row in series.funding.iter().filter(|row| row.stamp - row.stamp % 60_000 == now && row.stamp <= until) {
            if books.held {
                let mark = row.mark.or_else(|| {
                    let place = usize::try_from((row.stamp - START) / HOUR).unwrap();
                    series.mark.get(place).copied().flatten().map(|bar| bar[0])
                });
                let mark = mark.or(known.perp.map(|(close, _)| close)).unwrap();
                books.paid.push((row.stamp, mark, mark * row.rate));
                books.cash += mark * row.rate;
            }
            known.rate = Some(row.rate * 8 / row.interval);
            asks = true;
        }
        // Nobody is asked while an order waits.
        if asks && wants.is_none() {
            wants = if books.held { known.leaves().then_some(false) } else { known.enters(now).then_some(true) };
        }
        let Some(enter) = wants else { continue };
        if let (Some(spot), Some(perp)) = (bar(&series.spot, hour), bar(&series.perp, hour)) {
            trade(&mut books, now, enter, (spot[0], perp[0]));
            if !enter && known.last_chance {
                books.data_ends.push(now);
            }
            wants = None;
        } else if enter && !known.enters(now) {
            // It expired. An exit is tried again until it trades; an entry is only while it is still wanted.
            wants = None;
        }
    }
    if books.held {
        let last = (0..HOURS).rev().find(|hour| {
            let place = usize::try_from(*hour).unwrap();
            START + (hour + 1) * HOUR <= until && series.spot[place].is_some() && series.perp[place].is_some()
        });
        let place = usize::try_from(last.unwrap()).unwrap();
        books.cash += (series.spot[place].unwrap()[3] - series.perp[place].unwrap()[3]) * CENT;
    }
    books
}

/// One coin bought or sold at these opens: 10 bps of spot and 5 bps of perp, paid in the quote coin. The short's cash flow
/// stays in the books until it is closed or valued.
fn trade(books: &mut Books, now: i64, enter: bool, (spot, perp): (i64, i64)) {
    let fee = spot * CENT / 1_000 + perp * CENT / 2_000;
    let flow = (perp - spot) * CENT;
    books.cash += if enter { flow } else { -flow } - fee;
    books.fees += fee;
    books.held = enter;
    books.trades.push((now, enter, spot, perp));
}

fn units(text: &str) -> i64 {
    let amount = carry::domain::Amount::parse(text).unwrap();
    i64::try_from(amount.units() / 100_000_000).unwrap()
}

fn cents(text: &str) -> i64 {
    units(text) / CENT
}

/// The engine's run of the same pair, read back from its files.
fn engine(out: &Path) -> Books {
    let summary: Value = serde_json::from_str(&std::fs::read_to_string(out.join("summary.json")).unwrap()).unwrap();
    let mut legs: BTreeMap<i64, BTreeMap<String, Vec<String>>> = BTreeMap::new();
    for row in csv_rows(&out.join("fills.csv")).into_iter().skip(1) {
        let before = legs.entry(row[0].parse().unwrap()).or_default().insert(row[4].clone(), row);
        assert_eq!(before, None, "two fills of one leg at one open");
    }
    let mut books = Books { cash: units(summary["final_equity"].as_str().unwrap()), ..Books::default() };
    for (at, legs) in legs {
        let (spot, perp) = (&legs["spot"], &legs["perp"]);
        assert_eq!((spot[6].as_str(), perp[6].as_str()), ("1", "1"));
        books.held = spot[5] == "buy";
        books.trades.push((at, books.held, cents(&spot[7]), cents(&perp[7])));
        if spot[13] == "data_end" {
            books.data_ends.push(at);
        }
    }
    for row in csv_rows(&out.join("funding.csv")).into_iter().skip(1) {
        books.paid.push((row[0].parse().unwrap(), cents(&row[5]), units(&row[8])));
    }
    books.fees = -units(summary["pnl"]["fees"].as_str().unwrap());
    assert_eq!(units(summary["pnl"]["unexplained"].as_str().unwrap()), 0);
    assert_eq!(units(summary["pnl"]["funding"].as_str().unwrap()), books.paid.iter().map(|row| row.2).sum::<i64>());
    books
}

const RULE: [&str; 8] = [
    "--set",
    "sim.fill=next_open",
    "--set",
    "sim.data_end=flatten",
    "--set",
    "gates.delist_lead=1d",
    "--set",
    "entry.cooldown=0s",
];

fn run(root: &Path, out: &Path, options: &[&str]) {
    let (data, strategy) = (root.display().to_string(), repo("benches/crosscheck.toml"));
    let out = out.display().to_string();
    let mut arguments = vec!["backtest", "--data", &data, "--strategy", &strategy, "--out", &out, "--json"];
    arguments.extend(RULE);
    arguments.extend(options);
    let run = carry(&arguments);
    assert!(run.status.success(), "{}", text(&run.stderr));
}

fn compare(loop_books: &Books, engine: &Books, what: &str) {
    assert_eq!(engine.trades, loop_books.trades, "{what}: trades");
    assert_eq!(engine.paid, loop_books.paid, "{what}: payments");
    assert_eq!(engine.data_ends, loop_books.data_ends, "{what}: exits at the end of data");
    assert_eq!(
        (engine.cash, engine.fees, engine.held),
        (loop_books.cash, loop_books.fees, loop_books.held),
        "{what}: money"
    );
}

#[test]
fn the_engine_makes_the_money_of_a_tight_loop_through_every_hole() {
    let (mut trips, mut ends, mut paid) = (0, 0, 0);
    for seed in 1..=8 {
        let folder = tempfile::tempdir().unwrap();
        let (series, out) = (make(seed), folder.path().join("out"));
        write(&series, folder.path(), "GENUSDT");
        run(folder.path(), &out, &[]);
        let expected = play(&series, i64::MAX);
        compare(&expected, &engine(&out), &format!("seed {seed}"));
        assert!(!expected.held, "a pair was left open at the end of its history");
        trips += expected.trades.len() / 2;
        ends += expected.data_ends.len();
        paid += expected.paid.len();
    }
    println!("{trips} round trips, {ends} of them ended by the data, {paid} payments");
    assert!(trips > 40 && ends >= 3 && paid > 300, "{trips} {ends} {paid}: the made-up pairs test too little");
}

#[test]
fn a_run_that_stops_by_choice_leaves_pairs_open_at_the_last_bar_of_both_legs() {
    let (folder, series) = (tempfile::tempdir().unwrap(), make(3));
    write(&series, folder.path(), "GENUSDT");
    let mut open = 0;
    for hours in [150, 302, 401, 503, 650, 699, 800, 1_000, 1_500, 1_798, 2_000, 2_398] {
        let (out, until) = (folder.path().join(format!("out{hours}")), START + hours * HOUR);
        run(folder.path(), &out, &["--to", &carry::domain::WallTime(until).to_string()]);
        let expected = play(&series, until);
        compare(&expected, &engine(&out), &format!("to hour {hours}"));
        open += usize::from(expected.held);
    }
    assert!(open >= 3, "{open} of 12 windows end with an open pair");
}

#[test]
fn g22_twenty_runs_have_one_digest_on_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    for (seed, symbol) in [(1, "GENUSDT"), (2, "ALTUSDT"), (3, "TOKUSDT"), (4, "COINUSDT")] {
        write(&make(seed), folder.path(), symbol);
    }
    let (data, strategy) = (folder.path().display().to_string(), repo("strategies/anchor.toml"));
    let digest = |threads: &str| {
        let arguments = [
            "backtest",
            "--data",
            &data,
            "--strategy",
            &strategy,
            "--json",
            "--set",
            "signal.smooth=1d",
            "--set",
            "exit.min_hold=1d",
        ];
        let run = carry_with(&arguments, &[("RAYON_NUM_THREADS", threads)]);
        assert!(run.status.success(), "{}", text(&run.stderr));
        let mut summary: Value = serde_json::from_slice(&run.stdout).unwrap();
        summary["run_s"].take();
        summary
    };
    let first = digest("1");
    assert!(first["orders"].as_u64().unwrap() > 20, "{}", first["orders"]);
    for number in 1..20 {
        assert_eq!(digest(if number % 2 == 0 { "1" } else { "2" }), first, "run {number}");
    }
}
