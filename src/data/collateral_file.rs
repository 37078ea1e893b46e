//! `collateral/VENUE.csv`: the share of its value that a coin counts for as collateral of a venue's perps.
//!
//! Columns, by the names of the header: `coin` and `share` (a fraction from 0 to 1; 0 says that the coin is no collateral). A coin
//! that has no line has the built-in share (`domain/collateral.rs`). Tests: at the end.

use super::error::{Bad, DataError, Place, escaped};
use super::lines::Lines;
use crate::domain::{Asset, Rate, Venue};
use std::path::Path;

const SHARE: &str = "a fraction from 0 to 1, such as 0.95";
const NAME: &str = "a name of printable text without spaces";

/// The share that the folder says for a coin at a venue; `None` where it says none.
///
/// # Errors
/// [`DataError`] for a file that cannot be used.
pub(crate) fn written_share(root: &Path, (venue, coin): (Venue, Asset)) -> Result<Option<Rate>, DataError> {
    let file = root.join("collateral").join(format!("{venue}.csv"));
    if !file.exists() {
        return Ok(None);
    }
    let rows = read_shares(&file)?;
    Ok(rows.into_iter().find(|(known, _)| *known == coin).map(|(_, share)| share))
}

/// All lines of a file.
pub(crate) fn read_shares(file: &Path) -> Result<Vec<(Asset, Rate)>, DataError> {
    let mut lines = Lines::open(file)?;
    let names = lines.header("coin,share")?;
    let column = |wanted: &str| {
        names.iter().position(|name| name == wanted).ok_or_else(|| DataError::NoColumn {
            file: file.to_path_buf(),
            column: wanted.to_owned(),
            found: escaped(&names.join(", "), 200),
        })
    };
    let (coin_at, share_at) = (column("coin")?, column("share")?);
    let mut rows: Vec<(Asset, Rate)> = Vec::new();
    while lines.next()? {
        lines.at_least(names.len())?;
        let (text, share) = (lines.text(coin_at)?, lines.text(share_at)?);
        let bad = |field: usize, column: &'static str, expected: &'static str| Bad {
            file,
            place: lines.place(field),
            column,
            expected,
        };
        let coin = Asset::new(text)
            .map_err(|_| bad(coin_at, "coin", NAME).is(format_args!("\"{}\"", escaped(text, 40)), "is not a name"))?;
        let parsed = Rate::parse(share).ok().filter(|rate| (0..=Rate::ONE).contains(&rate.units()));
        let share = parsed.ok_or_else(|| {
            bad(share_at, "share", SHARE).is(format_args!("\"{}\"", escaped(share, 40)), "is no such share")
        })?;
        if rows.iter().any(|(known, _)| *known == coin) {
            let problem = format!("{coin} stands there twice");
            return Err(DataError::row(file, Place::Line(lines.line(), 1), problem));
        }
        rows.push((coin, share));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(Asset, Rate)>, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("alpha.csv");
        std::fs::write(&file, text).unwrap();
        read_shares(&file).map_err(|error| error.to_string())
    }

    #[test]
    fn e15_shares_are_read_by_name_and_what_is_wrong_is_named_with_its_line() {
        let rows = read("share,coin\n0.95,BTC\n0,PEPE\n").unwrap();
        assert_eq!(rows, vec![(Asset::of("BTC"), Rate::parse("0.95").unwrap()), (Asset::of("PEPE"), Rate::ZERO)]);
        let refused = |text: &str, words: &[&str]| {
            let said = read(text).unwrap_err();
            assert!(words.iter().all(|word| said.contains(word)), "{said}");
        };
        refused("coin,share\nBTC,1.5\n", &["2", "share", "1.5", "from 0 to 1"]);
        refused("coin,share\nBTC,-0.1\n", &["share"]);
        refused("coin,share\nBTC,\n", &["share"]);
        refused("coin,part\nBTC,1\n", &["share"]);
        refused("coin,share\nBTC,0.9\nBTC,0.8\n", &["twice"]);
    }
}
