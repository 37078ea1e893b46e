//! `carry completions`: what a shell needs to complete commands and flags, from the same definition as the help.

use super::{Cli, Failure, Output};
use clap::CommandFactory as _;
use clap_complete::Shell;

/// Prints the completion script of a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry completions bash > ~/.local/share/bash-completion/completions/carry
  carry completions zsh > ~/.zfunc/_carry
  carry completions fish > ~/.config/fish/completions/carry.fish")]
pub struct Args {
    /// Which shell
    shell: Shell,
}

/// Runs the command.
///
/// # Errors
/// What standard output says.
pub fn run(args: &Args, output: &mut Output<'_>) -> Result<(), Failure> {
    // The generator stops the program when it cannot write, so it writes to memory first.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "carry", &mut script);
    Ok(output.out.write_all(&script)?)
}
