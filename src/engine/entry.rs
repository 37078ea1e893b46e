//! Entries: how large, whether the money is in the right wallets, and what it takes to begin.
//!
//! Nothing here asks whether a pair should be opened (`strategy`) and nothing makes an order (`decide`). Tests:
//! `tests/suite/by_hand.rs`, `tests/sim.rs`.

use super::apply::{alarm, day_loss};
use super::barred::barred;
use super::collateral;
use super::decide::set_target;
use super::funds::{Need, Ready};
use super::ladder;
use super::state::{PairState, State};
use crate::config::settings::{Collateral, Settings, Size};
use crate::domain::money::grouped;
use crate::domain::{Amount, Leg, Market, Pair, PairId, Price, Quantity, Rate, VenueId};
use crate::pairs::plan::PlanInput;
use crate::pairs::sizing::{self, Backing, Room, VenueRoom, Venues};
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
    let Some(room) = room(state, place) else { return no_price };
    let Some(input) = state.plan_input(pair) else { return no_price };
    let coins = match size(&state.settings_of(pair).size, (&room, &input), spot_mid, by_hand) {
        Ok(coins) => coins,
        Err(why) => {
            *state.refusals.entry("size").or_default() += 1;
            return Entry::Refused(why);
        }
    };
    if state.coins_margin_of(&pair.pair) && !collateral::counts(state, pair) {
        return Entry::Refused(
            "what the coin counts for as collateral is not known, or it is nothing (margin.collateral)",
        );
    }
    // What the gate and the venue will ask for: the limit may be a collar above the mid.
    let notional = spot_mid.times(coins);
    let most = notional + notional.times_rate(reserve(state, place));
    match state.make_all_ready(&needs(&state.pairs, place, (most, backing(state, place))), out) {
        Ready::Yes => {}
        Ready::Wait => return Entry::Waits,
        Ready::No => {
            return Entry::Refused("the wallets of a venue together do not hold enough, or money cannot be moved now");
        }
    }
    set_target(state, place, coins, reason);
    Entry::Begun
}

/// What each wallet must hold for an entry of this value and margin: spot is paid, a perp is margined.
fn needs(pairs: &[PairState], place: usize, (value, backing): (Amount, Backing)) -> Vec<Need> {
    let mut needs: Vec<Need> = Vec::new();
    let legs = pairs.get(place).into_iter().flat_map(|pair| Leg::BOTH.map(|leg| (leg, pair.pair.place(leg))));
    for (which, leg) in legs {
        let (spot, perp) = match leg.market {
            Market::Spot => (value, Amount::ZERO),
            Market::Perp => (Amount::ZERO, backing.margin(which, value)),
        };
        let account = (leg.venue, leg.quote);
        match needs.iter_mut().find(|known| known.account == account) {
            Some(known) => (known.spot, known.perp) = (known.spot + spot, known.perp + perp),
            None => needs.push(Need { account, spot, perp }),
        }
    }
    needs
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
            let (free_size, room) = by_hand_room(settings, room);
            let coins = sizing::coins_of(notional, spot_mid).floor_to(common);
            if coins > sizing::coins(&free_size, &room, spot_mid) {
                return Err("it is more than the shares of size, risk.max_pair and the free money allow");
            }
            coins
        }
    };
    // Both legs' minimums, for the entry and for the later exit, before the first order; and not a leftover of the money:
    // less than a tenth of what a pair may have is not worth its costs and its attention.
    let most = room.slot.unwrap_or(room.capital.times_rate(settings.per_pair));
    let usual = room.backing.notional(most).min(room.gate_cap);
    let leftover = by_hand.is_none() && settings.quantity.is_none() && spot_mid.times(coins) < usual.share(1, 10);
    if leftover || coins < input.lot().max(input.long_grid.min_add).max(input.short_grid.min_add) {
        return Err("it is less than both legs of the pair take as an order");
    }
    Ok(coins)
}

/// A person names the size: neither a fixed quantity of the settings nor the quadrant's part of it counts.
fn by_hand_room(settings: &Size, room: &Room) -> (Size, Room) {
    (Size { quantity: None, ..settings.clone() }, Room { scale: Rate::from_units(Rate::ONE), ..*room })
}

/// The sizes at which a person may open a pair now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    /// The smallest value of each leg that both legs take as an order, in the quote coin.
    pub least: Amount,
    /// The largest value of each leg, in the quote coin, in whole steps of both legs; zero where nothing is left.
    pub most: Amount,
    /// The limit that it comes from: the key of its setting, or what else it is.
    pub key: &'static str,
    /// What stands there, with its unit; empty where it is no setting.
    pub value: String,
}

/// What an opening by hand may have, and which limit says so; `None` without a price of both legs.
#[must_use]
pub fn allowed(state: &State, id: PairId) -> Option<Allowed> {
    let place = id.index();
    let pair = state.pairs.get(place)?;
    let (mid, input) = (pair.market.long.mid?, state.plan_input(pair)?);
    let settings = state.settings_of(pair);
    let (size, room) = by_hand_room(&settings.size, &room(state, place)?);
    let bound = sizing::bound(&size, &room, mid);
    let common = input.long_grid.step.max(input.short_grid.step);
    let most = mid.times(sizing::coins_of(bound.notional, mid).floor_to(common));
    let smallest = input.lot().max(input.long_grid.min_add).max(input.short_grid.min_add);
    let risk = &state.strategy_of(pair).risk;
    let money = |amount: Amount| format!("{} {}", grouped(amount, 2), state.settings.run.currency);
    let (key, value) = match bound.key {
        "size.per_pair" => (bound.key, percent(size.per_pair)),
        "size.per_coin" => (bound.key, percent(size.per_coin)),
        "size.per_quote" => (bound.key, percent(size.per_quote)),
        "size.per_venue" => {
            let venue = state.catalogue.venue(pair.pair.venue(Leg::Short));
            let own = venue.and_then(|venue| state.settings.terms_of(venue)?.capital);
            own.map_or((bound.key, percent(size.per_venue)), |share| ("venues.NAME.capital", percent(share)))
        }
        "size.share" => (bound.key, percent(size.share)),
        "strategy.capital" => (bound.key, money(state.capital_of(pair))),
        "size.oi_share" => (bound.key, percent(size.oi_share)),
        "ladder.slots" => (bound.key, state.settings.ladder.slots.to_string()),
        "risk.max_pair" if risk.max_total < risk.max_pair => ("risk.max_total", money(risk.max_total)),
        "risk.max_pair" => (bound.key, money(risk.max_pair)),
        other => (other, String::new()),
    };
    Some(Allowed { least: mid.times(smallest), most, key, value })
}

/// A share in percent, to a hundredth, rounded down.
fn percent(share: Rate) -> String {
    let hundredths = share.units() / (Rate::ONE / 10_000);
    match (hundredths / 100, hundredths % 100) {
        (whole, 0) => format!("{whole} %"),
        (whole, part) => format!("{whole}.{part:02} %"),
    }
}

/// What keeps a flat pair out although every gate of the strategy is open; `None` when it would be entered.
#[must_use]
pub fn obstacle(state: &State, id: PairId) -> Option<&'static str> {
    let place = id.index();
    let pair = state.pairs.get(place)?;
    if let Some(why) = barred(state, pair) {
        return Some(why);
    }
    let (mid, room, input) = (pair.market.long.mid?, room(state, place)?, state.plan_input(pair)?);
    match size(&state.settings_of(pair).size, (&room, &input), mid, None) {
        Ok(_) => None,
        Err(_) => Some("no money is free for it, or its size would be less than an order"),
    }
}

/// What margins the perps; with a clip's margin goes what its collar and costs may add.
pub(super) fn backing(state: &State, place: usize) -> Backing {
    let Some(pair) = state.pairs.get(place).map(|pair| &pair.pair) else {
        return Backing::Quote { leverage: state.settings.size.leverage };
    };
    let leverage = state.leverage_at(pair.venue(Leg::Short));
    if pair.is_spread() {
        return Backing::Perps { long: state.leverage_at(pair.venue(Leg::Long)), short: leverage };
    }
    if let Some(capital) = ladder::capital_set(state, place) {
        return Backing::Set { leverage, capital };
    }
    let clip = own(state, place).execution.clip;
    match state.collateral_at(pair.venue(Leg::Short)) {
        Collateral::Quote => Backing::Quote { leverage },
        Collateral::Coin => Backing::Coin { leverage, clip: clip + clip.times_rate(reserve(state, place)) },
        // In one account the coins margin their short as soon as they are bought.
        Collateral::Unified => Backing::Coin { leverage, clip: Amount::ZERO },
    }
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

/// Capital of a pair of this value that is at work at a venue.
fn used_at(pair: &Pair, venue: VenueId, (value, backing): (Amount, Backing)) -> Amount {
    let here = Leg::BOTH.map(|leg| pair.venue(leg) == venue);
    match (here, pair.market(Leg::Long)) {
        ([true, true], _) => backing.capital(value),
        ([true, false], Market::Spot) => value,
        ([true, false], Market::Perp) => backing.margin(Leg::Long, value),
        ([false, true], _) => backing.margin(Leg::Short, value),
        ([false, false], _) => Amount::ZERO,
    }
}

/// Money and limits for a new position of this pair.
#[expect(clippy::float_arithmetic, reason = "a share for sizing; the coins are rounded down to the step afterwards")]
fn room(state: &State, place: usize) -> Option<Room> {
    let pair = state.pairs.get(place)?;
    let quote = pair.pair.quote(Leg::Short);
    let backing = backing(state, place);
    let wanted = |other: &PairState| {
        let coins = state.held(other).1.magnitude().max(other.memory.target);
        other.market.short.mid.map_or(Amount::ZERO, |mid| mid.times(coins))
    };
    // Where venues differ each pair needs what its own venues ask for.
    let differ = !state.settings.venues.is_empty();
    let backing_of = |other: &PairState| if differ { self::backing(state, other.pair.id.index()) } else { backing };
    let ours = |other: &&PairState| other.strategy == pair.strategy;
    let used = |same: &dyn Fn(&Pair) -> bool| -> Amount {
        let others = state.pairs.iter().filter(ours).filter(|other| same(&other.pair));
        others.map(|other| backing_of(other).capital(wanted(other))).sum()
    };
    let (capital, size) = (state.capital_of(pair), &state.strategy_of(pair).size);
    let venue = |leg: Leg| {
        let account = pair.pair.account(leg);
        let funds = state.funds(account.0, account.1);
        let at = |other: &PairState| used_at(&other.pair, account.0, (wanted(other), backing_of(other)));
        let all: Amount = state.pairs.iter().map(at).sum();
        let own: Amount = state.pairs.iter().filter(ours).map(at).sum();
        // The venue's own part is one for all strategies; of its part of the capital each counts what is its own.
        let most = state.part_at(account.0).unwrap_or_else(|| all - own + capital.times_rate(size.per_venue));
        let free = without(funds.spot + funds.free_quote(), reserve(state, place));
        VenueRoom { usable: funds.equity().times_rate(state.largest_share()), most, used: all, free }
    };
    let share = |leg: Leg| match pair.pair.market(leg) {
        Market::Spot => Rate::from_units(Rate::ONE),
        Market::Perp => {
            let leverage = state.leverage_at(pair.pair.venue(leg)).to_f64();
            Rate::from_f64(1.0 / leverage.max(0.01)).unwrap_or_default()
        }
    };
    let venues = if pair.pair.is_at_one_account() {
        Venues::One(venue(Leg::Short))
    } else {
        Venues::Two(Leg::BOTH.map(|leg| (venue(leg), share(leg))))
    };
    let scale = pair.market.short.open_interest_change().map_or(Rate::from_units(Rate::ONE), |change| {
        let view = state.view(pair, Quantity::ZERO);
        if state.settings_of(pair).gates.quadrant {
            basis::quadrant(&view, change).scale()
        } else {
            Rate::from_units(Rate::ONE)
        }
    });
    let risk = &state.strategy_of(pair).risk;
    Some(Room {
        capital,
        part_left: state.has_part().then(|| capital.times_rate(size.share) - used(&|_| true)),
        venues,
        coin_used: used(&|other| other.coin == pair.pair.coin),
        quote_used: used(&|other| other.quote(Leg::Short) == quote),
        open_interest: pair.market.short.open_interest(),
        // The gate counts what is bought before its fee in coins, at the mid of that moment.
        gate_cap: without(risk.max_pair.min(risk.max_total), reserve(state, place)),
        scale,
        backing,
        slot: ladder::slot(state),
    })
}

/// The part of `money` that is left when `share` is set aside: `money / (1 + share)`, to within its square.
fn without(money: Amount, share: Rate) -> Amount {
    money - money.times_rate(share)
}
