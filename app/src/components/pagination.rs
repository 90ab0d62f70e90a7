//! Which rows of how many are shown, and the way to the others. The counts are of all data.

use leptos::prelude::*;

use super::icon::Icon;
use crate::{format, url::ListUrl};

/// What is known of the rows of one page.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    pub total: u32,
    pub page: u32,
    pub pages: u32,
    pub per_page: u32,
    /// Rows on this page.
    pub shown: u32,
}

impl<T> From<&domain::page::Page<T>> for Extent {
    fn from(page: &domain::page::Page<T>) -> Self {
        Self {
            total: page.total,
            page: page.page,
            pages: page.pages(),
            per_page: page.per_page,
            shown: u32::try_from(page.rows.len()).unwrap_or(u32::MAX),
        }
    }
}

impl Extent {
    /// `1–25 of 1,234`.
    #[must_use]
    pub fn text(&self) -> String {
        if self.shown == 0 {
            return format!("0 of {}", format::count(u64::from(self.total)));
        }
        let first = u64::from(self.page.saturating_sub(1)) * u64::from(self.per_page) + 1;
        let last = first + u64::from(self.shown) - 1;
        let [first, last, total] = [first, last, u64::from(self.total)].map(format::count);
        format!("{first}–{last} of {total}")
    }
}

#[component]
pub fn Pagination(path: &'static str, url: ListUrl, extent: Extent) -> impl IntoView {
    let more = extent.pages > 1;
    let step = move |page: u32, icon: &'static str, name: &'static str| {
        let usable = (1..=extent.pages).contains(&page) && page != extent.page;
        view! {
            <a
                class="btn"
                data-variant="outline"
                data-size="icon-sm"
                href=usable.then(|| url.with_page(page).href(path))
                // Without a target an anchor is no link by itself, and may not be named.
                role=(!usable).then_some("link")
                aria-disabled=(!usable).then_some("true")
                aria-label=name
            >
                <Icon name=icon/>
            </a>
        }
    };
    view! {
        <nav class="pages" aria-label="Pages">
            <span class="figure">{extent.text()}</span>
            {more.then(|| {
                view! {
                    <div>
                        {step(extent.page.saturating_sub(1), "chevron-left", "Previous page")}
                        {step(extent.page.saturating_add(1), "chevron-right", "Next page")}
                    </div>
                }
            })}
        </nav>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_from_one_and_over_all_pages() {
        let extent = |page, shown| Extent {
            total: 1_030,
            page,
            pages: 42,
            per_page: 25,
            shown,
        };
        assert_eq!(extent(1, 25).text(), "1–25 of 1,030");
        assert_eq!(extent(42, 5).text(), "1,026–1,030 of 1,030");
        assert_eq!(extent(99, 0).text(), "0 of 1,030");
    }
}
