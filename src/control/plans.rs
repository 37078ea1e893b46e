//! Plans of acts that move money: what would be sent, shown first, and a token that is good for one act on that plan.
//!
//! A token ends after a minute, at its first use, and when the coins of the plan are no longer those that were shown. Pure:
//! time is given as a monotonic span. Tests: at the end of this file and `tests/commands/control.rs`.

use super::request::{Act, Code, ControlError};
use crate::checks::reconcile::Moved;
use crate::config::change::Change;
use crate::domain::text::hex;
use crate::domain::{Amount, Asset, Leg, Quantity, Side, SignedQuantity};
use crate::engine::{PairState, State};
use crate::pairs::Phase;
use crate::port::event::{Adoption, Wallet};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::time::Duration;

/// How long a plan may be agreed to.
pub const VALID: Duration = Duration::from_mins(1);
/// Plans that may wait at once: more than all pages of a session ask for in a minute. One that is still good is never pushed out.
const MOST: usize = 1_024;

/// One order of a plan, in total: it is worked in clips, each through the gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The pair; of money that is only booked, the venue.
    pub pair: String,
    /// `spot` or `perp`.
    pub leg: String,
    /// `buy` or `sell`; of money that is only booked, `add` or `take`.
    pub side: String,
    /// Coins.
    pub coins: Quantity,
    /// Its value at the present mid; absent when there is none.
    pub about: Option<Amount>,
    /// The coin of that value.
    pub quote: Asset,
}

/// What an act would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Good for one act on this plan.
    pub token: String,
    /// Seconds for which it is good.
    pub valid_s: u64,
    /// In words.
    pub text: String,
    /// Orders, in total.
    pub orders: Vec<Line>,
    /// Settings that differ; of a reload alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
}

struct Waiting {
    token: String,
    act: Act,
    coins: String,
    made: Duration,
}

/// Plans that were shown and not yet agreed to.
#[derive(Default)]
pub struct Plans {
    waiting: Vec<Waiting>,
    number: u64,
}

impl Plans {
    /// Shows a plan.
    ///
    /// # Errors
    /// [`ControlError`] with code `busy` when too many wait.
    pub fn show(
        &mut self,
        act: &Act,
        (text, orders): (String, Vec<Line>),
        state: &State,
        now: Duration,
    ) -> Result<Plan, ControlError> {
        self.waiting.retain(|known| now.saturating_sub(known.made) <= VALID);
        if self.waiting.len() >= MOST {
            return Err(ControlError::new(Code::Busy, "too many plans wait to be agreed to; try again in a minute"));
        }
        self.number += 1;
        let coins = coins_of(act, &orders);
        // It names a plan; it keeps nobody out. The socket does that.
        let seed = format!("{act:?}\n{coins}\n{}\n{}\n{}", self.number, state.sequence.0, now.as_nanos());
        let token: String = hex(&Sha256::digest(seed)).chars().take(16).collect();
        self.waiting.push(Waiting { token: token.clone(), act: act.clone(), coins, made: now });
        Ok(Plan { token, valid_s: VALID.as_secs(), text, orders, changes: Vec::new() })
    }

    /// Takes a token: it must be of this act, young, unused, and of a plan that still holds.
    ///
    /// # Errors
    /// [`ControlError`] with code `refused` when it is not.
    pub fn agree(&mut self, token: &str, act: &Act, orders: &[Line], now: Duration) -> Result<(), ControlError> {
        let refused = |text: &str| Err(ControlError::new(Code::Refused, text));
        let Some(place) = self.waiting.iter().position(|known| known.token == token) else {
            return refused("token: is of no plan, or was used; ask for the plan again");
        };
        let known = self.waiting.remove(place);
        if known.act != *act {
            return refused("token: is of another plan; ask for this one");
        }
        if now.saturating_sub(known.made) > VALID {
            return refused("token: is older than a minute; ask for the plan again");
        }
        if known.coins != coins_of(act, orders) {
            return refused("the plan has changed since it was shown; look at it again");
        }
        Ok(())
    }
}

/// The coins of a plan; values move all the time and are no reason to ask again. An opening is fixed by its money.
fn coins_of(act: &Act, orders: &[Line]) -> String {
    use std::fmt::Write as _;
    if matches!(act, Act::Open(..)) {
        return String::new();
    }
    orders.iter().fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "{} {} {} {} {}", line.pair, line.leg, line.side, line.coins, line.quote);
        text
    })
}

/// What closing some pairs would send: all spot coins sold, the whole short bought back. Dust, which is less than a leg takes as
/// an order, is no pair and stays.
#[must_use]
pub fn closing<'a>(state: &State, pairs: impl Iterator<Item = &'a PairState>) -> (String, Vec<Line>) {
    let (mut orders, mut dust) = (Vec::new(), Vec::new());
    for pair in pairs {
        let held = state.held(pair);
        let lines = Leg::BOTH.into_iter().filter_map(|leg| line(pair, leg, leg.of(held)));
        if pair.memory.phase == Phase::Flat {
            dust.extend(lines.map(|line| format!("{} of {} ({})", line.coins, line.pair, line.leg)));
        } else {
            orders.extend(lines);
        }
    }
    let text = match (orders.is_empty(), dust.is_empty()) {
        (true, true) => "nothing is held: no order would be sent, and entries under way would be given up".to_owned(),
        (true, false) => {
            "nothing is held but dust: no order would be sent, and entries under way would be given up".to_owned()
        }
        (false, _) => {
            format!(
                "close both legs with {} orders in total, in clips, each inside execution.reduce_collar",
                orders.len()
            )
        }
    };
    if dust.is_empty() {
        return (text, orders);
    }
    (format!("{text}; stays, because it is less than an order: {}", dust.join(", ")), orders)
}

/// What opening a pair at a value of each leg would send, at the present prices.
#[must_use]
pub fn opening(pair: &PairState, notional: Amount) -> (String, Vec<Line>) {
    let one = |leg: Leg, side: Side| {
        let mid = pair.market.leg(leg).mid?;
        let units = notional.units().max(0).div_euclid(i128::from(mid.units()));
        let coins = Quantity::saturating(i64::try_from(units).unwrap_or(i64::MAX));
        Some(order(pair, leg, side, coins))
    };
    let orders: Vec<Line> = Leg::BOTH.into_iter().filter_map(|leg| one(leg, leg.adds())).collect();
    let text = format!(
        "open {} at {notional} {} of each leg, in clips, through the limits and gates of any entry but the signals; \
         the strategy manages and closes it like its own",
        pair.pair.name,
        pair.pair.quote(Leg::Short)
    );
    (text, orders)
}

/// Money that accepting would book: `add` to a wallet of the ledger, or `take` from it.
#[must_use]
pub fn money_line(state: &State, one: &Moved) -> Line {
    let name = state.catalogue.venues().get(one.venue.index()).map_or("?", |name| name.as_str());
    Line {
        pair: name.to_owned(),
        leg: match one.wallet {
            Wallet::Spot => "spot".to_owned(),
            Wallet::Perp => "perp".to_owned(),
        },
        side: if one.amount > Amount::ZERO { "add" } else { "take" }.to_owned(),
        coins: Quantity::saturating(one.amount.abs().to_coins().units()),
        about: None,
        quote: one.asset,
    }
}

/// What adopting would book.
#[must_use]
pub fn taking(pair: &PairState, adoption: &Adoption) -> (String, Vec<Line>) {
    let text = format!(
        "no order is sent: {} spot coins and the short of {} (entered at {}) become the pair's, and the strategy manages \
         and closes them like its own",
        adoption.coins, adoption.short, adoption.entry
    );
    let orders =
        vec![order(pair, Leg::Long, Side::Buy, adoption.coins), order(pair, Leg::Short, Side::Sell, adoption.short)];
    (text, orders)
}

fn line(pair: &PairState, leg: Leg, held: SignedQuantity) -> Option<Line> {
    if held.is_zero() {
        return None;
    }
    let side = if held.units() > 0 { Side::Sell } else { Side::Buy };
    Some(order(pair, leg, side, held.magnitude()))
}

fn order(pair: &PairState, leg: Leg, side: Side, coins: Quantity) -> Line {
    Line {
        pair: pair.pair.name.clone(),
        leg: pair.pair.market(leg).to_string(),
        side: side.as_str().to_owned(),
        coins,
        about: pair.market.leg(leg).mid.map(|mid| mid.times(coins)),
        quote: pair.pair.quote(leg),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::domain::WallTime;
    use crate::sim::Generator;
    use crate::sim::START;

    fn state() -> State {
        State::new(Settings::default(), Generator::new(1, START).catalogue().clone())
    }

    fn orders(coins: &str) -> Vec<Line> {
        vec![Line {
            pair: "alpha:BTCUSDT".to_owned(),
            leg: "spot".to_owned(),
            side: "sell".to_owned(),
            coins: Quantity::parse(coins).unwrap(),
            about: None,
            quote: Asset::new("USDT").unwrap(),
        }]
    }

    #[test]
    fn a_token_is_good_once_for_its_act_its_coins_and_a_minute() {
        let (state, act) = (state(), Act::Flatten(None));
        let at = Duration::from_secs;
        let mut plans = Plans::default();
        let shown = |plans: &mut Plans, now| plans.show(&act, (String::new(), orders("1")), &state, now);
        let show = |plans: &mut Plans, now| shown(plans, now).unwrap().token;
        let token = show(&mut plans, at(0));
        assert!(plans.agree("nothing", &act, &orders("1"), at(1)).is_err());
        assert_eq!(plans.agree(&token, &act, &orders("1"), at(60)), Ok(()));
        assert!(plans.agree(&token, &act, &orders("1"), at(60)).is_err(), "used");
        let token = show(&mut plans, at(0));
        assert!(plans.agree(&token, &act, &orders("1"), at(61)).is_err(), "old");
        let token = show(&mut plans, at(0));
        assert!(plans.agree(&token, &act, &orders("1.1"), at(1)).is_err(), "other coins");
        let token = show(&mut plans, at(0));
        assert!(plans.agree(&token, &Act::Flatten(Some("x".to_owned())), &orders("1"), at(1)).is_err(), "another act");
        let (one, other) = (show(&mut plans, at(0)), show(&mut plans, at(0)));
        assert_ne!(one, other);
        while plans.waiting.len() < MOST {
            show(&mut plans, at(0));
        }
        assert_eq!(shown(&mut plans, at(60)).unwrap_err().code, Code::Busy, "bounded");
        assert_eq!(plans.agree(&one, &act, &orders("1"), at(60)), Ok(()), "a plan that is good is never pushed out");
        assert!(shown(&mut plans, at(61)).is_ok() && plans.waiting.len() == 1, "those that are over make room");
    }

    #[test]
    fn a_flat_book_has_an_empty_plan() {
        let state = state();
        let (text, orders) = closing(&state, state.pairs.iter());
        assert!(orders.is_empty() && text.starts_with("nothing is held"), "{text}");
        assert_eq!(state.now, WallTime(i64::MIN), "nothing was changed");
    }

    #[test]
    fn dust_is_no_pair_of_a_plan_and_is_named() {
        use crate::port::event::Adoption;
        let mut state = state();
        let pair = state.pairs[0].pair.clone();
        let price = crate::domain::Price::parse("100").unwrap();
        let coins = Quantity::parse("0.00000001").unwrap();
        let adoption = Adoption { pair: pair.id, coins, short: Quantity::ZERO, entry: price, mids: (price, price) };
        let events = [
            crate::port::Event::Boot { epoch: 1, salt: 1 },
            crate::port::Event::Operator(crate::port::event::Operator::Adopt(adoption)),
        ];
        for (event, number) in events.into_iter().zip(1..) {
            let stamped = crate::port::Stamped { sequence: crate::domain::Sequence(number), at: START, event };
            crate::engine::step(&mut state, &stamped, &mut Vec::new());
        }
        state.pairs[0].memory.phase = Phase::Flat;
        let (text, orders) = closing(&state, state.pairs.iter());
        assert!(orders.is_empty(), "{orders:?}");
        assert!(text.contains("nothing is held but dust") && text.contains(&pair.name), "{text}");
        assert!(!closing(&state, std::iter::empty()).0.contains("dust"));
    }
}
