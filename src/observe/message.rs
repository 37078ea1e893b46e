//! Notices as a person reads them on a phone or in a mail: what waits together goes out together, the worst first in the head.
//!
//! Pure. Tests: at the end.

use super::alarms::{Notice, What};
use std::sync::Arc;

/// Most characters of one message; Telegram takes 4096.
const LONGEST: usize = 3_500;

/// Several notices as one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// One line that says how bad it is.
    pub head: String,
    /// Each notice in a paragraph.
    pub body: String,
    /// Whether one of them needs a person now.
    pub page: bool,
    /// How many there are.
    pub notices: usize,
}

impl Message {
    /// All in one, however long it is.
    #[must_use]
    pub fn of(notices: &[Arc<Notice>]) -> Self {
        let page = notices.iter().any(|notice| is_page(notice));
        let texts: Vec<String> = notices.iter().map(|notice| paragraph(notice)).collect();
        Self { head: head(notices, page), body: texts.join("\n\n"), page, notices: notices.len() }
    }

    /// In as many as are needed so that none is too long to be taken.
    #[must_use]
    pub fn several(notices: &[Arc<Notice>]) -> Vec<Self> {
        let mut all: Vec<Vec<Arc<Notice>>> = Vec::new();
        let mut room = 0;
        for notice in notices {
            let length = paragraph(notice).chars().count() + 2;
            match all.last_mut() {
                Some(last) if length <= room => {
                    room -= length;
                    last.push(Arc::clone(notice));
                }
                Some(_) | None => {
                    room = LONGEST.saturating_sub(length);
                    all.push(vec![Arc::clone(notice)]);
                }
            }
        }
        all.iter().map(|notices| Self::of(notices)).collect()
    }
}

/// One notice; a sentence that is too long for a message is cut.
fn paragraph(notice: &Notice) -> String {
    format!("{}: {}", word(notice), notice.text).chars().take(LONGEST).collect()
}

/// Whether it needs a person now; that something ended does not.
pub(super) fn is_page(notice: &Notice) -> bool {
    notice.severity == "page" && matches!(notice.what, What::Raised | What::Repeated | What::StillOpen)
}

fn word(notice: &Notice) -> &str {
    match notice.what {
        What::Quiet => "over",
        What::Digest => "the day",
        What::Heartbeat => "heartbeat",
        What::Raised | What::Repeated | What::StillOpen => &notice.severity,
    }
}

fn head(notices: &[Arc<Notice>], page: bool) -> String {
    let worst = notices.iter().find(|notice| is_page(notice)).or_else(|| notices.first());
    let about = worst.map_or_else(String::new, |notice| {
        let of = notice.pair.as_ref().or(notice.venue.as_ref()).map_or_else(String::new, |of| format!(" {of}"));
        format!("{}{of}", notice.kind.as_deref().unwrap_or_else(|| word(notice)))
    });
    let more = notices.len().saturating_sub(1);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    // Whose it is: simulated and real money look alike otherwise (fault H13).
    let whose = notices.first().and_then(|notice| Some((notice.mode.as_deref()?, notice.session.as_deref()?)));
    let whose = whose.map_or_else(String::new, |(mode, session)| {
        let name = session.trim_end_matches('/').rsplit('/').next().unwrap_or(session);
        format!(" {} {name}", mode.to_uppercase())
    });
    format!("carry{}{whose}: {about}{more}", if page { " PAGE" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::WallTime;

    fn notice(what: What, severity: &str, text: &str) -> Arc<Notice> {
        Arc::new(Notice {
            schema: "carry.alarm/1".to_owned(),
            what,
            mode: Some("live".to_owned()),
            session: Some("state/main".to_owned()),
            kind: Some("pair_naked".to_owned()),
            severity: severity.to_owned(),
            pair: Some("alpha:BTCUSDT".to_owned()),
            order: None,
            venue: None,
            at_risk: None,
            text: text.to_owned(),
            typed: None,
            runbook: None,
            count: 1,
            since_ms: WallTime(0),
            at_ms: WallTime(0),
            open: 1,
        })
    }

    #[test]
    fn what_waits_together_goes_together_and_a_page_names_the_head() {
        let both = [notice(What::Raised, "warning", "first"), notice(What::Raised, "page", "second")];
        let message = Message::of(&both);
        assert_eq!(message.head, "carry PAGE LIVE main: pair_naked alpha:BTCUSDT and 1 more");
        assert_eq!((message.body.as_str(), message.page), ("warning: first\n\npage: second", true));
        let over = Message::of(&[notice(What::Quiet, "page", "not raised any more")]);
        assert_eq!((over.page, over.body.as_str()), (false, "over: not raised any more"));
    }

    #[test]
    fn no_message_is_longer_than_what_is_taken_and_nothing_is_left_out() {
        let long = "x".repeat(1_500);
        let many: Vec<_> = (0..5).map(|_| notice(What::Raised, "page", &long)).collect();
        let messages = Message::several(&many);
        let counts: Vec<usize> = messages.iter().map(|message| message.body.matches("page: ").count()).collect();
        assert_eq!(counts, [2, 2, 1]);
        assert!(messages.iter().all(|message| message.body.chars().count() <= 3_500));
        let huge = Message::several(&[notice(What::Raised, "page", &"y".repeat(9_000))]);
        assert_eq!(huge[0].body.chars().count(), 3_500);
    }
}
