//! `carry venue`: the simulated venue on loopback, speaking the real protocol. The manual is `deploy/venue.md`.

use super::{Exit, Failure, Output, paper_replay};
use crate::domain::{Amount, Market, Rate, Span, Symbol, WallTime};
use crate::loopback::keys::{ASTER_AGENT, ASTER_WALLET, TRADER};
use crate::loopback::typed::address_of;
use crate::loopback::{LoopbackError, Options, Profile, RecordedPair, Script, Source, serve};
use crate::net::machine_clock;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Serves the simulated venue on loopback: Binance's or Aster's protocol, its own books, test keys only
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry venue --profile binance --listen 127.0.0.1:8400 --speed 60
  carry venue --profile binance --print-key | carry keys add try --venue binance --test
  carry live --key try --base-url http://127.0.0.1:8400 --clock venue --state state/try --set live.shadow_hours=0s")]
pub struct Args {
    /// Whose protocol
    #[arg(long, value_enum, default_value = "binance")]
    profile: Word,
    /// Prints the venue's test key for carry keys add, and ends; it is public and opens nothing but such a venue
    #[arg(long)]
    print_key: bool,
    /// Loopback address and port; port 0 takes any free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Where prices come from: sim, or replay:DIR with the files of carry data record
    #[arg(long, default_value = "sim", value_name = "MARKET")]
    market: String,
    /// Seed of the generated market
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How fast the venue's time passes against real time
    #[arg(long, default_value = "1")]
    speed: String,
    /// The venue's time at the start, in milliseconds since 1970 or as `now`; a recording has its own
    #[arg(long, default_value = "now")]
    start: String,
    /// Days of market history before the start
    #[arg(long, default_value_t = 3)]
    history: u8,
    /// Real milliseconds between stream messages of one book
    #[arg(long, default_value_t = 100)]
    pulse: u64,
    /// Faults and acts, in TOML; may be given more than once
    #[arg(long, visible_alias = "script")]
    faults: Vec<PathBuf>,
    /// USDT in the spot wallet at the start
    #[arg(long, default_value = "100000")]
    balance: String,
    /// USDT in the futures wallet at the start
    #[arg(long, default_value = "0")]
    futures_balance: String,
    /// Folder that keeps the books, so that a restarted venue goes on
    #[arg(long)]
    state: Option<PathBuf>,
    /// Serves https and wss with a certificate of its own, made anew at each start
    #[arg(long, requires = "tls_cert")]
    tls: bool,
    /// Where the certificate is written as PEM; clients find it by the environment variable `CARRY_TEST_ROOT`
    #[arg(long, value_name = "FILE", requires = "tls")]
    tls_cert: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Word {
    Binance,
    Aster,
}

/// Runs the command.
///
/// # Errors
/// Arguments that mean nothing, an address that is not loopback, a port that is taken.
pub fn run(args: &Args, output: &mut Output<'_>) -> Result<(), Failure> {
    if args.print_key {
        return Ok(writeln!(output.out, "{}", test_key(args.profile))?);
    }
    let options = options(args)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let real: crate::loopback::RealTime = Arc::new(|| machine_clock::now().0);
        let running = serve(options, real).await.map_err(|error| failure(&error))?;
        let (http, ws) = if args.tls { ("https", "wss") } else { ("http", "ws") };
        let line = serde_json::json!({
            "schema": "carry.venue/1", "listen": running.address.to_string(), "base": format!("{http}://{}", running.address),
            "ws": format!("{ws}://{}", running.address), "profile": running.profile.word(), "now_ms": running.now.0,
            "certificate": args.tls_cert,
        });
        writeln!(output.out, "{line}")?;
        output.out.flush()?;
        stop_signal().await?;
        tracing::info!("stopping");
        running.stop().map_err(|error| failure(&error))
    })?;
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(())
}

/// The key as `carry keys add` reads it.
fn test_key(profile: Word) -> serde_json::Value {
    match profile {
        Word::Binance => serde_json::json!({ "key": TRADER.0, "secret": TRADER.1 }),
        Word::Aster => {
            let hex = crate::domain::text::hex(&ASTER_AGENT);
            serde_json::json!({
                "user": address_of(&ASTER_WALLET), "signer": address_of(&ASTER_AGENT), "private_key": format!("0x{hex}"),
            })
        }
    }
}

fn failure(error: &LoopbackError) -> Failure {
    let exit = match error {
        LoopbackError::NotLoopback(_) | LoopbackError::Recording(_) => Exit::Usage,
        LoopbackError::Listen(_) | LoopbackError::State(_) | LoopbackError::Tls(_) => Exit::Failure,
    };
    Failure::new(exit, error.to_string())
}

/// SIGINT or SIGTERM.
async fn stop_signal() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            result = tokio::signal::ctrl_c() => result,
            _ = term.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

fn options(args: &Args) -> Result<Options, Failure> {
    let usage = |text: String| Failure::new(Exit::Usage, text);
    let source = match args.market.split_once(':') {
        None if args.market == "sim" => Source::Generated(args.seed),
        Some(("replay", folder)) if args.start == "now" => Source::Recorded(recorded(Path::new(folder))?),
        Some(("replay", _)) => return Err(usage("--start: a recording begins when it was recorded".to_owned())),
        _ => return Err(usage(format!("--market: `{}` is not served; expected sim or replay:DIR", args.market))),
    };
    let mut script = Script::default();
    for path in &args.faults {
        script.join(read(path)?);
    }
    let amount = |name: &str, text: &str| {
        let parsed = Amount::parse(text).ok().filter(|amount| *amount >= Amount::ZERO);
        parsed.ok_or_else(|| usage(format!("--{name}: `{text}` is no amount of USDT; expected e.g. 100000")))
    };
    let start = match args.start.as_str() {
        "now" => machine_clock::now(),
        text => text
            .parse::<i64>()
            .map(WallTime)
            .map_err(|_| usage(format!("--start: `{text}` is neither `now` nor milliseconds")))?,
    };
    Ok(Options {
        profile: match args.profile {
            Word::Binance => Profile::Binance,
            Word::Aster => Profile::Aster,
        },
        listen: args.listen,
        source,
        start,
        history: Span(i64::from(args.history.min(20)) * Span::DAY.0),
        speed_per_mille: speed(&args.speed)
            .ok_or_else(|| usage(format!("--speed: `{}`; expected 0.001 to 1000000", args.speed)))?,
        pulse_ms: args.pulse,
        script,
        spot_balance: amount("balance", &args.balance)?,
        futures_balance: amount("futures-balance", &args.futures_balance)?,
        state: args.state.clone(),
        certificate: args.tls_cert.clone(),
    })
}

/// The pairs of a recording with their files; a leg that was not recorded is named.
fn recorded(folder: &Path) -> Result<Vec<RecordedPair>, Failure> {
    let usage = |text: String| Failure::new(Exit::Usage, format!("--market replay: {}: {text}", folder.display()));
    let mut found: BTreeMap<Symbol, [Vec<PathBuf>; 2]> = BTreeMap::new();
    for (path, market, symbol) in paper_replay::recordings(folder)? {
        let [spot, perp] = found.entry(symbol).or_default();
        if market == Market::Spot { spot } else { perp }.push(path);
    }
    if found.is_empty() {
        return Err(usage("no recorded frames; expected the files of carry data record".to_owned()));
    }
    let mut pairs = Vec::new();
    for (symbol, files) in found {
        for (leg, of) in ["spot", "perp"].into_iter().zip(&files) {
            if of.is_empty() {
                return Err(usage(format!("{symbol}: its {leg} leg was not recorded; both are needed")));
            }
        }
        let catalogue = paper_replay::catalogue(symbol)?;
        let legs =
            catalogue.pairs().first().map(|pair| (catalogue.instrument(pair.long), catalogue.instrument(pair.short)));
        if let Some((Some(spot), Some(perp))) = legs {
            pairs.push(RecordedPair { spot: spot.clone(), perp: perp.clone(), files });
        }
    }
    Ok(pairs)
}

/// Thousandths of a speed.
fn speed(text: &str) -> Option<i64> {
    let whole = text.parse::<i64>().ok().filter(|x| (1..=1_000_000).contains(x)).map(|x| x * 1_000);
    whole.or_else(|| {
        Rate::parse(text).ok().map(|rate| rate.units() / (Rate::ONE / 1_000)).filter(|per_mille| *per_mille > 0)
    })
}

fn read(path: &Path) -> Result<Script, Failure> {
    let usage = |problem: String| Failure::new(Exit::Usage, format!("{}: {problem}", path.display()));
    Script::parse(&super::bounded::text(path).map_err(usage)?).map_err(|error| usage(error.to_string()))
}
