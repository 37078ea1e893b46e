//! One pair of a venue as it stands now, from public questions: the market as the strategy sees it, and both books.
//!
//! Everything that decides is the strategy's own (`strategy/`): this fills its view. Fees are those without a tier, because
//! no key is used. Costs are for the size asked for, by walking the books of both legs, in and out, and replace the halves
//! of spreads that a running bot has. Estimates: nothing here is ever posted. Tests: `tests/commands/scan.rs`.

use super::public::{AskError, PublicVenue};
use crate::config::Settings;
use crate::data::instruments::{Legs, built_in};
use crate::data::settlements::{intervals, proven_before};
use crate::domain::{Amount, FundingRate, Interval, Leg, Market, Price, Quantity, Rate, Side, Span, Symbol, WallTime};
use crate::market::PairMarket;
use crate::market::book::Book;
use crate::strategy::View;
use crate::strategy::cost::Costs;
use crate::strategy::next_settlement::NextSettlement;
use crate::strategy::view::Lacks;
use crate::venues::answer::{Answer, CandleRow, FundingTerms, PremiumRow};
use crate::venues::ask::{Ask, Candles};
use crate::venues::binance::session::DEPTH_BOUND;
use crate::venues::binance::{Message, Scratch, decode};
use std::collections::BTreeMap;
use std::iter::Peekable;

/// Levels of a book that are read: what an order of some hundred thousand takes from a big pair.
const LEVELS: u32 = 500;
/// Intervals of symbols that the venue's list leaves out, by the venue's documents.
const USUAL: Interval = Interval::H8;

/// Average prices of an order of one size, as the books are now; absent where a book holds less.
#[derive(Debug, Clone, Copy, Default)]
pub struct Walked {
    /// Buying spot, to enter.
    pub spot_buy: Option<Price>,
    /// Selling the perp, to enter.
    pub perp_sell: Option<Price>,
    /// Selling spot, to leave.
    pub spot_sell: Option<Price>,
    /// Buying the perp, to leave.
    pub perp_buy: Option<Price>,
}

/// A pair as it is now.
pub struct Look {
    /// `VENUE:SYMBOL`.
    pub pair: String,
    /// When it was looked at.
    pub at: WallTime,
    /// Both instruments with built-in rules and fees.
    pub legs: Legs,
    /// As the strategy sees it.
    pub market: PairMarket,
    /// What is expected of the next settlement, and how good that was on the history that was asked for.
    pub next: NextSettlement,
    /// Both books, of the long and the short leg.
    pub books: [Book; 2],
    /// Coins of the size asked for.
    pub coins: Quantity,
    /// What an order of that size pays.
    pub walked: Walked,
    /// Costs of that size; `None` when a book holds less.
    pub costs: Option<Costs>,
}

/// A pair could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// The venue.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// It has no such pair, or none that can be priced.
    #[error("{symbol}: {why}")]
    NoPair {
        /// Which symbol.
        symbol: Symbol,
        /// What is missing.
        why: &'static str,
    },
}

/// Looks at pairs of one venue.
pub struct Looker<'a> {
    /// The venue.
    pub venue: &'a mut PublicVenue,
    /// Its name.
    pub name: &'a str,
    /// Every setting.
    pub settings: &'a Settings,
    /// Value of the spot leg in its quote coin.
    pub size: Amount,
    /// The time now.
    pub now: fn() -> WallTime,
}

impl Look {
    /// What orders of another size would pay on the same books; `None` when a book holds less.
    #[must_use]
    pub fn at(&self, size: Amount) -> Option<(Walked, Costs)> {
        let coins = coins_at(size, self.market.long.mid?, &self.legs);
        let walked = walk(&self.books, coins);
        Some((walked, costs(&walked, &self.market, &self.legs)?))
    }

    /// Value of all that stands on the thinnest of the four sides.
    #[must_use]
    pub fn depth(&self) -> Option<Amount> {
        let sides = self.books.iter().flat_map(|book| [Side::Buy, Side::Sell].map(|side| (book, side)));
        let all = |(book, side): (&Book, Side)| book.levels(side).fold(Quantity::ZERO, |sum, (_, coins)| sum + coins);
        let coins = sides.map(all).min()?;
        Some(self.market.long.mid?.times(coins))
    }

    /// Value of the smallest order that both legs take.
    #[must_use]
    pub fn least(&self) -> Option<Amount> {
        let (spot, perp) = (&self.legs.spot.rules, &self.legs.perp.rules);
        let step = self.market.long.mid?.times(spot.step.max(perp.step));
        Some(step.max(spot.min_notional).max(perp.min_notional))
    }

    /// The strategy's view of it, flat. Costs that are not known are endless: no gate lets that through.
    #[must_use]
    pub fn view<'a>(&'a self, settings: &'a Settings) -> View<'a> {
        View {
            spread: false,
            lacks: Lacks::default(),
            now: self.at,
            settings: settings.of_pair(&self.pair),
            market: &self.market,
            costs: self.costs.unwrap_or(Costs { impact: f64::INFINITY, ..Costs::default() }),
            held: Quantity::ZERO,
            entered_at: None,
            closed_at: None,
            peers_8h: None,
            peg: None,
            reachable: true,
            capital: None,
        }
    }
}

impl Looker<'_> {
    /// Intervals and bounds of funding of all symbols.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn terms(&mut self) -> Result<BTreeMap<Symbol, FundingTerms>, AskError> {
        match self.venue.ask(&Ask::FundingInfo).await? {
            Answer::FundingInfo(rows) => Ok(rows.into_iter().map(|row| (row.symbol, row)).collect()),
            _ => Ok(BTreeMap::new()),
        }
    }

    /// Mark, index and estimate of one symbol, or of all.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn premium(&mut self, symbol: Option<Symbol>) -> Result<Vec<PremiumRow>, AskError> {
        match self.venue.ask(&Ask::Premium { symbol }).await? {
            Answer::Premium(rows) => Ok(rows),
            _ => Ok(Vec::new()),
        }
    }

    /// One pair.
    ///
    /// # Errors
    /// [`LookError`].
    pub async fn look(&mut self, symbol: Symbol, terms: Option<&FundingTerms>) -> Result<Look, LookError> {
        let no_pair = |why| LookError::NoPair { symbol, why };
        let legs =
            built_in(self.name, symbol).ok_or_else(|| no_pair("expected a symbol that ends in its quote coin"))?;
        let spot = self.book(Market::Spot, symbol).await?;
        let perp = self.book(Market::Perp, symbol).await?;
        let premium = self.premium(Some(symbol)).await?.into_iter().find(|row| row.symbol == symbol);
        let premium = premium.ok_or_else(|| no_pair("the venue gives no mark for it"))?;
        let pair = format!("{}:{symbol}", self.name);
        let signal = &self.settings.of_pair(&pair).signal;
        let mut market = PairMarket::new(signal.smooth, signal.memory, (legs.spot.formula, legs.perp.formula));
        let mut hours = self.usual_basis(symbol, &mut market).await?.into_iter().peekable();
        let mut next = self.funding(symbol, terms, &mut market, &mut hours).await?;
        let at = (self.now)();
        for (leg, book) in [(Leg::Long, &spot), (Leg::Short, &perp)] {
            let (Some(bid), Some(ask)) = (book.best_bid(), book.best_ask()) else {
                return Err(no_pair("a side of its book is empty"));
            };
            let depth = |side| book.depth_within(side, DEPTH_BOUND);
            market.leg_mut(leg).on_quote((bid.0, depth(Side::Buy)), (ask.0, depth(Side::Sell)), at);
            market.on_mid(leg, at);
        }
        market.short.mark = Some((premium.mark, premium.at));
        market.short.index = Some(premium.index);
        let interval = terms.map(|terms| terms.interval).or_else(|| market.short.interval()).unwrap_or(USUAL);
        market.short.estimate =
            premium.rate.zip(premium.next_funding).map(|(rate, at)| (FundingRate { rate, interval }, at));
        // The estimate is that of now: it is put beside the hour that ended last.
        while let Some((end, premium)) = hours.next() {
            let youngest = hours.peek().is_none();
            next.on_hour(end, Some(premium), market.short.estimate.filter(|_| youngest).map(|(estimate, _)| estimate));
        }
        let mid = market.long.mid.ok_or_else(|| no_pair("it has no price"))?;
        let coins = coins_at(self.size, mid, &legs);
        let books = [spot, perp];
        let walked = walk(&books, coins);
        let costs = costs(&walked, &market, &legs);
        Ok(Look { pair, at, legs, market, next, books, coins, walked, costs })
    }

    async fn book(&mut self, market: Market, symbol: Symbol) -> Result<Book, LookError> {
        let ask = Ask::Depth { market, symbol, levels: LEVELS };
        let why = "the venue has no such spot or perp market";
        let (reply, _) = match self.venue.reply(&ask).await {
            Err(AskError::Refused { status: 400..=404, .. }) => return Err(LookError::NoPair { symbol, why }),
            other => other?,
        };
        let unread = LookError::NoPair { symbol, why: "its book cannot be read" };
        let mut scratch = Scratch::default();
        let Ok(Message::Snapshot(snapshot)) = decode(market, &reply.body, &mut scratch) else { return Err(unread) };
        let mut book = Book::default();
        book.load(snapshot.bids, snapshot.asks);
        if book.is_crossed() { Err(LookError::NoPair { symbol, why: "its book is crossed" }) } else { Ok(book) }
    }

    /// Hourly candles of both legs over the memory, as far as one answer goes: what the basis usually is, and what it was at the
    /// end of each hour.
    async fn usual_basis(&mut self, symbol: Symbol, market: &mut PairMarket) -> Result<Vec<(WallTime, f64)>, AskError> {
        let end = (self.now)().floor(Span::HOUR) - Span::HOUR;
        let start = (end - self.settings.longest_memory()).max(end - Span::hours(999));
        let mut rows: Vec<Vec<CandleRow>> = Vec::new();
        for leg in [Market::Spot, Market::Perp] {
            let ask = Ask::Candles { kind: Candles::Trade(leg), symbol, step: "1h", start, end, limit: 1000 };
            rows.push(match self.venue.ask(&ask).await? {
                Answer::Candles(rows) => rows,
                _ => Vec::new(),
            });
        }
        let mut hours = Vec::new();
        let (Some(perp), Some(spot)) = (rows.pop(), rows.pop()) else { return Ok(hours) };
        let perp: BTreeMap<WallTime, &CandleRow> = perp.iter().map(|row| (row.opened, row)).collect();
        for spot in &spot {
            let Some(perp) = perp.get(&spot.opened) else { continue };
            let close = |row: &CandleRow| Price::parse(&row.prices[3]).ok();
            let (Some(spot_close), Some(perp_close)) = (close(spot), close(perp)) else { continue };
            let times = (spot.opened, spot.opened + Span::HOUR);
            market.long.on_bar(spot_close, spot_close, Quantity::ZERO, times);
            market.short.on_bar(perp_close, perp_close, Quantity::ZERO, times);
            hours.extend(market.on_common_bar(times.1).map(|premium| (times.1, premium)));
        }
        Ok(hours)
    }

    async fn funding(
        &mut self,
        symbol: Symbol,
        terms: Option<&FundingTerms>,
        market: &mut PairMarket,
        hours: &mut Peekable<impl Iterator<Item = (WallTime, f64)>>,
    ) -> Result<NextSettlement, AskError> {
        let mut next = NextSettlement::default();
        let usual = terms.map_or(USUAL, |terms| terms.interval);
        // One answer holds a thousand, the oldest first: no more is asked for, so that the youngest are among them.
        let reach = Span(usual.span().0.saturating_mul(900)).min(self.settings.longest_memory());
        let ask = Ask::FundingHistory { symbol, start: Some((self.now)() - reach), end: None, limit: 1000 };
        let Answer::FundingHistory(rows) = self.venue.ask(&ask).await? else { return Ok(next) };
        let stamps: Vec<WallTime> = rows.iter().map(|row| row.stamp).collect();
        for ((row, interval), proven) in rows.iter().zip(intervals(&stamps)).zip(proven_before(&stamps)) {
            next.on_hours(row.stamp, hours);
            next.on_settled(row.stamp, proven.map(|interval| FundingRate { rate: row.rate, interval }));
            market.on_settled(
                Leg::Short,
                row.stamp,
                FundingRate { rate: row.rate, interval: interval.unwrap_or(usual) },
            );
        }
        Ok(next)
    }
}

/// Coins of a size that both legs can trade.
fn coins_at(size: Amount, mid: Price, legs: &Legs) -> Quantity {
    coins_of(size, mid).floor_to(legs.spot.rules.step.max(legs.perp.rules.step))
}

fn walk([spot, perp]: &[Book; 2], coins: Quantity) -> Walked {
    Walked {
        spot_buy: spot.walk(Side::Buy, coins),
        perp_sell: perp.walk(Side::Sell, coins),
        spot_sell: spot.walk(Side::Sell, coins),
        perp_buy: perp.walk(Side::Buy, coins),
    }
}

/// Coins that are worth `value` at a price, rounded down to 1e-8.
#[must_use]
pub fn coins_of(value: Amount, price: Price) -> Quantity {
    let units = value.units().max(0).div_euclid(i128::from(price.units()));
    Quantity::saturating(i64::try_from(units).unwrap_or(i64::MAX))
}

/// Both ways of a leg halved, so that a round trip costs exactly what the four walks say.
#[expect(clippy::float_arithmetic, reason = "cost estimates are signals")]
fn costs(walked: &Walked, market: &PairMarket, legs: &Legs) -> Option<Costs> {
    let leg = |mid: Option<Price>, buy: Option<Price>, sell: Option<Price>| {
        Some((buy?.to_f64() - sell?.to_f64()) / 2.0 / mid?.to_f64())
    };
    Some(Costs {
        long_fee: Rate::to_f64(legs.spot.fees.taker),
        short_fee: Rate::to_f64(legs.perp.fees.taker),
        long_half_spread: leg(market.long.mid, walked.spot_buy, walked.spot_sell)?,
        short_half_spread: leg(market.short.mid, walked.perp_buy, walked.perp_sell)?,
        impact: 0.0,
    })
}
