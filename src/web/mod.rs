//! The page: what a session is, in a browser, rendered here and readable without a script; live by server-sent events.
//!
//! A view of the same snapshot as `carry status --json`, asked for over the control socket, or read from the files of a session
//! that does not run. It has a thread of its own: the session answers one question at a time whoever looks, and waits for
//! nobody. Tests: `tests/commands/page.rs`.

pub mod act;
pub mod answers;
pub mod api;
pub mod basis;
pub mod days;
pub mod events;
pub mod frame;
pub mod guard;
pub mod health;
pub mod history;
pub mod ladder;
pub mod line;
pub mod listing;
pub mod live;
pub mod lockout;
pub mod login;
pub mod overview;
pub mod pair;
pub mod parts;
pub mod plan;
pub mod profit;
pub mod risk;
pub mod routes;
pub mod safety;
pub mod schema;
pub mod server;
pub mod session;
pub mod sheet;
pub mod state;
pub mod table;
pub mod tls;
pub mod tokens;
pub mod told;
pub mod typed;
pub mod view;
pub mod words;

pub use server::{Options, Page, WebError, start};
