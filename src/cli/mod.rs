//! The command line: one file a command, arguments in, report out.
//!
//! Results go to stdout, the log and progress to stderr. A command returns a [`Failure`] with one of the exit codes of the
//! table in the README; nothing here decides anything about money.

pub mod about;
pub mod attend;
pub mod backtest;
pub mod backup;
mod bounded;
pub mod check;
pub mod compare;
pub mod completions;
pub mod control;
pub mod data;
pub mod data_import;
pub mod dates;
pub mod doctor;
mod doctor_local;
pub mod door;
pub mod download;
mod drawing;
pub mod export;
pub mod fills;
pub mod folder;
pub mod gates;
pub mod guided;
pub mod history;
pub mod import;
pub mod init;
pub mod keys;
pub mod ledger;
pub mod live;
pub mod lost;
mod lots;
pub mod metrics;
mod minimums;
pub mod paper;
mod paper_play;
pub mod paper_replay;
pub mod pnl;
pub mod portfolio;
pub mod quote;
mod quote_history;
mod quote_room;
pub mod real;
pub mod reconcile;
pub mod record;
pub mod reload;
pub mod replay;
pub mod report;
pub mod sample;
pub mod scan;
pub mod schema;
pub mod screen;
pub mod serve;
pub mod shadow;
mod signers;
pub mod stats;
mod stats_forecast;
mod stats_odds;
pub mod status;
pub mod stress;
mod stress_report;
pub mod sweep;
mod sweep_report;
pub mod universe;
mod universe_names;
pub mod venue;
mod venue_names;
pub mod watch;
pub mod why;

use crate::control::request::Verb as Asked;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use std::fmt::Write as _;
use std::io::Write;
use std::process::ExitCode;

/// Exit codes, the same for every command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Something failed.
    Failure = 1,
    /// The arguments or the configuration are wrong.
    Usage = 2,
    /// A check found a difference.
    Difference = 3,
    /// A risk or safety gate refused.
    Refused = 4,
    /// A venue cannot be reached.
    Unreachable = 5,
    /// An outcome is in doubt and needs a person.
    InDoubt = 6,
    /// Another process holds the state.
    Running = 7,
    /// Interrupted.
    Interrupted = 130,
}

/// Why a command did not succeed.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What went wrong and what was expected, for a person.
    pub message: String,
}

impl Failure {
    /// A failure with its code.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }
}

/// Standard output, which remembers that its reader has gone: `carry fills | head` ends without a complaint.
struct Reader<W> {
    to: W,
    gone: bool,
}

impl<W: Write> Reader<W> {
    fn watch<T>(&mut self, result: std::io::Result<T>) -> std::io::Result<T> {
        self.gone |= result.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe);
        result
    }
}

impl<W: Write> Write for Reader<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let result = self.to.write(bytes);
        self.watch(result)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let result = self.to.flush();
        self.watch(result)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(Exit::Failure, error.to_string())
    }
}

/// What every command gets: where results go.
pub struct Output<'a> {
    /// Results.
    pub out: &'a mut dyn Write,
}

/// Earns the funding rate of crypto perpetuals without price risk.
#[derive(Debug, Parser)]
#[command(name = "carry", version, about, max_term_width = 110, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Verb,
}

/// Verbs by what a person wants; one that is in no group stands under `Further`.
const GROUPS: [(&str, &[&str]); 5] = [
    ("Look, without keys", &["init", "check", "scan", "quote", "why", "stats", "data", "portfolio", "universe"]),
    ("Try", &["backtest", "sweep", "compare", "paper", "replay", "venue", "drill", "stress"]),
    ("Run with real prices or real money", &["keys", "doctor", "shadow", "live", "serve"]),
    ("Ask a session", &["status", "watch", "pairs", "orders", "fills", "ledger", "pnl", "report", "export", "metrics"]),
    (
        "Act on a session",
        &[
            "pause",
            "resume",
            "reload",
            "open",
            "close",
            "flatten",
            "halt",
            "clear-halt",
            "reconcile",
            "resolve",
            "adopt",
            "accept",
        ],
    ),
];

/// The command line with its verbs in groups.
#[must_use]
pub fn command() -> clap::Command {
    let mut command = Cli::command();
    command.build();
    let text = grouped(&command);
    command
        .help_template("{about-with-newline}\n{usage-heading} {usage}\n\n{after-help}\nOptions:\n{options}")
        .after_help(text)
}

fn grouped(command: &clap::Command) -> String {
    let verbs: Vec<(&str, String)> = command
        .get_subcommands()
        .map(|verb| (verb.get_name(), verb.get_about().map(ToString::to_string).unwrap_or_default()))
        .collect();
    let mut text = String::new();
    let mut group = |title: &str, of: &dyn Fn(&str) -> bool| {
        let mut lines = verbs.iter().filter(|(name, _)| of(name)).peekable();
        if lines.peek().is_none() {
            return;
        }
        text.push_str(title);
        text.push_str(":\n");
        for (name, about) in lines {
            let about = brief(about.lines().next().unwrap_or_default());
            let _ = writeln!(text, "  {name:<12} {about}");
        }
        text.push('\n');
    };
    for (title, names) in GROUPS {
        group(title, &|name| names.contains(&name));
    }
    group("Further", &|name| !GROUPS.iter().any(|(_, names)| names.contains(&name)));
    text.push_str(
        "Every verb has examples: carry VERB --help. Exit codes: 0 done, 1 failed, 2 usage, 3 difference, 4 refused\n",
    );
    text.push_str("or only shown, 5 unreachable, 6 in doubt, 7 already running.\n");
    text
}

/// What a verb does on one line: cut at its last comma or colon when it is too long for that.
fn brief(about: &str) -> &str {
    let end = about.char_indices().nth(90).map(|(at, _)| at);
    let Some(short) = end.and_then(|end| about.get(..end)) else { return about };
    short.rfind([',', ':']).and_then(|at| short.get(..at)).unwrap_or(short)
}

/// The arguments of this process.
#[must_use]
pub fn parse() -> Cli {
    Cli::from_arg_matches(&command().get_matches()).unwrap_or_else(|error| error.exit())
}

impl Cli {
    /// What the log shows of this verb: alarms of a market that is not there are part of its report, not news.
    #[must_use]
    pub fn log(&self) -> crate::observe::log::Usual {
        use crate::observe::log::Usual;
        match &self.command {
            Verb::Live(_) | Verb::Shadow(_) => Usual::Run,
            Verb::Paper(args) if args.is_live() => Usual::Run,
            Verb::Backtest(_)
            | Verb::Stress(_)
            | Verb::Sweep(_)
            | Verb::Paper(_)
            | Verb::Replay(_)
            | Verb::Why(_)
            | Verb::Portfolio(_) => Usual::Simulated,
            _ => Usual::Warnings,
        }
    }
}

#[derive(Debug, Subcommand)]
enum Verb {
    Backtest(backtest::Args),
    Backup(backup::Args),
    Restore(backup::Restore),
    Check(check::Args),
    Compare(compare::Args),
    Doctor(doctor::Args),
    Init(init::Args),
    Keys(keys::Args),
    Paper(paper::Args),
    Replay(replay::Args),
    Live(live::Args),
    Shadow(shadow::Args),
    Completions(completions::Args),
    Why(why::Args),
    Portfolio(portfolio::Args),
    Universe(universe::Args),
    Scan(scan::Args),
    Quote(quote::Args),
    /// History on disk: what there is, and what is wrong with it
    Data(data::Args),
    /// How funding was: mean, spread, share at the anchor, per venue and symbol
    Stats(stats::Args),
    Serve(serve::Args),
    Reload(reload::Args),
    Schema(schema::Args),
    Status(status::Args),
    Watch(watch::Args),
    Stress(stress::Args),
    Sweep(sweep::Args),
    /// Orders of a running session whose outcome is not settled
    #[command(after_help = "Examples:
  carry orders --state state/main
  carry orders --json")]
    Orders(control::Plain),
    /// Pairs of a running session: phase, coins, prices' age, why an order was refused
    #[command(after_help = "Examples:
  carry pairs --state state/main
  carry pairs --json")]
    Pairs(control::Plain),
    /// No new entries; what is held is managed and closed as before
    #[command(after_help = "Examples:
  carry pause --state state/main")]
    Pause(control::Plain),
    /// Entries again
    #[command(after_help = "Examples:
  carry resume --state state/main")]
    Resume(control::Plain),
    Flatten(control::Flatten),
    /// Closes one pair
    #[command(after_help = "Examples:
  carry close binance:BTCUSDT --state state/main         shows the plan and asks
  carry close binance:BTCUSDT --state state/main --yes")]
    Close(control::OnePair),
    #[command(after_help = "Examples:
  carry open binance:BTCUSDT --size 1000usdt --state state/main
  carry open binance:BTCUSDT --size 1000usdt --state state/main --yes")]
    Open(control::Open),
    /// Sends nothing any more, until clear-halt
    #[command(after_help = "Examples:
  carry halt --state state/main")]
    Halt(control::Plain),
    #[command(after_help = "Examples:
  carry reconcile --state state/main            it is refused while ledger and venue differ
  carry clear-halt --reason 'margin was added' --state state/main")]
    ClearHalt(control::ClearHalt),
    Reconcile(reconcile::Args),
    #[command(after_help = "Examples:
  carry orders --state state/main
  carry resolve c1-0000002a-7 --as absent --state state/main")]
    Resolve(control::Resolve),
    /// Takes coins that were there before into a pair
    #[command(after_help = "Examples:
  carry reconcile --state state/main            says whether there is something to adopt
  carry adopt binance:BTCUSDT --state state/main --yes")]
    Adopt(control::OnePair),
    Accept(control::Accept),
    Fills(fills::Args),
    Ledger(ledger::Args),
    Pnl(pnl::Args),
    Report(report::Args),
    Export(export::Args),
    Metrics(metrics::Args),
    Venue(Box<venue::Args>),
}

/// Runs the command line and gives the process's exit code.
#[must_use]
pub fn run(cli: &Cli) -> ExitCode {
    let mut reader = Reader { to: std::io::stdout().lock(), gone: false };
    let mut output = Output { out: &mut reader };
    let result: Result<(), Failure> = match &cli.command {
        Verb::Backtest(args) => backtest::run(args, &mut output),
        Verb::Backup(args) => backup::run(args, &mut output),
        Verb::Restore(args) => backup::restore(args, &mut output),
        Verb::Check(args) => check::run(args, &mut output),
        Verb::Compare(args) => compare::run(args, &mut output),
        Verb::Doctor(args) => doctor::run(args, &mut output),
        Verb::Init(args) => init::run(args, &mut output),
        Verb::Keys(args) => keys::run(args, &mut output),
        Verb::Paper(args) => paper::run(args, &mut output),
        Verb::Live(args) => live::run(args, &mut output),
        Verb::Shadow(args) => shadow::run(args, &mut output),
        Verb::Replay(args) => replay::run(args, &mut output),
        Verb::Completions(args) => completions::run(args, &mut output),
        Verb::Why(args) => why::run(args, &mut output),
        Verb::Portfolio(args) => portfolio::run(args, &mut output),
        Verb::Universe(args) => universe::run(args, &mut output),
        Verb::Scan(args) => scan::run(args, &mut output),
        Verb::Quote(args) => quote::run(args, &mut output),
        Verb::Data(args) => data::run(args, &mut output),
        Verb::Stats(args) => stats::run(args, &mut output),
        Verb::Serve(args) => serve::run(args, &mut output),
        Verb::Status(args) => status::run(args, &mut output),
        Verb::Watch(args) => watch::run(args, &mut output),
        Verb::Reload(args) => reload::run(args, &mut output),
        Verb::Schema(args) => schema::run(args, &mut output),
        Verb::Stress(args) => stress::run(args, &mut output),
        Verb::Sweep(args) => sweep::run(args, &mut output),
        Verb::Orders(args) => control::plain(Asked::Orders, args, &mut output),
        Verb::Pairs(args) => control::plain(Asked::Pairs, args, &mut output),
        Verb::Pause(args) => control::plain(Asked::Pause, args, &mut output),
        Verb::Resume(args) => control::plain(Asked::Resume, args, &mut output),
        Verb::Flatten(args) => control::flatten(args, &mut output),
        Verb::Close(args) => control::one_pair(Asked::Close, args, &mut output),
        Verb::Open(args) => control::open(args, &mut output),
        Verb::Halt(args) => control::plain(Asked::Halt, args, &mut output),
        Verb::ClearHalt(args) => control::clear_halt(args, &mut output),
        Verb::Reconcile(args) => reconcile::run(args, &mut output),
        Verb::Resolve(args) => control::resolve(args, &mut output),
        Verb::Adopt(args) => control::one_pair(Asked::Adopt, args, &mut output),
        Verb::Accept(args) => control::accept(args, &mut output),
        Verb::Fills(args) => fills::run(args, &mut output),
        Verb::Ledger(args) => ledger::run(args, &mut output),
        Verb::Pnl(args) => pnl::run(args, &mut output),
        Verb::Report(args) => report::run(args, &mut output),
        Verb::Export(args) => export::run(args, &mut output),
        Verb::Metrics(args) => metrics::run(args, &mut output),
        Verb::Venue(args) => venue::run(args, &mut output),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // Nothing else failed than the printing.
        Err(failure) if reader.gone && failure.exit == Exit::Failure => ExitCode::SUCCESS,
        Err(failure) => {
            crate::observe::log::last_word(&format!("carry: {failure}"));
            #[expect(clippy::as_conversions, reason = "the codes are the enum's values")]
            ExitCode::from(failure.exit as u8)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn u14_every_verb_has_a_group_of_its_own_or_the_last_and_an_example() {
        let command = command();
        let help = grouped(&command);
        for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help") {
            let name = verb.get_name();
            assert_eq!(help.matches(&format!("  {name:<12} ")).count(), 1, "{name}");
            let after = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(after.contains(&format!("carry {name}")), "carry {name} --help has no example");
        }
        for line in help.lines() {
            assert!(line.chars().count() <= 110, "{line}");
        }
    }
}
