//! `carry status`: where a session stands: from the session itself while it runs, else from its ledger of record.
//!
//! Tests: `tests/commands/session_commands.rs`, `tests/commands/live_views.rs`.

use super::control;
use super::folder::{self, Folder, Where};
use super::{Failure, Output, screen};
use crate::control::presence::Presence;
use crate::control::snapshot::{PairRow, Snapshot};
use crate::control::stops::Stop;
use crate::domain::{Amount, Asset, WallTime};
use crate::net::machine_clock;
use crate::report::{figures, lines::OUTSIDE};
use crate::run::review::Review;
use crate::run::unattended::unattended;
use serde::Serialize;
use std::io::IsTerminal as _;
use std::path::Path;
use std::time::Duration;

/// Where a session stands: may it trade and why not, hedged, safe, paid, sane, next
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry status                     the newest session under runs/
  carry status --state state/main
  carry status runs/mine --json
  carry status --watch             one screen, drawn again each second, until the session ends

A session that runs is asked itself and never disturbed; without a process, or where it does not answer in five seconds, its
ledger is read, and what it says is as of its last commit. Coins are what the fills on disk add up to, spot coins after the fee that was taken in the coin.")]
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
    /// The derived state: `starting`, `ready`, `reduce_only`, `halted`, `no_process`, `no_answer`, `over`.
    state: String,
    /// Every reason why less is done than could be, with what clears it.
    stops: Vec<Stop>,
    /// The session's clock at the instant of all of this.
    clock: String,
    clock_ms: WallTime,
    /// The derived state too.
    bot: String,
    paused: bool,
    /// Starts so far.
    boots: u32,
    /// Number of the last event that is on disk.
    last_sequence: u64,
    currency: Asset,
    capital: Amount,
    equity: Amount,
    /// Profit: the change in equity without money that somebody moved in or out.
    net: Amount,
    /// Fees that were taken in coins whose price is not known: they are in neither.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unvalued: Vec<(Asset, Amount)>,
    /// When the equity was valued.
    equity_at_ms: WallTime,
    /// When ledger and venue were compared last.
    reconciled_ms: Option<WallTime>,
    pairs: Vec<PairRow>,
    /// Profit that belongs to no pair: balances of other quote coins, coins for fees, interest. The pairs and it sum to `net`.
    outside: Amount,
    /// Pairs that the universe admits and that the session does not have; a restart takes them.
    admitted: Vec<String>,
    /// Orders whose outcome is not settled.
    unsettled: Vec<Waiting>,
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

/// Time between two looks of `--watch`.
const EVERY: Duration = Duration::from_secs(1);

/// Runs the command.
///
/// # Errors
/// [`Failure`] when the folder is not a session or its ledger cannot be read.
pub fn run(args: &Args, output: &mut Output<'_>) -> Result<(), Failure> {
    if !args.watch {
        return once(&args.place, args.json, output).map(|_| ());
    }
    let dir = folder::dir(args.place.named())?;
    let redraw = !args.json && std::io::stdout().is_terminal();
    loop {
        let mut screen: Vec<u8> = Vec::new();
        let finished = look(&dir, args.json, &mut Output { out: &mut screen })?;
        if redraw {
            // The cursor goes home and what stood there is wiped: one screen, not a scroll.
            write!(output.out, "\u{1b}[H\u{1b}[2J")?;
        }
        output.out.write_all(&screen)?;
        output.out.flush()?;
        if finished {
            return Ok(());
        }
        machine_clock::wait(EVERY);
    }
}

/// One look of `--watch`; true when the session is over.
fn look(dir: &Path, json: bool, output: &mut Output<'_>) -> Result<bool, Failure> {
    let Presence::Now(now) = control::told(dir) else {
        // Silent, gone, or of another version than this program: its files can be read all the same.
        return once(&Where::at(dir.to_owned()), json, output);
    };
    if json {
        folder::json(output.out, &serde_json::json!({ "schema": "carry.status.live/1", "status": now }))?;
        return Ok(false);
    }
    draw(&format!("carry   {}", dir.display()), &now, output).map(|()| false)
}

/// From the session and its files; true when the session is over.
fn once(place: &Where, json: bool, output: &mut Output<'_>) -> Result<bool, Failure> {
    let folder = Folder::open(place)?;
    let (review, told) = folder.review_now()?;
    let now = told.unwrap_or_else(|| unattended(&folder.path, &review));
    if json {
        folder::json(output.out, &report(&folder, &review, now))?;
    } else {
        text((&folder, &review), &now, output)?;
    }
    Ok(review.finished())
}

fn report(folder: &Folder, review: &Review, now: Snapshot) -> Report {
    let (valued, outside) = (review.valued(), outside(&now));
    Report {
        schema: "carry.status/1",
        dir: folder.path.display().to_string(),
        mode: review.identity.mode.clone(),
        market: review.identity.market.clone(),
        seed: review.identity.seed.clone(),
        strategy: review.identity.strategy.clone(),
        finished: review.finished(),
        bot: now.state.clone(),
        state: now.state,
        stops: now.stops,
        clock: figures::stamp(review.clock),
        clock_ms: review.clock,
        paused: now.paused,
        boots: review.boots,
        last_sequence: review.state.sequence.0,
        currency: review.state.settings.run.currency,
        capital: review.capital(),
        equity: valued.equity,
        net: valued.lines.total() - valued.lines.transfers,
        unvalued: now.unvalued,
        equity_at_ms: valued.at,
        reconciled_ms: now.reconciled_ms,
        outside,
        pairs: now.pairs,
        admitted: now.admitted,
        unsettled: waiting(review),
    }
}

fn waiting(review: &Review) -> Vec<Waiting> {
    let live = review.state.orders.live().iter();
    live.map(|order| Waiting {
        intent: order.intent.id.to_string(),
        pair: review.state.pair(order.intent.pair).map_or_else(String::new, |pair| pair.pair.name.clone()),
        leg: review.state.catalogue.market_word(order.intent.instrument).to_owned(),
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

fn text((folder, review): (&Folder, &Review), now: &Snapshot, output: &mut Output<'_>) -> Result<(), Failure> {
    let of = &review.identity;
    let seed = if of.seed.is_empty() { String::new() } else { format!("   seed {}", of.seed) };
    let boots = format!("boots {}", review.boots);
    draw(&format!("carry {}   market {}{seed}   {boots}   {}", of.mode, of.market, folder.path.display()), now, output)
}

/// Profit that belongs to no pair: with it the pairs sum to the whole.
fn outside(now: &Snapshot) -> Amount {
    now.net - now.pairs.iter().map(|row| row.net).sum::<Amount>()
}

/// One screen.
fn draw(title: &str, now: &Snapshot, output: &mut Output<'_>) -> Result<(), Failure> {
    let width = folder::columns().unwrap_or(100);
    for line in screen::lines(title, now, width) {
        writeln!(output.out, "{line}")?;
    }
    writeln!(output.out)?;
    let mut table = folder::table(&["pair", "phase", "spot coins", "perp coins", "target", "net"], 2..6);
    for row in &now.pairs {
        table.add_row(screen::pair_cells(row));
    }
    let outside = outside(now);
    let sums = [(OUTSIDE, outside), ("all", now.net)];
    for (name, net) in sums.into_iter().filter(|(name, _)| *name != OUTSIDE || !outside.is_zero()) {
        table.add_row([name, "", "", "", "", &figures::money(net)]);
    }
    folder::print(output.out, &table)?;
    if now.orders.is_empty() {
        return Ok(writeln!(output.out, "\nNo order is unsettled.")?);
    }
    writeln!(output.out, "\nUnsettled orders:")?;
    let mut table = folder::table(&["id", "pair", "leg", "side", "quantity", "filled", "state"], 4..6);
    for order in &now.orders {
        table.add_row([
            order.id.clone(),
            order.pair.clone(),
            order.leg.clone(),
            order.side.clone(),
            order.quantity.to_string(),
            order.filled.to_string(),
            word(&order.state),
        ]);
    }
    folder::print(output.out, &table)
}
