//! Start-up reconciliation: what the ledger says, with what is still on its way to the bot, against the venue's books.

use crate::domain::{Amount, Asset, Market, Side, SignedQuantity, VenueId};
use crate::engine::State;
use crate::port::Event;
use crate::port::event::Wallet;
use crate::port::order::{Fill, Outcome};
use crate::sim::SimVenue;
use std::collections::BTreeMap;

type Wallets = BTreeMap<(VenueId, Wallet, Asset), Amount>;

/// Every account that differs, as a line for a person; empty when all agree.
#[must_use]
pub fn differences(state: &State, venue: &SimVenue) -> Vec<String> {
    let mut lines = Vec::new();
    let on_way = OnWay::of(state, venue);
    for pair in state.catalogue.pairs() {
        let held = state.ledger.pair(pair.id).map_or(SignedQuantity::ZERO, |book| book.perp.coins);
        let expected = held + on_way.coins.get(pair.id.index()).copied().unwrap_or_default();
        let there = venue.accounts().position(pair.id).coins;
        if expected != there {
            lines.push(format!("{} position: ledger {expected}, venue {there}", pair.name));
        }
        let coins = state.ledger.wallet(pair.venue_id, Wallet::Spot, pair.coin)
            + on_way.wallets.get(&(pair.venue_id, Wallet::Spot, pair.coin)).copied().unwrap_or_default();
        let there = venue.accounts().wallet(pair.venue_id, Wallet::Spot, pair.coin);
        if coins != there {
            lines.push(format!("{} spot coins: ledger {coins}, venue {there}", pair.name));
        }
    }
    lines
}

/// Effects of private events that the venue has sent and the bot has not booked.
struct OnWay {
    coins: Vec<SignedQuantity>,
    wallets: Wallets,
}

impl OnWay {
    fn of(state: &State, venue: &SimVenue) -> Self {
        let mut way = Self { coins: vec![SignedQuantity::ZERO; state.pairs.len()], wallets: Wallets::new() };
        let mut seen = Vec::new();
        for event in venue.undelivered() {
            match event {
                Event::Order(report) => {
                    let Outcome::Filled(fill) = &report.outcome else { continue };
                    let Some(order) = state.orders.find(report.id) else { continue };
                    if order.fills.contains(&fill.id) || seen.contains(&fill.id) {
                        continue;
                    }
                    seen.push(fill.id);
                    way.fill(state, (order.intent.pair, order.intent.leg, order.intent.side), fill);
                }
                Event::VenueFill { instrument, side, fill, .. } => {
                    let (pair, leg) = State::owner(*instrument);
                    way.fill(state, (pair, leg, *side), fill);
                }
                _ => {}
            }
        }
        way
    }

    fn fill(&mut self, state: &State, of: (crate::domain::PairId, Market, Side), fill: &Fill) {
        let (id, leg, side) = of;
        let Some(pair) = state.catalogue.pair(id) else { return };
        match leg {
            Market::Perp => {
                if let Some(coins) = self.coins.get_mut(id.index()) {
                    *coins += fill.quantity.signed(side);
                }
            }
            Market::Spot => {
                let mut coins = Amount::of_coins(fill.quantity.signed(side));
                if fill.fee_asset == pair.coin {
                    coins -= fill.fee;
                }
                *self.wallets.entry((pair.venue_id, Wallet::Spot, pair.coin)).or_default() += coins;
            }
        }
    }
}
