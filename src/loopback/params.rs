//! The parameters of one request, from its query and its form body, and the exact text that was signed.
//!
//! A name in both: the query wins. Nothing is guessed: what does not decode is refused by name. Tests at the end.

use super::refusal::{Refusal, illegal, missing, refuse};
use crate::domain::{Price, Quantity, Span, WallTime};

/// Decoded pairs in the order sent, query first, and the text without its signature.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Params {
    pairs: Vec<(String, String)>,
    payload: String,
    signature: Option<String>,
}

impl Params {
    /// Reads `query` and a form `body`.
    pub(crate) fn read(query: &str, body: &str) -> Result<Self, Refusal> {
        let mut params = Self::default();
        for part in [query, body] {
            let mut first = true;
            for piece in part.split('&').filter(|piece| !piece.is_empty()) {
                let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
                let value = decode(value).ok_or_else(|| illegal(name))?;
                if name == "signature" {
                    params.signature = Some(value);
                    continue;
                }
                if !first {
                    params.payload.push('&');
                }
                first = false;
                params.payload.push_str(piece);
                let name = decode(name).ok_or_else(|| illegal("name"))?;
                params.pairs.push((name, value));
            }
        }
        Ok(params)
    }

    /// From the `params` object of a WebSocket request; numbers as they are written there.
    pub(crate) fn from_json(object: &serde_json::Map<String, serde_json::Value>) -> Self {
        let mut params = Self::default();
        let mut pairs: Vec<(String, String)> = object
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
            .collect();
        pairs.sort();
        for (name, value) in pairs {
            if name == "signature" {
                params.signature = Some(value);
                continue;
            }
            if !params.payload.is_empty() {
                params.payload.push('&');
            }
            params.payload.push_str(&name);
            params.payload.push('=');
            params.payload.push_str(&value);
            params.pairs.push((name, value));
        }
        params
    }

    /// The text that was signed.
    pub(crate) fn payload(&self) -> &str {
        &self.payload
    }

    pub(crate) fn signature(&self) -> Option<&str> {
        self.signature.as_deref()
    }

    /// A parameter that may be left out; an empty one counts as left out.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str()).filter(|v| !v.is_empty())
    }

    pub(crate) fn need(&self, name: &str) -> Result<&str, Refusal> {
        self.get(name).ok_or_else(|| missing(name))
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<i64>, Refusal> {
        self.get(name).map(|text| text.parse::<i64>().map_err(|_| illegal(name))).transpose()
    }

    pub(crate) fn time(&self, name: &str) -> Result<Option<WallTime>, Refusal> {
        Ok(self.number(name)?.map(WallTime))
    }

    /// Start and end of a window, with the widest span allowed.
    pub(crate) fn window(&self, most: Span) -> Result<(Option<WallTime>, Option<WallTime>), Refusal> {
        let (start, end) = (self.time("startTime")?, self.time("endTime")?);
        if let (Some(start), Some(end)) = (start, end) {
            if end < start {
                return Err(refuse(-1127, "Start time is greater than end time."));
            }
            if end.since(start) > most {
                return Err(refuse(-1127, "More than the allowed span between startTime and endTime."));
            }
        }
        Ok((start, end))
    }

    /// `limit` with its default and its most.
    pub(crate) fn limit(&self, usual: usize, most: usize) -> Result<usize, Refusal> {
        let Some(limit) = self.number("limit")? else { return Ok(usual) };
        let limit = usize::try_from(limit).ok().filter(|limit| *limit > 0).ok_or_else(|| illegal("limit"))?;
        Ok(limit.min(most))
    }

    pub(crate) fn quantity(&self, name: &str) -> Result<Option<Quantity>, Refusal> {
        self.get(name).map(|text| Quantity::parse(text).map_err(|_| precision(name, text))).transpose()
    }

    pub(crate) fn price(&self, name: &str) -> Result<Option<Price>, Refusal> {
        self.get(name).map(|text| Price::parse(text).map_err(|_| precision(name, text))).transpose()
    }

    pub(crate) fn flag(&self, name: &str) -> Result<bool, Refusal> {
        match self.get(name).map(str::to_ascii_lowercase).as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(illegal(name)),
        }
    }

    /// The names sent that the list does not hold.
    pub(crate) fn beyond(&self, allowed: &str) -> Option<Refusal> {
        let common = ["timestamp", "recvWindow", "apiKey", "nonce", "user", "signer"];
        let known = |name: &str| common.contains(&name) || allowed.split(' ').any(|one| one == name);
        let read: Vec<&str> = self.pairs.iter().map(|(name, _)| name.as_str()).filter(|name| known(name)).collect();
        (read.len() < self.pairs.len()).then(|| {
            let (read, sent) = (read.len(), self.pairs.len());
            refuse(
                -1104,
                format!("Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'."),
            )
        })
    }
}

fn precision(name: &str, text: &str) -> Refusal {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if plain && text.split_once('.').is_some_and(|(_, decimals)| decimals.len() > 8) {
        return refuse(-1111, format!("Parameter '{name}' has too much precision."));
    }
    if plain && text.bytes().all(|byte| matches!(byte, b'0' | b'.')) {
        return refuse(-4003, "Quantity less than or equal to zero.");
    }
    illegal(name)
}

/// Percent-decoding; `+` is a space.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let pair = [rest.next()?, rest.next()?];
                let digits = std::str::from_utf8(&pair).ok()?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
            }
            b'+' => bytes.push(b' '),
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signed_text_is_query_then_body_without_the_signature() {
        let params = Params::read("symbol=LTCBTC&a=%2B&signature=ab", "quantity=1&timestamp=5").unwrap();
        assert_eq!(params.payload(), "symbol=LTCBTC&a=%2Bquantity=1&timestamp=5");
        assert_eq!((params.get("a"), params.signature()), (Some("+"), Some("ab")));
        assert_eq!(Params::read("a=%zz", "").unwrap_err().code, -1100);
        assert_eq!(params.beyond("symbol quantity").unwrap().code, -1104);
        assert_eq!(params.beyond("symbol quantity a"), None);
    }

    #[test]
    fn numbers_that_are_none_are_refused_by_name() {
        let params = Params::read("a=0.123456789&b=x&c=0", "").unwrap();
        assert_eq!(params.quantity("a").unwrap_err().code, -1111);
        assert_eq!(params.quantity("b").unwrap_err().code, -1100);
        assert_eq!(params.price("c").unwrap_err().code, -4003);
        assert_eq!(params.need("d").unwrap_err().code, -1102);
    }
}
