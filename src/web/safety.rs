//! What the answers to safe and sane rest on, each part with its own verdict: distance, free money, pegs, comparisons, clocks.
//!
//! **Invariant**: what is not known is `None`, never good. Limits are those of the settings and of the alarms. Tests: at the end.

use super::words::{self, NONE};
use crate::control::snapshot::Snapshot;
use crate::domain::{Amount, Asset, Span};
use crate::engine::trust::INPUT_AGE;
use std::collections::BTreeSet;

/// A comparison of ledger and venue that is older is none of now: as long without one, and a person is told (`not_compared`).
pub const COMPARED: Span = Span(5 * 60_000);

/// One part: its words, and whether it is good; `None` where that is not known.
pub struct Part {
    /// The figure.
    pub number: String,
    /// What it is.
    pub unit: &'static str,
    /// Evidence in words.
    pub text: String,
    /// Whether it is good.
    pub verdict: Option<bool>,
}

impl Part {
    fn said(text: String, verdict: Option<bool>) -> Self {
        Self { number: NONE.to_owned(), unit: "", text, verdict }
    }
}

/// The nearest liquidation against the floor.
#[must_use]
pub fn distances(now: &Snapshot) -> Part {
    if now.distances.is_empty() {
        let text = "no short is open: nothing can be liquidated".to_owned();
        return Part { number: "0".to_owned(), unit: "shorts", text, verdict: Some(true) };
    }
    let known = now.distances.iter().filter_map(|(venue, quote, distance)| Some((distance.as_ref()?, venue, quote)));
    let nearest = known.min_by_key(|(distance, ..)| distance.units());
    let floor = now.detail.as_ref().map(|detail| detail.floor);
    let all = now.distances.iter().all(|(.., distance)| distance.is_some());
    let enough = nearest.zip(floor).map(|((distance, ..), floor)| *distance >= floor);
    let verdict = if all || enough == Some(false) { enough } else { None };
    let floor = floor.map_or_else(String::new, |floor| format!(" · floor {}", words::percent(floor.to_f64(), 0)));
    let number = nearest.map_or_else(|| NONE.to_owned(), |(distance, ..)| words::percent(distance.to_f64(), 1));
    let text = nearest.map_or_else(
        || "no distance is known".to_owned(),
        |(_, venue, quote)| format!("nearest {venue} {quote}{floor}"),
    );
    Part { number, unit: "to liquidation", text, verdict }
}

/// Money that is free of margin: a wallet that margins a short and has none left cannot take a further step of the market.
#[must_use]
pub fn money(now: &Snapshot) -> Part {
    let Some(detail) = &now.detail else { return Part::said("free money not known".to_owned(), None) };
    let free: Amount = detail.wallets.iter().map(|wallet| wallet.free + wallet.spot).sum();
    let short =
        detail.wallets.iter().find(|wallet| !wallet.notional.is_zero() && wallet.free + wallet.spot < Amount::ZERO);
    let text = match short {
        Some(wallet) => {
            format!("no free {} at {}: {}", wallet.quote, wallet.venue, words::level(wallet.free + wallet.spot))
        }
        None => format!("free {} {}", words::level(free), now.currency),
    };
    Part::said(text, Some(short.is_none()))
}

/// The worst peg of the quote coins in which there is money or a short, with its age. A market of before or of a generator
/// that tells none has none.
#[must_use]
pub fn peg(now: &Snapshot, made: bool) -> Part {
    let unknown = |text: &str| Part::said(text.to_owned(), None);
    let Some(detail) = &now.detail else { return unknown("peg not known") };
    if made && detail.pegs.is_empty() {
        return Part::said("no peg in this market".to_owned(), Some(true));
    }
    let quotes: BTreeSet<Asset> = detail.wallets.iter().map(|wallet| wallet.quote).collect();
    let told = detail.pegs.iter().filter(|(asset, ..)| quotes.contains(asset));
    let off = |price: f64| (price - 1.0).abs();
    let worst = told.clone().max_by(|a, b| off(a.1.to_f64()).total_cmp(&off(b.1.to_f64())));
    let Some((asset, price, _)) = worst else {
        return if quotes.is_empty() {
            Part::said("no money in a quote coin".to_owned(), Some(true))
        } else {
            unknown("peg not known")
        };
    };
    let missing = quotes.iter().find(|quote| !told.clone().any(|(asset, ..)| asset == *quote));
    let ages: Vec<Option<i64>> = told.map(|(.., at)| at.map(|at| now.at_ms.since(at).0)).collect();
    let oldest = ages.iter().flatten().max();
    let age = oldest.map_or_else(|| "age not known".to_owned(), |age| format!("{} old", words::age(*age)));
    let shown = format!("{asset} {}\u{a0}bps, {age}", words::signed((price.to_f64() - 1.0) * 1e4, 1));
    let within = detail.peg_most.map(|most| off(price.to_f64()) <= most.to_f64());
    let old = ages.iter().any(|age| age.is_none_or(|age| age > INPUT_AGE.0));
    match (within, missing) {
        (Some(false), _) => Part::said(shown, Some(false)),
        (_, Some(quote)) => Part::said(format!("{shown}; peg of {quote} not known"), None),
        (within, None) => Part::said(shown, within.filter(|_| !old || made)),
    }
}

/// The furthest clock of a venue that is measured; nothing where no venue is reached over a network.
#[must_use]
pub fn clock(now: &Snapshot) -> String {
    let links: Vec<_> = now.venues.iter().filter_map(|venue| venue.link.as_ref()).collect();
    if links.is_empty() {
        return String::new();
    }
    match links.iter().map(|link| link.clock_ms).collect::<Option<Vec<_>>>() {
        None => " · clock not measured".to_owned(),
        Some(all) => all.into_iter().max_by_key(|(off, _)| off.abs()).map_or_else(String::new, |(off, error)| {
            format!(" · clock {}\u{a0}ms ± {error}", words::minus(&off.to_string()))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::control::detail::WalletDetail;
    use crate::domain::{Price, WallTime};
    use crate::engine::State;
    use crate::sim::{Generator, START};

    fn now() -> Snapshot {
        let state = State::new(Settings::default(), Generator::new(1, START).catalogue().clone());
        let mut now = Snapshot::of(&state, START);
        let wallet = WalletDetail {
            venue: "alpha".to_owned(),
            quote: Asset::new("USDT").unwrap(),
            spot: Amount::whole(10),
            perp: Amount::whole(10),
            collateral: Amount::ZERO,
            notional: Amount::whole(5),
            free: Amount::whole(3),
            distance: None,
        };
        now.detail.as_mut().unwrap().wallets = vec![wallet];
        now
    }

    fn pegged(price: &str, age_ms: i64) -> Part {
        let mut now = now();
        let at = WallTime(now.at_ms.0 - age_ms);
        now.detail.as_mut().unwrap().pegs = vec![(Asset::new("USDT").unwrap(), Price::parse(price).unwrap(), Some(at))];
        peg(&now, false)
    }

    #[test]
    fn a_peg_is_good_only_inside_its_gate_and_while_it_is_young() {
        assert_eq!(pegged("0.9999", 1_000).verdict, Some(true));
        assert_eq!(pegged("0.90", 1_000).verdict, Some(false));
        assert_eq!(pegged("0.90", 3_600_000).verdict, Some(false), "an old bad one is no good news");
        let old = pegged("0.9999", 3_600_000);
        assert!(old.verdict.is_none() && old.text.contains("60\u{a0}min old"), "{}", old.text);
        assert_eq!((peg(&now(), false).verdict, peg(&now(), true).verdict), (None, Some(true)));
        let mut two = now();
        let of = |name: &str| (Asset::new(name).unwrap(), Price::parse("1").unwrap(), Some(two.at_ms));
        let pegs = vec![of("USDC")];
        two.detail.as_mut().unwrap().pegs = pegs;
        assert_eq!(peg(&two, false).verdict, None, "of the coin that holds the money nothing is known");
    }

    #[test]
    fn money_that_is_used_up_is_not_safe() {
        let mut now = now();
        assert_eq!(money(&now).verdict, Some(true));
        now.detail.as_mut().unwrap().wallets[0].free = Amount::whole(-11);
        assert_eq!(money(&now).verdict, Some(false));
        now.detail = None;
        assert_eq!(money(&now).verdict, None);
        assert_eq!(distances(&now).verdict, Some(true));
    }
}
