//! What is asked of a venue and of a machine before and while money is at work: preflight, checkup, modes, comparison of books, the
//! ladder to real money. Nothing here decides for the core, and nothing here trades.

pub mod asked;
pub mod capital;
pub mod checkup;
pub mod inquiry;
pub mod kept;
pub mod ladder;
pub mod lone_legs;
pub mod lost;
pub mod modes;
pub mod preflight;
pub mod reconcile;
pub mod spot_legs;
