//! The second half of the plan: other hands, venues that lie or change their rules, and what happens while the bot is dead.
//!
//! Each kind is drawn from a stream of its own, so that a new kind changes no seed of the others. A kind that the bot does not
//! survive yet is not in [`DEFAULT`]: `CARRY_FAULT_NEW=1` plays all, `CARRY_FAULT_NEW=hands,lag` those, `=none` none of them.

use super::plan::{Draws, Plan, Timed, What};

const MINUTE: i64 = 60_000;

/// Kinds of this file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A stranger trades on the account, moves its money or changes its settings.
    Hands,
    /// The venue or a stranger acts while the process is dead.
    Dead,
    /// Each list shows a past of its own; a query does not know the newest order yet.
    Lag,
    /// Refusals that last, and answers that say nothing of what was done.
    Refusals,
    /// Grids, minimums, fees and funding intervals change.
    Rules,
    /// One channel shows wrong prices.
    Prices,
    /// The fee coin comes, goes and runs out in either wallet.
    FeeCoin,
    /// An older copy of the state folder comes back.
    Backup,
    /// Lists of executions and of income end in the middle, and nothing says so.
    Pages,
}

const ALL: [(Kind, &str, u64); 9] = [
    (Kind::Hands, "hands", 1),
    (Kind::Dead, "dead", 2),
    (Kind::Lag, "lag", 3),
    (Kind::Refusals, "refusals", 4),
    (Kind::Rules, "rules", 5),
    (Kind::Prices, "prices", 6),
    (Kind::FeeCoin, "fees", 7),
    (Kind::Backup, "backup", 8),
    (Kind::Pages, "pages", 9),
];

/// What every seed of the first configuration plays.
const DEFAULT: [Kind; 6] = [Kind::Lag, Kind::Refusals, Kind::Rules, Kind::Prices, Kind::FeeCoin, Kind::Hands];

fn is_on(kind: Kind, name: &str, usual: bool) -> bool {
    match std::env::var("CARRY_FAULT_NEW") {
        Ok(list) if list == "1" => true,
        Ok(list) => list.split(',').any(|one| one == name),
        Err(_) => usual && DEFAULT.contains(&kind),
    }
}

/// What a stranger does.
#[derive(Debug, Clone)]
pub(crate) enum Hand {
    /// Closes a share of the short, in hundredths.
    CloseShort(&'static str, i64),
    /// Sells a share of the coins, in hundredths.
    SellCoins(&'static str, i64),
    /// A market order: market, side, units of 1e-8 coins.
    Trade(&'static str, &'static str, &'static str, i64),
    /// Whole dollars from spot to futures, or back when below zero.
    Move(i64),
    /// Whole dollars come to a wallet, or leave it.
    Deposit(&'static str, i64),
    /// Another leverage.
    Leverage(&'static str, u32),
    /// A resting order far from the market.
    Rest(&'static str),
    /// An order with the ids of this bot, by another process.
    Twin(&'static str),
}

/// Which figure of which channel is wrong.
#[derive(Debug, Clone)]
pub(crate) struct Bent {
    pub(crate) symbol: &'static str,
    /// `mark`, `index`, `spot` or `perp` (the book of it).
    pub(crate) figure: &'static str,
    /// `push`, `rest` or both.
    pub(crate) channels: &'static [&'static str],
    pub(crate) how: How,
    pub(crate) lasts: i64,
}

/// How it is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// Thousandths of the truth.
    Times(i64),
    /// Bids and asks are exchanged, further apart than they are.
    Crossed,
    /// Nothing comes, or what came before.
    Silent,
}

/// Orders that are refused for a time.
#[derive(Debug, Clone)]
pub(crate) struct Refusing {
    pub(crate) path: &'static str,
    pub(crate) symbol: &'static str,
    /// Only reducing ones, only others, or all.
    pub(crate) reduce_only: Option<bool>,
    pub(crate) side: Option<&'static str>,
    pub(crate) status: u16,
    pub(crate) body: &'static str,
    pub(crate) lasts: i64,
}

/// Rates of kinds that strike at messages, in ten thousand.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct MoreRates {
    /// A list shows the past.
    pub(crate) lag: u32,
    /// A query does not know an order of the last seconds.
    pub(crate) blind: u32,
    /// A write is done, and its answer says nothing of use.
    pub(crate) odd_after: u32,
    /// A write is not done, and its answer says nothing of use.
    pub(crate) odd_before: u32,
    /// A list comes as something that is no list.
    pub(crate) odd_list: u32,
    /// A list of the past ends in the middle.
    pub(crate) cut: u32,
}

/// Adds what this file has to a plan: the kinds that are asked for, or the usual ones.
pub(crate) fn add(plan: &mut Plan, seed: u64, usual: bool) {
    for (kind, name, number) in ALL {
        if !is_on(kind, name, usual) {
            continue;
        }
        let mut draws = Draws::new(seed.wrapping_mul(1_000).wrapping_add(number) ^ 0xa77a);
        match kind {
            Kind::Lag => {
                let mut rate = |often: u32| draws.pick(&[0, 1, often / 8, often, often]);
                (plan.more.lag, plan.more.blind) = (rate(4_000), rate(6_000));
            }
            Kind::Refusals => {
                let mut rate = |often: u32| draws.pick(&[0, 0, often / 8, often]);
                plan.more.odd_after = rate(600);
                plan.more.odd_before = rate(300);
                plan.more.odd_list = rate(200);
                timed(plan, &mut draws, &[0, 1, 2, 5], refusing);
            }
            Kind::Hands => timed(plan, &mut draws, &[0, 1, 1, 2, 4], hand),
            Kind::Dead => timed(plan, &mut draws, &[0, 1, 1, 2, 3], dead),
            Kind::Rules => timed(plan, &mut draws, &[0, 1, 2, 4], rules),
            Kind::Prices => timed(plan, &mut draws, &[0, 1, 2, 5, 10], bent),
            Kind::FeeCoin => timed(plan, &mut draws, &[0, 1, 2, 4], fee_coin),
            Kind::Pages => plan.more.cut = draws.pick(&[0, 300, 1_500, 5_000]),
            Kind::Backup => timed(plan, &mut draws, &[0, 1, 1, 2], backup),
        }
    }
    plan.acts.sort_by_key(|timed| timed.at);
}

type Add = fn(&mut Vec<Timed>, i64, &mut Draws);

/// Moments at which the pairs are entered, held, left and flat.
fn timed(plan: &mut Plan, draws: &mut Draws, counts: &[u64], add: Add) {
    for _ in 0..draws.pick(counts) {
        // Every second one falls near the minutes at which orders are made.
        let at = if draws.below(2) == 0 {
            draws.pick(&[0, 55, 115, 200, 235]) * MINUTE + draws.between(0, 3 * MINUTE)
        } else {
            draws.between(2 * MINUTE, 240 * MINUTE)
        };
        add(&mut plan.acts, at.clamp(MINUTE, 240 * MINUTE), draws);
    }
}

fn symbol(draws: &mut Draws) -> &'static str {
    draws.pick(&["BTCUSDT", "ETHUSDT"])
}

fn a_hand(draws: &mut Draws) -> (Hand, &'static str) {
    let symbol = symbol(draws);
    let share = draws.pick(&[30, 100]);
    let small = if symbol == "BTCUSDT" { 1_000_000 } else { 30_000_000 };
    let coins = small * draws.pick(&[1, 5, 20]);
    match draws.below(10) {
        0 | 1 => (Hand::CloseShort(symbol, share), "H09"),
        2 => (Hand::SellCoins(symbol, share), "H09"),
        3 => (Hand::Trade(symbol, "spot", "buy", coins), "H10"),
        4 => (Hand::Trade(symbol, "perp", draws.pick(&["buy", "sell"]), coins), "H10"),
        5 => (Hand::Move(draws.pick(&[-3_000, -500, 500, 5_000])), "H11"),
        6 => (Hand::Deposit(draws.pick(&["spot", "perp"]), draws.pick(&[-700, 300, 9_000])), "H11"),
        7 => (Hand::Leverage(symbol, draws.pick(&[1, 3, 10])), "H12"),
        8 => (Hand::Rest(symbol), "H10"),
        _ => (Hand::Twin(symbol), "G15"),
    }
}

fn hand(acts: &mut Vec<Timed>, at: i64, draws: &mut Draws) {
    let (hand, row) = a_hand(draws);
    acts.push(Timed { at, what: What::Hand(hand, row) });
}

fn dead(acts: &mut Vec<Timed>, at: i64, draws: &mut Draws) {
    let down = draws.pick(&[3_000, 40_000, 600_000]);
    acts.push(Timed { at, what: What::Kill(down) });
    let symbol = symbol(draws);
    let say = |act: &str, more: &str| format!("act = \"{act}\"\nsymbol = \"{symbol}\"{more}");
    let what = match draws.below(5) {
        0 => What::Venue(say("adl", draws.pick(&["\nshare = \"0.3\"", "\nshare = \"1\""])), "E12 dead"),
        1 => What::Venue(say("liquidation", ""), "E13 dead"),
        2 => What::Venue(say("settle", ""), "E03 dead"),
        _ => What::Hand(a_hand(draws).0, "H09 dead"),
    };
    acts.push(Timed { at: at + 1_000 + down / 2, what });
}

fn refusing(acts: &mut Vec<Timed>, at: i64, draws: &mut Draws) {
    const PERP: &str = "/fapi/v1/order";
    const SPOT: &str = "/api/v3/order";
    let symbol = symbol(draws);
    let lasts = draws.pick(&[2_000, 20_000, 120_000, 900_000]);
    let short = lasts.min(20_000);
    let (path, reduce_only, side, body, lasts) = match draws.below(9) {
        0 | 1 => (
            PERP,
            Some(false),
            None,
            "{\"code\":-4400,\"msg\":\"Futures Trading Quantitative Rules violated, only reduceOnly order is allowed, please try again later.\"}",
            lasts,
        ),
        2 => (PERP, Some(false), None, "{\"code\":-2019,\"msg\":\"Margin is insufficient.\"}", lasts),
        3 => (
            PERP,
            Some(false),
            None,
            "{\"code\":-2027,\"msg\":\"Exceeded the maximum allowable position at current leverage.\"}",
            lasts,
        ),
        4 => (
            SPOT,
            None,
            Some("BUY"),
            "{\"code\":-2010,\"msg\":\"Account has insufficient balance for requested action.\"}",
            lasts,
        ),
        5 => (SPOT, None, Some("BUY"), "{\"code\":-1013,\"msg\":\"Filter failure: MAX_POSITION\"}", lasts),
        6 => (PERP, Some(true), None, "{\"code\":-2022,\"msg\":\"ReduceOnly Order is rejected.\"}", short),
        7 => (SPOT, None, Some("SELL"), "{\"code\":-1013,\"msg\":\"Filter failure: PERCENT_PRICE_BY_SIDE\"}", short),
        _ => (
            PERP,
            None,
            None,
            "{\"code\":-4131,\"msg\":\"The counterparty's best price does not meet the PERCENT_PRICE filter limit.\"}",
            short,
        ),
    };
    let refusing = Refusing { path, symbol, reduce_only, side, status: 400, body, lasts };
    acts.push(Timed { at, what: What::Refuse(refusing) });
}

fn rules(acts: &mut Vec<Timed>, at: i64, draws: &mut Draws) {
    let symbol = symbol(draws);
    let market = draws.pick(&["spot", "perp"]);
    let head = format!("act = \"rules\"\nsymbol = \"{symbol}\"\nmarket = \"{market}\"\n");
    let back = at + draws.between(1, 60) * MINUTE;
    let mut say =
        |at: i64, text: String, row| acts.push(Timed { at: at.min(245 * MINUTE), what: What::Venue(text, row) });
    match draws.below(5) {
        0 => {
            // Coarser, and as it was.
            let (coarse, usual) = if market == "spot" { ("0.5", "0.01") } else { ("1", "0.1") };
            let (coarse, usual) = if symbol == "BTCUSDT" { (coarse, usual) } else { ("0.5", "0.01") };
            say(at, format!("{head}tick = \"{coarse}\""), "E04");
            say(back, format!("{head}tick = \"{usual}\""), "E04");
        }
        1 => {
            let coarse = if symbol == "BTCUSDT" { "0.01" } else { "0.1" };
            let usual = match (symbol, market) {
                ("BTCUSDT", "spot") => "0.00001",
                (_, "spot") => "0.0001",
                _ => "0.001",
            };
            say(at, format!("{head}step = \"{coarse}\""), "E04");
            say(back, format!("{head}step = \"{usual}\""), "E04");
        }
        2 => say(at, format!("{head}min_notional = \"{}\"", draws.pick(&["1", "100", "500"])), "E04"),
        3 => say(at, format!("{head}taker = \"{}\"", draws.pick(&["0.0002", "0.0015", "0.004"])), "E09"),
        _ => {
            let hours = draws.pick(&[2, 4]);
            let text = |hours: i64| format!("act = \"interval\"\nsymbol = \"{symbol}\"\nhours = {hours}");
            say(at, text(hours), "E06");
            say(back, text(1), "E06");
        }
    }
}

fn bent(acts: &mut Vec<Timed>, at: i64, draws: &mut Draws) {
    let symbol = symbol(draws);
    let figure = draws.pick(&["mark", "mark", "index", "spot", "perp"]);
    let channels = draws.pick::<&'static [&'static str]>(&[&["push"], &["push"], &["rest"], &["push", "rest"]]);
    let is_book = matches!(figure, "spot" | "perp");
    let how = match draws.below(8) {
        0 => How::Times(10_000),
        1 => How::Times(0),
        2 => How::Times(900),
        3 => How::Times(1_100),
        4 => How::Times(100),
        5 => How::Silent,
        _ if is_book => How::Crossed,
        _ => How::Times(1_500),
    };
    let lasts = draws.pick(&[1_500, 20_000, 120_000, 300_000]);
    acts.push(Timed { at, what: What::Bend(Bent { symbol, figure, channels, how, lasts }) });
}

fn fee_coin(acts: &mut Vec<Timed>, at: i64, draws: &mut Draws) {
    let wallet = draws.pick(&["spot", "perp"]);
    let amount = draws.pick(&["0.002", "0.011", "0.02", "5"]);
    let mut say = |at: i64, text: String| acts.push(Timed { at: at.min(245 * MINUTE), what: What::Venue(text, "E10") });
    let burn = |on: bool| format!("act = \"burn\"\non = {on}");
    let deposit = format!("act = \"deposit\"\nwallet = \"{wallet}\"\nasset = \"BNB\"\namount = \"{amount}\"");
    match draws.below(3) {
        // Switched on without any of it.
        0 => say(at, burn(true)),
        1 => {
            say(at, deposit);
            say(at + draws.between(0, 60_000), burn(true));
        }
        _ => {
            say(at, burn(true));
            say(at + draws.between(0, 90 * MINUTE), deposit);
            say(at + draws.between(1, 120) * MINUTE, burn(false));
        }
    }
}

fn backup(acts: &mut Vec<Timed>, at: i64, draws: &mut Draws) {
    acts.push(Timed { at, what: What::Keep });
    let later = draws.pick(&[10_000, 20 * MINUTE, 70 * MINUTE, 130 * MINUTE]);
    let down = draws.pick(&[2_000, 60_000, 600_000]);
    acts.push(Timed { at: (at + later).min(245 * MINUTE), what: What::Restore(down) });
}
