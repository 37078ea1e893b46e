//! The list of the sessions of a page, each with the age of what is said of it. Tests: at the end, `tests/commands/page_truth.rs`.

use super::view::View;
use super::{frame, parts, words};
use crate::control::snapshot::Snapshot;
use crate::domain::WallTime;
use maud::{Markup, html};
use std::sync::Arc;

/// The page; the script asks for it again.
#[must_use]
pub fn page(views: &[Arc<View>], asked: WallTime) -> Markup {
    let note = html! {
        (views.len()) " on this machine · asked at " (words::clock(asked)) " UTC, " span id="age" { "0.0\u{a0}s" } " ago"
    };
    let body = html! {
        body data-poll="/" { main id="main" { section.card {
            (parts::head("Sessions", &note))
            div.scroll tabindex="0" role="region" aria-label="a table that may be wider than the window" { table {
                thead { tr {
                    th { "session" } th { "mode" } th { "state" } th.n { "equity" } th.n { "net" } th.n { "held" }
                    th.n { "alarms" } th.n { "heard" } th { "folder" }
                } }
                tbody { @for view in views { (row(view)) } }
            } }
        } } }
    };
    frame::document("carry", &body)
}

/// What is not of now is grey, and says of when it is.
fn row(view: &View) -> Markup {
    let stale = !view.runs || view.silent.is_some() || view.held().any(|row| view.is_stale(row));
    html! { tr class=[stale.then_some("stale")] {
        td { a href={ "/s/" (view.slug) } { b { (view.slug) } } }
        td { span class={ "badge " (view.mode()) } { (view.mode().to_uppercase()) } }
        @match &view.snapshot {
            Some(now) => {
                td { (now.state.replace('_', " ")) }
                td.n.aged { (words::level(now.equity)) " " (now.currency) }
                td.n.aged { (words::gain(now.net)) }
                td.n.aged { (view.held().count()) }
                td.n.aged { (now.alarms.values().sum::<u64>()) }
                td.n { (heard(view, now)) }
            }
            None => { td colspan="6" { (view.problem.as_deref().unwrap_or("unknown")) } }
        }
        td { code { (view.dir.display()) } }
    } }
}

fn heard(view: &View, now: &Snapshot) -> Markup {
    let oldest = view.held().filter(|row| view.is_stale(row)).filter_map(|row| row.age_ms).max();
    html! {
        @if view.runs && view.silent.is_none() {
            (words::age_of(view.age())) " ago"
            @if let Some(age) = oldest { " " b.against { "prices " (words::age(age)) " old" } }
        } @else {
            b.against { "as of " (words::date(now.at_ms)) " " (words::clock(now.at_ms)) "\u{a0}UTC" }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::engine::State;
    use crate::sim::{Generator, START};

    #[test]
    fn a_session_that_nobody_speaks_for_is_grey_and_dated() {
        let state = State::new(Settings::default(), Generator::new(1, START).catalogue().clone());
        let mut view = View::nothing("s", std::path::Path::new("runs/s"));
        view.snapshot = Some(Snapshot::of(&state, START));
        let dead = row(&view).into_string();
        assert!(dead.contains("<tr class=\"stale\">") && dead.contains("as of "), "{dead}");
        view.runs = true;
        let heard = row(&view).into_string();
        assert!(heard.contains("<tr>") && heard.contains(" ago") && !heard.contains("as of "), "{heard}");
        let page = page(&[Arc::new(view)], START).into_string();
        assert!(page.contains("data-poll=\"/\"") && page.contains("id=\"age\""), "{page}");
    }
}
