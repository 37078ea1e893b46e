//! `kill -9` of a real process at drawn moments, again and again; after every fifth one the venue or a person acts while it is
//! dead.
//!
//! What must hold: legs are unequal from `Ready` on for no longer than `execution.hedge_time` and two ways, what the venue did is
//! told by a typed alarm, and at the end, when a person has typed what `carry reconcile` names, ledger and venue agree to the last
//! unit. `CARRY_LIVE_KILLS` is the count, `CARRY_KILL_SEED` the seed of the moments.
use super::rig::{Ran, Rig, START, Watched};
use super::way::{Life, Worst, unequal, worst};
use super::{TURN, closed_and_equal, count, turns};
use carry::loopback::keys::TRADER;
use carry::venues::binance::sign::TradeSigner;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How much faster than time the venue's clock runs.
const SPEED: u32 = 100;
/// Kills of one venue.
const OF_ONE: u64 = 25;
/// Venues at once: they mostly wait.
const AT_ONCE: u64 = 4;
/// `execution.hedge_time` of the rig, and two ways of a tenth of a real second each.
const NAKED_MS: i64 = 60_000 + 2 * 100 * SPEED as i64;
/// Alarms that tell of money that somebody moved.
const MONEY: &[&str] = &["foreign", "difference"];
/// Real time that a start and a person's acts may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// Moments and acts; the same ones in every run of a seed.
struct Draws(u64);

impl Draws {
    const fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }
}

/// What was done while it was dead, and which alarms may tell it.
struct Dead {
    name: &'static str,
    kinds: &'static [&'static str],
}

/// What the kills came to.
#[derive(Default)]
struct Found {
    kills: u64,
    /// Killed before it was ready.
    early: u64,
    /// Killed at the arrival of an order.
    at_order: u64,
    trips: u64,
    worst: Worst,
    acts: BTreeMap<&'static str, u64>,
    told: BTreeMap<String, u64>,
    typed: BTreeMap<String, u64>,
    broken: Vec<String>,
}

impl Found {
    fn add(&mut self, other: Self) {
        self.kills += other.kills;
        self.early += other.early;
        self.at_order += other.at_order;
        self.trips += other.trips;
        self.worst.add(other.worst);
        for (name, count) in other.acts {
            *self.acts.entry(name).or_default() += count;
        }
        for (sum, of) in [(&mut self.typed, other.typed), (&mut self.told, other.told)] {
            for (word, count) in of {
                *sum.entry(word).or_default() += count;
            }
        }
        self.broken.extend(other.broken);
    }
}

/// One venue and the runs on it.
struct Scene {
    rig: Rig,
    draws: Draws,
    found: Found,
    lives: Vec<Life>,
    printed: Vec<Ran>,
}

impl Scene {
    fn now(&self) -> i64 {
        self.rig.get("/carry/clock")["now_ms"].as_i64().unwrap()
    }

    fn ask(&self, verb: &Value) -> Option<Value> {
        self.rig.control("state", verb)
    }

    fn is_ready(&self) -> bool {
        let said = self.ask(&json!({ "verb": "pairs" }));
        said.is_some_and(|said| said["result"]["state"].as_str().is_some_and(|state| state != "starting"))
    }

    /// Orders that have arrived at the venue.
    fn arrived(&self) -> usize {
        self.rig.get("/carry/requests")["new_orders"].as_object().unwrap().len()
    }

    /// A process from its start to its death; `dead` is what happened before it.
    fn live(&mut self, dead: Option<&Dead>) {
        let mut process = Watched::start(self.rig.live("60d", &[]));
        let mut life = Life::default();
        let ms = 50 + self.draws.below(4_000);
        let (at_order, arrived) = (self.draws.below(3) == 0, self.arrived());
        let mut until = Instant::now() + Duration::from_millis(ms);
        if let Some(dead) = dead {
            let patience = Instant::now() + PATIENCE;
            while life.ready.is_none() && Instant::now() < patience && !process.ends_within(Duration::from_millis(5)) {
                life.ready = self.is_ready().then(|| self.now());
            }
            self.attend(dead, &mut life, &mut process);
            until = Instant::now() + Duration::from_millis(ms);
        }
        while Instant::now() < until && !process.ends_within(Duration::from_millis(5)) {
            if life.ready.is_none() {
                life.ready = self.is_ready().then(|| self.now());
            }
            if at_order && self.arrived() > arrived {
                self.found.at_order += 1;
                break;
            }
        }
        let ran = process.kill();
        life.ended = self.now();
        if ran.code.is_some() {
            self.found.broken.push(format!("a run ended by itself, exit {:?}: {}", ran.code, ran.err));
        }
        self.found.kills += 1;
        self.found.early += u64::from(life.ready.is_none());
        self.lives.push(life);
        self.printed.push(ran);
    }

    /// A person looks at the restarted run: the alarm is there, and what `reconcile` names is typed until it names nothing.
    fn attend(&mut self, dead: &Dead, life: &mut Life, process: &mut Watched) {
        let patience = Instant::now() + PATIENCE;
        let (mut told, mut settled, mut before) = (dead.kinds.is_empty(), false, String::new());
        let mut last = Value::Null;
        while !(told && settled) && Instant::now() < patience && !process.ends_within(Duration::from_millis(20)) {
            if !told {
                let status = self.ask(&json!({ "verb": "status" })).unwrap_or_default();
                let alarms = &status["result"]["alarms"];
                let rang = dead.kinds.iter().find(|kind| count(&alarms[**kind]) > 0);
                told = rang.is_some();
                if let Some(kind) = rang {
                    *self.found.told.entry(format!("{} by {kind}", dead.name)).or_default() += 1;
                }
                last = alarms.clone();
            }
            let said = self.ask(&json!({ "verb": "reconcile" })).unwrap_or_default();
            let step = said["result"]["steps"][0]["type"].as_str().unwrap_or_default().to_owned();
            settled = said["ok"] == true && said["result"]["agree"] == true && step.is_empty();
            // A person types what still stands at the second look.
            if !step.is_empty() && step == before {
                life.held = Some((life.held.map_or_else(|| self.now(), |held| held.0), i64::MAX));
                self.type_in(&step);
            }
            before = step;
        }
        life.held = life.held.map(|held| (held.0, self.now()));
        if !told {
            self.found.broken.push(format!("I19: after {} none of {:?} rang, only {last}", dead.name, dead.kinds));
        }
        if !settled {
            let said = self.ask(&json!({ "verb": "reconcile" }));
            self.found.broken.push(format!("L24: after {} it did not settle: {said:?}", dead.name));
        }
    }

    /// Types an act and agrees to its plan.
    fn type_in(&mut self, step: &str) {
        let words: Vec<&str> = step.split(' ').skip(1).collect();
        let Some(verb) = words.first() else { return };
        let mut line = json!({ "verb": verb });
        match *verb {
            "adopt" => line["pair"] = words[1].into(),
            "clear-halt" => line["reason"] = "looked at by the test".into(),
            _ => {}
        }
        let mut said = self.ask(&line).unwrap_or_default();
        if let Some(token) = said["plan"]["token"].as_str() {
            line["token"] = token.into();
            said = self.ask(&line).unwrap_or_default();
        }
        if said["ok"] == true {
            *self.found.typed.entry((*verb).to_owned()).or_default() += 1;
        }
    }

    /// The venue or a person acts while no process runs.
    fn act(&mut self) -> Dead {
        let held =
            self.rig.get("/carry/books")["positions"]["BTCUSDT"]["coins"].as_str().is_some_and(|coins| coins != "0");
        let drawn = self.draws.below(if held { 6 } else { 3 });
        let amount = self.draws.pick(&[-900, -250, 400, 1_100]);
        let dead = match drawn {
            0 => self.deposit("spot", amount),
            1 => self.deposit("perp", amount.abs()),
            2 => self.transfer(amount),
            3 => {
                let share = self.draws.pick(&["0.2", "0.5", "1"]);
                self.rig.fault(&json!({ "act": "adl", "symbol": "BTCUSDT", "share": share }));
                Dead { name: "adl", kinds: &["adl"] }
            }
            4 => {
                self.rig.fault(&json!({ "act": "adl", "symbol": "BTCUSDT", "share": "0.3" }));
                Dead { name: "adl", kinds: &["adl"] }
            }
            _ => {
                self.rig.fault(&json!({ "act": "liquidation", "symbol": "BTCUSDT" }));
                Dead { name: "liquidation", kinds: &["liquidated"] }
            }
        };
        *self.found.acts.entry(dead.name).or_default() += 1;
        dead
    }

    fn deposit(&self, wallet: &str, amount: i64) -> Dead {
        self.rig.fault(&json!({ "act": "deposit", "wallet": wallet, "asset": "USDT", "amount": amount.to_string() }));
        Dead { name: if amount < 0 { "withdrawal" } else { "deposit" }, kinds: MONEY }
    }

    /// Moves money between the wallets as the venue's own page does it; the other way where there is too little.
    fn transfer(&self, amount: i64) -> Dead {
        let signer = TradeSigner::hmac(TRADER.0, &TRADER.1.to_owned().into()).unwrap();
        for to_futures in [amount > 0, amount < 0] {
            let kind = if to_futures { "MAIN_UMFUTURE" } else { "UMFUTURE_MAIN" };
            let query =
                format!("type={kind}&asset=USDT&amount={}&recvWindow=60000&timestamp={}", amount.abs(), self.now());
            let signature = signer.signature_of(query.as_bytes());
            let path = format!("/sapi/v1/asset/transfer?{query}&signature={signature}");
            if self.rig.asked("POST", &path, "").0 {
                return Dead { name: "transfer", kinds: MONEY };
            }
        }
        panic!("neither wallet holds {amount}");
    }

    /// To the end of the last turn, and for as long as an exit takes; a person is there.
    fn finish(&mut self, turns: u64, dead: Option<&Dead>) -> Ran {
        if let Some(dead) = dead {
            // The last life looks at what happened before it.
            self.live(Some(dead));
        }
        let passed = u64::try_from((self.now() - START) / 60_000).unwrap();
        let left = (turns * TURN).saturating_sub(passed).max(TURN / 2);
        // What is left passes faster, once it is up: a stamp is good for five seconds, which must be enough for a loaded machine.
        let (mut fast, rig) = (false, &self.rig);
        Rig::watched(rig.live(&format!("{left}m"), &[]), 90 + left * 60 / 300 * 3, |_| {
            if !fast && self.is_ready() {
                fast = rig.asked("POST", "/carry/clock/speed?x=300", "").0;
            }
        })
    }
}

/// One venue, so many kills.
fn play(kills: u64, seed: u64) -> Found {
    let turns_of = kills.div_ceil(20);
    let rig = Rig::new(&turns(turns_of), SPEED);
    let mut scene = Scene { rig, draws: Draws(seed), found: Found::default(), lives: Vec::new(), printed: Vec::new() };
    let mut dead = None;
    for number in 0..kills {
        scene.live(dead.take().as_ref());
        // Dead for no time, for a minute, or over a settlement.
        let minutes = scene.draws.pick(&[0, 0, 1, 10, 25]);
        let before = scene.draws.below(2) == 0;
        let advance = format!("/carry/clock/advance?ms={minutes}m");
        if before {
            scene.rig.asked("POST", &advance, "");
        }
        if number % 5 == 1 {
            dead = Some(scene.act());
        }
        if !before {
            scene.rig.asked("POST", &advance, "");
        }
    }
    let ran = scene.finish(turns_of, dead.as_ref());
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    closed_and_equal(&scene.rig, &ran);
    // Each of its starts decides again as it did, however it ended (fault L26).
    let again = scene.rig.ask(&["replay", "state", "--json"]);
    assert_eq!(again.code, Some(0), "{}{}", again.out, again.err);
    scene.rig.search(&scene.printed.iter().collect::<Vec<_>>());
    scene.found.trips = count(&ran.summary()["round_trips"]);
    scene.found.worst = worst(&unequal(&scene.rig), &scene.lives);
    if scene.found.worst.naked > NAKED_MS {
        let Worst { naked, naked_in: (place, from), .. } = scene.found.worst;
        let (life, log) = (&scene.lives[place], &scene.printed[place].err);
        let tail: Vec<&str> = log.lines().rev().take(30).collect();
        let tail = tail.join("\n");
        scene.found.broken.push(format!(
            "I1: legs unequal for {naked} ms of a ready process from {from} on, at most {NAKED_MS}: life {place}, {life:?}; its log, \
             the last line first:\n{tail}"
        ));
    }
    scene.found
}

#[test]
fn g01_killed_in_the_middle_of_a_pair_it_ends_as_if_it_never_was() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (kills, seed) = (number("CARRY_LIVE_KILLS").unwrap_or(3), number("CARRY_KILL_SEED").unwrap_or(7));
    let (next, found) = (AtomicU64::new(0), Mutex::new(Found::default()));
    let venues = kills.div_ceil(OF_ONE);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(venues) {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::SeqCst);
                    if place >= venues {
                        break;
                    }
                    let of_this = OF_ONE.min(kills - place * OF_ONE);
                    let played = std::panic::catch_unwind(|| play(of_this, seed + 1_000 * place));
                    let mut all = found.lock().unwrap();
                    match played {
                        Ok(mut one) => {
                            for text in &mut one.broken {
                                *text = format!("venue {place}: {text}");
                            }
                            println!(
                                "venue {place}: {of_this} kills, {} round trips, {:?}, {:?}",
                                one.trips, one.acts, one.worst
                            );
                            all.add(one);
                        }
                        Err(_) => all.broken.push(format!("venue {place}: panicked, see above")),
                    }
                }
            });
        }
    });
    let found = found.into_inner().unwrap();
    println!(
        "{} kills ({} before it was ready, {} at the arrival of an order), {} round trips\nwhile dead: {:?}, told: {:?}\ntyped: {:?}\n\
         longest unequal: {} ms from Ready on (at most {NAKED_MS}), {} ms held for a person, {} ms dead or alive",
        found.kills,
        found.early,
        found.at_order,
        found.trips,
        found.acts,
        found.told,
        found.typed,
        found.worst.naked,
        found.worst.held,
        found.worst.whole
    );
    assert!(found.broken.is_empty(), "{} problems:\n{}", found.broken.len(), found.broken.join("\n\n"));
}
