//! Records public streams as they come: raw frames with the time of receipt, one file a leg and hour, to be replayed later.
//!
//! The same session that would follow the books live decides when a snapshot is needed, so that each file begins with one
//! and replays by itself. Connections that end are opened again by `net/rotation.rs`. A file gets its name when it is
//! whole; until then it ends in `.part`. Nothing is decided or sent to the core. Tests: `tests/commands/record.rs`.

use super::public::{AskError, PublicVenue};
use crate::domain::{InstrumentId, Market, Span, Symbol, WallTime};
use crate::net::backoff::{Attempts, Backoff, BackoffSettings};
use crate::net::hosts::{HostError, Owner};
use crate::net::rotation::{Act, Generation, Happened, Link, RotationSettings};
use crate::net::socket::{Arrival, SocketSettings};
use crate::net::tls::TlsError;
use crate::net::{Clock, Dialer, Holder, Site};
use crate::venues::ask::Ask;
use crate::venues::binance::session::{Input, Output, Session, Subscription};
use crate::venues::binance::streams::{Stream, streams};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use thiserror::Error;
use tokio::sync::mpsc;

/// Frames that may wait between the sockets and the disk.
const QUEUE: usize = 8192;
/// Without a frame for this long since the start the venue counts as out of reach.
const PATIENCE: Duration = Duration::from_secs(12);

/// What is recorded, and until when.
#[derive(Debug, Clone)]
pub struct Recording {
    /// Where files go.
    pub out: PathBuf,
    /// Name of the venue, for the paths.
    pub venue: String,
    /// Whose streams, spot and perp.
    pub symbols: Vec<Symbol>,
    /// How long; until interrupted when absent.
    pub length: Option<Duration>,
    /// Most frames.
    pub frames: Option<u64>,
}

/// One finished file.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// Its path.
    pub file: PathBuf,
    /// Frames and snapshots in it.
    pub frames: u64,
    /// How often its book had to begin anew after the first time.
    pub restarts: u64,
}

/// Why a recording ended early; finished files stay.
#[derive(Debug, Error)]
pub enum RecordError {
    /// A question.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// An address.
    #[error(transparent)]
    Host(#[from] HostError),
    /// TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The disk.
    #[error("{}: {source}", path.display())]
    Disk {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Nothing came.
    #[error("nothing came from {0}: it cannot be reached")]
    Silent(String),
}

/// What reaches the loop.
enum Came {
    Opened(usize, Generation),
    Ended(usize, Generation),
    Frame(usize, Arrival),
    Snapshot(usize, Result<(WallTime, Vec<u8>), AskError>),
}

/// One leg: its session and its file.
struct Leg {
    market: Market,
    symbol: Symbol,
    session: Session,
    file: Option<Writer>,
    hour: i64,
}

/// One lasting connection of a leg.
struct Line {
    leg: usize,
    link: Link,
    dialer: Dialer,
    stream: Stream,
    path: String,
    /// Dropping one closes its connection.
    open: BTreeMap<Generation, mpsc::Sender<String>>,
}

struct Writer {
    path: PathBuf,
    part: PathBuf,
    out: GzEncoder<BufWriter<File>>,
    frames: u64,
    losses: u64,
}

impl Writer {
    fn new(folder: &Path, symbol: Symbol, at: WallTime) -> Result<Self, RecordError> {
        // 2026-01-31T08:00:01.5Z as 20260131T080001Z.
        let stamp: String = at.to_string().chars().take(19).filter(|c| !matches!(c, '-' | ':')).collect();
        let path = folder.join(format!("{symbol}-{stamp}Z.jsonl.gz"));
        let part = folder.join(format!("{symbol}-{stamp}Z.part"));
        let failed = |source| RecordError::Disk { path: part.clone(), source };
        std::fs::create_dir_all(folder).map_err(failed)?;
        let out = GzEncoder::new(BufWriter::new(File::create(&part).map_err(failed)?), Compression::default());
        Ok(Self { path, part, out, frames: 0, losses: 0 })
    }

    fn line(&mut self, at: WallTime, bytes: &[u8]) -> Result<(), RecordError> {
        self.frames += 1;
        let ns = at.0.saturating_mul(1_000_000);
        let plain = !bytes.iter().any(|byte| matches!(byte, b'\n' | b'\r'));
        let written = if plain {
            write!(self.out, "{ns} ").and_then(|()| self.out.write_all(bytes)).and_then(|()| self.out.write_all(b"\n"))
        } else {
            let raw = String::from_utf8_lossy(bytes);
            writeln!(self.out, "{}", serde_json::json!({ "t_ns": ns, "raw": raw }))
        };
        written.map_err(|source| RecordError::Disk { path: self.part.clone(), source })
    }

    fn finish(self) -> Result<Recorded, RecordError> {
        let failed = |source| RecordError::Disk { path: self.part.clone(), source };
        let buffered = self.out.finish().map_err(failed)?;
        let file = buffered.into_inner().map_err(|error| failed(error.into_error()))?;
        file.sync_all().map_err(failed)?;
        std::fs::rename(&self.part, &self.path).map_err(failed)?;
        Ok(Recorded { file: self.path, frames: self.frames, restarts: self.losses })
    }
}

fn session(market: Market, symbol: Symbol) -> Session {
    Session::new(market, &[Subscription { instrument: InstrumentId(0), symbol, interval: None }])
}

struct Recorder {
    job: Recording,
    clock: Clock,
    legs: Vec<Leg>,
    lines: Vec<Line>,
    attempts: Attempts,
    came: mpsc::Sender<Came>,
    wanted: mpsc::Sender<(usize, Ask)>,
    done: Vec<Recorded>,
    frames: u64,
    /// Snapshots that were asked for and have not come.
    outstanding: u64,
}

/// Records until the time is over, enough came, or `stop` is ready; gives the files that were finished.
///
/// # Errors
/// [`RecordError`].
pub async fn record(
    venue: PublicVenue,
    job: Recording,
    clock: Clock,
    stop: impl Future<Output = ()>,
) -> Result<Vec<Recorded>, RecordError> {
    let (came, mut arrivals) = mpsc::channel(QUEUE);
    let (wanted, questions) = mpsc::channel(64);
    let mut recorder = Recorder::new(&venue, job, clock, (came.clone(), wanted))?;
    // Snapshots are asked for beside the loop: it must go on writing meanwhile.
    tokio::spawn(snapshots(venue, questions, came));
    let start = clock.now();
    let mut tick = tokio::time::interval(Duration::from_millis(250));
    tokio::pin!(stop);
    loop {
        tokio::select! {
            biased;
            () = &mut stop => break,
            Some(came) = arrivals.recv() => recorder.take(came).await?,
            _ = tick.tick() => {
                recorder.tick().await?;
                let passed = clock.now().since(start);
                if recorder.frames == 0 && passed > PATIENCE {
                    return Err(RecordError::Silent(recorder.job.venue.clone()));
                }
                if recorder.job.length.is_some_and(|length| passed >= length) {
                    break;
                }
            }
        }
        // A file without the snapshot that it waits for could not be replayed.
        if recorder.outstanding == 0 && recorder.job.frames.is_some_and(|most| recorder.frames >= most) {
            break;
        }
    }
    recorder.finish()
}

/// Answers questions one after the other, within the venue's limits.
async fn snapshots(mut venue: PublicVenue, mut wanted: mpsc::Receiver<(usize, Ask)>, came: mpsc::Sender<Came>) {
    while let Some((leg, ask)) = wanted.recv().await {
        let answer = venue.reply(&ask).await.map(|(reply, _)| (reply.received_at.wall, reply.body));
        if came.send(Came::Snapshot(leg, answer)).await.is_err() {
            return;
        }
    }
}

impl Recorder {
    fn new(
        venue: &PublicVenue,
        job: Recording,
        clock: Clock,
        (came, wanted): (mpsc::Sender<Came>, mpsc::Sender<(usize, Ask)>),
    ) -> Result<Self, RecordError> {
        let owner = if job.venue == "aster" { Owner::Aster } else { Owner::Binance };
        let (mut legs, mut lines) = (Vec::new(), Vec::new());
        for symbol in &job.symbols {
            for market in [Market::Spot, Market::Perp] {
                for stream in streams(venue.profile(), market, &[*symbol]) {
                    let slash = stream.url.find("://").map_or(0, |place| place + 3);
                    let place =
                        stream.url.get(slash..).and_then(|rest| rest.find('/')).map_or(0, |place| slash + place);
                    let (address, path) = stream.url.split_at(place);
                    let site = Site::new(address, owner, Holder::NoKeys)?;
                    let dialer = Dialer::new(&site, SocketSettings::default(), venue.root(), clock)?;
                    // Told apart by their number alone: recordings need no secret randomness.
                    let seed = u64::try_from(lines.len()).unwrap_or(0);
                    let backoff = Backoff::new(BackoffSettings::default(), seed);
                    let number = u32::try_from(lines.len()).unwrap_or(u32::MAX);
                    let link = Link::new(RotationSettings::default(), backoff, number);
                    let path = path.to_owned();
                    lines.push(Line { leg: legs.len(), link, dialer, stream, path, open: BTreeMap::new() });
                }
                legs.push(Leg { market, symbol: *symbol, session: session(market, *symbol), file: None, hour: 0 });
            }
        }
        let attempts = Attempts::new(100, Duration::from_mins(5));
        Ok(Self { job, clock, legs, lines, attempts, came, wanted, done: Vec::new(), frames: 0, outstanding: 0 })
    }

    async fn take(&mut self, came: Came) -> Result<(), RecordError> {
        if matches!(came, Came::Snapshot(..)) {
            self.outstanding = self.outstanding.saturating_sub(1);
        }
        match came {
            Came::Opened(line, generation) => self.step(line, Happened::Opened(generation)),
            Came::Ended(line, generation) => {
                let lost = self.lines.get(line).filter(|line| line.link.standing() == Some(generation));
                if let Some(leg) = lost.map(|line| line.leg) {
                    let at = self.clock.now().wall;
                    self.feed(leg, Input::Disconnected, at).await?;
                }
                self.step(line, Happened::Ended(generation));
            }
            Came::Frame(line, arrival) => {
                let Some(leg) = self.lines.get(line).map(|line| line.leg) else { return Ok(()) };
                self.frames += 1;
                self.write(leg, arrival.at.wall, &arrival.bytes)?;
                self.feed(leg, Input::Frame(&arrival.bytes), arrival.at.wall).await?;
            }
            Came::Snapshot(leg, Ok((at, body))) => {
                self.write(leg, at, &body)?;
                self.feed(leg, Input::Snapshot { instrument: InstrumentId(0), body: &body }, at).await?;
            }
            Came::Snapshot(leg, Err(AskError::Refused { .. } | AskError::Unreachable { .. })) => {
                let at = self.clock.now().wall;
                self.feed(leg, Input::SnapshotFailed { instrument: InstrumentId(0) }, at).await?;
            }
            Came::Snapshot(_, Err(error)) => return Err(error.into()),
        }
        Ok(())
    }

    async fn tick(&mut self) -> Result<(), RecordError> {
        for line in 0..self.lines.len() {
            self.step(line, Happened::Tick);
        }
        let at = self.clock.now().wall;
        for leg in 0..self.legs.len() {
            self.feed(leg, Input::Timer, at).await?;
        }
        Ok(())
    }

    /// Writes a frame; the first of an hour begins a file, and a file begins with a book of its own.
    fn write(&mut self, leg: usize, at: WallTime, bytes: &[u8]) -> Result<(), RecordError> {
        let Some(leg) = self.legs.get_mut(leg) else { return Ok(()) };
        let hour = at.floor(Span::HOUR).0;
        if hour > leg.hour || leg.file.is_none() {
            if let Some(old) = leg.file.take() {
                self.done.push(old.finish()?);
                leg.session = session(leg.market, leg.symbol);
            }
            leg.hour = hour;
            let folder = self.job.out.join(format!("{}-{}", self.job.venue, leg.market));
            leg.file = Some(Writer::new(&folder, leg.symbol, at)?);
        }
        leg.file.as_mut().map_or(Ok(()), |file| file.line(at, bytes))
    }

    async fn feed(&mut self, place: usize, input: Input<'_>, at: WallTime) -> Result<(), RecordError> {
        let Some(leg) = self.legs.get_mut(place) else { return Ok(()) };
        let mut out = Vec::new();
        leg.session.handle(input, at, &mut out);
        for output in out {
            match output {
                Output::NeedSnapshot { symbol, .. } => {
                    let ask = Ask::Depth { market: leg.market, symbol, levels: 1000 };
                    // The asker is gone only when the whole recording ends.
                    self.outstanding += 1;
                    let _ = self.wanted.send((place, ask)).await;
                }
                Output::BookLost { .. } => {
                    if let Some(file) = &mut leg.file {
                        file.losses += 1;
                    }
                }
                Output::Event(_) | Output::BookFailing { .. } | Output::Refused(_) | Output::Note(_) => {}
            }
        }
        Ok(())
    }

    fn step(&mut self, place: usize, happened: Happened) {
        let now = self.clock.now().steady_ns;
        let Some(line) = self.lines.get_mut(place) else { return };
        if let Happened::Ended(generation) = happened {
            line.open.remove(&generation);
        }
        for act in line.link.step(happened, now, &mut self.attempts) {
            match act {
                Act::Close(generation) => drop(line.open.remove(&generation)),
                Act::Open(generation) => {
                    let (texts, to_send) = mpsc::channel(16);
                    line.open.insert(generation, texts.clone());
                    let (dialer, path) = (line.dialer.clone(), line.path.clone());
                    let subscribe = line.stream.subscribe.clone();
                    let came = self.came.clone();
                    tokio::spawn(async move {
                        listen(
                            (dialer, path, subscribe),
                            (texts.downgrade(), to_send),
                            came.clone(),
                            (place, generation),
                        )
                        .await;
                        let _ = came.send(Came::Ended(place, generation)).await;
                    });
                }
            }
        }
    }

    fn finish(mut self) -> Result<Vec<Recorded>, RecordError> {
        for leg in &mut self.legs {
            if let Some(file) = leg.file.take() {
                self.done.push(file.finish()?);
            }
        }
        Ok(self.done)
    }
}

/// One connection from its opening to its end.
async fn listen(
    (dialer, path, subscribe): (Dialer, String, Vec<String>),
    (texts, to_send): (mpsc::WeakSender<String>, mpsc::Receiver<String>),
    came: mpsc::Sender<Came>,
    (line, generation): (usize, Generation),
) {
    let Ok(socket) = dialer.dial(&path).await else { return };
    if came.send(Came::Opened(line, generation)).await.is_err() {
        return;
    }
    if let Some(texts) = texts.upgrade() {
        for text in subscribe {
            let _ = texts.send(text).await;
        }
    }
    let (frames, mut arrivals) = mpsc::channel(1024);
    let pass_on = async {
        while let Some(arrival) = arrivals.recv().await {
            if came.send(Came::Frame(line, arrival)).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(socket.run(frames, to_send), pass_on);
}
