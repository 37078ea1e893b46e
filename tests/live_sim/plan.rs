//! What goes wrong in one seed: how often each kind of fault strikes, and which acts of the venue and of strangers come when.
//!
//! Written from the fault catalogue. Each class has a rate from never to very often, drawn apart from the others, so that some
//! seeds have one thing alone and some have everything. Times are true milliseconds after the start.

use super::attack::{self, Bent, Hand, MoreRates, Refusing};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// Draws of one seed.
pub(crate) struct Draws(ChaCha8Rng);

impl Draws {
    pub(crate) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Below this number.
    pub(crate) fn below(&mut self, most: u64) -> u64 {
        self.0.next_u64() % most.max(1)
    }

    /// From the first to the second, both included.
    pub(crate) fn between(&mut self, least: i64, most: i64) -> i64 {
        least + i64::try_from(self.below(u64::try_from(most - least + 1).unwrap())).unwrap()
    }

    /// True so often in ten thousand.
    pub(crate) fn strikes(&mut self, per_myriad: u32) -> bool {
        self.below(10_000) < u64::from(per_myriad)
    }

    /// One of these.
    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }
}

/// How often each kind strikes, in ten thousand.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rates {
    /// A request is not sent: no connection.
    pub(crate) unsent: u32,
    /// It leaves and never arrives.
    pub(crate) lost: u32,
    /// It is executed and its answer never comes.
    pub(crate) unanswered: u32,
    /// It arrives seconds late.
    pub(crate) late: u32,
    /// Its answer comes seconds late.
    pub(crate) slow: u32,
    /// It is refused by a 5xx and not executed.
    pub(crate) broken: u32,
    /// It is executed and answered with a 5xx.
    pub(crate) broken_after: u32,
    /// Its answer is cut.
    pub(crate) cut: u32,
    /// A list shows what it showed before.
    pub(crate) stale: u32,
    /// A list fails for minutes.
    pub(crate) list_fails: u32,
    /// A line dies at a message.
    pub(crate) line_dies: u32,
    /// A line falls silent for minutes while it lives.
    pub(crate) line_freezes: u32,
    /// A message comes seconds late, and those behind it.
    pub(crate) line_lags: u32,
    /// A message comes twice.
    pub(crate) doubled: u32,
    /// An order fills in part, or not at all, or is refused.
    pub(crate) order: u32,
}

/// An act and when it comes.
#[derive(Debug, Clone)]
pub(crate) struct Timed {
    pub(crate) at: i64,
    pub(crate) what: What,
}

/// What may come at a time.
#[derive(Debug, Clone)]
pub(crate) enum What {
    /// An act in the grammar of fault files, and the row of the catalogue.
    Venue(String, &'static str),
    /// A fault of the next order, in the grammar of fault files, and its row.
    Order(String, &'static str),
    /// The machine's wall clock is set.
    Step(i64),
    /// It runs fast or slow.
    Drift(i64),
    /// All hosts are out of reach until then.
    Offline(i64),
    /// The bot is killed by time, and started again after so many milliseconds.
    Kill(i64),
    /// A stranger does something, and its row.
    Hand(Hand, &'static str),
    /// The owner sends a form on the venue's own page: path and query, and the row.
    Page(String, &'static str),
    /// Orders are refused for a time.
    Refuse(Refusing),
    /// A channel shows wrong prices for a time.
    Bend(Bent),
    /// The state folder is copied.
    Keep,
    /// The bot is killed, and its folder is the copy when it starts after so many milliseconds.
    Restore(i64),
}

/// All of one seed.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) rates: Rates,
    pub(crate) acts: Vec<Timed>,
    /// From here on nothing goes wrong any more.
    pub(crate) until: i64,
    /// Milliseconds of a usual way, one way: least and most.
    pub(crate) way: (i64, i64),
    /// Pushes take so much longer or shorter than answers: least and most.
    pub(crate) push: (i64, i64),
    /// Every so many durable writes the process dies at one; none when zero.
    pub(crate) crash_every: u64,
    /// Rates of what `attack.rs` adds.
    pub(crate) more: MoreRates,
}

const MINUTE: i64 = 60_000;

impl Plan {
    /// What this seed brings, with the usual kinds of `attack.rs` or without. Seed 0 brings nothing.
    pub(crate) fn of(seed: u64, draws: &mut Draws, usual: bool) -> Self {
        let until = 250 * MINUTE;
        let mut plan = Self {
            rates: Rates::default(),
            acts: Vec::new(),
            until,
            way: (1, draws.pick(&[3, 20, 80, 250])),
            push: (0, draws.pick(&[1, 10, 100, 400])),
            crash_every: 0,
            more: MoreRates::default(),
        };
        if seed == 0 {
            return plan;
        }
        let mut rate = |often: u32| draws.pick(&[0, 0, 0, 1, often / 8, often]);
        plan.rates = Rates {
            unsent: rate(400),
            lost: rate(400),
            unanswered: rate(400),
            late: rate(300),
            slow: rate(500),
            broken: rate(400),
            broken_after: rate(300),
            cut: rate(300),
            stale: rate(2_000),
            list_fails: rate(60),
            line_dies: rate(20),
            line_freezes: rate(3),
            line_lags: rate(40),
            doubled: rate(300),
            order: rate(3_000),
        };
        if draws.strikes(3_000) {
            plan.crash_every = draws.pick(&[20, 60, 200]);
        }
        let count = draws.pick(&[0, 1, 2, 4, 8]);
        for _ in 0..count {
            let at = draws.between(2 * MINUTE, until - 10 * MINUTE);
            plan.add(at, draws);
        }
        plan.acts.sort_by_key(|timed| timed.at);
        attack::add(&mut plan, seed, usual);
        plan
    }

    /// What another venue of the same game brings, for those who ask what may have been seen.
    pub(crate) fn join(&mut self, other: &Self) {
        self.acts.extend(other.acts.iter().cloned());
        let (rates, more) = (&mut self.rates, &other.rates);
        for (rate, other) in [
            (&mut rates.stale, more.stale),
            (&mut rates.lost, more.lost),
            (&mut rates.broken, more.broken),
            (&mut rates.unanswered, more.unanswered),
            (&mut rates.cut, more.cut),
            (&mut rates.line_dies, more.line_dies),
            (&mut rates.line_freezes, more.line_freezes),
        ] {
            *rate = (*rate).max(other);
        }
    }

    fn add(&mut self, at: i64, draws: &mut Draws) {
        let symbol = draws.pick(&["BTCUSDT", "ETHUSDT"]);
        let mut say =
            |at: i64, text: String, row: &'static str| self.acts.push(Timed { at, what: What::Venue(text, row) });
        match draws.below(18) {
            0 => {
                let share = draws.pick(&["0.3", "1"]);
                say(at, format!("act = \"adl\"\nsymbol = \"{symbol}\"\nshare = \"{share}\""), "E12");
            }
            1 => say(at, format!("act = \"ban\"\nfor = \"{}s\"", draws.between(5, 240)), "D07"),
            2 => say(at, format!("act = \"rate_limit\"\nfor = \"{}s\"", draws.between(2, 90)), "D07"),
            3 => say(at, "act = \"cut\"".to_owned(), "D09"),
            4 => say(at, "act = \"listen_keys\"".to_owned(), "C04"),
            5 => {
                let minutes = draws.between(1, 20);
                say(at, format!("act = \"freeze\"\nsymbol = \"{symbol}\"\nfor = \"{minutes}m\""), "B07");
            }
            6 => say(at, format!("act = \"freeze\"\nfor = \"{}m\"", draws.between(1, 20)), "B06"),
            7 => {
                let market = draws.pick(&["spot", "perp"]);
                let text =
                    |on: bool| format!("act = \"halt\"\nsymbol = \"{symbol}\"\nmarket = \"{market}\"\nhalted = {on}");
                say(at, text(true), "E02");
                say(at + draws.between(1, 15) * MINUTE, text(false), "E02");
            }
            8 => say(at, format!("act = \"clock_skew\"\nms = {}", draws.between(-3_000, 3_000)), "D13"),
            9 => {
                say(at, "act = \"deposit\"\nwallet = \"spot\"\nasset = \"BNB\"\namount = \"0.02\"".to_owned(), "H11");
                say(at + 1_000, "act = \"burn\"\non = true".to_owned(), "E10");
                say(at + draws.between(5, 90) * MINUTE, "act = \"burn\"\non = false".to_owned(), "E10");
            }
            10 => {
                let by = draws.pick(&["0.05", "-0.05", "0.2", "-0.2"]);
                let over = draws.between(1, 40);
                say(at, format!("act = \"rally\"\nsymbol = \"{symbol}\"\nby = \"{by}\"\nover = \"{over}m\""), "F01");
            }
            11 => {
                say(at, format!("act = \"brackets\"\nsymbol = \"{symbol}\"\nfactor = {}", draws.between(2, 4)), "E08");
            }
            12 => {
                let step = draws.pick(&[-3_600_000, -5_000, 900, 5_000, 3_600_000]);
                self.acts.push(Timed { at, what: What::Step(step) });
            }
            13 => self.acts.push(Timed { at, what: What::Drift(draws.between(-300, 300)) }),
            16 => {
                let text = "match = { path = \"/fapi/v1/order\", method = \"POST\", reduce_only = true, times = 1 }\nerror = { code = -2022, msg = \"ReduceOnly Order is rejected.\", status = 400 }";
                self.acts.push(Timed { at, what: What::Order(text.to_owned(), "A16") });
            }
            17 => {
                let path = draws.pick(&["/api/v3/order", "/fapi/v1/order"]);
                let text = format!("match = {{ path = \"{path}\", method = \"POST\", times = 3 }}\nno_fill = true");
                self.acts.push(Timed { at, what: What::Order(text, "A19") });
            }
            14 => self.acts.push(Timed { at, what: What::Offline(draws.between(2_000, 180_000)) }),
            _ => self.acts.push(Timed { at, what: What::Kill(draws.between(500, 600_000)) }),
        }
    }
}
