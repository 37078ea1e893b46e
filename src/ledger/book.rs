//! The ledger itself: postings in, balances, positions and equity out.

use super::account::{Account, Posting, PostingReason};
use super::lines::Lines;
use super::pair_book::PairBook;
use super::token::Token;
use crate::domain::{
    Amount, Asset, Leg, Market, Pair, PairId, Place, Price, Quantity, Sequence, Side, SignedQuantity, VenueId, WallTime,
};
use crate::port::event::{Adjustment, Transfer, Wallet};
use crate::port::order::Fill;
use std::collections::BTreeMap;

/// When and by which event something is booked.
#[derive(Debug, Clone, Copy)]
pub struct Cause {
    /// Number of the event.
    pub sequence: Sequence,
    /// Its time.
    pub at: WallTime,
}

/// A fill with what it needs to be booked.
#[derive(Debug, Clone, Copy)]
pub struct BookedFill<'a> {
    /// The pair.
    pub pair: &'a Pair,
    /// The leg.
    pub leg: Leg,
    /// Buy or sell.
    pub side: Side,
    /// The execution.
    pub fill: &'a Fill,
    /// Mids of the long and the short leg at that instant.
    pub mids: (Price, Price),
}

/// What a pair takes over of what was there before.
#[derive(Debug, Clone, Copy)]
pub struct Adopted {
    /// Spot coins, which are in the wallet already.
    pub coins: Quantity,
    /// Coins short.
    pub short: Quantity,
    /// The venue's mean entry price of the short.
    pub entry: Price,
    /// Mids of the long and the short leg.
    pub mids: (Price, Price),
}

/// Double-entry books of one run in one mode.
///
/// **Invariant**: per asset all balances sum to zero; checked by [`Ledger::imbalance`] after every event in tests and at
/// every commit in production.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    balances: BTreeMap<(Account, Asset), Amount>,
    pub(super) pairs: Vec<PairBook>,
    /// Postings since the last [`Ledger::drain`].
    fresh: Vec<Posting>,
    count: u64,
    pub(super) changes: u64,
    /// Quote money in wallets and transit, per quote coin: kept so that equity costs nothing per bar.
    cash: Sums,
    opening: Sums,
    /// Profit lines that belong to no pair.
    pub(super) outside: Lines,
    /// What somebody brought (plus) or took: part of `transfers`, and no return.
    pub(super) flows: Amount,
    /// Coins of our pairs in perp wallets.
    parked: BTreeMap<(VenueId, Asset), Amount>,
    /// Coins that venues take fees in besides the usual ones.
    pub(super) tokens: BTreeMap<Asset, Token>,
}

/// Amounts by asset, a handful of them: a scan costs less than a tree.
#[derive(Debug, Clone, Default)]
struct Sums(Vec<(Asset, Amount)>);

impl Sums {
    fn add(&mut self, asset: Asset, amount: Amount) {
        match self.0.iter_mut().find(|(known, _)| *known == asset) {
            Some((_, sum)) => *sum += amount,
            None => self.0.push((asset, amount)),
        }
    }

    fn get(&self, asset: Asset) -> Amount {
        self.0.iter().find(|(known, _)| *known == asset).map_or(Amount::ZERO, |(_, sum)| *sum)
    }
}

impl Ledger {
    /// Empty books for so many pairs.
    #[must_use]
    pub fn new(pairs: &[Pair]) -> Self {
        Self { pairs: pairs.iter().map(PairBook::new).collect(), ..Self::default() }
    }

    /// Money that was there before.
    pub fn open(&mut self, cause: Cause, wallet: (VenueId, Wallet), asset: Asset, amount: Amount) {
        let account = Account::Wallet { venue: wallet.0, wallet: wallet.1 };
        self.post(cause, (account, Account::Opening), (amount, asset), PostingReason::Opening);
        self.opening.add(asset, amount);
    }

    /// A fill of ours or of the venue's own making.
    pub fn fill(&mut self, cause: Cause, booked: &BookedFill<'_>) {
        let BookedFill { pair, leg, side, fill, mids } = *booked;
        let coins = fill.quantity.signed(side);
        let Place { venue, market, quote } = pair.place(leg);
        let mid = leg.of(mids);
        let Some(book) = self.pairs.get_mut(pair.id.index()) else { return };
        book.attribution.mark_to(mids.0, mids.1);
        book.attribution.fill(leg, coins, fill.price, mid);
        let coin_fee = market == Market::Spot && fill.fee_asset == pair.coin;
        if coin_fee {
            book.attribution.coin_fee(fill.fee.to_coins(), mid);
        } else if fill.fee_asset == quote {
            book.attribution.fee(fill.fee);
        }
        // A fee in the venue's own coin leaves a book of its own (`token.rs`).
        let is_token = !coin_fee && fill.fee_asset != quote;
        let wallet = |wallet| Account::Wallet { venue, wallet };
        match market {
            Market::Spot => {
                let ours = wallet(Wallet::Spot);
                let traded = Account::Traded { pair: pair.id };
                let value = fill.price.times(fill.quantity);
                let amount = Amount::of_coins(fill.quantity.signed(Side::Buy));
                let (receives, gives) = match side {
                    Side::Buy => ((amount, pair.coin), (value, quote)),
                    Side::Sell => ((value, quote), (amount, pair.coin)),
                };
                self.post(cause, (ours, traded), receives, PostingReason::SpotTrade);
                self.post(cause, (traded, ours), gives, PostingReason::SpotTrade);
            }
            Market::Perp => {
                let realised = book.leg_mut(leg).perp.get_or_insert_default().fill(coins, fill.price);
                let accounts = (wallet(Wallet::Perp), Account::Realised { pair: pair.id });
                self.post_signed(cause, accounts, (realised, quote), PostingReason::PerpTrade);
            }
        }
        let payer = wallet(if market == Market::Spot { Wallet::Spot } else { Wallet::Perp });
        let accounts = (payer, Account::Fees { pair: pair.id });
        let other = fill.fee_asset != pair.coin && fill.fee_asset != quote;
        if other && crate::planted::is(crate::planted::Bug::OtherFeesForgotten) {
            return;
        }
        let there = is_token.then(|| self.free_of_pairs(fill.fee_asset));
        self.post_signed(cause, accounts, (-fill.fee, fill.fee_asset), PostingReason::Fee);
        if let Some(there) = there {
            self.token_fee(pair.id, (fill.fee_asset, fill.fee), there);
        }
    }

    /// What all wallets hold of an asset, without the coins of pairs.
    fn free_of_pairs(&self, asset: Asset) -> Amount {
        let pairs = self.pairs.iter().filter(|book| book.coin == asset);
        let held: Amount = pairs.map(|book| Amount::of_coins(book.owned())).sum();
        self.cash.get(asset) - held
    }

    /// A fee that was posted as another pair's took coins of this one, because there were no others of its asset: valued at the
    /// mid, it is this pair's.
    pub fn fee_from_coins(&mut self, cause: Cause, of: (PairId, &Pair), coins: Amount, mids: (Price, Price)) {
        let (payer, owner) = of;
        let Some(book) = self.pairs.get_mut(owner.id.index()) else { return };
        book.attribution.mark_to(mids.0, mids.1);
        book.attribution.coin_fee(coins.to_coins(), mids.0);
        let accounts = (Account::Fees { pair: owner.id }, Account::Fees { pair: payer });
        self.post(cause, accounts, (coins, owner.coin), PostingReason::Fee);
        self.token_fee_back(payer, (owner.coin, coins));
        self.changes += 1;
    }

    /// Coins and a short that were there before become a pair's. No wallet changes; equity rises by what they are worth at
    /// the mids, and so does the money that was there at the start, so that no profit comes of it.
    ///
    /// Worked: 1 coin at 100 and a short of 1 entered at 110 with a mid of 101: opening money rises by 100 + 9.
    pub fn adopt(&mut self, cause: Cause, pair: &Pair, adopted: &Adopted) {
        let Adopted { coins, short, entry, mids } = *adopted;
        let Some(book) = self.pairs.get_mut(pair.id.index()) else { return };
        book.attribution.mark_to(mids.0, mids.1);
        book.attribution.adopt(coins.signed(Side::Buy), short.signed(Side::Sell));
        let position = book.leg_mut(Leg::Short).perp.get_or_insert_default();
        let realised = position.fill(short.signed(Side::Sell), entry);
        let unrealised = position.unrealised(mids.1);
        let value = mids.0.times(coins);
        let market = Account::Traded { pair: pair.id };
        let amount = Amount::of_coins(coins.signed(Side::Buy));
        self.post(cause, (Account::Opening, market), (amount, pair.coin), PostingReason::Adopted);
        self.post(cause, (market, Account::Opening), (value, pair.quote(Leg::Long)), PostingReason::Adopted);
        let (venue, quote) = pair.account(Leg::Short);
        let accounts = (Account::Wallet { venue, wallet: Wallet::Perp }, Account::Realised { pair: pair.id });
        self.post_signed(cause, accounts, (realised, quote), PostingReason::PerpTrade);
        self.opening.add(pair.quote(Leg::Long), value);
        self.opening.add(quote, unrealised);
        self.token_to_pair(pair.coin, amount);
        self.changes += 1;
    }

    /// Funding on a perp position; plus is received.
    pub fn funding(&mut self, cause: Cause, (pair, leg): (&Pair, Leg), amount: Amount) {
        if let Some(book) = self.pairs.get_mut(pair.id.index()) {
            book.attribution.funding(amount);
        }
        let (venue, quote) = pair.account(leg);
        let ours = Account::Wallet { venue, wallet: Wallet::Perp };
        let accounts = (ours, Account::Funding { pair: pair.id });
        self.post_signed(cause, accounts, (amount, quote), PostingReason::Funding);
    }

    /// A wallet changed without an order, a settlement or a transfer of ours; plus came in.
    pub fn adjust(&mut self, cause: Cause, wallet: (VenueId, Wallet), money: (Amount, Asset), why: Adjustment) {
        let (amount, asset) = money;
        let reason = match why {
            Adjustment::External => PostingReason::External,
            Adjustment::Rebate => PostingReason::Rebate,
            Adjustment::Interest => PostingReason::Interest,
            Adjustment::Funding => PostingReason::Funding,
            Adjustment::Insurance => PostingReason::Insurance,
            Adjustment::AutoExchange => PostingReason::AutoExchange,
            Adjustment::Rounding => PostingReason::Rounding,
        };
        let account = Account::Wallet { venue: wallet.0, wallet: wallet.1 };
        self.post_signed(cause, (account, Account::Outside), money, reason);
        if !self.is_quote(asset) {
            // Another coin is a book of its own.
            self.token_moved(money, why);
            return;
        }
        if why == Adjustment::External {
            self.flows += amount;
        }
        self.outside_line(why, amount);
    }

    /// The line of a movement that belongs to no pair.
    pub(super) fn outside_line(&mut self, why: Adjustment, amount: Amount) {
        match why {
            Adjustment::External | Adjustment::Insurance | Adjustment::AutoExchange | Adjustment::Rounding => {
                self.outside.transfers += amount;
            }
            Adjustment::Rebate => self.outside.fees += amount,
            Adjustment::Interest => self.outside.interest += amount,
            Adjustment::Funding => self.outside.funding += amount,
        }
    }

    /// The venue sold coins of a pair out of the perp wallet: a sale like any other, but for its price, which the quote coin
    /// that comes in tells ([`Ledger::exchange_proceeds`]). Until then it stands in the slippage at the mid.
    ///
    /// Worked: 0.02 coins at a mid of 50,000 go out, 990 come in: slippage -1,000 and then +990, in all -10.
    pub fn exchange_coins(&mut self, cause: Cause, pair: &Pair, coins: Quantity, mids: (Price, Price)) {
        let Some(book) = self.pairs.get_mut(pair.id.index()) else { return };
        book.attribution.mark_to(mids.0, mids.1);
        book.attribution.exchange_coins(coins.signed(Side::Sell), mids.0);
        let amount = Amount::of_coins(coins.signed(Side::Buy));
        let venue = pair.venue(Leg::Short);
        let perp = Account::Wallet { venue, wallet: Wallet::Perp };
        let accounts = (Account::Traded { pair: pair.id }, perp);
        self.post(cause, accounts, (amount, pair.coin), PostingReason::AutoExchange);
        self.park((venue, pair.coin), -amount);
    }

    /// What the venue paid for coins of a pair that it sold, in the pair's quote coin.
    pub fn exchange_proceeds(&mut self, cause: Cause, pair: &Pair, amount: Amount) {
        let Some(book) = self.pairs.get_mut(pair.id.index()) else { return };
        book.attribution.lines.slippage += amount;
        let (venue, quote) = pair.account(Leg::Short);
        let perp = Account::Wallet { venue, wallet: Wallet::Perp };
        let accounts = (perp, Account::Traded { pair: pair.id });
        self.post_signed(cause, accounts, (amount, quote), PostingReason::AutoExchange);
    }

    /// Coins of our pairs in the perp wallet, where they are collateral: what we moved there and the venue did not sell.
    /// Coins that were there before are not among them.
    #[must_use]
    pub fn parked(&self, venue: VenueId, coin: Asset) -> Amount {
        self.parked.get(&(venue, coin)).copied().unwrap_or_default()
    }

    /// Whether a leg of a pair is priced in it.
    fn is_quote(&self, asset: Asset) -> bool {
        self.pairs.iter().flat_map(|book| &book.legs).any(|leg| leg.quote == asset)
    }

    fn park(&mut self, of: (VenueId, Asset), amount: Amount) {
        if self.is_quote(of.1) {
            return;
        }
        *self.parked.entry(of).or_default() += amount;
    }

    /// Money leaves a wallet for the other one.
    pub fn transfer_sent(&mut self, cause: Cause, transfer: &Transfer) {
        if transfer.from == Wallet::Perp {
            self.park((transfer.venue, transfer.asset), -transfer.amount);
        }
        let from = Account::Wallet { venue: transfer.venue, wallet: transfer.from };
        let money = (transfer.amount, transfer.asset);
        self.post(cause, (Account::Transit { venue: transfer.venue }, from), money, PostingReason::Transfer);
    }

    /// It arrives: in the other wallet, or back where it came from when the venue refused.
    pub fn transfer_ended(&mut self, cause: Cause, transfer: &Transfer, arrived: bool) {
        let wallet = if arrived { transfer.from.other() } else { transfer.from };
        if wallet == Wallet::Perp {
            self.park((transfer.venue, transfer.asset), transfer.amount);
        }
        let to = Account::Wallet { venue: transfer.venue, wallet };
        let money = (transfer.amount, transfer.asset);
        self.post(cause, (to, Account::Transit { venue: transfer.venue }), money, PostingReason::Transfer);
    }

    fn post_signed(
        &mut self,
        cause: Cause,
        accounts: (Account, Account),
        money: (Amount, Asset),
        reason: PostingReason,
    ) {
        let (debit, credit) = accounts;
        if money.0 < Amount::ZERO {
            self.post(cause, (credit, debit), (-money.0, money.1), reason);
        } else {
            self.post(cause, (debit, credit), money, reason);
        }
    }

    fn post(&mut self, cause: Cause, accounts: (Account, Account), money: (Amount, Asset), reason: PostingReason) {
        let ((debit, credit), (amount, asset)) = (accounts, money);
        if amount.is_zero() {
            return;
        }
        assert!(amount > Amount::ZERO, "a posting moves a positive amount, not {amount} {asset} ({reason:?})");
        *self.balances.entry((debit, asset)).or_default() += amount;
        *self.balances.entry((credit, asset)).or_default() -= amount;
        if debit.is_ours() != credit.is_ours() {
            let change = if debit.is_ours() { amount } else { -amount };
            self.cash.add(asset, change);
        }
        self.count += 1;
        self.changes += 1;
        self.fresh.push(Posting { cause: cause.sequence, at: cause.at, debit, credit, amount, asset, reason });
    }

    /// Takes the postings made since the last call.
    pub fn drain(&mut self) -> Vec<Posting> {
        std::mem::take(&mut self.fresh)
    }

    /// Postings made so far.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// What is in a wallet.
    #[must_use]
    pub fn wallet(&self, venue: VenueId, wallet: Wallet, asset: Asset) -> Amount {
        self.balances.get(&(Account::Wallet { venue, wallet }, asset)).copied().unwrap_or_default()
    }

    /// What is on its way between wallets of a venue.
    #[must_use]
    pub fn transit(&self, venue: VenueId, asset: Asset) -> Amount {
        self.balances.get(&(Account::Transit { venue }, asset)).copied().unwrap_or_default()
    }

    /// All balances, in order.
    pub fn balances(&self) -> impl Iterator<Item = (&(Account, Asset), &Amount)> {
        self.balances.iter()
    }

    /// Books of a pair.
    #[must_use]
    pub fn pair(&self, id: PairId) -> Option<&PairBook> {
        self.pairs.get(id.index())
    }

    /// Values a pair at these mids.
    pub fn mark(&mut self, id: PairId, long: Price, short: Price) {
        if let Some(book) = self.pairs.get_mut(id.index()) {
            if !book.is_flat() {
                self.changes += 1;
            }
            book.attribution.mark_to(long, short);
        }
    }

    /// Rises with every posting and every mark of something held: while it stands, equity does.
    #[must_use]
    pub const fn changes(&self) -> u64 {
        self.changes
    }

    /// Lines of all pairs together.
    #[must_use]
    pub fn lines(&self) -> Lines {
        let mut sum = self.outside;
        for book in &self.pairs {
            sum += book.attribution.lines;
        }
        sum
    }

    /// Equity in one quote coin, from balances and positions alone, at the marks of each pair.
    #[must_use]
    pub fn equity(&self, quote: Asset) -> Amount {
        let mut equity = self.cash.get(quote);
        for book in &self.pairs {
            let [long, short] = &book.legs;
            let (long, short) = (long.quote == quote, short.quote == quote);
            if book.is_flat() || !(long || short) {
                continue;
            }
            let Some(marks) = book.attribution.marks() else { continue };
            if long {
                equity += book.value(Leg::Long, marks.0);
            }
            if short {
                equity += book.value(Leg::Short, marks.1);
            }
        }
        equity
    }

    /// Money that somebody brought (plus) or took (minus) since the start, every quote coin one for one.
    #[must_use]
    pub const fn flows(&self) -> Amount {
        self.flows
    }

    /// Money of that quote coin that was there at the start.
    #[must_use]
    pub fn opening(&self, quote: Asset) -> Amount {
        self.opening.get(quote)
    }

    /// Value of what a pair holds at its marks, without the cash it moved.
    #[must_use]
    pub fn held_value(&self, id: PairId) -> Amount {
        self.pairs.get(id.index()).map_or(Amount::ZERO, |book| match book.attribution.marks() {
            Some((long, short)) => book.value(Leg::Long, long) + book.value(Leg::Short, short),
            None => Amount::ZERO,
        })
    }

    /// Cash of one quote coin in wallets and transit.
    #[must_use]
    pub fn cash(&self, quote: Asset) -> Amount {
        self.cash.get(quote)
    }

    /// The first asset whose accounts do not sum to zero, with the sum; `None` when the books balance (I5).
    #[must_use]
    pub fn imbalance(&self) -> Option<(Asset, Amount)> {
        let mut sums: BTreeMap<Asset, Amount> = BTreeMap::new();
        for ((_, asset), amount) in &self.balances {
            *sums.entry(*asset).or_default() += *amount;
        }
        sums.into_iter().find(|(_, sum)| !sum.is_zero())
    }

    /// The first pair whose spot coins in the attribution differ from the coins that its accounts moved.
    #[must_use]
    pub fn coin_difference(&self, pair: &Pair) -> SignedQuantity {
        let moved = |account| self.balances.get(&(account, pair.coin)).copied().unwrap_or_default();
        let bought = -(moved(Account::Traded { pair: pair.id }) + moved(Account::Fees { pair: pair.id }));
        let held = self.pair(pair.id).map_or(SignedQuantity::ZERO, PairBook::owned);
        bought.to_coins() - held
    }
}
