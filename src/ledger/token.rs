//! Coins that a venue takes fees in besides the usual ones (BNB): a book of their own, which counts in equity once a fee was
//! taken in it.
//!
//! A fee is valued at the price of that instant, in the reporting coin; what is left is valued anew with each price, and that goes
//! to the total's `delta`. A fee whose price is not known yet waits for the first one: until then it is unknown, never nothing
//! (L34). Coins of a pair are not among them. Tests: at the end.

use super::book::Ledger;
use crate::domain::{Amount, Asset, PairId, Price};
use crate::port::event::Adjustment;

/// The coins of one asset.
#[derive(Debug, Clone, Default)]
pub(super) struct Token {
    /// What all wallets hold of it that is no pair's.
    held: Amount,
    /// Latest price in the reporting coin.
    price: Option<Price>,
    /// A fee was taken in it.
    counts: bool,
    /// What it was worth when it began to count, less what pairs took over since: no profit comes of that.
    opening: Amount,
    /// Fees that have no value yet.
    waiting: Vec<(PairId, Amount)>,
}

/// Value at a price; exact for what a venue prints, which has at most 8 decimals.
///
/// Worked: 0.02 at 600 is 12.
fn value(amount: Amount, price: Price) -> Amount {
    price.times_signed(amount.to_coins())
}

impl Ledger {
    /// A fee of a pair was posted in a coin of the venue's own; minus is a rebate. `there` is what the wallets held of it before,
    /// without coins of pairs.
    pub(super) fn token_fee(&mut self, pair: PairId, (asset, fee): (Asset, Amount), there: Amount) {
        if fee.is_zero() {
            return;
        }
        let token = self.tokens.entry(asset).or_default();
        if !token.counts {
            (token.counts, token.held) = (true, there);
            token.opening = token.price.map_or(Amount::ZERO, |price| value(there, price));
        }
        token.held -= fee;
        match token.price {
            Some(price) => self.charge(pair, value(fee, price)),
            None => token.waiting.push((pair, fee)),
        }
    }

    /// What one costs in the reporting coin.
    pub fn price_token(&mut self, asset: Asset, price: Price) {
        let token = self.tokens.entry(asset).or_default();
        let before = token.price.replace(price);
        if !token.counts {
            return;
        }
        self.changes += 1;
        if let Some(before) = before {
            self.outside.delta += value(token.held, price) - value(token.held, before);
            return;
        }
        let waiting = std::mem::take(&mut token.waiting);
        let paid: Amount = waiting.iter().map(|(_, fee)| *fee).sum();
        token.opening += value(token.held + paid, price);
        for (pair, fee) in waiting {
            self.charge(pair, value(fee, price));
        }
    }

    /// A fee's value in the reporting coin; plus is paid.
    fn charge(&mut self, pair: PairId, amount: Amount) {
        if let Some(book) = self.pairs.get_mut(pair.index()) {
            book.attribution.fee(amount);
        }
    }

    /// Some came in (plus) or went out without an order, a settlement or a transfer of ours.
    pub(super) fn token_moved(&mut self, (amount, asset): (Amount, Asset), why: Adjustment) {
        let Some(token) = self.tokens.get_mut(&asset).filter(|token| token.counts) else { return };
        token.held += amount;
        let Some(price) = token.price else { return };
        let amount = value(amount, price);
        if why == Adjustment::External {
            self.flows += amount;
        }
        self.outside_line(why, amount);
    }

    /// Coins that counted became a pair's, or a pair's coins paid a fee that counted as one of these: `coins` leave the book, or
    /// come back to it when they are below zero.
    pub(super) fn token_to_pair(&mut self, asset: Asset, coins: Amount) {
        let Some(token) = self.tokens.get_mut(&asset).filter(|token| token.counts) else { return };
        token.held -= coins;
        if let Some(price) = token.price {
            token.opening -= value(coins, price);
        }
    }

    /// Coins of another pair paid a part of a fee that was charged to `payer`: that part is the other pair's.
    pub(super) fn token_fee_back(&mut self, payer: PairId, (asset, coins): (Asset, Amount)) {
        let Some(token) = self.tokens.get_mut(&asset).filter(|token| token.counts) else { return };
        token.held += coins;
        match token.price {
            Some(price) => self.charge(payer, -value(coins, price)),
            None => token.waiting.push((payer, -coins)),
        }
    }

    /// What all of them are worth, as far as their prices are known.
    #[must_use]
    pub fn tokens_value(&self) -> Amount {
        let counted = self.tokens.values().filter(|token| token.counts);
        counted.filter_map(|token| Some(value(token.held, token.price?))).sum()
    }

    /// What they were worth when they began to count: there before, and no profit.
    #[must_use]
    pub fn tokens_opening(&self) -> Amount {
        self.tokens.values().map(|token| token.opening).sum()
    }

    /// The last known price of one.
    #[must_use]
    pub fn token_price(&self, asset: Asset) -> Option<Price> {
        self.tokens.get(&asset).and_then(|token| token.price)
    }

    /// Those that count and have no price: what is held and what was paid are unknown.
    #[must_use]
    pub fn unpriced_tokens(&self) -> Vec<(Asset, Amount)> {
        let unknown = self.tokens.iter().filter(|(_, token)| token.counts && token.price.is_none());
        unknown.map(|(asset, token)| (*asset, token.waiting.iter().map(|(_, fee)| *fee).sum())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fees::Role;
    use crate::domain::{FillId, InstrumentId, Leg, Market, Pair, Place, Quantity, Sequence, Side, VenueId, WallTime};
    use crate::ledger::BookedFill;
    use crate::ledger::book::Cause;
    use crate::port::event::Wallet;
    use crate::port::order::Fill;

    const CAUSE: Cause = Cause { sequence: Sequence(1), at: WallTime(0) };
    const VENUE: VenueId = VenueId(0);

    fn amount(text: &str) -> Amount {
        Amount::parse(text).unwrap()
    }
    fn price(text: &str) -> Price {
        Price::parse(text).unwrap()
    }

    /// 10,000 USDT and 1 BNB in the spot wallet; then a short of one coin at 100 whose fee is taken in BNB.
    struct Books(Ledger, Pair);

    impl Books {
        fn new() -> Self {
            let pair = Pair {
                id: PairId(0),
                name: "binance:BTCUSDT".to_owned(),
                long: InstrumentId(0),
                short: InstrumentId(1),
                coin: Asset::of("BTC"),
                places: [Market::Spot, Market::Perp].map(|market| Place {
                    venue: VENUE,
                    market,
                    quote: Asset::of("USDT"),
                }),
            };
            let mut ledger = Ledger::new(std::slice::from_ref(&pair));
            for (asset, text) in [("USDT", "10000"), ("BNB", "1")] {
                ledger.open(CAUSE, (VENUE, Wallet::Perp), Asset::new(asset).unwrap(), amount(text));
            }
            Self(ledger, pair)
        }

        fn pay(&mut self, id: u64, fee: &str) {
            let fill = Fill {
                id: FillId(id),
                quantity: Quantity::parse("1").unwrap(),
                price: price("100"),
                fee: amount(fee),
                fee_asset: Asset::of("BNB"),
                role: Role::Taker,
                at: WallTime(0),
            };
            let mids = (price("100"), price("100"));
            let booked = BookedFill { pair: &self.1, leg: Leg::Short, side: Side::Sell, fill: &fill, mids };
            self.0.fill(CAUSE, &booked);
        }

        /// Equity, fees, and what nothing explains.
        fn seen(&self) -> (Amount, Amount, Amount) {
            let (quote, lines) = (self.1.quote(Leg::Short), self.0.lines());
            let equity = self.0.equity(quote) + self.0.tokens_value();
            let opening = self.0.opening(quote) + self.0.tokens_opening();
            (equity, lines.fees, equity - opening - lines.total())
        }
    }

    #[test]
    fn l34_a_fee_in_a_known_coin_is_valued_and_what_is_left_counts_with_its_moves() {
        let mut books = Books::new();
        books.0.price_token(Asset::of("BNB"), price("600"));
        assert_eq!(books.seen(), (amount("10000"), Amount::ZERO, Amount::ZERO), "no fee was taken in it yet");
        books.pay(1, "0.02");
        assert_eq!(books.seen(), (amount("10588"), amount("-12"), Amount::ZERO), "0.98 left at 600");
        books.0.price_token(Asset::of("BNB"), price("500"));
        assert_eq!(books.seen(), (amount("10490"), amount("-12"), Amount::ZERO));
        assert_eq!(books.0.lines().delta, amount("-98"), "0.98 fell by 100");
        // A person fills it up: money that came from outside.
        books.0.adjust(CAUSE, (VENUE, Wallet::Perp), (amount("2"), Asset::of("BNB")), Adjustment::External);
        assert_eq!(books.seen(), (amount("11490"), amount("-12"), Amount::ZERO));
        assert_eq!((books.0.flows(), books.0.lines().transfers), (amount("1000"), amount("1000")));
        assert_eq!(books.0.imbalance(), None);
    }

    #[test]
    fn l34_a_fee_without_a_price_is_unknown_and_never_nothing() {
        let mut books = Books::new();
        books.pay(1, "0.02");
        assert_eq!(books.0.unpriced_tokens(), [(Asset::of("BNB"), amount("0.02"))]);
        assert_eq!(books.seen().2, Amount::ZERO);
        books.0.price_token(Asset::of("BNB"), price("600"));
        assert_eq!(books.seen(), (amount("10588"), amount("-12"), Amount::ZERO), "valued by the first price");
        assert_eq!(books.0.unpriced_tokens(), []);
    }
}
