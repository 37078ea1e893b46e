//! `carry quote`: what entering and leaving one pair would cost now at a size, leg by leg, what it is expected to earn, how often that
//! was enough, and at which size it stops paying; of a venue now, or of history at a time (`quote_history.rs`).
//!
//! Prices are walked through both books as they are now; the way out is walked on the same books, which is the best that can
//! be known. Nothing is ordered. Tests: `tests/commands/scan.rs`, `tests/suite/quote_room.rs`.

use super::download::{failure, public, symbol};
use super::folder;
use super::gates::render;
use super::quote_room::{self, Known, Odds, Past, Room, Sized};
use super::scan::{At, Row, number, told};
use super::{Exit, Failure, Output};
use crate::config::Settings;
use crate::control::forecast_row::NextRow;
use crate::domain::{Amount, Interval, Price, Quantity, Rate, Symbol};
use crate::fetch::look::{Look, Looker};
use crate::fetch::past;
use crate::net::machine_clock;
use crate::strategy::forecast::Forecast;
use crate::strategy::month::Month;
use crate::strategy::{Gate, View, explain};
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;
use std::path::PathBuf;

/// Shows what one pair costs to enter and to leave at a size, and what it is expected to earn
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry quote binance:BTCUSDT --size 10000usdt
  carry quote binance:BTCUSDT --pool ETHUSDT,SOLUSDT     odds of all three together beside its own
  carry quote aster:ETHUSDT --size 5000usdt --strategy strategies/anchor.toml --json
  carry quote binance:BTCUSDT --data data --at 2024-03-01      by the volume of bars")]
pub struct Args {
    /// VENUE:SYMBOL
    pub(super) pair: String,
    #[command(flatten)]
    pub(super) at: At,
    /// Other symbols of the venue whose past is counted with the pair's own for the pooled odds; of history all of its venue
    #[arg(long, value_name = "SYMBOL", value_delimiter = ',', conflicts_with = "data")]
    pool: Vec<String>,
    /// Folder of history: the pair as it stood at a time, its costs from the volume of bars
    #[arg(long, value_name = "DIR", conflicts_with = "base_url")]
    pub(super) data: Option<PathBuf>,
    /// Time in the history (UTC date or time); its end when left out
    #[arg(long = "at", value_name = "DATE", requires = "data")]
    pub(super) date: Option<String>,
    /// Print JSON (schema carry.quote/1)
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Serialize)]
pub(super) struct Report {
    schema: &'static str,
    pub(super) at: String,
    pub(super) size: String,
    pub(super) quote_coin: String,
    #[serde(flatten)]
    pub(super) row: Row,
    pub(super) spot_mid: Option<Price>,
    pub(super) perp_mid: Option<Price>,
    pub(super) mark: Option<Price>,
    pub(super) index: Option<Price>,
    pub(super) next_settlement: Option<String>,
    /// Basis at which the size can be entered and left; absent when a book holds less, and of history.
    entry_basis_bps: Option<f64>,
    exit_basis_bps: Option<f64>,
    /// None of history: bars have no books.
    pub(super) orders: Vec<Order>,
    /// Fees and slippage of all four orders; plus is what it costs.
    pub(super) round_trip_cost: Option<Amount>,
    forecast: Option<ForecastJson>,
    /// What is expected of the next settlement, and how good that was so far.
    pub(super) next: Option<NextRow>,
    /// What the coming weeks are expected to pay; absent until 30 days of funding are known.
    coming: Option<ComingJson>,
    pub(super) odds: Odds,
    pub(super) capacity: Room,
    gates: Vec<Gate>,
    pub(super) remarks: Vec<String>,
}

/// One of the four orders.
#[derive(Serialize)]
pub(super) struct Order {
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
    let report = match &args.data {
        Some(data) => super::quote_history::report(args, data)?,
        None => now(args)?,
    };
    if args.json {
        serde_json::to_writer_pretty(&mut *output.out, &report).map_err(std::io::Error::from)?;
        return Ok(writeln!(output.out)?);
    }
    print(&report, output)
}

/// As the venue shows it now.
fn now(args: &Args) -> Result<Report, Failure> {
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
    let pool = args.pool.iter().map(|text| super::download::symbol(text)).collect::<Result<Vec<Symbol>, Failure>>()?;
    let base = args.at.base_url.as_deref();
    let mut venue = public(venue_name, base)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (look, past, interest, remarks) = runtime.block_on(async {
        let mut looker =
            Looker { venue: &mut venue, name: venue_name, settings: &settings, size, now: machine_clock::now };
        let terms = looker.terms().await.map_err(|error| failure(&error))?;
        let look = looker.look(symbol, terms.get(&symbol)).await.map_err(|error| told(&error))?;
        let mut remarks = Vec::new();
        let mut rows = Vec::new();
        for one in [symbol].into_iter().chain(pool.into_iter().filter(|one| *one != symbol)) {
            let usual = terms.get(&one).map_or(Interval::H8, |terms| terms.interval);
            let read = past::settlements(&mut venue, (one, usual), look.at).await;
            if let Err(error) = &read {
                remarks.push(format!("the past of {one} is not known: {error}"));
            }
            rows.push((one.to_string(), read.unwrap_or_default()));
        }
        let interest = past::open_interest(&mut venue, symbol).await;
        let mut rows = rows.into_iter();
        let own = rows.next().unwrap_or_default();
        Ok::<_, Failure>((look, Past { own, others: rows.collect() }, interest, remarks))
    })?;
    let interest = interest.zip(look.market.short.mid).map(|(coins, mid)| mid.times(coins).to_f64());
    Ok(report(&look, &settings, (size, quote), (past, interest, remarks)))
}

/// What one size costs by both books.
#[expect(clippy::float_arithmetic, reason = "cost estimates are signals")]
fn sized(look: &Look, size: f64) -> Option<Sized> {
    let (walked, costs) = look.at(Amount::parse(&format!("{size:.8}")).ok()?)?;
    let (spot, perp) = (look.market.long.mid?.to_f64(), look.market.short.mid?.to_f64());
    let slips = (walked.spot_buy?.to_f64() - spot) / spot + (perp - walked.perp_sell?.to_f64()) / perp;
    Some(Sized { costs, enter: costs.long_fee + costs.short_fee + slips })
}

fn report(
    look: &Look,
    settings: &Settings,
    (size, quote): (Amount, String),
    (past, open_interest, remarks): (Past, Option<f64>, Vec<String>),
) -> Report {
    let view = look.view(settings);
    let orders = orders(look);
    let cost = |order: &Order| Some(order.fee? + order.slippage?);
    let costs: Option<Vec<Amount>> = orders.iter().map(cost).collect();
    let basis = |spot: Option<Price>, perp: Option<Price>| Some(bps(perp?.premium_over(spot?)));
    let walked = &look.walked;
    let bounds = look.least().zip(look.depth()).map(|(least, depth)| (least.to_f64(), depth.to_f64()));
    let known = Known {
        from: "both books now, walked in and out",
        at: &|size| sized(look, size),
        bounds: bounds.filter(|(least, most)| least < most),
        open_interest,
        size: size.to_f64(),
    };
    let (odds, room) = (Odds::of(&view, look.costs.map(|costs| costs.round_trip()), &past), Room::of(&view, &known));
    let mut report = Report::of(&view, (size, quote), Row::of(look, settings), (odds, room));
    report.entry_basis_bps = basis(walked.spot_buy, walked.perp_sell);
    report.exit_basis_bps = basis(walked.spot_sell, walked.perp_buy);
    report.orders = orders;
    report.round_trip_cost = costs.map(|costs| costs.into_iter().sum());
    report.next = NextRow::of(&look.next);
    report.remarks = look.legs.remarks.iter().cloned().chain(remarks).collect();
    report
}

impl Report {
    /// What a view shows, without books.
    pub(super) fn of(
        view: &View<'_>,
        (size, quote): (Amount, String),
        row: Row,
        (odds, capacity): (Odds, Room),
    ) -> Self {
        let market = view.market;
        Self {
            schema: "carry.quote/1",
            at: view.now.to_string(),
            size: size.to_string(),
            quote_coin: quote,
            row,
            spot_mid: market.long.mid,
            perp_mid: market.short.mid,
            mark: market.short.mark.map(|mark| mark.0),
            index: market.short.index,
            next_settlement: market.short.estimate.map(|(_, at)| at.to_string()),
            entry_basis_bps: None,
            exit_basis_bps: None,
            orders: Vec::new(),
            round_trip_cost: None,
            forecast: Forecast::of(market).map(forecast),
            next: None,
            coming: Month::of(&market.short.funding).map(coming),
            odds,
            capacity,
            gates: explain(view),
            remarks: Vec::new(),
        }
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
    writeln!(out, "carry quote   {}   {} {}   at {}\n", row.pair, report.size, report.quote_coin, report.at)?;
    if !report.orders.is_empty() {
        print_orders(report, out)?;
    }
    writeln!(out, "coins              {}", row.coins)?;
    let basis = (number(row.basis_bps, 2), number(report.entry_basis_bps, 2), number(report.exit_basis_bps, 2));
    writeln!(out, "basis bps          mid {}   to enter {}   to leave {}", basis.0, basis.1, basis.2)?;
    let round_trip = money(report.round_trip_cost);
    writeln!(out, "round trip         {round_trip} {}   fees {:.1} bps", report.quote_coin, row.fees_bps)?;
    print_expected(report, out)?;
    writeln!(out, "break-even         {} days", number(row.breakeven_days, 1))?;
    writeln!(out, "net APR            {} % on capital, over entry.horizon", number(row.net_apr_percent, 2))?;
    quote_room::print(&report.odds, &report.capacity, &report.quote_coin, output)?;
    let out = &mut *output.out;
    render(&report.gates, ("open", "blocks"), out)?;
    for remark in &report.remarks {
        writeln!(out, "note {remark}")?;
    }
    Ok(())
}

fn money(amount: Option<Amount>) -> String {
    amount.map_or_else(|| "-".to_owned(), |amount| crate::domain::money::grouped(amount, 2))
}

fn print_orders(report: &Report, out: &mut dyn std::io::Write) -> Result<(), Failure> {
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
    folder::print(out, &table)
}

fn print_expected(report: &Report, out: &mut dyn std::io::Write) -> Result<(), Failure> {
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
    Ok(())
}
