//! What a venue pushes about our account, typed; `answer` has the rows in it. Signs and times are as there.

use crate::domain::{Amount, Asset, Symbol, WallTime};
use crate::port::event::{VenueAct, Wallet};
use crate::venues::answer::{FillRow, OrderRow, PositionRow, Refused};

/// A message of the account's streams.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "orders are nearly all of the messages")]
pub enum AccountMessage {
    /// An order changed; with the execution when that is what changed it.
    Order {
        /// The order.
        order: OrderRow,
        /// The execution.
        fill: Option<FillRow>,
        /// Who made the order, when it was not a person or a program: the venue itself.
        by_venue: Option<VenueAct>,
    },
    /// Balances of a wallet changed.
    Balances {
        /// Which.
        wallet: Wallet,
        /// The venue's word for why (`ORDER`, `FUNDING_FEE`, `AUTO_EXCHANGE`, ...).
        reason: Option<Symbol>,
        /// New totals.
        rows: Vec<(Asset, Amount)>,
        /// When.
        at: WallTime,
    },
    /// A single movement of a spot balance: deposit or transfer.
    Moved {
        /// Which asset.
        asset: Asset,
        /// Plus is received.
        amount: Amount,
        /// When.
        at: WallTime,
    },
    /// Positions changed.
    Positions {
        /// New positions.
        rows: Vec<PositionRow>,
        /// When.
        at: WallTime,
    },
    /// The venue warns about margin.
    MarginCall(Vec<Symbol>),
    /// A mode or leverage was changed, by us or by somebody else.
    ConfigChanged {
        /// Whose; absent for the account's own modes.
        symbol: Option<Symbol>,
        /// The new leverage.
        leverage: Option<u8>,
    },
    /// The listen key ended: nothing more is pushed.
    ListenKeyExpired,
    /// The stream ended: subscribe again.
    Terminated,
    /// The answer to a request on this connection (spot WebSocket API): whether it was accepted.
    Reply {
        /// Our number of it.
        id: String,
        /// Whether it was.
        accepted: Result<(), Refused>,
    },
    /// The connection will be closed soon.
    ServerShutdown,
    /// Well-formed, of a kind that is not used.
    Unrecognised(Symbol),
}
