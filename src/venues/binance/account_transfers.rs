//! Transfers between the wallets of an account: those of ours whose outcome is not known, and which movements are theirs.
//!
//! A transfer has no id of ours at most venues: it is looked for in the venue's list since it was sent, whenever that was,
//! and never sent again before its absence is proven. What a failed one was expected to move is forgotten, so that it
//! cannot swallow an equal movement of a person (fault H11). Tests: `account_transfer_tests.rs`.

use crate::domain::{Amount, Asset, ClientOrderId, Span, WallTime};
use crate::port::Event;
use crate::port::event::{Transfer, Wallet};
use crate::venues::answer::{TransferRow, TransferStatus};
use std::collections::{BTreeSet, VecDeque};

/// A transfer without an answer is looked for until then before its absence counts as proven.
const WINDOW: Span = Span::seconds(90);
/// A list of so many rows may have left out older ones.
pub(super) const PAGE: usize = 100;
/// Movements remembered.
const KEPT: usize = 8192;
/// The venue's stamps and ours may be apart by this much.
const SKEW: Span = Span::MINUTE;
/// A movement is listed at most this much after its transfer.
const LATE: Span = Span::DAY;

/// A transfer whose outcome is not known.
#[derive(Debug, Clone, Copy)]
struct Doubt {
    transfer: Transfer,
    since: WallTime,
    asked: Option<WallTime>,
    absent: u32,
}

/// A movement that a transfer of ours makes.
#[derive(Debug, Clone, Copy)]
struct Expected {
    id: ClientOrderId,
    asset: Asset,
    amount: Amount,
    sent: WallTime,
}

impl Expected {
    fn is(&self, asset: Asset, amount: Amount, at: WallTime) -> bool {
        let in_time = at >= self.sent - SKEW && at <= self.sent + LATE;
        self.asset == asset && self.amount == amount && in_time
    }
}

/// Our transfers at one venue.
#[derive(Debug, Default)]
pub(super) struct Transfers {
    doubts: Vec<Doubt>,
    /// Numbers of the venue that are known to be others than those in doubt.
    seen: BTreeSet<String>,
    /// As changes of the perp wallet, not yet seen in its income.
    perp: VecDeque<Expected>,
    /// Those of this run as changes of the spot wallet, not yet told by its stream.
    spot: VecDeque<Expected>,
    /// Movements of the spot wallet that its stream told; two streams may overlap.
    moved: VecDeque<(Asset, Amount, WallTime)>,
}

fn change(transfer: &Transfer, of: Wallet) -> Amount {
    if transfer.from == of { -transfer.amount } else { transfer.amount }
}

fn keep<T>(list: &mut VecDeque<T>, one: T) {
    list.push_back(one);
    if list.len() > KEPT {
        list.pop_front();
    }
}

impl Transfers {
    /// One of ours leaves, or left in an earlier run: its row in the income is ours.
    pub(super) fn own(&mut self, transfer: &Transfer, sent: WallTime) {
        let amount = change(transfer, Wallet::Perp);
        keep(&mut self.perp, Expected { id: transfer.id, asset: transfer.asset, amount, sent });
    }

    /// The stream of the spot wallet will tell its other side.
    pub(super) fn expect_spot(&mut self, transfer: &Transfer, sent: WallTime) {
        let amount = change(transfer, Wallet::Spot);
        keep(&mut self.spot, Expected { id: transfer.id, asset: transfer.asset, amount, sent });
    }

    /// It moved nothing.
    pub(super) fn failed(&mut self, transfer: &Transfer) {
        self.perp.retain(|own| own.id != transfer.id);
        self.spot.retain(|own| own.id != transfer.id);
    }

    /// A person found out what became of one in doubt: it is not looked for any more.
    pub(super) fn settled(&mut self, transfer: &Transfer, arrived: bool) {
        self.doubts.retain(|doubt| doubt.transfer.id != transfer.id);
        if !arrived {
            self.failed(transfer);
        }
    }

    /// The venue took it under this number.
    pub(super) fn done(&mut self, number: String) {
        self.seen.insert(number);
    }

    /// Whether a row of the perp wallet's income is one of ours; once each.
    pub(super) fn is_own(&mut self, asset: Asset, amount: Amount, at: WallTime) -> bool {
        let place = self.perp.iter().position(|own| own.is(asset, amount, at));
        place.and_then(|place| self.perp.remove(place)).is_some()
    }

    /// The stream tells of a movement of the spot wallet: whether it is news, and no transfer of ours (fault H11).
    pub(super) fn moved_spot(&mut self, asset: Asset, amount: Amount, at: WallTime) -> bool {
        if self.moved.contains(&(asset, amount, at)) {
            return false;
        }
        keep(&mut self.moved, (asset, amount, at));
        let own = self.spot.iter().position(|own| own.is(asset, amount, at));
        own.and_then(|place| self.spot.remove(place)).is_none()
    }

    /// Nobody knows what became of one that was sent at `since`.
    pub(super) fn doubt(&mut self, transfer: Transfer, since: WallTime) {
        if !self.doubts.iter().any(|doubt| doubt.transfer.id == transfer.id) {
            self.doubts.push(Doubt { transfer, since, asked: None, absent: 0 });
        }
    }

    /// Those to look for now, each with the instant from which on the venue's list is read.
    pub(super) fn due(&mut self, now: WallTime) -> Vec<(Transfer, WallTime)> {
        let mut due = Vec::new();
        for doubt in &mut self.doubts {
            if doubt.asked.is_none_or(|asked| now.since(asked) >= Span::seconds(2)) {
                doubt.asked = Some(now);
                due.push((doubt.transfer, doubt.since - SKEW));
            }
        }
        due
    }

    /// The venue's list since one was sent: what became of it, when that is proven.
    pub(super) fn looked_up(&mut self, of: ClientOrderId, rows: &[TransferRow], now: WallTime) -> Option<Event> {
        let place = self.doubts.iter().position(|doubt| doubt.transfer.id == of)?;
        let doubt = self.doubts.get_mut(place)?;
        let (transfer, since) = (doubt.transfer, doubt.since - SKEW);
        let found = rows.iter().find(|row| {
            row.asset == transfer.asset
                && row.amount == transfer.amount
                && row.at >= since
                && !self.seen.contains(&row.id)
        });
        let event = match found.map(|row| row.status) {
            Some(TransferStatus::Done) => Event::TransferDone(transfer),
            Some(TransferStatus::Failed) => Event::TransferFailed(transfer),
            Some(TransferStatus::Pending) => {
                doubt.absent = 0;
                return None;
            }
            None => {
                // A full list may have left out the one that is looked for: it proves nothing.
                let proves = now.since(doubt.since) >= WINDOW && rows.len() < PAGE;
                doubt.absent = if proves { doubt.absent + 1 } else { 0 };
                if doubt.absent < 2 {
                    return None;
                }
                Event::TransferFailed(transfer)
            }
        };
        self.seen.extend(found.map(|row| row.id.clone()));
        self.doubts.remove(place);
        if matches!(event, Event::TransferFailed(_)) {
            self.failed(&transfer);
        }
        Some(event)
    }
}
