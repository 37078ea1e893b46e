//! Commands to a session that runs: one request over its control socket, and for what moves money a plan first.
//!
//! Nothing here decides or touches a file of the session. Without a terminal nothing is asked: `--yes` says it. Tests:
//! `tests/commands/control.rs`.

use super::{Exit, Failure, Output, folder};
use crate::control::plans::Plan;
use crate::control::presence::Presence;
use crate::control::request::{Code, LONGEST_LINE, Reply, Request, SOCKET, Settled, Verb};
use crate::control::snapshot::Snapshot;
use crate::report::figures;
use serde::Serialize;
use serde_json::Value;
use std::io::{BufRead as _, BufReader, IsTerminal as _, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest wait for a reply: longer than the session takes to say that it did not answer.
const LIMIT: Duration = Duration::from_secs(20);
/// The same for what only looks at what the session knows: one that does not answer by then is said not to.
const LOOK: Duration = Duration::from_secs(5);

/// Which session, and how to answer.
#[derive(Debug, clap::Args)]
pub struct Target {
    /// State folder of the session; the newest one under runs/ when absent
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// JSON (schema carry.VERB/1)
    #[arg(long)]
    json: bool,
}

/// A verb without arguments.
#[derive(Debug, clap::Args)]
pub struct Plain {
    #[command(flatten)]
    place: folder::Where,
    /// JSON (schema carry.VERB/1)
    #[arg(long)]
    json: bool,
}

/// Clears a halt
#[derive(Debug, clap::Args)]
pub struct ClearHalt {
    /// Why it is safe; it is kept with the act
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    target: Target,
}

/// Closes both legs of one pair, or of all
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry flatten --state state/main                  shows the plan and asks; entries are paused afterwards
  carry flatten binance:BTCUSDT --state state/main --yes
  carry flatten --key main                          the machine is lost: what the account holds, by the venue's lists
  carry flatten --key main --yes                    closes it; coins that no short is paired with are never sold

Exit code 4 when the plan was only shown.")]
pub struct Flatten {
    /// The pair; all when absent
    pair: Option<String>,
    /// Do it without asking
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    access: super::lost::Access,
}

/// One pair.
#[derive(Debug, clap::Args)]
pub struct OnePair {
    /// The pair
    pair: String,
    /// Do it without asking
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    target: Target,
}

/// Books what somebody moved in or out of a wallet
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Deposits and transfers that the venue tells while the session runs are booked by themselves; this is for what was
moved while it did not. Positions are not booked: see carry adopt.

Examples:
  carry reconcile --state state/main          what differs
  carry accept --state state/main             shows what would be booked, and asks
  carry accept --state state/main --yes"
)]
pub struct Accept {
    /// Do it without asking
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    target: Target,
}

/// Opens a pair by hand
#[derive(Debug, clap::Args)]
pub struct Open {
    /// The pair
    pair: String,
    /// How much, with its unit
    #[arg(long, value_name = "MONEY")]
    size: String,
    /// Do it without asking
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    target: Target,
}

/// Settles an order or a transfer in doubt
#[derive(Debug, clap::Args)]
pub struct Resolve {
    /// Our id of it, as carry orders and carry reconcile show it
    id: String,
    /// What became of it
    #[arg(long = "as", value_parser = ["executed", "absent"])]
    settled: String,
    /// Do it without asking
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    target: Target,
}

/// A verb without arguments.
///
/// # Errors
/// Exit code 1 when no session runs there, else what the session said.
pub fn plain(verb: Verb, args: &Plain, output: &mut Output<'_>) -> Result<(), Failure> {
    if verb == Verb::Pairs {
        let dir = folder::dir(args.place.named())?;
        if Line::to(&dir).is_err() && dir.join(folder::LEDGER).is_file() {
            return super::guided::unattended(&dir, args.json, output);
        }
    }
    let target = Target { state: args.place.named().map(Path::to_owned), json: args.json };
    ask(&Request::new(verb), (&target, false), output)
}

/// `carry clear-halt`.
///
/// # Errors
/// Exit code 3 when ledger and venue differ, 4 when nothing is halted.
pub fn clear_halt(args: &ClearHalt, output: &mut Output<'_>) -> Result<(), Failure> {
    let request = Request { reason: Some(args.reason.clone()), ..Request::new(Verb::ClearHalt) };
    ask(&request, (&args.target, false), output)
}

/// `carry flatten`.
///
/// # Errors
/// Exit code 4 when nobody agreed to the plan.
pub fn flatten(args: &Flatten, output: &mut Output<'_>) -> Result<(), Failure> {
    if args.access.key.is_some() {
        if let Some(dir) = args.target.state.as_deref().filter(|dir| Line::to(dir).is_ok()) {
            let text = format!("a session runs for {}; it closes what it holds itself: leave --key out", dir.display());
            return Err(Failure::new(Exit::Running, text));
        }
        return super::lost::flatten(&args.access, args.pair.as_deref(), (args.yes, args.target.json), output);
    }
    ask(&Request { pair: args.pair.clone(), ..Request::new(Verb::Flatten) }, (&args.target, args.yes), output)
}

/// `carry close` and `carry adopt`.
///
/// # Errors
/// Exit code 4 when nobody agreed to the plan.
pub fn one_pair(verb: Verb, args: &OnePair, output: &mut Output<'_>) -> Result<(), Failure> {
    ask(&Request { pair: Some(args.pair.clone()), ..Request::new(verb) }, (&args.target, args.yes), output)
}

/// `carry accept`.
///
/// # Errors
/// Exit code 4 when nobody agreed to the plan, when nothing differs or what differs is no movement of money.
pub fn accept(args: &Accept, output: &mut Output<'_>) -> Result<(), Failure> {
    ask(&Request::new(Verb::Accept), (&args.target, args.yes), output)
}

/// `carry open`.
///
/// # Errors
/// Exit code 4 when nobody agreed to the plan.
pub fn open(args: &Open, output: &mut Output<'_>) -> Result<(), Failure> {
    let request = Request { pair: Some(args.pair.clone()), size: Some(args.size.clone()), ..Request::new(Verb::Open) };
    ask(&request, (&args.target, args.yes), output)
}

/// `carry resolve`.
///
/// # Errors
/// Exit code 4 when nobody agreed to the plan.
pub fn resolve(args: &Resolve, output: &mut Output<'_>) -> Result<(), Failure> {
    let settled = if args.settled == "executed" { Settled::Executed } else { Settled::Absent };
    let request = Request { id: Some(args.id.clone()), settled: Some(settled), ..Request::new(Verb::Resolve) };
    ask(&request, (&args.target, args.yes), output)
}

/// A reply as `--json` prints it.
#[derive(Serialize)]
pub(super) struct Report<'a> {
    schema: String,
    dir: String,
    done: bool,
    /// False for a plan that was shown only: nothing left, nothing was booked.
    #[serde(skip_serializing_if = "Option::is_none")]
    sent: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<&'a Plan>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a Value>,
    in_doubt: u64,
}

fn ask(request: &Request, (target, yes): (&Target, bool), output: &mut Output<'_>) -> Result<(), Failure> {
    let dir = folder::dir(target.state.as_deref())?;
    let verb = word(request.verb);
    let mut line = Line::to(&dir)?;
    let first = line.ask(request);
    if first.is_err() && request.verb == Verb::Resolve {
        // What proves the contrary now may prove it later: the venue is asked again. A plan itself asks it nothing.
        let _ = line.ask(&Request::new(Verb::Reconcile));
    }
    let mut reply = first?;
    if let Some(plan) = reply.plan.take() {
        let show_json = target.json && !yes;
        if show_json {
            folder::json(output.out, &report(&verb, &dir, (false, Some(&plan), None), reply.in_doubt))?;
        } else if !target.json {
            show(&plan, output)?;
        }
        if !yes && !agreed(target.json)? {
            return Err(Failure::new(Exit::Refused, "nothing was sent; to do it, say --yes"));
        }
        reply = line.ask(&Request { token: Some(plan.token), ..request.clone() })?;
    }
    let result = reply.result.unwrap_or_default();
    if target.json {
        folder::json(output.out, &report(&verb, &dir, (true, None, Some(&result)), reply.in_doubt))?;
    } else {
        text(request, &result, output)?;
    }
    let acts = !request.verb.looks() && !matches!(request.verb, Verb::Pause | Verb::Resume);
    if acts && reply.in_doubt > 0 {
        let text = format!("the outcome of {} orders is not known; see carry orders", reply.in_doubt);
        return Err(Failure::new(Exit::InDoubt, text));
    }
    Ok(())
}

pub(super) fn report<'a>(
    verb: &str,
    dir: &Path,
    what: (bool, Option<&'a Plan>, Option<&'a Value>),
    in_doubt: u64,
) -> Report<'a> {
    let (done, plan, result) = what;
    let (schema, dir) = (format!("carry.{verb}/1"), dir.display().to_string());
    let asks = matches!(verb, "status" | "orders" | "fills" | "pairs" | "why" | "reconcile");
    Report { schema, dir, done, sent: (!asks).then_some(done), plan, result, in_doubt }
}

/// The word of a verb on the command line.
fn word(verb: Verb) -> String {
    serde_json::to_value(verb).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// A person at a terminal types `yes`; nobody else is asked.
pub(super) fn agreed(json: bool) -> Result<bool, Failure> {
    let stdin = std::io::stdin();
    if json || !stdin.is_terminal() || !std::io::stderr().is_terminal() {
        return Ok(false);
    }
    let mut error = std::io::stderr();
    write!(error, "Type yes to do it: ")?;
    error.flush()?;
    let mut typed = String::new();
    stdin.lock().take(64).read_line(&mut typed)?;
    Ok(typed.trim() == "yes")
}

fn show(plan: &Plan, output: &mut Output<'_>) -> Result<(), Failure> {
    writeln!(output.out, "{}", plan.text)?;
    if plan.orders.is_empty() {
        return Ok(());
    }
    let mut table = folder::table(&["pair", "leg", "side", "coins", "about", ""], 3..5);
    for order in &plan.orders {
        let about = order.about.map_or_else(|| figures::NONE.to_owned(), figures::money);
        let coins = order.coins.to_string();
        table.add_row([&order.pair, &order.leg, &order.side, &coins, &about, &order.quote.to_string()]);
    }
    folder::print(output.out, &table)
}

pub(super) fn text(request: &Request, result: &Value, output: &mut Output<'_>) -> Result<(), Failure> {
    let out = &mut *output.out;
    let line = match request.verb {
        Verb::Pause => "paused: no entries; what is held is managed and closed as before",
        Verb::Resume => "entries are allowed again",
        Verb::Halt => "halted: nothing is sent until carry clear-halt --reason TEXT",
        Verb::ClearHalt => "the halt is cleared",
        Verb::Flatten if request.pair.is_none() => {
            "closing all, and paused: no entries until carry resume; see carry pairs"
        }
        Verb::Flatten | Verb::Close => "closing; see carry pairs",
        Verb::Open => "opening; see carry pairs",
        Verb::Reconcile => "ledger and venue agree",
        Verb::Resolve => "settled",
        Verb::Adopt => "adopted",
        Verb::Accept => "booked; see carry reconcile",
        Verb::Reload => "the settings of its files are taken",
        Verb::Status | Verb::Fills | Verb::Why => return folder::json(out, result),
        Verb::Orders => {
            let none = "No order is unsettled.";
            let columns = ["id", "pair", "leg", "side", "quantity", "filled", "limit", "state", "reason"];
            return rows(out, (&result["orders"], none), &columns);
        }
        Verb::Pairs => {
            super::guided::state_of(result, out)?;
            let mut columns = vec!["pair", "phase", "spot_coins", "perp_coins", "target", "net", "reason", "refused"];
            if result["pairs"].as_array().is_some_and(|rows| rows.iter().any(|row| row["strategy"].is_string())) {
                columns.insert(1, "strategy");
            }
            return rows(out, (&result["pairs"], "There is no pair."), &columns);
        }
    };
    Ok(writeln!(out, "{line}")?)
}

fn rows(out: &mut dyn std::io::Write, (rows, none): (&Value, &str), columns: &[&str]) -> Result<(), Failure> {
    let rows = rows.as_array().map(Vec::as_slice).unwrap_or_default();
    if rows.is_empty() {
        return Ok(writeln!(out, "{none}")?);
    }
    let heads: Vec<String> = columns.iter().map(|name| name.replace('_', " ")).collect();
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    let mut table = folder::table(&heads, 0..0);
    for row in rows {
        table.add_row(columns.iter().map(|name| match row.get(*name) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Bool(on)) => if *on { "yes" } else { "no" }.to_owned(),
            None | Some(Value::Null) => figures::NONE.to_owned(),
            Some(other) => other.to_string(),
        }));
    }
    folder::print(out, &table)
}

/// Asks the session of a folder for its snapshot.
pub(super) fn told(dir: &Path) -> Presence {
    let connected = UnixStream::connect(dir.join(SOCKET)).and_then(|stream| Line::over(dir, stream));
    let Ok(mut line) = connected else { return Presence::Gone };
    match line.ask(&Request::new(Verb::Status)) {
        Ok(reply) => match reply.result.map(serde_json::from_value::<Snapshot>) {
            Some(Ok(snapshot)) => Presence::Now(Box::new(snapshot)),
            Some(Err(_)) | None => Presence::Gone,
        },
        // It went away meanwhile, or it is there and silent.
        Err(_) if UnixStream::connect(dir.join(SOCKET)).is_err() => Presence::Gone,
        Err(_) => Presence::Silent(process_of(line.stream.into_inner())),
    }
}

/// Who listens at the other end, where the system tells it.
fn process_of(stream: UnixStream) -> Option<i32> {
    stream.set_nonblocking(true).ok()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().ok()?;
    let _inside = runtime.enter();
    tokio::net::UnixStream::from_std(stream).ok()?.peer_cred().ok()?.pid()
}

/// A connection to a session.
pub struct Line {
    dir: PathBuf,
    stream: BufReader<UnixStream>,
}

impl Line {
    /// To the session of a folder.
    ///
    /// # Errors
    /// Exit code 1 when nothing listens there.
    pub fn to(dir: &Path) -> Result<Self, Failure> {
        let stream = UnixStream::connect(dir.join(SOCKET))
            .map_err(|_| Failure::new(Exit::Failure, format!("no process is running for {}", dir.display())))?;
        Ok(Self::over(dir, stream)?)
    }

    fn over(dir: &Path, stream: UnixStream) -> std::io::Result<Self> {
        stream.set_write_timeout(Some(LOOK))?;
        Ok(Self { dir: dir.to_owned(), stream: BufReader::new(stream) })
    }

    /// One request and its reply.
    ///
    /// # Errors
    /// The exit code of what the session said; when it did not answer 6, because it may have acted, and 1 where nothing was asked
    /// of it but a look.
    pub fn ask(&mut self, request: &Request) -> Result<Reply, Failure> {
        let mut line = serde_json::to_vec(request).map_err(std::io::Error::from)?;
        line.push(b'\n');
        let looks = request.verb.looks();
        self.stream.get_ref().set_read_timeout(Some(if looks { LOOK } else { LIMIT }))?;
        self.stream.get_mut().write_all(&line)?;
        let mut answer = Vec::new();
        let most = u64::try_from(LONGEST_LINE).unwrap_or(u64::MAX).saturating_mul(16);
        let read = (&mut self.stream).take(most).read_until(b'\n', &mut answer);
        let silent = || {
            let dir = self.dir.display();
            if looks {
                let text = format!(
                    "the process of {dir} does not answer: stopped, or hung; what is on disk: carry status {dir}"
                );
                return Failure::new(Exit::Failure, text);
            }
            let text =
                format!("the process of {dir} did not answer; it may or may not have acted: see carry status {dir}");
            Failure::new(Exit::InDoubt, text)
        };
        let reply: Reply = match read {
            Ok(count) if count > 0 => serde_json::from_slice(&answer).map_err(|_| silent())?,
            Ok(_) | Err(_) => return Err(silent()),
        };
        match reply.error {
            None => Ok(reply),
            Some(error) => {
                let exit = match error.code {
                    Code::Usage => Exit::Usage,
                    Code::Refused => Exit::Refused,
                    Code::Difference => Exit::Difference,
                    Code::InDoubt => Exit::InDoubt,
                    Code::Busy | Code::Unsupported | Code::Failed => Exit::Failure,
                };
                Err(Failure::new(exit, error.message))
            }
        }
    }
}
