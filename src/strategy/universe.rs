//! Which pairs are in the universe: venues, quote coins, age, volume, open interest, exclusions, and the most that trade most.
//!
//! A fact that is asked for and not known keeps a pair out: not knowing is no volume. Pure: facts of one instant in, a verdict
//! for each pair out. Who gathers the facts sees to it that none is later than the instant. Tests: here and in
//! `tests/commands/universe.rs`.

use crate::config::settings::Universe;
use crate::domain::universe::Outside;
use crate::domain::{Asset, Span, Venue};

/// A pair that may be in the universe, with what is known of it at one instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Its name.
    pub name: String,
    /// Venue of its short leg.
    pub venue: Venue,
    /// Its coin.
    pub coin: Asset,
    /// Quote coin of its short leg.
    pub quote: Asset,
    /// Time since its first settlement or bar; `None` when there was none yet.
    pub age: Option<Span>,
    /// Value that its perp trades in a day, in the quote coin.
    pub volume: Option<f64>,
    /// Value of its open interest, in the quote coin.
    pub open_interest: Option<f64>,
}

/// What keeps each pair out; `None` for one that is in.
#[must_use]
pub fn look(candidates: &[Candidate], rules: &Universe) -> Vec<Option<Outside>> {
    let mut verdicts: Vec<Option<Outside>> = candidates.iter().map(|one| alone(one, rules)).collect();
    let mut inside: Vec<usize> = (0..candidates.len()).filter(|place| verdicts.get(*place) == Some(&None)).collect();
    let volume = |place: &usize| candidates.get(*place).and_then(|one| one.volume).unwrap_or(0.0);
    let name = |place: &usize| candidates.get(*place).map(|one| one.name.as_str());
    inside.sort_by(|one, other| volume(other).total_cmp(&volume(one)).then_with(|| name(one).cmp(&name(other))));
    let most = usize::try_from(rules.most).unwrap_or(usize::MAX);
    for place in inside.into_iter().skip(most) {
        if let Some(verdict) = verdicts.get_mut(place) {
            *verdict = Some(Outside::Rank);
        }
    }
    verdicts
}

/// What keeps a pair out by itself.
fn alone(one: &Candidate, rules: &Universe) -> Option<Outside> {
    let named = |names: &[String], word: &str| names.iter().any(|name| name == word);
    let allows = |names: &[String], word: &str| names.is_empty() || named(names, word);
    if !allows(&rules.venues, one.venue.as_str()) {
        return Some(Outside::Venue);
    }
    if !allows(&rules.quotes, one.quote.as_str()) {
        return Some(Outside::Quote);
    }
    if named(&rules.without, one.coin.as_str()) || named(&rules.without, &one.name) {
        return Some(Outside::Excluded);
    }
    if one.age.is_none_or(|age| age < rules.min_age) {
        return Some(Outside::Young);
    }
    let least = |known: Option<f64>, least: crate::domain::Amount, unknown: Outside, below: Outside| match known {
        _ if least.is_zero() => None,
        None => Some(unknown),
        Some(known) => (known < least.to_f64()).then_some(below),
    };
    least(one.volume, rules.min_volume, Outside::VolumeUnknown, Outside::Volume).or_else(|| {
        let (unknown, below) = (Outside::OpenInterestUnknown, Outside::OpenInterest);
        least(one.open_interest, rules.min_open_interest, unknown, below)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::domain::Amount;

    fn candidate(name: &str, coin: &str, volume: Option<f64>) -> Candidate {
        let age = Some(Span(200 * Span::DAY.0));
        let (venue, quote) = (Venue::of("binance"), Asset::of("USDT"));
        Candidate {
            name: name.to_owned(),
            venue,
            coin: Asset::new(coin).unwrap(),
            quote,
            age,
            volume,
            open_interest: None,
        }
    }

    #[test]
    fn the_first_thing_that_keeps_a_pair_out_is_named_and_what_is_not_known_is_not_enough() {
        let rules = Universe { min_volume: Amount::whole(1_000_000), ..Settings::default().universe };
        let check = |change: &dyn Fn(&mut Candidate, &mut Universe), expected: Option<Outside>| {
            let (mut one, mut rules) = (candidate("binance:BTCUSDT", "BTC", Some(2e6)), rules.clone());
            change(&mut one, &mut rules);
            assert_eq!(look(&[one], &rules), [expected]);
        };
        check(&|_, _| {}, None);
        check(&|_, rules| rules.venues = vec!["bybit".to_owned()], Some(Outside::Venue));
        check(&|_, rules| rules.quotes = vec!["USDC".to_owned()], Some(Outside::Quote));
        check(&|_, rules| rules.without = vec!["BTC".to_owned()], Some(Outside::Excluded));
        check(&|_, rules| rules.without = vec!["binance:BTCUSDT".to_owned()], Some(Outside::Excluded));
        check(&|one, _| one.age = Some(Span::DAY), Some(Outside::Young));
        check(&|one, _| one.age = None, Some(Outside::Young));
        check(&|one, _| one.volume = Some(9e5), Some(Outside::Volume));
        check(&|one, _| one.volume = None, Some(Outside::VolumeUnknown));
        check(&|one, rules| (one.volume, rules.min_volume) = (None, Amount::ZERO), None);
        let asked = |rules: &mut Universe| rules.min_open_interest = Amount::whole(5_000_000);
        check(&|_, rules| asked(rules), Some(Outside::OpenInterestUnknown));
        check(&|one, rules| (asked(rules), one.open_interest = Some(4e6)).0, Some(Outside::OpenInterest));
        check(&|one, rules| (asked(rules), one.open_interest = Some(6e6)).0, None);
    }

    #[test]
    fn of_those_that_pass_the_ones_that_trade_most_are_in() {
        let rules = Universe { most: 2, min_volume: Amount::whole(1), ..Settings::default().universe };
        let of = |name: &str, volume| candidate(name, "X", Some(volume));
        let all = [of("a", 5.0), of("b", 9.0), of("c", 0.5), of("d", 5.0)];
        let (volume, rank) = (Some(Outside::Volume), Some(Outside::Rank));
        assert_eq!(look(&all, &rules), [None, None, volume, rank], "a tie goes by the name");
    }
}
