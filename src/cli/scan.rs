//! `carry scan`: pairs of a venue ranked by what they would earn now at a size, with what each one costs and what blocks it.
//!
//! The numbers are the strategy's own (`strategy/`), on the market as public endpoints show it. Nothing is ordered or
//! recorded. Tests: `tests/commands/scan.rs`.

use super::download::{failure, public, symbol};
use super::folder;
use super::gates::measured;
use super::{Exit, Failure, Output};
use crate::config::{Loaded, Settings, Sources, load};
use crate::domain::text::QUOTES;
use crate::domain::{Amount, FundingRate, Quantity, Rate, Symbol};
use crate::fetch::look::{Look, LookError, Looker};
use crate::net::machine_clock;
use crate::strategy::basis::{basis_gain, expected_net_apr, funding_signal};
use crate::strategy::cost::Costs;
use crate::strategy::forecast::Forecast;
use crate::strategy::{Gate, View, first_closed};
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;
use std::path::PathBuf;

/// Where to look and with which settings; shared with `carry quote`.
#[derive(Debug, clap::Args)]
pub(super) struct At {
    /// Value of the spot leg with its quote coin
    #[arg(long, value_name = "AMOUNT", default_value = "10000usdt")]
    pub(super) size: String,
    /// Strategy file
    #[arg(long, value_name = "FILE")]
    strategy: Option<PathBuf>,
    /// More configuration files; a later one wins
    #[arg(long, value_name = "FILE")]
    config: Vec<PathBuf>,
    /// Set one key, for example --set size.leverage=2x; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Another address for all hosts of the venue; this machine only, for tests
    #[arg(long, value_name = "URL")]
    pub(super) base_url: Option<String>,
}

/// Ranks pairs now by net yearly yield at a size, with costs, break-even and the gate that blocks
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry scan
  carry scan --symbol BTCUSDT --symbol ETHUSDT --size 25000usdt --strategy strategies/anchor.toml
  carry scan --top 20 --json")]
pub struct Args {
    /// binance or aster
    #[arg(long, value_name = "NAME", default_value = "binance")]
    venue: String,
    /// The venue's symbol; repeat it for more. Left out: the perps that pay most now
    #[arg(long, value_name = "SYMBOL", value_delimiter = ',')]
    symbol: Vec<String>,
    /// How many of those that pay most
    #[arg(long, value_name = "COUNT", default_value_t = 10, value_parser = clap::value_parser!(u8).range(1..=50))]
    top: u8,
    #[command(flatten)]
    at: At,
    /// Print JSON (schema carry.scan/1)
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    schema: &'static str,
    at: String,
    venue: String,
    size: String,
    pairs: Vec<Row>,
    /// Symbols that could not be looked at, and why.
    left_out: Vec<String>,
}

/// A rate with its interval, in 8 h terms and by the year; percent.
#[derive(Serialize)]
pub(super) struct RateJson {
    interval: String,
    percent: f64,
    percent_8h: f64,
    percent_apr: f64,
}

/// What is said of a pair in one line, here and at the head of a quote.
#[derive(Serialize)]
pub(super) struct Row {
    pub(super) pair: String,
    /// Expected on capital over `entry.horizon`, after all costs of a round trip; absent when it cannot be known.
    pub(super) net_apr_percent: Option<f64>,
    pub(super) funding_now: Option<RateJson>,
    pub(super) smoothed_percent_8h: Option<f64>,
    pub(super) basis_bps: Option<f64>,
    pub(super) usual_basis_bps: Option<f64>,
    /// All four fees, in basis points of the value.
    pub(super) fees_bps: f64,
    /// Spread and depth of all four orders at the size; absent when a book holds less.
    pub(super) slippage_bps: Option<f64>,
    pub(super) breakeven_days: Option<f64>,
    pub(super) blocked_by: Option<Gate>,
    pub(super) coins: String,
    pub(super) fillable: bool,
}

impl RateJson {
    #[expect(clippy::float_arithmetic, reason = "percent for a person")]
    fn of(funding: FundingRate) -> Self {
        let percent = |rate: Rate| rate.to_f64() * 100.0;
        Self {
            interval: funding.interval.span().to_string(),
            percent: percent(funding.rate),
            percent_8h: percent(funding.per_8h()),
            percent_apr: percent(funding.annualised()),
        }
    }
}

impl Row {
    #[expect(clippy::float_arithmetic, reason = "fees of both legs")]
    pub(super) fn of(look: &Look, settings: &Settings) -> Self {
        let fees = look.legs.spot.fees.taker.to_f64() + look.legs.perp.fees.taker.to_f64();
        Self::seen(&look.pair, &look.view(settings), (look.costs, fees), look.coins)
    }

    /// Of a view at a size: its costs where they are known, and the fees of both legs.
    #[expect(clippy::float_arithmetic, reason = "signals are floats")]
    pub(super) fn seen(pair: &str, view: &View<'_>, (costs, fees): (Option<Costs>, f64), coins: Quantity) -> Self {
        let bps = |fraction: f64| fraction * 1e4;
        let breakeven = costs.and_then(|costs| {
            let cost = costs.round_trip() - basis_gain(view).min(0.0);
            Forecast::of(view.market)?.breakeven_days(cost, 365.0)
        });
        Self {
            pair: pair.to_owned(),
            net_apr_percent: costs.and_then(|_| expected_net_apr(view)).map(|apr| apr * 100.0),
            funding_now: view.market.expected_next().map(RateJson::of),
            smoothed_percent_8h: funding_signal(view).map(|mean| mean.per_8h() * 100.0),
            basis_bps: view.market.basis_now().map(bps),
            usual_basis_bps: view.market.usual_basis().map(bps),
            fees_bps: bps(2.0 * fees),
            slippage_bps: costs.map(|costs| bps(2.0 * costs.execution())),
            breakeven_days: breakeven,
            blocked_by: first_closed(view),
            coins: coins.to_string(),
            fillable: costs.is_some(),
        }
    }
}

impl At {
    pub(super) fn settings(&self) -> Result<Settings, Failure> {
        Ok(self.loaded(None)?.settings)
    }

    /// All layers, with one key more.
    pub(super) fn loaded(&self, more: Option<String>) -> Result<Loaded, Failure> {
        let set = self.set.iter().cloned().chain(more).collect();
        Ok(load(&Sources::discover(self.strategy.clone(), self.config.clone(), set))?)
    }

    /// `10000usdt` is an amount and the quote coin it is of.
    pub(super) fn size(&self) -> Result<(Amount, String), Failure> {
        let split = self.size.find(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(self.size.len());
        let (number, coin) = self.size.split_at(split);
        let coin = coin.to_ascii_uppercase();
        let amount = Amount::parse(number).ok().filter(|amount| amount.units() > 0 && QUOTES.contains(&coin.as_str()));
        let amount = amount.ok_or_else(|| {
            let text = format!(
                "--size {}: expected an amount and its quote coin, such as 10000usdt",
                self.size.escape_debug()
            );
            Failure::new(Exit::Usage, text)
        })?;
        Ok((amount, coin))
    }
}

/// Whether a look failed because the venue cannot be used at all, or for this symbol alone.
pub(super) fn told(error: &LookError) -> Failure {
    match error {
        LookError::Ask(error) => failure(error),
        LookError::NoPair { .. } => Failure::new(Exit::Usage, error.to_string()),
    }
}

/// Runs the command.
///
/// # Errors
/// [`Failure`]: exit 2 for arguments, exit 5 when the venue cannot be reached.
pub fn run(args: &Args, output: &mut Output<'_>) -> Result<(), Failure> {
    let settings = args.at.settings()?;
    let (size, quote) = args.at.size()?;
    let named = args.symbol.iter().map(|text| symbol(text)).collect::<Result<Vec<Symbol>, Failure>>()?;
    let base = args.at.base_url.as_deref();
    let mut venue = public(&args.venue, base)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut looker =
        Looker { venue: &mut venue, name: &args.venue, settings: &settings, size, now: machine_clock::now };
    let (mut pairs, mut left_out) = (Vec::new(), Vec::new());
    runtime.block_on(async {
        let terms = looker.terms().await.map_err(|error| failure(&error))?;
        let symbols = if named.is_empty() { dearest(&mut looker, &quote, args.top).await? } else { named };
        for symbol in symbols {
            if !symbol.as_str().ends_with(&quote) {
                left_out.push(format!("{symbol}: not priced in {quote}, the coin of --size"));
                continue;
            }
            match looker.look(symbol, terms.get(&symbol)).await {
                Ok(look) => pairs.push(Row::of(&look, &settings)),
                Err(LookError::NoPair { symbol, why }) => left_out.push(format!("{symbol}: {why}")),
                Err(error) => return Err(told(&error)),
            }
        }
        Ok::<(), Failure>(())
    })?;
    // What cannot be known stands last.
    let rank = |row: &Row| row.net_apr_percent.unwrap_or(f64::NEG_INFINITY);
    pairs.sort_by(|a, b| rank(b).total_cmp(&rank(a)).then_with(|| a.pair.cmp(&b.pair)));
    let (at, size) = (machine_clock::now().to_string(), format!("{size} {quote}"));
    let report = Report { schema: "carry.scan/1", at, venue: args.venue.clone(), size, pairs, left_out };
    if args.json {
        serde_json::to_writer_pretty(&mut *output.out, &report).map_err(std::io::Error::from)?;
        return Ok(writeln!(output.out)?);
    }
    print(&report, output)
}

/// The perps of a quote coin that pay most now. A rate of four hours is worth twice the same rate of eight; the list does
/// not say the interval, so all that pay well by either are looked at and the ranking is made afterwards.
async fn dearest(looker: &mut Looker<'_>, quote: &str, top: u8) -> Result<Vec<Symbol>, Failure> {
    let rows = looker.premium(None).await.map_err(|error| failure(&error))?;
    let of_quote = rows.into_iter().filter(|row| row.symbol.as_str().ends_with(quote) && row.next_funding.is_some());
    let mut rows: Vec<_> = of_quote.filter_map(|row| Some((row.rate?, row.symbol))).collect();
    rows.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    Ok(rows.into_iter().take(usize::from(top)).map(|row| row.1).collect())
}

pub(super) fn number(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.decimals$}"))
}

fn print(report: &Report, output: &mut Output<'_>) -> Result<(), Failure> {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header([
        "pair",
        "net APR %",
        "now %/8h",
        "now APR %",
        "smoothed %/8h",
        "basis bps",
        "fees bps",
        "slippage bps",
        "break-even days",
        "blocked by",
    ]);
    for column in table.column_iter_mut().skip(1).take(8) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for row in &report.pairs {
        let now = row.funding_now.as_ref();
        let blocked = row.blocked_by.as_ref().map(|gate| format!("{} {}", gate.name, measured(gate)));
        table.add_row([
            row.pair.clone(),
            number(row.net_apr_percent, 2),
            number(now.map(|rate| rate.percent_8h), 4),
            number(now.map(|rate| rate.percent_apr), 2),
            number(row.smoothed_percent_8h, 4),
            number(row.basis_bps, 1),
            number(Some(row.fees_bps), 1),
            row.slippage_bps.map_or_else(|| "book too thin".to_owned(), |bps| format!("{bps:.1}")),
            number(row.breakeven_days, 1),
            blocked.unwrap_or_else(|| "nothing".to_owned()),
        ]);
    }
    let out = &mut *output.out;
    writeln!(out, "carry scan   {}   size {}   at {}", report.venue, report.size, report.at)?;
    folder::print(out, &table)?;
    writeln!(
        out,
        "Fees are those without a tier. Estimates, not promises: net APR is on capital, over entry.horizon."
    )?;
    for line in &report.left_out {
        writeln!(out, "left out {line}")?;
    }
    Ok(())
}
