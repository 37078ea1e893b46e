//! A page that follows: server-sent events, each with the number of its view, so that a browser that comes back is told what it
//! missed and nothing twice.
//!
//! Nothing queues: whoever is slow is given the newest view when it can take one. A page is rendered once for all who follow
//! it. Tests: `tests/commands/page.rs`.

use super::frame::{self, Screen};
use super::overview;
use super::session::Session;
use super::view::View;
use axum::response::sse::Event;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// Rendered pages that are kept.
const KEPT: usize = 16;
/// A look is renewed at least so often while somebody follows.
const RENEW: Duration = Duration::from_secs(5);

/// A page as it was rendered last, with the view and the screen that it is of.
type Rendered = (u64, String, Screen, Arc<str>);

/// Pages that were rendered.
#[derive(Default)]
pub struct Cache(Mutex<VecDeque<Rendered>>);

impl Cache {
    fn of(&self, view: &View, screen: &Screen) -> Arc<str> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is = |(number, slug, of, _): &&Rendered| *number == view.number && *slug == view.slug && of == screen;
        if let Some((.., text)) = kept.iter().find(is) {
            return Arc::clone(text);
        }
        let text: Arc<str> = frame::inside(view, screen, &overview::of(view, screen)).into_string().into();
        if kept.len() >= KEPT {
            kept.pop_front();
        }
        kept.push_back((view.number, view.slug.clone(), screen.clone(), Arc::clone(&text)));
        text
    }
}

/// One who follows.
pub struct Follower {
    session: Arc<Session>,
    views: watch::Receiver<Arc<View>>,
    screen: Screen,
    cache: Arc<Cache>,
    /// The last view that it has.
    seen: u64,
}

impl Follower {
    /// From a page that has this view already.
    #[must_use]
    pub fn new(session: &Arc<Session>, screen: Screen, cache: Arc<Cache>, seen: u64) -> Self {
        let views = session.follow();
        Self { session: Arc::clone(session), views, screen, cache, seen }
    }

    /// The next view that it has not seen.
    pub async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        let view = newer(&self.session, &mut self.views, self.seen).await?;
        self.seen = view.number;
        let text = self.cache.of(&view, &self.screen);
        let event = Event::default().id(view.number.to_string()).data(&*text);
        Some((Ok(event), self))
    }
}

/// The newest view once it is another than that of this number; `None` when no more come. Somebody looks meanwhile.
pub async fn newer(session: &Session, views: &mut watch::Receiver<Arc<View>>, seen: u64) -> Option<Arc<View>> {
    loop {
        session.look();
        let view = views.borrow_and_update().clone();
        if view.number > 0 && view.number != seen {
            return Some(view);
        }
        if let Ok(Err(_)) = tokio::time::timeout(RENEW, views.changed()).await {
            return None;
        }
    }
}
