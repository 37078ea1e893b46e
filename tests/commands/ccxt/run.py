"""An independent client, the package `ccxt`, against `carry venue`.

Usage: run.py BASE PROFILE KEY SECRET [WALLET_KEY]. Prints one line a check; exits 1 at the first that fails. Base URLs are
pointed at the loopback venue; nothing else of the client is changed.
"""

import sys

import ccxt

BASE, PROFILE, KEY, SECRET = sys.argv[1:5]
SPOT, PERP = "BTC/USDT", "BTC/USDT:USDT"


def check(name, good, seen=None):
    print(("ok   " if good else "FAIL ") + name + ("" if good else f": {seen}"), flush=True)
    if not good:
        sys.exit(1)


def refused(name, kind, act):
    try:
        seen = act()
    except kind as error:
        check(name, True, error)
    except Exception as error:  # the wrong kind of refusal is a finding
        check(name, False, repr(error))
    else:
        check(name, False, seen)


def total(client, code, **params):
    return client.fetch_balance(params)["total"].get(code, 0.0)


def point(client):
    hosts = {
        "fapiPublic": "/fapi/v1", "fapiPublicV2": "/fapi/v2", "fapiPublicV3": "/fapi/v3", "fapiPrivate": "/fapi/v1",
        "fapiPrivateV2": "/fapi/v2", "fapiPrivateV3": "/fapi/v3", "fapiData": "/futures/data", "public": "/api/v3",
        "private": "/api/v3", "v1": "/api/v1", "sapi": "/sapi/v1", "sapiV2": "/sapi/v2", "sapiV3": "/sapi/v3",
        "sapiV4": "/sapi/v4",
    }
    if PROFILE == "aster":
        hosts = {"fapiPublic": "/fapi", "fapiPrivate": "/fapi", "sapiPublic": "/api", "sapiPrivate": "/api"}
    for name in list(client.urls["api"]):
        client.urls["api"][name] = BASE + hosts.get(name, "/none")
    return client


def binance(secret=SECRET, **options):
    settings = {"fetchMarkets": {"types": ["spot", "linear"]}, "adjustForTimeDifference": True, **options}
    return point(ccxt.binance({"apiKey": KEY, "secret": secret, "enableRateLimit": False, "options": settings}))


def aster():
    wallet = sys.argv[5]
    options = {"builderFee": False}
    return point(ccxt.aster({"privateKey": wallet, "enableRateLimit": False, "options": options}))


def market_data(client):
    markets = client.load_markets()
    check("load_markets", SPOT in markets and PERP in markets, list(markets))
    check("contract size", client.market(PERP)["contractSize"] == 1, client.market(PERP))
    check("fetch_time", client.fetch_time() > 1_500_000_000_000)
    for symbol in (SPOT, PERP):
        book = client.fetch_order_book(symbol, 20)
        check(f"order book {symbol}", book["bids"][0][0] < book["asks"][0][0] and len(book["bids"]) == 20, book)
        candles = client.fetch_ohlcv(symbol, "1h", limit=10)
        check(f"candles {symbol}", len(candles) == 10 and candles[0][2] >= candles[0][3], candles)
        check(f"ticker {symbol}", client.fetch_ticker(symbol)["last"] > 0)
        check(f"trades {symbol}", len(client.fetch_trades(symbol, limit=5)) > 0)
    rate = client.fetch_funding_rate(PERP)
    check("funding rate", rate["fundingRate"] is not None and rate["markPrice"] > 0, rate)
    history = client.fetch_funding_rate_history(PERP, limit=5)
    check("funding history", len(history) == 5 and history[0]["timestamp"] < history[4]["timestamp"], history)


def spot_orders(client, post_only):
    book = client.fetch_order_book(SPOT, 5)
    low, ask = round(book["bids"][0][0] * 0.9, 2), book["asks"][0][0]
    order = client.create_order(SPOT, "limit", "buy", 0.01, low)
    check("spot limit rests", order["status"] == "open", order)
    held = client.fetch_balance({"type": "spot"})["USDT"]["used"]
    check("spot money is held", abs(held - 0.01 * low) < 1e-6, held)
    check("spot open orders", [one["id"] for one in client.fetch_open_orders(SPOT)] == [order["id"]])
    client.cancel_order(order["id"], SPOT)
    order = client.fetch_order(order["id"], SPOT)
    check("spot order is cancelled", order["status"] == "canceled" and order["filled"] == 0, order)
    maker = client.create_order(SPOT, "limit", "buy", 0.01, low, post_only)
    check("spot post-only rests", maker["status"] in ("open", None), maker)
    client.cancel_order(maker["id"], SPOT)
    refused("spot post-only that would take", ccxt.BaseError,
            lambda: client.create_order(SPOT, "limit", "buy", 0.01, round(ask * 1.01, 2), post_only))
    order = client.create_order(SPOT, "limit", "buy", 0.05, round(ask * 1.01, 2), {"timeInForce": "IOC"})
    order = client.fetch_order(order["id"], SPOT)
    check("spot limit that takes is filled", order["status"] == "closed" and order["filled"] == 0.05, order)
    trades = [one for one in client.fetch_my_trades(SPOT) if one["order"] == order["id"]]
    bought = sum(one["amount"] for one in trades)
    fees = sum(one["fee"]["cost"] for one in trades)
    check("spot trades", abs(bought - 0.05) < 1e-9 and trades[0]["fee"]["currency"] == "BTC", trades)
    coins = total(client, "BTC", type="spot")
    check("the fee is taken from the coins bought", abs(coins - (0.05 - fees)) < 1e-9, coins)
    client.create_order(SPOT, "market", "sell", 0.02)
    check("spot market sell", abs(total(client, "BTC", type="spot") - (0.03 - fees)) < 1e-9)
    refused("a price off the grid is no order of ours", ccxt.BaseError,
            lambda: client.create_order(SPOT, "limit", "buy", 0.00001, low))
    refused("more than there is", (ccxt.InsufficientFunds, ccxt.InvalidOrder), lambda: client.create_order(SPOT, "limit", "buy", 90, low))


def perp_orders(client):
    if PROFILE == "binance":
        client.set_position_mode(False) if client.fetch_position_mode(PERP)["hedged"] else None
    leverage = client.set_leverage(3, PERP)
    check("leverage", int(leverage["leverage"]) == 3, leverage)
    client.set_margin_mode("isolated", PERP)
    client.set_margin_mode("cross", PERP)
    check("margin mode", True)
    book = client.fetch_order_book(PERP, 5)
    bid, ask = book["bids"][0][0], book["asks"][0][0]
    order = client.create_order(PERP, "limit", "sell", 0.02, round(ask * 1.05, 1))
    check("perp limit rests", client.fetch_order(order["id"], PERP)["status"] == "open", order)
    client.cancel_order(order["id"], PERP)
    check("perp order is cancelled", client.fetch_order(order["id"], PERP)["status"] == "canceled")
    maker = client.create_order(PERP, "limit", "sell", 0.02, round(ask * 1.01, 1), {"postOnly": True})
    check("perp post-only rests", client.fetch_order(maker["id"], PERP)["status"] == "open", maker)
    client.cancel_all_orders(PERP)
    check("perp cancel all", client.fetch_open_orders(PERP) == [])
    refused("perp post-only that would take", ccxt.BaseError,
            lambda: client.create_order(PERP, "limit", "sell", 0.02, round(bid * 0.99, 1), {"postOnly": True}))
    refused("reduce-only without a position", ccxt.BaseError,
            lambda: client.create_order(PERP, "market", "buy", 0.02, None, {"reduceOnly": True}))
    order = client.create_order(PERP, "market", "sell", 0.04)
    order = client.fetch_order(order["id"], PERP)
    check("perp market is filled", order["status"] == "closed" and order["filled"] == 0.04, order)
    position = [one for one in client.fetch_positions([PERP]) if one["contracts"]][0]
    check("position", position["side"] == "short" and position["contracts"] == 0.04, position)
    check("liquidation price lies above", position["liquidationPrice"] > position["markPrice"], position)
    order = client.create_order(PERP, "limit", "buy", 0.01, round(ask * 1.01, 1), {"reduceOnly": True, "timeInForce": "IOC"})
    check("reduce-only reduces", client.fetch_order(order["id"], PERP)["filled"] == 0.01)
    trades = client.fetch_my_trades(PERP)
    check("perp trades", abs(sum(one["amount"] for one in trades) - 0.05) < 1e-9, trades)
    client.create_order(PERP, "market", "buy", 0.03, None, {"reduceOnly": True})
    check("flat again", [one for one in client.fetch_positions([PERP]) if one["contracts"]] == [])
    ledger = client.fetch_ledger("USDT", params={"type": "future"} if PROFILE == "binance" else {})
    check("income", any(one["info"]["incomeType"] == "COMMISSION" for one in ledger), ledger)


def main():
    if PROFILE == "binance":
        client = binance()
        market_data(client)
        check("restrictions", client.sapiGetAccountApiRestrictions()["enableWithdrawals"] in (False, "false"))
        refused("a wrong signature", ccxt.BaseError, lambda: binance(secret="wrong").fetch_balance({"type": "spot"}))
        spot_orders(client, {"postOnly": True})
        client.transfer("USDT", 20_000, "spot", "linear" if PROFILE == "binance" else "future")
        check("transfer", total(client, "USDT", type="future") == 20_000)
        check("transfers", len(client.fetch_transfers("USDT", params={"fromAccount": "spot", "toAccount": "linear"})) == 1)
        perp_orders(client)
        check("funding payments", client.fetch_funding_history(PERP) == [])
        check("open interest", client.fetch_open_interest(PERP)["openInterestAmount"] > 0)
        check("brackets", len(client.fetch_market_leverage_tiers(PERP)) > 1)
        check("fees", client.fetch_trading_fee(SPOT)["taker"] == 0.001)
    else:
        client = aster()
        market_data(client)
        refused("a stranger's signature", ccxt.BaseError, lambda: stranger().fetch_balance({"type": "swap"}))
        client.transfer("USDT", 20_000, "spot", "linear" if PROFILE == "binance" else "future")
        check("transfer", total(client, "USDT", type="swap") == 20_000)
        perp_orders(client)
        spot_orders(client, {"timeInForce": "GTX"})
    print("all checks passed")


def stranger():
    return point(ccxt.aster({"privateKey": "0x" + "44" * 32, "options": {"builderFee": False}}))


if __name__ == "__main__":
    main()
