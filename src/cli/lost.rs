//! `carry flatten --key NAME`: closes the pairs of an account without its state folder, when the machine is lost.
//!
//! The plan comes from the venue's lists; nothing is sent without `--yes` or a typed yes. How it is done stands in
//! `checks/lost.rs`. Tests: `tests/commands/lost.rs`.

use super::{Exit, Failure, Output, control, door, folder, real};
use crate::checks::lost::{self, Closing, How, Lost, LostError, Sent};
use crate::config::kind::Kind;
use crate::config::units::Value as Setting;
use crate::domain::{Amount, Bps};
use crate::keys::sources::CONTAINER;
use crate::report::figures;
use crate::store::AccountLock;
use serde::Serialize;
use std::path::PathBuf;

/// How to reach an account without a session.
#[derive(Debug, clap::Args)]
pub struct Access {
    /// Without a session: close what the account of this key holds, by the venue's own lists
    #[arg(long, value_name = "NAME")]
    pub key: Option<String>,
    /// The file of keys; ~/.config/carry/keys.json when absent
    #[arg(long, value_name = "FILE", requires = "key")]
    keys: Option<PathBuf>,
    /// Every host of the venue at one address of this machine: a simulated venue, test keys only
    #[arg(long, value_name = "URL", requires = "key")]
    base_url: Option<String>,
    /// machine, or venue: the clock of a simulated venue
    #[arg(long, default_value = "machine", value_parser = ["machine", "venue"])]
    clock: String,
    /// Largest value of one order
    #[arg(long, value_name = "MONEY", default_value = "1000usdt", requires = "key")]
    clip: String,
    /// How far from the index an order may reach
    #[arg(long, value_name = "BPS", default_value = "50bps", requires = "key")]
    collar: String,
}

#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    key: &'a str,
    done: bool,
    sent: bool,
    plan: &'a Lost,
    orders: &'a [Sent],
    /// What is open afterwards.
    #[serde(skip_serializing_if = "Option::is_none")]
    left: Option<&'a Lost>,
}

const SCHEMA: &str = "carry.flatten.key/1";

/// Runs it.
///
/// # Errors
/// Exit code 4 when nobody agreed, 5 when the venue cannot be reached, 6 for an order whose outcome is not known, 7 when a
/// session of this machine trades on the account.
pub fn flatten(args: &Access, only: Option<&str>, how: (bool, bool), output: &mut Output<'_>) -> Result<(), Failure> {
    let (yes, json) = how;
    let Some(name) = args.key.as_deref() else { return Err(Failure::new(Exit::Usage, "--key: is missing")) };
    if let Some(pair) = only {
        let text =
            format!("{}: without a session all pairs of the account are closed; leave it out", pair.escape_debug());
        return Err(Failure::new(Exit::Usage, text));
    }
    let entry = super::keys::places(args.keys.clone(), PathBuf::from(CONTAINER))?.find(name)?.entry;
    let place = door::place(args.base_url.as_deref(), &args.clock);
    let ways = How { clip: clip(&args.clip)?, collar: collar(&args.collar)?, salt: real::fresh_salt() };
    let runtime = real::runtime()?;
    let ended = runtime.block_on(async {
        let door = door::open_to_trade(&entry, &place).await?;
        let _lock = AccountLock::take(args.base_url.as_deref().unwrap_or(entry.venue), entry.account())?;
        let plan = lost::look(&door.inquiry()).await?;
        if plan.pairs.is_empty() {
            show(&plan, json, output)?;
            return finish((name, &plan, &[], Some(&plan)), json, output);
        }
        if !json {
            show(&plan, json, output)?;
        }
        if !yes && !control::agreed(json)? {
            if json {
                let report = Report {
                    schema: SCHEMA,
                    key: name,
                    done: false,
                    sent: false,
                    plan: &plan,
                    orders: &[],
                    left: None,
                };
                folder::json(output.out, &report)?;
            }
            return Err(Failure::new(Exit::Refused, "nothing was sent; to do it, say --yes"));
        }
        let mut sent = Vec::new();
        let closed = Closing::new(door.inquiry(), ways).close(&plan, &mut |one| sent.push(one.clone())).await;
        let left = lost::look(&door.inquiry()).await;
        finish((name, &plan, &sent, left.as_ref().ok()), json, output)?;
        closed.map_err(Failure::from)?;
        let open = left?.pairs.len();
        if open == 0 {
            return Ok(());
        }
        Err(Failure::new(Exit::Failure, format!("{open} shorts are still open; look at what is left and run it again")))
    });
    runtime.shutdown_background();
    ended
}

fn finish(what: (&str, &Lost, &[Sent], Option<&Lost>), json: bool, output: &mut Output<'_>) -> Result<(), Failure> {
    let (key, plan, orders, left) = what;
    if json {
        let sent = !orders.is_empty();
        return folder::json(output.out, &Report { schema: SCHEMA, key, done: true, sent, plan, orders, left });
    }
    for one in orders {
        let (id, leg, side) = (&one.id, &one.leg, one.side);
        writeln!(output.out, "{id}  {leg} {side} {} of {} {}", one.filled, one.quantity, one.symbol)?;
    }
    match left {
        Some(left) if left.pairs.is_empty() => Ok(writeln!(output.out, "no short is open on this account")?),
        Some(left) => show(left, json, output),
        None => Ok(writeln!(output.out, "what is left could not be read: run it again")?),
    }
}

fn show(plan: &Lost, json: bool, output: &mut Output<'_>) -> Result<(), Failure> {
    if json {
        return Ok(());
    }
    let out = &mut *output.out;
    if !plan.pairs.is_empty() {
        writeln!(out, "buy back each short reduce-only, in clips, and sell as many spot coins after each:")?;
        let mut table = folder::table(&["perp", "short", "spot coins", "about", ""], 1..4);
        for pair in &plan.pairs {
            let about = pair.about.map_or_else(|| figures::NONE.to_owned(), figures::money);
            let (short, coins) = (pair.short.to_string(), pair.coins.to_string());
            table.add_row([pair.symbol.to_string(), short, coins, about, pair.quote.to_string()]);
        }
        folder::print(out, &table)?;
        for pair in plan.pairs.iter().filter(|pair| pair.coins.is_zero()) {
            let text =
                "has no coins here; where those of a pair are at another venue, sell them there at the same time";
            writeln!(out, "{} {text}", pair.symbol)?;
        }
        if !plan.orders.is_empty() {
            writeln!(out, "before that, resting orders of {} symbols are cancelled", plan.orders.len())?;
        }
    }
    for left in &plan.left {
        writeln!(out, "left alone: position {left}")?;
    }
    for (asset, amount) in &plan.coins {
        writeln!(out, "left alone: {amount} {asset} on spot, which no short is paired with")?;
    }
    Ok(())
}

fn clip(text: &str) -> Result<Amount, Failure> {
    match Kind::Money.parse(text) {
        Ok(Setting::Money(money)) if money.amount > Amount::ZERO => Ok(money.amount),
        _ => Err(Failure::new(
            Exit::Usage,
            format!("--clip {}: expected money, for example 1000usdt", text.escape_debug()),
        )),
    }
}

fn collar(text: &str) -> Result<Bps, Failure> {
    match Kind::Bps.parse(text) {
        Ok(Setting::Bps(bps)) if bps.units() > 0 && i128::from(bps.units()) <= 500 * Bps::ONE => Ok(bps),
        _ => {
            let text = format!("--collar {}: expected up to 500bps, for example 50bps", text.escape_debug());
            Err(Failure::new(Exit::Usage, text))
        }
    }
}

impl From<LostError> for Failure {
    fn from(error: LostError) -> Self {
        let exit = match &error {
            LostError::Ask(_) => Exit::Unreachable,
            LostError::Refused(_) | LostError::NoBook(_) => Exit::Failure,
            LostError::InDoubt { .. } => Exit::InDoubt,
        };
        Self::new(exit, error.to_string())
    }
}
