//! The binary: arguments in, exit code out.

use clap::Parser as _;

fn main() -> std::process::ExitCode {
    carry::observe::panic::install();
    let cli = carry::cli::Cli::parse();
    carry::observe::log::install(cli.log());
    let code = carry::cli::run(&cli);
    carry::observe::log::close();
    code
}
