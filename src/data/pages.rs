//! Stands between the Parquet file and its decoder and lets only pages through that the decoder can take.
//!
//! The decoder of the `parquet` crate trusts some numbers of a page and stops the program when they are wrong (a dictionary
//! that is not there, levels longer than the page). A damaged file must be an error, so these are checked first (fault G21).
//! Tests: `tests/suite/data.rs` changes every byte of a file.

use parquet::basic::Encoding;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};

/// Most bytes of one page after decompression: writers aim at one megabyte (fault X06).
const MOST_BYTES: usize = 256 << 20;

/// Pages of one column chunk, each checked before it is handed on.
pub(crate) struct CheckedPages {
    pages: Box<dyn PageReader>,
    has_dictionary: bool,
    rows_left: usize,
}

impl CheckedPages {
    /// Checks the pages of a chunk of so many rows.
    pub(crate) fn new(pages: Box<dyn PageReader>, rows: usize) -> Self {
        Self { pages, has_dictionary: false, rows_left: rows }
    }

    fn checked(&mut self, page: Page) -> Result<Page> {
        let refuse = |what: &str| Err(ParquetError::General(format!("a page {what}")));
        if page.buffer().len() > MOST_BYTES {
            return refuse("is larger than 256 MB");
        }
        let dictionary = |encoding| matches!(encoding, Encoding::PLAIN_DICTIONARY | Encoding::RLE_DICTIONARY);
        match &page {
            Page::DictionaryPage { encoding, .. } => {
                if self.has_dictionary || !(dictionary(*encoding) || *encoding == Encoding::PLAIN) {
                    return refuse("is not the one dictionary that a chunk may have");
                }
                self.has_dictionary = true;
                return Ok(page);
            }
            Page::DataPageV2 { buf, num_values, num_nulls, def_levels_byte_len, rep_levels_byte_len, .. } => {
                let levels = u64::from(*def_levels_byte_len) + u64::from(*rep_levels_byte_len);
                let holds = usize::try_from(levels).is_ok_and(|levels| levels <= buf.len());
                if !holds || num_nulls > num_values {
                    return refuse("claims more levels than it holds");
                }
            }
            Page::DataPage { .. } => {}
        }
        if dictionary(page.encoding()) && !self.has_dictionary {
            return refuse("refers to a dictionary that is not there");
        }
        let values = usize::try_from(page.num_values()).unwrap_or(usize::MAX);
        self.rows_left = match self.rows_left.checked_sub(values) {
            Some(left) => left,
            None => return refuse("claims more values than its chunk has rows"),
        };
        Ok(page)
    }
}

impl Iterator for CheckedPages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for CheckedPages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        match self.pages.get_next_page()? {
            Some(page) => self.checked(page).map(Some),
            None => Ok(None),
        }
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.pages.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.pages.skip_next_page()
    }
}
