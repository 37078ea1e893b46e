//! Text that others wrote (symbols, reasons, remarks) made safe for where it is shown: a terminal, a CSV cell, a page.
//!
//! It never decides what a name may be; `domain/text.rs` does. Faults X08 and X09. Tests stand at the end of this file.

use std::borrow::Cow;

/// Most characters of one foreign text that are shown.
const SHOWN: usize = 400;

/// Characters that move the cursor or reorder what stands around them: control characters, line and paragraph separators,
/// direction marks, and the byte order mark.
fn misleads(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{61c}')
}

/// For a terminal or one line of a log: nothing that moves the cursor, and not endless.
#[must_use]
pub fn plain(text: &str) -> Cow<'_, str> {
    if text.len() <= SHOWN && !text.chars().any(misleads) {
        return Cow::Borrowed(text);
    }
    let mut out: String = text.chars().take(SHOWN).map(|c| if misleads(c) { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(SHOWN).is_some() {
        out.push('…');
    }
    Cow::Owned(out)
}

/// For HTML text and for quoted attributes.
#[must_use]
pub fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in plain(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

/// For a CSV cell: a text that a spreadsheet would run as a formula gets an apostrophe in front; a number stays as it is.
#[must_use]
pub fn cell(text: &str) -> Cow<'_, str> {
    let shown = plain(text);
    let formula = shown.trim_start().starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}']);
    if formula && !is_number(&shown) { Cow::Owned(format!("'{shown}")) } else { shown }
}

/// JSON inside a script element: no tag and no comment can begin in it, and it stays the same JSON.
#[must_use]
pub fn script_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            _ => out.push(c),
        }
    }
    out
}

/// A minus, digits, and at most one point: what we print as a number.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    all_digits(whole) && all_digits(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x09_a_cell_never_starts_a_formula() {
        for (text, expected) in [
            ("=1+1", "'=1+1"),
            ("+SUM(A1)", "'+SUM(A1)"),
            ("-2+3", "'-2+3"),
            ("@cmd", "'@cmd"),
            ("\t=1", "\u{fffd}=1"),
            (" =1", "' =1"),
            ("＝1", "'＝1"),
            ("-12.5", "-12.5"),
            ("-", "'-"),
            ("binance:BTCUSDT", "binance:BTCUSDT"),
        ] {
            assert_eq!(cell(text), expected, "{text:?}");
        }
    }

    #[test]
    fn x09_markup_becomes_text() {
        assert_eq!(html("<img src=x onerror='a()'>&\""), "&lt;img src=x onerror=&#39;a()&#39;&gt;&amp;&quot;");
        let json = script_json(r#"["</script><!--&"]"#);
        assert!(!json.contains(['<', '>', '&']), "{json}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), ["</script><!--&"]);
    }

    #[test]
    fn x08_a_terminal_sees_no_escape_and_no_endless_text() {
        assert_eq!(plain("a\u{1b}[31m\r\nb\u{202e}c"), "a\u{fffd}[31m\u{fffd}\u{fffd}b\u{fffd}c");
        assert_eq!(plain(&"é".repeat(1_000)).chars().count(), SHOWN + 1);
        assert_eq!(plain(&"é".repeat(SHOWN)).chars().count(), SHOWN);
    }
}
