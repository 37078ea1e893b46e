//! `carry backtest`: a strategy over recorded history.

use super::dates;
use super::{Exit, Failure, Output};
use crate::config::{Loaded, Sources, load};
use crate::data::error::DataError;
use crate::data::folder::Folder;
use crate::data::history::PairHistory;
use crate::data::instruments;
use crate::domain::{Asset, Catalogue, WallTime};
use crate::report::run::Remark;
use crate::run::backtest::{Inputs, run as run_backtest};
use crate::run::journal::NoJournal;
use rayon::prelude::*;
use std::path::PathBuf;

/// Runs a strategy over recorded history, pair by pair, with fees, funding, margin and holes
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry backtest --data data --strategy strategies/ethena.toml --out out
  carry backtest --data data --strategy strategies/anchor.toml --from 2023-01-01 --capital 50000usdt
  carry backtest --data data --strategy strategies/anchor.toml --set exit.funding=0%/8h --json")]
pub struct Args {
    /// Folder of history (funding/, klines/, ...; see `carry data list`)
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Strategy file
    #[arg(long, value_name = "FILE")]
    strategy: PathBuf,
    /// First instant (UTC date or time)
    #[arg(long, value_name = "DATE")]
    from: Option<String>,
    /// Last instant (UTC date or time)
    #[arg(long, value_name = "DATE")]
    to: Option<String>,
    /// Money at the start, for example 100000usdt
    #[arg(long, value_name = "MONEY")]
    capital: Option<String>,
    /// Overrides one key, for example `exit.min_hold=3d`; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Further configuration files; may be repeated
    #[arg(long, value_name = "FILE")]
    config: Vec<PathBuf>,
    /// Folder for summary.json, the CSV files and report.html
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The summary as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// A [`Failure`] with its exit code.
pub fn run(args: &Args, output: &mut Output<'_>) -> Result<(), Failure> {
    let mut set = args.set.clone();
    if let Some(capital) = &args.capital {
        set.push(format!("run.capital={capital}"));
    }
    let loaded = load(&Sources::discover(Some(args.strategy.clone()), args.config.clone(), set))?;
    let folder = Folder::open(&args.data)?;
    let from = args.from.as_deref().map(dates::first_instant).transpose().map_err(usage)?;
    let to = args.to.as_deref().map(dates::last_instant).transpose().map_err(usage)?;
    if let (Some(from), Some(to)) = (from, to)
        && from >= to
    {
        return Err(usage(format!("--from {from} is not before --to {to}")));
    }
    if let Some(out) = args.out.as_ref().filter(|out| out.is_file()) {
        return Err(usage(format!("--out {}: is a file, expected a folder", out.display())));
    }
    let (catalogue, remarks, histories) = universe(&folder, &loaded, from, to)?;
    let inputs = Inputs { settings: loaded.settings, catalogue, histories: &histories, remarks };
    let result =
        run_backtest(&inputs, NoJournal, true).map_err(|error| Failure::new(Exit::Failure, error.to_string()))?;
    if let Some(out) = &args.out {
        crate::report::files::write_all(out, &result)
            .map_err(|error| Failure::new(Exit::Failure, error.to_string()))?;
    }
    if args.json {
        writeln!(output.out, "{}", crate::report::summary_json(&result.summary))?;
    } else {
        crate::report::table::print_summary(output.out, &result)?;
        let why = format!("carry why --data {} --strategy {}", args.data.display(), args.strategy.display());
        let page = args.out.as_ref().map(|out| format!("{}/report.html", out.display()));
        let mut next: Vec<(&str, &str)> = Vec::new();
        if let Some(page) = &page {
            next.push((page, "the page with charts"));
        }
        next.push((&why, "why each pair is or is not held at the end"));
        next.push(("carry paper", "the same engine on a simulated market"));
        crate::report::print_next(output.out, &next)?;
    }
    Ok(())
}

fn usage(message: String) -> Failure {
    Failure::new(Exit::Usage, message)
}

/// The pairs that the strategy names, or all that the folder can price, with their instruments and remarks.
///
/// # Errors
/// A [`Failure`] when a pair cannot be loaded.
pub(super) fn universe(
    folder: &Folder,
    loaded: &Loaded,
    from: Option<WallTime>,
    to: Option<WallTime>,
) -> Result<Universe, Failure> {
    let wanted = &loaded.settings.strategy.pairs;
    let coin = loaded.settings.size.quantity_coin;
    let names = if wanted.is_empty() { folder.pairs() } else { wanted.clone() };
    let (histories, skipped) = if wanted.is_empty() {
        covered(folder, &names, from, to)?
    } else {
        (folder.load_pairs(&names, from, to)?, Vec::new())
    };
    let (catalogue, mut remarks, histories) = catalogue(folder, histories, coin, &loaded.settings)?;
    remarks.extend(skipped);
    Ok((catalogue, remarks, histories))
}

/// Of pairs that nobody named, those that have bars within the times; the others are remarked on.
fn covered(
    folder: &Folder,
    names: &[String],
    from: Option<WallTime>,
    to: Option<WallTime>,
) -> Result<(Vec<PairHistory>, Vec<Remark>), Failure> {
    let loaded: Vec<_> = names.par_iter().map(|name| (name, folder.load_pair(name, from, to))).collect();
    let (mut histories, mut skipped) = (Vec::new(), Vec::new());
    for (name, one) in loaded {
        match one {
            Ok(history) => histories.push(history),
            Err(error @ DataError::EmptyWindow { .. }) => {
                skipped.push(Remark { subject: name.clone(), text: format!("left out: {error}") });
            }
            Err(error) => return Err(error.into()),
        }
    }
    if histories.is_empty() {
        return Err(Failure::new(Exit::Usage, "no pair of the folder has bars within the given times"));
    }
    Ok((histories, skipped))
}

pub(super) type Universe = (Catalogue, Vec<Remark>, Vec<PairHistory>);

/// Instruments of every pair with the fees of the settings, and what was assumed about them.
fn catalogue(
    folder: &Folder,
    histories: Vec<PairHistory>,
    coin: Option<Asset>,
    settings: &crate::config::Settings,
) -> Result<Universe, Failure> {
    let mut catalogue = Catalogue::default();
    let mut remarks = Vec::new();
    let mut kept = Vec::new();
    for history in histories {
        let mut legs = instruments::legs(folder, &history)?;
        if let Some(coin) = coin.filter(|coin| *coin != legs.spot.coin) {
            let text = format!("left out: size.quantity is in {coin}");
            remarks.push(Remark { subject: history.name.clone(), text });
            continue;
        }
        legs.spot.buy_fee_in = settings.sim.buy_fee_in;
        remarks.extend(legs.remarks.iter().map(|text| Remark { subject: history.name.clone(), text: text.clone() }));
        if history.open_interest.is_empty() {
            let text = "no open interest: the quadrant gate is off".to_owned();
            remarks.push(Remark { subject: history.name.clone(), text });
        }
        let proxies = "premium index from perp / spot - 1; depth from bar volume (a twentieth of an hour's volume)";
        remarks.push(Remark { subject: history.name.clone(), text: proxies.to_owned() });
        catalogue.add_pair(legs.spot, legs.perp);
        kept.push(history);
    }
    Ok((catalogue, remarks, kept))
}

impl From<DataError> for Failure {
    fn from(error: DataError) -> Self {
        let exit = match error {
            DataError::NotAFolder { .. } | DataError::NoPair { .. } | DataError::EmptyWindow { .. } => Exit::Usage,
            _ => Exit::Failure,
        };
        Self::new(exit, error.to_string())
    }
}
