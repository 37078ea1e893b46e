//! `carry reconcile`: the ledger of record against the venue's lists, asked once and without a running session.
//!
//! A session that runs answers itself, over its control socket. Otherwise the ledger is read and never written: what
//! differs is shown, and nothing is booked, cancelled or repaired. Tests: `tests/commands/doctor.rs`.

use super::real::{Place, What};
use super::signers::{self, Signers};
use super::{Exit, Failure, Output, control, door, folder, guided};
use crate::checks::inquiry::{Inquiry, StartError};
use crate::checks::reconcile::{self, Difference};
use crate::config::Settings;
use crate::domain::{Market, Venue, VenueId, WallTime};
use crate::engine::State;
use crate::keys::KeyEntry;
use crate::port::event::Wallet;
use crate::store::{StateLock, ledger_file};
use crate::venues::answer::{Answer, OrderRow};
use crate::venues::ask::Ask;
use crate::venues::binance::Lists;
use crate::venues::binance::bundles::Bundle;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Compares the ledger with the venue, while a session runs or after
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry reconcile --state state/main                       of the session that runs there
  carry reconcile --key main --state state/main            when none runs; without --key those of its [venues.NAME] key
  carry reconcile --key main --key short --state state/two         of a run over two venues

Exit code 0 when they agree, 3 when they differ, 6 when an order of the ledger is not settled.")]
pub struct Args {
    /// State folder of the session; the newest one under runs/ when absent
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Name of the key to ask the venue with, when no session runs; of several venues each its own. Without it, that of
    /// `venues.NAME.key` in the configuration as it is read now, or as the session began with it
    #[arg(long, value_name = "NAME")]
    key: Vec<String>,
    /// The file of keys; ~/.config/carry/keys.json when absent
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// Every host of the venue at one address of this machine: a simulated venue, test keys only; of several venues VENUE=URL each
    #[arg(long, value_name = "[VENUE=]URL")]
    base_url: Vec<String>,
    /// machine, or venue: the clock of a simulated venue
    #[arg(long, default_value = "machine", value_parser = ["machine", "venue"])]
    clock: String,
    #[command(flatten)]
    what: What,
    /// JSON (schema carry.reconcile/1)
    #[arg(long)]
    json: bool,
}

/// An order of the ledger whose outcome is not known there.
#[derive(Debug, Clone, Serialize)]
struct Unsettled {
    id: String,
    pair: String,
    leg: String,
    side: &'static str,
    quantity: String,
    filled: String,
    state: String,
    /// `open`, or `not in its list of open orders`.
    venue: &'static str,
}

#[derive(Debug, Clone, Serialize)]
struct Found {
    agree: bool,
    venue: String,
    at_ms: WallTime,
    /// When the ledger was written last: what happened since then is not in it.
    ledger_at_ms: WallTime,
    differences: Vec<Difference>,
    /// Differences that are only the venue's rounding of a perp wallet: account, venue minus ledger.
    rounding: Vec<(String, String)>,
    unsettled: Vec<Unsettled>,
    /// A transfer between wallets whose arrival is not booked.
    moving: bool,
    /// Every account, also those that agree.
    accounts: Vec<Difference>,
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    schema: &'static str,
    dir: String,
    done: bool,
    result: &'a Found,
    in_doubt: usize,
}

/// Runs the command.
///
/// # Errors
/// Exit code 3 when ledger and venue differ, 6 when an order is not settled, 5 when the venue cannot be reached, 7 when a
/// process holds the folder and does not answer.
pub fn run(args: &Args, output: &mut Output<'_>) -> Result<(), Failure> {
    let dir = folder::dir(args.state.as_deref())?;
    let runs = control::Line::to(&dir).is_ok();
    let tables = if runs || !args.key.is_empty() { Vec::new() } else { tables(&args.what, &dir)? };
    let has_key = !args.key.is_empty() || !tables.is_empty();
    if runs || !has_key {
        return guided::reconcile(Some(&dir), args.json, output).map_err(|failure| {
            let hint =
                "; to ask the venue without one: --key NAME, or [venues.NAME] key in the configuration of the session";
            let hint = if failure.exit == Exit::Failure && !has_key { hint } else { "" };
            Failure::new(failure.exit, format!("{}{hint}", failure.message))
        });
    }
    let session = folder::Folder::open(&folder::Where::at(dir.clone()))?;
    let _lock = StateLock::take(&dir)?;
    let review = session.review()?;
    if review.identity.mode != "live" {
        let text =
            format!("{}: is a {} session: it has no venue that could be asked", dir.display(), review.identity.mode);
        return Err(Failure::new(Exit::Usage, text));
    }
    let signers = if args.key.is_empty() {
        Signers::of_tables(&tables, args.keys.clone())?
    } else {
        Signers::find(&args.key, args.keys.clone())?
    };
    let state = &review.state;
    let place = Place { base_url: args.base_url.clone(), clock: args.clock.clone(), length: None };
    let venues: Vec<(&KeyEntry, VenueId)> = signers
        .all()
        .iter()
        .map(|entry| Ok((entry, the_venue(state, entry.venue)?)))
        .collect::<Result<_, Failure>>()?;
    let runtime = super::real::runtime()?;
    let found = runtime.block_on(async {
        let mut found: Option<Found> = None;
        for (entry, venue) in venues {
            let one = ask((entry, venue), state, &place).await?;
            let one = compare((state, venue), &one.0, &one.1, review.clock);
            found = Some(found.map_or(one.clone(), |all| all.and(one)));
        }
        Ok::<_, Failure>(found)
    })?;
    runtime.shutdown_background();
    let Some(found) = found else { return Ok(()) };
    let missing: Vec<&str> = state.catalogue.venues().iter().map(crate::domain::Venue::as_str).collect();
    let missing: Vec<&str> =
        missing.into_iter().filter(|name| !signers.all().iter().any(|key| key.is_of(name))).collect();
    if !missing.is_empty() && !args.json {
        writeln!(output.out, "not asked, no key of it was named: {}", missing.join(", "))?;
    }
    tell(&found, (&dir.display().to_string(), args.json), output)
}

/// The keys that `[venues.NAME]` gives for the venues of the session of a folder, as for `carry live`: by the configuration as it
/// is read now, else by that with which the session began. None where there is no session.
fn tables(what: &What, dir: &Path) -> Result<Vec<(Venue, String)>, Failure> {
    let meta = ledger_file::meta(&dir.join(folder::LEDGER)).unwrap_or_default();
    let Some(began) = meta.get("settings").and_then(|text| serde_json::from_str::<Settings>(text).ok()) else {
        return Ok(Vec::new());
    };
    let is_named = !(what.strategy.is_empty() && what.set.is_empty() && what.config.is_empty());
    // Files that nobody named here may be those of another session: what is wrong in them is not in the way.
    let now = match what.load() {
        Ok(loaded) => Some(loaded.settings),
        Err(errors) if is_named => return Err(errors.into()),
        Err(_) => None,
    };
    Ok(signers::tables(&began, now.as_ref()))
}

/// What one venue's lists say.
async fn ask(
    (entry, venue): (&KeyEntry, VenueId),
    state: &State,
    place: &Place,
) -> Result<(Lists, Vec<OrderRow>), Failure> {
    let door = door::open(entry, place).await?;
    let at = (door.clock.wall)();
    // The ledger counts contracts of several coins; the venue's lists are brought to that.
    let ours = state.catalogue.instruments().iter().filter(|one| one.venue_id == venue);
    ours.filter_map(Bundle::of).for_each(|bundle| door.wire.count_in(bundle));
    Ok(lists(&door.inquiry(), (state, venue), at).await?)
}

impl Found {
    /// What was found at this venue and at another one.
    fn and(mut self, other: Self) -> Self {
        self.agree &= other.agree;
        self.venue = format!("{}, {}", self.venue, other.venue);
        self.moving |= other.moving;
        self.differences.extend(other.differences);
        self.rounding.extend(other.rounding);
        self.unsettled.extend(other.unsettled);
        self.accounts.extend(other.accounts);
        self
    }
}

/// The one venue of the ledger, when it is the key's.
fn the_venue(state: &State, of: &str) -> Result<VenueId, Failure> {
    let venues = state.catalogue.venues();
    let Some(place) = venues.iter().position(|venue| venue.as_str().starts_with(of)) else {
        let names: Vec<&str> = venues.iter().map(crate::domain::Venue::as_str).collect();
        let text = format!("the key is of {of}, and the ledger is of {}", names.join(", "));
        return Err(Failure::new(Exit::Usage, text));
    };
    Ok(VenueId(u8::try_from(place).unwrap_or(u8::MAX)))
}

/// The venue's lists, each asked once: executions could fall between them, so an account that trades is asked again later.
async fn lists(
    inquiry: &Inquiry<'_>,
    of: (&State, VenueId),
    at: WallTime,
) -> Result<(Lists, Vec<OrderRow>), StartError> {
    let (state, venue) = of;
    let strange = |what: &str| StartError::Unreachable {
        venue: inquiry.name.to_owned(),
        what: format!("{what}: the answer is of another kind"),
    };
    let mut open = Vec::new();
    for market in [Market::Spot, Market::Perp] {
        match inquiry.ask("open orders", Ask::OpenOrders { market, symbol: None }).await? {
            Answer::Orders(rows) => open.extend(rows),
            _ => return Err(strange("open orders")),
        }
    }
    let Answer::Positions(rows) = inquiry.ask("positions", Ask::Positions).await? else {
        return Err(strange("positions"));
    };
    let mut wallets = Vec::new();
    for wallet in [Wallet::Spot, Wallet::Perp] {
        match inquiry.ask("balances", Ask::Balances(wallet)).await? {
            Answer::Balances(_, rows) => wallets.push(rows),
            _ => return Err(strange("balances")),
        }
    }
    let (perp, spot) = (wallets.pop().unwrap_or_default(), wallets.pop().unwrap_or_default());
    let mut lists = Lists { at, quiet: true, spot, perp, positions: Vec::new(), elsewhere: Vec::new() };
    for row in rows {
        let ours = state
            .catalogue
            .instruments()
            .iter()
            .find(|one| one.venue_id == venue && one.market == Market::Perp && one.symbol == row.symbol);
        match ours {
            Some(instrument) => lists.positions.push((instrument.id, row)),
            None if !row.coins.is_zero() => lists.elsewhere.push(row.symbol),
            None => {}
        }
    }
    Ok((lists, open))
}

fn compare(of: (&State, VenueId), lists: &Lists, open: &[OrderRow], ledger_at: WallTime) -> Found {
    let (state, venue) = of;
    let name = state.catalogue.venues().get(venue.index()).map_or("?", |name| name.as_str());
    let mut compared = reconcile::compare(state, venue, lists);
    let is_ours =
        |row: &&OrderRow| state.orders.live().iter().any(|order| order.intent.id.to_string() == row.client_id);
    for row in open.iter().filter(|row| !is_ours(row)) {
        compared.differences.push(Difference {
            account: format!("{name} {} {} order {}", row.market, row.symbol, row.venue_id),
            ledger: "not known".to_owned(),
            venue: format!("open: {} {}", row.side.as_str(), row.quantity),
        });
    }
    let is_here = |id| state.catalogue.instrument(id).is_none_or(|one| one.venue_id == venue);
    let ours = state.orders.live().iter().filter(|order| !order.is_settled() && is_here(order.intent.instrument));
    let unsettled = ours.map(|order| {
        let id = order.intent.id.to_string();
        let there = open.iter().any(|row| row.client_id == id);
        Unsettled {
            pair: state.pair(order.intent.pair).map(|pair| pair.pair.name.clone()).unwrap_or_default(),
            leg: state.catalogue.market_word(order.intent.instrument).to_owned(),
            side: order.intent.side.as_str(),
            quantity: order.intent.quantity.to_string(),
            filled: order.filled.to_string(),
            state: format!("{:?}", order.state).to_lowercase(),
            venue: if there { "open" } else { "not in its list of open orders" },
            id,
        }
    });
    let unsettled: Vec<Unsettled> = unsettled.collect();
    let rounding = compared.rounding.iter().map(|(wallet, asset, off)| {
        let word = if *wallet == Wallet::Spot { "spot" } else { "perp" };
        (format!("{name} {word} {asset}"), off.to_string())
    });
    Found {
        agree: compared.differences.is_empty(),
        venue: name.to_owned(),
        at_ms: lists.at,
        ledger_at_ms: ledger_at,
        rounding: rounding.collect(),
        unsettled,
        moving: state.venue(venue).is_some_and(|venue| venue.moving.is_some()),
        accounts: reconcile::accounts(state, venue, lists),
        differences: compared.differences,
    }
}

fn tell(found: &Found, (dir, json): (&str, bool), output: &mut Output<'_>) -> Result<(), Failure> {
    let in_doubt = found.unsettled.len();
    if json {
        let report = Report { schema: "carry.reconcile/1", dir: dir.to_owned(), done: true, result: found, in_doubt };
        folder::json(output.out, &report)?;
    } else {
        let out = &mut *output.out;
        if found.agree {
            writeln!(out, "ledger and venue agree")?;
        } else {
            let mut table = folder::table(&["account", "ledger", "venue"], 1..3);
            for row in &found.differences {
                table.add_row([&row.account, &row.ledger, &row.venue]);
            }
            folder::print(out, &table)?;
            writeln!(
                out,
                "the ledger was written last at {}; what happened since then is not in it",
                found.ledger_at_ms
            )?;
        }
        for (account, off) in &found.rounding {
            writeln!(out, "{account}: {off} more at the venue, which rounds; a running session books it")?;
        }
        for order in &found.unsettled {
            writeln!(
                out,
                "not settled: {} {} {} {} {} ({} filled, {} here; at the venue {})",
                order.id, order.pair, order.leg, order.side, order.quantity, order.filled, order.state, order.venue
            )?;
        }
    }
    if in_doubt > 0 || found.moving {
        let what = if in_doubt > 0 { format!("{in_doubt} orders") } else { "a transfer".to_owned() };
        let text =
            format!("the outcome of {what} is not known; start the session again, which asks for it, or carry resolve");
        return Err(Failure::new(Exit::InDoubt, text));
    }
    if found.agree {
        return Ok(());
    }
    Err(Failure::new(Exit::Difference, format!("ledger and venue differ in {} accounts", found.differences.len())))
}
