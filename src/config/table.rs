//! The table of keys: the one place where a key, its default, its range and the reasons for them are written.
//!
//! A row is path, kind, default with lowest and highest value, meaning, reason; `reloads` where a running session takes a new value,
//! with the change that lets more risk in. To add a setting: a row here, its field in
//! `settings.rs`, its line in `assemble.rs`; the tests name what is missing. Tests: `keys.rs` and `tests/suite/config.rs`.

use super::keys::{Key, Looser};
use super::kind::Kind;

const fn key(
    path: &'static str,
    kind: Kind,
    values: [&'static str; 3],
    meaning: &'static str,
    reason: &'static str,
) -> Key {
    let [default, low, high] = values;
    Key { path, kind, default, optional: false, range: Some((low, high)), meaning, reason, reload: None }
}

const fn plain(
    path: &'static str,
    kind: Kind,
    default: &'static str,
    meaning: &'static str,
    reason: &'static str,
) -> Key {
    Key { path, kind, default, optional: false, range: None, meaning, reason, reload: None }
}

/// A key that `"off"` switches off, and that is off by default.
const fn off(
    path: &'static str,
    kind: Kind,
    range: (&'static str, &'static str),
    meaning: &'static str,
    reason: &'static str,
) -> Key {
    Key { path, kind, default: "off", optional: true, range: Some(range), meaning, reason, reload: None }
}

/// A file that `"off"` leaves out, as it is by default.
const fn file(path: &'static str, meaning: &'static str, reason: &'static str) -> Key {
    Key { path, kind: Kind::Path, default: "off", optional: true, range: None, meaning, reason, reload: None }
}

/// How loud what is told is at least.
const LEVEL: Kind = Kind::Word(&["page", "notify", "log"]);

/// Every key, by section.
pub const KEYS: &[Key] = &[
    plain(
        "run.mode",
        Kind::Word(&["paper", "live"]),
        "paper",
        "simulated fills, or real orders",
        "real orders also need the verb `carry live`: two consents, never one",
    ),
    key(
        "run.capital",
        Kind::Money,
        ["100000usdt", "10usd", "1000000000usd"],
        "money the bot may use; its unit is the reporting coin",
        "returns are counted on it, so it is stated and never guessed from a balance",
    ),
    key(
        "run.cash_apr",
        Kind::Yearly,
        ["4%apr", "0%apr", "30%apr"],
        "what idle cash earns elsewhere, the benchmark to beat",
        "treasury bills paid 3.5 to 5 % in 2024-26; carry below that is not worth its risk",
    ),
    plain(
        "strategy.kind",
        Kind::Word(&["basis", "spread", "ladder"]),
        "basis",
        "each pair by itself, each pair by itself where all are two perps, or one capital over all pairs with cash as one of the assets",
        "on the few pairs with prices of both legs in our data the value rule earned more than the ladder; a spread earned little",
    ),
    plain(
        "strategy.rule",
        Kind::Word(&["anchor", "value"]),
        "value",
        "thresholds on funding and basis, or expected net carry after all costs (kind basis)",
        "the value rule earned more on the history; the plain one can be checked by eye",
    ),
    plain(
        "strategy.pairs",
        Kind::Pairs,
        "[]",
        "the pairs that may be traded; an empty list means all that the source can price, \"auto\" those that [universe] admits",
        "name them before real money is used: the list is an allow-list",
    ),
    plain(
        "strategy.capital",
        Kind::Part,
        "all",
        "the part of run.capital that this strategy may use: all, a percentage or an amount",
        "of several strategies in one run each has its own, and together they have no more than there is",
    ),
    key(
        "ladder.slots",
        Kind::Count,
        ["3", "1", "50"],
        "equal parts of what size.share lets work; each stands in one pair or in cash",
        "points a year above cash on the history: one part 12.2, three 10.4, five 10.0, twelve 8.2 with half of the fall",
    )
    .reloads(Looser::Any),
    plain(
        "ladder.base",
        Kind::Word(&["equity", "capital"]),
        "equity",
        "what the slots are parts of: the capital with what it earned or lost, or run.capital as it was at the start",
        "what was earned works too; the capital at the start keeps sizes the same, for cross-checks",
    ),
    key(
        "ladder.hurdle",
        Kind::Yearly,
        ["0%apr", "0%apr", "30%apr"],
        "by how much more than run.cash_apr a pair must pay, on its own capital",
        "the costs of the move stand in the rule already; raise it for the risk of a venue",
    )
    .reloads(Looser::Lower),
    key(
        "ladder.horizon",
        Kind::Span,
        ["30d", "1d", "365d"],
        "time in which a move must earn more than it costs",
        "the forecast is one of the coming month; 60 days lost in 2022",
    )
    .reloads(Looser::Higher),
    key(
        "ladder.least_side",
        Kind::Bps,
        ["17bps", "0bps", "500bps"],
        "least that one side (fees, half spreads and impact of both legs) counts for in the rule",
        "the forecast errs by about so much, so a cheap venue does not make it move more often",
    )
    .reloads(Looser::Lower),
    key(
        "ladder.leave",
        Kind::Share,
        ["50%", "0%", "200%"],
        "share of a round trip by which a pair that is held may pay less than cash before it is left",
        "half: what was paid to enter is gone, and only the way out is a cost",
    )
    .reloads(Looser::Any),
    plain(
        "ladder.capital",
        Kind::Multiples,
        "[]",
        "capital over notional at a venue; a venue that is not named has what its account model needs",
        "the model knows leverage and collateral; numbers of your own are for cross-checks",
    ),
    plain(
        "universe.venues",
        Kind::Names,
        "[]",
        "venues whose pairs strategy.pairs = \"auto\" may take; an empty list means all",
        "a venue is a risk of its own: name those that you would leave money at",
    ),
    plain(
        "universe.quotes",
        Kind::Names,
        "[]",
        "quote coins of its pairs; an empty list means all",
        "a linear short is long its quote coin",
    ),
    key(
        "universe.min_volume",
        Kind::Money,
        ["10000000usd", "0usd", "100000000000usd"],
        "least value that a pair's perp trades in a day, mean of 30 days; 0usd asks nothing",
        "a clip of 25,000 is then less than 1 % of ten minutes",
    ),
    key(
        "universe.min_open_interest",
        Kind::Money,
        ["0usd", "0usd", "100000000000usd"],
        "least value of its open interest; 0usd asks nothing",
        "few histories have it; what is not known keeps a pair out",
    ),
    key(
        "universe.min_age",
        Kind::Span,
        ["90d", "0d", "3650d"],
        "least time since it was listed",
        "the first weeks of a listing pay most and end worst; the forecast needs a month",
    ),
    key(
        "universe.most",
        Kind::Count,
        ["20", "1", "500"],
        "most pairs: those that trade most",
        "each pair costs streams and attention; the smallest ones are the hardest to leave",
    ),
    plain(
        "universe.without",
        Kind::Names,
        "[]",
        "coins and pairs that are never taken",
        "what you know of a coin is not in its volume",
    ),
    plain(
        "signal.funding",
        Kind::Word(&["settled", "estimate"]),
        "settled",
        "what was paid, or paid averaged with the venue's running estimate",
        "a settled rate is a fact, an estimate moves until the last second",
    ),
    key(
        "signal.smooth",
        Kind::Span,
        ["3d", "0s", "90d"],
        "averaging time of funding; 0s means the last value alone",
        "one print is noise: on the history a three-day mean earned, and following each change of sign lost",
    ),
    key(
        "signal.memory",
        Kind::Span,
        ["30d", "1d", "365d"],
        "how far back persistence and the usual basis are measured",
        "about 90 settlements: enough to measure persistence, short enough to follow a regime",
    ),
    plain(
        "signal.weighting",
        Kind::Word(&["own", "open_interest", "volume"]),
        "own",
        "the pair's own funding, or the coin's mean over venues",
        "you are paid by your venue, not by the mean",
    ),
    key(
        "entry.funding",
        Kind::Funding,
        ["0.01%/8h", "-0.5%/8h", "0.5%/8h"],
        "funding must be above this before a pair is opened",
        "0.01 % per 8 h is the anchor: what the formula pays when the perp trades at its index",
    )
    .reloads(Looser::Lower),
    key(
        "entry.margin",
        Kind::Funding,
        ["0%/8h", "0%/8h", "0.5%/8h"],
        "and above it by this much more",
        "the anchor itself is the most frequent print; above it is already selective",
    )
    .reloads(Looser::Lower),
    off(
        "entry.basis",
        Kind::Bps,
        ("-500bps", "500bps"),
        "the entry basis (perp minus spot, over spot) must be above this",
        "funding says most of it; use it to never sell the perp at a discount",
    )
    .reloads(Looser::Lower),
    key(
        "entry.min_net_apr",
        Kind::Yearly,
        ["4%apr", "0%apr", "200%apr"],
        "least expected net carry on capital per year (value rule)",
        "what cash earns: less would not pay for the risk",
    )
    .reloads(Looser::Lower),
    key(
        "entry.max_breakeven",
        Kind::Span,
        ["40d", "1h", "365d"],
        "longest time to earn all four fees, spread and slippage back (value rule)",
        "a round trip of 0.30 % takes 10 days at the anchor; two thirds of the horizon is patience enough",
    )
    .reloads(Looser::Higher),
    key(
        "entry.horizon",
        Kind::Span,
        ["60d", "8h", "365d"],
        "time over which the expected carry is counted (value rule)",
        "about as long as a pair was held on the history; longer would count on funding nobody can forecast",
    )
    .reloads(Looser::Higher),
    key(
        "entry.cooldown",
        Kind::Span,
        ["8h", "0s", "90d"],
        "least time between a close and the next entry of the pair",
        "one settlement: no return into the spike that was just left",
    )
    .reloads(Looser::Lower),
    plain(
        "exit.when",
        Kind::Word(&["all", "any"]),
        "all",
        "whether basis and funding must both say leave, or either",
        "the spread has compressed when both do; leaving on either trades too often",
    )
    .reloads(Looser::Any),
    key(
        "exit.funding",
        Kind::Funding,
        ["0.002%/8h", "-0.5%/8h", "0.5%/8h"],
        "funding must be below this before a pair is closed",
        "well under the entry: the gap is the hysteresis that saves round trips",
    )
    .reloads(Looser::Any),
    key(
        "exit.basis",
        Kind::Bps,
        ["5bps", "-500bps", "500bps"],
        "the executable closing basis must be at or below this",
        "the rest of the basis is still to be earned by waiting",
    )
    .reloads(Looser::Any),
    key(
        "exit.min_hold",
        Kind::Span,
        ["5d", "0s", "365d"],
        "least time a pair is held before the strategy may close it",
        "fees are paid up front: half of a break-even time at the anchor",
    )
    .reloads(Looser::Any),
    key(
        "exit.margin_apr",
        Kind::Yearly,
        ["2%apr", "0%apr", "100%apr"],
        "by how much leaving must beat holding, per year (value rule)",
        "a forecast is not exact enough to act on less",
    )
    .reloads(Looser::Any),
    key(
        "size.share",
        Kind::Share,
        ["90%", ">0%", "100%"],
        "share of a venue's capital that may be at work",
        "the rest is the first line of margin and of fees",
    )
    .reloads(Looser::Higher),
    key(
        "size.per_pair",
        Kind::Share,
        ["40%", ">0%", "100%"],
        "most capital in one pair, as a share of all capital",
        "one pair's accident must not be everything",
    )
    .reloads(Looser::Higher),
    key(
        "size.per_coin",
        Kind::Share,
        ["50%", ">0%", "100%"],
        "most capital in one coin over all venues",
        "forks, delistings and squeezes strike a coin everywhere at once",
    )
    .reloads(Looser::Higher),
    key(
        "size.per_venue",
        Kind::Share,
        ["100%", ">0%", "100%"],
        "most capital on one venue",
        "100 % because most people use one; lower it as soon as you use two",
    )
    .reloads(Looser::Higher),
    key(
        "size.per_quote",
        Kind::Share,
        ["100%", ">0%", "100%"],
        "most capital in pairs of one quote coin",
        "a linear short is long its quote coin; lower it when you hold two of them",
    )
    .reloads(Looser::Higher),
    key(
        "size.depth_share",
        Kind::Share,
        ["10%", ">0%", "100%"],
        "most of the visible depth inside the slippage bound that one clip may take",
        "more than a tenth moves the book against the second leg",
    )
    .reloads(Looser::Higher),
    key(
        "size.oi_share",
        Kind::Share,
        ["1%", ">0%", "100%"],
        "most of the venue's open interest in one perp",
        "a large desk takes up to 10 %; the way out must stay open for a small one",
    )
    .reloads(Looser::Higher),
    key(
        "size.leverage",
        Kind::Leverage,
        ["1x", "0.1x", "3x"],
        "notional of the short over its margin",
        "at 1x the mark must about double before liquidation; above 3x a common rally does it",
    ),
    off(
        "size.quantity",
        Kind::Quantity,
        ("0.00000001COIN", "1000000COIN"),
        "fixed coins per pair instead of the shares above",
        "for cross-checks against other programs, where the same size makes the same money",
    ),
    key(
        "gates.max_age",
        Kind::Span,
        ["1m", "1s", "1h"],
        "oldest quote, mark or funding estimate that is accepted",
        "venues send each within seconds; a minute of silence is a fault",
    )
    .reloads(Looser::Higher),
    key(
        "gates.guard",
        Kind::Span,
        ["1m", "0s", "1h"],
        "no entry this close to a settlement, before or after",
        "venues settle up to a minute late and who held is decided then",
    )
    .reloads(Looser::Lower),
    key(
        "gates.peg",
        Kind::Bps,
        ["50bps", "1bps", "10000bps"],
        "furthest a quote coin may be from its peg; 10000bps switches it off",
        "beyond 0.5 % the market doubts the coin, and a short is paid in it",
    )
    .reloads(Looser::Higher),
    key(
        "gates.adl_rank",
        Kind::Count,
        ["3", "0", "4"],
        "highest auto-deleveraging rank of the perp; 4 switches it off",
        "rank 4 is closed first, and the spot is then naked",
    )
    .reloads(Looser::Higher),
    key(
        "gates.delist_lead",
        Kind::Span,
        ["1d", "0s", "90d"],
        "no entry this long before trading of the pair ends",
        "a pair that must be closed tomorrow does not earn its fees",
    )
    .reloads(Looser::Lower),
    key(
        "gates.min_depth",
        Kind::Money,
        ["10000usd", "0usd", "100000000usd"],
        "least value of depth on each leg inside the slippage bound",
        "less cannot be left in a hurry",
    )
    .reloads(Looser::Lower),
    plain(
        "gates.quadrant",
        Kind::Switch,
        "true",
        "refuse by the quadrant of funding and open interest",
        "negative funding with rising open interest is a crowd on our side",
    )
    .reloads(Looser::Lower),
    key(
        "gates.mark_divergence",
        Kind::Bps,
        ["200bps", "5bps", "10000bps"],
        "furthest the mark may be from the perp's mid; 10000bps switches it off",
        "a mark 2 % off the market is a glitch, and it is the price that liquidates",
    )
    .reloads(Looser::Higher),
    key(
        "gates.reduce_age",
        Kind::Span,
        ["2m", "5s", "1h"],
        "oldest book of its own leg that an order which reduces or hedges may stand on",
        "getting out may stand on less than getting in, but not on a book that stopped",
    )
    .reloads(Looser::Any),
    plain(
        "gates.missing",
        Kind::Word(&["refuse", "warn"]),
        "refuse",
        "what peg, adl_rank and mark_divergence do while the venue does not give them: no entry, or an alarm",
        "a gate without its input is no gate; sources that carry none switch theirs off",
    )
    .reloads(Looser::Higher),
    plain(
        "confirm.indicator",
        Kind::Word(&["off", "average", "rsi", "bollinger", "macd"]),
        "off",
        "an indicator of funding that must agree before an entry",
        "off until a test on your coins shows that it earns more",
    ),
    key(
        "confirm.period",
        Kind::Count,
        ["14", "2", "250"],
        "settlements the indicator looks back",
        "the usual 14; fewer than 2 is no indicator",
    ),
    key(
        "confirm.level",
        Kind::Count,
        ["60", "0", "100"],
        "threshold of the RSI",
        "above 50 means that rises prevail, 60 that they clearly do",
    ),
    plain(
        "execution.first",
        Kind::Word(&["auto", "spot", "perp"]),
        "auto",
        "which leg trades first; auto is the one with less depth",
        "the leg that is harder to fill decides how much there is to hedge",
    )
    .reloads(Looser::Any),
    plain(
        "execution.style",
        Kind::Word(&["taker", "maker"]),
        "taker",
        "priced immediate-or-cancel, or post-only until the deadline and then as taker",
        "certain fills first; maker saves fees once you trust it",
    )
    .reloads(Looser::Any),
    key(
        "execution.maker_deadline",
        Kind::Span,
        ["30s", "1s", "1h"],
        "how long a maker order may rest",
        "longer chases a price that has left",
    )
    .reloads(Looser::Any),
    key(
        "execution.collar",
        Kind::Bps,
        ["50bps", "1bps", "1000bps"],
        "furthest a limit may be from the mid when risk is added",
        "0.5 % is 17 days of anchor funding: no entry is worth more",
    )
    .reloads(Looser::Higher),
    key(
        "execution.reduce_collar",
        Kind::Bps,
        ["200bps", "1bps", "5000bps"],
        "the same for orders that reduce",
        "getting out may cost more than getting in",
    )
    .reloads(Looser::Any),
    key(
        "execution.clip",
        Kind::Money,
        ["25000usd", "10usd", "100000000usd"],
        "largest value of one clip, the most that can be naked at once",
        "a quarter of the default capital, small against the depth of a large coin",
    )
    .reloads(Looser::Higher),
    key(
        "execution.hedge_time",
        Kind::Span,
        ["5s", "1s", "5m"],
        "longest time a pair may be unequal while its venue can be reached",
        "some round trips to a venue; longer is a naked position",
    )
    .reloads(Looser::Higher),
    key(
        "execution.attempts",
        Kind::Count,
        ["3", "1", "20"],
        "failed attempts at one leg before it is undone",
        "what failed three times is not chance",
    )
    .reloads(Looser::Any),
    key(
        "execution.probe_every",
        Kind::Span,
        ["1s", "1s", "1m"],
        "how long to wait before an order that was not found is asked for again",
        "two answers less than a second apart are one answer",
    ),
    key(
        "execution.absent_after",
        Kind::Span,
        ["1m", "1m", "1h"],
        "after which an order that was not found may be called absent",
        "venues that do not say when a request dies have delivered it a minute later",
    ),
    key(
        "risk.max_order",
        Kind::Money,
        ["100000usd", "10usd", "100000000usd"],
        "largest value of one order",
        "a typing error stops here",
    )
    .reloads(Looser::Higher),
    key(
        "risk.max_pair",
        Kind::Money,
        ["1000000usd", "10usd", "1000000000usd"],
        "largest value of one pair, per leg",
        "an absolute ceiling beside the shares of `size`",
    )
    .reloads(Looser::Higher),
    key(
        "risk.max_total",
        Kind::Money,
        ["5000000usd", "10usd", "10000000000usd"],
        "largest value of all pairs, per leg",
        "an absolute ceiling beside the shares of `size`",
    )
    .reloads(Looser::Higher),
    key(
        "risk.daily_loss",
        Kind::Share,
        ["5%", ">0%", "100%"],
        "loss in one UTC day that stops entries, as a share of capital",
        "a hedged book does not lose 5 % in a day unless something is broken",
    )
    .reloads(Looser::Higher),
    key(
        "risk.orders_per_minute",
        Kind::Count,
        ["120", "1", "6000"],
        "most orders in one minute",
        "a runaway loop is stopped within a minute, far below what venues allow",
    )
    .reloads(Looser::Higher),
    key(
        "risk.duplicate_window",
        Kind::Span,
        ["0s", "0s", "1h"],
        "the same leg, side and quantity twice within this is refused; 0s switches it off",
        "equal clips are normal while a pair is worked",
    )
    .reloads(Looser::Lower),
    plain(
        "risk.foreign",
        Kind::Word(&["hold", "hedge"]),
        "hold",
        "when a foreign hand changed a pair's position: leave it to a person, or reduce the larger leg after one clean comparison",
        "a person who closed one leg may be about to close the other one too",
    )
    .reloads(Looser::Any),
    plain(
        "margin.mode",
        Kind::Word(&["cross", "isolated"]),
        "cross",
        "all perps of a venue share one wallet, or each has its own margin",
        "shared margin survives a rally of one coin; isolated limits what one coin can cost",
    ),
    plain(
        "margin.collateral",
        Kind::Word(&["quote", "coin", "unified"]),
        "quote",
        "what margins the short: the quote coin, the coins of the spot leg in multi-assets mode at the venue's haircut, or the \
         same in one account for spot and perps (simulated only)",
        "quote works at every venue; coin needs two thirds of the capital and survives a rally, but not a cut of the haircut",
    ),
    plain(
        "margin.autopilot",
        Kind::Switch,
        "true",
        "whether margin is managed while a pair is held",
        "the short must survive the rally at night too",
    )
    .reloads(Looser::Lower),
    key(
        "margin.warn",
        Kind::Share,
        ["50%", ">0%", "300%"],
        "distance to liquidation (rise of the mark) below which it warns",
        "half of the way is gone at 1x",
    )
    .reloads(Looser::Lower),
    key(
        "margin.top_up",
        Kind::Share,
        ["40%", ">0%", "300%"],
        "distance below which money is moved to the perp wallet",
        "coins have risen 40 % in a day, seldom faster than a transfer",
    )
    .reloads(Looser::Lower),
    key(
        "margin.floor",
        Kind::Share,
        ["25%", ">0%", "300%"],
        "distance below which both legs shrink when no money can be moved",
        "the last chance to leave by choice and not by liquidation",
    )
    .reloads(Looser::Lower),
    key(
        "margin.target",
        Kind::Share,
        ["60%", ">0%", "300%"],
        "distance that a top-up or a shrink restores",
        "far enough above the top-up to not act again at once",
    )
    .reloads(Looser::Lower),
    off(
        "margin.most_notional",
        Kind::Leverage,
        ("0.5x", "5x"),
        "shorts over the equity of their venue above which both legs shrink where coins are collateral, to nine tenths of it",
        "coins carry their short through any rally, and the notional grows with the price: to four times the equity in 2021",
    ),
    plain(
        "sim.fill",
        Kind::Word(&["next_open", "close"]),
        "next_open",
        "when an order on bars fills",
        "`close` trades at the price that decided, which nobody can; only for cross-checks",
    ),
    plain(
        "sim.data_end",
        Kind::Word(&["flatten", "hold"]),
        "flatten",
        "what happens to a pair where its history ends; a pair whose bars end more than a day before the run does is left there either way",
        "`hold` leaves a profit unproven; only for cross-checks",
    ),
    key(
        "sim.half_spread",
        Kind::Bps,
        ["1bps", "0bps", "500bps"],
        "half of the spread on bars",
        "more than large coins show, less than small ones",
    ),
    key(
        "sim.impact",
        Kind::Bps,
        ["20bps", "0bps", "5000bps"],
        "cost of taking a whole bar's volume; grows with the root of the share taken",
        "taking 1 % of a bar then costs 2 bps",
    ),
    key(
        "sim.latency",
        Kind::Span,
        ["100ms", "0s", "1m"],
        "time from a request to the venue, and again back",
        "a good home line; next to the venue it is 10 ms",
    ),
    plain(
        "sim.buy_fee_in",
        Kind::Word(&["coin", "quote"]),
        "coin",
        "where a spot buy's fee is taken",
        "most venues take it in the coin: you own 0.999 and hedge 0.999",
    ),
    key(
        "sim.spot_maker",
        Kind::Bps,
        ["10bps", "-10bps", "100bps"],
        "spot fee of an order that rested; below zero is a rebate",
        "Binance VIP 0",
    ),
    key("sim.spot_taker", Kind::Bps, ["10bps", "-10bps", "100bps"], "spot fee of an order that took", "Binance VIP 0"),
    key(
        "sim.perp_maker",
        Kind::Bps,
        ["2bps", "-10bps", "100bps"],
        "perp fee of an order that rested; below zero is a rebate",
        "Binance VIP 0",
    ),
    key("sim.perp_taker", Kind::Bps, ["5bps", "-10bps", "100bps"], "perp fee of an order that took", "Binance VIP 0"),
    key(
        "sim.transfer_delay",
        Kind::Span,
        ["3m", "0s", "1d"],
        "how long a transfer between wallets takes",
        "usually at once, but minutes on the days that matter",
    ),
    key(
        "sim.spot_share",
        Kind::Share,
        ["50%", ">0%", "100%"],
        "share of a venue's money that starts in the spot wallet",
        "at 1x both legs need the same money",
    ),
    plain(
        "sim.candles",
        Kind::Word(&["own", "flat"]),
        "own",
        "what prices the legs of a history: their candles, or a spot leg that stays the same with the perp at its basis to it",
        "`flat` keeps every notional the same and prices coins without candles at basis 0; only for cross-checks",
    ),
    plain(
        "sim.wallets",
        Kind::Word(&["equal", "pooled"]),
        "equal",
        "where the simulated money lies: equally at each venue, or in one pair of wallets for all venues, twice run.capital",
        "no money moves between venues in time for a trade; `pooled` never lacks any; only for cross-checks",
    ),
    plain(
        "sim.prices",
        Kind::Prices,
        "[]",
        "which market's candles price one that has none, in a backtest; also sim.prices.hyperliquid-perp = \"binance-perp\"",
        "a leg without prices is refused; a proxy is named by a person and listed in the report, never guessed",
    ),
    key(
        "sim.seed",
        Kind::Count,
        ["1", "0", "18446744073709551615"],
        "seed of the generated market and of its faults",
        "the same seed gives the same run, bit for bit",
    ),
    file(
        "alarm.exec",
        "a program that gets each alarm as JSON on standard input, without a shell",
        "mail, a pager or a chat: a program of your own knows the way",
    ),
    file(
        "alarm.webhook",
        "a file of mode 0600 that holds the https address to which each alarm is posted as JSON",
        "whoever has the address can write there, so it stands in no configuration",
    ),
    key(
        "alarm.fold",
        Kind::Span,
        ["5m", "1s", "1d"],
        "repeats of one alarm of one pair within this are counted and told once; it doubles each time, for a page up to an hour",
        "a person reads one message in five minutes, and none of a hundred",
    ),
    off(
        "alarm.heartbeat",
        Kind::Span,
        ("1m", "7d"),
        "how often it is told that the path of alarms works",
        "silence is only good news when something would be missed; have another machine miss it",
    ),
    file(
        "alarm.telegram",
        "a file of mode 0600 that holds {\"token\": \"123:ABC\", \"chat\": \"-1001234\"}: alarms go to that Telegram chat",
        "out only: nothing that is written in the chat is read",
    ),
    plain(
        "alarm.telegram_level",
        LEVEL,
        "notify",
        "what goes there: what must be acted on, what must be looked at today too, or everything",
        "a phone that rings for nothing is switched off",
    ),
    file(
        "alarm.mail",
        "a file of mode 0600 with mail addresses, one a line: alarms go there by the sendmail program of the machine",
        "who gets mail about money is nobody else's business",
    ),
    plain(
        "alarm.mail_level",
        LEVEL,
        "notify",
        "what goes there: what must be acted on, what must be looked at today too, or everything",
        "mail is read once a day",
    ),
    file(
        "alarm.sendmail",
        "the program that takes mail on standard input; off is /usr/sbin/sendmail",
        "every mail system brings a program of that name",
    ),
    off(
        "alarm.silent_from",
        Kind::Span,
        ("0s", "1d"),
        "time of the UTC day from which only a page makes a sound in Telegram, until alarm.silent_to",
        "a warning can wait for the morning, and a page cannot",
    ),
    off(
        "alarm.silent_to",
        Kind::Span,
        ("0s", "1d"),
        "time of the UTC day until which only a page makes a sound in Telegram",
        "before alarm.silent_from it is on the next day",
    ),
    off(
        "alarm.digest",
        Kind::Span,
        ("0s", "1d"),
        "time of the UTC day of a message that says how the session stands and what rang since the last one",
        "what was folded or silent is read once, and a day without one is seen",
    ),
    file(
        "alarm.watcher",
        "a file of mode 0600 that holds the https address of a watcher outside of this machine, called while the loop runs",
        "a machine that is gone raises no alarm; whoever misses it can",
    ),
    key(
        "alarm.watcher_every",
        Kind::Span,
        ["5m", "10s", "1h"],
        "how often the watcher is called",
        "dead-man services ring after two or three that were missed",
    ),
    key(
        "live.shadow_hours",
        Kind::Span,
        ["1d", "1h", "90d"],
        "how long exactly this strategy must have run in the shadow before it may trade",
        "a day has three settlements and every hour of the market once",
    ),
    key(
        "live.max_notional",
        Kind::Money,
        ["500usd", "10usd", "1000000000usd"],
        "largest value of all pairs together, per leg, that live trading may hold",
        "enough to prove every path with real orders, little enough to lose; more needs your written consent",
    ),
    key(
        "live.start_retry",
        Kind::Span,
        ["2m", "0s", "1h"],
        "how long a start goes on asking a venue that cannot answer now (busy, limited, no connection)",
        "a venue restarts in a minute; a wrong key or pair is refused at once all the same",
    ),
    key(
        "store.tape_age",
        Kind::Span,
        ["30d", "1h", "3650d"],
        "parts of the tape older than this are removed; the newest part is always kept",
        "the tape is for replay and is never needed to go on",
    ),
    key(
        "store.tape_mb",
        Kind::Count,
        ["4000", "1", "10000000"],
        "megabytes that the tape of a run may take; the oldest parts are removed first, the newest is always kept",
        "a pair writes some 90 MB a day: four gigabytes are a week and more of five pairs",
    ),
    key(
        "store.min_free_mb",
        Kind::Count,
        ["64", "0", "1000000"],
        "megabytes that must be free on the disk of the state folder for entries",
        "a disk that fills up must not meet a half-made entry; reduces go on",
    ),
    key(
        "store.reserve_mb",
        Kind::Count,
        ["8", "0", "1024"],
        "megabytes held back in the state folder, given to the ledger when the disk is full",
        "thousands of commits: enough to close what is held",
    ),
    Key {
        path: "web.listen",
        kind: Kind::Socket,
        default: "off",
        optional: true,
        range: None,
        meaning: "where the page listens inside paper, shadow and live, on this machine alone",
        reason: "one page for all sessions is `carry serve`; two sessions cannot share a port, so none is taken unasked",
        reload: None,
    },
    plain(
        "web.hosts",
        Kind::Hosts,
        "[]",
        "further hosts by which a browser may name the page, with the port",
        "any other name is refused: a foreign page could lead it to this machine (DNS rebinding)",
    ),
    file(
        "web.tls",
        "a PEM file of mode 0600 with the certificate and its key; the page is encrypted with it",
        "without it the page is for this machine alone; other addresses also need `carry serve --expose`",
    ),
    file(
        "web.metrics",
        "`/metrics` of the page: a file of mode 0600 that holds its bearer, or `open` for all of this machine",
        "what is held and earned is private until you say otherwise; `carry metrics` needs neither",
    ),
];
