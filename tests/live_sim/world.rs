//! One seed: a venue's core, a network between, and the real live run on real files, in one thread and virtual time.

use super::clock::{self, true_ms};
use super::crash::{Crashing, copy, shm};
use super::face::Face;
use super::game::Game;
use super::judge::{Findings, Judge};
use super::manners;
use super::network::{Fate, Network, Queue};
use super::operator::operate;
use super::plan::Draws;
use super::told::Seen;
use carry::control::desk::Desk;
use carry::control::request::ControlRequest;
use carry::domain::{Amount, Asset, Quantity, SignedQuantity, Span, Symbol, VenueId, WallTime};
use carry::loopback::{Core, Options, Script, Source};
use carry::net::carrier::Carrier;
use carry::net::hosts::{Holder, TestKeys};
use carry::net::wire::{Arrived, INBOX, Network as NetworkOf, Wire};
use carry::port::command::AlarmKind;
use carry::port::event::Wallet;
use carry::run::begin::{self, Beginning};
use carry::run::folder;
use carry::run::journal::Journal;
use carry::run::live::Live;
use carry::run::live_loop::{self, Ears, Stop, Until};
use carry::run::opening::{self, Wanted};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// So long after the last fault a person looks, and so long after that all must be well.
pub(crate) const GRACE: i64 = 120_000;
/// A person looks so often.
const LOOK: i64 = 5_000;

/// What a seed came to.
pub(crate) struct Report {
    /// Simulated milliseconds.
    pub(crate) length: i64,
    pub(crate) found: Findings,
    pub(crate) crashes: u64,
    pub(crate) log: Vec<String>,
    /// Kinds of alarms that rang.
    pub(crate) rang: Vec<AlarmKind>,
    /// True time at which it was over.
    #[cfg_attr(not(feature = "planted"), expect(dead_code, reason = "the table of planted bugs tells it"))]
    pub(crate) over: i64,
}

/// How a run of the bot ended.
#[derive(Debug)]
enum Ended {
    Crashed,
    Over(String),
    Failed(String),
}

/// What the run showed at its last tick.
#[derive(Debug, Clone, Default)]
pub(crate) struct View {
    at: i64,
    reachable: bool,
    orders: usize,
    bot: String,
    phases: String,
    unexplained: String,
    manners: manners::Shown,
    ledger: BTreeMap<(VenueId, Wallet, Asset), Amount>,
    alarms: String,
    state: String,
    /// The commands that clear what stands.
    pub(crate) stops: Vec<String>,
}

pub(crate) type Shown = Rc<RefCell<View>>;

fn core(game: &Game, face: Face) -> Core {
    let (spot, perp) = game.money;
    let options = Options {
        profile: face.protocol(),
        listen: "127.0.0.1:0".parse().unwrap(),
        source: Source::Generated(1),
        start: WallTime(game.start),
        history: Span::hours(3),
        speed_per_mille: 1_000,
        pulse_ms: 1_000,
        script: Script::parse(&game.market).unwrap(),
        spot_balance: Amount::whole(spot),
        futures_balance: Amount::whole(perp),
        state: None,
        certificate: None,
    };
    Core::open(options, Arc::new(true_ms)).unwrap()
}

/// Plays a game, up to the first complaint or a true time where one is given; the seed is that of the small things on the way.
pub(crate) fn run(seed: u64, game: Game, draws: Draws, until: Option<i64>) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let local = tokio::task::LocalSet::new();
    runtime.block_on(local.run_until(whole(seed, game, draws, until)))
}

/// All that one seed plays with.
struct Scene {
    root: tempfile::TempDir,
    /// The venue of the pairs; where their legs stand at two, those of the spot legs and of the shorts.
    networks: Vec<Rc<RefCell<Network>>>,
    queues: Vec<Queue>,
    judge: Rc<RefCell<Judge>>,
    kill: Rc<RefCell<Option<Fate>>>,
    draws: Rc<RefCell<Draws>>,
    shown: Shown,
    crash_every: u64,
    until: i64,
    game: Game,
}

async fn whole(seed: u64, game: Game, draws: Draws, until: Option<i64>) -> Report {
    clock::begin(game.start);
    let length = game.length;
    let asleep = game.asleep;
    let scene = Scene::set(seed, game, draws);
    scene.judge.borrow_mut().manners.asleep = asleep;
    let drive = |network: &Rc<RefCell<Network>>| {
        let driven = Rc::clone(network);
        tokio::task::spawn_local(async move { while Network::step(&driven).await {} })
    };
    let driving: Vec<_> = scene.networks.iter().map(drive).collect();
    let mut problems = Vec::new();
    let crashes = tokio::select! {
        crashes = scene.lives(&mut problems) => Some(crashes),
        () = manners::complained(&scene.judge, until.unwrap_or_default()), if until.is_some() => None,
    };
    if let Some(crashes) = crashes {
        problems.extend(end(&scene, &scene.shown.borrow(), crashes > 0));
    }
    let mut judge = scene.judge.borrow_mut();
    judge.end(problems);
    let (log, found, rang) = (judge.log().to_vec(), judge.found.clone(), judge.told.rang());
    drop(judge);
    scene.networks.iter().for_each(|network| network.borrow_mut().end());
    driving.iter().for_each(tokio::task::JoinHandle::abort);
    if std::env::var("CARRY_KEEP").is_ok() {
        println!("kept: {}", scene.root.keep().display());
    }
    Report { length, found, crashes: crashes.unwrap_or_default(), log, rang, over: true_ms() }
}

impl Scene {
    fn set(seed: u64, game: Game, draws: Draws) -> Self {
        let root = tempfile::Builder::new().prefix("carry-sim").tempdir_in(shm()).unwrap();
        let faces = game.faces();
        let cores: Vec<Core> = faces.iter().map(|face| core(&game, *face)).collect();
        let plan = game.plan.clone();
        let lot = |symbol: &str, coin: &'static str, lot: &str| {
            (Symbol::new(symbol).unwrap(), Asset::of(coin), Quantity::parse(lot).unwrap())
        };
        let lots = vec![lot("BTCUSDT", "BTC", "0.001"), lot("ETHUSDT", "ETH", "0.02")];
        let mut judge = Judge::new(cores.iter().map(Core::holdings).collect(), lots);
        judge.held = game.held;
        let judge = Rc::new(RefCell::new(judge));
        let queues: Vec<Queue> = faces.iter().map(|_| Queue::default()).collect();
        let (crash_every, until) = (plan.crash_every, plan.until);
        let plans = std::iter::once(plan).chain(game.there.as_ref().map(|there| there.plan.clone()));
        let networks: Vec<Network> = cores
            .into_iter()
            .zip(plans)
            .zip(&queues)
            .enumerate()
            .map(|(place, ((core, plan), queue))| {
                let draws = Draws::new(seed ^ 0x5eed ^ ((place as u64) << 32));
                let mut network = Network::new((place, core), plan, Rc::clone(&judge), draws, Rc::clone(queue));
                if place > 0 {
                    network.absent = game.absent();
                }
                network
            })
            .collect();
        let kill = Rc::clone(&networks[0].kill);
        let networks = networks.into_iter().map(|network| Rc::new(RefCell::new(network))).collect();
        let draws = Rc::new(RefCell::new(draws));
        Self { root, networks, queues, judge, kill, draws, shown: Rc::default(), crash_every, until, game }
    }

    fn note(&self, text: impl Into<String>) {
        self.judge.borrow_mut().note(text);
    }

    /// One life of the process after another, until the time is over; how many ended in a crash.
    async fn lives(&self, problems: &mut Vec<String>) -> u64 {
        let mut folder = self.root.path().join("run-0");
        let (mut crashes, mut generation) = (0, 0);
        while true_ms() < self.game.start + self.game.length {
            generation += 1;
            let next = self.root.path().join(format!("run-{generation}"));
            match self.life((&folder, &next), generation).await {
                Ended::Crashed => {
                    crashes += 1;
                    self.judge.borrow_mut().manners.crashed = true;
                    self.queues.iter().for_each(|queue| *queue.borrow_mut() = None);
                    let down = self.draws.borrow_mut().pick(&[0, 1_000, 20_000, 300_000]);
                    self.note(format!("the process dies for {down} ms"));
                    self.judge.borrow_mut().excuse(true, down + 60_000);
                    clock_until(true_ms() + down).await;
                    // What lies on the disk is the only one: a copy beside its original would be refused.
                    std::fs::remove_dir_all(&folder).unwrap();
                    folder = next;
                }
                Ended::Failed(what) => {
                    self.queues.iter().for_each(|queue| *queue.borrow_mut() = None);
                    self.note(format!("the start failed: {what}"));
                    self.judge.borrow_mut().excuse(true, 40_000);
                    if true_ms() > self.game.start + self.until + 180_000 {
                        problems.push(format!("I20: the start fails though nothing is wrong: {what}"));
                        break;
                    }
                    // As a service manager does.
                    clock_until(true_ms() + 30_000).await;
                }
                Ended::Over(how) => {
                    self.note(format!("ended: {how}"));
                    break;
                }
            }
        }
        crashes
    }

    async fn life(&self, (folder, copied): (&Path, &Path), generation: u32) -> Ended {
        let faulty = self.crash_every > 0 && true_ms() < self.game.start + self.until;
        let dies_at = if faulty { 1 + self.draws.borrow_mut().below(2 * self.crash_every) } else { 0 };
        let bot = Bot { scene: self, folder, copy: copied, dies_at, generation };
        tokio::select! {
            biased;
            ended = bot.run() => ended,
            (back, restored) = self.killed(folder) => {
                // Killed between two writes: what is on disk is what it left.
                let kept = self.root.path().join("kept");
                copy(if restored && kept.is_dir() { &kept } else { folder }, copied);
                self.note(if restored { "killed, and an older copy of its folder comes back" } else { "killed" });
                clock_until(back).await;
                Ended::Crashed
            }
        }
    }

    /// Waits until the plan kills the process: when it may come back, and whether with the older folder.
    async fn killed(&self, folder: &Path) -> (i64, bool) {
        loop {
            let fate = self.kill.borrow_mut().take();
            match fate {
                Some(Fate::Dead(back)) => return (back, false),
                Some(Fate::Restored(back)) => return (back, true),
                Some(Fate::Keep) => copy(folder, &self.root.path().join("kept")),
                None => {}
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}

/// What must be true at the end, two hours after the last fault.
fn end(scene: &Scene, view: &View, crashed: bool) -> Vec<String> {
    let judge = scene.judge.borrow();
    let mut plan = scene.networks[0].borrow().plan.clone();
    for other in &scene.networks[1..] {
        plan.join(&other.borrow().plan);
    }
    let mut problems = manners::said((&view.alarms, view.manners), (crashed, &plan), &judge);
    let holds: Vec<_> = scene.networks.iter().map(|network| network.borrow().core.holdings()).collect();
    let left = |(symbol, coins): (&Symbol, &SignedQuantity)| !judge.is_a_strangers(*symbol, *coins);
    if holds.iter().any(|holdings| holdings.positions.iter().any(left)) {
        let positions: Vec<_> = holds.iter().map(|holdings| &holdings.positions).collect();
        problems.push(format!("I20: positions are left: {positions:?}"));
    }
    if scene.networks.iter().any(|network| network.borrow().core.rests()) && !judge.told.strangers_rest {
        problems.push("I20: an order rests".to_owned());
    }
    if view.orders > 0 || !view.reachable {
        problems.push(format!("I20: {} orders unsettled, reachable {}", view.orders, view.reachable));
    }
    if view.unexplained != "0" {
        problems.push(format!("I5: unexplained {}", view.unexplained));
    }
    let numbers = scene.game.faces().into_iter().map(|face| scene.game.number(face));
    let books = numbers
        .zip(&holds)
        .flat_map(|(venue, holdings)| [(venue, Wallet::Spot, &holdings.spot), (venue, Wallet::Perp, &holdings.perp)]);
    for (venue, wallet, of) in books {
        let mut ledger: BTreeMap<Asset, Amount> = BTreeMap::new();
        for ((at, place, asset), amount) in &view.ledger {
            if (*at, *place) == (venue, wallet) && !amount.is_zero() {
                ledger.insert(*asset, *amount);
            }
        }
        if &ledger != of {
            problems.push(format!("I5: {venue:?} {wallet:?}: ledger {ledger:?}, venue {of:?}"));
        }
    }
    if !problems.is_empty() {
        problems.push(format!(
            "it showed: {} {} bot {} phases {} alarms {} at {} s",
            view.state,
            view.stops.join("; "),
            view.bot,
            view.phases,
            view.alarms,
            (view.at - judge.start) / 1_000
        ));
    }
    problems
}

pub(crate) async fn clock_until(at: i64) {
    let wait = u64::try_from((at - true_ms()).max(0)).unwrap();
    tokio::time::sleep(Duration::from_millis(wait)).await;
}

struct Bot<'a> {
    scene: &'a Scene,
    folder: &'a Path,
    copy: &'a Path,
    dies_at: u64,
    generation: u32,
}

impl Bot<'_> {
    async fn run(self) -> Ended {
        match self.live().await {
            Ok(ended) => ended,
            Err(error) => Ended::Failed(error.to_string()),
        }
    }

    /// Doors to every venue of the game, in the order of their numbers.
    fn wanted(&self, sender: &mpsc::Sender<Arrived>) -> Result<Vec<Wanted>, begin::BeginError> {
        let mut wanted = Vec::new();
        for (face, queue) in self.scene.game.faces().into_iter().zip(&self.scene.queues) {
            let (to, asked) = mpsc::unbounded_channel();
            *queue.borrow_mut() = Some(asked);
            let of = NetworkOf {
                owner: face.owner(),
                holder: Holder::Test(TestKeys::vouched()),
                test_root: None,
                clock: clock::machine(),
                carrier: Carrier::Queue(to),
            };
            let venue = self.scene.game.number(face);
            let wire = Wire::new((venue, Arc::new(face.profile())), face.signer(), &of, sender.clone())?;
            let (name, asked) = (face.name().to_owned(), self.scene.game.asked(face));
            wanted.push(Wanted { venue, name, asked, wire: Arc::new(wire) });
        }
        wanted.sort_by_key(|one| one.venue);
        Ok(wanted)
    }

    async fn live(&self) -> Result<Ended, begin::BeginError> {
        std::fs::create_dir_all(self.folder)?;
        clock::forget();
        self.scene.judge.borrow_mut().told.begin(true_ms());
        let loaded = self.scene.game.settings(self.folder);
        let (sender, inbox) = mpsc::channel(INBOX);
        let machine = clock::machine();
        let wanted = self.wanted(&sender)?;
        drop(sender);
        let kept = folder::numbered(self.folder);
        let mut opened = opening::open(&loaded.settings, wanted, kept, machine, inbox).await?;
        begin::accounts(&opened, &loaded.settings).await?;
        opening::open_lines(&mut opened);
        let of = Beginning { folder: self.folder, loaded: &loaded, salt: self.generation };
        let live = begin::live(of, &mut opened).await?;
        let mut live = live.with_journal(|session| Crashing {
            session,
            folder: self.folder,
            copy: self.copy,
            writes: 0,
            dies_at: self.dies_at,
            until: self.scene.game.start + self.scene.until,
            draws: Rc::clone(&self.scene.draws),
        });
        let (ask, requests) = mpsc::channel::<ControlRequest>(4);
        let start = self.scene.game.start;
        let (looks, networks) = (Rc::clone(&self.scene.shown), self.scene.networks.clone());
        let operator = operate(ask, looks, start + self.scene.until, networks);
        let operator = tokio::task::spawn_local(operator);
        let (_stop, stop) = watch::channel(Stop::Not);
        let mut ears = Ears { inbox: opened.inbox, desk: Desk::new(requests), stop };
        let end = WallTime(start + self.scene.game.length);
        let until = Until { end: Some(end), grace: Span::seconds(60) };
        let shown = Rc::clone(&self.scene.shown);
        let trace = std::env::var("CARRY_SEED").is_ok();
        let mut viewed = 0;
        let look = |run: &mut Live<Crashing<'_>>, _: WallTime| {
            self.show(run);
            if true_ms() < viewed + LOOK && !trace {
                return;
            }
            viewed = true_ms();
            let now = view(run);
            if trace && now.ledger != shown.borrow().ledger {
                println!("{:>9} s  ledger {:?}", (now.at - start) / 1_000, now.ledger);
            }
            *shown.borrow_mut() = now;
        };
        let ended = live_loop::run(&mut live, &mut ears, machine, until, look).await;
        operator.abort();
        match ended {
            Ok(ended) => {
                *shown.borrow_mut() = view(&mut live);
                Ok(Ended::Over(format!("{ended:?}")))
            }
            Err(error) if error.0.contains("died here") => Ok(Ended::Crashed),
            Err(error) => Ok(Ended::Failed(error.to_string())),
        }
    }
}

impl Bot<'_> {
    /// Shows the judge what a person sees.
    fn show<J: Journal>(&self, live: &mut Live<J>) {
        let driver = &live.driver;
        let phases = driver.state.pairs.iter().map(|pair| pair.memory.phase).collect();
        let (state, _) = carry::control::stops::of(&driver.state);
        let foreign = driver.state.venues.iter().any(|venue| venue.foreign);
        let seen = Seen { alarms: driver.alarms.clone(), phases, state, foreign };
        self.scene.judge.borrow_mut().told.show(true_ms(), seen);
    }
}

fn view<J: Journal>(live: &mut Live<J>) -> View {
    let reachable = live.is_reachable();
    let alarms = format!("{:?}", live.driver.alarms);
    let manners = manners::shown(live);
    let (word, stops) = carry::control::stops::of(&live.driver.state);
    let state = &mut live.driver.state;
    state.mark_all();
    let equity = state.equity();
    let lines = carry::engine::profit::lines_of(state, equity);
    let mut ledger = BTreeMap::new();
    for ((account, asset), amount) in state.ledger.balances() {
        if let carry::ledger::Account::Wallet { venue, wallet } = account {
            ledger.insert((*venue, *wallet, *asset), *amount);
        }
    }
    View {
        at: true_ms(),
        reachable,
        orders: state.orders.live().len(),
        bot: format!("{:?}", state.bot),
        phases: format!("{:?}", state.pairs.iter().map(|pair| pair.memory.phase).collect::<Vec<_>>()),
        unexplained: lines.unexplained.to_string(),
        manners,
        ledger,
        alarms,
        state: word,
        stops: stops.into_iter().filter_map(|stop| stop.clear).collect(),
    }
}
