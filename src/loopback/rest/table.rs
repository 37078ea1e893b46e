//! The endpoints: method, path, versions, budget, who may call, weight, parameters read, handler.
//!
//! Weights are those of the documents (digests read 2026-11). A `*` stands for the version. The name of a parameter that
//! is not here is refused on spot with -1104.

use super::super::Profile;
use super::super::limits::Pool::{self, Futures, Spot, Wallet};
use super::super::params::Params;
use super::super::refusal::Answer;
use super::super::venue::Venue;
use super::{
    Call, account_futures as af, account_spot as sp, market_data as md, market_info as mi, orders, settings, transfers,
};

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Auth {
    None,
    /// The key's name in the header, no signature.
    Key,
    Read,
    Spot,
    Futures,
    Transfer,
}

/// One endpoint.
pub(crate) struct Route {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    /// Version numbers under which it stands on Binance, each a digit.
    versions: &'static str,
    pub(crate) pool: Pool,
    pub(crate) auth: Auth,
    pub(crate) weight: fn(&Params) -> u32,
    pub(crate) allowed: &'static str,
    pub(crate) handle: fn(&mut Venue, &Call<'_>) -> Answer,
}

macro_rules! route {
    ($method:ident $path:literal $versions:literal, $pool:ident $auth:ident, $weight:expr, $allowed:expr, $handle:expr) => {
        Route {
            method: stringify!($method),
            path: $path,
            versions: $versions,
            pool: $pool,
            auth: Auth::$auth,
            weight: $weight,
            allowed: $allowed,
            handle: $handle,
        }
    };
}

const ORDER: &str = "symbol side type timeInForce quantity quoteOrderQty price newClientOrderId newOrderRespType \
                     selfTradePreventionMode reduceOnly positionSide strategyId strategyType builder feeRate";
const PAGE: &str = "symbol startTime endTime limit fromId orderId";
const FIND: &str = "symbol orderId origClientOrderId newClientOrderId cancelRestrictions";
const CANDLES: &str = "symbol pair interval startTime endTime limit timeZone contractType";

/// A weight by whether one symbol is asked for or all.
fn one_or_all(params: &Params, one: u32, all: u32) -> u32 {
    if params.get("symbol").is_some() { one } else { all }
}

fn by_limit(params: &Params, steps: [(i64, u32); 3], most: u32) -> u32 {
    let limit = params.number("limit").ok().flatten().unwrap_or(500);
    steps.iter().find(|(end, _)| limit <= *end).map_or(most, |(_, weight)| *weight)
}

fn spot_depth(params: &Params) -> u32 {
    let limit = params.number("limit").ok().flatten().unwrap_or(100);
    if limit <= 100 {
        5
    } else if limit <= 500 {
        25
    } else if limit <= 1_000 {
        50
    } else {
        250
    }
}

fn candles(params: &Params) -> u32 {
    by_limit(params, [(99, 1), (499, 2), (1_000, 5)], 10)
}

const ROUTES: &[Route] = &[
    // Spot, public.
    route!(GET "/api/*/ping" "3", Spot None, |_| 1, "", mi::ping),
    route!(GET "/api/*/time" "3", Spot None, |_| 1, "", mi::time),
    route!(GET "/api/*/exchangeInfo" "3", Spot None, |_| 20,
           "symbol symbols permissions showPermissionSets symbolStatus", mi::spot_info),
    route!(GET "/api/*/depth" "3", Spot None, spot_depth, "symbol limit", md::spot_depth),
    route!(GET "/api/*/trades" "3", Spot None, |_| 25, PAGE, md::spot_trades),
    route!(GET "/api/*/aggTrades" "3", Spot None, |_| 4, PAGE, md::spot_agg_trades),
    route!(GET "/api/*/klines" "3", Spot None, |_| 2, CANDLES, md::spot_klines),
    route!(GET "/api/*/avgPrice" "3", Spot None, |_| 2, "symbol", md::average_price),
    route!(GET "/api/*/ticker/bookTicker" "3", Spot None, |p| one_or_all(p, 2, 4), "symbol symbols", md::spot_book_ticker),
    route!(GET "/api/*/ticker/price" "3", Spot None, |p| one_or_all(p, 2, 4), "symbol symbols", md::spot_price),
    route!(GET "/api/*/ticker/24hr" "3", Spot None, |p| one_or_all(p, 2, 80), "symbol symbols type", md::spot_day),
    // Spot, private.
    route!(POST "/api/*/order" "3", Spot Spot, |_| 1, ORDER, orders::place_spot),
    route!(POST "/api/*/order/test" "3", Spot Spot, |_| 1, ORDER, orders::test_spot),
    route!(GET "/api/*/order" "3", Spot Read, |_| 4, FIND, orders::find_spot),
    route!(DELETE "/api/*/order" "3", Spot Spot, |_| 1, FIND, orders::cancel_spot),
    route!(GET "/api/*/openOrders" "3", Spot Read, |p| one_or_all(p, 6, 80), "symbol", orders::open_spot),
    route!(DELETE "/api/*/openOrders" "3", Spot Spot, |_| 1, "symbol", orders::cancel_all_spot),
    route!(DELETE "/api/*/allOpenOrders" "3", Spot Spot, |_| 1, "symbol orderIdList origClientOrderIdList", orders::cancel_all_spot),
    route!(GET "/api/*/allOrders" "3", Spot Read, |_| 20, PAGE, orders::all_spot),
    route!(GET "/api/*/myTrades" "3", Spot Read, |p| if p.get("orderId").is_some() { 5 } else { 20 }, PAGE, orders::trades_spot),
    route!(GET "/api/*/userTrades" "3", Spot Read, |_| 5, PAGE, orders::trades_spot),
    route!(GET "/api/*/account" "3", Spot Read, |_| 20, "omitZeroBalances", sp::account),
    route!(GET "/api/*/account/commission" "3", Spot Read, |_| 20, "symbol", sp::commission),
    route!(GET "/api/*/commissionRate" "3", Spot Read, |_| 20, "symbol", sp::commission_rate),
    route!(GET "/api/*/rateLimit/order" "3", Spot Read, |_| 40, "", sp::rate_limit),
    route!(POST "/api/*/listenKey" "3", Spot Key, |_| 1, "listenKey", settings::spot_listen_key),
    route!(PUT "/api/*/listenKey" "3", Spot Key, |_| 1, "listenKey", settings::renew_spot_key),
    route!(DELETE "/api/*/listenKey" "3", Spot Key, |_| 1, "listenKey", settings::drop_spot_key),
    route!(POST "/api/*/asset/wallet/transfer" "3", Spot Transfer, |_| 5, "amount asset clientTranId kindType", transfers::wallet),
    // Wallet.
    route!(GET "/sapi/*/account/apiRestrictions" "1", Wallet Read, |_| 1, "", sp::restrictions),
    route!(GET "/sapi/*/asset/tradeFee" "1", Wallet Read, |_| 1, "symbol", sp::trade_fee),
    route!(GET "/sapi/*/capital/config/getall" "1", Wallet Read, |_| 10, "", sp::coins),
    route!(GET "/sapi/*/account/status" "1", Wallet Read, |_| 1, "", sp::status),
    route!(GET "/sapi/*/system/status" "1", Wallet None, |_| 1, "", sp::system_status),
    route!(GET "/sapi/*/margin/allPairs" "1", Wallet Key, |_| 1, "", sp::none),
    route!(GET "/sapi/*/margin/isolated/allPairs" "1", Wallet Read, |_| 10, "", sp::none),
    route!(GET "/sapi/*/spot/delist-schedule" "1", Wallet Key, |_| 100, "", sp::delist_schedule),
    route!(POST "/sapi/*/asset/transfer" "1", Wallet Transfer, |_| 300, "type asset amount fromSymbol toSymbol", transfers::universal),
    route!(GET "/sapi/*/asset/transfer" "1", Wallet Read, |_| 1, "type startTime endTime current size fromSymbol toSymbol", transfers::history),
    route!(GET "/sapi/*/bnbBurn" "1", Wallet Read, |_| 1, "", settings::spot_burn),
    route!(POST "/sapi/*/bnbBurn" "1", Wallet Spot, |_| 1, "spotBNBBurn interestBNBBurn", settings::set_spot_burn),
    // Futures, public.
    route!(GET "/fapi/*/ping" "1", Futures None, |_| 1, "", mi::ping),
    route!(GET "/fapi/*/time" "1", Futures None, |_| 1, "", mi::time),
    route!(GET "/fapi/*/exchangeInfo" "1", Futures None, |_| 1, "", mi::futures_info),
    route!(GET "/fapi/*/depth" "1", Futures None, |p| by_limit(p, [(50, 2), (100, 5), (500, 10)], 20), "symbol limit", md::futures_depth),
    route!(GET "/fapi/*/trades" "1", Futures None, |_| 5, PAGE, md::futures_trades),
    route!(GET "/fapi/*/aggTrades" "1", Futures None, |_| 20, PAGE, md::futures_agg_trades),
    route!(GET "/fapi/*/klines" "1", Futures None, candles, CANDLES, md::futures_klines),
    route!(GET "/fapi/*/markPriceKlines" "1", Futures None, candles, CANDLES, md::mark_klines),
    route!(GET "/fapi/*/indexPriceKlines" "1", Futures None, candles, CANDLES, md::index_klines),
    route!(GET "/fapi/*/premiumIndexKlines" "1", Futures None, candles, CANDLES, md::premium_klines),
    route!(GET "/fapi/*/premiumIndex" "1", Futures None, |p| one_or_all(p, 1, 10), "symbol", md::premium_index),
    route!(GET "/fapi/*/fundingRate" "1", Futures None, |_| 1, PAGE, md::funding_rate),
    route!(GET "/fapi/*/fundingInfo" "1", Futures None, |_| 1, "symbol", mi::funding_info),
    route!(GET "/fapi/*/openInterest" "1", Futures None, |_| 1, "symbol", md::open_interest),
    route!(GET "/futures/data/openInterestHist" "", Futures None, |_| 0, "symbol period startTime endTime limit", md::open_interest_history),
    route!(GET "/fapi/*/ticker/bookTicker" "12", Futures None, |p| one_or_all(p, 2, 5), "symbol", md::futures_book_ticker),
    route!(GET "/fapi/*/ticker/price" "12", Futures None, |p| one_or_all(p, 1, 2), "symbol", md::futures_price),
    route!(GET "/fapi/*/ticker/24hr" "1", Futures None, |p| one_or_all(p, 1, 40), "symbol", md::futures_day),
    route!(GET "/fapi/*/assetIndex" "1", Futures None, |p| one_or_all(p, 1, 10), "symbol", mi::asset_index),
    // Futures, private.
    route!(POST "/fapi/*/order" "1", Futures Futures, |_| 0, ORDER, orders::place_futures),
    route!(POST "/fapi/*/order/test" "1", Futures Futures, |_| 0, ORDER, orders::test_futures),
    route!(GET "/fapi/*/order" "1", Futures Read, |_| 1, FIND, orders::find_futures),
    route!(DELETE "/fapi/*/order" "1", Futures Futures, |_| 1, FIND, orders::cancel_futures),
    route!(DELETE "/fapi/*/allOpenOrders" "1", Futures Futures, |_| 1, "symbol", orders::cancel_all_futures),
    route!(GET "/fapi/*/openOrder" "1", Futures Read, |_| 1, FIND, orders::open_one),
    route!(GET "/fapi/*/openOrders" "1", Futures Read, |p| one_or_all(p, 1, 40), "symbol", orders::open_futures),
    route!(GET "/fapi/*/allOrders" "1", Futures Read, |_| 5, PAGE, orders::all_futures),
    route!(GET "/fapi/*/userTrades" "1", Futures Read, |_| 5, PAGE, orders::trades_futures),
    route!(POST "/fapi/*/countdownCancelAll" "1", Futures Futures, |_| 10, "symbol countdownTime", orders::countdown),
    route!(POST "/fapi/*/noop" "3", Futures Futures, |_| 1, "", orders::noop),
    route!(GET "/fapi/*/account" "23", Futures Read, |_| 5, "", af::account),
    route!(GET "/fapi/*/balance" "23", Futures Read, |_| 5, "", af::balance),
    route!(GET "/fapi/*/positionRisk" "3", Futures Read, |_| 5, "symbol", af::position_risk),
    route!(GET "/fapi/*/positionRisk" "2", Futures Read, |_| 5, "symbol", af::position_risk_all),
    route!(GET "/fapi/*/income" "1", Futures Read, |_| 30, "symbol incomeType startTime endTime page limit", af::income),
    route!(GET "/fapi/*/commissionRate" "1", Futures Read, |_| 20, "symbol", af::commission_rate),
    route!(GET "/fapi/*/leverageBracket" "1", Futures Read, |_| 1, "symbol", mi::leverage_bracket),
    route!(GET "/fapi/*/adlQuantile" "1", Futures Read, |_| 5, "symbol", af::adl_quantile),
    route!(GET "/fapi/*/apiTradingStatus" "1", Futures Read, |p| one_or_all(p, 1, 10), "symbol", af::trading_status),
    route!(GET "/fapi/*/symbolConfig" "1", Futures Read, |_| 5, "symbol", af::symbol_config),
    route!(GET "/fapi/*/accountConfig" "1", Futures Read, |_| 5, "", af::account_config),
    route!(GET "/fapi/*/rateLimit/order" "1", Futures Read, |_| 1, "", af::rate_limit),
    route!(GET "/fapi/*/agent" "3", Futures Read, |_| 5, "", af::agents),
    route!(GET "/fapi/*/builder" "3", Futures Read, |_| 5, "", af::builders),
    route!(POST "/fapi/*/leverage" "1", Futures Futures, |_| 1, "symbol leverage", settings::leverage),
    route!(POST "/fapi/*/marginType" "1", Futures Futures, |_| 1, "symbol marginType", settings::margin_type),
    route!(POST "/fapi/*/positionMargin" "1", Futures Futures, |_| 1, "symbol amount type positionSide", settings::position_margin),
    route!(GET "/fapi/*/positionSide/dual" "1", Futures Read, |_| 30, "", settings::position_mode),
    route!(POST "/fapi/*/positionSide/dual" "1", Futures Futures, |_| 1, "dualSidePosition", settings::set_position_mode),
    route!(GET "/fapi/*/multiAssetsMargin" "1", Futures Read, |_| 30, "", settings::multi_assets),
    route!(POST "/fapi/*/multiAssetsMargin" "1", Futures Futures, |_| 1, "multiAssetsMargin", settings::set_multi_assets),
    route!(GET "/fapi/*/feeBurn" "1", Futures Read, |_| 30, "", settings::fee_burn),
    route!(POST "/fapi/*/feeBurn" "1", Futures Futures, |_| 1, "feeBurn", settings::set_fee_burn),
    route!(POST "/fapi/*/listenKey" "1", Futures Key, |_| 1, "", settings::futures_listen_key),
    route!(PUT "/fapi/*/listenKey" "1", Futures Key, |_| 1, "listenKey", settings::renew_futures_key),
    route!(DELETE "/fapi/*/listenKey" "1", Futures Key, |_| 1, "listenKey", settings::drop_futures_key),
    route!(POST "/fapi/*/asset/wallet/transfer" "3", Futures Transfer, |_| 5, "amount asset clientTranId kindType", transfers::wallet),
];

/// Endpoints that one profile alone has.
fn is_of(profile: Profile, route: &Route) -> bool {
    let aster_only = [
        "/asset/wallet/transfer",
        "/fapi/*/agent",
        "/fapi/*/builder",
        "/fapi/*/noop",
        "/api/*/allOpenOrders",
        "/api/*/userTrades",
        "/api/*/listenKey",
        "/api/*/commissionRate",
    ];
    let binance_only = [
        "/sapi/",
        "/api/*/myTrades",
        "/api/*/account/commission",
        "/fapi/*/symbolConfig",
        "/fapi/*/accountConfig",
        "/futures/data/",
        "/fapi/*/premiumIndexKlines",
        "/fapi/*/openInterest",
        "/fapi/*/assetIndex",
    ];
    let named = |names: &[&str]| names.iter().any(|name| route.path.contains(name));
    match profile {
        Profile::Binance => !named(&aster_only),
        Profile::Aster => !(named(&binance_only) || route.method == "DELETE" && route.path == "/api/*/openOrders"),
    }
}

/// The endpoint of a request.
pub(crate) fn find(profile: Profile, method: &str, path: &str) -> Option<&'static Route> {
    let matching =
        |route: &&Route| route.method == method && matches_path(profile, route, path) && is_of(profile, route);
    ROUTES.iter().find(matching)
}

fn matches_path(profile: Profile, route: &Route, path: &str) -> bool {
    let Some((before, after)) = route.path.split_once("/*") else { return route.path == path };
    let Some(rest) = path.strip_prefix(before).and_then(|rest| rest.strip_prefix("/v")) else { return false };
    let Some((version, rest)) = rest.split_at_checked(1) else { return false };
    let version_fits = match profile {
        Profile::Binance => route.versions.contains(version),
        Profile::Aster => "1234".contains(version),
    };
    version_fits && rest == after
}

/// All paths that a profile serves, for the manual's test.
#[cfg(test)]
fn served(profile: Profile) -> usize {
    ROUTES.iter().filter(|route| is_of(profile, route)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_strict_on_binance_and_free_on_aster() {
        let check = |profile, method, path, expected: bool| {
            assert_eq!(find(profile, method, path).is_some(), expected, "{method} {path}");
        };
        check(Profile::Binance, "GET", "/fapi/v1/order", true);
        check(Profile::Binance, "GET", "/fapi/v3/order", false);
        check(Profile::Binance, "GET", "/fapi/v3/positionRisk", true);
        check(Profile::Binance, "GET", "/futures/data/openInterestHist", true);
        check(Profile::Binance, "POST", "/api/v3/listenKey", false);
        check(Profile::Aster, "GET", "/fapi/v3/order", true);
        check(Profile::Aster, "GET", "/api/v1/userTrades", true);
        check(Profile::Aster, "GET", "/sapi/v1/asset/tradeFee", false);
        assert!(served(Profile::Binance) > 70 && served(Profile::Aster) > 60);
    }
}
