//! `carry live`: trades with keys, from recovery to a safe stop.
//!
//! Order of a start: keys, lock, ladder, reach, preflight, streams, ledger, and only then the core. Tests: `tests/live.rs`,
//! `tests/commands/control_live.rs`.

use super::attend::{self, Attendant};
use super::real::{self, Again, Place, What};
use super::signers::Signers;
use super::universe_names::{Grows, name};
use super::{Exit, Failure, Output};
use crate::checks::ladder::{Ladder, NotYet};
use crate::config::settings::Mode;
use crate::config::{ConfigErrors, Loaded, Settings};
use crate::control::desk::Desk as ControlDesk;
use crate::control::server::Asker;
use crate::domain::Span;
use crate::keys::{KeyEntry, Kind};
use crate::net::hosts::{Holder, TestKeys};
use crate::net::wire::Signer;
use crate::run::backtest::summarise;
use crate::run::begin::{self, Beginning};
use crate::run::driver::Driver;
use crate::run::journal::Books;
use crate::run::live::Live;
use crate::run::live_loop::{self, Ears, Ended, Until};
use crate::run::opening::{self, Opened};
use crate::run::session::Session;
use crate::store::{AccountLock, StateLock};
use crate::venues::binance::profile::{Auth, Profile};
use crate::venues::binance::sign::TradeSigner;
use std::path::PathBuf;
use std::sync::Arc;

/// How long pairs in work may take after a stop.
const GRACE: Span = Span::seconds(60);

/// Trades for real: with keys, on the engine that paper and backtest run
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry doctor --key main --strategy strategies/anchor.toml     what is missing before it may trade
  carry live --key main --strategy strategies/anchor.toml --state state/main
  carry live --key main --key short --set 'strategy.pairs=[\"binance:BTCUSDT/aster:BTCUSDT\"]' --state state/two
  carry live --key test --strategy strategies/anchor.toml --state state/try --base-url http://127.0.0.1:8080 --clock venue")]
pub struct Args {
    /// Name of the key, as in carry keys list; where the legs of a pair are at two venues, of each its own. Without it, that of
    /// [venues.NAME] in the configuration
    #[arg(long, value_name = "NAME")]
    key: Vec<String>,
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
    /// Your consent to `live.max_notional`, in the exact words that a refusal names
    #[arg(long, value_name = "TEXT")]
    consent: Option<String>,
    /// The summary as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// A [`Failure`] with its exit code.
pub fn run(args: &Args, output: &mut Output<'_>) -> Result<(), Failure> {
    let what = args.what.clone();
    // Which keys sign decides what the settings may be; for their names alone every setting will do.
    let named = if args.key.is_empty() { settings(&what, true)?.settings } else { Settings::default() };
    let signers = Signers::named(&args.key, &named, args.keys.clone())?;
    let plays = plays(&signers, args);
    let mut loaded = settings(&what, plays)?;
    consented(&signers, args, &loaded)?;
    let lock = StateLock::take(&args.state)?;
    // One account, one session: a copy of the folder, or another folder with the same key, would keep books of half of it.
    let _accounts = accounts(&signers, &args.place)?;
    climbed(args, &loaded)?;
    name(&mut loaded, (&args.state, &args.place), Grows::Yes)?;
    loaded.settings.within_consent();
    let loaded = super::about::typed(loaded, &args.state);
    let attendant = Attendant::new((&args.state, "live"), &loaded.settings, None)?;
    let again = Again::of(&loaded, true, move || settings(&what, plays));
    let (desk, server) = attend::desk(&args.state, &lock, again)?;
    let _page = super::serve::beside(&args.state, &loaded.settings.web)?;
    let job = Job { args, loaded: &loaded, signers: &signers };
    let (mut live, attendant, ended, seconds) = real::run(job.go(attendant, (desk, server.asker.clone())))?;
    attendant.end(&mut live);
    finish_run((args, &loaded), &live, (ended, seconds), output)
}

/// Whether no real money can be moved: a test key on this machine, or one of an environment with play money.
fn plays(signers: &Signers, args: &Args) -> bool {
    let at_home = |entry: &KeyEntry| entry.is_test() && args.place.base_of(entry.venue).is_some();
    signers.all().iter().all(|entry| at_home(entry) || entry.is_play())
}

/// Each account of the run for itself; while a session holds one, no other takes it.
///
/// # Errors
/// Exit code 7 names the venue of an account that another session trades on.
pub(super) fn accounts(signers: &Signers, place: &Place) -> Result<Vec<AccountLock>, Failure> {
    let one = |entry: &KeyEntry| AccountLock::take(place.base_of(entry.venue).unwrap_or(entry.venue), entry.account());
    Ok(signers.all().iter().map(one).collect::<Result<_, _>>()?)
}

/// The settings. A test key on loopback, and one of play money, may do without hours in the shadow; nothing else may go below the key's range.
fn settings(what: &What, plays: bool) -> Result<Loaded, ConfigErrors> {
    let (mut set, mut none) = (what.set.clone(), false);
    if plays {
        let waives = |one: &String| one.trim() == "live.shadow_hours=0s";
        none = set.iter().any(waives);
        set.retain(|one| !waives(one));
    }
    let mut loaded = What { set, ..what.clone() }.load()?;
    if none {
        loaded.settings.live.shadow_hours = Span::ZERO;
    }
    Ok(loaded)
}

/// Real money needs two consents: the verb, and the mode of the configuration. Where it plays, neither moves any.
fn consented(signers: &Signers, args: &Args, loaded: &Loaded) -> Result<(), Failure> {
    if plays(signers, args) || loaded.settings.run.mode == Mode::Live {
        return Ok(());
    }
    let text = "run.mode is \"paper\": carry live needs both consents, the verb and mode = \"live\" under [run] in the \
                configuration (or --set 'run.mode=\"live\"'); nothing was sent";
    Err(Failure::new(Exit::Refused, text))
}

/// The ladder: long enough in the shadow, and consent to more than a little.
fn climbed(args: &Args, loaded: &Loaded) -> Result<(), Failure> {
    let refused = |not_yet: NotYet| Failure::new(Exit::Refused, not_yet.to_string());
    let (live, currency) = (&loaded.settings.live, loaded.settings.run.currency);
    let mut ladder = Ladder::open(&args.state)?;
    if let Some(text) = &args.consent {
        ladder.consent(text, (live, currency), crate::net::machine_clock::now())?.map_err(refused)?;
    }
    // An upgrade gives an unchanged strategy another hash; its hours in the shadow stay its own.
    let hours = |strategy: &String| ladder.allows(strategy, live.shadow_hours);
    if !crate::run::upgrade::former(&args.state, loaded).iter().any(|former| hours(former).is_ok()) {
        hours(&loaded.strategy_hash).map_err(refused)?;
    }
    ladder.allows_notional(live, currency).map_err(refused)
}

/// One run.
struct Job<'a> {
    args: &'a Args,
    loaded: &'a Loaded,
    signers: &'a Signers,
}

/// A run that is over, who looked after it, how it ended, and its seconds.
type Played = (Live<Session>, Attendant, Ended, f64);

impl Job<'_> {
    async fn go(&self, attendant: Attendant, (desk, asker): (ControlDesk, Asker)) -> Result<Played, Failure> {
        let stop = real::stop_signal(Some(asker));
        let (mut live, opened) = real::unless_stopped(&stop, self.start()).await?;
        let clock = opened.clock;
        let mut ears = Ears { inbox: opened.inbox, desk, stop };
        let end = self.args.place.span()?.map(|span| (clock.wall)() + span);
        let until = Until { end, grace: GRACE };
        let watch = crate::net::machine_clock::Stopwatch::start();
        let mut attendant = attendant;
        attendant.begin(&mut live);
        let ended =
            live_loop::run(&mut live, &mut ears, clock, until, |run, now| attendant.look(run, now, clock)).await?;
        let last = live.driver.state.now;
        live.observe(last);
        let digest = live.driver.digest();
        let Driver { state, collector, journal, .. } = &mut live.driver;
        journal.rest(&digest, Books { state, collector })?;
        Ok((live, attendant, ended, watch.seconds()))
    }

    /// Everything before the first event of the loop.
    async fn start(&self) -> Result<(Live<Session>, Opened), Failure> {
        let settings = &self.loaded.settings;
        let venues = real::by_venue(&settings.strategy.pairs)?;
        self.signers.fit(&venues.keys().map(String::as_str).collect::<Vec<_>>())?;
        let signer = |name: &str, profile: &Profile| signer(self.signers.of(name)?, name, profile);
        let mut opened = real::open(settings, (&self.args.place, &self.args.state), &signer).await?;
        begin::accounts(&opened, settings).await?;
        opening::open_lines(&mut opened);
        let of = Beginning { folder: &self.args.state, loaded: self.loaded, salt: real::fresh_salt() };
        Ok((begin::live(of, &mut opened).await?, opened))
    }
}

/// A signer of the key for a venue, and whether it is a test key.
///
/// # Errors
/// Exit code 2 when the key is of another venue, kind or environment.
pub fn signer(entry: &KeyEntry, name: &str, profile: &Profile) -> Result<(Signer, Holder), Failure> {
    crate::observe::scrub::register(entry.secret().expose());
    if !entry.is_of(name) {
        let text = format!(
            "key {} is of {}, and a pair is of {name}: a key signs for its own environment alone; file one of that: carry keys add \
             NAME --venue {name}",
            entry.name, entry.venue
        );
        return Err(Failure::new(Exit::Usage, text));
    }
    entry
        .fits(profile.base(crate::venues::ask::Host::Spot))
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
    // Keys of play money are worth nothing: what they may be sent to is the venue's own hosts of that environment.
    let worthless = entry.is_test() || entry.is_play();
    let holder = if worthless { Holder::Test(TestKeys::vouched()) } else { Holder::Live };
    Ok((Signer::Trade(Arc::new(signer)), holder))
}

fn finish_run(
    (args, loaded): (&Args, &Loaded),
    live: &Live<Session>,
    (ended, seconds): (Ended, f64),
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let mut summary = summarise(&live.driver, &live.driver.state.settings, seconds);
    "carry.live/2".clone_into(&mut summary.schema);
    let retold = live.driver.journal.retold(&live.driver.state);
    summary.run = retold.unwrap_or_else(|| super::about::about(loaded));
    "live".clone_into(&mut summary.mode);
    "live".clone_into(&mut summary.market);
    let told = if args.json {
        write!(output.out, "{}", crate::report::summary_json(&summary))
    } else {
        writeln!(output.out, "stopped; {} orders sent", live.driver.state.orders.sent())
    };
    // An output that takes nothing must not hide what is in doubt (fault L20).
    match ended {
        Ended::Calm => Ok(told?),
        Ended::InWork => Err(in_work()),
    }
}

/// It stopped before everything was settled.
pub(super) fn in_work() -> Failure {
    Failure::new(Exit::InDoubt, "stopped with something in work or in doubt; start again, or look at carry status")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Secret;
    use crate::net::Site;
    use crate::venues::ask::Host;

    fn entry(venue: &'static str, test: bool) -> KeyEntry {
        let kind = Kind::Hmac { key: "k".repeat(64), secret: Secret::new("s".repeat(64)) };
        let added_at = crate::domain::WallTime(0);
        KeyEntry { name: "one".to_owned(), venue, kind, note: String::new(), added_at, test }
    }

    #[test]
    fn l33_h03_keys_of_play_money_never_sign_for_the_real_venue_nor_real_ones_for_the_demo() {
        let (real, demo) = (Profile::binance(), Profile::binance_demo());
        let opens = |entry: &KeyEntry, profile: &Profile, name: &str| {
            let (_, holder) = signer(entry, name, profile).ok()?;
            let hosts = [Host::Spot, Host::Perp, Host::Wallet].map(|host| profile.base(host).to_owned());
            let all = hosts.iter().chain([&profile.hosts.ws_spot, &profile.hosts.ws_perp]);
            let owner = real::owner(profile);
            all.map(|host| Site::new(host, owner, holder).ok()).collect::<Option<Vec<_>>>().map(|sites| sites.len())
        };
        assert_eq!(opens(&entry("binance", false), &real, "binance"), Some(5));
        assert_eq!(opens(&entry("binance-demo", false), &demo, "binance-demo"), Some(5));
        for (key, profile, name) in [
            ("binance", &demo, "binance-demo"),
            ("binance-demo", &real, "binance"),
            // Whatever the pair calls it, the host decides too.
            ("binance-demo", &real, "binance-demo"),
            ("binance", &demo, "binance"),
        ] {
            assert_eq!(opens(&entry(key, false), profile, name), None, "{key} {name}");
        }
        assert!(opens(&entry("binance-demo", true), &demo, "binance-demo").is_none(), "a key for this machine");
        let error = signer(&entry("binance", false), "binance-demo", &demo).err().unwrap();
        assert!(error.message.contains("carry keys add NAME --venue binance-demo"), "{}", error.message);
    }
}
