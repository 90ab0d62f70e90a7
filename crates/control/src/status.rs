//! The status page: what may be shown to everybody, where the operator says so.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use domain::{
    Timestamp,
    period::Period,
    status::{ActivityLine, RouterStatus},
};
use storage::Activity;

use crate::{Control, ControlError, Principal, reports::label};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// Sums by the minute are kept for so long.
const MAX_HOURS: u32 = 720;
/// How long an answer is given again: the page may be open in many browsers, and asks every 5 seconds.
const FRESH_MS: i64 = 4_000;

/// What was answered lately, by the hours that were asked for.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<HashMap<u32, (Timestamp, Vec<ActivityLine>)>>);

impl Control {
    /// How the router and its backends are.
    ///
    /// # Errors
    /// [`ControlError::Forbidden`] for a stranger, unless the page is for everybody.
    pub fn router_status(&self, visitor: Option<&Principal>) -> Result<RouterStatus, ControlError> {
        self.may_see_status(visitor)?;
        Ok(self.data_plane()?.status())
    }

    /// What happened in the last `hours`, in about sixty stretches, the oldest first.
    ///
    /// # Errors
    /// As [`Control::router_status`].
    pub async fn recent_activity(
        &self,
        visitor: Option<&Principal>,
        hours: u32,
    ) -> Result<Vec<ActivityLine>, ControlError> {
        self.may_see_status(visitor)?;
        let hours = hours.clamp(1, MAX_HOURS);
        let now = self.now();
        if let Some((at, lines)) = self.recent().get(&hours)
            && now.millis_since(*at) < FRESH_MS
        {
            return Ok(lines.clone());
        }
        let lines = self.stretches(hours, now).await?;
        // At most one for each number of hours.
        self.recent().insert(hours, (now, lines.clone()));
        Ok(lines)
    }

    fn may_see_status(&self, visitor: Option<&Principal>) -> Result<(), ControlError> {
        let may = self.inner.settings.public_status || visitor.is_some();
        may.then_some(()).ok_or(ControlError::Forbidden)
    }

    fn recent(&self) -> std::sync::MutexGuard<'_, HashMap<u32, (Timestamp, Vec<ActivityLine>)>> {
        let recent = &self.inner.recent.0;
        recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn stretches(
        &self,
        hours: u32,
        now: Timestamp,
    ) -> Result<Vec<ActivityLine>, ControlError> {
        let step = match hours {
            0..=2 => MINUTE_MS,
            3..=72 => HOUR_MS / 2,
            73..=240 => 3 * HOUR_MS,
            _ => 12 * HOUR_MS,
        };
        let from = now.0 - i64::from(hours) * HOUR_MS;
        let first = from - from.rem_euclid(step);
        let period = Period {
            start: Timestamp(first),
            end: Timestamp(now.0 + 1),
        };
        let mut stretches: Vec<(Timestamp, Activity)> = (0..)
            .map(|n| Timestamp(first + n * step))
            .take_while(|start| start.0 <= now.0)
            .map(|start| (start, Activity::default()))
            .collect();
        for found in self.db().activity(period, step).await? {
            let at = usize::try_from((found.from.0 - first) / step).unwrap_or(usize::MAX);
            if let Some((_, sum)) = stretches.get_mut(at) {
                *sum += found.activity;
            }
        }
        let format = match hours {
            0..=24 => "%H:%M",
            _ => "%m-%d %H:%M",
        };
        let lines = stretches.into_iter().map(|(at, sum)| ActivityLine {
            label: label(at, self.zone(), format),
            requests: sum.requests,
            errors: sum.errors,
            input_tokens: sum.input_tokens,
            output_tokens: sum.output_tokens,
            latency_ms: sum.duration_ms.checked_div(sum.requests),
        });
        Ok(lines.collect())
    }
}
