//! What must be right at a venue before a run may trade there, line by line, each with its fix. For `doctor` and `live`.
//!
//! It asks and judges; only [`settle_modes`] and [`settle_collateral`] change anything: leverage and margin mode of our own
//! pairs, and multi-assets mode of an account that holds nothing.
//! An unknown right is not a right: it refuses. Tests: `tests/commands/doctor.rs`.

use super::inquiry::{Inquiry, StartError};
use crate::config::Settings;
use crate::config::settings::{Collateral, MarginMode as Wanted};
use crate::domain::collateral::COIN_LEVERAGE;
use crate::domain::{Market, Rate, Span, Symbol, WallTime};
use crate::net::wire::Outcome;
use crate::venues::answer::{AccountModes, Answer, Class, KeyRights, SymbolModes};
use crate::venues::ask::{Act, Ask, MarginMode};
use crate::venues::binance::profile::Feature;
use serde::Serialize;

/// Name of the line about multi-assets mode.
const COLLATERAL_MODE: &str = "collateral mode";

/// How a line ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it must be.
    Good,
    /// It works; a person should know.
    Warn,
    /// Nothing may be traded like this.
    Refuse,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// What was looked at.
    pub check: String,
    /// How it ended.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do about it; empty when it is good.
    pub fix: String,
}

impl Line {
    /// A line.
    #[must_use]
    pub fn new(check: &str, verdict: Verdict, found: impl Into<String>, fix: &str) -> Self {
        Self { check: check.to_owned(), verdict, found: found.into(), fix: fix.to_owned() }
    }
}

/// Whole number of the leverage that the venue is set to: the margin that the settings ask for fits under it. Where coins are
/// collateral it is what the venue keeps back of them, and our own limits are narrower.
#[must_use]
pub fn whole_leverage(settings: &Settings) -> u8 {
    if settings.margin.collateral == Collateral::Coin {
        return COIN_LEVERAGE;
    }
    let one = Rate::ONE;
    let whole = (settings.size.leverage.units().max(one) + one - 1) / one;
    u8::try_from(whole.clamp(1, 3)).unwrap_or(3)
}

/// Rights of the key, against what the settings need of it.
#[must_use]
pub fn rights(rights: &KeyRights, settings: &Settings, now: WallTime) -> Vec<Line> {
    let mut lines = Vec::new();
    let word = |right: Option<bool>| match right {
        Some(true) => "yes",
        Some(false) => "no",
        None => "not stated",
    };
    lines.push(match rights.withdrawals {
        Some(false) => Line::new("key: withdrawals", Verdict::Good, "no", ""),
        other => Line::new(
            "key: withdrawals",
            Verdict::Refuse,
            word(other),
            "make a key without the right to withdraw, and delete this one",
        ),
    });
    let needed =
        [("key: reading", rights.reading), ("key: spot trading", rights.spot), ("key: perp trading", rights.perps)];
    for (check, right) in needed {
        let verdict = if right == Some(true) { Verdict::Good } else { Verdict::Refuse };
        let fix = if right == Some(true) { "" } else { "allow it for this key in the venue's settings" };
        lines.push(Line::new(check, verdict, word(right), fix));
    }
    if rights.transfers != Some(true) {
        // Where the bot keeps the short's margin by moving money, a key that may not move any lets it be liquidated.
        let needed = settings.margin.autopilot || settings.margin.collateral == Collateral::Coin;
        let verdict = if needed && rights.transfers == Some(false) { Verdict::Refuse } else { Verdict::Warn };
        let fix = "allow universal transfers: without them margin cannot be topped up from the spot wallet";
        lines.push(Line::new("key: transfers", verdict, word(rights.transfers), fix));
    }
    if rights.ip_bound != Some(true) {
        let fix = "bind the key to this machine's address in the venue's settings";
        lines.push(Line::new("key: addresses", Verdict::Warn, "works from everywhere", fix));
    }
    if let Some(expires) = rights.expires
        && expires.since(now) < Span(30 * Span::DAY.0)
    {
        let fix = "renew it before then: afterwards every order fails";
        lines.push(Line::new("key: expiry", Verdict::Warn, expires.to_string(), fix));
    }
    lines
}

/// Modes of the account, against the collateral that the settings name.
#[must_use]
pub fn modes(modes: &AccountModes, wanted: Collateral) -> Vec<Line> {
    let mut lines = Vec::new();
    lines.push(match modes.hedge {
        Some(false) => Line::new("position mode", Verdict::Good, "one-way", ""),
        Some(true) => Line::new(
            "position mode",
            Verdict::Refuse,
            "hedge",
            "switch to one-way mode in the futures settings (close positions and orders first)",
        ),
        None => {
            Line::new("position mode", Verdict::Refuse, "not stated", "ask the venue's support for the account's state")
        }
    });
    lines.push(collateral_line(modes.multi_assets, wanted));
    if modes.can_trade == Some(false) {
        lines.push(Line::new("account", Verdict::Refuse, "may not trade", "the venue has locked it: ask its support"));
    }
    if let Some(tier) = modes.fee_tier {
        lines.push(Line::new("fee tier", Verdict::Good, tier.to_string(), ""));
    }
    lines
}

/// Whether collateral is kept as the settings want it.
fn collateral_line(multi_assets: Option<bool>, wanted: Collateral) -> Line {
    let check = COLLATERAL_MODE;
    match (wanted, multi_assets) {
        (Collateral::Coin | Collateral::Unified, Some(true)) => Line::new(check, Verdict::Good, "multi-assets", ""),
        (Collateral::Coin | Collateral::Unified, found) => {
            let found = if found.is_some() { "single asset" } else { "not stated" };
            let fix = "carry live switches to multi-assets mode while no position and no order is open there: close them, or \
                       switch it in the futures settings, or set margin.collateral = \"quote\"";
            Line::new(check, Verdict::Refuse, found, fix)
        }
        (Collateral::Quote, Some(false)) => Line::new(check, Verdict::Good, "single asset", ""),
        (Collateral::Quote, found) => {
            let fix = "switch to single-asset mode in the futures settings, so that only the quote coin is collateral, or set \
                       margin.collateral = \"coin\"";
            let (verdict, found) =
                if found.is_some() { (Verdict::Refuse, "multi-assets") } else { (Verdict::Warn, "not stated") };
            Line::new(check, verdict, found, fix)
        }
    }
}

/// Everything that a venue says about the key and the account.
///
/// # Errors
/// [`StartError`] when it cannot be reached. A refusal is a line.
pub async fn account(
    inquiry: &Inquiry<'_>,
    (symbols, settings): (&[Symbol], &Settings),
    now: WallTime,
) -> Result<Vec<Line>, StartError> {
    let (known, mut lines) = key(inquiry, settings, now).await?;
    if !known {
        return Ok(lines);
    }
    if !symbols.is_empty() {
        // Where no perp of ours is traded no mode of positions is needed.
        lines.extend(account_modes(inquiry, settings.margin.collateral).await?);
    }
    lines.extend(locks(inquiry).await);
    for symbol in symbols {
        if let Ok(Answer::SymbolConfig(found)) =
            inquiry.ask("modes of a perp", Ask::SymbolConfig { symbol: *symbol }).await
        {
            lines.push(symbol_line(&found));
        }
    }
    Ok(lines)
}

/// What the key may do, and whether the venue knows it: one that it does not know gets no other answer either.
///
/// # Errors
/// [`StartError`] when it cannot be reached. A refusal is a line.
pub async fn key(inquiry: &Inquiry<'_>, settings: &Settings, now: WallTime) -> Result<(bool, Vec<Line>), StartError> {
    let profile = inquiry.wire.profile();
    if !profile.has(Feature::ApiRestrictions) && !profile.has(Feature::AgentList) {
        let fix = "make sure in the venue's settings that the key cannot withdraw: it cannot be asked";
        return Ok((true, vec![Line::new("key: withdrawals", Verdict::Warn, "not stated by this venue", fix)]));
    }
    let lines = match inquiry.ask("the rights of the key", Ask::KeyRights).await {
        Ok(Answer::KeyRights(found)) => return Ok((true, rights(&found, settings, now))),
        Ok(_) => vec![Line::new("key", Verdict::Refuse, "its rights cannot be read", "ask the venue's support")],
        Err(StartError::Refused { refused, .. }) => {
            let fix = match refused.class {
                Class::Auth => {
                    "the venue does not know this key here: give one of this venue and environment (a key of the testnet is unknown \
                     on the real venue, and the other way round), or allow this machine's address for it"
                }
                Class::Clock => "the clock of this machine is off: switch on time synchronisation",
                _ => "try again; see the venue's status page",
            };
            vec![Line::new("key", Verdict::Refuse, refused.to_string(), fix)]
        }
        Err(other) => return Err(other),
    };
    Ok((false, lines))
}

/// The modes of the account; collateral in many coins is asked for by itself where the first answer does not say.
///
/// # Errors
/// [`StartError`] when it cannot be reached. A refusal is a line.
pub async fn account_modes(inquiry: &Inquiry<'_>, wanted: Collateral) -> Result<Vec<Line>, StartError> {
    let mut found = match inquiry.ask("the modes of the account", Ask::AccountConfig).await {
        Ok(Answer::AccountConfig(found)) => found,
        Ok(_) => {
            return Ok(vec![Line::new(
                "account",
                Verdict::Refuse,
                "its modes cannot be read",
                "ask the venue's support",
            )]);
        }
        Err(StartError::Refused { refused, .. }) => {
            let fix = "is the futures wallet opened, and may the key trade there?";
            return Ok(vec![Line::new("account", Verdict::Refuse, refused.to_string(), fix)]);
        }
        Err(other) => return Err(other),
    };
    if found.multi_assets.is_none()
        && let Ok(Answer::AccountConfig(own)) = inquiry.ask("the collateral mode", Ask::MultiAssets).await
    {
        found.multi_assets = own.multi_assets;
    }
    Ok(modes(&found, wanted))
}

/// Whether the venue has locked automated trading; no line where it is not locked or cannot be asked.
pub async fn locks(inquiry: &Inquiry<'_>) -> Option<Line> {
    if !inquiry.wire.profile().has(Feature::TradingStatus) {
        return None;
    }
    let Ok(Answer::TradingStatus { locked: true, until }) =
        inquiry.ask("limits on automated trading", Ask::TradingStatus).await
    else {
        return None;
    };
    let until = until.map_or_else(|| "for now".to_owned(), |until| format!("until {until}"));
    Some(Line::new("trading status", Verdict::Refuse, format!("locked {until}"), "wait until the venue unlocks it"))
}

fn symbol_line(found: &SymbolModes) -> Line {
    let leverage = found.leverage.map_or_else(|| "unknown".to_owned(), |leverage| format!("{leverage}x"));
    let mode = match found.isolated {
        Some(true) => "isolated",
        Some(false) => "cross",
        None => "unknown",
    };
    Line::new(&format!("{} modes", found.symbol), Verdict::Good, format!("{leverage}, {mode}"), "")
}

/// Switches multi-assets mode on where that alone is refused in `lines`, coins are to be collateral, and nothing is open at
/// the venue: it changes what margins every position of the account, so with something open a person does it. True when it
/// was switched: the lines are not true any more.
///
/// # Errors
/// [`StartError`] when the venue refuses or cannot be reached.
pub async fn settle_collateral(
    inquiry: &Inquiry<'_>,
    (symbols, wanted): (&[Symbol], Collateral),
    lines: &[Line],
) -> Result<bool, StartError> {
    let mut refused = lines.iter().filter(|line| line.verdict == Verdict::Refuse);
    let alone = refused.next().is_some_and(|line| line.check == COLLATERAL_MODE) && refused.next().is_none();
    if wanted != Collateral::Coin || !alone || !is_flat(inquiry).await? {
        return Ok(false);
    }
    for symbol in symbols {
        // It cannot be switched on while a symbol is isolated.
        let mode = MarginMode::Cross;
        act(inquiry, "the margin mode", Act::SetMarginMode { symbol: *symbol, mode }).await?;
    }
    act(inquiry, "multi-assets mode", Act::SetMultiAssets { on: true }).await?;
    Ok(true)
}

/// Whether the perp account holds no position and no order, as far as the venue says.
async fn is_flat(inquiry: &Inquiry<'_>) -> Result<bool, StartError> {
    let open = Ask::OpenOrders { market: Market::Perp, symbol: None };
    let orders = matches!(inquiry.ask("open orders", open).await?, Answer::Orders(rows) if rows.is_empty());
    let Answer::Positions(rows) = inquiry.ask("positions", Ask::Positions).await? else { return Ok(false) };
    Ok(orders && rows.iter().all(|row| row.coins.is_zero()))
}

/// Sets leverage and margin mode of our perps as the settings want them; what is so already is left alone.
///
/// # Errors
/// [`StartError`] when the venue refuses or cannot be reached.
pub async fn settle_modes(inquiry: &Inquiry<'_>, symbols: &[Symbol], settings: &Settings) -> Result<(), StartError> {
    let mode = match settings.margin.mode {
        Wanted::Cross => MarginMode::Cross,
        Wanted::Isolated => MarginMode::Isolated,
    };
    let leverage = whole_leverage(settings);
    for symbol in symbols {
        let found = match inquiry.ask("modes of a perp", Ask::SymbolConfig { symbol: *symbol }).await? {
            Answer::SymbolConfig(found) => found,
            _ => SymbolModes { symbol: *symbol, leverage: None, isolated: None },
        };
        if found.isolated != Some(mode == MarginMode::Isolated) {
            act(inquiry, "the margin mode", Act::SetMarginMode { symbol: *symbol, mode }).await?;
        }
        if found.leverage != Some(leverage) {
            act(inquiry, "the leverage", Act::SetLeverage { symbol: *symbol, leverage }).await?;
        }
    }
    Ok(())
}

/// Sets it, again and again where that passes: set twice it is as set once.
async fn act(inquiry: &Inquiry<'_>, what: &'static str, act: Act) -> Result<(), StartError> {
    inquiry.patiently(u32::MAX, async || act_once(inquiry, what, act.clone()).await).await
}

async fn act_once(inquiry: &Inquiry<'_>, what: &'static str, act: Act) -> Result<(), StartError> {
    match inquiry.wire.act(act).await {
        Outcome::Answered { result: Ok(_), .. } => Ok(()),
        Outcome::Answered { result: Err(refused), .. } if refused.class == Class::Unchanged => Ok(()),
        Outcome::Answered { result: Err(refused), .. } => {
            Err(StartError::Refused { venue: inquiry.name.to_owned(), what, refused })
        }
        Outcome::NotSent { untrusted: Some(why), .. } => {
            Err(StartError::Untrusted { venue: inquiry.name.to_owned(), why })
        }
        Outcome::NotSent { .. } | Outcome::NoAnswer => {
            Err(StartError::Unreachable { venue: inquiry.name.to_owned(), what: format!("no answer to {what}") })
        }
    }
}

/// The perps of a venue's pairs.
#[must_use]
pub fn perps(catalogue: &crate::domain::Catalogue, venue: crate::domain::VenueId) -> Vec<Symbol> {
    let ours = catalogue.instruments().iter().filter(|one| one.venue_id == venue && one.market == Market::Perp);
    ours.map(|one| one.symbol).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h18_the_collateral_mode_must_be_the_one_of_the_settings() {
        let check = |wanted, multi_assets, verdict, fix: &str| {
            let modes =
                modes(&AccountModes { hedge: Some(false), multi_assets, fee_tier: None, can_trade: None }, wanted);
            let line = modes.into_iter().find(|line| line.check == COLLATERAL_MODE).unwrap();
            assert_eq!(line.verdict, verdict, "{line:?}");
            assert!(line.fix.contains(fix) && (line.fix.is_empty() == fix.is_empty()), "{line:?}");
        };
        check(Collateral::Quote, Some(false), Verdict::Good, "");
        check(Collateral::Quote, Some(true), Verdict::Refuse, "single-asset");
        check(Collateral::Quote, None, Verdict::Warn, "single-asset");
        check(Collateral::Coin, Some(true), Verdict::Good, "");
        check(Collateral::Coin, Some(false), Verdict::Refuse, "multi-assets");
        check(Collateral::Coin, None, Verdict::Refuse, "multi-assets");
    }

    #[test]
    fn l32_a_key_that_may_not_transfer_is_refused_where_the_bot_moves_margin() {
        let check = |transfers, autopilot, collateral, expected: Option<Verdict>| {
            let mut settings = Settings::default();
            (settings.margin.autopilot, settings.margin.collateral) = (autopilot, collateral);
            let yes = Some(true);
            let (reading, spot, perps) = (yes, yes, yes);
            let found =
                KeyRights { reading, spot, perps, withdrawals: Some(false), transfers, ip_bound: yes, expires: None };
            let lines = rights(&found, &settings, WallTime(0));
            let line = lines.iter().find(|line| line.check == "key: transfers");
            assert_eq!(line.map(|line| line.verdict), expected);
        };
        check(Some(true), true, Collateral::Quote, None);
        check(Some(false), true, Collateral::Quote, Some(Verdict::Refuse));
        check(Some(false), false, Collateral::Coin, Some(Verdict::Refuse));
        check(Some(false), false, Collateral::Quote, Some(Verdict::Warn));
        // Not stated is not known: Aster's agents have no such right of their own.
        check(None, true, Collateral::Quote, Some(Verdict::Warn));
    }
}
