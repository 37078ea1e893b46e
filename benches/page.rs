//! What a page with a thousand slow clients and a flood costs the loop: decision latency with them over decision latency without.
//!
//! The simulator's market runs minute by minute through the run's own loop (`Paper`), with its control socket and its page; a turn is a
//! minute's facts, the decisions and what follows from them, and the answers of the desk. A process of its own is the crowd:
//! half of it stops in the middle of a request's head, the other half follows the overview and reads a byte now and then,
//! eight more ask as fast as they are answered, and eight more ask for plans so. Nine rounds without and with the crowd take turns in one run, so that the ratio
//! holds on any machine. Run: `cargo bench --bench page`; prints a table.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a bench is a program for a person"
)]
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "places and microseconds of a table"
)]

#[path = "../tests/support/http.rs"]
mod http;

use carry::config::Settings;
use carry::control::desk::Desk;
use carry::control::server::{ControlSocket, Server};
use carry::net::machine_clock::{self, Stopwatch};
use carry::run::journal::NoJournal;
use carry::run::paper::{Paper, SimMarket};
use carry::sim::{Faults, Generator, START};
use carry::store::StateLock;
use http::{served, tokens};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const ROUNDS: usize = 9;
const TURNS: usize = 3_000;
/// Between two turns: a live loop rests most of the time, too.
const REST: Duration = Duration::from_micros(500);
const SLOW: usize = 1_000;
const FLOOD: usize = 8;
/// Names the page to the process that is the crowd.
const TARGET: &str = "CARRY_BENCH_CROWD";

struct Bot {
    paper: Paper<NoJournal>,
    desk: Desk,
    clock: Stopwatch,
    _server: Server,
    _lock: StateLock,
}

impl Bot {
    fn new(dir: &Path) -> Self {
        let settings = Settings::default();
        let market = SimMarket::new(Generator::new(9, START), None);
        let mut paper = Paper::start(&settings, NoJournal, market, Faults::none()).unwrap();
        paper.until(carry::domain::WallTime(i64::MAX / 4));
        let lock = StateLock::take(dir).unwrap();
        let (desk, server) = ControlSocket::bind(dir, &lock).unwrap().serve_in_thread(None).unwrap();
        Self { paper, desk, clock: Stopwatch::start(), _server: server, _lock: lock }
    }

    /// Nanoseconds of each turn of a round, sorted.
    fn round(&mut self) -> Vec<u64> {
        let mut took = Vec::with_capacity(TURNS);
        for _ in 0..TURNS {
            let from = machine_clock::steady_ns();
            assert!(self.paper.step().unwrap());
            let now = self.paper.now().max(self.paper.driver.state.now);
            self.desk.serve(&mut self.paper, (now, self.clock.elapsed())).unwrap();
            took.push(machine_clock::steady_ns() - from);
            machine_clock::wait(REST);
        }
        took.sort_unstable();
        took
    }
}

fn at(sorted: &[u64], share: f64) -> f64 {
    let place = (sorted.len() as f64 * share) as usize;
    sorted[place.min(sorted.len() - 1)] as f64 / 1_000.0
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Memory of this process, in MB: the page is a part of it.
fn resident() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: f64 = text.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0.0);
    pages * 4_096.0 / 1e6
}

/// The crowd in a process of its own; it is gone when this is dropped.
struct Crowd {
    child: Child,
    /// What it had done by its last word: requests that were answered, slow connections that were made.
    done: Arc<[AtomicU64; 2]>,
}

impl Crowd {
    fn gather(address: SocketAddr, token: &str) -> Self {
        // Its work is that of other machines: it takes what the session leaves.
        let mut command = Command::new("nice");
        command.arg("-n").arg("5").arg(std::env::current_exe().unwrap());
        let mut child = command.env(TARGET, format!("{address} {token}")).stdout(Stdio::piped()).spawn().unwrap();
        let done: Arc<[AtomicU64; 2]> = Arc::default();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "here");
        let told = Arc::clone(&done);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                for (count, word) in told.iter().zip(line.split(' ')) {
                    count.store(word.parse().unwrap(), Ordering::Relaxed);
                }
            }
        });
        Self { child, done }
    }

    fn done(&self) -> [f64; 2] {
        self.done.each_ref().map(|count| count.load(Ordering::Relaxed) as f64)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Of the process that is the crowd.
static ANSWERED: AtomicU64 = AtomicU64::new(0);
static CONNECTED: AtomicU64 = AtomicU64::new(0);

/// What the process of the crowd does until it is killed.
async fn crowd(address: SocketAddr, token: String) {
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..SLOW {
        let token = token.clone();
        // In groups: one burst would fill the queue of the port, and the system would let all of them wait for seconds.
        if number % 50 == 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        clients.spawn(async move {
            loop {
                let _ = slow(address, &token, number % 2 == 0).await;
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        });
    }
    for number in 0..2 * FLOOD {
        let token = token.clone();
        let path = match number.checked_sub(FLOOD) {
            None => "/s/s",
            Some(number) if number % 2 == 0 => "/s/s/plan?verb=flatten",
            Some(_) => "/s/s/plan?verb=open&pair=alpha:BTCUSDT&size=5000usdt",
        };
        clients.spawn(async move {
            loop {
                if ask(address, &token, path).await.is_err() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
        });
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    println!("here");
    loop {
        tokio::time::sleep(Duration::from_millis(50)).await;
        println!("{} {}", ANSWERED.load(Ordering::Relaxed), CONNECTED.load(Ordering::Relaxed));
    }
}

async fn slow(address: SocketAddr, token: &str, silent: bool) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    CONNECTED.fetch_add(1, Ordering::Relaxed);
    let head =
        format!("GET /s/s/live?screen=overview HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n");
    stream.write_all(head.as_bytes()).await?;
    if !silent {
        stream.write_all(b"\r\n").await?;
    }
    loop {
        let mut byte = [0_u8];
        if stream.read(&mut byte).await? == 0 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn ask(address: SocketAddr, token: &str, path: &str) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    let head =
        format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    if stream.read_to_end(&mut Vec::new()).await? > 0 {
        ANSWERED.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

fn main() {
    if let Ok(target) = std::env::var(TARGET) {
        let (address, token) = target.split_once(' ').unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        return runtime.block_on(crowd(address.parse().unwrap(), token.to_owned()));
    }
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("s");
    std::fs::create_dir(&dir).unwrap();
    let mut bot = Bot::new(&dir);
    let ((_page, address), (token, _)) = (served(&dir), tokens(&dir));
    bot.round();
    let (mut alone, mut beside, mut most) = (Vec::new(), Vec::new(), resident());
    let mut rates = [Vec::new(), Vec::new()];
    let first = most;
    for _ in 0..ROUNDS {
        alone.push(bot.round());
        let crowd = Crowd::gather(address, &token);
        let (before, clock) = (crowd.done(), Stopwatch::start());
        beside.push(bot.round());
        for (place, rate) in rates.iter_mut().enumerate() {
            rate.push((crowd.done()[place] - before[place]) / clock.seconds());
        }
        most = most.max(resident());
        drop(crowd);
    }
    let of = |rounds: &[Vec<u64>], share: f64| median(rounds.iter().map(|round| at(round, share)).collect());
    println!(
        "decision latency, us, median of {ROUNDS} rounds of {TURNS} turns each way; {SLOW} slow clients, {FLOOD} that ask without end, {FLOOD} for plans"
    );
    println!("          alone   crowd   ratio   wanted");
    for (name, share, wanted) in [("p50", 0.5, 1.2), ("p99", 0.99, 2.0)] {
        let (without, with) = (of(&alone, share), of(&beside, share));
        println!("{name}   {without:>9.1} {with:>7.1} {:>7.2}   {wanted}", with / without);
    }
    let [answers, connects] = rates.map(median);
    println!("the crowd had {answers:.0} answers and made {connects:.0} slow connections a second");
    println!("memory of the session with its page: {first:.0} MB before the crowd, {most:.0} MB at most");
}
