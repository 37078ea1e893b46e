//! The published schema of what programs read: made from the types that are sent, so that it cannot say anything else.
//!
//! Types whose own way of writing themselves is not derived are described here. Money and rates are text with all their decimals,
//! times are milliseconds. Tests: `tests/commands/feed.rs` judges a running session by it.

use super::api::{Feed, Sessions};
use super::told::Message;
use crate::domain::text::Name;
use crate::domain::{Amount, Interval, Price, Quantity, Rate, SignedQuantity, Span, WallTime};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

/// Names of the schemas, with what each is of.
pub const NAMES: [(&str, &str); 3] = [
    ("feed", "one session: /api/v1/sessions/NAME and each message of its /stream"),
    ("sessions", "the list: /api/v1/sessions"),
    ("event", "each message of /api/v1/sessions/NAME/events"),
];

/// The schema of a name, as JSON Schema 2020-12; `None` for a name that is none.
#[must_use]
pub fn of(name: &str) -> Option<Schema> {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    Some(match name {
        "feed" => generator.into_root_schema_for::<Feed<'_>>(),
        "sessions" => generator.into_root_schema_for::<Sessions<'_>>(),
        "event" => generator.into_root_schema_for::<Message<'_>>(),
        _ => return None,
    })
}

/// A decimal as text.
macro_rules! decimal {
    ($($name:ident: $pattern:literal, $what:literal;)*) => { $(
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern, "description": $what })
            }
        }
    )* };
}

decimal! {
    Amount: "^-?[0-9]+(\\.[0-9]+)?$", "An amount of money, with all its decimals.";
    Rate: "^-?[0-9]+(\\.[0-9]+)?$", "A plain fraction: 0.0001 is 0.01 %.";
    Price: "^[0-9]+(\\.[0-9]+)?$", "A price above zero in the quote coin.";
    Quantity: "^[0-9]+(\\.[0-9]+)?$", "Coins, never below zero.";
    SignedQuantity: "^-?[0-9]+(\\.[0-9]+)?$", "Coins, plus is long.";
}

/// Milliseconds.
macro_rules! millis {
    ($($name:ident: $what:literal;)*) => { $(
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "integer", "description": $what })
            }
        }
    )* };
}

millis! {
    WallTime: "UTC milliseconds since 1970.";
    Span: "A length of time in milliseconds.";
}

impl<const N: usize> JsonSchema for Name<N> {
    fn schema_name() -> Cow<'static, str> {
        format!("Name{N}").into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1, "maxLength": N, "description": "A name without spaces." })
    }
}

impl JsonSchema for Interval {
    fn schema_name() -> Cow<'static, str> {
        "Interval".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "enum": [1, 2, 3, 4, 6, 8, 12, 24], "description": "Hours between two settlements." })
    }
}
