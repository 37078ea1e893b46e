//! `carry universe`: which pairs `strategy.pairs = "auto"` admits now, or would have at a time of history, each with the reason why it
//! is in or out. Nothing later than the time is looked at. Tests: `tests/commands/universe.rs`,
//! `tests/commands/universe_live.rs`.

use super::download::{failure, public};
use super::folder;
use super::history::{Choice, Window, not_there};
use super::{Exit, Failure, Output};
use crate::config::settings::Universe;
use crate::config::{Loaded, Sources, load};
use crate::data::folder::Folder;
use crate::data::history::PairHistory;
use crate::data::{DataError, flat, instruments};
use crate::domain::universe::Outside;
use crate::domain::{Catalogue, Market, Venue, WallTime};
use crate::fetch::public::{AskError, PublicVenue};
use crate::net::machine_clock;
use crate::report::figures::NONE;
use crate::run::listed::{VenueLook, judged};
use crate::run::universe::candidate;
use crate::strategy::universe::{Candidate, look};
use crate::venues::answer::Answer;
use crate::venues::ask::Ask;
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Which pairs strategy.pairs = "auto" admits now or at a time of history, each with its reason; sends nothing
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry universe --strategy strategies/ladder.toml                     what binance lists now
  carry universe --strategy strategies/ladder.toml --venue binance,aster --json
  carry universe --data data --strategy strategies/ladder.toml
  carry universe --data data --strategy strategies/ladder.toml --at 2021-06-01
  carry universe --data data --strategy strategies/ladder.toml --set universe.most=3 --json")]
pub struct Args {
    /// Folder of history (funding/, klines/, ...); the venues as they are now when left out
    #[arg(long, value_name = "DIR", conflicts_with_all = ["venue", "base_url"])]
    data: Option<PathBuf>,
    /// Strategy file
    #[arg(long, value_name = "FILE", required = true)]
    strategy: Vec<PathBuf>,
    /// Overrides one key, for example `universe.most=3`; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Further configuration files; may be repeated
    #[arg(long, value_name = "FILE")]
    config: Vec<PathBuf>,
    /// Look at this time of the history (UTC date or time); its end when left out
    #[arg(long, value_name = "DATE", requires = "data")]
    at: Option<String>,
    /// Venues to look at now; those of universe.venues when left out, and binance when there are none
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    venue: Vec<String>,
    /// Another address for all hosts of the venues; this machine only, for tests
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// Print JSON (schema carry.universe/1)
    #[arg(long)]
    json: bool,
}

/// One pair.
#[derive(Debug, Serialize)]
struct Row {
    pair: String,
    inside: bool,
    /// The first thing that keeps it out.
    outside: Option<Outside>,
    reason: String,
    age_days: Option<i64>,
    /// Value that its perp traded in a day, mean of 30 days, in its quote coin.
    volume_a_day: Option<f64>,
    open_interest: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Report {
    schema: &'static str,
    /// `history` or `now`.
    market: &'static str,
    at: String,
    /// Pairs that have prices by then, those in the universe first.
    pairs: Vec<Row>,
    /// Series of funding, or perps, that no pair can be made of, or not yet.
    not_priced: Vec<String>,
    /// What the folder or the venue cannot tell.
    not_known: [&'static str; 3],
}

/// What history cannot know.
const NOT_KNOWN: [&str; 3] = [
    "pairs that were delisted before this folder was made are not in it: what it has survived",
    "age counts from the first settlement or bar of the folder, which may be later than the listing",
    "volume is that of the venue's own bars; what a venue made up cannot be told from what was traded",
];

/// What a venue cannot tell.
const NOT_TOLD: [&str; 3] = [
    "what was delisted before now is not in the venue's list: a past of these pairs is that of survivors",
    "age counts from the venue's own date of listing; where it states none a pair counts as young",
    "volume is that of the venue's own candles; what a venue made up cannot be told from what was traded",
];

/// Runs the command.
///
/// # Errors
/// A [`Failure`] with its exit code.
pub fn run(args: &Args, output: &mut Output<'_>) -> Result<(), Failure> {
    let data = args.data.clone().unwrap_or_default();
    let choice = Choice { data, strategy: args.strategy.clone(), set: args.set.clone(), config: args.config.clone() };
    let strategy = Some(choice.one_strategy("carry universe")?.clone());
    let loaded = load(&Sources::discover(strategy, args.config.clone(), args.set.clone()))?;
    let mut report = match &args.data {
        Some(data) => of_history(args, data, &loaded)?,
        None => now(args, &loaded)?,
    };
    report.pairs.sort_by(|one, other| {
        let by_volume = other.volume_a_day.unwrap_or(0.0).total_cmp(&one.volume_a_day.unwrap_or(0.0));
        other.inside.cmp(&one.inside).then(by_volume).then_with(|| one.pair.cmp(&other.pair))
    });
    if args.json {
        let text = serde_json::to_string_pretty(&report);
        writeln!(output.out, "{}", text.map_err(|error| Failure::new(Exit::Failure, error.to_string()))?)?;
        return Ok(());
    }
    print(&report, output)
}

/// As the venues list, trade and hold now.
fn now(args: &Args, loaded: &Loaded) -> Result<Report, Failure> {
    let rules = &loaded.settings.universe;
    let named = [&args.venue, &rules.venues].into_iter().find(|names| !names.is_empty());
    let names = named.cloned().unwrap_or_else(|| vec!["binance".to_owned()]);
    let base = args.base_url.as_deref();
    let looks = names.iter().map(|name| seen_now(name, base, rules)).collect::<Result<Vec<VenueLook>, Failure>>()?;
    let at = looks.iter().map(VenueLook::at).max().unwrap_or(WallTime(0));
    let pairs = judged(&looks, rules).into_iter().map(|seen| row(&seen.candidate, seen.outside)).collect();
    let not_priced = looks.iter().flat_map(VenueLook::without_spot).collect();
    let (schema, market) = ("carry.universe/1", "now");
    Ok(Report { schema, market, at: at.to_string(), pairs, not_priced, not_known: NOT_TOLD })
}

/// One venue as it is now, at its own time.
///
/// # Errors
/// Exit code 2 for a venue that is not known, 5 when it cannot be reached.
pub(super) fn seen_now(name: &str, base: Option<&str>, rules: &Universe) -> Result<VenueLook, Failure> {
    let mut venue = public(name, base)?;
    let known = Venue::new(name).map_err(|error| Failure::new(Exit::Usage, format!("{name}: {error}")))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let look = runtime.block_on(async {
        let at = match venue.ask(&Ask::Time(Market::Perp)).await? {
            Answer::Time(time) => time,
            _ => machine_clock::now(),
        };
        look_at(&mut venue, VenueLook::new(known, rules.clone(), at)).await
    });
    look.map_err(|error| failure(&error))
}

/// Asks one question after the other, within the venue's limits. A pair's own question that is refused leaves it unknown.
async fn look_at(venue: &mut PublicVenue, mut look: VenueLook) -> Result<VenueLook, AskError> {
    while let Some(ask) = look.asks(1).pop() {
        match venue.ask(&ask).await {
            Ok(answer) => look.answered(&ask, Some(answer)),
            Err(AskError::Refused { .. } | AskError::Bad { .. } | AskError::NotThere(_))
                if !matches!(ask, Ask::Instruments(_)) =>
            {
                look.answered(&ask, None);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(look)
}

/// As a folder of history knows it.
fn of_history(args: &Args, data: &Path, loaded: &Loaded) -> Result<Report, Failure> {
    let window = Window::read(None, args.at.as_deref(), ("", "--at"))?;
    let folder = Folder::open(data).map_err(not_there)?.priced_by(loaded.settings.sim.priced_by());
    let (histories, not_priced) = known_by(&folder, window.to)?;
    let mut catalogue = Catalogue::default();
    for history in &histories {
        let legs = instruments::legs(&folder, history)?;
        catalogue.add_pair(legs.spot, legs.perp);
    }
    let last = |history: &PairHistory| history.perp.opened.last().map(|opened| *opened + history.step);
    let at = window.to.or_else(|| histories.iter().filter_map(last).max()).unwrap_or(WallTime(0));
    let pairs = catalogue.pairs().iter().zip(&histories);
    let candidates: Vec<Candidate> =
        pairs.filter_map(|(pair, history)| candidate(&catalogue, pair.id, history, at)).collect();
    let verdicts = look(&candidates, &loaded.settings.universe);
    let pairs = candidates.iter().zip(verdicts).map(|(one, outside)| row(one, outside)).collect();
    let (schema, market) = ("carry.universe/1", "history");
    Ok(Report { schema, market, at: at.to_string(), pairs, not_priced, not_known: NOT_KNOWN })
}

/// The pairs that have bars by a time, and the series of funding that have none.
fn known_by(folder: &Folder, to: Option<WallTime>) -> Result<(Vec<PairHistory>, Vec<String>), Failure> {
    use rayon::prelude::*;
    let names = folder.pairs();
    let loaded: Vec<_> = names.par_iter().map(|name| folder.load_pair(name, None, to)).collect();
    let (mut histories, mut not_priced) = (Vec::new(), Vec::new());
    for (name, one) in names.iter().zip(loaded) {
        match one {
            Ok(history) => histories.push(history),
            Err(DataError::EmptyWindow { .. }) => not_priced.push(name.clone()),
            Err(other) => return Err(other.into()),
        }
    }
    not_priced.extend(flat::names(folder).into_iter().filter(|name| !names.contains(name)));
    not_priced.sort();
    Ok((histories, not_priced))
}

fn row(one: &Candidate, outside: Option<Outside>) -> Row {
    Row {
        pair: one.name.clone(),
        inside: outside.is_none(),
        outside,
        reason: outside.map_or("all of [universe] holds", Outside::words).to_owned(),
        age_days: one.age.map(|age| age.0.div_euclid(crate::domain::Span::DAY.0)),
        volume_a_day: one.volume,
        open_interest: one.open_interest,
    }
}

fn print(report: &Report, output: &mut Output<'_>) -> Result<(), Failure> {
    writeln!(output.out, "universe at {}: {} of {} pairs\n", report.at, inside(report), report.pairs.len())?;
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["pair", "", "days", "volume a day", "open interest", "reason"]);
    let millions = |value: Option<f64>| value.map_or_else(|| NONE.to_owned(), millions);
    for row in &report.pairs {
        table.add_row([
            row.pair.clone(),
            if row.inside { "in" } else { "out" }.to_owned(),
            row.age_days.map_or_else(|| NONE.to_owned(), |days| days.to_string()),
            millions(row.volume_a_day),
            millions(row.open_interest),
            row.reason.clone(),
        ]);
    }
    for column in table.column_iter_mut().skip(2).take(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    folder::print(output.out, &table)?;
    writeln!(output.out)?;
    if !report.not_priced.is_empty() {
        let count = report.not_priced.len();
        writeln!(
            output.out,
            "{count} {}: {}",
            if report.market == "now" {
                "perps have no spot market of the same name at their venue"
            } else {
                "series of funding have no prices of both legs by then"
            },
            report.not_priced.join(", ")
        )?;
    }
    for line in report.not_known {
        writeln!(output.out, "not known: {line}")?;
    }
    Ok(())
}

fn inside(report: &Report) -> usize {
    report.pairs.iter().filter(|row| row.inside).count()
}

#[expect(clippy::float_arithmetic, reason = "millions for a person")]
fn millions(value: f64) -> String {
    format!("{:.1}m", value / 1e6)
}
