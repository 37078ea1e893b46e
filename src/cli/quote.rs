//! `carry quote`: what entering and leaving one pair would cost now at a size, leg by leg, and what it is expected to earn.
//!
//! Prices are walked through both books as they are now; the way out is walked on the same books, which is the best that can
//! be known. Nothing is ordered. Tests: `tests/scan.rs`.

use super::download::{failure, public, symbol};
use super::gates::render;
use super::scan::{At, Row, number, told};
use super::{Exit, Failure, Output};
use crate::config::Settings;
use crate::control::forecast_row::NextRow;
use crate::domain::{Amount, Price, Quantity, Rate};
use crate::fetch::look::{Look, Looker};
use crate::net::machine_clock;
use crate::strategy::forecast::Forecast;
use crate::strategy::month::Month;
use crate::strategy::{Gate, explain};
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

/// Shows what one pair costs to enter and to leave at a size, and what it is expected to earn
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry quote binance:BTCUSDT --size 10000usdt
  carry quote aster:ETHUSDT --size 5000usdt --strategy strategies/anchor.toml --json")]
pub struct Args {
    /// VENUE:SYMBOL
    pair: String,
    #[command(flatten)]
    at: At,
    /// Print JSON (schema carry.quote/1)
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    schema: &'static str,
    at: String,
    size: String,
    quote_coin: String,
    #[serde(flatten)]
    row: Row,
    spot_mid: Option<Price>,
    perp_mid: Option<Price>,
    mark: Option<Price>,
    index: Option<Price>,
    next_settlement: Option<String>,
    /// Basis at which the size can be entered and left; absent when a book holds less.
    entry_basis_bps: Option<f64>,
    exit_basis_bps: Option<f64>,
    orders: Vec<Order>,
    /// Fees and slippage of all four orders; plus is what it costs.
    round_trip_cost: Option<Amount>,
    forecast: Option<ForecastJson>,
    /// What is expected of the next settlement, and how good that was so far.
    next: Option<NextRow>,
    /// What the coming weeks are expected to pay; absent until 30 days of funding are known.
    coming: Option<ComingJson>,
    gates: Vec<Gate>,
    remarks: Vec<String>,
}

/// One of the four orders.
#[derive(Serialize)]
struct Order {
    name: &'static str,
    mid: Price,
    /// Average price; absent when the book holds less than the size.
    price: Option<Price>,
    value: Option<Amount>,
    fee_percent: f64,
    fee: Option<Amount>,
    /// Plus is what it costs against the mid.
    slippage: Option<Amount>,
}

#[derive(Serialize)]
struct ForecastJson {
    now_percent_8h: f64,
    level_percent_8h: f64,
    /// Share of the distance to the level that is left after 8 h.
    keep: f64,
    /// Expected sum over 1, 7 and 30 days, percent of the value.
    day_percent: f64,
    week_percent: f64,
    month_percent: f64,
}

/// The coming month; fractions, per 8 h and as sums over days.
#[derive(Serialize)]
struct ComingJson {
    per_8h: f64,
    mean_7_days: f64,
    mean_30_days: f64,
    sum_7_days: f64,
    sum_30_days: f64,
    sum_60_days: f64,
}

/// Runs the command.
///
/// # Errors
/// [`Failure`]: exit 2 for arguments or an unknown pair, exit 5 when the venue cannot be reached.
pub fn run(args: &Args, output: &mut Output<'_>) -> Result<(), Failure> {
    let settings = args.at.settings()?;
    let (size, quote) = args.at.size()?;
    let (venue_name, text) = args.pair.split_once(':').ok_or_else(|| {
        Failure::new(
            Exit::Usage,
            format!("{}: expected VENUE:SYMBOL, such as binance:BTCUSDT", args.pair.escape_debug()),
        )
    })?;
    let symbol = symbol(text)?;
    if !symbol.as_str().ends_with(&quote) {
        return Err(Failure::new(Exit::Usage, format!("{symbol} is not priced in {quote}, the coin of --size")));
    }
    let base = args.at.base_url.as_deref();
    let mut venue = public(venue_name, base)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut looker = Looker { venue: &mut venue, name: venue_name, settings: &settings, size, now: machine_clock::now };
    let look = runtime.block_on(async {
        let terms = looker.terms().await.map_err(|error| failure(&error))?;
        looker.look(symbol, terms.get(&symbol)).await.map_err(|error| told(&error))
    })?;
    let report = report(&look, &settings, (size, quote));
    if args.json {
        serde_json::to_writer_pretty(&mut *output.out, &report).map_err(std::io::Error::from)?;
        return Ok(writeln!(output.out)?);
    }
    print(&report, output)
}

fn report(look: &Look, settings: &Settings, (size, quote): (Amount, String)) -> Report {
    let view = look.view(settings);
    let orders = orders(look);
    let cost = |order: &Order| Some(order.fee? + order.slippage?);
    let costs: Option<Vec<Amount>> = orders.iter().map(cost).collect();
    let basis = |spot: Option<Price>, perp: Option<Price>| Some(bps(perp?.premium_over(spot?)));
    let walked = &look.walked;
    Report {
        schema: "carry.quote/1",
        at: look.at.to_string(),
        size: size.to_string(),
        quote_coin: quote,
        row: Row::of(look, settings),
        spot_mid: look.market.long.mid,
        perp_mid: look.market.short.mid,
        mark: look.market.short.mark.map(|mark| mark.0),
        index: look.market.short.index,
        next_settlement: look.market.short.estimate.map(|(_, at)| at.to_string()),
        entry_basis_bps: basis(walked.spot_buy, walked.perp_sell),
        exit_basis_bps: basis(walked.spot_sell, walked.perp_buy),
        orders,
        round_trip_cost: costs.map(|costs| costs.into_iter().sum()),
        forecast: Forecast::of(&look.market).map(forecast),
        next: NextRow::of(&look.next),
        coming: Month::of(&look.market.short.funding).map(coming),
        gates: explain(&view),
        remarks: look.legs.remarks.clone(),
    }
}

#[expect(clippy::float_arithmetic, reason = "basis points for a person")]
fn bps(rate: Rate) -> f64 {
    rate.to_f64() * 1e4
}

#[expect(clippy::float_arithmetic, reason = "percent for a person")]
fn forecast(forecast: Forecast) -> ForecastJson {
    ForecastJson {
        now_percent_8h: forecast.now * 100.0,
        level_percent_8h: forecast.level * 100.0,
        keep: forecast.keep,
        day_percent: forecast.sum(3.0) * 100.0,
        week_percent: forecast.sum(21.0) * 100.0,
        month_percent: forecast.sum(90.0) * 100.0,
    }
}

fn coming(month: Month) -> ComingJson {
    ComingJson {
        per_8h: month.per_8h(),
        mean_7_days: month.week,
        mean_30_days: month.month,
        sum_7_days: month.sum(7.0),
        sum_30_days: month.sum(30.0),
        sum_60_days: month.sum(60.0),
    }
}

#[expect(clippy::float_arithmetic, reason = "percent for a person")]
fn coming_line(coming: &ComingJson) -> String {
    let [rate, week, month, two] =
        [coming.per_8h, coming.sum_7_days, coming.sum_30_days, coming.sum_60_days].map(|fraction| fraction * 100.0);
    format!(
        "coming month       {rate:.4} %/8h expected: {week:.3} % in 7 days, {month:.3} % in 30, {two:.3} % in 60; too low in booms"
    )
}

fn orders(look: &Look) -> Vec<Order> {
    let (Some(spot), Some(perp)) = (look.market.long.mid, look.market.short.mid) else { return Vec::new() };
    let (spot_fee, perp_fee) = (look.legs.spot.fees.taker, look.legs.perp.fees.taker);
    let walked = &look.walked;
    vec![
        order("enter: buy spot", (spot, walked.spot_buy), look.coins, (spot_fee, true)),
        order("enter: sell perp", (perp, walked.perp_sell), look.coins, (perp_fee, false)),
        order("leave: sell spot", (spot, walked.spot_sell), look.coins, (spot_fee, false)),
        order("leave: buy perp", (perp, walked.perp_buy), look.coins, (perp_fee, true)),
    ]
}

#[expect(clippy::float_arithmetic, reason = "percent for a person")]
fn order(name: &'static str, prices: (Price, Option<Price>), coins: Quantity, (fee, buys): (Rate, bool)) -> Order {
    let (mid, price) = prices;
    let value = price.map(|price| price.times(coins));
    let fair = mid.times(coins);
    Order {
        name,
        mid,
        price,
        value,
        fee_percent: fee.to_f64() * 100.0,
        fee: value.map(|value| value.times_rate(fee)),
        slippage: value.map(|value| if buys { value - fair } else { fair - value }),
    }
}

fn print(report: &Report, output: &mut Output<'_>) -> Result<(), Failure> {
    let out = &mut *output.out;
    let row = &report.row;
    let money = |amount: Option<Amount>| {
        amount.map_or_else(|| "-".to_owned(), |amount| crate::domain::money::grouped(amount, 2))
    };
    writeln!(out, "carry quote   {}   {} {}   at {}\n", row.pair, report.size, report.quote_coin, report.at)?;
    let mut table = Table::new();
    let header = ["order", "mid", "price", "value", "fee %", "fee", "slippage"];
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for order in &report.orders {
        table.add_row([
            order.name.to_owned(),
            order.mid.to_string(),
            order.price.map_or_else(|| "book too thin".to_owned(), |price| price.to_string()),
            money(order.value),
            number(Some(order.fee_percent), 3),
            money(order.fee),
            money(order.slippage),
        ]);
    }
    writeln!(out, "{table}")?;
    writeln!(out, "coins              {}", row.coins)?;
    let basis = (number(row.basis_bps, 2), number(report.entry_basis_bps, 2), number(report.exit_basis_bps, 2));
    writeln!(out, "basis bps          mid {}   to enter {}   to leave {}", basis.0, basis.1, basis.2)?;
    let round_trip = money(report.round_trip_cost);
    writeln!(out, "round trip         {round_trip} {}   fees {:.1} bps", report.quote_coin, row.fees_bps)?;
    if let Some(forecast) = &report.forecast {
        let (now, level) = (forecast.now_percent_8h, forecast.level_percent_8h);
        writeln!(out, "funding expected   now {now:.4} %/8h, reverting to {level:.4} %/8h")?;
        let sums = (forecast.day_percent, forecast.week_percent, forecast.month_percent);
        writeln!(
            out,
            "                   {:.3} % in a day, {:.3} % in a week, {:.3} % in 30 days",
            sums.0, sums.1, sums.2
        )?;
    }
    if let Some(coming) = &report.coming {
        writeln!(out, "{}", coming_line(coming))?;
    }
    for line in report.next.iter().flat_map(NextRow::lines) {
        writeln!(out, "{line}")?;
    }
    writeln!(out, "break-even         {} days", number(row.breakeven_days, 1))?;
    writeln!(out, "net APR            {} % on capital, over entry.horizon\n", number(row.net_apr_percent, 2))?;
    render(&report.gates, ("open", "blocks"), out)?;
    for remark in &report.remarks {
        writeln!(out, "note {remark}")?;
    }
    Ok(())
}
