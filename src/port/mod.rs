//! All that crosses between the core and anything else: events in, commands out.
//!
//! Nothing here acts. Drivers, venues and the simulator speak these two enums; the core sees nothing else.

pub mod by_hand;
pub mod command;
pub mod event;
pub mod health;
pub mod order;
pub mod prices;
pub mod reload;

pub use command::{Alarm, Command, Severity};
pub use event::{Event, Stamped};
pub use order::{Intent, OrderReport, Outcome, Purpose, TimeInForce};
