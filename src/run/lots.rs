//! A session's money as tax forms ask for it: lots first in first out, settlements, and everything else that came or went,
//! with totals that must be the ledger's own.
//!
//! It applies what is on disk, fact by fact, as [`super::session::replay`] does, and decides nothing. Quote coins stand for
//! themselves: nothing is converted. Tests: `tests/commands/lots.rs`.

use super::session;
use crate::config::Settings;
use crate::domain::{
    Amount, Asset, Catalogue, Leg, Market, Pair, Price, Quantity, Rate, Side, SignedQuantity, WallTime,
};
use crate::engine::record::{FillRecord, FundingRecord};
use crate::engine::{Record, State};
use crate::ledger::lots::Closed;
use crate::ledger::{Account, Lot, Lots, Posting, PostingReason};
use crate::port::Stamped;
use crate::port::event::VenueAct;
use crate::store::Loaded;
use serde::Serialize;
use std::collections::BTreeMap;

/// One lot, closed or still open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LotRow {
    /// Pair.
    pub pair: String,
    /// Venue.
    pub venue: String,
    /// Symbol at the venue.
    pub symbol: String,
    /// Coins (`spot`), or a position in contracts (`perp`).
    pub leg: Market,
    /// `buy`: bought first. `sell`: a short, sold first.
    pub opened_by: Side,
    /// The coin.
    pub asset: Asset,
    /// Coins.
    pub quantity: Quantity,
    /// When it was acquired, or the short was opened.
    pub opened_ms: WallTime,
    /// When it was disposed of, or the short was bought back; absent while it is open.
    pub closed_ms: Option<WallTime>,
    /// What was paid, without fees; absent for an open short.
    pub cost: Option<Amount>,
    /// What came in, without fees; absent for coins that are held.
    pub proceeds: Option<Amount>,
    /// Fees of both ends, or of the opening; a fee taken in the coin at the price of its execution.
    pub fees: Amount,
    /// Proceeds less cost, before fees; absent while it is open.
    pub gain: Option<Amount>,
    /// Quote coin of the sums.
    pub currency: Asset,
    /// What was not an ordinary trade.
    pub note: Option<&'static str>,
}

/// One settlement of funding on a position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SettlementRow {
    /// Pair.
    pub pair: String,
    /// Venue.
    pub venue: String,
    /// Symbol at the venue.
    pub symbol: String,
    /// The venue's stamp.
    pub settled_ms: WallTime,
    /// When the payment was booked here.
    pub booked_ms: WallTime,
    /// Signed coins held; minus is a short.
    pub quantity: SignedQuantity,
    /// Price used.
    pub mark_price: Price,
    /// Rate of that settlement.
    pub rate: Rate,
    /// Plus is received.
    pub amount: Amount,
    /// Quote coin.
    pub currency: Asset,
}

/// Money that no lot and no settlement of a position explains.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OtherRow {
    /// When it was booked.
    pub at_ms: WallTime,
    /// Pair of a fee.
    pub pair: Option<String>,
    /// What it was: `fee` (in a coin that is neither of the pair's), `rebate`, `interest`, `funding`, `insurance`,
    /// `auto_exchange`, `rounding`, or `external` for money that somebody moved.
    pub what: &'static str,
    /// Plus is to us.
    pub amount: Amount,
    /// Of what.
    pub asset: Asset,
}

/// Sums in one quote coin, and the same from the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Quote coin.
    pub currency: Asset,
    /// Gains of closed lots, before fees.
    pub gains: Amount,
    /// Fees, of open lots too; plus is paid.
    pub fees: Amount,
    /// Funding of positions.
    pub funding: Amount,
    /// Everything else but money that somebody moved.
    pub other: Amount,
    /// Gains less fees, plus funding and the rest: what was realised.
    pub realised: Amount,
    /// Money that somebody brought (plus) or took.
    pub moved: Amount,
    /// What coins that are still held cost.
    pub held_cost: Amount,
    /// Value at which coins of before were taken over by `carry adopt`: part of that cost, and never paid here.
    pub adopted: Amount,
    /// What the ledger, which keeps a position at its average cost, has realised more on positions that are open.
    pub average_cost: Amount,
    /// Change of the cash in all wallets since the start, from the ledger's balances.
    pub ledger: Amount,
    /// Ledger less all of the above; must be zero.
    pub difference: Amount,
}

/// Everything of one session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Declared {
    /// Closed lots in order of closing.
    pub lots: Vec<LotRow>,
    /// Open lots, oldest first.
    pub open: Vec<LotRow>,
    /// Settlements in order of booking.
    pub settlements: Vec<SettlementRow>,
    /// The rest in order of booking.
    pub other: Vec<OtherRow>,
    /// Sums per quote coin.
    pub totals: Vec<Totals>,
}

impl Declared {
    /// Reads it out of a ledger.
    #[must_use]
    pub fn of(known: (Settings, Catalogue), loaded: &Loaded) -> Self {
        let (settings, catalogue) = known;
        let mut state = State::new(settings, catalogue);
        let mut sorter = Sorter::default();
        session::replay(&mut state, loaded, &mut |state, stamped| sorter.fact(state, stamped));
        sorter.finish(&state)
    }
}

/// Takes the facts one by one.
#[derive(Default)]
struct Sorter {
    out: Declared,
    queues: BTreeMap<(u16, Leg), Lots>,
    sums: BTreeMap<Asset, Sums>,
    /// Lots whose proceeds the venue has not told yet, by pair: places in the rows.
    untold: BTreeMap<u16, Vec<usize>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    opening: Amount,
    fees: Amount,
    funding: Amount,
    other: Amount,
    moved: Amount,
    adopted: Amount,
}

impl Sorter {
    fn fact(&mut self, state: &mut State, stamped: &Stamped) {
        let postings = state.ledger.drain();
        let adopted = postings.iter().any(|one| one.reason == PostingReason::Adopted);
        for record in std::mem::take(&mut state.records) {
            match record {
                Record::Fill(fill) => self.fill(state, &fill, adopted),
                Record::Funding(funding) => self.funding(state, &funding, stamped.at),
                Record::Opened { .. } | Record::Closed { .. } | Record::Unequal { .. } => {}
            }
        }
        for posting in &postings {
            self.posting(state, posting);
        }
    }

    fn fill(&mut self, state: &State, record: &FillRecord, adopted: bool) {
        let Some(pair) = state.pair(record.pair).map(|pair| pair.pair.clone()) else { return };
        let FillRecord { leg, side, fill, .. } = record;
        let quote = pair.quote(*leg);
        let coin_fee = pair.market(*leg) == Market::Spot && fill.fee_asset == pair.coin;
        let in_coins = if coin_fee { fill.fee.to_coins().magnitude() } else { Quantity::ZERO };
        let fees = match () {
            () if coin_fee => fill.price.times(in_coins),
            () if fill.fee_asset == quote => fill.fee,
            () => Amount::ZERO,
        };
        self.sums.entry(quote).or_default().fees += fees;
        if !coin_fee && fill.fee_asset != quote && !fill.fee.is_zero() {
            let (pair, amount, asset) = (Some(pair.name.clone()), -fill.fee, fill.fee_asset);
            self.sums.entry(asset).or_default().other += amount;
            self.out.other.push(OtherRow { at_ms: fill.at, pair, what: "fee", amount, asset });
        }
        // A fee that was taken out of what was bought was never ours; one taken beside a sale is one more sale.
        let quantity = match side {
            Side::Buy => fill.quantity.minus(in_coins),
            Side::Sell => Quantity::saturating(fill.quantity.units() + in_coins.units()),
        };
        let lot = Lot { opened: fill.at, side: *side, quantity, price: fill.price, fees };
        let note = if adopted { Some("adopted") } else { record.act.map(act_word) };
        self.trade(state, &pair, *leg, (lot, note));
    }

    fn trade(&mut self, state: &State, pair: &Pair, leg: Leg, (lot, note): (Lot, Option<&'static str>)) {
        let closed = self.queues.entry((pair.id.0, leg)).or_default().trade(lot);
        for one in closed {
            self.out.lots.push(row(state, pair, leg, &one).noted(note));
        }
    }

    fn funding(&mut self, state: &State, record: &FundingRecord, booked: WallTime) {
        let Some(pair) = state.pair(record.pair).map(|pair| &pair.pair) else { return };
        let (venue, symbol) = names(state, pair, record.leg);
        self.sums.entry(pair.quote(record.leg)).or_default().funding += record.amount;
        self.out.settlements.push(SettlementRow {
            pair: pair.name.clone(),
            venue,
            symbol,
            settled_ms: record.stamp,
            booked_ms: booked,
            quantity: record.position,
            mark_price: record.mark,
            rate: record.rate,
            amount: record.amount,
            currency: pair.quote(record.leg),
        });
    }

    fn posting(&mut self, state: &State, posting: &Posting) {
        let Posting { debit, credit, amount, asset, .. } = *posting;
        let sums = self.sums.entry(asset).or_default();
        match posting.reason {
            PostingReason::Opening => sums.opening += amount,
            PostingReason::Adopted => {
                if matches!(debit, Account::Traded { .. }) {
                    sums.adopted += amount;
                }
            }
            PostingReason::Fee => {
                if let (Account::Fees { pair: owner }, Account::Fees { .. }) = (debit, credit) {
                    self.taken(state, owner.0, amount, posting.at);
                }
            }
            PostingReason::AutoExchange => match (debit, credit) {
                (Account::Traded { pair }, Account::Wallet { .. }) => self.sold(state, pair.0, amount, posting.at),
                (Account::Wallet { .. }, Account::Traded { pair }) => self.told(pair.0, (amount, asset), posting.at),
                _ => self.outside(posting, "auto_exchange"),
            },
            PostingReason::External => self.outside(posting, "external"),
            PostingReason::Rebate => self.outside(posting, "rebate"),
            PostingReason::Interest => self.outside(posting, "interest"),
            PostingReason::Funding => self.outside(posting, "funding"),
            PostingReason::Insurance => self.outside(posting, "insurance"),
            PostingReason::Rounding => self.outside(posting, "rounding"),
            PostingReason::SpotTrade | PostingReason::PerpTrade | PostingReason::Transfer => {}
        }
    }

    /// A movement against the world outside; one of a pair's own accounts is counted where it was recorded.
    fn outside(&mut self, posting: &Posting, what: &'static str) {
        let amount = match (posting.debit, posting.credit) {
            (_, Account::Outside) => posting.amount,
            (Account::Outside, _) => -posting.amount,
            _ => return,
        };
        let sums = self.sums.entry(posting.asset).or_default();
        if what == "external" {
            sums.moved += amount;
        } else {
            sums.other += amount;
        }
        self.out.other.push(OtherRow { at_ms: posting.at, pair: None, what, amount, asset: posting.asset });
    }

    /// Coins that paid the fee of another pair: given away at what the ledger valued them at.
    fn taken(&mut self, state: &State, owner: u16, coins: Amount, at: WallTime) {
        let Some((pair, price)) = marked(state, owner) else { return };
        let quantity = coins.to_coins().magnitude();
        let fees = price.times(quantity);
        self.sums.entry(pair.quote(Leg::Long)).or_default().fees += fees;
        let lot = Lot { opened: at, side: Side::Sell, quantity, price, fees };
        self.trade(state, &pair, Leg::Long, (lot, Some("fee of another pair")));
    }

    /// Coins that the venue sold for a debt: what it got for them comes with a posting of its own.
    fn sold(&mut self, state: &State, owner: u16, coins: Amount, at: WallTime) {
        let Some((pair, price)) = marked(state, owner) else { return };
        let (quantity, before) = (coins.to_coins().magnitude(), self.out.lots.len());
        let lot = Lot { opened: at, side: Side::Sell, quantity, price, fees: Amount::ZERO };
        self.trade(state, &pair, Leg::Long, (lot, Some("sold by the venue")));
        for (place, row) in self.out.lots.iter_mut().enumerate().skip(before) {
            (row.proceeds, row.gain) = (Some(Amount::ZERO), row.cost.map(|cost| -cost));
            self.untold.entry(owner).or_default().push(place);
        }
    }

    fn told(&mut self, owner: u16, (amount, asset): (Amount, Asset), at: WallTime) {
        let places = self.untold.remove(&owner).unwrap_or_default();
        let all = |rows: &[LotRow], places: &[usize]| {
            places.iter().filter_map(|place| Some(rows.get(*place)?.quantity.units())).sum::<i64>()
        };
        let (mut left, mut money) = (all(&self.out.lots, &places), amount);
        if left == 0 {
            self.sums.entry(asset).or_default().other += amount;
            self.out.other.push(OtherRow { at_ms: at, pair: None, what: "auto_exchange", amount, asset });
            return;
        }
        for place in places {
            let Some(row) = self.out.lots.get_mut(place) else { continue };
            let units = row.quantity.units();
            let share = if units == left { money } else { money.share(units, left) };
            (left, money) = (left - units, money - share);
            (row.proceeds, row.gain) = (Some(share), row.cost.map(|cost| share - cost));
        }
    }

    fn finish(mut self, state: &State) -> Declared {
        for pair in &state.pairs {
            for leg in Leg::BOTH {
                let lots = self.queues.get(&(pair.pair.id.0, leg));
                for lot in lots.into_iter().flat_map(Lots::open) {
                    self.out.open.push(open_row(state, &pair.pair, leg, lot));
                }
            }
        }
        self.out.open.sort_by_key(|row| row.opened_ms);
        for quote in &state.quotes {
            let totals = self.totals(state, *quote);
            self.out.totals.push(totals);
        }
        self.out
    }

    fn totals(&self, state: &State, currency: Asset) -> Totals {
        let Sums { opening, fees, funding, other, moved, adopted } =
            self.sums.get(&currency).copied().unwrap_or_default();
        let rows = self.out.lots.iter().filter(|row| row.currency == currency);
        let gains: Amount = rows.filter_map(|row| row.gain).sum();
        let (mut held_cost, mut average_cost) = (Amount::ZERO, Amount::ZERO);
        for pair in state.pairs.iter().map(|pair| &pair.pair) {
            let value = |leg| self.queues.get(&(pair.id.0, leg)).map(Lots::signed_value).unwrap_or_default();
            let cost = |leg| state.ledger.pair(pair.id).map(|book| book.perp(leg).cost).unwrap_or_default();
            for leg in Leg::BOTH.into_iter().filter(|leg| pair.quote(*leg) == currency) {
                match pair.market(leg) {
                    Market::Spot => held_cost += value(leg),
                    Market::Perp => average_cost += cost(leg) - value(leg),
                }
            }
        }
        let realised = gains - fees + funding + other;
        let ledger = state.ledger.cash(currency) - opening;
        let difference = ledger - (realised + moved - held_cost + adopted + average_cost);
        let sums =
            Totals { currency, gains, fees, funding, other, realised, moved, held_cost, ..Totals::none(currency) };
        Totals { adopted, average_cost, ledger, difference, ..sums }
    }
}

impl Totals {
    const fn none(currency: Asset) -> Self {
        let zero = Amount::ZERO;
        Self {
            currency,
            gains: zero,
            fees: zero,
            funding: zero,
            other: zero,
            realised: zero,
            moved: zero,
            held_cost: zero,
            adopted: zero,
            average_cost: zero,
            ledger: zero,
            difference: zero,
        }
    }
}

impl LotRow {
    fn noted(self, note: Option<&'static str>) -> Self {
        Self { note, ..self }
    }
}

const fn act_word(act: VenueAct) -> &'static str {
    match act {
        VenueAct::Adl => "auto-deleveraging",
        VenueAct::Liquidation => "liquidation",
        VenueAct::Settlement => "settlement of the contract",
        VenueAct::Foreign => "by another hand",
    }
}

/// A pair with the price that its books valued its coins at.
fn marked(state: &State, owner: u16) -> Option<(Pair, Price)> {
    let pair = state.pairs.get(usize::from(owner)).map(|pair| pair.pair.clone())?;
    let (spot, _) = state.ledger.pair(pair.id)?.attribution.marks()?;
    Some((pair, spot))
}

fn names(state: &State, pair: &Pair, leg: Leg) -> (String, String) {
    let instrument = state.catalogue.instrument(pair.leg(leg));
    instrument.map(|one| (one.venue.to_string(), one.symbol.to_string())).unwrap_or_default()
}

fn row(state: &State, pair: &Pair, leg: Leg, one: &Closed) -> LotRow {
    let (venue, symbol) = names(state, pair, leg);
    LotRow {
        pair: pair.name.clone(),
        venue,
        symbol,
        leg: pair.market(leg),
        opened_by: one.side,
        asset: pair.coin,
        quantity: one.quantity,
        opened_ms: one.opened,
        closed_ms: Some(one.closed),
        cost: Some(one.cost),
        proceeds: Some(one.proceeds),
        fees: one.fees,
        gain: Some(one.gain()),
        currency: pair.quote(leg),
        note: None,
    }
}

fn open_row(state: &State, pair: &Pair, leg: Leg, lot: &Lot) -> LotRow {
    let (venue, symbol) = names(state, pair, leg);
    let bought = lot.side == Side::Buy;
    LotRow {
        pair: pair.name.clone(),
        venue,
        symbol,
        leg: pair.market(leg),
        opened_by: lot.side,
        asset: pair.coin,
        quantity: lot.quantity,
        opened_ms: lot.opened,
        closed_ms: None,
        cost: bought.then(|| lot.value()),
        proceeds: (!bought).then(|| lot.value()),
        fees: lot.fees,
        gain: None,
        currency: pair.quote(leg),
        note: None,
    }
}
