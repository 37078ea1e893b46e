//! The log: one line an event on standard error, chosen by `RUST_LOG`, without secrets. It is lossy by design (fault L20).
//!
//! Lines go into a queue with an end; a thread of its own writes them. Whoever logs never waits and never fails: a standard
//! error that nobody reads, that is closed or that is broken costs lines, which are counted and said in the next line that
//! gets through. Level `error` means that a person must act. Nothing reads it back. Tests: the end of this file, `scrub.rs`
//! and `tests/commands/process.rs`.

use super::scrub;
use crate::config::sources::Folders;
use std::fs::File;
use std::io::{IsTerminal as _, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Lines that may wait to be written.
const WAITING: usize = 1_024;
/// Most bytes of a line; more would be a foreign text that nobody reads.
const LONGEST: usize = 16 * 1024;
/// Longest wait at the end of the process for lines that wait.
const LAST: Duration = Duration::from_millis(500);
/// Between two tries to put a last word into a full queue.
const RETRY: Duration = Duration::from_millis(5);

/// What is shown when `RUST_LOG` says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usual {
    /// Warnings and errors.
    Warnings,
    /// The same without alarms: those of a simulated market are counted in its report; as lines they would drown the rest.
    Simulated,
    /// A run on a real market: where no table is drawn, its line a minute too.
    Run,
}

impl Usual {
    fn filter(self) -> EnvFilter {
        EnvFilter::new(match self {
            Self::Warnings => "warn",
            Self::Simulated => "warn,carry::run::driver=off",
            Self::Run if std::io::stderr().is_terminal() => "warn",
            Self::Run => "warn,carry=info",
        })
    }
}

/// The queue of this process; absent when there is no thread or no standard error, and then nothing is written.
static LOG: OnceLock<Option<Queue>> = OnceLock::new();

fn queue() -> Option<&'static Queue> {
    let made = LOG.get_or_init(|| {
        use std::os::fd::AsFd as _;
        // A descriptor of its own: the lock of the library's handle would be held while a write waits for a reader.
        let own = std::io::stderr().as_fd().try_clone_to_owned().ok()?;
        Queue::to(File::from(own))
    });
    made.as_ref()
}

/// Installs it, once per process.
pub fn install(usual: Usual) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| usual.filter());
    // A second installation is refused, which is as good: the first one stays.
    let _ = tracing_subscriber::fmt()
        .compact()
        .with_env_filter(filter)
        .with_writer(Lines { journal: Folders::discover().journal })
        // The library would print a failed write itself, and stop the process when it cannot.
        .log_internal_errors(false)
        .with_ansi(false)
        .try_init();
}

/// A last word of the process: waits for its place in the queue and until it is written, but never longer than a moment.
pub fn last_word(text: &str) {
    let Some(queue) = queue() else { return };
    let mut line = text.as_bytes().to_vec();
    line.push(b'\n');
    queue.last(line, LAST);
}

/// Lets what waits be written, for a moment at most.
pub fn close() {
    if let Some(Some(queue)) = LOG.get() {
        queue.last(Vec::new(), LAST);
    }
}

/// Makes what the subscriber writes a line to.
struct Lines {
    /// The system's journal takes a line's level from a prefix.
    journal: bool,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { prefix: "" }
    }

    fn make_writer_for(&'a self, of: &tracing::Metadata<'_>) -> Line {
        let level = *of.level();
        let prefix = match level {
            _ if !self.journal => "",
            tracing::Level::ERROR => "<3>",
            tracing::Level::WARN => "<4>",
            tracing::Level::INFO => "<6>",
            _ => "<7>",
        };
        Line { prefix }
    }
}

/// One message, in one line whatever its text holds.
struct Line {
    prefix: &'static str,
}

impl Line {
    fn of(&self, text: &[u8]) -> Vec<u8> {
        let text = text.get(..LONGEST).unwrap_or(text);
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let mut line = self.prefix.as_bytes().to_vec();
        for byte in text {
            match byte {
                b'\n' => line.extend_from_slice(b" | "),
                b'\r' => {}
                other => line.push(*other),
            }
        }
        line.push(b'\n');
        line
    }
}

impl Write for Line {
    fn write(&mut self, from: &[u8]) -> std::io::Result<usize> {
        if let Some(queue) = queue() {
            queue.offer(self.of(from));
        }
        Ok(from.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

enum Message {
    Line(Vec<u8>),
    /// Tells when everything before it was tried.
    Until(SyncSender<()>),
}

struct Queue {
    sender: SyncSender<Message>,
    lost: Arc<AtomicU64>,
}

impl Queue {
    /// A queue with a thread that writes it.
    fn to(out: impl Write + Send + 'static) -> Option<Self> {
        let (sender, waiting) = sync_channel(WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&lost);
        let work = move || write_all(out, &waiting, &count);
        std::thread::Builder::new().name("log".to_owned()).spawn(work).ok()?;
        Some(Self { sender, lost })
    }

    fn offer(&self, line: Vec<u8>) {
        if self.sender.try_send(Message::Line(line)).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn last(&self, line: Vec<u8>, limit: Duration) {
        let (told, done) = sync_channel(1);
        let mut left = limit;
        let put = |mut message: Message, left: &mut Duration| {
            while let Err(TrySendError::Full(back)) = self.sender.try_send(message) {
                if left.is_zero() {
                    return;
                }
                // Nobody tells when there is room.
                std::thread::park_timeout(RETRY);
                *left = left.saturating_sub(RETRY);
                message = back;
            }
        };
        if !line.is_empty() {
            put(Message::Line(line), &mut left);
        }
        put(Message::Until(told), &mut left);
        if done.recv_timeout(left.max(RETRY)) == Err(RecvTimeoutError::Timeout) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn write_all(mut out: impl Write, waiting: &Receiver<Message>, lost: &AtomicU64) {
    while let Ok(message) = waiting.recv() {
        match message {
            Message::Line(line) => {
                let gone = lost.swap(0, Ordering::Relaxed);
                let said =
                    gone == 0 || out.write_all(format!("{gone} lines of the log were lost\n").as_bytes()).is_ok();
                let written = out.write_all(&scrub::bytes(&line)).and_then(|()| out.flush()).is_ok();
                let missed = u64::from(!written) + if said { 0 } else { gone };
                lost.fetch_add(missed, Ordering::Relaxed);
            }
            Message::Until(told) => {
                let _ = told.try_send(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::sync::mpsc::channel;

    #[test]
    fn u01_a_message_is_one_line_with_its_level_for_the_journal() {
        let line = |prefix, text: &str| String::from_utf8(Line { prefix }.of(text.as_bytes())).unwrap();
        assert_eq!(line("", "all is well\n"), "all is well\n");
        assert_eq!(line("<3>", "refused\r\n  there: a\n  asked: b\n"), "<3>refused |   there: a |   asked: b\n");
    }

    /// Takes nothing until it is allowed to.
    struct Stuck {
        go: Receiver<()>,
        entered: Arc<AtomicU64>,
        passed: bool,
        text: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Stuck {
        fn write(&mut self, from: &[u8]) -> std::io::Result<usize> {
            if !self.passed {
                self.entered.store(1, Ordering::Relaxed);
                let _ = self.go.recv();
                self.passed = true;
            }
            self.text.lock().unwrap().extend_from_slice(from);
            Ok(from.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn l20_a_reader_that_reads_nothing_costs_lines_that_are_counted_and_said() {
        let (allow, go) = channel();
        let text = Arc::new(Mutex::new(Vec::new()));
        let entered = Arc::new(AtomicU64::new(0));
        let stuck = Stuck { go, entered: Arc::clone(&entered), passed: false, text: Arc::clone(&text) };
        let queue = Queue::to(stuck).unwrap();
        queue.offer(b"the first\n".to_vec());
        while entered.load(Ordering::Relaxed) == 0 {
            std::thread::yield_now();
        }
        let all = WAITING + 500;
        for number in 0..all {
            queue.offer(format!("line {number}\n").into_bytes());
        }
        // Nobody waited, and at the end nobody waits longer than he said.
        queue.last(b"the end\n".to_vec(), Duration::from_millis(20));
        let lost = queue.lost.load(Ordering::Relaxed);
        assert!(lost >= 490, "{lost} lost");
        allow.send(()).unwrap();
        let mut tries = 0;
        while !String::from_utf8_lossy(&text.lock().unwrap()).contains("lines of the log were lost") {
            queue.last(b"again\n".to_vec(), Duration::from_millis(100));
            tries += 1;
            assert!(tries < 100, "what was lost was never said");
        }
        let said = String::from_utf8(text.lock().unwrap().clone()).unwrap();
        let written = said.lines().filter(|line| line.starts_with("line ")).count();
        assert!(written >= WAITING && written + 490 <= all, "{written} of {all}");
    }

    /// Fails as a closed or broken standard error does.
    struct Broken;

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::Error::from_raw_os_error(5))
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn l20_a_standard_error_that_fails_costs_lines_and_nothing_else() {
        let queue = Queue::to(Broken).unwrap();
        for _ in 0..10 {
            queue.offer(b"a line\n".to_vec());
        }
        queue.last(b"the end\n".to_vec(), Duration::from_secs(5));
        assert_eq!(queue.lost.load(Ordering::Relaxed), 11);
    }
}
