//! What a file or a control request makes the venue do: acts of the market at their times.
//!
//! The grammar is in `deploy/venue.md`. Unknown keys and words are refused with their line, never skipped. Prices and
//! rates are decimals in quotes. Requests and streams that go wrong are in `faults.rs`. Tests stand there.

use super::faults::FileError;
use crate::domain::{Interval, Rate, Span, Symbol, WallTime};
use serde::{Deserialize, Serialize};

/// One thing that happens to the market or the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Act {
    /// All prices of a symbol move by the fraction `by` over a time, and stay there.
    Rally {
        /// Whose prices.
        symbol: Symbol,
        /// By what fraction; below zero they fall.
        by: Rate,
        /// In a straight line over this long.
        #[serde(default, with = "spans")]
        over: Span,
    },
    /// The perp moves to this fraction above the index (over a time), on top of what the market does by itself.
    Premium {
        /// Whose premium.
        symbol: Symbol,
        /// The fraction.
        to: Rate,
        /// In a straight line over this long.
        #[serde(default, with = "spans")]
        over: Span,
    },
    /// The rate of each settlement from now on; without one the formula rules again.
    Funding {
        /// Whose funding.
        symbol: Symbol,
        /// Fraction paid at each settlement.
        rate: Option<Rate>,
    },
    /// Another funding interval.
    Interval {
        /// Whose funding.
        symbol: Symbol,
        /// Hours: 1, 2, 4 or 8.
        hours: Interval,
    },
    /// The venue deleverages a share of the account's position.
    Adl {
        /// Of which perp.
        symbol: Symbol,
        /// Above 0 to 1.
        share: Rate,
    },
    /// The venue liquidates the account's position now.
    Liquidation {
        /// Of which perp.
        symbol: Symbol,
    },
    /// Trading of both legs ends after this long; an open perp position is then settled at the mark.
    Delist {
        /// Which symbol.
        symbol: Symbol,
        /// Until then it trades.
        #[serde(with = "spans")]
        after: Span,
    },
    /// One leg's market halts, or opens again.
    Halt {
        /// Which symbol.
        symbol: Symbol,
        /// `spot` or `perp`.
        market: crate::domain::Market,
        /// Whether it halts.
        halted: bool,
    },
    /// Maintenance ratios of a perp are multiplied by this.
    Brackets {
        /// Which perp.
        symbol: Symbol,
        /// The factor, 1 to 20.
        factor: u8,
    },
    /// A leg's grid, minimum or taker fee is another from now on (faults E04, E09).
    Rules {
        /// Which symbol.
        symbol: Symbol,
        /// `spot` or `perp`.
        market: crate::domain::Market,
        /// Price grid.
        tick: Option<crate::domain::Price>,
        /// Quantity grid, and the least quantity.
        step: Option<crate::domain::Quantity>,
        /// Least value of an order.
        min_notional: Option<crate::domain::Amount>,
        /// What takers pay.
        taker: Option<Rate>,
    },
    /// The perp is one of several coins: it is listed with that number before its name, and spot lists the coin, at that part
    /// of the price (fault E05).
    Bundle {
        /// The symbol until then, of spot also after it.
        symbol: Symbol,
        /// Coins in one contract: 1000, 10000, 100000 or 1000000.
        coins: u32,
    },
    /// A new symbol is listed in both markets; its prices, books and past are those of another one.
    List {
        /// Its symbol: a coin and the quote coin.
        symbol: Symbol,
        /// The one that it moves with.
        like: Symbol,
    },
    /// A symbol leaves the lists of both markets: it is not known any more, whatever is asked of it (fault E03).
    Unlist {
        /// Its symbol.
        symbol: Symbol,
    },
    /// The venue settles the account's position at the mark by force; trading goes on (fault E03).
    Settle {
        /// Of which perp.
        symbol: Symbol,
    },
    /// Every request is answered 429 for this long.
    RateLimit {
        /// How long.
        #[serde(rename = "for", with = "spans")]
        lasts: Span,
    },
    /// Every request is answered 418 for this long.
    Ban {
        /// How long.
        #[serde(rename = "for", with = "spans")]
        lasts: Span,
    },
    /// The venue's stamps and windows are off by this from its clock.
    ClockSkew {
        /// Milliseconds; plus is ahead.
        ms: i64,
    },
    /// Every socket is closed.
    Cut {},
    /// Streams fall silent for this long while pings are answered; of one symbol, or of all.
    Freeze {
        /// Only this symbol.
        symbol: Option<Symbol>,
        /// How long.
        #[serde(rename = "for", with = "spans")]
        lasts: Span,
    },
    /// All listen keys die.
    ListenKeys {},
    /// The trading key is revoked (fault H07).
    Revoke {},
    /// Fees of both markets are taken in BNB while there is enough of it (fault E10), or no longer.
    Burn {
        /// Whether.
        on: bool,
    },
    /// The other dollar coin costs this much of the quote coin (`USDCUSDT`): above one the quote coin has lost its peg.
    Peg {
        /// The price.
        to: crate::domain::Price,
    },
    /// Position mode is changed by a foreign hand (fault H12).
    Hedge {
        /// Whether LONG and SHORT are held apart.
        on: bool,
    },
    /// The account receives or loses an amount by hand (fault H11).
    Deposit {
        /// `spot` or `perp`.
        wallet: crate::domain::Market,
        /// What.
        asset: crate::domain::Asset,
        /// How much; below zero leaves.
        amount: crate::domain::Amount,
    },
    /// A foreign hand trades on the account (faults H09, H10): a market order.
    Foreign {
        /// Which symbol.
        symbol: Symbol,
        /// `spot` or `perp`.
        market: crate::domain::Market,
        /// `buy` or `sell`.
        side: crate::domain::Side,
        /// Coins.
        quantity: crate::domain::Quantity,
    },
}

/// An act and when it happens after the venue's start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Timed {
    /// When, from the start of the venue's time.
    pub(crate) at: Span,
    /// What.
    pub(crate) act: Act,
}

/// An act that moves prices or funding, kept with its time: the market at any time is a function of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Done {
    pub(crate) at: WallTime,
    pub(crate) act: Act,
}

/// `90s`, `5m`, `2h`, `3d`, `250ms`.
pub(crate) fn parse_span(text: &str) -> Option<Span> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (count, unit) = text.split_at_checked(digits)?;
    let unit = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    count.parse::<i64>().ok()?.checked_mul(unit).map(Span)
}

/// A span as a text such as `90s`.
pub(crate) mod spans {
    use super::{Span, parse_span};
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
    pub(crate) fn serialize<S: Serializer>(span: &Span, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}ms", span.0))
    }
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = || serde::de::Error::custom(format!("`{text}` is no time; expected e.g. 250ms, 90s, 5m, 2h, 3d"));
        parse_span(&text).ok_or_else(wrong)
    }
}

/// Takes `at` out of a table and reads the rest as an act.
pub(crate) fn timed(mut table: toml::Table, line: usize) -> Result<Timed, FileError> {
    let at = match table.remove("at") {
        None => Span::ZERO,
        Some(toml::Value::String(text)) => {
            parse_span(&text).ok_or_else(|| FileError::new(line, "at", "expected a time such as 2h"))?
        }
        Some(_) => return Err(FileError::new(line, "at", "expected a time in quotes such as \"2h\"")),
    };
    let act =
        Act::deserialize(toml::Value::Table(table)).map_err(|error| FileError::new(line, "act", error.message()))?;
    check(&act).map_err(|(key, expected)| FileError::new(line, key, expected))?;
    Ok(Timed { at, act })
}

/// Bounds that the types do not hold.
pub(crate) fn check(act: &Act) -> Result<(), (&'static str, &'static str)> {
    match act {
        Act::Rally { by, .. } if by.units() <= -Rate::ONE || by.units() > 8 * Rate::ONE => {
            Err(("by", "expected more than -1 and at most 8"))
        }
        Act::Premium { to, .. } if to.units().abs() > Rate::ONE / 10 => Err(("to", "expected -0.1 to 0.1")),
        Act::Adl { share, .. } if share.units() <= 0 || share.units() > Rate::ONE => {
            Err(("share", "expected above 0 and at most 1"))
        }
        Act::Bundle { coins, .. } if ![1_000, 10_000, 100_000, 1_000_000].contains(coins) => {
            Err(("coins", "expected 1000, 10000, 100000 or 1000000"))
        }
        Act::Brackets { factor, .. } if !(1..=20).contains(factor) => Err(("factor", "expected 1 to 20")),
        _ => Ok(()),
    }
}
