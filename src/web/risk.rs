//! Risk: distance of each wallet, exposure by venue, coin and quote coin, pegs, the worst that was measured.

use super::parts;
use super::view::View;
use super::words::{self, NONE};
use crate::control::detail::Detail;
use crate::domain::{Amount, Price};
use maud::{Markup, html};
use std::collections::BTreeMap;

/// The page.
#[must_use]
pub fn page(view: &View) -> Markup {
    let Some(detail) = view.detail() else { return super::overview::nothing(view) };
    html! {
        (wallets(view, detail))
        div.two { (exposure(view, detail)) div.stack { (pegs(view, detail)) (measured(view, detail)) } }
    }
}

fn wallets(view: &View, detail: &Detail) -> Markup {
    let floor = detail.floor.to_f64();
    html! {
        section.card id="wallets" {
            (parts::head("Wallets", &html! { (aged(view)) "to liquidation: rise of the mark until the venue liquidates · floor " (words::percent(floor, 0)) }))
            div.scroll tabindex="0" role="region" aria-label="a table that may be wider than the window" { table.list {
                thead { tr { th { "venue" } th { "coin" } th.n { "spot wallet" } th.n { "perp wallet" } th.n { "collateral" } th.n { "shorts at mark" } th.n { "free for margin" } th { "to liquidation" } } }
                tbody { @for wallet in &detail.wallets { tr class=(stale(view)) {
                    td { (wallet.venue) } td { (wallet.quote) }
                    td.n.aged { (words::level(wallet.spot)) } td.n.aged { (words::level(wallet.perp)) } td.n.aged { (words::level(wallet.collateral)) }
                    td.n.aged { (words::level(wallet.notional)) } td.n.aged { (words::level(wallet.free)) }
                    td.aged { @match wallet.distance {
                        Some(distance) => {
                            @let near = distance.to_f64() < floor;
                            (parts::bar(Some(distance.to_f64()), floor, near, "left to liquidation"))
                            @if near { b.against { (words::percent(distance.to_f64(), 1)) } } @else { b { (words::percent(distance.to_f64(), 1)) } }
                        }
                        None if wallet.notional.is_zero() => { "no short" }
                        None => { "unknown" }
                    } }
                } } }
            } }
            @if detail.wallets.is_empty() { p.note { "There is no money in any wallet." } }
        }
    }
}

/// Whether what is valued here rests on a price that is too old, or on a session that nobody speaks for.
fn stale(view: &View) -> &'static str {
    if !view.runs || view.held().any(|row| view.is_stale(row)) { "stale" } else { "" }
}

fn aged(view: &View) -> Markup {
    let oldest = view.held().filter(|row| view.is_stale(row)).map(|row| row.age_ms);
    let words = match oldest.max() {
        None => return html! {},
        Some(None) => "a price is missing".to_owned(),
        Some(Some(age)) => format!("prices up to {} old", words::age(age)),
    };
    html! { b.against { (words) } " · " }
}

fn exposure(view: &View, detail: &Detail) -> Markup {
    let (mut venues, mut coins, mut quotes) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for row in view.pairs().iter().filter(|row| row.holds()) {
        let Some(of) = &row.detail else { continue };
        let value = of.legs.1.value.map_or(Amount::ZERO, Amount::abs);
        for leg in [&of.legs.0, &of.legs.1] {
            *venues.entry(leg.venue.clone()).or_insert(Amount::ZERO) += leg.value.map_or(Amount::ZERO, Amount::abs);
        }
        *coins.entry(super::table::coin(row)).or_insert(Amount::ZERO) += value;
        *quotes.entry(row.quote.map_or_else(|| NONE.to_owned(), |quote| quote.to_string())).or_insert(Amount::ZERO) +=
            value;
    }
    let whole = detail.opening.to_f64();
    let part = |name: &str, of: &BTreeMap<String, Amount>| {
        html! { @for (key, value) in of {
            @let share = if whole > 0.0 { value.to_f64() / whole } else { 0.0 };
            tr class=(stale(view)) { td.soft { (name) } td { (key) } td.bars.aged { (parts::bar(Some(share), 1.0, false, "share of the money at the start")) } td.n.aged { (words::level(*value)) } td.n.aged { (words::percent(share, 1)) } }
        } }
    };
    html! {
        section.card id="exposure" {
            (parts::head("Exposure", &html! { (aged(view)) "venue: both legs there · coin and quote coin: the shorts · share of the money at the start" }))
            @if coins.is_empty() { p.note { "Nothing is held." } }
            table { tbody { (part("venue", &venues)) (part("coin", &coins)) (part("quote coin", &quotes)) } }
        }
    }
}

fn pegs(view: &View, detail: &Detail) -> Markup {
    let now = view.snapshot.as_ref().map(|now| now.at_ms);
    let off = |price: &Price| words::signed((price.to_f64() - 1.0) * 1e4, 1);
    html! {
        section.card id="pegs" {
            (parts::head("Pegs", &html! { "dollars for one coin" }))
            @if detail.pegs.is_empty() { p.note { "This source tells no price of a quote coin." } }
            table { tbody { @for (asset, price, at) in &detail.pegs { tr {
                td { (asset) } td.n { (price) } td.n { (off(price)) "\u{a0}bps" }
                td.n.soft { @match now.zip(*at) { Some((now, at)) => { (words::age(now.since(at).0)) " old" } None => { "age not known" } } }
            } } } }
        }
    }
}

fn measured(view: &View, detail: &Detail) -> Markup {
    let naked = view.history.as_ref().map(|history| history.result.naked_s.iter().copied().fold(0.0, f64::max));
    let nearest = view
        .history
        .as_ref()
        .and_then(|history| history.result.margin.iter().min_by(|a, b| a.distance.total_cmp(&b.distance)));
    let fall = view.history.as_ref().map(|history| history.result.summary.max_drawdown);
    html! {
        section.card id="measured" {
            (parts::head("Worst so far", &html! { "since the session began" }))
            table { tbody {
                tr { td { "longest time unequal" } td.n { (naked.map_or_else(|| NONE.to_owned(), |naked| format!("{}\u{a0}s", words::plain(naked, 1)))) } }
                tr { td { "allowed" } td.n { (words::age(detail.hedge_time.0)) } }
                tr { td { "largest value made unequal by our orders" } td.n { (words::level(detail.unequal.1)) } }
                tr { td { "nearest to liquidation" } td.n { @match nearest { Some(row) => { (words::percent(row.distance, 1)) ", " (words::moment(row.at)) } None => { (NONE) } } } }
                tr { td { "largest fall of equity" } td.n { (fall.map_or_else(|| NONE.to_owned(), |fall| words::percent(fall, 2))) } }
            } }
            p.note { code { "carry backtest" } " with your strategy shows the same over years." }
        }
    }
}
