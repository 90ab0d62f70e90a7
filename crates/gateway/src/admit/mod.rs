//! Stage 2 (after the route is known, since what a call may cost depends on where it may go): rate
//! limits, then the budget → [`Admission`].

pub mod budget;
pub mod rate_limit;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use domain::RequestId;

use budget::Reservation;
use rate_limit::HeldRates;

use crate::{
    GatewayError, authenticate::Caller, counters::rates::RatesLeft, pipeline::Core,
    route::RoutePlan, settle::Admission, transform::ClientRequest,
};

/// One of the requests that are running.
#[derive(Debug)]
pub struct InFlight(Arc<AtomicUsize>);

impl InFlight {
    /// # Errors
    /// As many as `limit` are running already.
    pub fn enter(running: &Arc<AtomicUsize>, limit: usize) -> Result<Self, GatewayError> {
        let entered = Self(Arc::clone(running));
        if running.fetch_add(1, Ordering::AcqRel) >= limit {
            // Dropping `entered` takes the count back.
            return Err(GatewayError::Overloaded);
        }
        Ok(entered)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// What a request holds while it runs.
#[derive(Debug)]
pub struct Holds {
    pub in_flight: InFlight,
    pub rates: HeldRates,
    /// What was left of the limits when it was let in.
    pub left: RatesLeft,
    pub reserved: Reservation,
}

/// Lets a request in.
///
/// # Errors
/// A limit is reached or a budget has no room; nothing is counted or reserved then, but for the
/// request itself in limits of requests per minute.
pub async fn admit(
    core: &Arc<Core>,
    in_flight: InFlight,
    request_id: RequestId,
    caller: Caller,
    request: &ClientRequest,
    plan: &RoutePlan,
) -> Result<Admission, GatewayError> {
    let (rates, left) = rate_limit::hold(&caller, request, plan)?;
    let reserved = budget::hold(&caller, request, plan, &*core.clock).await?;
    let holds = Holds {
        in_flight,
        rates,
        left,
        reserved,
    };
    Ok(Admission::new(
        core, holds, request_id, caller, request, plan,
    ))
}
