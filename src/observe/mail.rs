//! Alarms by mail, through the `sendmail` program that the machine has.
//!
//! The addresses stand in a file, one a line. What waits goes out as one mail. Tests: at the end,
//! `tests/commands/alarms.rs`.

use super::message::Message;
use super::program;
use super::sinks::{Lost, Patience, Waiting};
use std::path::PathBuf;

/// Most addresses.
const MOST: usize = 20;

/// Whom to tell, and by which program.
pub struct Mailer {
    /// The program.
    pub sendmail: PathBuf,
    /// Addresses.
    pub to: Vec<String>,
}

/// Addresses from the text of a file, one a line; empty lines and lines that begin with `#` are left out.
///
/// # Errors
/// The number of the line that is none, and what was expected.
pub fn addresses(text: &str) -> Result<Vec<String>, (usize, &'static str)> {
    let mut found = Vec::new();
    for (line, number) in text.lines().map(str::trim).zip(1..) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        // It becomes an argument of the program and a line of the head: nothing in it may be more than an address.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-@".contains(&byte);
        let form = line.split_once('@').is_some_and(|(name, host)| {
            !name.is_empty() && !host.is_empty() && !host.contains('@') && !name.starts_with('-')
        });
        if !form || !line.bytes().all(plain) {
            return Err((number, "expected one mail address, for example desk@example.com"));
        }
        if found.len() == MOST {
            return Err((number, "expected at most 20 addresses"));
        }
        found.push(line.to_owned());
    }
    if found.is_empty() { Err((1, "expected at least one mail address")) } else { Ok(found) }
}

/// Sends what waits until there is no more to come.
pub(super) async fn run(mailer: Mailer, (mut waiting, lost): (Waiting, Lost), patience: Patience) {
    let mut arguments = vec!["-i".to_owned(), "--".to_owned()];
    arguments.extend(mailer.to.iter().cloned());
    while let Some(notices) = waiting.gathered().await {
        let text = mail(&mailer.to, &Message::of(&notices));
        if let Err(why) = program::run(&mailer.sendmail, &arguments, &text, patience.limit).await {
            lost.add("alarm.mail", notices.len(), why);
        }
        lost.done(&notices);
    }
}

fn mail(to: &[String], message: &Message) -> String {
    // A name of a pair is plain, and so is all of the head: a line more would be another header.
    let head: String =
        message.head.chars().map(|c| if c.is_ascii() && !c.is_ascii_control() { c } else { ' ' }).collect();
    let urgent = if message.page { "X-Priority: 1\n" } else { "" };
    format!(
        "To: {}\nSubject: {head}\n{urgent}Auto-Submitted: auto-generated\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\
         Content-Transfer-Encoding: 8bit\n\n{}\n",
        to.join(", "),
        message.body
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_an_address_and_nothing_more() {
        assert_eq!(addresses("# desk\n a@b.c \n\nd@e\n").unwrap(), ["a@b.c", "d@e"]);
        for (text, line) in
            [("", 1), ("a@b\nnobody", 2), ("-f@b", 1), ("a@b, c@d", 1), ("a@b\tBcc: x@y", 1), ("a@@b", 1)]
        {
            assert_eq!(addresses(text).unwrap_err().0, line, "{text:?}");
        }
    }

    #[test]
    fn a_mail_has_one_head() {
        let message =
            Message { head: "carry PAGE: x\nBcc: a@b".to_owned(), body: "b".to_owned(), page: true, notices: 1 };
        let text = mail(&["a@b".to_owned()], &message);
        assert!(text.contains("Subject: carry PAGE: x Bcc: a@b\n") && text.ends_with("\n\nb\n"), "{text}");
    }
}
