//! A table that becomes a list of cards where there is little room. Roles are written out, because
//! a table that is displayed otherwise loses them for screen readers.

use leptos::prelude::*;

/// A column's heading.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    title: &'static str,
    numeric: bool,
    /// When it goes, if room is scarce: the class that its cells have as well.
    goes: Option<Goes>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goes {
    Early,
    Last,
}

impl Column {
    #[must_use]
    pub const fn text(title: &'static str) -> Self {
        Self {
            title,
            numeric: false,
            goes: None,
        }
    }

    /// Set flush right.
    #[must_use]
    pub const fn number(title: &'static str) -> Self {
        Self {
            numeric: true,
            ..Self::text(title)
        }
    }

    /// Left out where there is little room; its cells have the class `minor`.
    #[must_use]
    pub const fn minor(title: &'static str) -> Self {
        Self {
            goes: Some(Goes::Early),
            ..Self::text(title)
        }
    }

    /// A number that is left out where there is next to no room; its cells have the class `least`.
    #[must_use]
    pub const fn least(title: &'static str) -> Self {
        Self {
            goes: Some(Goes::Last),
            ..Self::number(title)
        }
    }
}

/// The table; its children are rows of [`Cell`]s in the order of the columns.
#[component]
pub fn DataTable(
    /// What it lists, for screen readers.
    caption: &'static str,
    columns: &'static [Column],
    /// So few columns that it stays a table everywhere.
    #[prop(optional)]
    short: bool,
    children: Children,
) -> impl IntoView {
    let heads = columns.iter().map(|column| {
        let early = column.goes == Some(Goes::Early);
        let last = column.goes == Some(Goes::Last);
        view! {
            <th
                role="columnheader"
                scope="col"
                class:num=column.numeric
                class:minor=early
                class:least=last
            >
                {column.title}
            </th>
        }
    });
    view! {
        <div class="data">
            <table role="table" class:short=short>
                <caption>{caption}</caption>
                <thead role="rowgroup">
                    <tr role="row">{heads.collect_view()}</tr>
                </thead>
                <tbody role="rowgroup">{children()}</tbody>
            </table>
        </div>
    }
    .into_any()
}

/// A cell. `label` is the column's name, shown beside it where rows are cards; the cell that names
/// the row is its `lead` and needs none.
#[component]
pub fn Cell(
    label: &'static str,
    /// `num`, `lead`, `minor`, `least`, `nowrap`, or several.
    #[prop(optional)]
    class: &'static str,
    children: Children,
) -> impl IntoView {
    view! {
        <td role="cell" data-label=label class=class>
            {children()}
        </td>
    }
    .into_any()
}
