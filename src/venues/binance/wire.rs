//! Frames as sent: one pass over the JSON, text borrowed, nothing interpreted but the levels of a book.
//!
//! The venue uses one-letter keys that mean different things in different messages, so a frame is read into one flat set
//! of slots and `decode` decides what it is. Unknown keys are skipped; a known key twice is refused (fault X07); nesting
//! is limited by the parser (fault X04). Tests: with `decode`.

use super::message::{DecodeError, Scratch};
use crate::domain::{NumberError, Price, Quantity};
use crate::market::book::Level;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// A value that was sent, as far as anything here could use it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum Slot<'a> {
    #[default]
    Absent,
    Null,
    Text(Cow<'a, str>),
    Whole(i64),
    Flag(bool),
    /// Price levels; they are in the scratch.
    Levels,
    /// Anything else.
    Other,
}

macro_rules! body {
    ($($field:ident $variant:ident $key:literal,)*) => {
        /// Fields known here, whatever message they belong to.
        #[derive(Debug, Default)]
        pub(crate) struct Body<'a> {
            $(pub(crate) $field: Slot<'a>,)*
        }

        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        enum Field { $($variant,)* }

        impl Field {
            fn of(key: &str) -> Option<Self> {
                match key { $($key => Some(Self::$variant),)* _ => None }
            }
            const fn key(self) -> &'static str {
                match self { $(Self::$variant => $key,)* }
            }
        }

        impl<'a> Body<'a> {
            fn slot(&mut self, field: Field) -> &mut Slot<'a> {
                match field { $(Field::$variant => &mut self.$field,)* }
            }
        }
    };
}

body! {
    stream Stream "stream",
    kind Kind "e",
    event_time EventTime "E",
    time Time "T",
    symbol Symbol "s",
    first_id FirstId "U",
    last_id LastId "u",
    previous_id PreviousId "pu",
    bid Bid "b",
    bid_quantity BidQuantity "B",
    ask Ask "a",
    ask_quantity AskQuantity "A",
    price Price "p",
    quantity Quantity "q",
    trade_id TradeId "t",
    buyer_is_maker BuyerIsMaker "m",
    index Index "i",
    rate Rate "r",
    snapshot_id SnapshotId "lastUpdateId",
    bids Bids "bids",
    asks Asks "asks",
    result Result "result",
    id Id "id",
    code Code "code",
    message Message "msg",
}

/// What stood under `data`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Data {
    /// No such key: a raw frame.
    #[default]
    Absent,
    /// An object; its fields are in the body.
    Object,
    /// A list: one of the venue's all-symbol streams.
    List,
    /// Something else.
    Other,
}

/// One frame.
#[derive(Debug, Default)]
pub(crate) struct Sent<'a> {
    pub(crate) body: Body<'a>,
    pub(crate) data: Data,
    /// The first thing wrong that the parser itself does not refuse.
    problem: Option<DecodeError>,
    /// Which sides of the scratch a list of levels was read into.
    filled: (bool, bool),
}

impl Sent<'_> {
    fn object_to(&mut self, problem: DecodeError) {
        self.problem.get_or_insert(problem);
    }
}

/// Reads a frame.
///
/// # Errors
/// [`DecodeError`] when it is not JSON, not an object, holds a field twice, or a bad level.
pub(crate) fn read<'a>(text: &'a str, scratch: &mut Scratch) -> Result<Sent<'a>, DecodeError> {
    scratch.clear();
    let mut sent = Sent::default();
    let mut parser = serde_json::Deserializer::from_str(text);
    let seed = ObjectSeed { sent: &mut sent, scratch, top: true };
    let is_object = seed.deserialize(&mut parser).and_then(|is_object| parser.end().map(|()| is_object));
    match is_object {
        Ok(true) => match sent.problem.take() {
            None => Ok(sent),
            Some(problem) => Err(problem),
        },
        Ok(false) => Err(DecodeError::NotAnObject),
        Err(error) => Err(DecodeError::NotJson { line: error.line(), column: error.column() }),
    }
}

/// Reads the fields of an object into the body; says whether it was an object.
struct ObjectSeed<'s, 'a> {
    sent: &'s mut Sent<'a>,
    scratch: &'s mut Scratch,
    /// At the top `data` and `error` open one more object.
    top: bool,
}

enum Key {
    Data,
    Error,
    Known(Field),
    Unknown,
}

struct KeySeed;

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Key;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed {
    type Value = Key;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }
    fn visit_str<E>(self, key: &str) -> Result<Key, E> {
        Ok(match key {
            "data" => Key::Data,
            "error" => Key::Error,
            _ => Field::of(key).map_or(Key::Unknown, Key::Known),
        })
    }
}

/// Answers of the visitors for JSON values that have no use in a place.
macro_rules! scalars_are {
    ($value:expr) => {
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok($value)
        }
    };
}

impl<'de> DeserializeSeed<'de> for ObjectSeed<'_, 'de> {
    type Value = bool;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ObjectSeed<'_, 'de> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    scalars_are!(false);

    fn visit_str<E>(self, _: &str) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<bool, A::Error> {
        if !self.top && self.sent.data == Data::Other {
            self.sent.data = Data::List;
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(false)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        while let Some(key) = map.next_key_seed(KeySeed)? {
            match key {
                Key::Data if self.top => {
                    if self.sent.data != Data::Absent {
                        self.sent.object_to(DecodeError::Duplicate { field: "data" });
                    }
                    self.sent.data = Data::Other;
                    let seed = ObjectSeed { sent: &mut *self.sent, scratch: &mut *self.scratch, top: false };
                    if map.next_value_seed(seed)? {
                        self.sent.data = Data::Object;
                    }
                }
                Key::Error if self.top => {
                    // `{"code", "msg"}` of a refused request: its fields join the body.
                    let seed = ObjectSeed { sent: &mut *self.sent, scratch: &mut *self.scratch, top: false };
                    map.next_value_seed(seed)?;
                }
                Key::Known(field) => {
                    let slot =
                        map.next_value_seed(SlotSeed { field, sent: &mut *self.sent, scratch: &mut *self.scratch })?;
                    let place = self.sent.body.slot(field);
                    let twice = *place != Slot::Absent;
                    *place = slot;
                    if twice {
                        self.sent.object_to(DecodeError::Duplicate { field: field.key() });
                    }
                }
                Key::Data | Key::Error | Key::Unknown => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(true)
    }
}

/// Reads the value of one known field.
struct SlotSeed<'s, 'a> {
    field: Field,
    sent: &'s mut Sent<'a>,
    scratch: &'s mut Scratch,
}

impl<'de> DeserializeSeed<'de> for SlotSeed<'_, 'de> {
    type Value = Slot<'de>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Slot<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for SlotSeed<'_, 'de> {
    type Value = Slot<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_bool<E>(self, flag: bool) -> Result<Slot<'de>, E> {
        Ok(Slot::Flag(flag))
    }
    fn visit_i64<E>(self, whole: i64) -> Result<Slot<'de>, E> {
        Ok(Slot::Whole(whole))
    }
    fn visit_u64<E>(self, whole: u64) -> Result<Slot<'de>, E> {
        Ok(i64::try_from(whole).map_or(Slot::Other, Slot::Whole))
    }
    fn visit_f64<E>(self, _: f64) -> Result<Slot<'de>, E> {
        Ok(Slot::Other)
    }
    fn visit_unit<E>(self) -> Result<Slot<'de>, E> {
        Ok(Slot::Null)
    }
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Slot<'de>, E> {
        Ok(Slot::Text(Cow::Borrowed(text)))
    }
    fn visit_str<E>(self, text: &str) -> Result<Slot<'de>, E> {
        Ok(Slot::Text(Cow::Owned(text.to_owned())))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Slot<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Slot::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Slot<'de>, A::Error> {
        let (side, filled) = match self.field {
            Field::Bid | Field::Bids => (&mut self.scratch.bids, &mut self.sent.filled.0),
            Field::Ask | Field::Asks => (&mut self.scratch.asks, &mut self.sent.filled.1),
            _ => {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                return Ok(Slot::Other);
            }
        };
        let mut problem = std::mem::replace(filled, true).then_some(DecodeError::Duplicate { field: self.field.key() });
        while let Some(level) = list.next_element_seed(LevelSeed { field: self.field.key() })? {
            match level {
                Ok(level) => side.push(level),
                Err(wrong) => {
                    problem.get_or_insert(wrong);
                }
            }
        }
        if let Some(problem) = problem {
            self.sent.object_to(problem);
        }
        Ok(Slot::Levels)
    }
}

/// Coins of a level of other people's orders. More than we can count, as coins that cost next to nothing have, are as many as
/// we can: less depth than there is, and no book is lost for it.
pub(crate) fn level_size(text: &str) -> Result<Quantity, NumberError> {
    let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
    let is_many = whole.trim_start_matches('0').len() > 10 && whole.bytes().all(|byte| byte.is_ascii_digit());
    match Quantity::parse(text) {
        Err(NumberError::OutOfRange) if is_many => Ok(Quantity::saturating(i64::MAX)),
        other => other,
    }
}

/// Reads `["price", "quantity"]`; elements after these two are skipped.
struct LevelSeed {
    field: &'static str,
}

type LevelResult = Result<Level, DecodeError>;

impl LevelSeed {
    const fn not_a_level(&self) -> LevelResult {
        Err(DecodeError::WrongType { field: self.field, expected: "a list of [\"price\", \"quantity\"]" })
    }
}

impl<'de> DeserializeSeed<'de> for LevelSeed {
    type Value = LevelResult;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<LevelResult, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for LevelSeed {
    type Value = LevelResult;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a level")
    }
    fn visit_bool<E>(self, _: bool) -> Result<LevelResult, E> {
        Ok(self.not_a_level())
    }
    fn visit_i64<E>(self, _: i64) -> Result<LevelResult, E> {
        Ok(self.not_a_level())
    }
    fn visit_u64<E>(self, _: u64) -> Result<LevelResult, E> {
        Ok(self.not_a_level())
    }
    fn visit_f64<E>(self, _: f64) -> Result<LevelResult, E> {
        Ok(self.not_a_level())
    }
    fn visit_unit<E>(self) -> Result<LevelResult, E> {
        Ok(self.not_a_level())
    }
    fn visit_str<E>(self, _: &str) -> Result<LevelResult, E> {
        Ok(self.not_a_level())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<LevelResult, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(self.not_a_level())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<LevelResult, A::Error> {
        let price = list.next_element_seed(NumberSeed(Price::parse))?;
        let quantity = list.next_element_seed(NumberSeed(level_size))?;
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(match (price, quantity) {
            (Some(Some(Ok(price))), Some(Some(Ok(quantity)))) => Ok((price, quantity)),
            (Some(Some(Err(cause))), _) | (_, Some(Some(Err(cause)))) => {
                Err(DecodeError::BadNumber { field: self.field, cause })
            }
            _ => self.not_a_level(),
        })
    }
}

/// Parses a decimal in a string; `None` for any other JSON value.
struct NumberSeed<T>(fn(&str) -> Result<T, NumberError>);

impl<'de, T> DeserializeSeed<'de> for NumberSeed<T> {
    type Value = Option<Result<T, NumberError>>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T> Visitor<'de> for NumberSeed<T> {
    type Value = Option<Result<T, NumberError>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a decimal in a string")
    }

    scalars_are!(None);

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some((self.0)(text)))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}
