//! The live table on a thread of its own: a terminal that takes no output (scroll lock, a connection that hangs) must not
//! hold a decision up (fault L20).
//!
//! It shows the newest moment that it has room for and drops the others. Tests: the end of this file.

use crate::report::{LiveTable, Snapshot};
use std::io::IsTerminal as _;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Longest wait at the end for a terminal that takes nothing.
const LAST: Duration = Duration::from_millis(500);

/// A table that is drawn elsewhere.
pub(super) struct Drawing {
    moments: SyncSender<Snapshot>,
    over: Receiver<()>,
    thread: JoinHandle<()>,
}

impl Drawing {
    /// On standard error, when that is a terminal.
    pub(super) fn on_terminal() -> Option<Self> {
        if std::io::stderr().is_terminal() { Self::with(|| LiveTable::new(1)) } else { None }
    }

    fn with(table: impl FnOnce() -> LiveTable + Send + 'static) -> Option<Self> {
        let (moments, waiting) = sync_channel::<Snapshot>(1);
        let (told, over) = sync_channel(1);
        let draw = move || {
            let mut table = table();
            while let Ok(moment) = waiting.recv() {
                table.update(&moment);
            }
            table.finish();
            let _ = told.send(());
        };
        let thread = std::thread::Builder::new().name("table".to_owned()).spawn(draw).ok()?;
        Some(Self { moments, over, thread })
    }

    /// Shows a moment, or drops it when the one before is still being drawn.
    pub(super) fn show(&mut self, moment: Snapshot) {
        let _ = self.moments.try_send(moment);
    }

    /// Removes the table, so that the report starts on a clean line.
    pub(super) fn finish(self) {
        let Self { moments, over, thread } = self;
        drop(moments);
        if over.recv_timeout(LAST).is_ok() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Amount, Asset, WallTime};
    use crate::report::run::Lines;

    #[test]
    fn l20_a_terminal_that_takes_nothing_holds_nobody_up() {
        let (allow, go) = sync_channel::<()>(1);
        let mut drawing = Drawing::with(move || {
            let _ = go.recv();
            LiveTable::on(indicatif::ProgressDrawTarget::hidden(), 1)
        })
        .unwrap();
        let moment = Snapshot {
            at: WallTime(0),
            day: None,
            equity: Amount::ZERO,
            currency: Asset::new("USDT").unwrap(),
            lines: Lines::default(),
            pairs: Vec::new(),
            alarms: Vec::new(),
        };
        for _ in 0..100 {
            drawing.show(moment.clone());
        }
        // Gives up after its bound: the thread is still stuck.
        drawing.finish();
        drop(allow);
    }
}
