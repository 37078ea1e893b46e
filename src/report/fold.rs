//! A table in the width that there is: as it is drawn where it fits, else a few lines a row.

use comfy_table::{Cell, Row, Table};

/// The lines of a table without the spaces at their ends; one that is wider than `width` columns is folded.
#[must_use]
pub fn fitted(table: &Table, width: usize) -> Vec<String> {
    let drawn = |table: &Table| -> Vec<String> { table.lines().map(|line| line.trim_end().to_owned()).collect() };
    let fits = |lines: &Vec<String>| lines.iter().all(|line| line.chars().count() <= width);
    Some(drawn(table))
        .filter(fits)
        .or_else(|| Some(drawn(&narrowed(table))).filter(fits))
        .unwrap_or_else(|| folded(table, width))
}

/// The same with one space between columns.
fn narrowed(table: &Table) -> Table {
    let mut table = table.clone();
    for column in table.column_iter_mut() {
        column.set_padding((0, 1));
    }
    table
}

/// A table that is too wide, a few lines a row: each cell with its head, broken between cells.
fn folded(table: &Table, width: usize) -> Vec<String> {
    let cells = |row: &Row| row.cell_iter().map(Cell::content).collect::<Vec<String>>();
    let heads = table.header().map(cells).unwrap_or_default();
    let mut out = Vec::new();
    for row in table.row_iter() {
        let mut line = String::new();
        for (place, cell) in cells(row).into_iter().enumerate() {
            let head = heads.get(place).map_or("", String::as_str);
            let part = match (place, head) {
                (0, _) | (_, "") => cell.trim().to_owned(),
                (_, head) => format!("{head} {}", cell.trim()),
            };
            if part.is_empty() {
                continue;
            }
            if !line.is_empty() && line.chars().count() + 2 + part.chars().count() > width {
                out.push(std::mem::replace(&mut line, "  ".to_owned()));
                line.push_str(&part);
                continue;
            }
            let gap = if line.trim().is_empty() { "" } else { "  " };
            line.push_str(gap);
            line.push_str(&part);
        }
        out.push(line);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn u12_a_table_that_is_too_wide_has_each_cell_with_its_head() {
        let mut table = Table::new();
        table.load_style(comfy_table::presets::UTF8_FULL_CONDENSED);
        table.set_header(["pair", "funding", "total"]);
        table.add_row(["binance:BTCUSDT", "57.22", "5.41"]);
        let widest = |lines: &[String]| lines.iter().map(|line| line.chars().count()).max();
        assert_eq!((fitted(&table, 80).len(), widest(&fitted(&table, 80))), (5, Some(37)));
        assert_eq!((fitted(&table, 36).len(), widest(&fitted(&table, 36))), (5, Some(34)), "one space for two");
        assert_eq!(fitted(&table, 32), ["binance:BTCUSDT  funding 57.22", "  total 5.41"]);
    }
}
