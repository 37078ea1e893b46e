//! Coins as collateral of their short: the same faults, a rally of its own, and money that somebody takes out of the perp wallet.
//!
//! The account counts several assets, each coin less its haircut, and the venue sells coins for a debt. Seeds, draws and plans
//! are apart from those of the other configurations.

use super::game::Game;
use super::plan::{Draws, Plan, Timed, What};
use super::world::{Report, run};
use carry::domain::{Amount, Asset, Market};
use carry::loopback::Executed;
use std::collections::BTreeMap;

const MINUTE: i64 = 60_000;
/// So long after somebody took money the venue may sell coins for the debt that he left.
const TAKEN: i64 = 10 * MINUTE;

const SET: &[&str] = &["margin.collateral=coin", "execution.clip=10000usd"];

/// Plays one seed.
pub(crate) fn play(seed: u64, long: Option<bool>) -> Report {
    let (game, draws) = game(seed, long);
    run(seed, game, draws, None)
}

/// The game of one seed.
pub(crate) fn game(seed: u64, long: Option<bool>) -> (Game, Draws) {
    let mut draws = Draws::new(seed ^ 0xc011_a7e7_a100);
    let mut game = Game { more: SET, ..Game::chosen(seed, long, &mut draws, false) };
    let mut own = Draws::new(seed ^ 0xc011);
    // Nothing lies there, margin for both shorts, or more than a rally can take.
    game.money = own.pick(&[(119_000, 1_000), (100_000, 20_000), (60_000, 60_000)]);
    add(&mut game.plan, seed, &mut own);
    (game, draws)
}

/// What only coins as collateral can meet. Seed 0 has the great rally and nothing else.
fn add(plan: &mut Plan, seed: u64, draws: &mut Draws) {
    let until = plan.until;
    let mut say = |at: i64, text: String, row| plan.acts.push(Timed { at, what: What::Venue(text, row) });
    let rally = |symbol: &str, by: &str, minutes: i64| {
        format!("act = \"rally\"\nsymbol = \"{symbol}\"\nby = \"{by}\"\nover = \"{minutes}m\"")
    };
    if seed == 0 {
        say(30 * MINUTE, rally("BTCUSDT", "0.6", 60), "F01");
        return;
    }
    let at = |draws: &mut Draws| draws.between(3 * MINUTE, until - 5 * MINUTE);
    if draws.below(3) > 0 {
        let symbol = draws.pick(&["BTCUSDT", "ETHUSDT"]);
        let by = draws.pick(&["0.15", "0.3", "0.6"]);
        let (at, over) = (at(draws), draws.pick(&[5, 20, 60]));
        say(at, rally(symbol, by, over), "F01");
    }
    if draws.below(4) == 0 {
        let symbol = draws.pick(&["BTCUSDT", "ETHUSDT"]);
        say(at(draws), rally(symbol, "-0.3", 20), "F01");
    }
    if draws.below(4) == 0 {
        let dollars = draws.pick(&[2_000, 9_000, 30_000]);
        let text = format!("act = \"deposit\"\nwallet = \"perp\"\nasset = \"USDT\"\namount = \"-{dollars}\"");
        say(at(draws), text, "E15");
    }
    if draws.below(4) == 0 {
        // The owner moves some of the coins, or of the money beside them.
        let (asset, amount) = draws.pick(&[("BTC", "0.05"), ("ETH", "1"), ("USDT", "900"), ("USDT", "8000")]);
        let kind = draws.pick(&["UMFUTURE_MAIN", "UMFUTURE_MAIN", "MAIN_UMFUTURE"]);
        let form = format!("/sapi/v1/asset/transfer?type={kind}&asset={asset}&amount={amount}");
        let at = at(draws);
        plan.acts.push(Timed { at, what: What::Page(form, "H11") });
    }
    plan.acts.sort_by_key(|timed| timed.at);
}

/// Coins that executions left in the account: what is missing of them the venue sold for a debt, and no execution shows it.
#[derive(Debug, Default)]
pub(crate) struct Coins {
    traded: BTreeMap<Asset, Amount>,
    /// Until then a debt has a cause from outside.
    taken: i64,
}

impl Coins {
    /// An act of the venue or of a stranger.
    pub(crate) fn act(&mut self, now: i64, text: &str) {
        if text.contains("\"deposit\"") && text.contains("\"perp\"") && text.contains("amount = \"-") {
            self.taken = now + TAKEN;
        }
    }

    /// An execution of the pair of this coin.
    pub(crate) fn executed(&mut self, coin: Asset, one: &Executed) {
        let traded = self.traded.entry(coin).or_default();
        if one.market == Market::Spot {
            *traded += Amount::of_coins(one.quantity.signed(one.side));
        }
        if one.fee_asset == coin {
            *traded -= one.fee;
        }
    }

    /// What was sold since the last look, and whether it has a cause; `held` is what there is more than at the start.
    pub(crate) fn sold(&mut self, now: i64, coin: Asset, held: Amount) -> Option<(Amount, bool)> {
        let traded = self.traded.entry(coin).or_default();
        let sold = *traded - held;
        *traded = held;
        (!sold.is_zero()).then_some((sold, now <= self.taken))
    }
}
