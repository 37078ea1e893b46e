//! What `live`, `shadow` and `paper --market live` share: arguments, the door to each venue, and what is asked before the start.
//!
//! Nothing is traded here. Tests: `tests/live.rs`.

use super::history::named_pairs;
use super::{Exit, Failure};
use crate::checks::asked::{self, Asked};
use crate::checks::inquiry::StartError;
use crate::config::settings::Collateral;
use crate::config::sources::Folders;
use crate::config::{ConfigErrors, Loaded, Settings, Sources, load};
use crate::control::reload::{Files, Read};
use crate::control::server::Asker;
use crate::domain::{Span, Venue, VenueId, WallTime};
use crate::net::Clock;
use crate::net::carrier::Carrier;
use crate::net::hosts::{Holder, Owner, Site, TestKeys};
use crate::net::http::{HttpClient, HttpSettings, Outgoing};
use crate::net::machine_clock;
use crate::net::tls::TestRoot;
use crate::net::wire::{INBOX, Network, Signer, Wire, WireError};
use crate::run::begin::BeginError;
use crate::run::folder;
use crate::run::live_loop::Stop;
use crate::run::opening::{self, Opened, Wanted};
use crate::venues::ask::Method;
use crate::venues::binance::profile::{Feature, Profile};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// Where the market is, and on which clock the run goes.
#[derive(Debug, Clone, clap::Args)]
pub struct Place {
    /// Every host of the venue at one address of this machine, as http://127.0.0.1:PORT: a simulated venue, test keys only. Of
    /// several venues each has its own: --base-url binance=URL --base-url aster=URL
    #[arg(long, value_name = "[VENUE=]URL")]
    pub base_url: Vec<String>,
    /// machine, or venue: every timer and stamp on the clock of a simulated venue that runs faster than time
    #[arg(long, default_value = "machine", value_parser = ["machine", "venue"])]
    pub clock: String,
    /// Stops by itself after this time on the run's clock, for example 8h
    #[arg(long = "for", value_name = "SPAN")]
    pub length: Option<String>,
}

/// What a strategy and its settings come from.
#[derive(Debug, Clone, clap::Args)]
pub struct What {
    /// Strategy file; the built-in settings when absent; repeated where several strategies trade on one account, each with its own pairs
    #[arg(long, value_name = "FILE")]
    pub strategy: Vec<PathBuf>,
    /// Overrides one key; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Further configuration files; may be repeated
    #[arg(long, value_name = "FILE")]
    pub config: Vec<PathBuf>,
}

impl What {
    /// All layers as they are now.
    ///
    /// # Errors
    /// [`ConfigErrors`] holds everything that is wrong in any of them.
    pub fn load(&self) -> Result<Loaded, ConfigErrors> {
        let loaded = load(&Sources::of_strategies(&self.strategy, self.config.clone(), self.set.clone()))?;
        let stray = super::venue_names::stray(&loaded, None);
        if stray.is_empty() { Ok(loaded) } else { Err(stray) }
    }
}

impl Place {
    /// The address of this machine at which a venue is to be found, where one is named.
    #[must_use]
    pub fn base_of(&self, venue: &str) -> Option<&str> {
        let split = |text: &String| base_named(text).is_some_and(|(name, _)| name == venue);
        let own = self.base_url.iter().find(|text| split(text)).and_then(|text| base_named(text));
        let all = || self.base_url.iter().find(|text| base_named(text).is_none());
        own.map(|(_, url)| url).or_else(|| all().map(String::as_str))
    }

    /// The addresses, without the names of venues.
    pub fn bases(&self) -> impl Iterator<Item = &str> {
        self.base_url.iter().map(|text| base_named(text).map_or(text.as_str(), |(_, url)| url))
    }

    /// The length of the run, when one is given.
    ///
    /// # Errors
    /// Exit code 2 for a span that cannot be read.
    pub fn span(&self) -> Result<Option<Span>, Failure> {
        let Some(text) = &self.length else { return Ok(None) };
        match crate::config::kind::Kind::Span.parse(text) {
            Ok(crate::config::units::Value::Span(span)) if span > Span::ZERO => Ok(Some(span)),
            _ => Err(Failure::new(
                Exit::Usage,
                format!("--for {}: expected a length of time, for example 8h or 30m", text.escape_debug()),
            )),
        }
    }
}

/// The venue and the address of `binance=http://127.0.0.1:8080`; `None` for an address alone.
fn base_named(text: &str) -> Option<(&str, &str)> {
    text.split_once('=').filter(|(name, _)| !name.contains(':'))
}

/// Pairs by venue: `binance:BTCUSDT` is symbol `BTCUSDT` of `binance`.
///
/// # Errors
/// Exit code 2 when there is none, or one cannot be traded on a real market.
pub fn by_venue(pairs: &[String]) -> Result<BTreeMap<String, Asked>, Failure> {
    asked::by_venue(pairs).map_err(|text| Failure::new(Exit::Usage, text))
}

/// Makes signers: by the venue's name and its profile.
pub type SignerOf<'a> = &'a dyn Fn(&str, &Profile) -> Result<(Signer, Holder), Failure>;

/// The same key for questions alone: nothing that is asked with it can change the account.
#[must_use]
pub fn read_only(signer: Signer) -> Signer {
    match signer {
        Signer::Trade(signer) => Signer::Read(signer.reader()),
        other @ (Signer::None | Signer::Read(_)) => other,
    }
}

/// A run without keys: public data alone.
///
/// # Errors
/// None.
pub fn no_keys(_: &str, _: &Profile) -> Result<(Signer, Holder), Failure> {
    Ok((Signer::None, Holder::NoKeys))
}

/// Reaches every venue of the strategy's pairs and learns what must be known before the first event, of a session in this folder.
///
/// # Errors
/// Exit code 5 when a venue cannot be reached, 2 when a pair cannot be traded.
pub async fn open(
    settings: &Settings,
    (place, folder): (&Place, &Path),
    signer: SignerOf<'_>,
) -> Result<Opened, Failure> {
    named_pairs(settings, "a session on a real market")?;
    let venues = by_venue(&settings.strategy.pairs)?;
    let (sender, inbox) = mpsc::channel(INBOX);
    let clock = clock_of(place).await?;
    let root = test_root(place.bases())?;
    for name in place.base_url.iter().filter_map(|text| base_named(text)).map(|(name, _)| name) {
        if !venues.contains_key(name) {
            let text = format!("--base-url {}=...: no pair has a leg at a venue of this name", name.escape_debug());
            return Err(Failure::new(Exit::Usage, text));
        }
    }
    let mut wanted = Vec::new();
    for (number, (name, asked)) in venues.into_iter().enumerate() {
        let profile = profile(&name, place)?;
        let (key, collateral) = collateral_at(settings, &name);
        if collateral == Collateral::Unified {
            let text = format!(
                "{key} = \"unified\": {name} keeps spot and perp wallets apart here; one account for both is simulated \
                 only (carry backtest, carry paper); expected \"quote\" or \"coin\""
            );
            return Err(Failure::new(Exit::Usage, text));
        }
        if collateral == Collateral::Coin && !profile.has(Feature::CollateralRates) {
            let text = format!(
                "{key} = \"coin\": {name} does not say what coins count for as collateral; expected \"quote\" here"
            );
            return Err(Failure::new(Exit::Usage, text));
        }
        let venue = VenueId(u8::try_from(number).unwrap_or(u8::MAX));
        let (signer, holder) = signer(&name, &profile)?;
        let carrier = Carrier::Sockets;
        let network = Network { owner: owner(&profile), holder, test_root: root.as_ref(), clock, carrier };
        let wire = Arc::new(Wire::new((venue, Arc::new(profile)), signer, &network, sender.clone())?);
        wanted.push(Wanted { venue, name, asked, wire });
    }
    Ok(opening::open(settings, wanted, folder::numbered(folder), clock, inbox).await?)
}

/// What margins the shorts of a venue, and the key that says so.
fn collateral_at(settings: &Settings, name: &str) -> (String, Collateral) {
    let own = Venue::new(name).ok().and_then(|venue| settings.terms_of(venue)?.collateral);
    match own {
        Some(own) => (format!("venues.{name}.collateral"), own),
        None => ("margin.collateral".to_owned(), settings.margin.collateral),
    }
}

/// What is believed at the address of a simulated venue besides the web's roots: the certificate that the environment names.
/// Nothing away from `--base-url`, and nothing where no encryption is asked for.
///
/// # Errors
/// Exit code 2 when the file is no certificate.
pub fn test_root<'a>(bases: impl IntoIterator<Item = &'a str>) -> Result<Option<TestRoot>, Failure> {
    let path = Folders::discover().test_root.filter(|_| bases.into_iter().any(|base| base.starts_with("https://")));
    let Some(path) = path else { return Ok(None) };
    let failed = |problem: &dyn std::fmt::Display| {
        Failure::new(Exit::Usage, format!("{}: {}: {problem}", Folders::TEST_ROOT, path.display()))
    };
    let pem = super::bounded::read(&path).map_err(|problem| failed(&problem))?;
    TestRoot::from_pem(&pem).map(Some).map_err(|error| failed(&error))
}

/// Whose hosts a profile's are.
#[must_use]
pub fn owner(profile: &Profile) -> Owner {
    if profile.name.starts_with("aster") { Owner::Aster } else { Owner::Binance }
}

/// The profile of a venue, at the address that was named.
///
/// # Errors
/// Exit code 2 for a venue without an adapter.
pub fn profile(name: &str, place: &Place) -> Result<Profile, Failure> {
    let Some(profile) = Profile::named(name) else {
        let text = format!(
            "{}: no venue of this name can be traded live; there are binance and aster, and with play money binance-demo \
             and aster-testnet",
            name.escape_debug()
        );
        return Err(Failure::new(Exit::Usage, text));
    };
    Ok(match place.base_of(name) {
        Some(base) => profile.with_loopback(base),
        None => profile,
    })
}

/// The clock of the run; a venue's own only on loopback.
///
/// # Errors
/// Exit code 2 away from loopback, 5 when the venue's clock cannot be read.
pub async fn clock_of(place: &Place) -> Result<Clock, Failure> {
    if place.clock == "machine" {
        return Ok(machine_clock::clock());
    }
    // Of several venues the first one's clock is the run's: how far the others are from it is measured, as with real ones.
    let Some(base) = place.bases().next() else {
        return Err(Failure::new(Exit::Usage, "--clock venue: only with --base-url on loopback and test keys"));
    };
    let failed = |error: &dyn std::fmt::Display| Failure::new(Exit::Unreachable, format!("{base}: {error}"));
    let site = Site::new(base, Owner::Binance, Holder::Test(TestKeys::vouched())).map_err(|error| failed(&error))?;
    let root = test_root(place.bases())?;
    let client = HttpClient::new(&site, HttpSettings::default(), root.as_ref(), machine_clock::clock())
        .map_err(|error| failed(&error))?;
    follow(base, &client).await?;
    let base = base.to_owned();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            let _ = follow(&base, &client).await;
        }
    });
    Ok(machine_clock::venue())
}

/// Reads the clock of a simulated venue and follows it.
async fn follow(base: &str, client: &HttpClient) -> Result<(), Failure> {
    let failed = |what: String| Failure::new(Exit::Unreachable, format!("{base}: {what}"));
    let outgoing = Outgoing { method: Method::Get, path_and_query: "/carry/clock", body: None, header: None };
    let reply = client.send(&outgoing).await.map_err(|error| failed(error.to_string()))?;
    let clock: serde_json::Value =
        serde_json::from_slice(&reply.body).map_err(|_| failed("no clock of a simulated venue".to_owned()))?;
    let now = clock.get("now_ms").and_then(serde_json::Value::as_i64);
    let speed = clock.get("speed_per_mille").and_then(serde_json::Value::as_f64);
    let (Some(now), Some(speed)) = (now, speed) else {
        return Err(failed("its clock has no now_ms and speed_per_mille".to_owned()));
    };
    let held = clock.get("held").and_then(serde_json::Value::as_bool) == Some(true);
    machine_clock::follow(WallTime(now), if held { 0.0 } else { speed / 1000.0 });
    Ok(())
}

/// What the process is told by SIGTERM and SIGINT: at the first to stop calmly, at the second to stop at once. SIGHUP, which a
/// closed terminal sends too, stops nothing (fault L37): the session's files are read again, and what tightens is taken.
#[must_use]
pub fn stop_signal(session: Option<Asker>) -> watch::Receiver<Stop> {
    use tokio::signal::unix::{SignalKind, signal};
    let (tell, stop) = watch::channel(Stop::Not);
    // Installed before anything else runs: a signal that comes early must not kill.
    let signals = signal(SignalKind::terminate())
        .and_then(|one| Ok((one, signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?)));
    tokio::spawn(async move {
        let Ok((mut terminate, mut interrupt, mut hangup)) = signals else {
            tracing::error!("signals cannot be listened to; stop the run with --for, or kill it");
            return tell.closed().await;
        };
        let mut next = Stop::Calmly;
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                _ = hangup.recv() => {
                    if let Some(session) = &session {
                        drop(tokio::spawn(told_of(session.clone())));
                    } else {
                        tracing::warn!("SIGHUP: it goes on; other settings come with a restart");
                    }
                    continue;
                }
                // Kept until the run is over.
                () = tell.closed() => return,
            }
            tracing::warn!(?next, "told to stop");
            let _ = tell.send(next);
            next = Stop::AtOnce;
        }
    });
    stop
}

async fn told_of(session: Asker) {
    session.hangup().await;
}

/// The files of a session, read again as its start read them, and what it has now.
pub struct Again {
    /// Reads them.
    pub read: Read,
    /// What the session has.
    pub files: Files,
}

impl Again {
    /// For settings that were loaded by `read`; `capped` where `live.max_notional` bounds the caps.
    pub fn of(
        loaded: &Loaded,
        capped: bool,
        read: impl Fn() -> Result<Loaded, ConfigErrors> + Send + Sync + 'static,
    ) -> Self {
        // Pairs of the universe are those that the start named: its files do not say them.
        let pairs = loaded.settings.strategy.pairs.clone();
        let read = move || {
            let mut again = read()?;
            if again.settings.strategy.auto {
                again.settings.change(|settings| settings.strategy.pairs.clone_from(&pairs));
            }
            Ok(again)
        };
        Self { read: Arc::new(read), files: Files { loaded: loaded.clone(), capped } }
    }
}

/// A start, given up at once when the process is told to stop (fault L31): nothing of it trades, and the next start does it
/// again.
///
/// # Errors
/// Those of the start, and exit code 130 when it was given up.
pub async fn unless_stopped<T>(
    stop: &watch::Receiver<Stop>,
    start: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let mut stop = stop.clone();
    tokio::select! {
        biased;
        _ = stop.wait_for(|told| *told > Stop::Not) => {
            Err(Failure::new(Exit::Interrupted, "told to stop while it was starting; nothing was traded"))
        }
        done = start => done,
    }
}

/// The runtime of the edges.
///
/// # Errors
/// Exit code 1 when the system gives no threads.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let built = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    built.map_err(|error| Failure::new(Exit::Failure, format!("no threads: {error}")))
}

/// Runs something on the runtime of the edges, and waits for nothing else at its end: a look-up of a name that hangs must not
/// hold up the end of the process.
///
/// # Errors
/// Those of what runs, and exit code 1 when the system gives no threads.
pub fn run<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = runtime()?;
    let done = runtime.block_on(work);
    runtime.shutdown_background();
    done
}

/// Fresh bits for ids, so that no two installations make the same ones (fault A12).
#[must_use]
pub fn fresh_salt() -> u32 {
    use sha2::{Digest as _, Sha256};
    let mut digest = Sha256::new();
    digest.update(format!("{}:{}:{}", machine_clock::now().0, machine_clock::steady_ns(), std::process::id()));
    let bytes = digest.finalize();
    bytes.iter().take(4).fold(0, |sum, byte| sum << 8 | u32::from(*byte))
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        let exit = match &error {
            // It cannot be reached, or answers that it cannot answer now.
            error if error.passes() => Exit::Unreachable,
            StartError::Unreachable { .. } => Exit::Unreachable,
            StartError::Refused { .. } | StartError::Untrusted { .. } => Exit::Refused,
            StartError::Pair { .. } => Exit::Usage,
        };
        Self::new(exit, error.to_string())
    }
}

impl From<BeginError> for Failure {
    fn from(error: BeginError) -> Self {
        match error {
            BeginError::Start(error) => error.into(),
            BeginError::Wire(error) => error.into(),
            BeginError::Store(error) => error.into(),
            BeginError::Journal(error) => error.into(),
            BeginError::Io(error) => error.into(),
            BeginError::Usage(text) => Self::new(Exit::Usage, text),
            BeginError::Refused(text) => Self::new(Exit::Refused, text),
            BeginError::Failure(text) => Self::new(Exit::Failure, text),
        }
    }
}

impl From<WireError> for Failure {
    fn from(error: WireError) -> Self {
        Self::new(Exit::Usage, error.to_string())
    }
}
