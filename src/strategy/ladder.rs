//! The ladder: one capital over many pairs, with cash as one of the assets. A move is made when it is expected to earn more
//! than it costs.
//!
//! Each pair has what it is expected to pay a year on its own capital (`y = 1095 M / K`: the mean funding of the coming month
//! per 8 h, 1095 times a year, over the capital that a notional needs), and what one side of a trade must be worth a year
//! (`q`: its costs on that capital, spread over `ladder.horizon`). A pair is **entered** above cash + 2 q, **left** below
//! cash - q, and **switched** for another one that pays more by both their q. Equal slots, each coin held once, best first.
//!
//! The formulas were measured on recorded funding (`strategies/README.md`, "The ladder"). Pure: views in, moves out. Tests:
//! here, `tests/suite/ladder.rs`.

use super::gate;
use super::month::Month;
use super::view::View;
use crate::config::Settings;
use crate::domain::Asset;

/// Payments of 8 h in a year of 365 days.
const PER_YEAR: f64 = 1095.0;

/// One pair as the ladder sees it. All figures are fractions a year on the pair's own capital.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rung {
    /// The coin: it is held once.
    pub coin: Asset,
    /// Whether the pair is held.
    pub held: bool,
    /// What it is expected to pay; `None` before a month of funding is known.
    pub apr: Option<f64>,
    /// What one side, in or out, must be worth.
    pub side: f64,
    /// Whether all gates of an entry but the forecast are open.
    pub open: bool,
    /// Which money it is opened with: a place in the list of what is free.
    pub account: usize,
    /// The capital that it holds of that money.
    pub capital: f64,
    /// The least capital that an entry takes.
    pub needs: f64,
}

/// One change of what is held. Numbers are places in the list of rungs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// Into cash.
    Leave(usize),
    /// Out of cash.
    Enter(usize),
    /// From one pair into another one: an exit, and then an entry.
    Switch {
        /// The pair that is left.
        from: usize,
        /// The pair that is entered.
        to: usize,
    },
}

/// What the rule compares with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Terms {
    /// Slots of the capital.
    pub slots: usize,
    /// What cash earns, with the hurdle, a year.
    pub cash: f64,
    /// Sides by which a pair that is held may pay less than cash: 1 is half of a round trip.
    pub leave: f64,
}

#[expect(clippy::float_arithmetic, reason = "signals are floats")]
impl Terms {
    /// As set.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        let ladder = &settings.ladder;
        Self {
            slots: usize::try_from(ladder.slots).unwrap_or(usize::MAX),
            cash: settings.run.cash_apr.to_f64() + ladder.hurdle.to_f64(),
            leave: 2.0 * ladder.leave.to_f64(),
        }
    }

    /// A pair is entered above this.
    #[must_use]
    pub fn enter_above(&self, side: f64) -> f64 {
        self.cash + 2.0 * side
    }

    /// A pair that is held is left below this.
    #[must_use]
    pub fn leave_below(&self, side: f64) -> f64 {
        self.cash - self.leave * side
    }
}

/// What a pair is expected to pay a year on its own capital; `None` before a month of funding is known.
///
/// Worked: 0.0111 % expected per 8 h is 12.15 % a year on the notional, and 6.08 % on capital of twice the notional.
#[must_use]
#[expect(clippy::float_arithmetic, reason = "signals are floats")]
pub fn apr(view: &View<'_>) -> Option<f64> {
    let month = Month::of(&view.market.short.funding)?;
    Some(PER_YEAR * month.per_8h() / view.capital_per_notional())
}

/// What one side must be worth a year on the pair's own capital: its costs, and at least `ladder.least_side`, spread over the
/// horizon.
///
/// Worked: 0.17 % over 30 days on capital of twice the notional is 1.03 % a year.
#[must_use]
#[expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "signals are floats")]
pub fn side(view: &View<'_>) -> f64 {
    let ladder = &view.settings.ladder;
    let days = ladder.horizon.0 as f64 / 8.64e7;
    view.costs.one_way().max(ladder.least_side.to_f64()) / view.capital_per_notional() * 365.0 / days
}

/// A pair as the ladder sees it; the caller adds its money.
#[must_use]
pub fn rung(view: &View<'_>, coin: Asset, held: bool) -> Rung {
    let (apr, side, open) = (apr(view), side(view), gate::rest_open(view));
    Rung { coin, held, apr, side, open, account: 0, capital: 0.0, needs: 0.0 }
}

/// The moves that lead from what is held to what should be, in the order in which they are made. `free` is the money of each
/// account that no pair holds, and `slot` the most capital of one pair: nothing is left for a pair that could not be entered.
#[must_use]
#[expect(clippy::float_arithmetic, reason = "signals are floats")]
pub fn moves(rungs: &[Rung], terms: &Terms, (free, slot): (&[f64], f64)) -> Vec<Move> {
    let mut moves = Vec::new();
    let mut free = free.to_vec();
    let mut held: Vec<usize> = Vec::new();
    for (place, rung) in rungs.iter().enumerate().filter(|(_, rung)| rung.held) {
        // What is not known is no reason to leave.
        if rung.apr.is_some_and(|apr| apr < terms.leave_below(rung.side)) {
            moves.push(Move::Leave(place));
            give(&mut free, rung.account, rung.capital);
        } else {
            held.push(place);
        }
    }
    let left = |place: usize| moves.contains(&Move::Leave(place));
    let mut best: Vec<(f64, usize)> = rungs
        .iter()
        .enumerate()
        .filter(|(place, rung)| rung.open && !rung.held && !left(*place))
        .filter_map(|(place, rung)| Some((rung.apr?, place)))
        .collect();
    best.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
    for (apr, place) in best {
        let Some(rung) = rungs.get(place) else { continue };
        if apr <= terms.enter_above(rung.side) {
            continue;
        }
        let there = free.get(rung.account).copied().unwrap_or(0.0);
        let has = |from: usize| rungs.get(from).map_or((0, 0.0), |rung| (rung.account, rung.capital));
        match rival(rungs, &held, (rung.coin, terms.slots)) {
            Rival::Cash if there >= rung.needs => moves.push(Move::Enter(place)),
            Rival::Pair(from, paid, side) if apr - paid > rung.side + side => {
                let (account, capital) = has(from);
                let freed = if account == rung.account { capital } else { 0.0 };
                if there + freed < rung.needs {
                    continue;
                }
                held.retain(|one| *one != from);
                give(&mut free, account, capital);
                moves.push(Move::Switch { from, to: place });
            }
            Rival::Cash | Rival::Pair(..) | Rival::Unknown => continue,
        }
        let taken = free.get(rung.account).map_or(0.0, |there| there.min(slot));
        give(&mut free, rung.account, -taken);
        held.push(place);
    }
    moves
}

#[expect(clippy::float_arithmetic, reason = "signals are floats")]
fn give(free: &mut [f64], account: usize, capital: f64) {
    if let Some(there) = free.get_mut(account) {
        *there += capital;
    }
}

/// What a pair has to reach, beside what is held now. Fractions a year on own capital.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing {
    /// It is entered above this; `None` while it is held, or when its rival pays nobody knows what.
    pub must_reach: Option<f64>,
    /// The pair that it would be entered instead of.
    pub instead_of: Option<usize>,
    /// By how much more it must pay than that pair.
    pub must_gain: Option<f64>,
    /// By how much more it pays.
    pub gains: Option<f64>,
}

/// What a pair has to reach; `None` when there is no such pair.
#[must_use]
#[expect(clippy::float_arithmetic, reason = "signals are floats")]
pub fn standing(rungs: &[Rung], place: usize, terms: &Terms) -> Option<Standing> {
    let rung = rungs.get(place)?;
    let none = Standing { must_reach: None, instead_of: None, must_gain: None, gains: None };
    if rung.held {
        return Some(none);
    }
    let stays = |rung: &Rung| rung.held && rung.apr.is_none_or(|apr| apr >= terms.leave_below(rung.side));
    let held: Vec<usize> = rungs.iter().enumerate().filter(|(_, rung)| stays(rung)).map(|(place, _)| place).collect();
    let from_cash = terms.enter_above(rung.side);
    Some(match rival(rungs, &held, (rung.coin, terms.slots)) {
        Rival::Cash => Standing { must_reach: Some(from_cash), ..none },
        Rival::Pair(from, paid, side) => Standing {
            must_reach: Some(from_cash.max(paid + rung.side + side)),
            instead_of: Some(from),
            must_gain: Some(rung.side + side),
            gains: rung.apr.map(|apr| apr - paid),
        },
        Rival::Unknown => none,
    })
}

/// What a candidate competes with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rival {
    /// A slot stands in cash.
    Cash,
    /// The pair of its coin that is held, or else the one that pays least: its place, what it pays, what one side of it must
    /// be worth.
    Pair(usize, f64, f64),
    /// Its slot is held by a pair of which the payment is not known.
    Unknown,
}

/// What a candidate of a coin competes with, among what is held: that coin's slot alone when the coin is held, else an empty
/// slot, else the slot that pays least.
#[must_use]
pub fn rival(rungs: &[Rung], held: &[usize], (coin, slots): (Asset, usize)) -> Rival {
    let rows = || held.iter().filter_map(|place| rungs.get(*place).map(|rung| (*place, rung)));
    let pair = |(place, rung): (usize, &Rung)| match rung.apr {
        Some(apr) => Rival::Pair(place, apr, rung.side),
        None => Rival::Unknown,
    };
    if let Some(same) = rows().find(|(_, rung)| rung.coin == coin) {
        return pair(same);
    }
    if held.len() < slots {
        return Rival::Cash;
    }
    let known = rows().filter_map(|(place, rung)| rung.apr.map(|apr| (place, apr, rung.side)));
    match known.min_by(|one, other| one.1.total_cmp(&other.1)) {
        Some((place, apr, side)) => Rival::Pair(place, apr, side),
        None => Rival::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cash at 4 %, three slots, half of a round trip.
    const TERMS: Terms = Terms { slots: 3, cash: 0.04, leave: 1.0 };

    fn rung(coin: &'static str, apr: f64, held: bool) -> Rung {
        Rung {
            coin: Asset::of(coin),
            held,
            apr: Some(apr),
            side: 0.01,
            open: true,
            account: 0,
            capital: 30.0,
            needs: 3.0,
        }
    }

    /// With money for every slot.
    fn moves(rungs: &[Rung], terms: &Terms) -> Vec<Move> {
        super::moves(rungs, terms, (&[90.0], 30.0))
    }

    #[test]
    fn nothing_is_left_for_a_pair_that_could_not_be_entered() {
        let elsewhere = Rung { account: 1, ..rung("B", 0.30, false) };
        let one = Terms { slots: 1, ..TERMS };
        let held = rung("A", 0.07, true);
        let with = |free: &[f64], better: Rung| super::moves(&[held, better], &one, (free, 30.0));
        assert_eq!(with(&[0.0, 2.9], elsewhere), [], "its own account has too little");
        assert_eq!(with(&[0.0, 3.0], elsewhere), [Move::Switch { from: 0, to: 1 }]);
        assert_eq!(with(&[0.0, 0.0], rung("B", 0.30, false)), [Move::Switch { from: 0, to: 1 }], "the exit makes room");
        assert_eq!(with(&[0.0, 0.0], Rung { needs: 31.0, ..rung("B", 0.30, false) }), [], "less than an order");
        let three = [rung("A", 0.10, false), rung("B", 0.12, false), Rung { account: 1, ..rung("C", 0.08, false) }];
        let found = super::moves(&three, &TERMS, (&[32.0, 30.0], 30.0));
        assert_eq!(found, [Move::Enter(1), Move::Enter(2)], "the first takes the money of the second");
    }

    #[test]
    fn a_pair_is_entered_above_cash_and_a_round_trip_and_left_when_what_was_paid_is_gone() {
        let one = |apr: f64, held: bool| moves(&[rung("BTC", apr, held)], &TERMS);
        assert_eq!(one(0.0600, false), [], "not above cash + 2 q");
        assert_eq!(one(0.0601, false), [Move::Enter(0)]);
        assert_eq!(one(0.0300, true), [], "not below cash - q");
        assert_eq!(one(0.0299, true), [Move::Leave(0)]);
        let unknown = |held: bool| moves(&[Rung { apr: None, ..rung("BTC", 0.0, held) }], &TERMS);
        assert_eq!((unknown(false), unknown(true)), (vec![], vec![]), "what is not known moves nothing");
        let closed = Rung { open: false, ..rung("BTC", 0.2, false) };
        assert_eq!(moves(&[closed], &TERMS), [], "a gate is closed");
        let shut = Rung { open: false, ..rung("BTC", 0.0, true) };
        assert_eq!(moves(&[shut], &TERMS), [Move::Leave(0)], "a close is never blocked");
    }

    #[test]
    fn the_best_take_the_slots_and_each_coin_is_held_once() {
        let rungs = [
            rung("A", 0.10, false),
            rung("B", 0.12, false),
            rung("B", 0.13, false),
            rung("C", 0.11, false),
            rung("D", 0.09, false),
        ];
        assert_eq!(moves(&rungs, &TERMS), [Move::Enter(2), Move::Enter(3), Move::Enter(0)]);
    }

    #[test]
    fn a_switch_must_gain_both_sides_and_takes_the_slot_of_its_coin_or_the_worst() {
        let full = |better: Rung| {
            moves(&[rung("A", 0.08, true), rung("B", 0.07, true), rung("C", 0.12, true), better], &TERMS)
        };
        assert_eq!(full(rung("D", 0.0900, false)), [], "no more than both sides");
        assert_eq!(full(rung("D", 0.0901, false)), [Move::Switch { from: 1, to: 3 }]);
        assert_eq!(full(rung("A", 0.0950, false)), [], "a coin that is held competes with its own slot alone");
        assert_eq!(full(rung("A", 0.1001, false)), [Move::Switch { from: 0, to: 3 }]);
        let two = [rung("A", 0.08, true), rung("A", 0.0950, false), rung("B", 0.07, false)];
        assert_eq!(moves(&two, &TERMS), [Move::Enter(2)], "an empty slot is not for a coin that is held");
    }

    #[test]
    fn a_pair_says_what_it_must_reach_and_instead_of_what() {
        let rungs = [rung("A", 0.08, true), rung("B", 0.02, true), rung("A", 0.085, false), rung("C", 0.05, false)];
        let stands = |place: usize, slots: usize| standing(&rungs, place, &Terms { slots, ..TERMS }).unwrap();
        assert_eq!(stands(0, 3).must_reach, None, "held");
        let same = stands(2, 3);
        assert_eq!(same.instead_of, Some(0));
        assert!((same.must_reach.unwrap() - 0.10).abs() < 1e-12 && (same.gains.unwrap() - 0.005).abs() < 1e-12);
        assert!((same.must_gain.unwrap() - 0.02).abs() < 1e-12);
        let cash = stands(3, 3);
        assert_eq!(cash.instead_of, None);
        assert!((cash.must_reach.unwrap() - 0.06).abs() < 1e-12, "cash and a round trip");
        assert_eq!(stands(3, 1).instead_of, Some(0), "what is about to be left is no rival");
        assert_eq!(standing(&rungs, 9, &TERMS), None);
    }

    #[test]
    fn what_is_left_makes_room_first() {
        let rungs = [rung("A", 0.02, true), rung("B", 0.07, true), rung("C", 0.08, true), rung("D", 0.075, false)];
        assert_eq!(moves(&rungs, &TERMS), [Move::Leave(0), Move::Enter(3)]);
        let again = [rung("A", 0.07, true), rung("B", 0.30, false), rung("C", 0.20, false)];
        assert_eq!(
            moves(&again, &Terms { slots: 1, ..TERMS }),
            [Move::Switch { from: 0, to: 1 }],
            "one slot changes hands once"
        );
        let blind = [Rung { apr: None, ..rung("A", 0.0, true) }, rung("B", 0.30, false)];
        assert_eq!(moves(&blind, &Terms { slots: 1, ..TERMS }), [], "a slot whose payment is not known is kept");
    }
}
