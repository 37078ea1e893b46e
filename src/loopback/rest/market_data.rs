//! Public market data: depth, trades, candles, tickers, marks, funding history, open interest.

use super::super::Profile;
use super::super::depth::Depth;
use super::super::feeds::rate8;
use super::super::fees;
use super::super::listing::{Candle, Listing};
use super::super::refusal::{Answer, Refusal, invalid_symbol, refuse};
use super::super::venue::Venue;
use super::super::words::{coins8, eight, join, levels, price8};
use super::{Call, market_info};
use crate::domain::{Market, Quantity, Side, Span, WallTime};
use serde_json::{Value, json};

/// The listing of the mandatory `symbol`.
pub(crate) fn listing_of<'v>(venue: &'v Venue, call: &Call<'_>) -> Result<&'v Listing, Refusal> {
    venue.market.get(call.params.need("symbol")?).ok_or_else(invalid_symbol)
}

/// One row for a symbol, or all rows.
fn one_or_all(venue: &Venue, call: &Call<'_>, row: impl Fn(&Listing) -> Value) -> Answer {
    if let Some(symbol) = call.params.get("symbol") {
        return venue.market.get(symbol).map(&row).ok_or_else(invalid_symbol);
    }
    let wanted = call.params.get("symbols");
    let chosen =
        venue.market.listings.iter().filter(|one| wanted.is_none_or(|text| text.contains(one.symbol.as_str())));
    Ok(chosen.map(row).collect())
}

pub(crate) fn spot_depth(venue: &mut Venue, call: &Call<'_>) -> Answer {
    depth(venue, call, Market::Spot)
}

pub(crate) fn futures_depth(venue: &mut Venue, call: &Call<'_>) -> Answer {
    depth(venue, call, Market::Perp)
}

fn depth(venue: &mut Venue, call: &Call<'_>, market: Market) -> Answer {
    let limit = call.params.limit(if market == Market::Spot { 100 } else { 500 }, 5_000)?;
    let (stamp, pulses, aster) = (venue.stamp().0, venue.pulses, venue.profile == Profile::Aster);
    let symbol = call.params.need("symbol")?;
    let recorded = venue.market.recording().is_some();
    let listing = venue.market.get_mut(symbol).ok_or_else(invalid_symbol)?;
    let step = listing.instrument(market).rules.step;
    let book = listing.book_mut(market);
    // A change before and one after the snapshot, so that its id lies inside the next message; a recording stays as it was.
    let change = |book: &mut Depth, count| if recorded { book.repeat() } else { book.nudge(count, step) };
    change(book, pulses + 3);
    let (bids, asks) = (book.levels(Side::Buy, limit), book.levels(Side::Sell, limit));
    let mut answer = json!({"lastUpdateId": book.id(), "bids": levels(&bids, market), "asks": levels(&asks, market)});
    change(book, pulses + 4);
    if market == Market::Perp || aster {
        join(&mut answer, json!({"E": stamp, "T": stamp}));
    }
    Ok(answer)
}

pub(crate) fn spot_trades(venue: &mut Venue, call: &Call<'_>) -> Answer {
    trades(venue, call, Market::Spot)
}

pub(crate) fn futures_trades(venue: &mut Venue, call: &Call<'_>) -> Answer {
    trades(venue, call, Market::Perp)
}

/// Synthetic prints, one a second, at the closes of the minutes.
fn trades(venue: &Venue, call: &Call<'_>, market: Market) -> Answer {
    let limit = call.params.limit(500, 1_000)?;
    let listing = listing_of(venue, call)?;
    let step = listing.instrument(market).rules.step;
    let rows = prints(listing, market, limit).into_iter().map(|(id, price, at)| {
        let value = price8_units(price, step);
        json!({"id": id, "price": eight(i128::from(price)), "qty": coins8(step), "quoteQty": value, "time": at.0,
               "isBuyerMaker": id % 2 == 0, "isBestMatch": true})
    });
    Ok(rows.collect())
}

fn price8_units(price: i64, quantity: Quantity) -> String {
    eight(i128::from(price) * i128::from(quantity.units()) / 100_000_000)
}

fn prints(listing: &Listing, market: Market, limit: usize) -> Vec<(i64, i64, WallTime)> {
    let Some(series) = listing.series(usize::from(market == Market::Perp)) else { return Vec::new() };
    let skip = series.0.len().saturating_sub(limit);
    let row = |candle: &Candle| {
        let end = candle.open_time + Span::MINUTE;
        (end.0 / Span::MINUTE.0, candle.prices[3], end)
    };
    series.0.iter().skip(skip).map(row).collect()
}

pub(crate) fn spot_agg_trades(venue: &mut Venue, call: &Call<'_>) -> Answer {
    agg_trades(venue, call, Market::Spot)
}

pub(crate) fn futures_agg_trades(venue: &mut Venue, call: &Call<'_>) -> Answer {
    agg_trades(venue, call, Market::Perp)
}

fn agg_trades(venue: &Venue, call: &Call<'_>, market: Market) -> Answer {
    let limit = call.params.limit(500, 1_000)?;
    let listing = listing_of(venue, call)?;
    let step = listing.instrument(market).rules.step;
    let rows = prints(listing, market, limit).into_iter().map(|(id, price, at)| {
        json!({"a": id, "p": eight(i128::from(price)), "q": coins8(step), "f": id, "l": id, "T": at.0, "m": id % 2 == 0, "M": true})
    });
    Ok(rows.collect())
}

pub(crate) fn spot_klines(venue: &mut Venue, call: &Call<'_>) -> Answer {
    klines(venue, call, 0, "symbol")
}

pub(crate) fn futures_klines(venue: &mut Venue, call: &Call<'_>) -> Answer {
    klines(venue, call, 1, "symbol")
}

pub(crate) fn mark_klines(venue: &mut Venue, call: &Call<'_>) -> Answer {
    klines(venue, call, 2, "symbol")
}

pub(crate) fn index_klines(venue: &mut Venue, call: &Call<'_>) -> Answer {
    klines(venue, call, 3, "pair")
}

pub(crate) fn premium_klines(venue: &mut Venue, call: &Call<'_>) -> Answer {
    klines(venue, call, 4, "symbol")
}

fn klines(venue: &Venue, call: &Call<'_>, place: usize, name: &str) -> Answer {
    let listing = venue.market.get(call.params.need(name)?).ok_or_else(invalid_symbol)?;
    let span = interval(call.params.need("interval")?).ok_or_else(|| refuse(-1120, "Invalid interval."))?;
    let limit = call.params.limit(500, 1_500)?;
    let (start, end) = call.params.window(Span(i64::MAX))?;
    let Some(series) = listing.series(place) else { return Ok(json!([])) };
    let mut rows: Vec<(Candle, i64)> = Vec::new();
    for candle in &series.0 {
        let open_time = candle.open_time.floor(span);
        match rows.last_mut().filter(|(last, _)| last.open_time == open_time) {
            Some((last, count)) => {
                let [open, high, low, _] = last.prices;
                let [_, higher, lower, close] = candle.prices;
                last.prices = [open, high.max(higher), low.min(lower), close];
                last.volume += candle.volume;
                *count += 1;
            }
            None => rows.push((Candle { open_time, ..*candle }, 1)),
        }
    }
    let inside = |candle: &Candle| {
        start.is_none_or(|start| candle.open_time >= start) && end.is_none_or(|end| candle.open_time <= end)
    };
    let rows: Vec<_> = rows.into_iter().filter(|(candle, _)| inside(candle)).collect();
    // From the start when one is given, else the latest.
    let skip = if start.is_some() { 0 } else { rows.len().saturating_sub(limit) };
    let row = |(candle, count): &(Candle, i64)| {
        let [open, high, low, close] = candle.prices.map(|units| eight(i128::from(units)));
        let value = price8_units(candle.prices[3], candle.volume);
        json!([
            candle.open_time.0,
            open,
            high,
            low,
            close,
            coins8(candle.volume),
            candle.open_time.0 + span.0 - 1,
            value,
            count,
            "0",
            "0",
            "0"
        ])
    };
    Ok(rows.iter().skip(skip).take(limit).map(row).collect())
}

fn interval(text: &str) -> Option<Span> {
    let known = ["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d"];
    known.contains(&text).then(|| super::super::script::parse_span(text)).flatten()
}

pub(crate) fn average_price(venue: &mut Venue, call: &Call<'_>) -> Answer {
    let stamp = venue.stamp().0;
    let listing = listing_of(venue, call)?;
    Ok(json!({"mins": 5, "price": price8(Some(listing.mid(Market::Spot))), "closeTime": stamp}))
}

pub(crate) fn spot_book_ticker(venue: &mut Venue, call: &Call<'_>) -> Answer {
    book_ticker(venue, call, Market::Spot)
}

pub(crate) fn futures_book_ticker(venue: &mut Venue, call: &Call<'_>) -> Answer {
    book_ticker(venue, call, Market::Perp)
}

/// A pair that is quoted and not traded here: the price of the other dollar coin.
const DOLLARS: &str = "USDCUSDT";

fn dollars(venue: &Venue) -> Value {
    let one = crate::domain::price::PRICE_ONE;
    let mid = venue.books.dollar.map_or(one, crate::domain::Price::units);
    let price = |units: i64| price8(crate::domain::Price::from_units(units.max(1)).ok());
    json!({
        "symbol": DOLLARS, "bidPrice": price(mid - 10_000), "bidQty": "100000.00000000",
        "askPrice": price(mid + 10_000), "askQty": "100000.00000000",
    })
}

/// Another one: the coin of the discount on fees, at the price at which it is taken.
const DISCOUNT: &str = "BNBUSDT";

fn discount() -> Value {
    let price = |hundredths: i64| {
        let units = (fees::PRICE * 100 + hundredths) * (crate::domain::price::PRICE_ONE / 100);
        price8(crate::domain::Price::from_units(units).ok())
    };
    json!({
        "symbol": DISCOUNT, "bidPrice": price(-1), "bidQty": "1000.00000000",
        "askPrice": price(1), "askQty": "1000.00000000",
    })
}

fn book_ticker(venue: &Venue, call: &Call<'_>, market: Market) -> Answer {
    let stamp = venue.stamp().0;
    if market == Market::Spot && call.params.get("symbol") == Some(DISCOUNT) {
        return Ok(discount());
    }
    if market == Market::Spot && call.params.get("symbol") == Some(DOLLARS) {
        return Ok(dollars(venue));
    }
    one_or_all(venue, call, |listing| {
        let best = listing.book(market).best();
        let (bid, ask) = (best.map(|best| best.0), best.map(|best| best.1));
        let size = |level: Option<(_, Quantity)>| coins8(level.map_or(Quantity::ZERO, |(_, size)| size));
        let mut row = json!({
            "symbol": listing.symbol.as_str(), "bidPrice": price8(bid.map(|one| one.0)), "bidQty": size(bid),
            "askPrice": price8(ask.map(|one| one.0)), "askQty": size(ask),
        });
        if market == Market::Perp {
            join(&mut row, json!({"time": stamp, "lastUpdateId": listing.book(market).id()}));
        }
        row
    })
}

pub(crate) fn spot_price(venue: &mut Venue, call: &Call<'_>) -> Answer {
    one_or_all(venue, call, |one| json!({"symbol": one.symbol.as_str(), "price": price8(Some(one.mid(Market::Spot)))}))
}

pub(crate) fn futures_price(venue: &mut Venue, call: &Call<'_>) -> Answer {
    let stamp = venue.stamp().0;
    one_or_all(
        venue,
        call,
        |one| json!({"symbol": one.symbol.as_str(), "price": price8(Some(one.mid(Market::Perp))), "time": stamp}),
    )
}

pub(crate) fn spot_day(venue: &mut Venue, call: &Call<'_>) -> Answer {
    day(venue, call, Market::Spot)
}

pub(crate) fn futures_day(venue: &mut Venue, call: &Call<'_>) -> Answer {
    day(venue, call, Market::Perp)
}

/// Statistics of the last 24 hours, from the candles.
fn day(venue: &Venue, call: &Call<'_>, market: Market) -> Answer {
    let stamp = venue.stamp().0;
    one_or_all(venue, call, |listing| {
        let last = listing.mid(market).units();
        let series = listing.series(usize::from(market == Market::Perp));
        let mut figures = [last, last, last];
        let mut volume = Quantity::ZERO;
        for candle in series.iter().flat_map(|series| series.0.iter().rev().take(1_440)) {
            let [open, high, low, _] = candle.prices;
            figures = [open, figures[1].max(high), figures[2].min(low)];
            volume += candle.volume;
        }
        let [open, high, low] = figures;
        let best = listing.book(market).best();
        let text = |units: i64| eight(i128::from(units));
        json!({
            "symbol": listing.symbol.as_str(), "priceChange": text(last - open), "priceChangePercent": "0.000",
            "weightedAvgPrice": text(last), "prevClosePrice": text(open), "lastPrice": text(last),
            "lastQty": "1.00000000", "bidPrice": price8(best.map(|best| best.0.0)),
            "bidQty": coins8(best.map_or(Quantity::ZERO, |best| best.0.1)), "askPrice": price8(best.map(|best| best.1.0)),
            "askQty": coins8(best.map_or(Quantity::ZERO, |best| best.1.1)), "openPrice": text(open), "highPrice": text(high),
            "lowPrice": text(low), "volume": coins8(volume), "quoteVolume": price8_units(last, volume),
            "openTime": stamp - Span::DAY.0, "closeTime": stamp, "firstId": 1, "lastId": 1_440, "count": 1_440,
        })
    })
}

pub(crate) fn premium_index(venue: &mut Venue, call: &Call<'_>) -> Answer {
    let stamp = venue.stamp().0;
    one_or_all(venue, call, |listing| {
        json!({
            "symbol": listing.symbol.as_str(), "markPrice": price8(Some(listing.mark)), "indexPrice": price8(Some(listing.index)),
            "estimatedSettlePrice": price8(Some(listing.index)), "lastFundingRate": rate8(listing.estimate),
            "interestRate": rate8(market_info::interest(listing)), "nextFundingTime": listing.next.0, "time": stamp,
        })
    })
}

pub(crate) fn funding_rate(venue: &mut Venue, call: &Call<'_>) -> Answer {
    let limit = call.params.limit(100, 1_000)?;
    let (start, end) = call.params.window(Span(i64::MAX))?;
    let wanted = call.params.get("symbol");
    if let Some(one) = wanted {
        venue.market.get(one).ok_or_else(invalid_symbol)?;
    }
    let chosen = venue.market.listings.iter().filter(|one| wanted.is_none_or(|text| text == one.symbol.as_str()));
    let mut rows: Vec<(WallTime, Value)> = Vec::new();
    for listing in chosen {
        for settled in &listing.settled {
            if start.is_some_and(|start| settled.stamp < start) || end.is_some_and(|end| settled.stamp > end) {
                continue;
            }
            let mut row = json!({"symbol": listing.symbol.as_str(), "fundingRate": rate8(settled.rate), "fundingTime": settled.stamp.0});
            if venue.profile == Profile::Binance {
                join(&mut row, json!({"markPrice": price8(Some(settled.mark)), "rateType": "Regular"}));
            }
            rows.push((settled.stamp, row));
        }
    }
    rows.sort_by_key(|(stamp, _)| *stamp);
    let skip = if start.is_some() { 0 } else { rows.len().saturating_sub(limit) };
    Ok(rows.into_iter().skip(skip).take(limit).map(|(_, row)| row).collect())
}

pub(crate) fn open_interest(venue: &mut Venue, call: &Call<'_>) -> Answer {
    let stamp = venue.stamp().0;
    let listing = listing_of(venue, call)?;
    Ok(json!({"symbol": listing.symbol.as_str(), "openInterest": listing.interest.to_string(), "time": stamp}))
}

/// The venue keeps no history of it: the present figure, once a period.
pub(crate) fn open_interest_history(venue: &mut Venue, call: &Call<'_>) -> Answer {
    let limit = call.params.limit(30, 500)?;
    let period = interval(call.params.need("period")?).ok_or_else(|| refuse(-1120, "Invalid interval."))?;
    let listing = listing_of(venue, call)?;
    let last = venue.now.floor(period);
    let value = listing.mark.times(listing.interest);
    let rows = (0..limit).rev().map(|back| {
        let at = last.0 - period.0 * i64::try_from(back).unwrap_or(0);
        json!({"symbol": listing.symbol.as_str(), "sumOpenInterest": listing.interest.to_string(),
               "sumOpenInterestValue": value.to_string(), "CMCCirculatingSupply": "0", "timestamp": at})
    });
    Ok(rows.collect())
}
