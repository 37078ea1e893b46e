//! `carry status`: where a session stands, from its ledger of record. Tests: `tests/session_commands.rs`.

use super::control::Line;
use super::folder::{self, Folder, Where};
use super::{Exit, Failure, Output};
use crate::domain::{Amount, Asset, SignedQuantity, WallTime};
use crate::pairs::Latch;
use crate::report::figures;
use crate::run::clock;
use crate::run::control::{Reply, Request, Verb};
use crate::run::review::Review;
use crate::run::snapshot::Snapshot;
use serde::Serialize;
use std::time::Duration;

/// Where a session stands: clock, equity, pairs, orders whose outcome is not known
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry status                     the newest session under runs/
  carry status runs/mine
  carry status runs/mine --json
  carry status --watch             again each second, until the session ends

A session that is running is read as of its last commit; it is never disturbed. Coins are what the fills on disk add up
to, spot coins after the fee that was taken in the coin.")]
pub struct Args {
    #[command(flatten)]
    place: Where,
    /// JSON (schema carry.status/1)
    #[arg(long)]
    json: bool,
    /// Again each second, from the session itself while it runs; ends with it, or with Ctrl-C
    #[arg(long)]
    watch: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    schema: &'static str,
    dir: String,
    mode: String,
    market: String,
    seed: String,
    strategy: String,
    /// Whether the session is over.
    finished: bool,
    /// Simulated time of the last commit.
    clock: String,
    clock_ms: WallTime,
    bot: String,
    paused: bool,
    /// Starts so far.
    boots: u32,
    /// Number of the last event that is on disk.
    last_sequence: u64,
    currency: Asset,
    capital: Amount,
    equity: Amount,
    /// When the equity was valued.
    equity_at_ms: WallTime,
    pairs: Vec<Row>,
    /// Orders whose outcome is not settled.
    unsettled: Vec<Waiting>,
}

#[derive(Debug, Serialize)]
struct Row {
    pair: String,
    phase: &'static str,
    spot_coins: SignedQuantity,
    perp_coins: SignedQuantity,
    target: crate::domain::Quantity,
    entered_ms: Option<WallTime>,
    reason: Option<&'static str>,
    latched: Option<Latch>,
}

#[derive(Debug, Serialize)]
struct Waiting {
    intent: String,
    pair: String,
    leg: String,
    side: &'static str,
    quantity: crate::domain::Quantity,
    filled: crate::domain::Quantity,
    state: String,
    decided_ms: WallTime,
    reason: &'static str,
}

/// Runs the command.
///
/// # Errors
/// [`Failure`] when the folder is not a session or its ledger cannot be read.
pub fn run(args: &Args, output: &mut Output<'_>) -> Result<(), Failure> {
    if !args.watch {
        return once(&args.place, args.json, output).map(|_| ());
    }
    let dir = folder::dir(args.place.named())?;
    let place = Where::at(dir.clone());
    loop {
        let finished = if let Ok(mut line) = Line::to(&dir) {
            live(&line.ask(&Request::new(Verb::Status))?, args.json, output)?;
            false
        } else {
            once(&place, args.json, output)?
        };
        output.out.flush()?;
        if finished {
            return Ok(());
        }
        clock::wait(EVERY);
    }
}

/// Time between two looks of `--watch`.
const EVERY: Duration = Duration::from_secs(1);

/// From the files; true when the session is over.
fn once(place: &Where, json: bool, output: &mut Output<'_>) -> Result<bool, Failure> {
    let folder = Folder::open(place)?;
    let report = report(&folder, &folder.review_now()?.0);
    if json {
        folder::json(output.out, &report)?;
    } else {
        text(&report, output)?;
    }
    Ok(report.finished)
}

/// From the session itself.
fn live(reply: &Reply, json: bool, output: &mut Output<'_>) -> Result<(), Failure> {
    let value = reply.result.clone().unwrap_or_default();
    if json {
        return folder::json(output.out, &serde_json::json!({ "schema": "carry.status.live/1", "status": value }));
    }
    let damaged = |error: serde_json::Error| Failure::new(Exit::Failure, format!("the session's answer: {error}"));
    let now: Snapshot = serde_json::from_value(value).map_err(damaged)?;
    let paused = if now.paused { ", paused" } else { "" };
    let (clock, equity) = (figures::stamp(now.at_ms), figures::money(now.equity));
    writeln!(output.out, "{clock}   {}{paused}   equity {equity} {}", word(&now.bot), now.currency)?;
    let mut table = folder::table(&["pair", "phase", "spot coins", "perp coins", "target", "age", "reason"], 2..6);
    for row in &now.pairs {
        table.add_row([
            row.pair.clone(),
            row.phase.clone(),
            row.spot_coins.to_string(),
            row.perp_coins.to_string(),
            row.target.to_string(),
            row.age_ms.map_or_else(|| figures::NONE.to_owned(), |age| crate::domain::Span(age).to_string()),
            row.reason.clone().unwrap_or_else(|| figures::NONE.to_owned()),
        ]);
    }
    folder::print(output.out, &table)?;
    Ok(writeln!(output.out, "unsettled orders {}, in doubt {}\n", now.orders.len(), now.in_doubt)?)
}

fn report(folder: &Folder, review: &Review) -> Report {
    let (state, valued) = (&review.state, review.valued());
    let pairs = state.pairs.iter().map(|pair| {
        let (spot_coins, perp_coins) = state.held(pair);
        let memory = &pair.memory;
        Row {
            pair: pair.pair.name.clone(),
            phase: memory.phase.as_str(),
            spot_coins,
            perp_coins,
            target: memory.target,
            entered_ms: memory.entered_at,
            reason: memory.reason.map(crate::port::order::Reason::as_str),
            latched: memory.latched,
        }
    });
    Report {
        schema: "carry.status/1",
        dir: folder.path.display().to_string(),
        mode: review.identity.mode.clone(),
        market: review.identity.market.clone(),
        seed: review.identity.seed.clone(),
        strategy: review.identity.strategy.clone(),
        finished: review.finished(),
        clock: figures::stamp(review.clock),
        clock_ms: review.clock,
        bot: word(&state.bot),
        paused: state.paused,
        boots: review.boots,
        last_sequence: state.sequence.0,
        currency: state.settings.run.currency,
        capital: review.capital(),
        equity: valued.equity,
        equity_at_ms: valued.at,
        pairs: pairs.collect(),
        unsettled: waiting(review),
    }
}

fn waiting(review: &Review) -> Vec<Waiting> {
    let live = review.state.orders.live().iter();
    live.map(|order| Waiting {
        intent: order.intent.id.to_string(),
        pair: review.state.pair(order.intent.pair).map_or_else(String::new, |pair| pair.pair.name.clone()),
        leg: order.intent.leg.to_string(),
        side: order.intent.side.as_str(),
        quantity: order.intent.quantity,
        filled: order.filled,
        state: word(&order.state),
        decided_ms: order.intent.decided_at,
        reason: order.intent.reason.as_str(),
    })
    .collect()
}

/// The word of a plain enum as it stands in JSON.
fn word(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).ok();
    value.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn text(report: &Report, output: &mut Output<'_>) -> Result<(), Failure> {
    let out = &mut *output.out;
    let seed = if report.seed.is_empty() { String::new() } else { format!("   seed {}", report.seed) };
    writeln!(out, "carry {}   market {}{seed}   {}", report.mode, report.market, report.dir)?;
    let end = if report.finished { "over" } else { "not over" };
    let paused = if report.paused { ", paused" } else { "" };
    writeln!(out, "clock      {}   {end}", report.clock)?;
    writeln!(out, "bot        {}{paused}   boots {}   last event {}", report.bot, report.boots, report.last_sequence)?;
    let (equity, capital) = (figures::money(report.equity), figures::money(report.capital));
    let at = figures::stamp(report.equity_at_ms);
    writeln!(out, "equity     {equity} {} at {at}, from {capital}\n", report.currency)?;
    let head = ["pair", "phase", "spot coins", "perp coins", "target", "entered", "reason"];
    let mut table = folder::table(&head, 2..5);
    for row in &report.pairs {
        let mut reason = row.reason.unwrap_or(figures::NONE).to_owned();
        if let Some(latch) = row.latched {
            reason = format!("{reason} (latched: {})", latch.cause.as_str());
        }
        table.add_row([
            row.pair.clone(),
            row.phase.to_owned(),
            row.spot_coins.to_string(),
            row.perp_coins.to_string(),
            row.target.to_string(),
            folder::when(row.entered_ms),
            reason,
        ]);
    }
    folder::print(out, &table)?;
    if report.unsettled.is_empty() {
        return Ok(writeln!(out, "\nNo order is unsettled.")?);
    }
    writeln!(out, "\nUnsettled orders:")?;
    let mut table =
        folder::table(&["intent", "pair", "leg", "side", "quantity", "filled", "state", "decided", "reason"], 4..6);
    for order in &report.unsettled {
        table.add_row([
            order.intent.clone(),
            order.pair.clone(),
            order.leg.clone(),
            order.side.to_owned(),
            order.quantity.to_string(),
            order.filled.to_string(),
            order.state.clone(),
            figures::stamp(order.decided_ms),
            order.reason.to_owned(),
        ]);
    }
    folder::print(out, &table)
}
