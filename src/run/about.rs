//! What an alarm is about: its pair and venue by name, and the money that is at risk at the moment in which it is raised.
//!
//! Pure: reads the state, changes nothing. What has no price is left out, never counted as nothing. Tests: at the end.

use crate::domain::{Amount, Asset, Leg, SignedQuantity, VenueId};
use crate::engine::{PairState, State};
use crate::observe::words::About;
use crate::port::command::{Alarm, AlarmKind};

/// The names and the money of an alarm.
#[must_use]
pub fn about(state: &State, alarm: &Alarm) -> About {
    let pair = alarm.pair.and_then(|id| state.pair(id));
    let venue = alarm.venue.or_else(|| venue_of(state, alarm.kind)).filter(|_| pair.is_none());
    let venues: Vec<VenueId> = pair.map_or_else(|| venue.into_iter().collect(), |pair| pair.pair.venues().collect());
    let name = |id: &VenueId| state.catalogue.venues().get(id.index()).map(ToString::to_string);
    let names: Vec<String> = venues.iter().filter_map(name).collect();
    let risk = pair.map_or_else(|| held(state, venue), |pair| at_risk(state, pair));
    About {
        pair: pair.map(|pair| pair.pair.name.clone()),
        venue: (!names.is_empty()).then(|| names.join(" and ")),
        order: alarm.order.map(|id| id.to_string()),
        sum: risk.as_ref().map(|(_, sum)| *sum),
        at_risk: risk.map(|(text, _)| text),
    }
}

/// The one venue that an alarm can be about which names neither pair nor venue.
fn venue_of(state: &State, kind: AlarmKind) -> Option<VenueId> {
    let said = |venue: &crate::engine::state::VenueState| match kind {
        AlarmKind::VenueDown => venue.down,
        AlarmKind::PartMissing | AlarmKind::EventTime => !venue.missing.is_empty(),
        AlarmKind::VenueRefuses => venue.barred,
        AlarmKind::Foreign | AlarmKind::OtherInstance => venue.foreign,
        AlarmKind::RateLimited | AlarmKind::AddressBanned => venue.limited == Some(state.now),
        AlarmKind::Difference => venue.differs,
        AlarmKind::MarginLow | AlarmKind::MarginFloor => !venue.margin_low.is_empty(),
        AlarmKind::CollateralUnknown => venue.rates_missed,
        _ => false,
    };
    let ids = (0..=u8::MAX).map(VenueId).zip(&state.venues);
    let mut of: Vec<VenueId> = ids.filter(|(_, venue)| said(venue)).map(|(id, _)| id).collect();
    if of.is_empty() && state.venues.len() == 1 {
        of.push(VenueId(0));
    }
    match of.as_slice() {
        [one] => Some(*one),
        _ => None,
    }
}

/// What a pair has unequal, or else its short: in words, and as a sum.
fn at_risk(state: &State, pair: &PairState) -> Option<(String, Amount)> {
    let (spot, perp) = state.held(pair);
    let mid = pair.market.short.mid.or(pair.market.long.mid)?;
    let quote = pair.pair.quote(Leg::Short);
    let value = |coins: SignedQuantity| cents(mid.times(coins.magnitude()));
    let (naked, short) = (value(spot + perp), value(perp));
    match (naked.is_zero(), short.is_zero()) {
        (true, true) => None,
        (true, false) => Some((format!("short of {short} {quote}, legs equal"), short)),
        (false, true) => Some((format!("{naked} {quote} unequal"), naked)),
        (false, false) => Some((format!("{naked} {quote} unequal, short of {short} {quote}"), naked)),
    }
}

/// Shorts of a venue, or of all: in words, and as a sum.
fn held(state: &State, venue: Option<VenueId>) -> Option<(String, Amount)> {
    let mut sums: Vec<(Asset, Amount)> = Vec::new();
    for pair in state.pairs.iter().filter(|pair| venue.is_none_or(|id| id == pair.pair.venue(Leg::Short))) {
        let (_, perp) = state.held(pair);
        let Some(mid) = pair.market.short.mid.filter(|_| !perp.is_zero()) else { continue };
        let value = mid.times(perp.magnitude());
        match sums.iter_mut().find(|(quote, _)| *quote == pair.pair.quote(Leg::Short)) {
            Some((_, sum)) => *sum += value,
            None => sums.push((pair.pair.quote(Leg::Short), value)),
        }
    }
    // Two dollars of different coins are near enough to one sum to see that it grew.
    let all = sums.iter().fold(Amount::ZERO, |all, (_, sum)| all + *sum);
    let words: Vec<String> = sums.iter().map(|(quote, sum)| format!("{} {quote}", cents(*sum))).collect();
    (!words.is_empty()).then(|| (format!("{} of shorts held", words.join(" and ")), all))
}

/// Money to two decimals, towards zero.
fn cents(amount: Amount) -> Amount {
    let cent = Amount::whole(1).units() / 100;
    Amount::from_units(amount.units() / cent * cent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::domain::{Leg, PairId, Price, WallTime};
    use crate::port::command::Severity;
    use crate::port::event::Adoption;
    use crate::port::{Event, Stamped};
    use crate::sim::Generator;
    use crate::sim::START;

    #[test]
    fn u13_an_alarm_names_venue_pair_and_money_at_risk() {
        let mut state = State::new(Settings::default(), Generator::new(1, START).catalogue().clone());
        let alarm = |kind, pair| Alarm { kind, severity: Severity::Page, pair, venue: None, order: None };
        let bare = about(&state, &alarm(AlarmKind::PairNaked, Some(PairId(0))));
        assert_eq!(bare.at_risk, None, "nothing is known of its price");
        assert!(bare.pair.is_some_and(|name| name.contains(':')) && bare.venue.is_some());
        let price = |text: &str| Price::parse(text).unwrap();
        for (leg, text) in [(Leg::Long, "50000"), (Leg::Short, "50010")] {
            state.pairs[0].market.leg_mut(leg).mid = Some(price(text));
        }
        state.pairs[0].market.marks = Some((price("50000"), price("50010")));
        let coins = |text: &str| crate::domain::Quantity::parse(text).unwrap();
        let (coins, short, entry) = (coins("0.4"), coins("0.5"), price("50000"));
        let adoption = Adoption { pair: PairId(0), coins, short, entry, mids: (price("50000"), price("50010")) };
        let event = Event::Operator(crate::port::event::Operator::Adopt(adoption));
        let stamped = Stamped { sequence: crate::domain::Sequence(1), at: WallTime(START.0), event };
        crate::engine::step(&mut state, &stamped, &mut Vec::new());
        let naked = about(&state, &alarm(AlarmKind::PairNaked, Some(PairId(0))));
        assert_eq!(naked.at_risk.as_deref(), Some("5001 USDT unequal, short of 25005 USDT"));
        let all = about(&state, &alarm(AlarmKind::LossLimit, None));
        assert_eq!(all.at_risk.as_deref(), Some("25005 USDT of shorts held"));
    }
}
