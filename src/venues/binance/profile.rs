//! What differs between the venues of the family, as data: hosts, paths, proof, weights and what a venue can do.
//!
//! `encode`, `sign`, `reply` and `pushed` ask here and never for a venue's name. Sources: the venues' documents (Binance
//! spot of 2026-07-21, USD-M of 2026-05-28; Aster of 2026-06-30). Tests: at the end, and with `encode`.

use super::sign::WINDOW_MS;
use crate::domain::{Market, Span};
use crate::venues::ask::Host;

/// How requests are proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// `timestamp`, `recvWindow` and a signature by HMAC or Ed25519; the key in a header.
    Key,
    /// `nonce`, `user`, `signer` and a signature of typed data (EIP-712) by the agent's wallet; no header.
    Agent {
        /// Chain of the domain.
        chain_id: u64,
        /// How far the nonce may be from the venue's clock, in milliseconds.
        window_ms: i64,
    },
}

/// What a venue can do, or does in its own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feature {
    /// Spot account events come over the spot WebSocket API; there is no listen key for spot.
    WsApiUserData,
    /// Perp streams have the routes `/public`, `/market` and `/private`.
    RoutedStreams,
    /// Post-only on spot is the type `LIMIT_MAKER`; else the time in force `GTX`.
    LimitMaker,
    /// A spot placement is answered with its executions.
    FillsInReply,
    /// A transfer takes our id and is made once only.
    TransferClientId,
    /// Transfers have their own list; else they stand in the income of the perp wallet.
    TransferHistory,
    /// Open interest, now and over time.
    OpenInterest,
    /// Candles of the premium index.
    PremiumCandles,
    /// Rights of the key can be asked for.
    ApiRestrictions,
    /// Rights of agents can be asked for.
    AgentList,
    /// A perp order in doubt can be voided by its nonce.
    Noop,
    /// Leverage and margin mode have their own question; else they stand with the positions.
    SymbolConfig,
    /// Modes of the account have one question; else the position mode alone is asked for.
    AccountConfig,
    /// Whether automated trading is locked can be asked for.
    TradingStatus,
    /// Rates of collateral can be asked for.
    CollateralRates,
    /// Contract changes are pushed.
    ContractInfo,
    /// An HTTP 503 of the perp host says in its text whether the request was executed.
    TellingOverload,
    /// Fees of executions may be printed below zero although they are paid.
    FeesBelowZero,
    /// The signed window of a request is checked again just before the engine.
    ChecksWindowAgain,
    /// Orders of the account are listed by `myTrades` on spot; else by `userTrades`.
    MyTrades,
    /// Money can be moved between the wallets.
    Transfers,
}

const BINANCE: &[Feature] = &[
    Feature::WsApiUserData,
    Feature::RoutedStreams,
    Feature::LimitMaker,
    Feature::FillsInReply,
    Feature::TransferHistory,
    Feature::OpenInterest,
    Feature::PremiumCandles,
    Feature::ApiRestrictions,
    Feature::SymbolConfig,
    Feature::AccountConfig,
    Feature::TradingStatus,
    Feature::CollateralRates,
    Feature::ContractInfo,
    Feature::TellingOverload,
    Feature::ChecksWindowAgain,
    Feature::MyTrades,
    Feature::Transfers,
];
/// The demo has no wallet API (no rights of keys, no transfers), and its perp streams have no routes.
const BINANCE_DEMO: &[Feature] = &[
    Feature::WsApiUserData,
    Feature::LimitMaker,
    Feature::FillsInReply,
    Feature::OpenInterest,
    Feature::PremiumCandles,
    Feature::SymbolConfig,
    Feature::AccountConfig,
    Feature::TradingStatus,
    Feature::CollateralRates,
    Feature::ContractInfo,
    Feature::TellingOverload,
    Feature::ChecksWindowAgain,
    Feature::MyTrades,
];
const ASTER_V3: &[Feature] =
    &[Feature::Transfers, Feature::TransferClientId, Feature::AgentList, Feature::Noop, Feature::FeesBelowZero];
const ASTER_V1: &[Feature] = &[Feature::Transfers, Feature::TransferClientId, Feature::FeesBelowZero];

/// Base addresses, without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosts {
    /// Spot REST.
    pub rest_spot: String,
    /// Perp REST.
    pub rest_perp: String,
    /// Permissions and transfers.
    pub rest_wallet: String,
    /// Spot streams.
    pub ws_spot: String,
    /// Spot WebSocket API with its path; absent where there is none.
    pub ws_spot_api: Option<String>,
    /// Perp streams.
    pub ws_perp: String,
}

/// Paths that differ by version; each begins with a slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Paths {
    pub(super) spot: Common,
    pub(super) perp: Common,
    pub(super) balance: &'static str,
    pub(super) positions: &'static str,
    pub(super) cancel_all_spot: &'static str,
    pub(super) spot_fills: &'static str,
    pub(super) spot_commission: &'static str,
    pub(super) transfer: (Host, &'static str),
    pub(super) perp_only: PerpPaths,
}

macro_rules! path_table {
    ($name:ident { $($field:ident $path:literal,)* }) => {
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub(super) struct $name { $(pub(super) $field: &'static str,)* }
    };
}

/// Declares a set of paths once, and makes it for any prefix.
macro_rules! paths {
    ($name:ident $make:ident { $($field:ident $path:literal,)* }) => {
        path_table! { $name { $($field $path,)* } }
        macro_rules! $make {
            ($prefix:literal) => { $name { $($field: concat!($prefix, $path),)* } };
        }
    };
}

paths! { Common common {
    time "/time",
    instruments "/exchangeInfo",
    depth "/depth",
    best_quote "/ticker/bookTicker",
    candles "/klines",
    order "/order",
    open_orders "/openOrders",
    all_orders "/allOrders",
    account "/account",
    listen_key "/listenKey",
} }

paths! { PerpPaths perp_paths {
    mark_candles "/markPriceKlines",
    index_candles "/indexPriceKlines",
    premium_candles "/premiumIndexKlines",
    premium "/premiumIndex",
    funding_info "/fundingInfo",
    funding_history "/fundingRate",
    open_interest "/openInterest",
    fills "/userTrades",
    cancel_all "/allOpenOrders",
    countdown "/countdownCancelAll",
    symbol_config "/symbolConfig",
    account_config "/accountConfig",
    brackets "/leverageBracket",
    commission "/commissionRate",
    income "/income",
    trading_status "/apiTradingStatus",
    collateral "/assetIndex",
    adl "/adlQuantile",
    agent "/agent",
    leverage "/leverage",
    margin_mode "/marginType",
    position_margin "/positionMargin",
    position_mode "/positionSide/dual",
    multi_assets "/multiAssetsMargin",
    noop "/noop",
} }

/// Weights that differ; the others stand in `encode`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Weights {
    pub(super) spot_instruments: u32,
    pub(super) spot_order: u32,
    pub(super) perp_order: u32,
    pub(super) spot_query: u32,
    pub(super) spot_account: u32,
    pub(super) spot_fills: u32,
    pub(super) premium_all: u32,
    pub(super) transfer: u32,
}

/// One venue of the family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Its name in configuration and reports.
    pub name: &'static str,
    /// Where it is.
    pub hosts: Hosts,
    /// How requests are proved.
    pub auth: Auth,
    /// Most streams of one connection: spot, perp.
    pub max_streams: (usize, usize),
    /// Deepest spot book that can be asked for.
    pub max_spot_depth: u32,
    pub(super) paths: Paths,
    pub(super) weights: Weights,
    features: &'static [Feature],
}

impl Profile {
    /// Binance spot and USD-M.
    #[must_use]
    pub fn binance() -> Self {
        Self {
            name: "binance",
            hosts: Hosts {
                rest_spot: "https://api.binance.com".into(),
                rest_perp: "https://fapi.binance.com".into(),
                rest_wallet: "https://api.binance.com".into(),
                ws_spot: "wss://stream.binance.com:9443".into(),
                ws_spot_api: Some("wss://ws-api.binance.com:443/ws-api/v3".into()),
                ws_perp: "wss://fstream.binance.com".into(),
            },
            auth: Auth::Key,
            max_streams: (1024, 1024),
            max_spot_depth: 5000,
            paths: Paths {
                spot: common!("/api/v3"),
                perp: common!("/fapi/v1"),
                balance: "/fapi/v3/balance",
                positions: "/fapi/v3/positionRisk",
                cancel_all_spot: "/api/v3/openOrders",
                spot_fills: "/api/v3/myTrades",
                spot_commission: "/api/v3/account/commission",
                transfer: (Host::Wallet, "/sapi/v1/asset/transfer"),
                perp_only: perp_paths!("/fapi/v1"),
            },
            weights: Weights {
                spot_instruments: 20,
                // A placement that is taken costs nothing; a refused one costs this.
                spot_order: 1,
                perp_order: 0,
                spot_query: 4,
                spot_account: 20,
                spot_fills: 20,
                premium_all: 10,
                transfer: 300,
            },
            features: BINANCE,
        }
    }

    /// The demo of Binance: play money, keys of its own. Its hosts are those of the documents; that its perp streams are not
    /// routed is taken from other clients.
    #[must_use]
    pub fn binance_demo() -> Self {
        Self {
            name: "binance-demo",
            hosts: Hosts {
                rest_spot: "https://demo-api.binance.com".into(),
                rest_perp: "https://demo-fapi.binance.com".into(),
                rest_wallet: "https://demo-api.binance.com".into(),
                ws_spot: "wss://demo-stream.binance.com:9443".into(),
                ws_spot_api: Some("wss://demo-ws-api.binance.com/ws-api/v3".into()),
                ws_perp: "wss://demo-fstream.binance.com".into(),
            },
            features: BINANCE_DEMO,
            ..Self::binance()
        }
    }

    /// Whether only play money is there: keys of it are of no use at the real venue, and the other way round.
    #[must_use]
    pub fn is_play(&self) -> bool {
        crate::config::address::is_play(self.name)
    }

    /// Aster with an agent's wallet.
    #[must_use]
    pub fn aster_v3(net: Net) -> Self {
        let (domain, ws_perp, chain_id) = match net {
            Net::Main => ("asterdex.com", "wss://fstream.asterdex.com", 1666),
            Net::Test => ("asterdex-testnet.com", "wss://fstream5.asterdex-testnet.com", 714),
        };
        Self {
            name: match net {
                Net::Main => "aster",
                Net::Test => "aster-testnet",
            },
            hosts: aster_hosts(domain, ws_perp),
            auth: Auth::Agent { chain_id, window_ms: 10_000 },
            paths: Paths {
                spot: common!("/api/v3"),
                perp: common!("/fapi/v3"),
                balance: "/fapi/v3/balance",
                positions: "/fapi/v3/positionRisk",
                cancel_all_spot: "/api/v3/allOpenOrders",
                spot_fills: "/api/v3/userTrades",
                spot_commission: "/api/v3/commissionRate",
                transfer: (Host::Perp, "/fapi/v3/asset/wallet/transfer"),
                perp_only: perp_paths!("/fapi/v3"),
            },
            features: ASTER_V3,
            ..Self::aster_v1()
        }
    }

    /// Aster with a key of the old kind; such keys can no longer be made.
    #[must_use]
    pub fn aster_v1() -> Self {
        Self {
            name: "aster-v1",
            hosts: aster_hosts("asterdex.com", "wss://fstream.asterdex.com"),
            auth: Auth::Key,
            max_streams: (1024, 200),
            max_spot_depth: 1000,
            paths: Paths {
                spot: common!("/api/v1"),
                perp: common!("/fapi/v1"),
                balance: "/fapi/v2/balance",
                positions: "/fapi/v2/positionRisk",
                cancel_all_spot: "/api/v1/allOpenOrders",
                spot_fills: "/api/v1/userTrades",
                spot_commission: "/api/v1/commissionRate",
                transfer: (Host::Perp, "/fapi/v1/asset/wallet/transfer"),
                perp_only: perp_paths!("/fapi/v1"),
            },
            weights: Weights {
                spot_instruments: 1,
                spot_order: 1,
                perp_order: 1,
                spot_query: 1,
                spot_account: 5,
                spot_fills: 5,
                premium_all: 1,
                transfer: 5,
            },
            features: ASTER_V1,
        }
    }

    /// The coin of its own that the venue takes fees in at a discount, where the account wants that.
    #[must_use]
    pub fn fee_coin(&self) -> &'static str {
        if self.name.starts_with("aster") { "ASTER" } else { "BNB" }
    }

    /// The profile of a name in the configuration.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "binance" => Some(Self::binance()),
            "binance-demo" => Some(Self::binance_demo()),
            "aster" => Some(Self::aster_v3(Net::Main)),
            "aster-testnet" => Some(Self::aster_v3(Net::Test)),
            "aster-v1" => Some(Self::aster_v1()),
            _ => None,
        }
    }

    /// The same venue at other addresses.
    #[must_use]
    pub fn with_hosts(self, hosts: Hosts) -> Self {
        Self { hosts, ..self }
    }

    /// The same venue with every host at one address of this machine, as `http://127.0.0.1:PORT`; paths stay. Where both
    /// markets have the same stream paths, and so cannot share a host, spot's begin with `/sstream`.
    #[must_use]
    pub fn with_loopback(self, base: &str) -> Self {
        let rest = base.trim_end_matches('/');
        let ws = rest.replacen("http", "ws", 1);
        let ws_spot_api = self.hosts.ws_spot_api.as_ref().map(|_| format!("{ws}/ws-api/v3"));
        let rest = || rest.to_owned();
        let hosts = Hosts {
            rest_spot: rest(),
            rest_perp: rest(),
            rest_wallet: rest(),
            ws_spot: if self.has(Feature::RoutedStreams) { ws.clone() } else { format!("{ws}/sstream") },
            ws_spot_api,
            ws_perp: ws,
        };
        self.with_hosts(hosts)
    }

    /// Whether the venue can do it.
    #[must_use]
    pub fn has(&self, feature: Feature) -> bool {
        self.features.contains(&feature)
    }

    /// How long after its signature a placement can still be accepted: the signed window, and the venue's margin for its
    /// second look before the engine (rule R-A). `None` where the venue does not document such a look. Sources: Binance
    /// spot documents that the window is checked again; on USD-M error -5028 says so.
    #[must_use]
    pub fn validity(&self, market: Market) -> Option<Span> {
        if !self.has(Feature::ChecksWindowAgain) {
            return None;
        }
        let margin = match market {
            Market::Spot => Span::seconds(1),
            Market::Perp => Span::seconds(2),
        };
        Some(Span(i64::from(WINDOW_MS) + margin.0))
    }

    /// The base address of a host.
    #[must_use]
    pub fn base(&self, host: Host) -> &str {
        match host {
            Host::Spot => &self.hosts.rest_spot,
            Host::Perp => &self.hosts.rest_perp,
            Host::Wallet => &self.hosts.rest_wallet,
        }
    }

    pub(super) const fn common(&self, market: Market) -> &Common {
        match market {
            Market::Spot => &self.paths.spot,
            Market::Perp => &self.paths.perp,
        }
    }
}

/// Which net of a venue on a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Net {
    /// Real money.
    Main,
    /// Play money.
    Test,
}

fn aster_hosts(domain: &str, ws_perp: &str) -> Hosts {
    Hosts {
        rest_spot: format!("https://sapi.{domain}"),
        rest_perp: format!("https://fapi.{domain}"),
        rest_wallet: format!("https://fapi.{domain}"),
        ws_spot: format!("wss://sstream.{domain}"),
        ws_spot_api: None,
        ws_perp: ws_perp.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_gives_the_profile_of_that_name() {
        for name in ["binance", "binance-demo", "aster", "aster-testnet", "aster-v1"] {
            let profile = Profile::named(name).unwrap();
            assert_eq!(profile.name, name);
            assert_eq!(profile.has(Feature::WsApiUserData), profile.hosts.ws_spot_api.is_some());
        }
        assert_eq!(Profile::named("binanc"), None);
        assert_eq!(Profile::aster_v3(Net::Test).auth, Auth::Agent { chain_id: 714, window_ms: 10_000 });
    }

    #[test]
    fn on_loopback_hosts_are_shared_and_paths_stay() {
        let profile = Profile::binance().with_loopback("http://127.0.0.1:4000/");
        for host in [Host::Spot, Host::Perp, Host::Wallet] {
            assert_eq!(profile.base(host), "http://127.0.0.1:4000");
        }
        assert_eq!(profile.hosts.ws_spot_api.as_deref(), Some("ws://127.0.0.1:4000/ws-api/v3"));
        assert_eq!(profile.hosts.ws_perp, "ws://127.0.0.1:4000");
        assert_eq!(profile.paths, Profile::binance().paths);
        let aster = Profile::aster_v1().with_loopback("http://127.0.0.1:1").hosts;
        assert_eq!((aster.ws_spot_api, aster.ws_spot.as_str()), (None, "ws://127.0.0.1:1/sstream"));
        assert_eq!(aster.ws_perp, "ws://127.0.0.1:1");
    }
}
