//! Usage, requests, alerts, the audit log.

use super::super::{
    Section, Who,
    operation::{Operation, get},
    schemas::{
        accounts::AuditPage,
        reports::{BudgetAlert, MonthRow, RequestPage, Summary, Usage, UsageRow},
    },
};

fn of_when(operation: Operation) -> Operation {
    operation
        .text("date", "Of this day, such as 2026-11-27.")
        .text("month", "Of this month, such as 2026-11.")
        .number("userId", "Of this user; also `user_id`.")
}

pub fn sections() -> Vec<Section> {
    let reports = Section {
        tag: "Reports",
        about: "What was used and what was spent.",
        who: Who::Admin,
        operations: vec![
            get(
                "/admin/usage",
                "Tokens and cost by user and model, of all time",
            )
            .lists::<UsageRow>(),
            get(
                "/admin/monthly-history",
                "What each user spent in each month",
            )
            .lists::<MonthRow>(),
            of_when(get(
                "/admin/analytics/usage",
                "Sums of a day, a month or all time",
            ))
            .gives::<Usage>(),
            of_when(get("/admin/analytics/requests", "The log of requests"))
                .number(
                    "limit",
                    "At most so many, up to 500; 50 where it is missing.",
                )
                .number("offset", "After so many.")
                .text("q", "Part of a model's or user's name.")
                .number("backendId", "Of this backend; also `backend_id`.")
                .text("endpoint", "Such as /v1/chat/completions.")
                .text("detailLogged", "`true` finds none: bodies are not kept.")
                .gives::<RequestPage>(),
            get("/admin/dashboard/summary", "The dashboard's figures").gives::<Summary>(),
            get(
                "/admin/budget-alerts",
                "What was told about budgets, the latest first",
            )
            .lists::<BudgetAlert>(),
        ],
    };
    let audit = Section {
        tag: "Audit log",
        about: "Who did what.",
        who: Who::Admin,
        operations: vec![
            get("/admin/audit", "A page of the audit log, the newest first")
                .text(
                    "search",
                    "Part of a name, or of what something was before or after.",
                )
                .text(
                    "action",
                    "How the action begins: `user` finds `user.create`.",
                )
                .number("actor_id", "Only what this user did.")
                .text("subject_kind", "Only what was done to this kind of thing.")
                .text(
                    "subject_id",
                    "Only what was done to this one of `subject_kind`.",
                )
                .number("from", "From this time on, in milliseconds since 1970.")
                .number("until", "Before this time.")
                .number("page", "Counted from 1.")
                .number("per_page", "Rows of a page.")
                .text("format", "`csv` for a table of all pages.")
                .gives::<AuditPage>()
                .gives_text("text/csv"),
        ],
    };
    vec![reports, audit]
}
