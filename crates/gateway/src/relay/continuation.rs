//! A stream that breaks off after its first content is gone on with on another deployment, where the group
//! says so and the dialect allows it. What was heard before is settled as a call that was given up.

use std::{future::Future, pin::Pin, sync::Arc};

use bytes::Bytes;
use dialects::{
    RequestHead,
    continuation::{Heard, Rest, is_possible},
};
use domain::{RequestId, Used};
use tokio::time::Instant;

use super::pump::BrokenStream;
use crate::{
    GatewayError,
    dispatch::{Dispatched, dispatch, failure::Failure, fallback::note},
    route::{Candidate, RoutePlan},
    settings::RoutingSettings,
    settle::Admission,
    transform::ClientRequest,
};

/// How often one answer is gone on with.
const MOST: u32 = 2;

/// What is needed to go on.
#[derive(Debug)]
pub struct Continuation {
    request: ClientRequest,
    plan: RoutePlan,
    routing: Arc<RoutingSettings>,
    candidate: Candidate,
    heard: Heard,
    rest: Option<Rest>,
    left: u32,
}

/// How the search for a deployment that goes on has ended.
pub type GoneOn = (
    Admission,
    Box<Continuation>,
    Result<Dispatched, GatewayError>,
);

/// The search for a deployment that goes on.
pub type GoingOn = Pin<Box<dyn Future<Output = GoneOn> + Send>>;

/// It cannot be gone on.
#[derive(Debug)]
pub struct NoMore {
    pub admission: Admission,
    /// The call that broke off has a row of its own already.
    pub given_up: bool,
}

impl Continuation {
    /// `None`: the group does not want it, or it cannot be.
    #[must_use]
    pub fn new(
        request: ClientRequest,
        plan: RoutePlan,
        routing: Arc<RoutingSettings>,
        candidate: Candidate,
    ) -> Option<Self> {
        let dialect = request.head.dialect;
        let wanted = plan.group.as_ref().is_some_and(|group| group.continues);
        (wanted && request.head.stream && is_possible(dialect)).then(|| Self {
            heard: Heard::new(dialect),
            request,
            plan,
            routing,
            candidate,
            rest: None,
            left: MOST,
        })
    }

    /// A piece on its way to the client, as it is to be.
    #[must_use]
    pub fn pass(&mut self, piece: Bytes) -> Bytes {
        let piece = match &mut self.rest {
            Some(rest) => rest.events(&piece),
            None => piece,
        };
        self.heard.events(&piece);
        piece
    }

    /// The final events, as they are to be.
    #[must_use]
    pub fn pass_last(&mut self, piece: Bytes) -> Bytes {
        match &mut self.rest {
            Some(rest) => rest.events(&piece),
            None => piece,
        }
    }

    /// Goes on, if that can be.
    ///
    /// # Errors
    /// It cannot.
    pub fn go_on(
        mut self: Box<Self>,
        broken: &BrokenStream,
        used: Used,
        request_id: RequestId,
        mut admission: Admission,
    ) -> Result<GoingOn, Box<NoMore>> {
        let going_on = self.left.checked_sub(1).and_then(|left| {
            let (body, rest) = self.heard.go_on(&self.request.body)?;
            let plan = self.plan.without(&self.candidate)?;
            let request = self.request.with_body(body)?;
            Some((left, request, plan, rest))
        });
        let Some((left, request, plan, rest)) = going_on else {
            return Err(Box::new(NoMore {
                admission,
                given_up: false,
            }));
        };
        let failure = Failure::from(broken.clone()).billed(used);
        let has_room = admission.failed(&failure, self.routing.error_penalty);
        note(&self.candidate, &failure, &self.routing);
        if !has_room {
            return Err(Box::new(NoMore {
                admission,
                given_up: true,
            }));
        }
        self.left = left;
        self.rest = Some(rest);
        Ok(Box::pin(async move {
            // A stream that broke off after an hour has as much time as a new request.
            let (since, routing) = (Instant::now(), Arc::clone(&self.routing));
            let dispatched =
                dispatch(&request, request_id, &plan, &mut admission, &routing, since).await;
            if let Ok(dispatched) = &dispatched {
                self.candidate = dispatched.candidate.clone();
            }
            (admission, self, dispatched)
        }))
    }
}

impl ClientRequest {
    /// The same request with another body.
    fn with_body(&self, body: Bytes) -> Option<Self> {
        let head = RequestHead::read(self.head.dialect, &body).ok()?;
        let (headers, query) = (self.headers.clone(), self.query.clone());
        let mut request = Self::new(self.endpoint, head, headers, query, body);
        request.scripts.clone_from(&self.scripts);
        request.added.clone_from(&self.added);
        Some(request)
    }
}
