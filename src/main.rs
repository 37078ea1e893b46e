//! The binary: arguments in, exit code out.

use clap::Parser as _;

fn main() -> std::process::ExitCode {
    carry::observe::panic::install();
    carry::cli::run(&carry::cli::Cli::parse())
}
