//! Alarms to a Telegram chat: out only, nothing that is written there is read.
//!
//! The account stands in a file of mode 0600 as JSON: `{"token": "123:ABC", "chat": "-1001234"}`. The token is part of the
//! address, so no address is ever said. What waits goes out as one message, and when Telegram asks for a pause it gets one. In
//! silent hours messages arrive without a sound, except a page. Tests: at the end, `tests/commands/alarms.rs`.

use super::message::Message;
use super::post::Post;
use super::scrub;
use super::sinks::{Lost, Patience, Waiting};
use crate::config::address::Address;
use crate::domain::{Span, WallTime};
use serde::Deserialize;

/// Where the Bot API is.
const BASE: &str = "https://api.telegram.org";

/// Hours in which only a page makes a sound, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silent {
    /// From then on, since midnight.
    pub from: Span,
    /// Until then; before `from` it is on the next day.
    pub to: Span,
}

impl Silent {
    /// Whether that time is within them.
    #[must_use]
    pub const fn holds(self, at: WallTime) -> bool {
        let time = at.0.rem_euclid(Span::DAY.0);
        if self.from.0 <= self.to.0 {
            self.from.0 <= time && time < self.to.0
        } else {
            time >= self.from.0 || time < self.to.0
        }
    }
}

/// Whom to tell.
pub struct Account {
    url: Box<str>,
    chat: String,
}

/// As it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    token: String,
    chat: Chat,
    #[serde(default)]
    url: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Chat {
    Number(i64),
    Name(String),
}

impl Account {
    /// From the text of the file. Errors never hold what stands in it.
    ///
    /// # Errors
    /// What was expected instead, in words.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "expected {\"token\": \"123:ABC\", \"chat\": \"-1001234\"} and nothing else";
        let written: Written = serde_json::from_str(text).map_err(|_| FORM)?;
        let (number, secret) = written.token.split_once(':').unwrap_or_default();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        if !digits || secret.is_empty() || !secret.bytes().all(plain) {
            return Err("token: expected the token of a bot as BotFather gives it, for example 123:ABC");
        }
        let chat = match written.chat {
            Chat::Number(number) => number.to_string(),
            Chat::Name(name) => name,
        };
        let name = chat.strip_prefix('@').is_some_and(|name| !name.is_empty() && name.bytes().all(plain));
        if !name && chat.parse::<i64>().is_err() {
            return Err("chat: expected the number of a chat, for example -1001234, or @name of a channel");
        }
        let base = match written.url.as_deref() {
            None => BASE,
            Some(url) if Address::parse(url).is_ok_and(|address| address.loopback) => url.trim_end_matches('/'),
            Some(_) => return Err("url: only an address of this machine may stand in for Telegram, for tests"),
        };
        scrub::register(&written.token);
        Ok(Self { url: format!("{base}/bot{}/sendMessage", written.token).into(), chat })
    }
}

/// Sends what waits until there is no more to come.
pub(super) async fn run(
    account: Account,
    silent: Option<Silent>,
    (mut waiting, lost): (Waiting, Lost),
    patience: Patience,
) {
    let Some(post) = Post::new(account.url, patience) else { return };
    while let Some(notices) = waiting.gathered().await {
        let quiet = silent.is_some_and(|silent| notices.iter().all(|notice| silent.holds(notice.at_ms)));
        let mut left = notices.as_slice();
        for message in Message::several(&notices) {
            let body = serde_json::json!({
                "chat_id": account.chat,
                "text": format!("{}\n\n{}", message.head, message.body),
                "disable_notification": quiet && !message.page,
                "link_preview_options": { "is_disabled": true },
            });
            if !post.json(&body.to_string()).await {
                // Who wants to be left alone, or is not there, is not asked for the rest.
                lost.add("alarm.telegram", left.len(), "Telegram did not take it");
                break;
            }
            let (done, rest) = left.split_at(message.notices.min(left.len()));
            lost.done(done);
            left = rest;
        }
        // What was given up is counted, and waits no more.
        lost.done(left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silent_hours_go_over_midnight() {
        let at = |hours: i64| WallTime(1_000 * Span::DAY.0 + hours * Span::HOUR.0);
        let night = Silent { from: Span::hours(22), to: Span::hours(7) };
        let day = Silent { from: Span::hours(9), to: Span::hours(17) };
        for (hour, at_night, by_day) in [
            (0, true, false),
            (6, true, false),
            (7, false, false),
            (9, false, true),
            (17, false, false),
            (22, true, false),
        ] {
            assert_eq!((night.holds(at(hour)), day.holds(at(hour))), (at_night, by_day), "{hour}");
        }
        assert!(!Silent { from: Span::hours(3), to: Span::hours(3) }.holds(at(3)), "no hours");
    }

    #[test]
    fn x10_what_is_wrong_with_the_account_is_said_without_it() {
        for (text, expected) in [
            ("canary:secret", "expected {\"token\""),
            ("{\"token\":\"canary\",\"chat\":1}", "token: expected"),
            ("{\"token\":\"12:can/../ary\",\"chat\":1}", "token: expected"),
            ("{\"token\":\"12:canary\",\"chat\":\"somebody\"}", "chat: expected"),
            ("{\"token\":\"12:canary\",\"chat\":1,\"url\":\"https://example.com\"}", "url: only an address"),
            ("{\"token\":\"12:canary\",\"chat\":1,\"admin\":true}", "and nothing else"),
        ] {
            let error = Account::parse(text).err().unwrap();
            assert!(error.contains(expected) && !error.contains("canary"), "{text}: {error}");
        }
        let account = Account::parse("{\"token\":\"12:canary_A-1\",\"chat\":-5}").ok().unwrap();
        assert_eq!(
            (&*account.url, account.chat.as_str()),
            ("https://api.telegram.org/bot12:canary_A-1/sendMessage", "-5")
        );
    }
}
