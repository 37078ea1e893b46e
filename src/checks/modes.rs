//! The modes of an account while a run trades there, asked each minute: somebody may change them at any time (fault H12).
//!
//! It says what to ask and what differs from what the run needs; it asks nothing itself and changes nothing. What a venue
//! does not state is not held against it. Tests: at the end, and `tests/live.rs`.

use super::preflight::whole_leverage;
use crate::config::Settings;
use crate::config::settings::{Collateral, MarginMode};
use crate::domain::{Span, Symbol, WallTime};
use crate::venues::answer::Answer;
use crate::venues::ask::Ask;
use crate::venues::binance::profile::{Feature, Profile};
use std::collections::BTreeMap;

/// Time between two looks.
const EVERY: Span = Span::MINUTE;

/// What the run needs of the account, and what is known of it.
#[derive(Debug)]
pub struct ModesWatch {
    symbols: Vec<Symbol>,
    leverage: u8,
    isolated: bool,
    multi_assets: bool,
    /// The collateral mode has a question of its own.
    apart: bool,
    next: WallTime,
    /// Differences by what they are about: told once, and again when they change.
    told: BTreeMap<String, String>,
}

impl ModesWatch {
    /// A watch over the modes that a start has just settled.
    #[must_use]
    pub fn new(profile: &Profile, symbols: Vec<Symbol>, settings: &Settings, now: WallTime) -> Self {
        Self {
            symbols,
            leverage: whole_leverage(settings),
            isolated: settings.margin.mode == MarginMode::Isolated,
            multi_assets: settings.margin.collateral == Collateral::Coin,
            apart: !profile.has(Feature::AccountConfig),
            next: now + EVERY,
            told: BTreeMap::new(),
        }
    }

    /// The venue says that something was changed: look now.
    pub fn look_now(&mut self, now: WallTime) {
        self.next = self.next.min(now);
    }

    /// What to ask now; nothing when no look is due.
    pub fn due(&mut self, now: WallTime) -> Vec<Ask> {
        // An account without a perp of ours has no mode that we need.
        if now < self.next || self.symbols.is_empty() {
            return Vec::new();
        }
        self.next = now + EVERY;
        let symbols = self.symbols.iter().map(|symbol| Ask::SymbolConfig { symbol: *symbol });
        let apart = self.apart.then_some(Ask::MultiAssets);
        std::iter::once(Ask::AccountConfig).chain(apart).chain(symbols).collect()
    }

    /// An answer: what differs and was not told yet, in words.
    pub fn answered(&mut self, answer: &Answer) -> Vec<String> {
        let mut found: Vec<(String, Option<String>)> = Vec::new();
        match answer {
            Answer::AccountConfig(modes) => {
                if let Some(hedge) = modes.hedge {
                    found.push(("position mode".to_owned(), hedge.then(|| "is hedge, needed is one-way".to_owned())));
                }
                if let Some(multi) = modes.multi_assets {
                    let word = |multi: bool| if multi { "multi-assets" } else { "single asset" };
                    let wrong = multi != self.multi_assets;
                    let text = format!("is {}, needed is {}", word(multi), word(self.multi_assets));
                    found.push(("collateral mode".to_owned(), wrong.then_some(text)));
                }
                if let Some(trade) = modes.can_trade {
                    found.push(("account".to_owned(), (!trade).then(|| "may not trade".to_owned())));
                }
            }
            Answer::SymbolConfig(modes) => {
                if let Some(leverage) = modes.leverage {
                    let text = format!("is {leverage}x, needed is {}x", self.leverage);
                    found.push((format!("{} leverage", modes.symbol), (leverage != self.leverage).then_some(text)));
                }
                if let Some(isolated) = modes.isolated {
                    let word = |isolated: bool| if isolated { "isolated" } else { "cross" };
                    let text = format!("is {}, needed is {}", word(isolated), word(self.isolated));
                    found.push((format!("{} margin mode", modes.symbol), (isolated != self.isolated).then_some(text)));
                }
            }
            _ => {}
        }
        let mut news = Vec::new();
        for (what, problem) in found {
            match problem {
                None => drop(self.told.remove(&what)),
                Some(text) => {
                    if self.told.insert(what.clone(), text.clone()).as_ref() != Some(&text) {
                        news.push(format!("{what} {text}"));
                    }
                }
            }
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::venues::answer::{AccountModes, SymbolModes};
    use crate::venues::binance::profile::Net;

    fn account(hedge: Option<bool>, multi_assets: Option<bool>) -> Answer {
        Answer::AccountConfig(AccountModes { hedge, multi_assets, fee_tier: None, can_trade: Some(true) })
    }

    #[test]
    fn h12_a_changed_mode_is_told_once_and_again_when_it_changes_again() {
        let settings = Settings::default();
        let symbol = Symbol::of("BTCUSDT");
        let asks =
            |profile: Profile| ModesWatch::new(&profile, vec![symbol], &settings, WallTime(0)).due(WallTime(60_000));
        assert_eq!(asks(Profile::binance()), [Ask::AccountConfig, Ask::SymbolConfig { symbol }]);
        assert!(asks(Profile::aster_v3(Net::Main)).contains(&Ask::MultiAssets), "it is not in the first answer there");
        let mut watch = ModesWatch::new(&Profile::binance(), vec![symbol], &settings, WallTime(0));
        assert_eq!(watch.due(WallTime(59_999)), []);
        assert_eq!(watch.due(WallTime(60_000)).len(), 2);
        assert_eq!(watch.due(WallTime(60_001)), [], "one look a minute");
        watch.look_now(WallTime(60_002));
        assert_eq!(watch.due(WallTime(60_002)).len(), 2);
        let none: [&str; 0] = [];
        assert_eq!(watch.answered(&account(Some(false), Some(false))), none);
        assert_eq!(watch.answered(&account(None, None)), none, "what is not stated is not held against it");
        assert_eq!(watch.answered(&account(Some(true), None)), ["position mode is hedge, needed is one-way"]);
        assert_eq!(watch.answered(&account(Some(true), None)), none, "told once");
        assert_eq!(
            watch.answered(&account(Some(false), Some(true))),
            ["collateral mode is multi-assets, needed is single asset"]
        );
        assert_eq!(watch.answered(&account(Some(true), Some(true))), ["position mode is hedge, needed is one-way"]);
        let mut coin = settings.clone();
        coin.margin.collateral = Collateral::Coin;
        let mut on_coins = ModesWatch::new(&Profile::binance(), vec![symbol], &coin, WallTime(0));
        assert_eq!(on_coins.answered(&account(Some(false), Some(true))), none);
        assert_eq!(
            on_coins.answered(&account(Some(false), Some(false))),
            ["collateral mode is single asset, needed is multi-assets"]
        );
        let modes = |leverage, isolated| Answer::SymbolConfig(SymbolModes { symbol, leverage, isolated });
        let wanted = whole_leverage(&settings);
        assert_eq!(watch.answered(&modes(Some(wanted), Some(false))), none);
        assert_eq!(
            watch.answered(&modes(Some(20), Some(true))),
            [
                format!("BTCUSDT leverage is 20x, needed is {wanted}x"),
                "BTCUSDT margin mode is isolated, needed is cross".to_owned()
            ]
        );
    }
}
