//! Public data that people fetch: a look at a market, downloads, recordings, imports, generated samples. No keys.

pub mod download;
pub mod import;
pub mod look;
pub mod past;
pub mod public;
pub mod quoted;
pub mod record;
pub mod sample;
