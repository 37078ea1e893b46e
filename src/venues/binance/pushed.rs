//! Messages of the account's streams to typed ones, bare or wrapped (`event`, `data`), and replies of the spot WebSocket
//! API. One message may say several things.
//!
//! Unknown kinds are passed on by name; a known kind with a bad field, or with a new order word, is refused (fault C09).
//! Tests: in `pushed_tests.rs`, and with recorded messages in `tests/suite/wire_private.rs`.

use super::account_orders::{role, status};
use super::account_wire::{hedge_side, sent, small};
use super::errors::{Asked, Context, refused};
use super::field::{Value, parse};
use super::flat::{Cursor, put};
use super::message::{DecodeError, MAX_FRAME, label};
use super::profile::{Feature, Profile};
use super::reply::fee_sign;
use crate::domain::{FillId, Market, Symbol, WallTime};
use crate::port::event::{VenueAct, Wallet};
use crate::venues::answer::{AccountMessage, FillRow, OrderRow, PositionRow};
use serde::Deserialize;

type Read<T> = Result<T, DecodeError>;

/// Decodes one message of an account's stream.
///
/// # Errors
/// [`DecodeError`] names the field and what was expected.
pub fn pushed(profile: &Profile, market: Market, bytes: &[u8]) -> Result<Vec<AccountMessage>, DecodeError> {
    if bytes.len() > MAX_FRAME {
        return Err(DecodeError::TooLarge { bytes: bytes.len() });
    }
    let text = std::str::from_utf8(bytes).map_err(|error| DecodeError::NotUtf8 { at: error.valid_up_to() })?;
    let reader = Reader { profile, market, text };
    // What comes often begins with its kind; the rest is looked through once for it. Of that, what is written the usual way
    // is read in one pass; anything odd in it goes the general way and is judged there.
    if let Some((kind, wrap)) = quick_kind(text) {
        return match flat(text, kind, wrap) {
            Some(sent) => reader.flat(&sent),
            None => reader.event(kind, wrap),
        };
    }
    match reader.kind()? {
        Seen::Event(kind, wrap) => reader.event(&kind, wrap),
        Seen::Other(message) => Ok(vec![*message]),
    }
}

/// Where the event stands in the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrap {
    Bare,
    Event,
    Data,
}

fn quick_kind(text: &str) -> Option<(&str, Wrap)> {
    const KEY: &str = "{\"e\":\"";
    let (rest, wrap) = if let Some(rest) = text.strip_prefix(KEY) {
        (rest, Wrap::Bare)
    } else {
        let after = text.strip_prefix("{\"subscriptionId\":")?.trim_start_matches(|c: char| c.is_ascii_digit());
        (after.strip_prefix(",\"event\":")?.strip_prefix(KEY)?, Wrap::Event)
    };
    let kind = rest.split('"').next()?;
    matches!(kind, "executionReport" | "ORDER_TRADE_UPDATE" | "ACCOUNT_UPDATE").then_some((kind, wrap))
}

/// A message read in one pass.
#[expect(clippy::large_enum_variant, reason = "it is taken apart at once; a box would be an allocation a message")]
enum Sent<'a> {
    Order(Report<'a>),
    Account(AccountUpdate<'a>),
}

fn flat<'a>(text: &'a str, kind: &str, wrap: Wrap) -> Option<Sent<'a>> {
    if wrap == Wrap::Data {
        return None;
    }
    let mut cursor = Cursor::new(text)?;
    if wrap == Wrap::Event {
        cursor.skip(b"{")?;
        cursor.key()?;
        cursor.pass()?;
        cursor.skip(b",\"event\":")?;
    }
    let sent = match kind {
        "executionReport" => Sent::Order(cursor.object()?),
        "ORDER_TRADE_UPDATE" => Sent::Order(flat_order(&mut cursor)?),
        _ => Sent::Account(flat_account(&mut cursor)?),
    };
    if wrap == Wrap::Event {
        cursor.skip(b"}")?;
    }
    cursor.ends()?;
    Some(sent)
}

/// The object in `o`; what stands beside it is skipped.
fn flat_order<'a>(cursor: &mut Cursor<'a>) -> Option<Report<'a>> {
    cursor.skip(b"{")?;
    let mut order = None;
    loop {
        match cursor.key()? {
            "o" if order.is_none() => order = Some(cursor.object()?),
            "o" => return None,
            _ => cursor.pass()?,
        }
        if !cursor.more()? {
            return order;
        }
    }
}

fn flat_account<'a>(cursor: &mut Cursor<'a>) -> Option<AccountUpdate<'a>> {
    cursor.skip(b"{")?;
    let mut sent = AccountUpdate::default();
    loop {
        match cursor.key()? {
            "a" if sent.a.is_none() => sent.a = Some(flat_lists(cursor)?),
            "a" => return None,
            "T" => put(&mut sent.time, cursor.value()?)?,
            "E" => put(&mut sent.event_time, cursor.value()?)?,
            _ => cursor.pass()?,
        }
        if !cursor.more()? {
            return Some(sent);
        }
    }
}

fn flat_lists<'a>(cursor: &mut Cursor<'a>) -> Option<Account<'a>> {
    cursor.skip(b"{")?;
    let (mut m, mut balances, mut positions) = (Value::Absent, None, None);
    loop {
        match cursor.key()? {
            "m" => put(&mut m, cursor.value()?)?,
            "B" if balances.is_none() => balances = Some(cursor.objects()?),
            "P" if positions.is_none() => positions = Some(cursor.objects()?),
            "B" | "P" => return None,
            _ => cursor.pass()?,
        }
        if !cursor.more()? {
            let (balances, positions) = (balances.unwrap_or_default(), positions.unwrap_or_default());
            return Some(Account { m, balances, positions });
        }
    }
}

sent!(Kind { e "e", });
sent!(SentError { code "code", msg "msg", });

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Envelope<'a> {
    #[serde(borrow)]
    e: Value<'a>,
    event: Option<Kind<'a>>,
    data: Option<Kind<'a>>,
    id: Value<'a>,
    status: Value<'a>,
    result: Value<'a>,
    error: Option<SentError<'a>>,
    code: Value<'a>,
    msg: Value<'a>,
}

#[derive(Deserialize)]
struct InEvent<T> {
    event: T,
}

#[derive(Deserialize)]
struct InData<T> {
    data: T,
}

enum Seen {
    Event(String, Wrap),
    Other(Box<AccountMessage>),
}

struct Reader<'p, 'a> {
    profile: &'p Profile,
    market: Market,
    text: &'a str,
}

impl<'a> Reader<'_, 'a> {
    fn kind(&self) -> Read<Seen> {
        if !self.text.trim_start().starts_with('{') {
            // A list of messages, or no message at all: the parser says which.
            parse::<serde::de::IgnoredAny>(self.text)?;
            return Err(DecodeError::NotAnObject);
        }
        let sent: Envelope<'_> = parse(self.text)?;
        let places = [(Some(&sent.e), Wrap::Bare), (sent.event.as_ref().map(|kind| &kind.e), Wrap::Event)];
        let places = places.into_iter().chain([(sent.data.as_ref().map(|kind| &kind.e), Wrap::Data)]);
        for (value, wrap) in places {
            match value {
                Some(Value::Text(kind)) => return Ok(Seen::Event(kind.clone().into_owned(), wrap)),
                None | Some(Value::Absent) => {}
                Some(_) => return Err(DecodeError::WrongType { field: "e", expected: "text" }),
            }
        }
        self.reply(&sent).map(|message| Seen::Other(Box::new(message)))
    }

    /// The answer to a call: accepted when its status says so, or when there is a result and no error.
    fn reply(&self, sent: &Envelope<'_>) -> Read<AccountMessage> {
        let failed = sent.error.is_some() || sent.code != Value::Absent;
        if sent.id == Value::Absent && !failed {
            return Ok(AccountMessage::Unrecognised(Symbol::of("(no kind)")));
        }
        let id = if sent.id.is_empty() { String::new() } else { super::message::shown(&sent.id.text("id")?) };
        let said = match &sent.status {
            Value::Absent => None,
            status => Some(status.whole("status")?),
        };
        let ok = match said {
            Some(status) => (200..300).contains(&status) && !failed,
            None => sent.result != Value::Absent && !failed,
        };
        if ok {
            return Ok(AccountMessage::Reply { id, accepted: Ok(()) });
        }
        let (code, msg) = sent.error.as_ref().map_or((&sent.code, &sent.msg), |error| (&error.code, &error.msg));
        let code = if code.is_empty() { 0 } else { code.whole("code")? };
        let body = serde_json::json!({ "code": code, "msg": msg.word() }).to_string();
        let telling_overload = self.profile.has(Feature::TellingOverload);
        let context = Context { market: self.market, asked: Asked::Read, telling_overload };
        let status = said.and_then(|status| u16::try_from(status).ok()).unwrap_or(400);
        Ok(AccountMessage::Reply { id, accepted: Err(refused(context, status, body.as_bytes(), None)) })
    }

    fn event(&self, kind: &str, wrap: Wrap) -> Read<Vec<AccountMessage>> {
        let one = |message| Ok(vec![message]);
        match kind {
            "executionReport" => self.report(&self.whole::<Report<'a>>(wrap)?).map(|message| vec![message]),
            "ORDER_TRADE_UPDATE" => {
                let sent: OrderUpdate<'a> = self.whole(wrap)?;
                self.report(&sent.order).map(|message| vec![message])
            }
            "outboundAccountPosition" => spot_balances(&self.whole(wrap)?).map(|message| vec![message]),
            "balanceUpdate" => moved(&self.whole(wrap)?).map(|message| vec![message]),
            "ACCOUNT_UPDATE" => account_update(&self.whole(wrap)?),
            "MARGIN_CALL" => {
                let sent: MarginCall<'a> = self.whole(wrap)?;
                let symbols = sent.p.iter().map(|row| row.s.symbol("p.s")).collect::<Read<Vec<_>>>()?;
                one(AccountMessage::MarginCall(symbols))
            }
            "ACCOUNT_CONFIG_UPDATE" => {
                let sent: ConfigUpdate<'a> = self.whole(wrap)?;
                one(match &sent.ac {
                    None => AccountMessage::ConfigChanged { symbol: None, leverage: None },
                    Some(ac) => AccountMessage::ConfigChanged {
                        symbol: Some(ac.s.symbol("ac.s")?),
                        leverage: small(&ac.l, "ac.l")?,
                    },
                })
            }
            "listenKeyExpired" => one(AccountMessage::ListenKeyExpired),
            "eventStreamTerminated" => one(AccountMessage::Terminated),
            "serverShutdown" => one(AccountMessage::ServerShutdown),
            other => {
                // The quick look has not checked that it is JSON.
                parse::<serde::de::IgnoredAny>(self.text)?;
                one(AccountMessage::Unrecognised(label(other)))
            }
        }
    }

    fn flat(&self, sent: &Sent<'_>) -> Read<Vec<AccountMessage>> {
        match sent {
            Sent::Order(report) => self.report(report).map(|message| vec![message]),
            Sent::Account(update) => account_update(update),
        }
    }

    fn whole<T: Deserialize<'a>>(&self, wrap: Wrap) -> Read<T> {
        match wrap {
            Wrap::Bare => parse(self.text),
            Wrap::Event => parse::<InEvent<T>>(self.text).map(|sent| sent.event),
            Wrap::Data => parse::<InData<T>>(self.text).map(|sent| sent.data),
        }
    }

    fn report(&self, sent: &Report<'_>) -> Read<AccountMessage> {
        let executed = match sent.x.word() {
            "TRADE" => true,
            // A liquidation executes under this word.
            "CALCULATED" => !sent.l.is_empty() && !sent.l.quantity("l")?.is_zero(),
            "NEW" | "PENDING_NEW" | "CANCELED" | "REPLACED" | "REJECTED" | "EXPIRED" | "TRADE_PREVENTION"
            | "AMENDMENT" => false,
            _ => return Err(DecodeError::WrongType { field: "x", expected: "a known execution type" }),
        };
        let (symbol, side) = (sent.s.symbol("s")?, sent.side.side("S")?);
        let venue_id = sent.i.id("i")?;
        // On cancels of spot `c` names the cancel and `C` the order.
        let client_id = sent.original.or(&sent.c).text("c")?.into_owned();
        let at = sent.time.time("T")?;
        let fill = if executed {
            let fee = if sent.n.is_empty() { None } else { Some(fee_sign(self.profile).apply(sent.n.amount("n")?)) };
            Some(FillRow {
                market: self.market,
                symbol,
                id: FillId(sent.t.id("t")?),
                order: venue_id,
                side: Some(side),
                price: sent.last_price.price("L")?,
                quantity: sent.l.quantity("l")?,
                fee,
                fee_asset: if sent.asset.is_empty() { None } else { Some(sent.asset.asset("N")?) },
                role: sent.m.flag("m")?.map(role),
                at: Some(at),
            })
        } else {
            None
        };
        let by_venue = venue_act(&client_id, sent.state.word(), sent.x.word());
        let order = OrderRow {
            market: self.market,
            symbol,
            client_id,
            venue_id,
            side,
            status: status(&sent.state, "X")?,
            quantity: sent.q.quantity("q")?,
            filled: sent.z.quantity("z")?,
            limit: sent.p.limit("p")?,
            fills: Vec::new(),
            at: Some(at),
        };
        Ok(AccountMessage::Order { order, fill, by_venue })
    }
}

/// Whether the venue itself made the order: by its reserved ids, or by the state that it shows (fault C13).
#[must_use]
pub fn venue_act(client_id: &str, state: &str, execution: &str) -> Option<VenueAct> {
    if client_id.starts_with("adl_autoclose") || state == "NEW_ADL" {
        Some(VenueAct::Adl)
    } else if client_id.starts_with("settlement_autoclose-") {
        Some(VenueAct::Settlement)
    } else if client_id.starts_with("autoclose-") || state == "NEW_INSURANCE" || execution == "CALCULATED" {
        Some(VenueAct::Liquidation)
    } else {
        None
    }
}

// An order of either market: the letters mean the same, but for `C`, which only spot sends.
sent!(Report {
    s "s",
    c "c",
    original "C",
    side "S",
    q "q",
    p "p",
    x "x",
    state "X",
    i "i",
    l "l",
    z "z",
    last_price "L",
    n "n",
    asset "N",
    time "T",
    t "t",
    m "m",
});

#[derive(Deserialize)]
struct OrderUpdate<'a> {
    #[serde(borrow, rename = "o")]
    order: Report<'a>,
}

sent!(SpotBalance { a "a", f "f", l "l", });

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SpotBalances<'a> {
    #[serde(borrow)]
    u: Value<'a>,
    #[serde(rename = "T")]
    time: Value<'a>,
    #[serde(rename = "E")]
    event_time: Value<'a>,
    m: Value<'a>,
    #[serde(rename = "B")]
    rows: Option<Vec<SpotBalance<'a>>>,
}

fn spot_balances(sent: &SpotBalances<'_>) -> Read<AccountMessage> {
    let rows = sent.rows.as_ref().ok_or(DecodeError::WrongType { field: "B", expected: "a list" })?;
    let row = |row: &SpotBalance<'_>| Ok((row.a.asset("B.a")?, row.f.amount("B.f")? + row.l.amount("B.l")?));
    Ok(AccountMessage::Balances {
        wallet: Wallet::Spot,
        reason: if sent.m.is_empty() { None } else { Some(sent.m.symbol("m")?) },
        rows: each(rows, row)?,
        at: sent.u.or(&sent.time).or(&sent.event_time).time("u")?,
    })
}

sent!(Moved { a "a", d "d", time "T", });

fn moved(sent: &Moved<'_>) -> Read<AccountMessage> {
    let (asset, amount) = (sent.a.asset("a")?, sent.d.amount("d")?);
    Ok(AccountMessage::Moved { asset, amount, at: sent.time.time("T")? })
}

sent!(PerpBalance { a "a", wb "wb", });
sent!(Position { s "s", pa "pa", ep "ep", ps "ps", });

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Account<'a> {
    #[serde(borrow)]
    m: Value<'a>,
    #[serde(rename = "B")]
    balances: Vec<PerpBalance<'a>>,
    #[serde(rename = "P")]
    positions: Vec<Position<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AccountUpdate<'a> {
    #[serde(borrow)]
    a: Option<Account<'a>>,
    #[serde(rename = "T")]
    time: Value<'a>,
    #[serde(rename = "E")]
    event_time: Value<'a>,
}

/// Every row read, in a list that is as long from the start.
fn each<T, R>(rows: &[T], read: impl Fn(&T) -> Read<R>) -> Read<Vec<R>> {
    let mut all = Vec::with_capacity(rows.len());
    for row in rows {
        all.push(read(row)?);
    }
    Ok(all)
}

fn account_update(sent: &AccountUpdate<'_>) -> Read<Vec<AccountMessage>> {
    let account = sent.a.as_ref().ok_or(DecodeError::WrongType { field: "a", expected: "an object" })?;
    let at = sent.time.or(&sent.event_time).time("T")?;
    let balance = |row: &PerpBalance<'_>| Ok((row.a.asset("B.a")?, row.wb.amount("B.wb")?));
    let mut messages = Vec::with_capacity(2);
    messages.push(AccountMessage::Balances {
        wallet: Wallet::Perp,
        reason: if account.m.is_empty() { None } else { Some(account.m.symbol("m")?) },
        rows: each(&account.balances, balance)?,
        at,
    });
    if !account.positions.is_empty() {
        let rows = each(&account.positions, |row| position(row, at))?;
        messages.push(AccountMessage::Positions { rows, at });
    }
    Ok(messages)
}

fn position(row: &Position<'_>, at: WallTime) -> Read<PositionRow> {
    Ok(PositionRow {
        symbol: row.s.symbol("P.s")?,
        coins: row.pa.signed("P.pa")?,
        entry: row.ep.computed_price("P.ep")?,
        mark: None,
        liquidation: None,
        adl: None,
        isolated: None,
        hedge_side: hedge_side(&row.ps, "P.ps")?,
        at: Some(at),
    })
}

sent!(Called { s "s", });

#[derive(Debug, Deserialize)]
struct MarginCall<'a> {
    #[serde(borrow)]
    p: Vec<Called<'a>>,
}

sent!(Leverage { s "s", l "l", });

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ConfigUpdate<'a> {
    #[serde(borrow)]
    ac: Option<Leverage<'a>>,
}

#[cfg(test)]
#[path = "pushed_tests.rs"]
mod tests;
