//! What a person reads of a run: summary, tables, CSV, HTML. It computes nothing about money; it prints what the run knew.

mod charts;
mod charts_pair;
pub mod compare;
pub mod earned_back;
pub mod figures;
pub mod files;
pub mod fold;
pub mod foreign;
pub mod html;
pub mod lines;
pub mod live_table;
mod pairs_page;
mod parts;
pub mod periods;
pub mod run;
mod sections;
pub mod sheets;
pub mod sweep;
pub mod table;

pub use files::{ReportError, summary_json, write_all};
pub use live_table::{LiveTable, PairLine, Snapshot};
pub use table::{Look, print_next, print_summary, render_summary};
