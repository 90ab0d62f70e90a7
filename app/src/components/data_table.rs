//! A table that becomes a list of cards where there is little room. Roles are written out, because
//! a table that is displayed otherwise loses them for screen readers.

use leptos::prelude::*;

/// A column's heading.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    title: &'static str,
    numeric: bool,
    hidden: bool,
}

impl Column {
    #[must_use]
    pub const fn text(title: &'static str) -> Self {
        Self {
            title,
            numeric: false,
            hidden: false,
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

    /// For buttons: the title is for screen readers only.
    #[must_use]
    pub const fn actions(title: &'static str) -> Self {
        Self {
            hidden: true,
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
    children: Children,
) -> impl IntoView {
    let heads = columns.iter().map(|column| {
        view! {
            <th role="columnheader" scope="col" class:num=column.numeric>
                <span class:sr-only=column.hidden>{column.title}</span>
            </th>
        }
    });
    view! {
        <div class="data">
            <table role="table">
                <caption>{caption}</caption>
                <thead role="rowgroup">
                    <tr role="row">{heads.collect_view()}</tr>
                </thead>
                <tbody role="rowgroup">{children()}</tbody>
            </table>
        </div>
    }
}

/// A cell. `label` is the column's name, shown beside it where rows are cards; the cell that names
/// the row is its `lead` and needs none.
#[component]
pub fn Cell(
    label: &'static str,
    /// `num`, `lead`, `actions`, `nowrap`, or several.
    #[prop(optional)]
    class: &'static str,
    children: Children,
) -> impl IntoView {
    view! {
        <td role="cell" data-label=label class=class>
            {children()}
        </td>
    }
}
