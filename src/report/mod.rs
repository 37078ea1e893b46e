//! What a person reads of a run: summary, tables, CSV, HTML. It computes nothing about money; it prints what the run knew.

pub mod run;
