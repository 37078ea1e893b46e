//! Alarms in words: each is one sentence with the venue, the pair, the money at risk, what was done and what to type.
//!
//! Pure text; who is told and when stands in `alarms.rs`. A page a kind stands in `deploy/runbook`. Tests: at the end, and
//! `tests/suite/runbook.rs`.

use crate::domain::Amount;
use crate::port::command::AlarmKind;
use serde::{Deserialize, Serialize};

/// What an alarm is about, as far as it is known where it is raised.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct About {
    /// Name of the pair.
    pub pair: Option<String>,
    /// Name of the venue.
    pub venue: Option<String>,
    /// Our id of the order.
    pub order: Option<String>,
    /// Money at risk with its coin and what it is, as `25000 USDT unequal`.
    pub at_risk: Option<String>,
    /// The same as a sum, to see when it grows.
    pub sum: Option<Amount>,
}

/// What happened, what the bot did, and what to type: `{pair}`, `{order}` and `{state}` stand for those of the alarm.
#[must_use]
#[expect(clippy::too_many_lines, reason = "one row for each kind of alarm: a table, not a program")]
pub const fn words(kind: AlarmKind) -> (&'static str, &'static str, &'static str) {
    match kind {
        AlarmKind::OrderUnknown => (
            "nobody knows yet what became of an order",
            "it counts at its worst, the venue is asked again every few seconds, and no second order leaves on its leg",
            "carry orders{state}, and if it stays for minutes carry resolve {order} --as executed|absent{state}",
        ),
        AlarmKind::PairUnequal => (
            "the legs are unequal for longer than execution.hedge_time",
            "the bot goes on repairing with orders inside the collar, and enters nothing here",
            "carry pairs{state}",
        ),
        AlarmKind::PairNaked => (
            "the legs are unequal and cannot be made equal now",
            "every way of repair is tried again as soon as the venue takes it, and nothing is entered",
            "carry pairs{state}, then carry close {pair}{state}, and if that is refused close by hand at the venue",
        ),
        AlarmKind::Adl => (
            "the venue closed a part of the short (auto-deleveraging)",
            "the same coins are sold on the spot side at once, so that the legs are equal again",
            "carry pairs{state}",
        ),
        AlarmKind::Liquidated => (
            "the venue liquidated the short",
            "the spot coins that it hedged are sold inside the collar, and nothing is entered",
            "carry pairs{state}, then carry report{state}",
        ),
        AlarmKind::Overfill => (
            "more was executed than was ordered",
            "what came was booked, and the legs are made equal by what was received",
            "carry fills{state}",
        ),
        AlarmKind::LateFill => (
            "an order that was believed dead was executed",
            "it was booked at once and the legs are made equal; the pair is latched: no entries",
            "carry fills{state}, and once it is clear carry clear-halt --reason TEXT{state}",
        ),
        AlarmKind::IllegalReport => (
            "the venue said of an order what cannot be true",
            "what it said was booked where it is money, repair and closing go on, and the pair is latched: no entries",
            "carry reconcile{state}, then carry clear-halt --reason TEXT{state}",
        ),
        AlarmKind::MarginLow => (
            "the distance to liquidation is below margin.warn",
            "free money of the spot wallet is moved to the perp wallet; below margin.floor the pair is made smaller",
            "carry status{state}, and bring more quote coin to the venue if it keeps rising",
        ),
        AlarmKind::MarginFloor => (
            "the distance to liquidation is below margin.floor",
            "both legs are made smaller until the distance is restored",
            "carry status{state}, and bring quote coin to the venue or carry close {pair}{state}",
        ),
        AlarmKind::AutoExchanged => (
            "the venue sold coins of the perp wallet for a debt in the quote coin",
            "it was booked as a sale, and the short is made smaller by as much",
            "carry fills{state}",
        ),
        AlarmKind::CollateralUnknown => (
            "what coins count for as collateral is not known any more",
            "they count for nothing until it is, and nothing is entered with them",
            "carry status{state}",
        ),
        AlarmKind::ReduceRefused => (
            "the venue refused to reduce a position: it is not what the ledger says",
            "nothing is traded on that belief; the venue's lists are read and compared at once",
            "carry reconcile{state}",
        ),
        AlarmKind::Stale => (
            "prices of a pair are older than gates.max_age while it is held",
            "nothing is entered; margin is judged by the venue's own list of positions, which is read every half minute",
            "carry pairs{state}",
        ),
        AlarmKind::VenueDown => (
            "the venue cannot be reached",
            "nothing is entered; resting orders end by the venue's own countdown; hedges leave as soon as a host answers",
            "carry status{state}, and if it lasts with money at risk close by hand at the venue",
        ),
        AlarmKind::Depeg => (
            "a quote coin left its peg",
            "nothing is entered with it beyond gates.peg; what is held is valued at the cross rate",
            "carry status{state}, and decide whether to carry flatten{state}",
        ),
        AlarmKind::IntervalChanged => (
            "the venue changed the time between two settlements of funding",
            "the new interval counts from now on, and the rate is read by it",
            "carry why {pair}{state}",
        ),
        AlarmKind::TransferFailed => (
            "a transfer between the wallets was refused",
            "the money is booked back where it was, and another try follows in a minute",
            "carry reconcile{state}",
        ),
        AlarmKind::Runaway => (
            "order after order brought nothing",
            "the pair is latched: no entries; what is held stays hedged, repair and closing go on",
            "carry why {pair}{state}, and once it is clear carry clear-halt --reason TEXT{state}",
        ),
        AlarmKind::Halted => (
            "the session is halted",
            "nothing is sent, not even what lowers risk; own resting orders were cancelled",
            "carry reconcile{state}, then carry clear-halt --reason TEXT{state}",
        ),
        AlarmKind::LossLimit => (
            "the loss of this day reached risk.daily_loss",
            "nothing is entered until you say so; what is held is managed and closed as before",
            "carry pnl{state}, then carry clear-halt --reason TEXT{state}",
        ),
        AlarmKind::PriceOutsideLimit => (
            "an execution was worse than the limit of its order",
            "it was booked as the venue says",
            "carry fills{state}",
        ),
        AlarmKind::TradingEnds => (
            "trading of a pair that is held ends, or is stopped now",
            "the pair is closed before the end and not entered again",
            "carry pairs{state}",
        ),
        AlarmKind::Foreign => (
            "somebody else acts on this account",
            "no entries at this venue, no further clips of an entry in work; a pair whose position it changed is latched, and left \
             to you unless risk.foreign is hedge",
            "carry reconcile{state}, then carry clear-halt --reason TEXT{state}",
        ),
        AlarmKind::VenueRefuses => (
            "the venue refuses the key, or has restricted the account",
            "nothing is entered, and requests are not hammered",
            "carry keys test NAME, and once it is mended carry clear-halt --reason TEXT{state}",
        ),
        AlarmKind::Difference => (
            "the ledger and the venue's lists differ",
            "no entries at this venue until they agree; what is held is managed as the ledger knows it",
            "carry reconcile{state}",
        ),
        AlarmKind::NotCompared => (
            "ledger and venue could not be compared for five minutes",
            "the lists are asked again, ever more gently; what is held is managed as the ledger knows it",
            "carry status{state}, then carry reconcile{state}",
        ),
        AlarmKind::DiskShort => (
            "the disk of the state folder is nearly full",
            "nothing is entered; the tape ends when it must; reduces go on, on the reserve if need be",
            "make room on that disk, then carry status{state}",
        ),
        AlarmKind::FeeCoinLow => (
            "the coin that the venue takes its fees in lasts for fewer than twenty more",
            "nothing changes yet",
            "buy more of it at the venue",
        ),
        AlarmKind::FeeCoinOut => (
            "the coin that the venue takes its fees in is used up",
            "fees are taken in the usual coins again, which is dearer, and the hedge follows what is received",
            "buy more of it at the venue",
        ),
        AlarmKind::PartMissing => (
            "a part of the way to the venue does not work",
            "nothing is entered there; what lowers risk goes on",
            "carry status{state}",
        ),
        AlarmKind::PriceDoubt => (
            "the venue contradicts itself about a price",
            "nothing is entered; a reduce moves only where two witnesses agree",
            "carry pairs{state}",
        ),
        AlarmKind::EventTime => (
            "the times of the venue's events are far in the past or in the future",
            "such data does not count as fresh; the clock is measured again",
            "carry doctor",
        ),
        AlarmKind::InputMissing => (
            "an input that a gate needs does not exist",
            "entries of that pair are refused while gates.missing is refuse",
            "carry why {pair}{state}",
        ),
        AlarmKind::MarginNotAdded => (
            "margin could not be added to an isolated position",
            "it is tried again, and below margin.floor the pair is made smaller",
            "carry status{state}, and add margin at the venue by hand if it lasts",
        ),
        AlarmKind::Paused => (
            "entries are paused",
            "nothing is entered; what is held is managed and closed as before",
            "carry resume{state}",
        ),
        AlarmKind::OtherInstance => (
            "another session of carry trades this account, from a copied folder, a restored backup or another machine",
            "nothing new is entered here; hedges, repairs and closes go on",
            "carry reconcile{state}, stop the other one, then carry clear-halt --reason TEXT{state}",
        ),
        AlarmKind::RateLimited => (
            "the venue asked us to keep still for a while",
            "nothing leaves to that host until then, then one question, and when it is answered hedges and closes go first",
            "carry status{state}",
        ),
        AlarmKind::AddressBanned => (
            "the venue banned the address of this machine for a while",
            "nothing leaves to that host until the ban ends, then one question first; legs that are unequal stay so until then",
            "carry status{state}, and with money at risk close by hand at the venue from another address",
        ),
        AlarmKind::CapitalAboveBalance => (
            "there is less money at the venues than run.capital says",
            "sizes and limits that are shares of the capital count the smaller of the two",
            "set run.capital to what is there, or bring the rest",
        ),
        AlarmKind::PairAdmitted => (
            "the universe admits this pair, and the session does not have it",
            "nothing is entered in it; the pairs of the session go on as before",
            "carry universe, then stop the session and start it again: carry live at one venue takes the pair, every other session \
             keeps those that it began with, and a new one has it",
        ),
        AlarmKind::InTransition => ("the session is starting or ending", "nothing is entered", "carry status{state}"),
    }
}

/// The word of an alarm's kind, as it stands in JSON.
#[must_use]
pub fn word(kind: AlarmKind) -> String {
    serde_json::to_value(kind).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The kind of a word; the other way round than [`word`].
#[must_use]
pub fn kind_of(word: &str) -> Option<AlarmKind> {
    serde_json::from_value(serde_json::Value::String(word.to_owned())).ok()
}

/// Name of the page in `deploy/runbook`, without its ending.
#[must_use]
pub fn page(kind: AlarmKind) -> String {
    word(kind).replace('_', "-")
}

/// What to type; `state` is the session's folder.
#[must_use]
pub fn typed(kind: AlarmKind, about: &About, state: Option<&str>) -> String {
    let folder = state.map_or_else(String::new, |dir| format!(" --state {}", quoted(dir)));
    let (_, _, next) = words(kind);
    next.replace("{state}", &folder)
        .replace("{pair}", about.pair.as_deref().unwrap_or("PAIR"))
        .replace("{order}", about.order.as_deref().unwrap_or("ID"))
}

/// The one sentence.
#[must_use]
pub fn sentence(kind: AlarmKind, about: &About, state: Option<&str>) -> String {
    let (what, done, _) = words(kind);
    let of = match (&about.pair, &about.venue) {
        (Some(pair), _) => format!("{pair}: "),
        (None, Some(venue)) => format!("{venue}: "),
        (None, None) => String::new(),
    };
    let risk = about.at_risk.as_ref().map_or_else(String::new, |risk| format!(" ({risk})"));
    let (next, page) = (typed(kind, about, state), page(kind));
    format!("{of}{what}{risk}; {done}; type: {next} (runbook: {page})")
}

/// A folder as a shell takes it.
#[must_use]
pub fn quoted(dir: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-');
    if !dir.is_empty() && dir.chars().all(plain) { dir.to_owned() } else { format!("'{}'", dir.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn u13_an_alarm_is_one_sentence_that_a_person_can_act_on() {
        let about = About {
            pair: Some("binance:BTCUSDT".to_owned()),
            venue: Some("binance".to_owned()),
            at_risk: Some("25000.00 USDT unequal".to_owned()),
            ..About::default()
        };
        let text = sentence(AlarmKind::PairNaked, &about, Some("state/my main"));
        for part in
            ["binance:BTCUSDT: ", "(25000.00 USDT unequal)", "carry close binance:BTCUSDT --state 'state/my main'"]
        {
            assert!(text.contains(part), "{text}");
        }
        assert!(text.ends_with("(runbook: pair-naked)") && !text.contains('\n') && !text.contains(". "), "{text}");
        let text =
            sentence(AlarmKind::OrderUnknown, &About { order: Some("c1-0-7".to_owned()), ..About::default() }, None);
        assert!(text.contains("carry resolve c1-0-7 --as executed|absent"), "{text}");
    }
}
