//! `carry completions`: what a shell needs to complete our commands.

use super::{Cli, Failure, Output};
use clap::CommandFactory as _;
use clap_complete::Shell;

/// Prints a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry completions bash > ~/.local/share/bash-completion/completions/carry
  carry completions zsh > ~/.zfunc/_carry")]
pub struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Runs the command.
///
/// # Errors
/// A [`Failure`] when the script cannot be written.
pub fn run(args: &Args, output: &mut Output<'_>) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "carry", &mut script);
    output.out.write_all(&script)?;
    Ok(())
}
