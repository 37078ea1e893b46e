//! `carry export --lots`: lots, settlements and totals tie to the ledger, whatever happened, to the last unit.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may stop the test")]

use crate::session;

use carry::config::Settings;
use carry::domain::fees::Role;
use carry::domain::{Amount, Asset, FillId, Leg, Pair, Price, Quantity, Rate, Sequence, Side, Span, VenueId, WallTime};
use carry::ledger::Account;
use carry::port::event::{Adjustment, Adoption, MarkSource, Operator, VenueAct, Wallet};
use carry::port::order::Fill;
use carry::port::{Event, Stamped};
use carry::run::lots::Declared;
use carry::sim::Generator;
use carry::sim::START;
use carry::store::Loaded;
use carry::store::ledger_file::StoredFact;
use proptest::prelude::*;
use serde_json::Value;
use session::{Running, balances, ended, rows, text};
use std::collections::BTreeMap;
use std::path::Path;

fn amount(text: &str) -> Amount {
    Amount::parse(text).unwrap()
}

/// One table, a map from column to cell a row.
fn table(dir: &str) -> Vec<BTreeMap<String, String>> {
    let (code, out, problems) = ended(&["export", dir, "--lots"]);
    assert_eq!((code, problems.as_str()), (0, ""));
    let mut reader = csv::Reader::from_reader(out.as_bytes());
    let head = reader.headers().unwrap().clone();
    let cells = |row: csv::StringRecord| head.iter().map(str::to_owned).zip(row.iter().map(str::to_owned)).collect();
    reader.records().map(|row| cells(row.unwrap())).collect()
}

fn sum<'a>(rows: impl IntoIterator<Item = &'a BTreeMap<String, String>>, column: &str) -> Amount {
    rows.into_iter().filter(|row| !row[column].is_empty()).map(|row| amount(&row[column])).sum()
}

/// What all wallets hold of a coin less what they began with, from the postings alone.
fn change(folder: &Path, asset: &str) -> Amount {
    let all = balances(folder);
    let of = |ours: bool| {
        let known = all.iter().filter(move |((account, known), _)| {
            known.as_str() == asset && if ours { account.is_ours() } else { *account == Account::Opening }
        });
        known.map(|(_, amount)| *amount).sum::<Amount>()
    };
    of(true) + of(false)
}

/// The rows of a session: they are judged by the sums of the postings, which know nothing of lots.
fn judged(folder: &Path) -> Vec<BTreeMap<String, String>> {
    let rows = table(text(folder));
    let kind = |kind: &'static str| rows.iter().filter(move |row| row["kind"] == kind);
    for row in kind("lot") {
        assert_eq!(amount(&row["gain"]), amount(&row["proceeds"]) - amount(&row["cost"]), "{row:?}");
        assert!(row["opened_ms"] <= row["closed_ms"] && row["closed"].ends_with('Z'), "{row:?}");
    }
    for quote in ["USDT", "USDC"] {
        let of = |name: &'static str| kind(name).filter(|row| row["currency"] == quote).collect::<Vec<_>>();
        let closed = sum(of("lot"), "gain");
        let fees = sum(of("lot"), "fees") + sum(of("open"), "fees");
        let held = of("open").into_iter().filter(|row| row["leg"] == "spot").collect::<Vec<_>>();
        let realised = closed - fees + sum(of("funding"), "amount") + sum(of("other"), "amount");
        let total = |note: &str| {
            let found = of("total").into_iter().find(|row| row["note"].starts_with(note));
            found.map(|row| amount(&row["amount"])).unwrap_or_default()
        };
        assert_eq!(total("realised = "), realised, "{quote}");
        assert_eq!(total("change of the ledger"), change(folder, quote), "{quote}");
        assert_eq!(total("difference"), Amount::ZERO);
        let average = total("realised by average cost");
        assert_eq!(change(folder, quote), realised - sum(held, "cost") + average, "{quote}");
    }
    rows
}

#[test]
fn u17_lots_and_settlements_of_a_session_tie_to_its_ledger() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("one");
    let dir = text(&folder);
    assert_eq!(ended(&["paper", "--state", dir, "--days", "8", "--seed", "9", "--json"]).0, 0);
    let rows = judged(&folder);
    let count = |kind: &str| rows.iter().filter(|row| row["kind"] == kind).count();
    assert!(count("lot") > 3 && count("open") > 1 && count("funding") > 50, "{}", rows.len());
    for leg in ["spot", "perp"] {
        let side = if leg == "spot" { "buy" } else { "sell" };
        let lots: Vec<_> = rows.iter().filter(|row| row["leg"] == leg && row["kind"] == "lot").collect();
        assert!(lots.iter().any(|row| row["opened_by"] == side), "{leg}");
        assert!(lots.iter().all(|row| !row["opened"].is_empty() && !row["closed"].is_empty()));
    }
    // Settlements are those of funding.csv, each with the time at which it was booked beside the venue's stamp.
    let known = std::fs::read_to_string(folder.join("funding.csv")).unwrap();
    let told: Vec<_> = rows.iter().filter(|row| row["kind"] == "funding").collect();
    assert_eq!(told.len(), known.lines().count() - 1);
    assert!(told.iter().all(|row| row["opened_ms"] <= row["closed_ms"] && row["note"].starts_with("rate ")));

    // The same as JSON, and to a file with its totals said.
    let (code, out, _) = ended(&["export", dir, "--lots", "--json"]);
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &report["schema"], &report["mode"]), (0, &"carry.export.lots/1".into(), &"paper".into()));
    for (name, kind) in [("lots", "lot"), ("open", "open"), ("settlements", "funding"), ("other", "other")] {
        assert_eq!(report[name].as_array().unwrap().len(), count(kind), "{name}");
    }
    let gains: Amount = rows.iter().filter(|row| row["kind"] == "lot").map(|row| amount(&row["gain"])).sum();
    let totals = report["totals"].as_array().unwrap();
    assert_eq!(totals.iter().map(|one| amount(one["gains"].as_str().unwrap())).sum::<Amount>(), gains);
    let file = temporary.path().join("lots.csv");
    let (code, out, _) = ended(&["export", dir, "--lots", "--out", text(&file)]);
    assert_eq!(code, 0);
    assert!(out.contains("realised = gains - fees + funding + other"), "{out}");
    assert!(std::fs::read_to_string(file).unwrap().starts_with("kind,pair,venue,symbol,leg,opened_by,asset,quantity,"));
    assert_eq!(ended(&["export", dir, "--lots", "--what", "fills"]).0, 2);
    assert_eq!(ended(&["export", dir]).0, 2, "one of the two is needed");
}

#[test]
fn u17_lots_of_a_session_that_was_killed_tie_too() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("one");
    let running = Running::start(&["paper", "--state", text(&folder), "--days", "forever", "--seed", "4"]);
    running.until(|| rows(&folder, "fill") >= 6);
    running.kill();
    assert!(judged(&folder).iter().any(|row| row["kind"] == "open"));
}

/// A ledger of one pair, fact by fact.
struct Facts {
    pair: Pair,
    loaded: Loaded,
}

impl Facts {
    fn new() -> Self {
        let pair = Generator::new(1, START).catalogue().pairs()[0].clone();
        let mut facts = Self { pair, loaded: Loaded::default() };
        facts.feed(Event::Boot { epoch: 1, salt: 7 });
        let coins = (Wallet::Spot, facts.pair.coin, "1000");
        for (wallet, asset, much) in [
            (Wallet::Spot, facts.pair.quote(Leg::Short), "50000"),
            (Wallet::Perp, facts.pair.quote(Leg::Short), "50000"),
            coins,
        ] {
            facts.feed(Event::Opening { venue: VenueId(0), wallet, asset, amount: amount(much) });
        }
        facts
    }

    /// A second for each fact.
    fn now(&self) -> WallTime {
        START + Span(i64::try_from(self.loaded.facts.len()).unwrap() * 1000)
    }

    fn feed(&mut self, event: Event) {
        let number = self.loaded.facts.len() as u64 + 1;
        let at = START + Span(number.cast_signed() * 1000);
        let price = |text| Price::parse(text).unwrap();
        let mids = Some((price("100"), price("101")));
        self.loaded.facts.push(StoredFact { stamped: Stamped { sequence: Sequence(number), at, event }, mids });
    }

    fn fill(&mut self, (spot, buy): (bool, bool), units: i64, price: i64, fee: (Amount, Asset)) {
        let instrument = if spot { self.pair.long } else { self.pair.short };
        let fill = Fill {
            id: FillId(self.loaded.facts.len() as u64),
            quantity: Quantity::from_units(units).unwrap(),
            price: Price::from_units(price).unwrap(),
            fee: fee.0,
            fee_asset: fee.1,
            role: Role::Taker,
            at: self.now(),
        };
        let side = if buy { Side::Buy } else { Side::Sell };
        self.feed(Event::VenueFill { instrument, act: VenueAct::Foreign, side, fill });
    }

    fn adjusted(&mut self, asset: Asset, much: Amount, cause: Adjustment) {
        self.feed(Event::Adjusted { venue: VenueId(0), wallet: Wallet::Perp, asset, amount: much, cause });
    }

    fn declared(&self) -> Declared {
        Declared::of((Settings::default(), Generator::new(1, START).catalogue().clone()), &self.loaded)
    }
}

#[test]
fn u17_a_fee_in_coins_an_adoption_and_a_sale_by_the_venue_are_lots() {
    let mut facts = Facts::new();
    let (pair, price) = (facts.pair.clone(), |text| Price::parse(text).unwrap());
    let coins = |text| Quantity::parse(text).unwrap();
    let mids = (price("100"), price("100"));
    let adoption = Adoption { pair: pair.id, coins: coins("1"), short: coins("1"), entry: price("110"), mids };
    facts.feed(Event::Operator(Operator::Adopt(adoption)));
    // Bought 2 at 100 for a fee of 0.002 coins, then sold 2 at 120 for 0.24 of the quote coin.
    facts.fill((true, true), 200_000_000, 10_000_000_000, (amount("0.002"), pair.coin));
    facts.fill((true, false), 200_000_000, 12_000_000_000, (amount("0.24"), pair.quote(Leg::Short)));
    let told = facts.declared();
    let row = |row: &carry::run::lots::LotRow| {
        let money = |known: Option<Amount>| known.unwrap_or_default();
        format!("{} {} {} {} {}", row.quantity, money(row.cost), money(row.proceeds), row.fees, row.leg)
    };
    assert_eq!(told.lots.iter().map(row).collect::<Vec<_>>(), ["1 100 120 0.12 spot", "1 100 120 0.2201001 spot"]);
    assert_eq!(told.open.iter().map(row).collect::<Vec<_>>(), ["0.998 99.8 0 0.0998999 spot", "1 0 110 0 perp"]);
    let total = told.totals.iter().find(|one| one.currency == pair.quote(Leg::Short)).unwrap();
    assert_eq!((total.gains, total.fees, total.adopted), (amount("40"), amount("0.44"), amount("100")));
    assert_eq!(total.difference, Amount::ZERO, "{total:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn u17_gains_less_fees_and_funding_are_what_the_ledger_realised(
        steps in prop::collection::vec((0_u8..12, 1_i64..10_000_000_000, 1_i64..100_000_000_000, 0_i64..1_000_000_000), 1..60),
        adopted in any::<bool>(),
    ) {
        let mut facts = Facts::new();
        let pair = facts.pair.clone();
        if adopted {
            let (coins, mid) = (Quantity::from_units(123_456_789).unwrap(), Price::from_units(10_000_000_001).unwrap());
            let adoption = Adoption { pair: pair.id, coins, short: coins, entry: mid, mids: (mid, mid) };
            facts.feed(Event::Operator(Operator::Adopt(adoption)));
        }
        for (what, units, price, small) in steps {
            let fee = Amount::from_units(i128::from(small) * 100_000_000);
            let spot = what % 2 == 0;
            match what {
                0..=5 => {
                    // In the quote coin, in the coin of the pair, in a third one.
                    let asset = [pair.quote(Leg::Short), if spot { pair.coin } else { pair.quote(Leg::Short) }, Asset::of("BNB")][usize::from(what / 2)];
                    let in_coins = asset == pair.coin;
                    let fee = if in_coins { Amount::from_units(fee.units().min(i128::from(units / 2) * 100_000_000)) } else { fee };
                    facts.fill((spot, small % 2 == 0), units, price, (fee, asset));
                }
                6 | 7 => facts.feed(Event::FundingPaid {
                    instrument: pair.short,
                    stamp: facts.now(),
                    position: Quantity::from_units(units).unwrap().signed(Side::Sell),
                    mark: Price::from_units(price).unwrap(),
                    mark_source: MarkSource::Mark,
                    rate: Rate::from_units(small),
                    amount: if spot { fee } else { -fee },
                }),
                _ => {
                    let causes = [Adjustment::External, Adjustment::Rebate, Adjustment::Interest, Adjustment::Insurance];
                    facts.adjusted(pair.quote(Leg::Short), if small % 2 == 0 { fee } else { -fee }, causes[usize::from(what) - 8]);
                }
            }
        }
        let told = facts.declared();
        for total in &told.totals {
            prop_assert_eq!(total.difference, Amount::ZERO);
            let moved: Amount = told.other.iter().filter(|row| row.what == "external" && row.asset == total.currency).map(|row| row.amount).sum();
            prop_assert_eq!(moved, total.moved);
            prop_assert_eq!(total.realised, total.gains - total.fees + total.funding + total.other);
        }
        prop_assert!(told.lots.iter().all(|row| row.opened_ms <= row.closed_ms.unwrap_or(WallTime(i64::MAX))));
    }
}
