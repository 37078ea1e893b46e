//! From what is wanted and what is held to the next order of a pair: which leg, which side, how much. Pure.
//!
//! **Invariant**: an order never raises naked value by more than one clip; a hedge or undo never makes the legs more
//! unequal; nothing is planned that rounds to less than the venue accepts (fault A20).

use crate::domain::{Leg, Quantity, Rate, Side, SignedQuantity};
use crate::planted::{self, Bug};
use crate::port::order::Purpose;

/// What a leg accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LegGrid {
    /// Quantity grid.
    pub step: Quantity,
    /// Least coins of an order that adds.
    pub min_add: Quantity,
    /// Least coins of an order that reduces (venues waive the minimum value for perp reduces).
    pub min_reduce: Quantity,
}

/// Everything the planner looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing that is known")]
pub struct PlanInput {
    /// Hedged coins wanted.
    pub target: Quantity,
    /// Signed coins of the long leg.
    pub long_coins: SignedQuantity,
    /// Signed coins of the short leg: below zero while it is short.
    pub short_coins: SignedQuantity,
    /// Grid of the long leg.
    pub long_grid: LegGrid,
    /// Grid of the short leg.
    pub short_grid: LegGrid,
    /// Largest clip in coins.
    pub clip: Quantity,
    /// Which leg goes first.
    pub first: Leg,
    /// Fee that a spot buy pays in coins; zero when it is paid in the quote coin.
    pub coin_fee: Rate,
    /// Fee that a spot sale pays in the same coins, beside those sold (a BNB pair that pays its fees in BNB); else zero.
    pub sell_fee: Rate,
    /// Take the larger leg back instead of completing the smaller one.
    pub undo: bool,
    /// The inequality was made by the venue.
    pub venue_made: bool,
    /// The pair is on its way to a smaller size: an unequal leg is finished, not filled up again.
    pub closing: bool,
    /// Nothing may be added, not even to become equal: a foreign hand made it unequal.
    pub reduces_only: bool,
    /// Signed coins by which strangers' trades made it unequal, which a person decides about.
    pub strangers: SignedQuantity,
    /// Coins of the long leg that are not at the venue any more; a person decides about them.
    pub missing: Quantity,
}

/// The next order of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Child {
    /// Leg.
    pub leg: Leg,
    /// Side.
    pub side: Side,
    /// Coins.
    pub quantity: Quantity,
    /// Why.
    pub purpose: Purpose,
    /// It only reduces what is held.
    pub reduces: bool,
}

impl PlanInput {
    /// The larger of the two legs' smallest tradable amounts: unequal by less is at rest.
    #[must_use]
    pub fn lot(&self) -> Quantity {
        let long = self.long_grid.step.max(self.long_grid.min_add);
        let short = self.short_grid.step.max(self.short_grid.min_reduce);
        long.max(short)
    }

    /// Coins that are short.
    #[must_use]
    pub fn short(&self) -> Quantity {
        Quantity::saturating(-self.short_coins.units())
    }

    /// Coins that are long.
    #[must_use]
    pub const fn long(&self) -> Quantity {
        Quantity::saturating(self.long_coins.units())
    }

    /// Coins that are hedged.
    #[must_use]
    pub fn hedged(&self) -> Quantity {
        self.long().min(self.short())
    }

    /// Signed coins of both legs together.
    #[must_use]
    pub fn delta(&self) -> SignedQuantity {
        self.long_coins + self.short_coins
    }

    /// Signed coins that are ours to make equal: without what a person decides about. Coins that are not at the venue are not
    /// too many: what a lost life of this run sold is not sold again.
    #[must_use]
    pub fn ours(&self) -> SignedQuantity {
        let booked = self.delta() - self.strangers;
        if booked.units() <= 0 {
            return booked;
        }
        Quantity::saturating(booked.units()).minus(self.missing).signed(Side::Buy)
    }

    /// Whether the legs are unequal by something that a person decides about.
    #[must_use]
    pub fn waits_for_a_person(&self) -> bool {
        self.ours() != self.delta() && self.delta().magnitude() >= self.lot()
    }

    /// How far from its target a pair may be without an order: for the last clip, for what is completed, and for what is
    /// trimmed. One for all three, else one undoes what the other did. A hundredth of the target is not worth another clip.
    fn tolerance(&self) -> Quantity {
        if planted::is(Bug::TrimExact) {
            return self.lot();
        }
        Quantity::saturating(self.target.units() / 100).max(self.lot())
    }

    /// Coins of a leg that can be taken away: of spot so many that their fee can be paid too, when it is taken from them.
    fn removable(&self, leg: Leg) -> Quantity {
        let held = match leg {
            Leg::Long => self.long(),
            Leg::Short => return self.short(),
        };
        let fee = i128::from(self.sell_fee.units().max(0));
        let one = i128::from(Rate::ONE);
        let units = i128::from(held.units()) * one / (one + fee);
        Quantity::saturating(i64::try_from(units).unwrap_or(i64::MAX))
    }

    const fn grid(&self, leg: Leg) -> LegGrid {
        match leg {
            Leg::Long => self.long_grid,
            Leg::Short => self.short_grid,
        }
    }
}

/// The next order, or nothing to do.
#[must_use]
pub fn plan(input: &PlanInput) -> Option<Child> {
    if input.waits_for_a_person() && input.ours().magnitude() < input.lot() {
        return None;
    }
    if input.delta().magnitude() >= input.lot() {
        return equalise(input);
    }
    let hedged = input.hedged();
    let wanted = input.target.minus(hedged);
    if wanted >= input.tolerance() && !input.undo {
        return open(input, wanted);
    }
    let excess = hedged.minus(input.target);
    let leaves_nothing = input.target.is_zero() && !input.short().is_zero();
    // What was made smaller on purpose goes to the lot; more than was planned (a fee taken elsewhere) is left as it is.
    let trims = if input.closing { excess >= input.lot() } else { excess > input.tolerance() };
    if trims || leaves_nothing {
        return close(input, excess.max(if leaves_nothing { input.short() } else { Quantity::ZERO }));
    }
    None
}

/// Makes the legs equal: completes the smaller one while it is wanted, else takes back the larger one.
fn equalise(input: &PlanInput) -> Option<Child> {
    let delta = input.ours();
    let (larger, smaller) = if delta.units() > 0 { (Leg::Long, Leg::Short) } else { (Leg::Short, Leg::Long) };
    let larger_size = input.long().max(input.short());
    let wanted = input.target + input.tolerance() >= larger_size;
    let completing = if input.closing { input.undo } else { wanted != input.undo };
    let complete = child(input, smaller, delta.magnitude(), true);
    // A pair that is left buys its whole short back: spot too small to be sold hedges nothing, and what it seemed to hedge
    // would stay short after the last bar that can be traded. What a stranger sold beside it is not ours to buy back.
    let leaves = input.target.is_zero() && larger == Leg::Short && input.long() < input.lot();
    let sold_beside = Quantity::saturating(-input.strangers.units());
    let whole = input.short().minus(sold_beside);
    let reduce = child(input, larger, if leaves { whole } else { delta.magnitude() }, false);
    match (input.reduces_only, completing) {
        (true, _) => reduce,
        (false, true) => complete.or(reduce),
        (false, false) => reduce.or(complete),
    }
}

/// One order that adds to a leg (`adds`) or takes from it, for `coins` of difference.
fn child(input: &PlanInput, leg: Leg, coins: Quantity, adds: bool) -> Option<Child> {
    let side = match (leg, adds) {
        (Leg::Long, true) | (Leg::Short, false) => Side::Buy,
        (Leg::Long, false) | (Leg::Short, true) => Side::Sell,
    };
    let grid = input.grid(leg);
    let mut quantity = if leg == Leg::Long && adds { gross(coins, input.coin_fee, grid.step) } else { coins };
    let exact = quantity;
    quantity = quantity.floor_to(grid.step);
    if !adds && leg == Leg::Short && input.closing && quantity < exact {
        // The short goes to the last step when the pair is closed; the spot leg keeps what is less than one.
        quantity += grid.step;
    }
    if !adds {
        quantity = quantity.min(input.removable(leg).floor_to(grid.step));
    }
    let least = if adds { grid.min_add } else { grid.min_reduce };
    if quantity.is_zero() || quantity < least {
        return None;
    }
    let purpose = if input.venue_made {
        Purpose::Repair
    } else if input.undo {
        Purpose::Undo
    } else {
        Purpose::Hedge
    };
    Some(Child { leg, side, quantity, purpose, reduces: !adds })
}

fn open(input: &PlanInput, wanted: Quantity) -> Option<Child> {
    let grid = input.grid(input.first);
    let common = input.long_grid.step.max(input.short_grid.step);
    let coins = wanted.min(input.clip).floor_to(common);
    let other = input.grid(input.first.other());
    // Both legs must accept the clip, and later its close (solved before the first order).
    if coins < grid.min_add.max(other.min_add).max(common) {
        return None;
    }
    let (side, quantity) = match input.first {
        Leg::Long => (Side::Buy, gross(coins, input.coin_fee, grid.step)),
        Leg::Short => (Side::Sell, coins),
    };
    Some(Child { leg: input.first, side, quantity, purpose: Purpose::Enter, reduces: false })
}

fn close(input: &PlanInput, excess: Quantity) -> Option<Child> {
    let all = input.target.is_zero() && excess <= input.clip;
    let leg = input.first;
    let one = |leg: Leg| {
        let grid = input.grid(leg);
        let side = match leg {
            Leg::Long => Side::Sell,
            Leg::Short => Side::Buy,
        };
        let held = input.removable(leg);
        let wanted = if all { held } else { excess.min(input.clip).min(held) };
        let quantity = wanted.floor_to(grid.step);
        let tradable = !quantity.is_zero() && quantity >= grid.min_reduce;
        tradable.then_some(Child { leg, side, quantity, purpose: Purpose::Exit, reduces: true })
    };
    one(leg).or_else(|| one(leg.other()))
}

/// Coins to buy so that `net` arrive after a fee in coins, rounded up to the step. Worked: 1 at 0.1 % needs 1.00100100…
fn gross(net: Quantity, fee: Rate, step: Quantity) -> Quantity {
    if fee.units() <= 0 {
        return net;
    }
    let one = i128::from(Rate::ONE);
    let needed = (i128::from(net.units()) * one).div_euclid(one - i128::from(fee.units()));
    let step_units = i128::from(step.units().max(1));
    let rounded = (needed + step_units - 1).div_euclid(step_units) * step_units;
    Quantity::saturating(i64::try_from(rounded).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn coins(text: &str) -> Quantity {
        Quantity::parse(text).unwrap()
    }
    fn grid(step: &str) -> LegGrid {
        LegGrid { step: coins(step), min_add: coins(step), min_reduce: coins(step) }
    }
    fn input(target: &str, long: &str, short: &str) -> PlanInput {
        PlanInput {
            target: coins(target),
            long_coins: coins(long).signed(Side::Buy),
            short_coins: coins(short).signed(Side::Sell),
            long_grid: grid("0.001"),
            short_grid: grid("0.001"),
            clip: coins("0.4"),
            first: Leg::Long,
            coin_fee: Rate::parse("0.001").unwrap(),
            sell_fee: Rate::ZERO,
            undo: false,
            venue_made: false,
            closing: target == "0",
            reduces_only: false,
            strangers: SignedQuantity::ZERO,
            missing: Quantity::ZERO,
        }
    }
    fn check(input: &PlanInput, expected: Option<(Leg, Side, &str, Purpose)>) {
        let got = plan(input).map(|child| (child.leg, child.side, child.quantity.to_string(), child.purpose));
        assert_eq!(got, expected.map(|(leg, side, quantity, purpose)| (leg, side, quantity.to_owned(), purpose)));
    }

    #[test]
    fn g16_coins_that_are_not_at_the_venue_are_not_sold_again() {
        let check = |(long, short): (&str, &str), missing: &str, expected: Option<(Leg, Side, &str)>| {
            let got = plan(&PlanInput { missing: coins(missing), ..input("0", long, short) });
            let got = got.map(|child| (child.leg, child.side, child.quantity.to_string()));
            assert_eq!(got, expected.map(|(leg, side, text)| (leg, side, text.to_owned())), "{long} {short} {missing}");
        };
        let sells = |coins| Some((Leg::Long, Side::Sell, coins));
        check(("1", "0.5"), "0", sells("0.5"));
        check(("1", "0.5"), "0.2", sells("0.3"));
        check(("1", "0.5"), "0.5", None);
        check(("1", "0.5"), "0.7", None);
        check(("0.5", "1"), "0.2", Some((Leg::Short, Side::Buy, "0.5")));
    }

    #[test]
    fn g15_l13_a_short_that_is_left_is_bought_back_without_what_a_stranger_sold_beside_it() {
        let check = |(long, short): (&str, &str), strangers: (&str, Side), expected: Option<&str>| {
            let strangers = coins(strangers.0).signed(strangers.1);
            let got = plan(&PlanInput { strangers, ..input("0", long, short) });
            let got = got.map(|child| (child.leg, child.side, child.quantity.to_string()));
            assert_eq!(
                got,
                expected.map(|text| (Leg::Short, Side::Buy, text.to_owned())),
                "{long} {short} {strangers}"
            );
        };
        check(("0", "0.492"), ("0.246", Side::Sell), Some("0.246"));
        check(("0.0004", "0.492"), ("0.246", Side::Sell), Some("0.246"));
        check(("0", "0.246"), ("0.246", Side::Sell), None);
        // What a stranger bought back is gone; the rest is ours.
        check(("0", "0.146"), ("0.1", Side::Buy), Some("0.146"));
        check(("0", "0.492"), ("0", Side::Sell), Some("0.492"));
    }

    #[test]
    fn a_pair_opens_in_clips_and_hedges_what_was_received() {
        use {Leg::*, Purpose::*, Side::*};
        check(&input("1", "0", "0"), Some((Long, Buy, "0.401", Enter)));
        check(&input("1", "0.400599", "0"), Some((Short, Sell, "0.4", Hedge)));
        check(&input("1", "0.400599", "0.4"), Some((Long, Buy, "0.401", Enter)));
        check(&input("1", "1.0005", "1"), None);
    }

    #[test]
    fn a02_e11_the_hedge_is_the_net_quantity_of_a_partial_fill() {
        check(&input("1", "0.12288", "0"), Some((Leg::Short, Side::Sell, "0.122", Purpose::Hedge)));
    }

    #[test]
    fn a01_an_undo_takes_back_the_first_leg() {
        let undo = PlanInput { undo: true, ..input("0.4", "0.4", "0") };
        check(&undo, Some((Leg::Long, Side::Sell, "0.4", Purpose::Undo)));
    }

    #[test]
    fn a22_an_exit_that_stops_half_way_is_finished() {
        check(&input("0", "0.4", "0"), Some((Leg::Long, Side::Sell, "0.4", Purpose::Hedge)));
        check(&input("0", "0", "0.4"), Some((Leg::Short, Side::Buy, "0.4", Purpose::Hedge)));
    }

    #[test]
    fn f11_dust_in_spot_keeps_no_short_open() {
        check(&input("0", "0.0005", "0.4"), Some((Leg::Short, Side::Buy, "0.4", Purpose::Hedge)));
        check(&input("0.1", "0.1005", "0.4"), Some((Leg::Short, Side::Buy, "0.299", Purpose::Hedge)));
    }

    #[test]
    fn e12_spot_left_by_the_venue_is_sold() {
        let adl = PlanInput { venue_made: true, ..input("0.25", "1", "0.25") };
        check(&adl, Some((Leg::Long, Side::Sell, "0.75", Purpose::Repair)));
    }

    #[test]
    fn f01_a_small_clip_of_a_shrinking_pair_is_finished_and_not_bought_back() {
        let shrinking = PlanInput { closing: true, ..input("0.95", "0.995", "1") };
        check(&shrinking, Some((Leg::Short, Side::Buy, "0.005", Purpose::Hedge)));
    }

    #[test]
    fn the_short_is_bought_back_to_the_last_step_when_the_spot_leg_went_first() {
        check(&input("0", "0.0005", "0.725"), Some((Leg::Short, Side::Buy, "0.725", Purpose::Hedge)));
    }

    #[test]
    fn a20_f11_dust_makes_no_orders() {
        check(&input("0", "0.0009", "0"), None);
        check(&input("0.0005", "0", "0"), None);
        check(&input("1", "1.0009", "1"), None);
    }

    #[test]
    fn l12_more_coins_than_planned_are_hedged_and_neither_sold_nor_bought_back() {
        use {Leg::*, Purpose::*, Side::*};
        // A clip of a quarter whose fee was taken elsewhere: 0.251 arrived where 0.25 were planned.
        check(&input("0.25", "0.251", "0"), Some((Short, Sell, "0.251", Hedge)));
        check(&input("0.25", "0.251", "0.251"), None);
        // Whatever is completed is not trimmed, and what is trimmed is not completed: at every size.
        for spot in (2_400_i64..2_700).map(|ten_thousandths| ten_thousandths * 10_000) {
            let mut case = input("0.25", "0", "0");
            case.long_coins = SignedQuantity::from_units(spot);
            let mut orders = 0;
            while let Some(child) = plan(&case) {
                orders += 1;
                assert!(orders <= 3, "{spot}: {child:?}");
                let signed = child.quantity.signed(child.side);
                match child.leg {
                    Long => case.long_coins += signed,
                    Short => case.short_coins += signed,
                }
            }
        }
    }

    #[test]
    fn l12_a_sale_leaves_the_coins_of_its_own_fee() {
        use {Leg::*, Purpose::*, Side::*};
        let bnb = |target: &str, spot: &str, short: &str| PlanInput {
            sell_fee: Rate::parse("0.001").unwrap(),
            clip: coins("10"),
            ..input(target, spot, short)
        };
        check(&bnb("0", "4.0005", "4"), Some((Long, Sell, "3.996", Exit)));
        // More than a lot apart, the legs are made equal first; the next sale leaves its fee too, and the short is bought whole.
        check(&bnb("0", "4.0015", "4"), Some((Long, Sell, "0.001", Hedge)));
        check(&bnb("0", "4.000499", "4"), Some((Long, Sell, "3.996", Exit)));
        check(&bnb("0", "0.000503", "4"), Some((Short, Buy, "4", Hedge)));
        check(&bnb("0", "0.4", "0"), Some((Long, Sell, "0.399", Hedge)));
    }

    #[test]
    fn the_last_clip_closes_everything() {
        check(&input("0", "0.4005", "0.4"), Some((Leg::Long, Side::Sell, "0.4", Purpose::Exit)));
        check(
            &PlanInput { first: Leg::Short, ..input("0", "1", "1") },
            Some((Leg::Short, Side::Buy, "0.4", Purpose::Exit)),
        );
    }

    proptest! {
        #[test]
        fn i1_an_order_never_makes_more_than_one_clip_naked(
            target in 0_i64..500_000_000, spot in 0_i64..500_000_000, short in 0_i64..500, undo: bool, first: bool, clip in 1_i64..100,
        ) {
            let step = 100_000;
            let mut case = input("0", "0", "0");
            case.target = Quantity::from_units(target).unwrap();
            case.long_coins = SignedQuantity::from_units(spot);
            case.short_coins = SignedQuantity::from_units(-short * step);
            case.undo = undo;
            case.first = if first { Leg::Long } else { Leg::Short };
            case.clip = Quantity::from_units(clip * step * 10).unwrap();
            if let Some(child) = plan(&case) {
                let signed = child.quantity.signed(child.side);
                let fee = if child.leg == Leg::Long && child.side == Side::Buy { child.quantity.units() / 1000 } else { 0 };
                let before = case.delta().units();
                let after = before + signed.units() - fee;
                let lot = case.lot().units();
                let bound = before.abs().max(case.clip.units() + 2 * lot);
                prop_assert!(after.abs() <= bound, "{before} -> {after}, {child:?}");
                if matches!(child.purpose, Purpose::Hedge | Purpose::Undo | Purpose::Repair) {
                    prop_assert!(after.abs() <= before.abs().max(lot), "{before} -> {after}, {child:?}");
                }
                prop_assert!(!child.quantity.is_zero() && child.quantity.units() % step == 0);
            }
        }
    }
}
