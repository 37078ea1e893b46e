//! Instruments as listed, with their filters, and the limits on requests.
//!
//! A row that cannot be read is left out and named, so that one odd instrument does not hide the others.
//! Tests: in `reply_tests.rs`, and with recorded lists in `tests/suite/wire_private.rs`.

use super::account_wire::{each, sent};
use super::field::{Value, parse};
use super::message::{DecodeError, label};
use crate::domain::{Amount, Market, Rate, Rules};
use crate::venues::answer::{Answer, Listing, RateLimit};
use serde::Deserialize;

type Read<T> = Result<T, DecodeError>;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Info<'a> {
    #[serde(borrow)]
    rate_limits: Vec<Limit<'a>>,
    #[serde(borrow)]
    symbols: Option<Vec<Sent<'a>>>,
}

sent!(Limit { kind "rateLimitType", unit "interval", count "intervalNum", most "limit", });

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Sent<'a> {
    #[serde(borrow)]
    symbol: Value<'a>,
    status: Value<'a>,
    base_asset: Value<'a>,
    quote_asset: Value<'a>,
    is_spot_trading_allowed: Value<'a>,
    contract_type: Value<'a>,
    underlying_type: Value<'a>,
    delivery_date: Value<'a>,
    onboard_date: Value<'a>,
    filters: Vec<Filter<'a>>,
}

sent!(Filter {
    kind "filterType",
    tick "tickSize",
    step "stepSize",
    min_quantity "minQty",
    max_quantity "maxQty",
    min_notional "minNotional",
    notional "notional",
    up "multiplierUp",
    down "multiplierDown",
    bid_up "bidMultiplierUp",
    ask_down "askMultiplierDown",
});

/// Reads the answer to the question for instruments.
pub(super) fn instruments(market: Market, text: &str) -> Read<Answer> {
    let info: Info<'_> = parse(text)?;
    let symbols = info.symbols.ok_or(DecodeError::WrongType { field: "symbols", expected: "a list" })?;
    // A limit of a new kind is none that we could keep: the ones that we know still hold.
    let (limits, mut left_out) = each(&info.rate_limits, |sent| sent.kind.word(), limit);
    let mut listings = Vec::with_capacity(symbols.len());
    for sent in &symbols {
        match listing(market, sent) {
            Ok(listing) => listings.push(listing),
            Err(error) => left_out.push((label(sent.symbol.word()), error.to_string())),
        }
    }
    Ok(Answer::Instruments { listings, limits, left_out })
}

fn limit(sent: &Limit<'_>) -> Read<RateLimit> {
    let seconds = match sent.unit.word() {
        "SECOND" => 1,
        "MINUTE" => 60,
        "HOUR" => 3600,
        "DAY" => 86_400,
        _ => return Err(DecodeError::WrongType { field: "interval", expected: "SECOND, MINUTE, HOUR or DAY" }),
    };
    Ok(RateLimit {
        kind: sent.kind.symbol("rateLimitType")?,
        seconds: sent.count.id("intervalNum")?.saturating_mul(seconds),
        limit: sent.most.id("limit")?,
    })
}

fn listing(market: Market, sent: &Sent<'_>) -> Read<Listing> {
    let filter = |kind: &str| sent.filters.iter().find(|filter| filter.kind.word() == kind);
    let missing = |field| DecodeError::WrongType { field, expected: "a filter of the symbol" };
    let price = filter("PRICE_FILTER").ok_or_else(|| missing("PRICE_FILTER"))?;
    let lot = filter("LOT_SIZE").ok_or_else(|| missing("LOT_SIZE"))?;
    let rules = Rules {
        tick: price.tick.price("tickSize")?,
        step: lot.step.quantity("stepSize")?,
        min_quantity: lot.min_quantity.quantity("minQty")?,
        max_quantity: lot.max_quantity.quantity_bound("maxQty")?,
        min_notional: min_notional(sent)?,
    };
    if rules.step.is_zero() {
        return Err(DecodeError::WrongType { field: "stepSize", expected: "more than zero" });
    }
    // Internal test instruments of Aster are listed beside the real ones.
    let internal = sent.symbol.word().starts_with("TEST") && market == Market::Perp;
    let equity = !matches!(sent.underlying_type.word(), "" | "COIN" | "INDEX");
    let perpetual = market == Market::Perp && sent.contract_type.word() == "PERPETUAL" && !internal && !equity;
    let allowed = sent.is_spot_trading_allowed.flag("isSpotTradingAllowed")? != Some(false);
    Ok(Listing {
        symbol: sent.symbol.symbol("symbol")?,
        market,
        base: sent.base_asset.asset("baseAsset")?,
        quote: sent.quote_asset.asset("quoteAsset")?,
        rules,
        trading: sent.status.text("status")? == "TRADING" && allowed,
        perpetual,
        // Without an end the venue writes a day of the year 2100, which is no time that we accept.
        ends: (market == Market::Perp).then(|| sent.delivery_date.time("deliveryDate").ok()).flatten(),
        begins: (market == Market::Perp).then(|| sent.onboard_date.time("onboardDate").ok()).flatten(),
        price_band: price_band(sent),
    })
}

/// The largest of the filters that state a least value: both kinds may stand, and all must be kept.
fn min_notional(sent: &Sent<'_>) -> Read<Amount> {
    let mut least = None;
    for filter in &sent.filters {
        if matches!(filter.kind.word(), "MIN_NOTIONAL" | "NOTIONAL") {
            let value = filter.min_notional.or(&filter.notional).amount("minNotional")?;
            least = least.max(Some(value));
        }
    }
    least.ok_or(DecodeError::WrongType { field: "MIN_NOTIONAL", expected: "a filter of the symbol" })
}

/// Multiples above and below; `None` when the venue states none that we can hold.
fn price_band(sent: &Sent<'_>) -> Option<(Rate, Rate)> {
    let filter = sent.filters.iter().find(|filter| filter.kind.word().starts_with("PERCENT_PRICE"))?;
    let up = filter.bid_up.or(&filter.up).rate("multiplierUp").ok()?;
    let down = filter.ask_down.or(&filter.down).rate("multiplierDown").ok()?;
    Some((up, down))
}
