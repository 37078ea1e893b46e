//! The log: one line an event on standard error, chosen by `RUST_LOG`, without secrets.
//!
//! Level `error` means that a person must act. Nothing reads it back. Tests: `scrub.rs` and `tests/doctor.rs`.

use super::scrub::Scrubbed;
use tracing_subscriber::EnvFilter;

/// What is shown when `RUST_LOG` says nothing.
const USUAL: &str = "warn";
/// Alarms of a simulated market are counted in its report; as lines they would drown everything else.
const SIMULATED: &str = "warn,carry::run::driver=off";

/// Installs it, once per process; `simulated` is for verbs whose market is not real.
pub fn install(simulated: bool) {
    let usual = || EnvFilter::new(if simulated { SIMULATED } else { USUAL });
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| usual());
    // A second installation is refused, which is as good: the first one stays.
    let _ = tracing_subscriber::fmt()
        .compact()
        .with_env_filter(filter)
        .with_writer(|| Scrubbed)
        .with_ansi(false)
        .try_init();
}
