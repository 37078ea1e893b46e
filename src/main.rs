//! The binary: arguments in, exit code out.

fn main() -> std::process::ExitCode {
    carry::observe::panic::install();
    let cli = carry::cli::parse();
    carry::observe::log::install(cli.log());
    let code = carry::cli::run(&cli);
    carry::observe::log::close();
    code
}
