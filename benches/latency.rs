//! Latency over real sockets: from a best-quote frame's arrival until the first byte of the order it causes is at the venue.
//!
//! The run's own parts, joined as a run joins them: socket, feed, driver and core, the intent synced to SQLite or not, encoding,
//! signing, a connection of its own for the write. The venue is a thread on loopback. The two ways take turns in one run, so
//! that their ratio holds on any machine. Run: `cargo bench --bench latency`; prints a table.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench is a program for a person")]

mod market;

use carry::domain::{FundingRate, InstrumentId, Interval, Leg, Market, Quantity, Rate, Symbol, VenueId, WallTime};
use carry::engine::State;
use carry::net::hosts::{Owner, TestKeys};
use carry::net::http::{HttpClient, HttpSettings, Outgoing};
use carry::net::machine_clock;
use carry::net::socket::{Arrival, SocketSettings};
use carry::net::{Dialer, Holder, Site};
use carry::orders::OrderState;
use carry::port::event::{Settlement, Wallet};
use carry::port::order::Intent;
use carry::port::{Event, Stamped};
use carry::run::collect::Collector;
use carry::run::driver::Driver;
use carry::run::journal::{Books, Journal, Kept};
use carry::run::live::Outbox;
use carry::run::session::Session;
use carry::store::JournalError;
use carry::store::LedgerFile;
use carry::venues::ask::{Act, Placement, Priority};
use carry::venues::binance::account::Input;
use carry::venues::binance::encode;
use carry::venues::binance::feed::{Channel, Feed, FeedInput, FeedOutput};
use carry::venues::binance::profile::Profile;
use carry::venues::binance::sign::{Stamp, TradeSigner};
use futures_util::SinkExt as _;
use secrecy::SecretString;
use std::collections::BTreeMap;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

const PERP: InstrumentId = InstrumentId(1);
/// Time between ticks: slow enough for our own limit on orders a minute.
const PAUSE: i64 = 10_000;
const SAMPLES: u64 = 4_000;
const WARM: u64 = 200;

/// With a ledger or without.
enum Book {
    None,
    Disk(Box<Session>),
}

impl Journal for Book {
    fn intent(&mut self, intent: &Intent, books: Books<'_>) -> Result<Kept, JournalError> {
        if let Self::Disk(session) = self { session.intent(intent, books) } else { Ok(Kept::OnDisk) }
    }
    fn fact(&mut self, stamped: &Stamped, number: Option<u64>, books: Books<'_>) -> Result<(), JournalError> {
        if let Self::Disk(session) = self { session.fact(stamped, number, books) } else { Ok(()) }
    }
}

/// One core with its feed.
struct Bot {
    driver: Driver<Book, Outbox>,
    feed: Feed,
    told: Vec<FeedOutput>,
    now: i64,
}

impl Bot {
    fn new(book: impl FnOnce(&Collector) -> Book) -> Self {
        let catalogue = market::catalogue("BTC");
        let intervals: BTreeMap<_, _> = [(PERP, Interval::H8)].into();
        let feed = Feed::new(VenueId(0), &catalogue, &intervals, &BTreeMap::new(), false);
        let collector = Collector::new(1, true);
        let book = book(&collector);
        let state = State::new(market::settings("strategies/anchor.toml"), catalogue);
        let driver = Driver::new(state, Outbox::default(), book, collector);
        let mut bot = Self { driver, feed, told: Vec::new(), now: 1_700_000_000_000 };
        let at = WallTime(bot.now);
        bot.driver.fact(at, Event::Boot { epoch: 1, salt: 1 }, None).unwrap();
        let capital = bot.driver.state.settings.run.capital;
        let pair = bot.driver.state.catalogue.pairs().first().unwrap().clone();
        for wallet in [Wallet::Spot, Wallet::Perp] {
            let event = Event::Opening {
                venue: pair.venue(Leg::Short),
                wallet,
                asset: pair.quote(Leg::Short),
                amount: capital,
            };
            bot.driver.fact(at, event, None).unwrap();
        }
        let funding = FundingRate { rate: Rate::parse("0.0005").unwrap(), interval: Interval::H8 };
        for _ in 0..90 {
            bot.now += 8 * 3_600_000;
            let stamp = WallTime(bot.now);
            let event = Event::Settled { instrument: PERP, settlement: Settlement { stamp, funding } };
            bot.driver.market(stamp, event).unwrap();
        }
        bot.now += 3_600_000;
        bot
    }

    /// A frame into the core, as a live run takes it in.
    fn take(&mut self, market: Market, frame: &[u8]) {
        let now = WallTime(self.now);
        self.feed.handle(FeedInput::Frame(Channel { market, place: 0 }, frame), now, &mut self.told);
        for told in self.told.drain(..) {
            if let FeedOutput::Fact(event) = told {
                self.driver.market(now, event).unwrap();
            }
        }
    }

    /// The first order that is ready to leave, all of them taken back so that the next tick can make them again.
    fn order(&mut self) -> Option<Intent> {
        let mut first = None;
        for input in std::mem::take(&mut self.driver.venue.0) {
            if let Input::Place(intent) = input {
                if let Some(order) = self.driver.state.orders.live_mut(intent.id) {
                    order.state = OrderState::Recorded;
                }
                self.driver.state.orders.withdraw(intent.id);
                first.get_or_insert(intent);
            }
        }
        let pair = self.driver.state.pairs.first_mut().unwrap();
        pair.memory.target = Quantity::ZERO;
        pair.at_rest = true;
        pair.dirty = false;
        first
    }
}

/// The venue: sends the frames it is told to, and tells when the first byte of a request came.
struct Venue {
    base: String,
    frames: mpsc::UnboundedSender<String>,
    orders: mpsc::UnboundedReceiver<u64>,
}

fn venue() -> Venue {
    let (frames, mut to_send) = mpsc::unbounded_channel::<String>();
    let (came, orders) = mpsc::unbounded_channel();
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap().to_string()).unwrap();
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let mut ws = tokio_tungstenite::accept_async(stream).await.unwrap();
            tokio::spawn(async move {
                while let Ok((mut stream, _)) = listener.accept().await {
                    let mut bytes = [0_u8; 4096];
                    let count = stream.read(&mut bytes).await.unwrap();
                    let at = machine_clock::steady_ns();
                    assert!(count > 0, "an order of no byte");
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
                    stream.write_all(answer).await.unwrap();
                    came.send(at).unwrap();
                }
            });
            while let Some(text) = to_send.recv().await {
                ws.send(Message::text(text)).await.unwrap();
            }
        });
    });
    Venue { base: told.recv().unwrap(), frames, orders }
}

/// The frame of a leg's next best quote.
fn frame(market: Market, update: u64, now: i64) -> String {
    let cents = update % 90 + 10;
    match market {
        Market::Spot => format!(
            r#"{{"stream":"btcusdt@bookTicker","data":{{"u":{update},"s":"BTCUSDT","b":"61800.{cents}000000","B":"25.50700000","a":"61801.{cents}000000","A":"25.51000000"}}}}"#
        ),
        Market::Perp => format!(
            r#"{{"stream":"btcusdt@bookTicker","data":{{"e":"bookTicker","u":{update},"s":"BTCUSDT","b":"61850.{cents}","B":"25.507","a":"61851.{cents}","A":"25.510","T":{now},"E":{now}}}}}"#
        ),
    }
}

/// Nanoseconds of the stages of one tick.
#[derive(Clone, Copy)]
struct Times {
    whole: u64,
    handed: u64,
    decided: u64,
    signed: u64,
    sent: u64,
}

/// What a tick needs besides the core.
struct Line {
    venue: Venue,
    inbox: mpsc::Receiver<Arrival>,
    client: HttpClient,
    profile: Profile,
    signer: TradeSigner,
}

impl Line {
    async fn tick(&mut self, bot: &mut Bot, update: u64) -> Times {
        bot.now += PAUSE;
        bot.take(Market::Spot, frame(Market::Spot, update, bot.now).as_bytes());
        self.venue.frames.send(frame(Market::Perp, update, bot.now)).unwrap();
        let arrival = self.inbox.recv().await.unwrap();
        let in_hand = machine_clock::steady_ns();
        bot.take(Market::Perp, &arrival.bytes);
        bot.driver.turn(WallTime(bot.now)).unwrap();
        let decided = machine_clock::steady_ns();
        let intent = bot.order().unwrap();
        let ready = machine_clock::steady_ns();
        let placement = Placement {
            market: if intent.instrument == PERP { Market::Perp } else { Market::Spot },
            symbol: Symbol::of("BTCUSDT"),
            id: intent.id,
            side: intent.side,
            quantity: intent.quantity,
            limit: intent.limit,
            time_in_force: intent.time_in_force,
            reduce_only: false,
            priority: Priority::Normal,
        };
        let write = encode::write(&self.profile, &Act::Place(placement)).unwrap();
        let signed = self.signer.sign_write(&write, &Stamp::new(WallTime(bot.now), 0));
        let is_signed = machine_clock::steady_ns();
        let client = self.client.clone();
        let sending = tokio::spawn(async move {
            let header = signed.header.as_ref().map(|(name, value)| (*name, value.as_str()));
            let (path_and_query, body) = (signed.path_and_query.as_str(), signed.body.as_deref());
            client.send(&Outgoing { method: signed.method, path_and_query, body, header }).await.unwrap();
        });
        let came = self.venue.orders.recv().await.unwrap();
        sending.await.unwrap();
        // What the bench itself does to take the order back is not counted.
        let undone = ready - decided;
        Times {
            whole: came - arrival.at.steady_ns - undone,
            handed: in_hand - arrival.at.steady_ns,
            decided: decided - in_hand,
            signed: is_signed - ready,
            sent: came - is_signed,
        }
    }
}

/// Which part of a tick.
type Stage = fn(&Times) -> u64;

fn shares(times: &[Times], of: impl Fn(&Times) -> u64) -> [u64; 3] {
    let mut all: Vec<u64> = times.iter().map(of).collect();
    all.sort_unstable();
    [500, 990, 999].map(|share| all.get(all.len() * share / 1000).copied().unwrap_or_default())
}

async fn go() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = LedgerFile::open(&folder.path().join("ledger.sqlite"), "live").unwrap();
    let mut bots =
        [Bot::new(|_| Book::None), Bot::new(|collector| Book::Disk(Box::new(Session::new(ledger, None, collector))))];
    let venue = venue();
    let holder = || Holder::Test(TestKeys::vouched());
    let site = |scheme: &str| Site::new(&format!("{scheme}://{}", venue.base), Owner::Binance, holder()).unwrap();
    let dialer = Dialer::new(&site("ws"), SocketSettings::default(), None, machine_clock::clock()).unwrap();
    let client = HttpClient::new(&site("http"), HttpSettings::default(), None, machine_clock::clock()).unwrap();
    let socket = dialer.dial("/stream").await.unwrap();
    let (frames, mut arrived) = mpsc::channel(1024);
    let (into, inbox) = mpsc::channel(1024);
    let (keep, texts) = mpsc::channel(1);
    tokio::spawn(async move {
        let pass = async {
            while let Some(arrival) = arrived.recv().await {
                into.send(arrival).await.unwrap();
            }
        };
        tokio::join!(socket.run(frames, texts), pass);
    });
    let secret = SecretString::from("0000000000000000000000000000000000000000000000000000000000000001");
    let signer = TradeSigner::hmac("key", &secret).unwrap();
    let mut line = Line { venue, inbox, client, profile: Profile::binance(), signer };
    let mut times: [Vec<Times>; 2] = [Vec::new(), Vec::new()];
    for sample in 0..SAMPLES + WARM {
        for (bot, times) in bots.iter_mut().zip(&mut times) {
            let taken = line.tick(bot, sample + 2).await;
            if sample >= WARM {
                times.push(taken);
            }
        }
    }
    drop(keep);
    let [without, with] = &times;
    println!("frame arrival to first order byte at the venue, {SAMPLES} orders each way, us: p50 / p99 / p99.9");
    let stages: [(&str, Stage); 5] = [
        ("whole", |t| t.whole),
        ("  socket to core", |t| t.handed),
        ("  decode, decide, intent", |t| t.decided),
        ("  encode and sign", |t| t.signed),
        ("  connect, send, arrive", |t| t.sent),
    ];
    for (name, of) in stages {
        let (one, other) = (shares(without, of), shares(with, of));
        let us = |ns: u64| format!("{}.{}", ns / 1000, ns % 1000 / 100);
        let text = |three: [u64; 3]| three.map(us).join(" / ");
        let ratio = |at: usize| {
            let (one, other) = (one.get(at).copied().unwrap_or(1).max(1), other.get(at).copied().unwrap_or(0));
            format!("{}.{:02}", other / one, other % one * 100 / one)
        };
        println!(
            "{name:<26} not synced {:<28} synced {:<28} ratio {} / {} / {}",
            text(one),
            text(other),
            ratio(0),
            ratio(1),
            ratio(2)
        );
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { tokio::spawn(go()).await.unwrap() });
}
