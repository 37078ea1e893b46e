//! Answers over HTTP to typed ones: what came for a question, and how an act ended.
//!
//! An answer that cannot be read proves nothing: a question may be asked again, a write may have executed (rule R-A).
//! Nothing here is kept between answers. Tests: in `reply_tests.rs`, and recorded bodies in `tests/suite/wire_private.rs`.

use super::account_orders::{self as orders, FeeSign};
use super::account_wire as account;
use super::decode::decode;
use super::errors::{Asked, Context, code_in, refused, unreadable};
use super::listing;
use super::message::{DecodeError, Message, Scratch};
use super::profile::{Feature, Profile};
use super::public_wire as public;
use crate::domain::{Market, Symbol};
use crate::venues::answer::{Answer, Class, Refused};
use crate::venues::ask::{Act, Ask, Candles, Host, ListenKeyAct};

/// Largest body accepted, in bytes: the list of all spot instruments is the longest answer (fault X06).
pub const MAX_BODY: usize = 32 * 1024 * 1024;

/// What the venue answered to a question.
///
/// # Errors
/// [`Refused`] when the venue refused, or when the answer cannot be read. The header `Retry-After` is added by
/// [`Refused::with_retry_after`].
pub fn answer(profile: &Profile, ask: &Ask, status: u16, body: &[u8]) -> Result<Answer, Refused> {
    let context = context(profile, market_asked(ask), Asked::Read);
    let text = checked(context, status, body)?;
    read(profile, ask, text).map_err(|error| unreadable(context, status, &error.to_string()))
}

/// How an act ended.
///
/// # Errors
/// [`Refused`], of class [`Class::Unknown`] whenever nothing is proved.
pub fn outcome(profile: &Profile, act: &Act, status: u16, body: &[u8]) -> Result<Answer, Refused> {
    let (market, asked) = match act {
        Act::Place(placement) => (placement.market, Asked::Place),
        Act::Cancel { market, .. } | Act::CancelAll { market, .. } => (*market, Asked::Write),
        Act::Transfer { .. } if profile.paths.transfer.0 == Host::Wallet => (Market::Spot, Asked::Write),
        _ => (Market::Perp, Asked::Write),
    };
    let context = context(profile, market, asked);
    let text = match checked(context, status, body) {
        Err(refused) if refused.class == Class::Unchanged => return Ok(Answer::Done),
        checked => checked?,
    };
    acted(act, text).map_err(|error| unreadable(context, status, &error.to_string()))
}

fn context(profile: &Profile, market: Market, asked: Asked) -> Context {
    Context { market, asked, telling_overload: profile.has(Feature::TellingOverload) }
}

/// The body of a good answer as text.
fn checked(context: Context, status: u16, body: &[u8]) -> Result<&str, Refused> {
    if !(200..300).contains(&status) {
        return Err(refused(context, status, body, None));
    }
    if body.len() > MAX_BODY {
        let expected = DecodeError::TooLarge { bytes: body.len() };
        return Err(unreadable(context, status, &expected.to_string()));
    }
    let text = std::str::from_utf8(body)
        .map_err(|error| unreadable(context, status, &DecodeError::NotUtf8 { at: error.valid_up_to() }.to_string()))?;
    if code_in(text).is_some() { Err(refused(context, status, body, None)) } else { Ok(text) }
}

const fn market_asked(ask: &Ask) -> Market {
    use crate::port::event::Wallet;
    match ask {
        Ask::Time(market)
        | Ask::Instruments(market)
        | Ask::Listed { market, .. }
        | Ask::Depth { market, .. }
        | Ask::BestQuote { market, .. }
        | Ask::Candles { kind: Candles::Trade(market), .. }
        | Ask::Order { market, .. }
        | Ask::OrderNumber { market, .. }
        | Ask::OpenOrders { market, .. }
        | Ask::RecentOrders { market, .. }
        | Ask::Fills { market, .. }
        | Ask::Commission { market, .. }
        | Ask::ListenKey { market, .. } => *market,
        Ask::Balances(Wallet::Spot) | Ask::Transfers { .. } | Ask::KeyRights => Market::Spot,
        _ => Market::Perp,
    }
}

type Read = Result<Answer, DecodeError>;

fn read(profile: &Profile, ask: &Ask, text: &str) -> Read {
    Ok(match ask {
        Ask::Time(_) => Answer::Time(public::time(text)?),
        Ask::Instruments(market) | Ask::Listed { market, .. } => listing::instruments(*market, text)?,
        Ask::Depth { market, .. } => depth(*market, text)?,
        Ask::BestQuote { .. } => Answer::BestQuotes(public::best_quotes(text)?),
        Ask::Candles { kind, .. } => Answer::Candles(public::candles(matches!(kind, Candles::Trade(_)), text)?),
        Ask::Premium { symbol } => Answer::Premium(public::premium(symbol.is_some(), text)?),
        Ask::FundingInfo => part(public::funding_info(text)?, Answer::FundingInfo),
        Ask::FundingHistory { .. } => Answer::FundingHistory(public::funding_history(text)?),
        Ask::OpenInterest { .. } | Ask::OpenInterestHistory { .. } => {
            Answer::OpenInterest(public::open_interest(text)?)
        }
        Ask::Order { market, symbol, id } => {
            let row = orders::order(*market, text)?;
            same(row.symbol == *symbol, "symbol")?;
            same(row.client_id == *id, "clientOrderId")?;
            Answer::Order(row)
        }
        Ask::OrderNumber { market, symbol, number } => {
            let row = orders::order(*market, text)?;
            same(row.symbol == *symbol, "symbol")?;
            same(row.venue_id == *number, "orderId")?;
            Answer::Order(row)
        }
        Ask::OpenOrders { market, .. } | Ask::RecentOrders { market, .. } => {
            part(orders::orders(*market, text)?, Answer::Orders)
        }
        Ask::Fills { market, symbol, .. } => {
            let rows = orders::fills(*market, fee_sign(profile), text)?;
            same(rows.iter().all(|row| row.symbol == *symbol), "symbol")?;
            Answer::Fills(rows)
        }
        Ask::Balances(wallet) => account::balances(*wallet, text)?,
        Ask::Positions => part(account::positions(text)?, Answer::Positions),
        Ask::SymbolConfig { symbol } => Answer::SymbolConfig(account::symbol_modes(*symbol, text)?),
        Ask::AccountConfig | Ask::MultiAssets => Answer::AccountConfig(account::account_modes(text)?),
        Ask::Brackets { .. } => part(account::brackets(text)?, Answer::Brackets),
        Ask::Commission { market, .. } => public::commission(*market, text)?,
        Ask::Income { .. } => part(account::income(text)?, Answer::Income),
        Ask::Transfers { .. } if profile.has(Feature::TransferHistory) => Answer::Transfers(account::transfers(text)?),
        Ask::Transfers { from, .. } => Answer::Transfers(account::moved(*from, text)?),
        Ask::KeyRights if profile.has(Feature::AgentList) => Answer::KeyRights(account::agent_rights(text)?),
        Ask::KeyRights => Answer::KeyRights(account::key_rights(text)?),
        Ask::TradingStatus => account::trading_status(text)?,
        Ask::CollateralRates => part(account::collateral(text)?, Answer::CollateralRates),
        Ask::AdlRank => part(account::adl(text)?, Answer::AdlRanks),
        Ask::ListenKey { act, .. } => {
            let key = account::listen_key(text)?;
            same(key.is_some() || *act != ListenKeyAct::Open, "listenKey")?;
            Answer::ListenKey(key)
        }
    })
}

/// A list, and what could not be read of it.
fn part<R>((rows, left_out): account::Rows<R>, list: impl Fn(Vec<R>) -> Answer) -> Answer {
    let answer = list(rows);
    if left_out.is_empty() { answer } else { Answer::Partly { answer: Box::new(answer), left_out } }
}

/// How the venue prints fees of executions.
pub(super) fn fee_sign(profile: &Profile) -> FeeSign {
    if profile.has(Feature::FeesBelowZero) { FeeSign::Any } else { FeeSign::Paid }
}

/// An answer about something else than what was asked is no answer (fault B11).
const fn same(is: bool, field: &'static str) -> Result<(), DecodeError> {
    if is { Ok(()) } else { Err(DecodeError::WrongType { field, expected: "what was asked for" }) }
}

fn depth(market: Market, text: &str) -> Read {
    let mut scratch = Scratch::default();
    match decode(market, text.as_bytes(), &mut scratch)? {
        Message::Snapshot(_) => Ok(Answer::Depth),
        other => Err(DecodeError::Misplaced { kind: other.kind() }),
    }
}

fn acted(act: &Act, text: &str) -> Read {
    let own = |market: Market, symbol: Symbol, id: &str| {
        let row = orders::order(market, text)?;
        same(row.symbol == symbol, "symbol")?;
        same(row.client_id == id, "clientOrderId")?;
        Ok(Answer::Order(row))
    };
    match act {
        Act::Place(placement) => own(placement.market, placement.symbol, &placement.id.to_string()),
        Act::Cancel { market, symbol, id } => own(*market, *symbol, &id.to_string()),
        Act::CancelAll { market: Market::Spot, .. } if text.trim_start().starts_with('[') => {
            Ok(Answer::Orders(orders::cancelled(Market::Spot, text)?))
        }
        Act::Transfer { .. } => Ok(Answer::Transferred(account::transferred(text)?)),
        // The rest is said by the status; the body must still be the venue's.
        _ => super::field::parse::<serde_json::Map<String, serde_json::Value>>(text).map(|_| Answer::Done),
    }
}

#[cfg(test)]
#[path = "reply_tests.rs"]
mod tests;
