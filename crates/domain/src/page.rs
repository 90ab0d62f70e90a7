//! One page of a list that was searched and sorted where all of the data is. It says how many rows
//! there are in all, so that nobody takes a page for the whole.

use serde::{Deserialize, Serialize};

/// Rows of a page when the caller names no number.
pub const DEFAULT_PER_PAGE: u32 = 25;
/// The most rows of a page.
pub const MAX_PER_PAGE: u32 = 200;

/// One page of rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    pub rows: Vec<T>,
    /// Rows on all pages together.
    pub total: u32,
    /// Counted from 1.
    pub page: u32,
    pub per_page: u32,
}

impl<T> Page<T> {
    /// How many pages there are; an empty list has one.
    #[must_use]
    pub fn pages(&self) -> u32 {
        self.total.div_ceil(self.per_page.max(1)).max(1)
    }

    /// The same page with these rows in place of its own.
    #[must_use]
    pub fn with_rows<U>(self, rows: Vec<U>) -> Page<U> {
        Page {
            rows,
            total: self.total,
            page: self.page,
            per_page: self.per_page,
        }
    }

    /// The same page with other rows.
    #[must_use]
    pub fn map<U>(mut self, convert: impl FnMut(T) -> U) -> Page<U> {
        let rows = std::mem::take(&mut self.rows);
        self.with_rows(rows.into_iter().map(convert).collect())
    }
}

/// Which page is wanted, once what a URL said has been brought within the bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageWindow {
    pub page: u32,
    pub per_page: u32,
}

impl PageWindow {
    /// 0 stands for "not said" in both.
    #[must_use]
    pub fn new(page: u32, per_page: u32) -> Self {
        Self {
            page: page.max(1),
            per_page: match per_page {
                0 => DEFAULT_PER_PAGE,
                n => n.min(MAX_PER_PAGE),
            },
        }
    }

    /// The page of rows that are all at hand.
    #[must_use]
    pub fn of<T>(self, rows: Vec<T>) -> Page<T> {
        let total = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        let before = usize::try_from(self.offset()).unwrap_or(usize::MAX);
        let shown = usize::try_from(self.per_page).unwrap_or(usize::MAX);
        Page {
            rows: rows.into_iter().skip(before).take(shown).collect(),
            total,
            page: self.page,
            per_page: self.per_page,
        }
    }

    /// Rows before this page.
    #[must_use]
    pub fn offset(self) -> i64 {
        i64::from(self.page - 1) * i64::from(self.per_page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_url_says_is_brought_within_the_bounds() {
        let window = PageWindow::new(0, 0);
        assert_eq!((window.page, window.per_page, window.offset()), (1, 25, 0));
        let window = PageWindow::new(3, 1_000_000);
        assert_eq!((window.per_page, window.offset()), (200, 400));
        assert!(PageWindow::new(u32::MAX, u32::MAX).offset() > 0);
    }

    #[test]
    fn the_last_page_may_be_short_and_an_empty_list_has_one() {
        let page = |total| Page::<()> {
            rows: vec![],
            total,
            page: 1,
            per_page: 25,
        };
        assert_eq!(page(0).pages(), 1);
        assert_eq!(page(25).pages(), 1);
        assert_eq!(page(26).pages(), 2);
    }
}
