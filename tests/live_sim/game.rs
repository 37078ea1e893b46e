//! What is played: the market, the pairs and the plan of faults of one seed, and the settings of the bot.

use super::face::Face;
use super::plan::{Draws, Plan};
use carry::checks::asked::{self, Asked};
use carry::config::{Loaded, Sources, load};
use carry::domain::{Market, VenueId};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// 2025-10-10T00:05Z: five minutes after a settlement.
pub(crate) const START: i64 = 1_760_054_700_000;
/// A long game, of two trips: six hours and a little.
pub(crate) const LONG: i64 = 365 * MINUTE;
/// A short one, of one trip: whoever enters right before its last settlement may leave half an hour after it.
const SHORT: i64 = 118 * MINUTE;
/// Faults of a short game end here; all their times are those of a long one, drawn together.
const SHORT_UNTIL: i64 = 68 * MINUTE;
/// One game in so many is a long one.
const LONG_EVERY: u64 = 8;
const MINUTE: i64 = 60_000;

/// What the strategy names where nothing else is played.
const NAMED: &str = "pairs = [\"binance:BTCUSDT\", \"binance:ETHUSDT\"]";

const STRATEGY: &str = r#"
[strategy]
rule = "anchor"
pairs = ["binance:BTCUSDT", "binance:ETHUSDT"]
[signal]
funding = "settled"
smooth = "1h"
memory = "2d"
[entry]
funding = "0.01%/8h"
margin = "0.01%/8h"
cooldown = "30m"
[exit]
when = "all"
funding = "0.005%/8h"
basis = "30bps"
min_hold = "30m"
[gates]
quadrant = false
min_depth = "100usdt"
[size]
per_pair = "20%"
leverage = "2x"
"#;

/// Hourly funding that is high and turns, and does so again in a long game.
fn market(highs: &[(i64, i64)]) -> String {
    let mut text = "calm = true\n".to_owned();
    for symbol in ["BTCUSDT", "ETHUSDT"] {
        let mut act = |at: i64, rest: &str| {
            writeln!(text, "[[act]]\nat = \"{at}m\"\nsymbol = \"{symbol}\"\n{rest}").unwrap();
        };
        act(0, "act = \"interval\"\nhours = 1");
        for &(from, to) in highs {
            act(from, "act = \"funding\"\nrate = \"0.0001\"");
            act(from, "act = \"premium\"\nto = \"0.0004\"\nover = \"1m\"");
            act(to, "act = \"funding\"\nrate = \"-0.00005\"");
            act(to, "act = \"premium\"\nto = \"-0.0005\"\nover = \"10m\"");
        }
    }
    text
}

/// Another venue of a game, and what goes wrong there.
pub(crate) struct There {
    pub(crate) face: Face,
    pub(crate) plan: Plan,
}

/// What is played: the market, the pairs, further settings, and whether a stranger leaves the books apart.
pub(crate) struct Game {
    pub(crate) plan: Plan,
    pub(crate) market: String,
    /// Quote coins in the spot and in the perp wallet.
    pub(crate) money: (i64, i64),
    pub(crate) symbols: &'static [&'static str],
    pub(crate) set: &'static [&'static str],
    /// Settings of the configuration, beside those of the game.
    pub(crate) more: &'static [&'static str],
    /// Whose protocol is spoken.
    pub(crate) face: Face,
    /// Where the shorts stand, when that is another venue.
    pub(crate) there: Option<There>,
    /// Minutes in which what is held has no reason to be left.
    pub(crate) held: &'static [(i64, i64)],
    /// When it begins.
    pub(crate) start: i64,
    /// Milliseconds that are played.
    pub(crate) length: i64,
    /// Somebody else wrote the script of the market: it is not always in motion.
    pub(crate) asleep: bool,
    /// Where each symbol has a strategy file of its own: its part of the capital, and of that what its pair may use.
    pub(crate) parts: &'static [(&'static str, &'static str)],
}

impl Game {
    /// The game of a seed, most are short and some are long; or the long or the short one of it.
    pub(crate) fn chosen(seed: u64, long: Option<bool>, draws: &mut Draws, usual: bool) -> Self {
        if long.unwrap_or(seed.is_multiple_of(LONG_EVERY)) {
            Self::long(Plan::of(seed, draws, usual))
        } else {
            Self::short(seed, Plan::of(seed, draws, usual))
        }
    }

    /// Two trips.
    pub(crate) fn long(plan: Plan) -> Self {
        Self { held: &[(12, 108), (206, 298)], ..Self::with(plan, &[(0, 110), (200, 300)], LONG) }
    }

    /// One trip over settlements at minutes 25 and 85: it ends among the faults or after them.
    fn short(seed: u64, mut plan: Plan) -> Self {
        for timed in &mut plan.acts {
            timed.at = timed.at * SHORT_UNTIL / plan.until;
        }
        plan.until = SHORT_UNTIL;
        let turns = Draws::new(seed ^ 0x7124).pick(&[12, 50]);
        // The last settled rate alone decides: there is no time for a mean.
        let set = &["signal.smooth=0s"];
        let held: &[(i64, i64)] = if turns < 25 { &[(10, 24)] } else { &[(10, 84)] };
        Self { held, start: START + 30 * MINUTE, set, ..Self::with(plan, &[(0, turns)], SHORT) }
    }

    fn with(plan: Plan, highs: &[(i64, i64)], length: i64) -> Self {
        let (market, symbols) = (market(highs), &["BTCUSDT", "ETHUSDT"]);
        let (money, face) = ((80_000, 40_000), Face::Binance);
        let (set, more, held, there): (_, _, _, Option<There>) = (&[], &[], &[], None);
        let (start, asleep, parts) = (START, false, &[]);
        Self { plan, market, money, symbols, set, more, face, there, held, start, length, asleep, parts }
    }

    /// The name of the pair of a symbol.
    fn pair(&self, symbol: &str) -> String {
        let leg = |face: Face| format!("{}:{symbol}", face.name());
        self.there.as_ref().map_or_else(|| leg(self.face), |there| format!("{}/{}", leg(self.face), leg(there.face)))
    }

    /// The venues: that of the pairs, or those of the spot legs and of the shorts.
    pub(crate) fn faces(&self) -> Vec<Face> {
        std::iter::once(self.face).chain(self.there.as_ref().map(|there| there.face)).collect()
    }

    /// The bot's number of a venue: they are numbered by their names.
    pub(crate) fn number(&self, face: Face) -> VenueId {
        let before = self.faces().into_iter().filter(|other| other.name() < face.name()).count();
        VenueId(u8::try_from(before).unwrap())
    }

    /// How long an order that never arrived stays in doubt at the venue of the shorts: where its window is not looked at again,
    /// `execution.absent_after` and the questions after it.
    pub(crate) fn absent(&self) -> i64 {
        let checked = self.there.as_ref().is_none_or(|there| there.face.profile().validity(Market::Perp).is_some());
        if checked { 20_000 } else { 70_000 }
    }

    /// What the bot asks of a venue.
    pub(crate) fn asked(&self, face: Face) -> Asked {
        let pairs: Vec<String> = self.symbols.iter().map(|symbol| self.pair(symbol)).collect();
        asked::by_venue(&pairs).unwrap().remove(face.name()).unwrap()
    }

    /// The settings of the bot; its strategies are files in the folder.
    pub(crate) fn settings(&self, folder: &Path) -> Loaded {
        let files = if self.parts.is_empty() { vec![self.strategy(folder)] } else { self.strategies(folder) };
        let mut files = files.into_iter();
        let set = ["live.shadow_hours=1h", "live.max_notional=1000000usdt", "run.capital=100000usdt"];
        let set = set.iter().chain(self.set).chain(self.more).map(|one| (*one).to_owned()).collect();
        let sources = Sources { strategy: files.next(), beside: files.collect(), set, ..Sources::default() };
        load(&sources).unwrap_or_else(|error| panic!("{error}"))
    }

    /// One file of all pairs.
    fn strategy(&self, folder: &Path) -> PathBuf {
        let path = folder.join("strategy.toml");
        let pairs: Vec<String> = self.symbols.iter().map(|symbol| format!("\"{}\"", self.pair(symbol))).collect();
        std::fs::write(&path, STRATEGY.replace(NAMED, &format!("pairs = [{}]", pairs.join(", ")))).unwrap();
        path
    }

    /// A file of each symbol, named in another order in every second life of the process.
    fn strategies(&self, folder: &Path) -> Vec<PathBuf> {
        let file = |(symbol, (part, of_it)): (&&str, &(&str, &str))| {
            let path = folder.join(format!("{}.toml", symbol.to_lowercase()));
            let own = format!("pairs = [\"{}\"]\ncapital = \"{part}\"", self.pair(symbol));
            let size = format!("per_pair = \"{of_it}\"\nper_coin = \"100%\"\nper_quote = \"100%\"");
            let text = STRATEGY.replace(NAMED, &own).replace("per_pair = \"20%\"", &size);
            std::fs::write(&path, text).unwrap();
            path
        };
        let mut files: Vec<PathBuf> = self.symbols.iter().zip(self.parts).map(file).collect();
        if folder.to_string_lossy().ends_with(['1', '3', '5', '7', '9']) {
            files.reverse();
        }
        files
    }
}
