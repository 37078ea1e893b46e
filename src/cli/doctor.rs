//! `carry doctor`: what is missing before money may be traded, each line with what was found and its fix.
//!
//! It only asks: it signs no change, and of the state folder it touches nothing but a file of its own that it removes. A
//! check that fails never hides the others. What is judged stands in `checks/checkup.rs`, `checks/preflight.rs` and
//! `doctor_local.rs`. Tests: `tests/commands/doctor.rs`.

use super::real::{self, Place, What};
use super::{Exit, Failure, Output, doctor_local, folder, signers};
use crate::checks::asked::Asked;
use crate::checks::capital::{self, Money};
use crate::checks::checkup::{self, Subject};
use crate::checks::inquiry::{Inquiry, Patience};
use crate::checks::preflight::{Line, Verdict};
use crate::config::{Loaded, Sources, load};
use crate::domain::{Symbol, VenueId};
use crate::keys::KeyEntry;
use crate::net::Clock;
use crate::net::carrier::Carrier;
use crate::net::hosts::Holder;
use crate::net::tls::TestRoot;
use crate::net::wire::{INBOX, Network, Signer, Wire};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Most time for the first answers of a venue, and for everything else: together under 15 s.
const REACH: Duration = Duration::from_secs(5);
const QUESTIONS: Duration = Duration::from_secs(8);

/// What is missing before it may trade: venue, key, account, filters, clock, disk
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry doctor --key main --strategy strategies/anchor.toml --state state/main
  carry doctor --key main --key short --set 'strategy.pairs=[\"binance:BTCUSDT/aster:BTCUSDT\"]'
  carry doctor --set 'strategy.pairs=[\"binance:BTCUSDT\"]'         without a key: reach, clock, filters
  carry doctor --key test --base-url http://127.0.0.1:8080 --clock venue --json

Exit code 0 when nothing refuses, 4 when something does, 5 when a venue cannot be reached.")]
pub struct Args {
    /// Name of the key, as in carry keys list; of several venues each its own
    #[arg(long, value_name = "NAME")]
    key: Vec<String>,
    /// The file of keys; ~/.config/carry/keys.json when absent
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// Folder of the run
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Every host of the venue at one address of this machine: a simulated venue, test keys only; of several venues VENUE=URL each
    #[arg(long, value_name = "[VENUE=]URL")]
    base_url: Vec<String>,
    /// machine, or venue: the clock of a simulated venue
    #[arg(long, default_value = "machine", value_parser = ["machine", "venue"])]
    clock: String,
    #[command(flatten)]
    what: What,
    /// JSON (schema carry.doctor/1)
    #[arg(long)]
    json: bool,
}

/// The lines about one place.
struct Section {
    place: String,
    reached: bool,
    lines: Vec<Line>,
    /// What it holds, where that was asked for.
    money: Option<Money>,
}

impl Section {
    fn of(place: &str, lines: Vec<Line>) -> Self {
        Self { place: place.to_owned(), reached: true, lines, money: None }
    }
}

#[derive(Serialize)]
struct Row<'a> {
    /// `here`, or a venue.
    place: &'a str,
    #[serde(flatten)]
    line: &'a Line,
}

#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    /// The worst of all lines.
    verdict: Verdict,
    unreachable: Vec<&'a str>,
    lines: Vec<Row<'a>>,
}

/// Runs the command.
///
/// # Errors
/// Exit code 2 for a configuration that is wrong, 4 when a line refuses, 5 when a venue cannot be reached.
pub fn run(args: &Args, output: &mut Output<'_>) -> Result<(), Failure> {
    let loaded = load(&Sources::of_strategies(&args.what.strategy, args.what.config.clone(), args.what.set.clone()))?;
    let mut lines = Vec::new();
    let named = if args.key.is_empty() { signers::of_settings(&loaded.settings) } else { args.key.clone() };
    let entries = doctor_local::keys((&named, args.keys.as_ref()), &mut lines);
    if let Some(state) = &args.state {
        let real_money = entries.iter().any(|entry| !entry.is_test() && !entry.is_play());
        doctor_local::state(state, &loaded, real_money, &mut lines);
    }
    let mut sections = vec![Section::of("here", lines)];
    let runtime = real::runtime()?;
    sections.extend(runtime.block_on(venues(args, &loaded, &entries)));
    runtime.shutdown_background();
    show(args.json, &sections, output)
}

fn show(json: bool, sections: &[Section], output: &mut Output<'_>) -> Result<(), Failure> {
    let rows = || sections.iter().flat_map(|of| of.lines.iter().map(|line| Row { place: &of.place, line }));
    let unreachable: Vec<&str> = sections.iter().filter(|of| !of.reached).map(|of| of.place.as_str()).collect();
    let verdict = rows().map(|row| row.line.verdict).max().unwrap_or(Verdict::Good);
    if json {
        let report =
            Report { schema: "carry.doctor/1", verdict, unreachable: unreachable.clone(), lines: rows().collect() };
        folder::json(output.out, &report)?;
    } else {
        for row in rows() {
            let word = match row.line.verdict {
                Verdict::Good => "good",
                Verdict::Warn => "warn",
                Verdict::Refuse => "REFUSE",
            };
            writeln!(output.out, "{word:<7} {:<8} {:<26} {}", row.place, row.line.check, row.line.found)?;
            if !row.line.fix.is_empty() {
                writeln!(output.out, "{:<17}fix: {}", "", row.line.fix)?;
            }
        }
    }
    if !unreachable.is_empty() {
        return Err(Failure::new(Exit::Unreachable, format!("{} cannot be reached", unreachable.join(", "))));
    }
    let refused = rows().filter(|row| row.line.verdict == Verdict::Refuse).count();
    if refused > 0 {
        return Err(Failure::new(Exit::Refused, format!("{refused} checks refuse; it must not trade like this")));
    }
    Ok(())
}

/// Every venue at once.
async fn venues(args: &Args, loaded: &Loaded, entries: &[KeyEntry]) -> Vec<Section> {
    let mut sections = Vec::new();
    let wanted = match real::by_venue(&loaded.settings.strategy.pairs) {
        Ok(wanted) => wanted,
        Err(failure) => {
            let line = Line::new("strategy.pairs", Verdict::Warn, "no pairs to look at", &failure.message);
            sections.push(Section::of("here", vec![line]));
            entries.iter().map(|entry| (entry.venue.to_owned(), Asked::default())).collect()
        }
    };
    let place = Place { base_url: args.base_url.clone(), clock: args.clock.clone(), length: None };
    let clock = match timeout(REACH, real::clock_of(&place)).await {
        Ok(Ok(clock)) => clock,
        late_or_wrong => {
            let why = match late_or_wrong {
                Ok(Err(failure)) => failure.message,
                _ => "no answer in time".to_owned(),
            };
            let fix = "is the simulated venue running at this address? start it: carry venue --profile binance";
            let line = Line::new("reach: clock", Verdict::Refuse, format!("cannot be reached: {why}"), fix);
            let name = wanted.keys().next().cloned().unwrap_or_else(|| "venue".to_owned());
            sections.push(Section { reached: false, ..Section::of(&name, vec![line]) });
            return sections;
        }
    };
    let all = wanted.iter().enumerate().map(|(number, (name, asked))| {
        let venue = VenueId(u8::try_from(number).unwrap_or(u8::MAX));
        one((venue, name, asked), (loaded, key_of(entries, name)), (&place, clock))
    });
    let found = futures_util::future::join_all(all).await;
    if !entries.is_empty() && !found.is_empty() && !loaded.settings.strategy.pairs.is_empty() {
        let money: Vec<Option<Money>> = found.iter().map(|section| section.money).collect();
        sections.push(Section::of("here", vec![capital::line(&loaded.settings, &money)]));
    }
    sections.extend(found);
    sections
}

/// The key that signs for a venue: the one that is named, or of several the one of that venue.
fn key_of<'a>(entries: &'a [KeyEntry], venue: &str) -> Option<&'a KeyEntry> {
    match entries {
        [one] => Some(one),
        several => several.iter().find(|entry| entry.is_of(venue)),
    }
}

/// The certificate of a simulated venue; a line says why there is none that can be used.
fn certificate(place: &Place, lines: &mut Vec<Line>) -> Result<Option<TestRoot>, ()> {
    real::test_root(place.bases()).map_err(|failure| {
        let fix = "name the file that carry venue --tls-cert wrote";
        lines.push(Line::new("certificate", Verdict::Refuse, failure.message, fix));
    })
}

/// One venue, from its reach to its pairs.
async fn one(of: (VenueId, &str, &Asked), with: (&Loaded, Option<&KeyEntry>), at: (&Place, Clock)) -> Section {
    let ((venue, name, asked), (loaded, entry), (place, clock)) = (of, with, at);
    let mut section = Section::of(name, Vec::new());
    let lines = &mut section.lines;
    let profile = match real::profile(name, place) {
        Ok(profile) => Arc::new(profile),
        Err(failure) => {
            let fix =
                "take its pairs out of strategy.pairs; history and paper trading know them, live trading does not";
            lines.push(Line::new("venue", Verdict::Refuse, failure.message, fix));
            return section;
        }
    };
    let (signer, holder) = match entry.map(|entry| super::live::signer(entry, name, &profile)) {
        Some(Ok((signer, holder))) => (real::read_only(signer), holder),
        Some(Err(failure)) => {
            let fix = "name the key of this venue and environment; carry keys list shows them";
            lines.push(Line::new("key", Verdict::Refuse, failure.message, fix));
            (Signer::None, Holder::NoKeys)
        }
        None => (Signer::None, Holder::NoKeys),
    };
    let Ok(root) = certificate(place, lines) else { return section };
    let network =
        Network { owner: real::owner(&profile), holder, test_root: root.as_ref(), clock, carrier: Carrier::Sockets };
    match timeout(REACH, checkup::reach(&profile, &network, lines)).await {
        Ok(true) => {}
        Ok(false) => section.reached = false,
        Err(_) => {
            section.reached = false;
            let found = format!("cannot be reached: no answers within {} s", REACH.as_secs());
            lines.push(Line::new("reach", Verdict::Refuse, found, "is the network up? see the venue's status page"));
        }
    }
    if !section.reached {
        return section;
    }
    let (sender, _inbox) = mpsc::channel(INBOX);
    let wire = match Wire::new((venue, profile), signer, &network, sender) {
        Ok(wire) => wire,
        Err(error) => {
            let fix = "is --base-url an address of this machine?";
            lines.push(Line::new("venue", Verdict::Refuse, error.to_string(), fix));
            return section;
        }
    };
    let symbols = symbols_of(&asked.pairs, lines);
    let settings = loaded.settings.at_venue(name);
    let subject = Subject { settings: &settings, symbols: &symbols, asked, now: (clock.wall)() };
    let all: Vec<Symbol> = symbols.iter().chain(&asked.spots).chain(&asked.perps).copied().collect();
    let inquiry = Inquiry { wire: &wire, name, patience: Patience::none() };
    let money = &mut section.money;
    let questions = async {
        // Signatures need the venue's time; when it cannot be had now, the lines below say what follows.
        let _ = inquiry.clock().await;
        if wire.signs() {
            checkup::account(&inquiry, &subject, lines).await;
            *money = capital::money(&inquiry, &all).await.ok();
        }
        checkup::pairs(&inquiry, &subject, lines).await;
        checkup::lone_legs(&inquiry, &subject, lines).await;
    };
    if timeout(QUESTIONS, questions).await.is_err() {
        let found = format!("not everything was answered within {} s", QUESTIONS.as_secs());
        lines.push(Line::new("questions", Verdict::Refuse, found, "try again; the venue or the network is slow"));
    }
    section
}

fn symbols_of(names: &[String], lines: &mut Vec<Line>) -> Vec<Symbol> {
    let mut symbols = Vec::new();
    for name in names {
        match Symbol::new(name) {
            Ok(symbol) => symbols.push(symbol),
            Err(error) => {
                let fix = "correct it in strategy.pairs";
                lines.push(Line::new(
                    "strategy.pairs",
                    Verdict::Refuse,
                    format!("{}: {error}", name.escape_debug()),
                    fix,
                ));
            }
        }
    }
    symbols
}
