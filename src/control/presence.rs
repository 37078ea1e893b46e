//! What a session says of itself to somebody who asks over its control socket: the command line, the screen and the page.

use super::snapshot::Snapshot;

/// Whether a session is there, and what it says.
#[derive(Debug)]
pub enum Presence {
    /// Its snapshot.
    Now(Box<Snapshot>),
    /// A process exists, of this number where it is known, and it does not answer.
    Silent(Option<i32>),
    /// No process is there, or one of another version than this program.
    Gone,
}
