//! `carry data record`: public streams as they come, into files that `carry paper --market replay:DIR` plays.

use super::download::{failure, public, symbol};
use super::{Exit, Failure, Output};
use crate::fetch::record::{RecordError, Recording, record};
use crate::net::machine_clock;
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

const EXAMPLES: &str = "Examples:
  carry data record --out frames --venue binance --symbol BTCUSDT --for 1h
  carry paper --market replay:frames
One file a leg and hour, gzipped. Ends with --for, --frames or Ctrl-C; files are whole in each case.";

/// Arguments of `carry data record`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Folder for the files; made when it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// binance or aster
    #[arg(long, value_name = "NAME")]
    venue: String,
    /// The venue's symbol, recorded on spot and perp; repeat it for more
    #[arg(long, value_name = "SYMBOL", required = true, value_delimiter = ',')]
    symbol: Vec<String>,
    /// How long, such as 90s, 15m, 1h or 2d; until Ctrl-C when left out
    #[arg(long = "for", value_name = "TIME", value_parser = length)]
    length: Option<Duration>,
    /// Stop after so many frames
    #[arg(long, value_name = "COUNT")]
    frames: Option<u64>,
    /// Another address for all hosts of the venue; this machine only, for tests
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// JSON (schema carry.data.record/1)
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    schema: &'static str,
    venue: String,
    files: Vec<FileJson>,
}

#[derive(Serialize)]
struct FileJson {
    file: String,
    frames: u64,
    /// How often its book was lost and begun anew.
    restarts: u64,
}

/// `15m` is fifteen minutes.
fn length(text: &str) -> Result<Duration, String> {
    let expected = || "expected a time such as 90s, 15m, 1h or 2d".to_owned();
    let unit = text.chars().last().ok_or_else(expected)?;
    let count: u64 = text.strip_suffix(unit).and_then(|count| count.parse().ok()).ok_or_else(expected)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(expected()),
    };
    count.checked_mul(seconds).filter(|all| *all > 0).map(Duration::from_secs).ok_or_else(expected)
}

/// Most symbols of one recording: three connections each.
const MOST: usize = 30;

/// Runs the command.
///
/// # Errors
/// [`Failure`]: exit 2 for arguments, exit 5 when the venue cannot be reached.
pub fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let symbols = args.symbol.iter().map(|text| symbol(text)).collect::<Result<Vec<_>, _>>()?;
    if symbols.len() > MOST {
        return Err(Failure::new(Exit::Usage, format!("{} symbols: expected at most {MOST}", symbols.len())));
    }
    let base = args.base_url.as_deref();
    let venue = public(&args.venue, base)?;
    let (out, name) = (args.out.clone(), args.venue.clone());
    let job = Recording { out, venue: name, symbols, length: args.length, frames: args.frames };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let done =
        runtime.block_on(record(venue, job, machine_clock::clock(), interrupted)).map_err(|error| told(&error))?;
    let shown = |path: &PathBuf| path.display().to_string();
    let files: Vec<FileJson> = done
        .iter()
        .map(|file| FileJson { file: shown(&file.file), frames: file.frames, restarts: file.restarts })
        .collect();
    if args.json {
        let report = Report { schema: "carry.data.record/1", venue: args.venue.clone(), files };
        serde_json::to_writer_pretty(&mut *output.out, &report).map_err(std::io::Error::from)?;
        return Ok(writeln!(output.out)?);
    }
    for file in files {
        writeln!(output.out, "{}: {} frames, book begun anew {} times", file.file, file.frames, file.restarts)?;
    }
    Ok(())
}

fn told(error: &RecordError) -> Failure {
    match error {
        RecordError::Ask(error) => failure(error),
        RecordError::Host(_) => Failure::new(Exit::Usage, error.to_string()),
        RecordError::Silent(_) => Failure::new(Exit::Unreachable, error.to_string()),
        RecordError::Tls(_) | RecordError::Disk { .. } => Failure::new(Exit::Failure, error.to_string()),
    }
}
