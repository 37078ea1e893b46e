//! The port of a page: a thread of its own, few connections, short patience.
//!
//! **Invariant**: nothing here can hold a session up (fault X20). At the most connections the oldest goes; heads are small and
//! must come within seconds; a connection ends after minutes, and a browser that follows comes back by itself. Loopback
//! alone, unless the page is encrypted and its starter says so (fault X15). Tests: `tests/commands/page.rs`.

use super::routes;
use super::session::Session;
use super::state::{Metrics, State};
use super::tls;
use super::tokens::{TokenError, Tokens};
use crate::keys::Secret;
use crate::keys::file::{Guard, read_secret};
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::collections::VecDeque;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// Connections at once.
const CONNECTIONS: usize = 128;
/// A request's head must be here by then, and a handshake.
const HEAD: Duration = Duration::from_secs(5);
/// A connection ends by then, whatever it does.
const LONGEST: Duration = Duration::from_mins(10);
/// Characters of a bearer of the metrics, at least.
const SHORTEST: usize = 32;
/// Bytes of a request's head.
const HEAD_BYTES: usize = 16 * 1024;

/// Why there is no page.
#[derive(Debug, Error)]
pub enum WebError {
    /// Others could reach it.
    #[error(
        "{0}: is not loopback: a page for other machines needs web.tls and carry serve --expose; through ssh none of it is \
         needed: ssh -L 8420:127.0.0.1:8420 HOST"
    )]
    NotLoopback(SocketAddr),
    /// The metrics would be open to others.
    #[error(
        "web.metrics = \"open\" is for this machine alone, and {0} is reached from others: name a file with a bearer in \
         web.metrics, or leave it out"
    )]
    OpenMetrics(SocketAddr),
    /// The port is taken, or not ours.
    #[error("{address}: {error}")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        error: std::io::Error,
    },
    /// The tokens.
    #[error(transparent)]
    Tokens(#[from] TokenError),
    /// The certificate.
    #[error("web.tls: {path}: {why}", path = path.display())]
    Tls {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The bearer of the metrics.
    #[error("web.metrics: {path}: {why}", path = path.display())]
    Metrics {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// No thread to be had.
    #[error("the page has no thread: {0}")]
    Thread(std::io::Error),
}

/// What a page serves, and where.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Further hosts.
    pub hosts: Vec<String>,
    /// Certificate and key.
    pub tls: Option<PathBuf>,
    /// Whether its starter wants it to be reached from other machines.
    pub expose: bool,
    /// A file with the bearer of `/metrics`, or `open`; `None` is off.
    pub metrics: Option<String>,
    /// Folders of the sessions.
    pub sessions: Vec<PathBuf>,
    /// The folder of the tokens.
    pub tokens: PathBuf,
}

/// A page that is served; it ends when it is dropped.
#[derive(Debug)]
pub struct Page {
    address: SocketAddr,
    scheme: &'static str,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Page {
    /// Its address for a browser.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://{}/", self.scheme, self.address)
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Opens the port and serves.
///
/// # Errors
/// [`WebError`] when it must not or cannot.
pub fn start(options: &Options) -> Result<Page, WebError> {
    let encrypted = options.tls.as_deref().map(tls::acceptor).transpose()?;
    let may_be_reached = options.expose && encrypted.is_some();
    if !options.listen.ip().is_loopback() && !may_be_reached {
        return Err(WebError::NotLoopback(options.listen));
    }
    if !options.listen.ip().is_loopback() && options.metrics.as_deref() == Some("open") {
        return Err(WebError::OpenMetrics(options.listen));
    }
    let tokens = Tokens::of(&options.tokens)?;
    let bind = |error| WebError::Bind { address: options.listen, error };
    let listener = StdListener::bind(options.listen).map_err(bind)?;
    listener.set_nonblocking(true).map_err(bind)?;
    let address = listener.local_addr().map_err(bind)?;
    let scheme = if encrypted.is_some() { "https" } else { "http" };
    let sessions = sessions(&options.sessions);
    let mut state = State::new(sessions.clone(), tokens, hosts(address, &options.hosts), address.port());
    state.scheme = scheme;
    state.metrics = metrics(options.metrics.as_deref())?;
    let app = routes::router(Arc::new(state));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(WebError::Thread)?;
    let (stop, stopped) = oneshot::channel::<()>();
    let work = move || {
        runtime.block_on(async move {
            for session in sessions {
                tokio::spawn(session.ask());
            }
            tokio::select! {
                biased;
                _ = stopped => {}
                () = accept(listener, encrypted, app) => {}
            }
        });
        runtime.shutdown_background();
    };
    let thread = std::thread::Builder::new().name("page".to_owned()).spawn(work).map_err(WebError::Thread)?;
    Ok(Page { address, scheme, stop: Some(stop), thread: Some(thread) })
}

/// Who may read `/metrics`.
fn metrics(named: Option<&str>) -> Result<Metrics, WebError> {
    let path = match named {
        None => return Ok(Metrics::Off),
        Some("open") => return Ok(Metrics::Open),
        Some(path) => Path::new(path),
    };
    let failed = |why: String| WebError::Metrics { path: path.to_owned(), why };
    let bytes = read_secret(path, Guard::Private).map_err(|error| failed(error.to_string()))?;
    let bytes = bytes.ok_or_else(|| failed("is not there; expected a file of mode 0600 with the bearer".to_owned()))?;
    let text = std::str::from_utf8(&bytes).map(str::trim).unwrap_or_default();
    if text.len() < SHORTEST || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(failed(format!("expected one word of at least {SHORTEST} characters")));
    }
    crate::observe::scrub::register(text);
    Ok(Metrics::Bearer(Secret::new(text.to_owned())))
}

/// The names of this machine, and those of the settings.
fn hosts(address: SocketAddr, further: &[String]) -> Vec<String> {
    let port = address.port();
    let own = ["127.0.0.1", "localhost", "[::1]"].map(|name| format!("{name}:{port}"));
    let mut hosts: Vec<String> = own.into_iter().chain([address.to_string()]).collect();
    hosts.extend(further.iter().cloned());
    hosts
}

/// Each folder with a name that is its own in addresses.
fn sessions(dirs: &[PathBuf]) -> Vec<Arc<Session>> {
    let mut slugs: Vec<String> = Vec::new();
    let mut sessions = Vec::new();
    for dir in dirs {
        let plain = slug(dir);
        let taken = |slug: &String| slugs.contains(slug);
        let numbered = (2..).map(|number| format!("{plain}-{number}"));
        let own = std::iter::once(plain.clone()).chain(numbered).find(|slug| !taken(slug)).unwrap_or_default();
        slugs.push(own.clone());
        sessions.push(Session::new(own, dir.clone()));
    }
    sessions
}

fn slug(dir: &Path) -> String {
    let name = |dir: &Path| dir.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name(dir).or_else(|| name(&dir.canonicalize().ok()?)).unwrap_or_default();
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let slug: String = name.chars().map(plain).take(64).collect();
    if slug.trim_matches('.').is_empty() { "session".to_owned() } else { slug }
}

async fn accept(listener: StdListener, encrypted: Option<TlsAcceptor>, app: Router) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    let mut seats: VecDeque<JoinHandle<()>> = VecDeque::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors: the clients that are there go first.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        seats.retain(|seat| !seat.is_finished());
        if seats.len() >= CONNECTIONS
            && let Some(oldest) = seats.pop_front()
        {
            oldest.abort();
        }
        let (encrypted, app) = (encrypted.clone(), app.clone());
        seats.push_back(tokio::spawn(async move {
            let _ = tokio::time::timeout(LONGEST, client(stream, encrypted, app)).await;
        }));
    }
}

async fn client(stream: TcpStream, encrypted: Option<TlsAcceptor>, app: Router) {
    let _ = stream.set_nodelay(true);
    match encrypted {
        None => requests(stream, app).await,
        Some(encrypted) => {
            if let Ok(Ok(stream)) = tokio::time::timeout(HEAD, encrypted.accept(stream)).await {
                requests(stream, app).await;
            }
        }
    }
}

async fn requests<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(stream: S, app: Router) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(HEAD_BYTES);
    // A client that goes away in the middle is nobody's fault.
    let _ = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(app)).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_folder_has_a_name_of_its_own() {
        let dirs = ["/a/main", "/b/main", "/c/live run", "/"].map(PathBuf::from);
        let slugs: Vec<String> = sessions(&dirs).iter().map(|session| session.slug.clone()).collect();
        assert_eq!(slugs, ["main", "main-2", "live-run", "session"]);
    }

    #[test]
    fn x15_x18_this_machine_is_known_by_its_own_names_alone() {
        let known = hosts("127.0.0.1:8420".parse().unwrap(), &["desk.example:443".to_owned()]);
        for host in ["127.0.0.1:8420", "localhost:8420", "[::1]:8420", "desk.example:443"] {
            assert!(known.iter().any(|known| known == host), "{host}");
        }
        for host in ["127.0.0.1", "localhost", "127.0.0.1:84200", "evil.example:8420", "LOCALHOST:8420"] {
            assert!(!known.iter().any(|known| known == host), "{host}");
        }
    }
}
