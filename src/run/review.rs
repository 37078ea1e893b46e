//! A session as its ledger of record tells it, while it runs or after: for reports and queries.
//!
//! It applies what is on disk and decides nothing; it opens no file and never writes. Tests:
//! `tests/commands/session_commands.rs`.

use super::backtest::figures_of;
use super::collect::{Collector, Exposure, books};
use super::returns::Curves;
use super::session::{RecoverError, recover};
use crate::config::Settings;
use crate::domain::{Amount, Asset, Catalogue, Price, WallTime};
use crate::engine::State;
use crate::engine::profit::{brought, lines_of};
use crate::report::run::{BasisSeries, EquityRow, Remark, RunInfo, RunResult, Summary};
use crate::store::Loaded;

/// What kind of session a ledger belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// `paper`, `shadow`, `live`.
    pub mode: String,
    /// `sim`, `replay`, `live`.
    pub market: String,
    /// Seed of the generated market, as text; empty where there is none.
    pub seed: String,
    /// Hash of the strategy.
    pub strategy: String,
}

impl Identity {
    /// From the text in the ledger: words like `mode=paper`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let word = |key: &str| {
            let found = text.split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
            found.unwrap_or_default().to_owned()
        };
        Self { mode: word("mode"), market: word("market"), seed: word("seed"), strategy: word("strategy") }
    }
}

/// A session read back.
pub struct Review {
    /// What it is.
    pub identity: Identity,
    /// What ran at its last start, as far as its ledger says.
    pub run: RunInfo,
    /// The command of its last start as the ledger has it, for [`super::typed::again`].
    pub typed: Option<String>,
    /// The core's books, orders and pairs after the last fact on disk. Its market is empty.
    pub state: State,
    /// Rows and figures of the report.
    pub collector: Collector,
    /// When its books began: its first look at them, or its first fact where no look is on disk yet.
    pub began: WallTime,
    /// The bot's clock at its last commit.
    pub clock: WallTime,
    /// Starts so far.
    pub boots: u32,
    /// The summary, once the session is over.
    pub summary: Option<Summary>,
}

impl Review {
    /// Applies what was read; `known` is used where the ledger itself does not hold settings and catalogue.
    ///
    /// # Errors
    /// [`RecoverError`] when a value is missing or damaged.
    pub fn of(loaded: &Loaded, known: Option<(Settings, Catalogue)>) -> Result<Self, RecoverError> {
        let text = |key: &str| loaded.meta.get(key).map(String::as_str);
        let bad = |key: &str, error: serde_json::Error| RecoverError(format!("meta {key}: {error}"));
        let (settings, catalogue) = match (text("settings"), text("catalogue"), known) {
            (Some(settings), Some(catalogue), _) => (
                serde_json::from_str(settings).map_err(|error| bad("settings", error))?,
                serde_json::from_str(catalogue).map_err(|error| bad("catalogue", error))?,
            ),
            (_, _, Some(known)) => known,
            _ => return Err(RecoverError("neither the ledger nor a tape names its pairs".to_owned())),
        };
        let summary = match text("summary") {
            Some(summary) => Some(serde_json::from_str::<Summary>(summary).map_err(|error| bad("summary", error))?),
            None => None,
        };
        let run = text("run").and_then(|run| serde_json::from_str(run).ok());
        let mut state = State::new(settings, catalogue);
        let recovered = recover(&mut state, loaded)?;
        if let Some(pegs) = text("pegs") {
            // Cross rates of the last commit: with them it is worth what it was then.
            let pegs: Vec<(Asset, Price)> = serde_json::from_str(pegs).map_err(|error| bad("pegs", error))?;
            state.pegs.extend(pegs);
        }
        let mut collector = recovered.collector;
        collector.trips = collector.trips_by_opening();
        let began = collector.period().map(|(first, _)| first);
        let began = began.or_else(|| Some(loaded.facts.first()?.stamped.at)).unwrap_or(recovered.clock);
        let identity = Identity::parse(text("identity").unwrap_or_default());
        let (clock, boots) = (recovered.clock, recovered.epoch);
        let typed = text(super::typed::KEY).map(str::to_owned);
        let mut review =
            Self { identity, run: RunInfo::default(), typed, state, collector, began, clock, boots, summary };
        review.run =
            run.unwrap_or_else(|| RunInfo { strategy_sha256: review.identity.strategy.clone(), ..RunInfo::default() });
        review.upgrade();
        Ok(review)
    }

    /// A summary that was written before yearly figures were compounded says the new ones; its months are not known.
    fn upgrade(&mut self) {
        let Some(summary) = &mut self.summary else { return };
        if !summary.schema.ends_with("/1") {
            return;
        }
        Curves::known(summary.idle_cash_interest).fill(summary);
        summary.schema = format!("carry.{}/2", summary.mode);
        summary.run = self.run.clone();
        if summary.market != "sim" {
            summary.seed = None;
        }
    }

    /// Whether it is over.
    #[must_use]
    pub const fn finished(&self) -> bool {
        self.summary.is_some()
    }

    /// Money at the start, every quote coin one for one, with coins for fees as they began to count.
    #[must_use]
    pub fn capital(&self) -> Amount {
        let quotes: Amount = self.state.quotes.iter().map(|quote| self.state.ledger.opening(*quote)).sum();
        quotes + self.state.ledger.tokens_opening()
    }

    /// Values the books at prices of a later instant, as the running session knows them: those of pairs, and those of quote
    /// coins.
    pub fn value<'a>(
        &mut self,
        marks: impl Iterator<Item = (&'a str, (Price, Price))>,
        pegs: impl Iterator<Item = (Asset, Price)>,
        at: WallTime,
    ) {
        self.state.pegs.extend(pegs);
        for (name, (spot, perp)) in marks {
            if let Some(id) = self.state.catalogue.pair_named(name).map(|pair| pair.id) {
                self.state.ledger.mark(id, spot, perp);
            }
        }
        self.clock = self.clock.max(at);
    }

    /// Equity and profit lines at one instant: the end of a session that is over, else all books at the prices that are
    /// known ([`Review::value`], or those of the last commit).
    #[must_use]
    pub fn valued(&self) -> EquityRow {
        if self.finished()
            && let Some(last) = self.collector.equity.last()
        {
            return *last;
        }
        let equity = self.state.equity();
        EquityRow { at: self.clock, equity, lines: lines_of(&self.state, equity) }
    }

    /// Rows of equity up to the instant of [`Review::valued`].
    #[must_use]
    pub fn equity_rows(&self) -> Vec<EquityRow> {
        let (mut rows, valued) = (self.collector.equity.clone(), self.valued());
        match rows.last_mut() {
            Some(last) if last.at >= valued.at => *last = valued,
            _ => rows.push(valued),
        }
        rows
    }

    /// What a report prints: the session's own summary when it is over, else what is known so far.
    #[must_use]
    pub fn result(&self) -> RunResult {
        RunResult {
            summary: self.summary.clone().unwrap_or_else(|| self.so_far()),
            fills: self.collector.fills.clone(),
            funding: self.collector.funding.clone(),
            equity: self.equity_rows(),
            trips: self.collector.all_trips(&self.state),
            books: books(&self.state),
            basis: Vec::<BasisSeries>::new(),
            margin: self.collector.margin.clone(),
            naked_s: self.collector.naked_s.clone(),
        }
    }

    fn so_far(&self) -> Summary {
        let valued = self.valued();
        // The figures are those of the valuation, not of the last booking: what idle money earned meanwhile too.
        let mut collector = self.collector.clone();
        collector.begun(self.began, &self.state, self.capital());
        collector.observe(valued.at, &self.state, Exposure::of(&self.state));
        collector.figures.curves.value(valued.at, valued.equity, brought(&self.state));
        let mut summary = figures_of(&self.state, &collector, &self.state.settings);
        summary.to_ms = summary.to_ms.max(valued.at);
        summary.final_equity = valued.equity;
        summary.pnl = valued.lines;
        summary.schema = format!("carry.{}/2", self.identity.mode);
        summary.run = self.run.clone();
        summary.mode.clone_from(&self.identity.mode);
        summary.market.clone_from(&self.identity.market);
        summary.seed = if self.identity.market == "sim" { self.identity.seed.parse().ok() } else { None };
        summary.remarks.push(Remark {
            subject: "session".to_owned(),
            text: format!(
                "not over: valued at {}; the count of events and the score of the forecast come with its end",
                valued.at
            ),
        });
        summary
    }
}
