//! Entries: how large, whether the money is in the right wallets, and what it takes to begin.
//!
//! Nothing here asks whether a pair should be opened (`strategy`) and nothing makes an order (`decide`). Tests:
//! `tests/by_hand.rs`, `tests/sim.rs`.

use super::apply::{alarm, day_loss};
use super::collateral;
use super::decide::set_target;
use super::funds::Ready;
use super::state::State;
use crate::config::settings::{Settings, Size};
use crate::domain::{Amount, Leg, Price, Quantity, Rate};
use crate::pairs::plan::PlanInput;
use crate::pairs::sizing::{self, Backing, Room};
use crate::port::Command;
use crate::port::command::{AlarmKind, Severity};
use crate::port::order::Reason;
use crate::risk::gate::BotState;
use crate::strategy::basis;

/// What became of an entry that was wanted.
pub(super) enum Entry {
    /// The target is set.
    Begun,
    /// Money is on its way between the wallets.
    Waits,
    /// It is not begun.
    Refused(&'static str),
}

/// Sizes an entry, or takes the size that a person named (the value of each leg) when the settings would allow as much,
/// makes the money ready, and sets the target once it is.
pub(super) fn begin(
    state: &mut State,
    place: usize,
    (reason, by_hand): (Reason, Option<Amount>),
    out: &mut Vec<Command>,
) -> Entry {
    let capital = state.capital();
    if capital < state.settings.run.capital && !std::mem::replace(&mut state.capital_told, true) {
        out.push(alarm(AlarmKind::CapitalAboveBalance, Severity::Warning, None, None));
    }
    if day_loss(state) > capital.times_rate(state.settings.risk.daily_loss) {
        out.push(alarm(AlarmKind::LossLimit, Severity::Page, None, None));
        state.bot = BotState::ReduceOnly;
        return Entry::Refused("the day's loss is above risk.daily_loss");
    }
    let no_price = Entry::Refused("there is no price of one of the legs");
    let Some(pair) = state.pairs.get(place) else { return no_price };
    let Some(spot_mid) = pair.market.long.mid else { return no_price };
    let key = pair.pair.account(Leg::Short);
    let Some(room) = room(state, place) else { return no_price };
    let Some(input) = state.plan_input(pair) else { return no_price };
    let coins = match size(&state.settings_of(pair).size, (&room, &input), spot_mid, by_hand) {
        Ok(coins) => coins,
        Err(why) => {
            *state.refusals.entry("size").or_default() += 1;
            return Entry::Refused(why);
        }
    };
    if state.coins_margin() && !collateral::counts(state, pair) {
        return Entry::Refused(
            "what the coin counts for as collateral is not known, or it is nothing (margin.collateral)",
        );
    }
    // What the gate and the venue will ask for: the limit may be a collar above the mid.
    let notional = spot_mid.times(coins);
    let most = notional + notional.times_rate(reserve(state, place));
    let perp = backing(state, place).margin(most);
    match state.make_ready(key, most, perp, out) {
        Ready::Yes => {}
        Ready::Wait => return Entry::Waits,
        Ready::No => return Entry::Refused("both wallets together do not hold enough, or money cannot be moved now"),
    }
    set_target(state, place, coins, reason);
    Entry::Begun
}

/// Coins of an entry: as large as the money and the caps allow, or what a person named when that is no more.
fn size(
    settings: &Size,
    (room, input): (&Room, &PlanInput),
    spot_mid: Price,
    by_hand: Option<Amount>,
) -> Result<Quantity, &'static str> {
    let common = input.long_grid.step.max(input.short_grid.step);
    let coins = match by_hand {
        None => sizing::coins(settings, room, spot_mid).floor_to(common),
        Some(notional) => {
            let free_size = Size { quantity: None, ..settings.clone() };
            let room = Room { scale: Rate::from_units(Rate::ONE), ..*room };
            let units = notional.units().max(0).div_euclid(i128::from(spot_mid.units()));
            let coins = Quantity::saturating(i64::try_from(units).unwrap_or(i64::MAX)).floor_to(common);
            if coins > sizing::coins(&free_size, &room, spot_mid) {
                return Err("it is more than the shares of size, risk.max_pair and the free money allow");
            }
            coins
        }
    };
    // Both legs' minimums, for the entry and for the later exit, before the first order; and not a leftover of the money:
    // less than a tenth of what a pair may have is not worth its costs and its attention.
    let usual = room.backing.notional(room.capital.times_rate(settings.per_pair)).min(room.gate_cap);
    let leftover = by_hand.is_none() && settings.quantity.is_none() && spot_mid.times(coins) < usual.share(1, 10);
    if leftover || coins < input.lot().max(input.long_grid.min_add).max(input.short_grid.min_add) {
        return Err("it is less than both legs of the pair take as an order");
    }
    Ok(coins)
}

/// What margins the short; with a clip's margin goes what its collar and costs may add.
fn backing(state: &State, place: usize) -> Backing {
    let leverage = state.settings.size.leverage;
    if !state.coins_margin() {
        return Backing::Quote { leverage };
    }
    let clip = own(state, place).execution.clip;
    Backing::Coin { leverage, clip: clip + clip.times_rate(reserve(state, place)) }
}

/// The settings of the pair in a place.
fn own(state: &State, place: usize) -> &Settings {
    state.pairs.get(place).map_or(&state.settings, |pair| state.settings_of(pair))
}

/// Share of the value that an entry sets aside: the collar and what trading costs.
fn reserve(state: &State, place: usize) -> Rate {
    let costs = state.pairs.get(place).map_or(0.0, |pair| pair.costs.one_way());
    own(state, place).execution.collar.to_rate() + Rate::from_f64(costs).unwrap_or_default()
}

/// Money and limits for a new position of this pair.
fn room(state: &State, place: usize) -> Option<Room> {
    let pair = state.pairs.get(place)?;
    let (venue, quote) = pair.pair.account(Leg::Short);
    let funds = state.funds(venue, quote);
    let backing = backing(state, place);
    let used = |same: &dyn Fn(&crate::domain::Pair) -> bool| {
        let mut sum = Amount::ZERO;
        for other in state.pairs.iter().filter(|other| same(&other.pair)) {
            let (_, perp) = state.held(other);
            let wanted = perp.magnitude().max(other.memory.target);
            if let Some(mid) = other.market.short.mid {
                sum += backing.capital(mid.times(wanted));
            }
        }
        sum
    };
    let scale = pair.market.open_interest_change().map_or(Rate::from_units(Rate::ONE), |change| {
        let view = state.view(pair, Quantity::ZERO);
        if state.settings_of(pair).gates.quadrant {
            basis::quadrant(&view, change).scale()
        } else {
            Rate::from_units(Rate::ONE)
        }
    });
    Some(Room {
        capital: state.capital(),
        venue_equity: funds.equity(),
        venue_used: used(&|other| other.venue(Leg::Short) == venue),
        coin_used: used(&|other| other.coin == pair.pair.coin),
        quote_used: used(&|other| other.quote(Leg::Short) == quote),
        free: without(funds.spot + funds.free_quote(), reserve(state, place)),
        open_interest: pair.market.open_interest(),
        // The gate counts what is bought before its fee in coins, at the mid of that moment.
        gate_cap: without(state.settings.risk.max_pair.min(state.settings.risk.max_total), reserve(state, place)),
        scale,
        backing,
    })
}

/// The part of `money` that is left when `share` is set aside: `money / (1 + share)`, to within its square.
fn without(money: Amount, share: Rate) -> Amount {
    money - money.times_rate(share)
}
