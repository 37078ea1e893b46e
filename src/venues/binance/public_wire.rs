//! Answers to public questions as sent: candles, funding, premiums, open interest, best quotes; and our fee rates.
//!
//! Tests: in `reply_tests.rs`.

use super::account_wire::{Rows, each, sent};
use super::field::{Value, parse, parse_rows};
use super::message::DecodeError;
use crate::domain::{Fees, Interval, Market, NumberError, Price, Quantity, Rate, WallTime, decimal};
use crate::venues::answer::{Answer, BestQuoteRow, CandleRow, FundingRow, FundingTerms, PremiumRow};
use serde::Deserialize;

type Read<T> = Result<T, DecodeError>;

sent!(Clock { time "serverTime", });

pub(super) fn time(text: &str) -> Read<WallTime> {
    parse::<Clock<'_>>(text)?.time.time("serverTime")
}

sent!(Quote { symbol "symbol", bid "bidPrice", bid_size "bidQty", ask "askPrice", ask_size "askQty", });

pub(super) fn best_quotes(text: &str) -> Read<Vec<BestQuoteRow>> {
    let rows: Vec<Quote<'_>> = parse_rows(text)?;
    let side = |price: &Value<'_>, size: &Value<'_>, field| {
        let size = size.quantity_bound(field)?;
        // An empty side is written as zeros (fault B09).
        Ok(price.limit(field)?.filter(|_| !size.is_zero()).map(|price| (price, size)))
    };
    let row = |row: &Quote<'_>| {
        let bid: Option<(Price, Quantity)> = side(&row.bid, &row.bid_size, "bidPrice")?;
        let ask = side(&row.ask, &row.ask_size, "askPrice")?;
        Ok(BestQuoteRow { symbol: row.symbol.symbol("symbol")?, bid, ask })
    };
    rows.iter().map(row).collect()
}

pub(super) fn candles(with_volume: bool, text: &str) -> Read<Vec<CandleRow>> {
    let rows: Vec<Vec<Value<'_>>> = parse(text)?;
    let row = |row: &Vec<Value<'_>>| {
        let [opened, open, high, low, close, volume, ..] = row.as_slice() else {
            return Err(DecodeError::WrongType { field: "(candle)", expected: "at least six values" });
        };
        let volume = if with_volume { Some(printed(volume, "volume")?) } else { None };
        let prices = [printed(open, "open")?, printed(high, "high")?, printed(low, "low")?, printed(close, "close")?];
        Ok(CandleRow { opened: opened.time("openTime")?, prices, volume })
    };
    rows.iter().map(row).collect()
}

/// A decimal as it was printed.
fn printed(value: &Value<'_>, field: &'static str) -> Read<String> {
    let text = value.text(field)?;
    match decimal::parse_scaled(&text, 18) {
        Ok(_) | Err(NumberError::OutOfRange) => Ok(text.into_owned()),
        Err(cause) => Err(DecodeError::BadNumber { field, cause }),
    }
}

sent!(Premium {
    symbol "symbol",
    mark "markPrice",
    index "indexPrice",
    rate "lastFundingRate",
    next "nextFundingTime",
    at "time",
});

/// A list of all may hold rows of contracts without a price; they are left out.
pub(super) fn premium(one: bool, text: &str) -> Read<Vec<PremiumRow>> {
    let rows: Vec<Premium<'_>> = parse_rows(text)?;
    let missing = |field| DecodeError::WrongType { field, expected: "a price" };
    let row = |row: &Premium<'_>| {
        Ok(PremiumRow {
            symbol: row.symbol.symbol("symbol")?,
            mark: row.mark.computed_price("markPrice")?.ok_or_else(|| missing("markPrice"))?,
            index: row.index.computed_price("indexPrice")?.ok_or_else(|| missing("indexPrice"))?,
            rate: optional_rate(&row.rate, "lastFundingRate")?,
            next_funding: row.next.optional_time("nextFundingTime")?,
            at: row.at.time("time")?,
        })
    };
    let rows = rows.iter().map(row);
    if one { rows.collect() } else { Ok(rows.filter_map(Result::ok).collect()) }
}

fn optional_rate(value: &Value<'_>, field: &'static str) -> Read<Option<Rate>> {
    if value.is_empty() { Ok(None) } else { value.rate(field).map(Some) }
}

sent!(Terms {
    symbol "symbol",
    hours "fundingIntervalHours",
    cap "adjustedFundingRateCap",
    floor "adjustedFundingRateFloor",
    other_cap "fundingFeeCap",
    other_floor "fundingFeeFloor",
    interest "interestRate",
});

pub(super) fn funding_info(text: &str) -> Read<Rows<FundingTerms>> {
    let rows: Vec<Terms<'_>> = parse_rows(text)?;
    let row = |row: &Terms<'_>| {
        let odd = DecodeError::WrongType { field: "fundingIntervalHours", expected: "1, 2, 4 or 8" };
        Ok(FundingTerms {
            symbol: row.symbol.symbol("symbol")?,
            interval: Interval::from_hours(row.hours.whole("fundingIntervalHours")?).ok_or(odd)?,
            cap: optional_rate(row.cap.or(&row.other_cap), "fundingFeeCap")?,
            floor: optional_rate(row.floor.or(&row.other_floor), "fundingFeeFloor")?,
            interest: optional_rate(&row.interest, "interestRate")?,
        })
    };
    Ok(each(&rows, |row| row.symbol.word(), row))
}

sent!(Settlement { symbol "symbol", rate "fundingRate", stamp "fundingTime", mark "markPrice", });

pub(super) fn funding_history(text: &str) -> Read<Vec<FundingRow>> {
    let rows: Vec<Settlement<'_>> = parse_rows(text)?;
    let row = |row: &Settlement<'_>| {
        Ok(FundingRow {
            symbol: row.symbol.symbol("symbol")?,
            stamp: row.stamp.time("fundingTime")?,
            rate: row.rate.rate("fundingRate")?,
            mark: row.mark.computed_price("markPrice")?,
        })
    };
    rows.iter().map(row).collect()
}

sent!(Interest { now "openInterest", sum "sumOpenInterest", time "time", stamp "timestamp", });

pub(super) fn open_interest(text: &str) -> Read<Vec<(WallTime, Quantity)>> {
    let rows: Vec<Interest<'_>> = parse_rows(text)?;
    let row = |row: &Interest<'_>| {
        let at = row.time.or(&row.stamp).time("time")?;
        Ok((at, row.now.or(&row.sum).quantity("openInterest")?))
    };
    rows.iter().map(row).collect()
}

sent!(PerpRates { maker "makerCommissionRate", taker "takerCommissionRate", });
sent!(Parts { maker "maker", taker "taker", buyer "buyer", seller "seller", });
sent!(Discount { account "enabledForAccount", symbol "enabledForSymbol", });

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SpotRates<'a> {
    #[serde(borrow)]
    standard_commission: Option<Parts<'a>>,
    special_commission: Option<Parts<'a>>,
    tax_commission: Option<Parts<'a>>,
    discount: Option<Discount<'a>>,
}

/// Fee rates: three parts on Binance spot, of which all are paid; two numbers elsewhere.
pub(super) fn commission(market: Market, text: &str) -> Read<Answer> {
    let sent: SpotRates<'_> = parse(text)?;
    let Some(standard) = sent.standard_commission.filter(|_| market == Market::Spot) else {
        let sent: PerpRates<'_> = parse(text)?;
        let fees =
            Fees { maker: sent.maker.rate("makerCommissionRate")?, taker: sent.taker.rate("takerCommissionRate")? };
        return Ok(Answer::Commission { fees, own_coin: None });
    };
    let mut fees = Fees { maker: Rate::ZERO, taker: Rate::ZERO };
    for parts in [Some(standard), sent.special_commission, sent.tax_commission].into_iter().flatten() {
        // What is bought and what is sold may cost differently: the dearer of both is taken.
        let side = parts.buyer.rate("buyer")?.max(parts.seller.rate("seller")?);
        fees.maker = fees.maker + parts.maker.rate("maker")? + side;
        fees.taker = fees.taker + parts.taker.rate("taker")? + side;
    }
    let own_coin = match &sent.discount {
        None => None,
        Some(discount) => {
            let (account, symbol) =
                (discount.account.flag("enabledForAccount")?, discount.symbol.flag("enabledForSymbol")?);
            account.zip(symbol).map(|(account, symbol)| account && symbol)
        }
    };
    Ok(Answer::Commission { fees, own_coin })
}
