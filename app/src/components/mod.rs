//! The parts that pages are made of. They know how things look and nothing of where they come from.

pub mod budget_alerts;
pub mod budget_bar;
pub mod chart_card;
pub mod data_table;
pub mod figures;
pub mod form_field;
pub mod form_notes;
pub mod icon;
pub mod key_form;
pub mod key_list;
pub mod live;
pub mod money;
pub mod nav;
pub mod notice;
pub mod page_header;
pub mod pagination;
pub mod panel;
pub mod post_form;
pub mod requests_table;
pub mod search_form;
pub mod secret_once;
pub mod suspense_error;
pub mod theme_toggle;
