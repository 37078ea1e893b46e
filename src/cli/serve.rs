//! `carry serve`: one page for sessions of this machine, by their control sockets while they run, else by their files.
//!
//! Tests: `tests/commands/page.rs`.

use super::{Exit, Failure, Output, folder, real};
use crate::config::settings::Web;
use crate::config::{Sources, load};
use crate::web::tokens::{TokenError, Tokens};
use crate::web::{Options, Page, WebError, start};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Serves a page of sessions in a browser, on this machine alone
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry serve                                  the session that runs, or the newest under runs/
  carry serve --state state/main --state state/main/shadow
  carry serve --state state/main --print-token the two tokens: one reads, one acts
  ssh -L 8420:127.0.0.1:8420 HOST              from another machine, with nothing exposed

The tokens stand in page.json of a session's folder, for its owner alone. The page shows nothing without the one of the first
folder that reads. A session acts only with the one of its own folder that acts, on a plan whose word was typed. A session that does not run is shown from its files.")]
pub struct Args {
    /// State folder of a session; may be repeated. The newest session when absent
    #[arg(long = "state", value_name = "DIR")]
    states: Vec<PathBuf>,
    /// Address and port
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8420")]
    listen: SocketAddr,
    /// Print the two tokens as JSON (schema carry.serve/1) and end
    #[arg(long)]
    print_token: bool,
    /// Let other machines reach it; also needs web.tls
    #[arg(long)]
    expose: bool,
    /// Overrides one key; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Further configuration files; may be repeated
    #[arg(long, value_name = "FILE")]
    config: Vec<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// Exit code 2 when there is no such folder, the port is taken, or others could reach it.
pub fn run(args: &Args, output: &mut Output<'_>) -> Result<(), Failure> {
    let mut dirs = Vec::new();
    for dir in &args.states {
        dirs.push(folder::dir(Some(dir))?);
    }
    if dirs.is_empty() {
        dirs.push(folder::dir(None)?);
    }
    let first = dirs.first().cloned().unwrap_or_default();
    if args.print_token {
        let tokens = Tokens::of(&first)?;
        let (view, act) = tokens.expose();
        let value = serde_json::json!({ "schema": "carry.serve/1", "dir": first, "view": view, "act": act });
        return folder::json(output.out, &value);
    }
    let web = load(&Sources::discover(None, args.config.clone(), args.set.clone()))?.settings.web;
    let options = Options { expose: args.expose, ..options(&web, args.listen, (&first, dirs)) };
    let page = start(&options)?;
    writeln!(output.out, "{}", page.url())?;
    writeln!(output.out, "its tokens: carry serve --print-token --state {}", first.display())?;
    for dir in args.states.iter().skip(1) {
        let dir = dir.display();
        writeln!(output.out, "the token that acts on {dir}: carry serve --print-token --state {dir}")?;
    }
    output.out.flush()?;
    real::run(async {
        let mut stop = real::stop_signal(None);
        let _ = stop.changed().await;
        Ok(())
    })
}

fn options(web: &Web, listen: SocketAddr, (first, sessions): (&Path, Vec<PathBuf>)) -> Options {
    Options {
        listen,
        hosts: web.hosts.clone(),
        tls: web.tls.as_ref().map(PathBuf::from),
        metrics: web.metrics.clone(),
        expose: false,
        sessions,
        tokens: first.to_owned(),
    }
}

/// The page of a session in its own process, where `web.listen` names a port.
///
/// # Errors
/// Exit code 2 when it cannot be served: whoever asked for it must not start believing that it is there.
pub fn beside(folder: &Path, web: &Web) -> Result<Option<Page>, Failure> {
    let Some(listen) = &web.listen else { return Ok(None) };
    let wrong = |error: String| Failure::new(Exit::Usage, format!("web.listen: {listen}: {error}"));
    let listen = listen.parse::<SocketAddr>().map_err(|error| wrong(error.to_string()))?;
    let page = start(&options(web, listen, (folder, vec![folder.to_owned()])))?;
    tracing::info!(url = page.url(), "the page");
    // A simulated run logs no such line, and a person must know where to look and with which token.
    let words = format!("page: {} (token: carry serve --print-token --state {})\n", page.url(), folder.display());
    let _ = std::io::stderr().write_all(words.as_bytes());
    Ok(Some(page))
}

impl From<WebError> for Failure {
    fn from(error: WebError) -> Self {
        Self::new(Exit::Usage, error.to_string())
    }
}

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        Self::new(Exit::Usage, error.to_string())
    }
}
