//! All that the core knows, in one place.

use super::collateral::CoinRate;
use super::fee_coin::FeeCoin;
use super::health::Witness;
use super::ladder::Climb;
use super::record::Record;
use super::standing::Stops;
use crate::config::Settings;
use crate::domain::funding::Formula;
use crate::domain::universe::Outside;
use crate::domain::{
    Amount, Asset, Catalogue, InstrumentId, Leg, Pair, PairId, Price, Quantity, Sequence, StrategyId, VenueId, WallTime,
};
use crate::ledger::Ledger;
use crate::market::PairMarket;
use crate::orders::Orders;
use crate::pairs::PairMemory;
use crate::port::event::{Transfer, Wallet};
use crate::port::health::{Input, Part};
use crate::risk::Refusal;
use crate::risk::gate::BotState;
use crate::risk::throttle::Throttle;
use crate::strategy::cost::Costs;
use crate::strategy::next_settlement::{NextSettlement, Skill};
use std::collections::BTreeMap;

/// One pair with its market, memory and what was computed of it.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is one independent fact")]
pub struct PairState {
    /// Names and numbers.
    pub pair: Pair,
    /// Whose it is.
    pub strategy: StrategyId,
    /// The market.
    pub market: PairMarket,
    /// Durable memory.
    pub memory: PairMemory,
    /// What trading costs now.
    pub costs: Costs,
    /// The decision at this instant is the last that can be executed.
    pub last_chance: bool,
    /// What keeps it out of the universe (`strategy.pairs = "auto"`).
    pub outside: Option<Outside>,
    /// Something changed since the last decision.
    pub dirty: bool,
    /// Equal, nothing in work, nothing to plan: only the strategy is asked until something changes.
    pub at_rest: bool,
    /// The end of trading that is known is a delisting.
    pub delisting: bool,
    /// Our forecast of the next settlement, and how good it was.
    pub next: NextSettlement,
    /// Why the gate refused the last order wanted.
    pub refusal: Option<Refusal>,
    /// Why what a person wanted of it last was not begun, or was given up before anything was executed.
    pub declined: Option<&'static str>,
    /// Largest hedged coins of this round trip.
    pub largest: Quantity,
    /// What the venue's own list says of the position.
    pub witness: Witness,
    /// When the venue's lists were asked for last because of it.
    pub compare_asked: Option<WallTime>,
}

/// One venue.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one independent fact")]
pub struct VenueState {
    /// Whether nothing can be sent there, not even what lowers risk.
    pub down: bool,
    /// Inputs of gates that its source should give.
    pub declares: Vec<Input>,
    /// Parts of the way there that do not work: entries need all.
    pub missing: Vec<Part>,
    /// The transfer on its way; one at a time.
    pub moving: Option<Transfer>,
    /// Since when it is.
    pub moving_since: Option<WallTime>,
    /// Quote coins whose wallet is near liquidation, as was told.
    pub margin_low: Vec<Asset>,
    /// Not before this time another transfer is tried.
    pub retry_at: Option<WallTime>,
    /// Somebody else acts on the account: no entries until a person clears it (I14).
    pub foreign: bool,
    /// It asked us to keep still, at this time last (D07); decides nothing.
    pub limited: Option<WallTime>,
    /// The venue refuses our key or has restricted the account: no entries until a person clears it (H07).
    pub barred: bool,
    /// The venue's lists and the ledger differ: no entries until they agree (I5).
    pub differs: bool,
    /// Coins of pairs that its wallets did not cover at the last comparison.
    pub missing_coins: Vec<(Asset, Amount)>,
    /// The coins of its own that it takes fees in now, by wallet (E10).
    pub fee_coins: BTreeMap<Wallet, FeeCoin>,
    /// When they were compared last.
    pub reconciled: Option<WallTime>,
    /// What coins count for as collateral is not known any more, and that was said.
    pub rates_missed: bool,
    /// Coins cannot leave the perp wallet for want of the quote coin, and that was said.
    pub stuck: bool,
    /// The pair whose coins the venue sold last for a debt: what comes in for them is its.
    pub sold_last: Option<PairId>,
    /// The coins of that sale and the mids at it, until it is told what was paid for them.
    pub sold: Option<(PairId, Quantity, (Price, Price))>,
}

/// The whole state of the core.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing that is known")]
pub struct State {
    /// Settings of the run.
    pub settings: Settings,
    /// Hash of the strategy since this process took other settings; absent as long as it has those that it began with.
    pub strategy: Option<String>,
    /// Instruments and pairs.
    pub catalogue: Catalogue,
    /// Time of the last event.
    pub now: WallTime,
    /// When this process began.
    pub booted: Option<WallTime>,
    /// Number of the last event.
    pub sequence: Sequence,
    /// Whether the bot may trade.
    pub bot: BotState,
    /// No entries by wish of a person.
    pub paused: bool,
    /// The process is to end: no entries. Not durable.
    pub stopping: bool,
    /// The disk is nearly full: no entries. Not durable; each start measures it anew.
    pub disk_short: bool,
    /// Pairs by number.
    pub pairs: Vec<PairState>,
    /// Venues by number.
    pub venues: Vec<VenueState>,
    /// Quote coins of all pairs.
    pub quotes: Vec<Asset>,
    /// What coins count for as collateral, by venue.
    pub collateral: BTreeMap<(VenueId, Asset), CoinRate>,
    /// Dollars for one quote coin.
    pub pegs: BTreeMap<Asset, Price>,
    /// When each was told last.
    pub pegs_at: BTreeMap<Asset, WallTime>,
    /// When missing inputs were looked for last.
    pub inputs_at: Option<WallTime>,
    /// The books.
    pub ledger: Ledger,
    /// Our orders.
    pub orders: Orders,
    /// Intents of the last minute.
    pub throttle: Throttle,
    /// Rows for files and the store, drained by the driver.
    pub records: Vec<Record>,
    /// How well the next settlement of all pairs was forecast.
    pub score: Skill,
    /// Orders that the gate refused, by reason.
    pub refusals: BTreeMap<&'static str, u64>,
    /// The same for orders that lower a position or an inequality: no rule about risk may be among them (I8).
    pub refused_reduces: BTreeMap<&'static str, u64>,
    /// Equity at the start of the UTC day, for the loss limit.
    pub day: Option<(i64, Amount)>,
    /// Funding booked: youngest stamps per perp (fault C10).
    pub funding_booked: BTreeMap<InstrumentId, Vec<WallTime>>,
    /// Longest time unequal, ms, over all pairs, and largest value made unequal by our own orders.
    pub unequal: (i64, Amount),
    /// Pairs that are not flat.
    pub active: usize,
    /// It was said that `run.capital` is above the balance.
    pub capital_told: bool,
    /// What the ladder decided last, and which of its moves are still to be made.
    pub ladder: Climb,
    /// Since when each stop of entries stands, kept for people; decides nothing.
    pub stops: Stops,
}

impl State {
    /// Before the first event.
    #[must_use]
    pub fn new(settings: Settings, catalogue: Catalogue) -> Self {
        let pairs: Vec<PairState> =
            catalogue.pairs().iter().map(|pair| PairState::new(pair.clone(), &settings, &catalogue)).collect();
        let mut quotes: Vec<Asset> = Vec::new();
        for pair in catalogue.pairs() {
            for quote in [Leg::Short, Leg::Long].map(|leg| pair.quote(leg)) {
                if !quotes.contains(&quote) {
                    quotes.push(quote);
                }
            }
        }
        Self {
            quotes,
            ledger: Ledger::new(catalogue.pairs()),
            venues: vec![VenueState::default(); catalogue.venues().len()],
            pairs,
            settings,
            strategy: None,
            catalogue,
            now: WallTime(i64::MIN),
            booted: None,
            sequence: Sequence(0),
            bot: BotState::Starting,
            paused: false,
            stopping: false,
            disk_short: false,
            collateral: BTreeMap::new(),
            pegs: BTreeMap::new(),
            pegs_at: BTreeMap::new(),
            inputs_at: None,
            orders: Orders::default(),
            throttle: Throttle::default(),
            records: Vec::new(),
            score: Skill::default(),
            refusals: BTreeMap::new(),
            refused_reduces: BTreeMap::new(),
            day: None,
            funding_booked: BTreeMap::new(),
            unequal: (0, Amount::ZERO),
            active: 0,
            capital_told: false,
            ladder: Climb::default(),
            stops: Stops::default(),
        }
    }

    /// A pair.
    #[must_use]
    pub fn pair(&self, id: PairId) -> Option<&PairState> {
        self.pairs.get(id.index())
    }

    /// A venue.
    #[must_use]
    pub fn venue(&self, id: VenueId) -> Option<&VenueState> {
        self.venues.get(id.index())
    }

    /// Whether something is so of a venue of a pair; of one that is not known it is.
    #[inline]
    pub(super) fn any_venue(&self, pair: &Pair, is: impl Fn(&VenueState) -> bool) -> bool {
        // Asked at every decision: no iterator, and one venue is asked once.
        let (long, short) = (pair.venue(Leg::Long), pair.venue(Leg::Short));
        let is_so = |id| self.venue(id).is_none_or(&is);
        is_so(short) || long != short && is_so(long)
    }

    /// Puts back an intent that was on disk: it may have been sent.
    pub fn restore_intent(&mut self, intent: &crate::port::order::Intent) {
        let mut order = crate::orders::Order::new(intent.clone());
        order.durable = true;
        self.throttle.push(crate::risk::throttle::Made {
            at: intent.decided_at,
            instrument: intent.instrument,
            side: intent.side,
            quantity: intent.quantity,
        });
        self.orders.restore(order);
    }

    /// The settings that hold for a pair.
    #[must_use]
    #[inline]
    pub fn settings_of(&self, pair: &PairState) -> &Settings {
        self.settings.of_pair_in(pair.strategy, &pair.pair.name)
    }

    /// The settings of the strategy that a pair belongs to, whatever the pair has otherwise.
    #[must_use]
    #[inline]
    pub fn strategy_of(&self, pair: &PairState) -> &Settings {
        self.settings.of_strategy(pair.strategy)
    }

    /// The name of a pair's strategy, where there are several.
    #[must_use]
    pub fn strategy_name(&self, pair: &PairState) -> Option<&str> {
        self.settings.strategies.get(pair.strategy.index()).map(|part| part.name.as_str())
    }

    /// The part of the capital of a pair's strategy.
    #[must_use]
    pub fn capital_of(&self, pair: &PairState) -> Amount {
        self.strategy_of(pair).strategy.capital.of((self.capital(), self.settings.run.capital))
    }

    /// The capital that sizes and limits are shares of: `run.capital`, or what was brought to the venues when that is less.
    /// What the pairs earned or lost does not count: sizes do not shrink with each fee. Quote coins count one for one.
    #[must_use]
    pub fn capital(&self) -> Amount {
        let opened: Amount = self.quotes.iter().map(|quote| self.ledger.opening(*quote)).sum();
        self.settings.run.capital.min(opened + self.ledger.lines().transfers).max(Amount::ZERO)
    }

    /// Equity in the reporting coin: every quote coin counts one for one at the start, and its later move is revaluation.
    #[must_use]
    pub fn equity(&self) -> Amount {
        let mut equity = self.ledger.tokens_value();
        for quote in &self.quotes {
            equity += self.in_reporting(self.ledger.equity(*quote), *quote);
        }
        equity
    }

    /// An amount of a quote coin in the reporting coin, rounded once to 1e-8 when the coin is another one.
    #[must_use]
    pub fn in_reporting(&self, amount: Amount, quote: Asset) -> Amount {
        if quote == self.settings.run.currency {
            return amount;
        }
        match (self.pegs.get(&quote), self.pegs.get(&self.settings.run.currency)) {
            (Some(price), currency) => {
                let base = currency.map_or(crate::domain::price::PRICE_ONE, |currency| currency.units());
                let ratio = i128::from(price.units()) * 1_000_000_000_000_000_000 / i128::from(base.max(1));
                amount.times_rate(crate::domain::Rate::from_units(i64::try_from(ratio).unwrap_or(i64::MAX)))
            }
            _ => amount,
        }
    }

    /// Values every pair that holds something at its latest marks.
    pub fn mark_all(&mut self) {
        for pair in &self.pairs {
            if let Some((long, short)) = pair.market.marks {
                self.ledger.mark(pair.pair.id, long, short);
            }
        }
    }
}

impl PairState {
    /// Why nothing became of what was wanted of it last: a person's order first, then what the gate of every order said.
    pub fn refused(&self) -> Option<String> {
        let gate = || self.refusal.as_ref().map(ToString::to_string);
        self.declined.map(str::to_owned).or_else(gate)
    }

    fn new(pair: Pair, settings: &Settings, catalogue: &Catalogue) -> Self {
        let formula = |id| catalogue.instrument(id).map_or(Formula::STANDARD, |instrument| instrument.formula);
        let strategy = settings.strategy_of(&pair.name);
        let signal = &settings.of_pair_in(strategy, &pair.name).signal;
        let formulas = (formula(pair.long), formula(pair.short));
        let market = PairMarket::new(signal.smooth, signal.memory, formulas);
        let mut state = Self {
            pair,
            strategy,
            market,
            memory: PairMemory::default(),
            costs: Costs::default(),
            last_chance: false,
            outside: None,
            dirty: false,
            at_rest: true,
            delisting: false,
            next: NextSettlement::default(),
            refusal: None,
            declined: None,
            largest: Quantity::ZERO,
            witness: Witness::default(),
            compare_asked: None,
        };
        state.refresh_costs(settings, catalogue);
        state
    }
}
