//! `carry live`: trades with keys, from recovery to a safe stop.
//!
//! Order of a start: lock, keys, reach, preflight, ladder, ledger, streams, and only then the core. Tests: `tests/live.rs`.

use super::real::{self, Opened, Place, What};
use super::{Exit, Failure, Output};
use crate::config::{Loaded, Sources, load};
use crate::domain::{Sequence, Span, VenueId, WallTime};
use crate::engine::State;
use crate::keys::{KeyEntry, Kind};
use crate::port::Event;
use crate::port::event::Wallet;
use crate::run::backtest::summarise;
use crate::run::collect::Collector;
use crate::run::driver::Driver;
use crate::run::live::{Desk, Live, Outbox};
use crate::run::live_loop::{self, Ears, Ended, Until};
use crate::run::live_net::Signer;
use crate::run::live_start::Inquiry;
use crate::run::preflight::{self, Verdict};
use crate::run::session::{self, Session};
use crate::store::ledger_file::Batch;
use crate::store::{LedgerFile, StateLock};
use crate::tape::{self, TapeWriter};
use crate::venues::binance::account::Account;
use crate::venues::binance::profile::{Auth, Profile};
use crate::venues::binance::sign::TradeSigner;
use crate::venues::transport::hosts::{Holder, TestKeys};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::mpsc;

/// How long pairs in work may take after a stop.
const GRACE: Span = Span::seconds(60);

/// Trades for real: with keys, on the engine that paper and backtest run
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry doctor --key main --strategy strategies/anchor.toml     what is missing before it may trade
  carry live --key main --strategy strategies/anchor.toml --state state/main
  carry live --key test --strategy strategies/anchor.toml --state state/try --base-url http://127.0.0.1:8080 --clock venue")]
pub struct Args {
    /// Name of the key, as in carry keys list
    #[arg(long, value_name = "NAME")]
    key: String,
    /// The file of keys; ~/.config/carry/keys.json when absent
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// Folder of the run: ledger, tape, control socket
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    what: What,
    /// The summary as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// A [`Failure`] with its exit code.
pub fn run(args: &Args, output: &mut Output<'_>) -> Result<(), Failure> {
    let loaded = load(&Sources::discover(args.what.strategy.clone(), args.what.config.clone(), args.what.set.clone()))?;
    let _lock = StateLock::take(&args.state)?;
    let entry =
        super::keys::places(args.keys.clone(), PathBuf::from(crate::keys::sources::CONTAINER))?.find(&args.key)?;
    real::runtime()?.block_on(go(args, &loaded, &entry.entry, output))
}

async fn go(args: &Args, loaded: &Loaded, entry: &KeyEntry, output: &mut Output<'_>) -> Result<(), Failure> {
    let settings = &loaded.settings;
    let signer = |name: &str, profile: &Profile| signer(entry, name, profile);
    let mut opened = real::open(settings, &args.place, &signer).await?;
    for door in &opened.doors {
        let inquiry = Inquiry { wire: &door.wire, name: &door.name };
        let perps = preflight::perps(&opened.catalogue, door.venue);
        let lines = preflight::account(&inquiry, &perps, door.now).await?;
        if let Some(line) = lines.iter().find(|line| line.verdict == Verdict::Refuse) {
            let text =
                format!("{}: {}: {}\n{}\ncarry doctor shows everything", door.name, line.check, line.found, line.fix);
            return Err(Failure::new(Exit::Refused, text));
        }
        preflight::settle_modes(&inquiry, &perps, settings).await?;
    }
    real::open_lines(&mut opened);
    let live = begin(args, loaded, &mut opened).await?;
    finish_run(args, live, opened, output).await
}

/// A signer of the key for a venue, and whether it is a test key.
///
/// # Errors
/// Exit code 2 when the key is of another venue, kind or environment.
pub fn signer(entry: &KeyEntry, name: &str, profile: &Profile) -> Result<(Signer, Holder), Failure> {
    crate::observe::scrub::register(entry.secret().expose());
    if entry.venue != name && !name.starts_with(entry.venue) {
        let text = format!("key {} is of {}, and a pair is of {name}", entry.name, entry.venue);
        return Err(Failure::new(Exit::Usage, text));
    }
    entry
        .fits(profile.base(crate::venues::binance::ask::Host::Spot))
        .map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
    let secret = |secret: &crate::keys::Secret| secrecy::SecretString::from(secret.expose().to_owned());
    let made = match (&entry.kind, profile.auth) {
        (Kind::Hmac { key, secret: text }, _) => TradeSigner::hmac(key, &secret(text)),
        (Kind::Ed25519 { key, pem }, _) => TradeSigner::ed25519(key, &secret(pem)),
        (Kind::AsterAgent { user, private_key, .. }, Auth::Agent { chain_id, .. }) => {
            TradeSigner::agent(user, &secret(private_key), chain_id)
        }
        (Kind::AsterAgent { .. }, Auth::Key) => {
            return Err(Failure::new(Exit::Usage, format!("{name} takes a key and a secret, not an agent's wallet")));
        }
    };
    let signer = made.map_err(|error| Failure::new(Exit::Usage, format!("key {}: {error}", entry.name)))?;
    let holder = if entry.is_test() { Holder::Test(TestKeys::vouched()) } else { Holder::Live };
    Ok((Signer::Trade(Arc::new(signer)), holder))
}

/// The core and the accounts: from the ledger when there is one, else from the balances.
async fn begin(args: &Args, loaded: &Loaded, opened: &mut Opened) -> Result<Live<Session>, Failure> {
    let ledger = LedgerFile::open(&args.state.join("ledger.sqlite"), "live")?;
    let read = ledger.load()?;
    let now = (opened.clock.wall)();
    match read.meta.get("identity") {
        Some(_) => resume(args, loaded, (ledger, &read), opened, now),
        None => start(args, loaded, ledger, opened, now).await,
    }
}

async fn start(
    args: &Args,
    loaded: &Loaded,
    mut ledger: LedgerFile,
    opened: &mut Opened,
    now: WallTime,
) -> Result<Live<Session>, Failure> {
    let settings = &loaded.settings;
    let mut openings: Vec<(VenueId, Wallet, crate::domain::Asset, crate::domain::Amount)> = Vec::new();
    for door in &opened.doors {
        let inquiry = Inquiry { wire: &door.wire, name: &door.name };
        for (wallet, asset, amount) in inquiry.balances().await? {
            openings.push((door.venue, wallet, asset, amount));
        }
    }
    openings.retain(|(_, _, _, amount)| !amount.is_zero());
    let tape = super::shadow::new_tape(&args.state.join("tape"), loaded, opened, "live")?;
    let meta = vec![
        ("identity", real::identity(loaded, "live")),
        (
            "settings",
            tape::canonical(settings).map_err(|error| Failure::new(Exit::Failure, error.to_string()))?.to_string(),
        ),
        ("catalogue", serde_json::to_string(&opened.catalogue).unwrap_or_default()),
    ];
    ledger.commit(&Batch { meta, ..Batch::default() })?;
    let collector = Collector::new(opened.catalogue.pairs().len(), true);
    let session = Session::new(ledger, Some(tape), &collector);
    let state = State::new(settings.clone(), opened.catalogue.clone());
    let mut driver = Driver::new(state, Outbox::default(), session, collector);
    driver.refill(&opened.known.history, now);
    driver.fact(now, Event::Boot { epoch: 1, salt: real::fresh_salt() }, None)?;
    for (venue, wallet, asset, amount) in openings {
        driver.fact(now, Event::Opening { venue, wallet, asset, amount }, None)?;
    }
    driver.journal.ready()?;
    let desks = desks(opened, now, now);
    Ok(Live::new(driver, desks, now)?)
}

fn resume(
    args: &Args,
    loaded: &Loaded,
    from: (LedgerFile, &crate::store::Loaded),
    opened: &mut Opened,
    now: WallTime,
) -> Result<Live<Session>, Failure> {
    let (ledger, read) = from;
    let damaged = |problem: String| Failure::new(Exit::Failure, format!("the ledger cannot be read back: {problem}"));
    real::same_run(read, &real::identity(loaded, "live"), &opened.catalogue, &args.state)?;
    let mut state = State::new(loaded.settings.clone(), opened.catalogue.clone());
    let recovered = session::recover(&mut state, read).map_err(|error| damaged(error.to_string()))?;
    let sequence = Sequence(state.sequence.0);
    let tape = TapeWriter::resume(&args.state.join("tape"), sequence).map_err(|error| damaged(error.to_string()))?;
    let session = Session::new(ledger, Some(tape), &recovered.collector);
    let mut driver = Driver::new(state, Outbox::default(), session, recovered.collector);
    let now = now.max(recovered.clock);
    driver.refill(&opened.known.history, now);
    driver.fact(now, Event::Boot { epoch: recovered.epoch + 1, salt: real::fresh_salt() }, None)?;
    let desks = desks(opened, now, recovered.clock - Span::HOUR);
    Ok(Live::new(driver, desks, now)?)
}

fn desks(opened: &mut Opened, now: WallTime, income_from: WallTime) -> Vec<Desk> {
    let catalogue = &opened.catalogue;
    let mut desks = Vec::new();
    for door in std::mem::take(&mut opened.doors) {
        let mut account = Account::new(door.venue, catalogue, true, now);
        account.income_from(income_from);
        desks.push(Desk::new(door.venue, door.feed, account, door.wire));
    }
    desks
}

async fn finish_run(
    args: &Args,
    mut live: Live<Session>,
    opened: Opened,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let clock = opened.clock;
    let (_operator, operator) = mpsc::channel(16);
    let mut ears = Ears { inbox: opened.inbox, operator, stop: real::stop_signal() };
    let end = args.place.span()?.map(|span| (clock.wall)() + span);
    let until = Until { end, grace: GRACE };
    let watch = crate::run::clock::Stopwatch::start();
    let ended = live_loop::run(&mut live, &mut ears, clock, until, |_, _| {}).await?;
    let last = live.driver.state.now;
    live.observe(last);
    let settings = live.driver.state.settings.clone();
    let mut summary = summarise(&live.driver, &settings, watch.seconds());
    "carry.live/1".clone_into(&mut summary.schema);
    "live".clone_into(&mut summary.mode);
    "live".clone_into(&mut summary.market);
    if args.json {
        write!(output.out, "{}", crate::report::summary_json(&summary))?;
    } else {
        writeln!(output.out, "stopped; {} orders sent", live.driver.state.orders.sent())?;
    }
    match ended {
        Ended::Calm => Ok(()),
        Ended::InWork => Err(Failure::new(
            Exit::InDoubt,
            "stopped with something in work or in doubt; start again, or look at carry status",
        )),
    }
}
