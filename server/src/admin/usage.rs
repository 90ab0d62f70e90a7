//! `/admin/usage` and `/admin/monthly-history`

use axum::{Json, extract::State};
use control::Control;
use domain::report::ReportRange;
use serde_json::{Value, json};

use super::{AdminCaller, ApiError, usd};

/// The name under which calls of the master key are listed, and those of users who are gone.
const NO_USER: &str = "admin";

/// `GET /admin/usage`: tokens and cost by user and model, of all time.
pub async fn usage(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
) -> Result<Json<Vec<Value>>, ApiError> {
    let rows = control
        .usage_by_user_and_model(&admin, ReportRange::AllTime)
        .await?;
    let rows = rows.iter().map(|row| {
        json!({
            "user_id": row.user_id,
            "team_id": row.team_id,
            "name": row.user.as_deref().unwrap_or(NO_USER),
            "model": row.model,
            "total_input": row.totals.usage.total_input(),
            "total_output": row.totals.usage.output,
            "total_cost": usd(row.totals.cost),
            "total_cost_nano_usd": row.totals.cost,
            "requests": row.totals.requests,
        })
    });
    Ok(Json(rows.collect()))
}

/// `GET /admin/monthly-history`: what each user spent in each month.
pub async fn monthly_history(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
) -> Result<Json<Vec<Value>>, ApiError> {
    let rows = control.monthly_history(&admin).await?;
    let rows = rows.iter().map(|row| {
        json!({
            "month": row.month,
            "name": row.user.as_deref().unwrap_or(NO_USER),
            "budget": usd(row.budget),
            "spend": usd(row.spend),
        })
    });
    Ok(Json(rows.collect()))
}
