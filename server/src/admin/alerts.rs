//! `GET /admin/budget-alerts`: what was told about budgets, the latest first.

use axum::{Json, extract::State};
use control::Control;
use serde_json::{Value, json};

use super::{AdminCaller, ApiError, usd};

pub async fn list(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
) -> Result<Json<Vec<Value>>, ApiError> {
    let alerts = control.budget_alerts(&admin).await?;
    let alerts = alerts.iter().map(|alert| {
        let event = &alert.event;
        json!({
            "id": alert.id,
            "scope": event.scope.kind(),
            "scope_id": event.scope.id(),
            "name": alert.name,
            "kind": event.kind,
            "period": event.period,
            "period_start": event.period_start,
            "period_end": event.period_end,
            "spent": usd(event.spent),
            "limit": usd(event.limit),
            "at": event.at,
            "delivered_at": alert.delivered_at,
        })
    });
    Ok(Json(alerts.collect()))
}
