//! `carry schema`: the JSON schemas of what a page gives to programs, made from the types that are sent.
//!
//! Tests: `tests/commands/feed.rs`.

use super::{Exit, Failure, Output, folder};
use crate::web::schema::{NAMES, of};

/// Prints the JSON schema (2020-12) of the machine feed
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry schema                 one session, as /api/v1/sessions/NAME and its /stream send it
  carry schema event           what happens: fills, settlements, alarms, states, as /api/v1/sessions/NAME/events sends it
  carry schema sessions        the list, as /api/v1/sessions sends it

The feed is served by carry serve and by web.listen; a program reads with the token that reads as its bearer:
  curl -H \"Authorization: Bearer $TOKEN\" http://127.0.0.1:8420/api/v1/sessions
  curl -N -H \"Authorization: Bearer $TOKEN\" 'http://127.0.0.1:8420/api/v1/sessions/NAME/events?from=start'
A reader of events goes on by the header Last-Event-ID, without a hole and without anything twice.")]
pub struct Args {
    /// feed, event or sessions
    #[arg(value_name = "NAME", default_value = "feed")]
    name: String,
}

/// Runs the command.
///
/// # Errors
/// Exit code 2 for a name that is none.
pub fn run(args: &Args, output: &mut Output<'_>) -> Result<(), Failure> {
    let Some(schema) = of(&args.name) else {
        let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
        let text = format!("{}: expected one of {}", args.name.escape_debug(), names.join(", "));
        return Err(Failure::new(Exit::Usage, text));
    };
    folder::json(output.out, schema.as_value())
}
