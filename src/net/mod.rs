//! Sockets, HTTP and limits for venues: hosts that may be called, one client, one socket, and small pure machines.
//!
//! Nothing here knows an order, a price or a message: bytes go out and come in with the time of their arrival. The only
//! modules of `venues` that open a connection are here. Times come from a [`Clock`] that the driver passes in.
//! Tests stand in each file and, with real sockets on loopback, in `tests/suite/transport.rs` and
//! `tests/suite/transport_socket.rs`.

pub mod backoff;
pub mod budget;
pub mod carrier;
pub mod clock;
pub mod clock_offset;
pub mod hosts;
pub mod http;
mod lines;
pub mod machine_clock;
mod request;
pub mod rotation;
pub mod socket;
mod still;
pub mod tls;
pub mod wire;

pub use clock::{Clock, Stamp};
pub use hosts::{Holder, Site};
pub use http::{HttpClient, NoReply, Outgoing, Reply};
pub use socket::{Dialer, Socket};

/// Longest foreign text kept in an error.
const MAX_TEXT: usize = 160;

/// Foreign text that may stand in an error: escaped and cut (fault X08).
pub(crate) fn quiet(text: &str) -> String {
    text.chars().flat_map(char::escape_debug).take(MAX_TEXT).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn x08_foreign_text_is_escaped_and_cut() {
        assert_eq!(super::quiet("a\r\n\u{1b}[31m"), "a\\r\\n\\u{1b}[31m");
        assert_eq!(super::quiet(&"x".repeat(1000)).len(), 160);
    }
}
