//! A proxied request from its first byte to its row in the ledger, in one straight line. Each stage
//! takes the value of the one before, so that none can be skipped.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use bytes::Bytes;
use dialects::RequestHead;
use domain::{
    BudgetLimits, Dialect, KeyId, NanoUsd, Outcome, RequestId, Timestamp, Used, UserId,
    clock::Clock,
    routing::{OfferedModel, RouteExplanation},
    script::{RecordedRequest, ScriptId},
};
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Response,
    header::{CONTENT_LENGTH, CONTENT_TYPE},
};
use http_body::Body;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use storage::{Database, KeyHasher, Seal, StorageError, ledger::Ledger};
use tokio::sync::{Notify, oneshot};

use crate::{
    GatewayError, ResponseBody,
    admit::{InFlight, admit},
    authenticate::{Authenticator, Caller},
    catalog::{AccountSettings, Accounts, Catalog},
    count_tokens,
    detached::Detached,
    discovery::DiscoveryError,
    dispatch::dispatch,
    egress::EgressError,
    endpoint::Endpoint,
    headers,
    idempotency::{self, Begun, Idempotency, Keep},
    kept_items::{Keeper, KeptItems},
    layout::{DescribeModel, Layout},
    models,
    relay::{
        continuation::Continuation,
        respond,
        waiting::{Answering, answer_in_time},
    },
    route::{
        Candidate, Question, RoutePlan, Routes, Supposed,
        explain::explain,
        resolve::{plan, resolve},
        strategy::Chance,
    },
    scripting::{self, Recorder, ScriptHost, ScriptStatus},
    settings::{GatewaySettings, RoutingSettings},
    settle::{Admission, Settlement},
    transform::ClientRequest,
};

/// How long a client may take to send a request's body; a slow line with a large one needs minutes.
const BODY_TIMEOUT: Duration = Duration::from_secs(300);

/// The data plane. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Gateway(Arc<Core>);

/// What all requests share.
#[derive(Debug)]
pub struct Core {
    pub(crate) ledger: Ledger,
    pub(crate) clock: Arc<dyn Clock>,
    catalog: ArcSwap<Catalog>,
    authenticator: Authenticator,
    in_flight: Arc<AtomicUsize>,
    max_in_flight: usize,
    max_body: usize,
    accounts: AccountSettings,
    kept_items: Arc<KeptItems>,
    idempotency: Arc<Idempotency>,
    pub(crate) detached: Detached,
    pub(crate) database: Database,
    pub(crate) layout: tokio::sync::Mutex<Layout>,
    pub(crate) reconfigured: Notify,
    pub(crate) describe: DescribeModel,
    pub(crate) script_host: ScriptHost,
    pub(crate) recorder: Recorder,
    /// Requests that were let in, and how often one of them went on to another deployment.
    pub(crate) requests: AtomicU64,
    pub(crate) failovers: AtomicU64,
    pub(crate) started_at: Timestamp,
}

impl Core {
    pub(crate) fn catalog(&self) -> Arc<Catalog> {
        self.catalog.load_full()
    }

    /// What holds for all routes.
    pub(crate) fn routing(&self) -> Arc<RoutingSettings> {
        Arc::clone(&self.catalog.load().routes.routing)
    }

    /// Puts routes into force. Whoever calls this holds the layout.
    pub(crate) fn publish(&self, routes: Routes) {
        let before = self.catalog.load_full();
        self.catalog.store(Arc::new(Catalog {
            accounts: Arc::clone(&before.accounts),
            routes: Arc::new(routes),
            scripts: before.scripts.clone(),
        }));
    }

    /// The header that may carry a key beside the usual ones.
    pub(crate) fn key_header(&self) -> Option<&HeaderName> {
        self.authenticator.header()
    }

    /// Takes the snapshot from its caller, so that a request sees one and the same from beginning to end.
    fn authenticate(
        &self,
        catalog: &Catalog,
        headers: &HeaderMap,
        peer: Option<IpAddr>,
    ) -> Result<Caller, GatewayError> {
        self.authenticator
            .authenticate(&catalog.accounts, headers, peer, self.clock.now())
    }
}

/// What the owner of a key may spend and has spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetFigures {
    pub limits: BudgetLimits,
    /// Today, minus what a reset forgave.
    pub daily_spend: NanoUsd,
    /// This month, minus what a reset forgave.
    pub monthly_spend: NanoUsd,
}

/// Why the data plane cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("database: {0}")]
    Storage(#[from] StorageError),
    #[error("backend \"{backend}\": {source}")]
    Egress {
        backend: String,
        source: EgressError,
    },
    #[error("backend \"{0}\" is missing from the database")]
    Unsynced(String),
}

impl Gateway {
    /// Starts the data plane: writes the configured backends into the database, reads the accounts,
    /// and opens no connection yet. `describe` is asked about models that the configuration does not
    /// name.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(
        settings: GatewaySettings,
        database: Database,
        ledger: Ledger,
        hasher: KeyHasher,
        clock: Arc<dyn Clock>,
        describe: DescribeModel,
    ) -> Result<Self, StartError> {
        let now = clock.now();
        let layout = Layout::new(settings.routes, &Layout::default(), &database, now).await?;
        layout.remember_usage(&database, now).await?;
        let accounts = Accounts::load(&database, None, &settings.accounts, now).await?;
        let script_host = ScriptHost::new(Seal::of_scripts(&hasher));
        let scripts = script_host.load(&database, None).await?;
        let catalog = Catalog {
            accounts: Arc::new(accounts),
            routes: Arc::new(layout.routes()),
            scripts,
        };
        Ok(Self(Arc::new(Core {
            ledger,
            clock,
            catalog: ArcSwap::from_pointee(catalog),
            authenticator: Authenticator::new(settings.auth, hasher),
            in_flight: Arc::new(AtomicUsize::new(0)),
            max_in_flight: settings.max_in_flight,
            max_body: settings.max_body,
            accounts: settings.accounts,
            kept_items: Arc::default(),
            idempotency: Arc::new(Idempotency::new(settings.max_kept_answer)),
            detached: Detached::default(),
            database,
            layout: tokio::sync::Mutex::new(layout),
            reconfigured: Notify::new(),
            describe,
            script_host,
            recorder: Recorder::default(),
            requests: AtomicU64::new(0),
            failovers: AtomicU64::new(0),
            started_at: now,
        })))
    }

    /// Handles one request. Every failure becomes a response in the client's dialect. `untranslated`:
    /// only backends that speak that dialect themselves are asked. `peer`: who has connected.
    pub async fn handle<B>(
        &self,
        endpoint: Endpoint,
        untranslated: bool,
        peer: Option<IpAddr>,
        request: Request<B>,
    ) -> Response<ResponseBody>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let asked = Asked {
            endpoint,
            untranslated,
        };
        self.respond(asked, By::Key(peer), request).await
    }

    /// The same for a user whom a session of the dashboards names: within the user's own permission,
    /// budget and limits, and marked in the ledger as of the playground. No credential among the
    /// headers is looked at.
    pub async fn play<B>(
        &self,
        user: UserId,
        endpoint: Endpoint,
        request: Request<B>,
    ) -> Response<ResponseBody>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let asked = Asked {
            endpoint,
            untranslated: false,
        };
        self.respond(asked, By::Session(user), request).await
    }

    async fn respond<B>(&self, asked: Asked, by: By, request: Request<B>) -> Response<ResponseBody>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let request_id = self.new_request_id();
        let dialect = asked.endpoint.dialect();
        let mut response = match self.run(asked, request_id, by, request).await {
            Ok(response) => response,
            Err(error) => {
                if let GatewayError::Internal(what) = error {
                    tracing::error!(request_id = %request_id, what, "internal error");
                }
                error.into_response(dialect, request_id)
            }
        };
        mark(response.headers_mut(), dialect, request_id);
        response
    }

    async fn run<B>(
        &self,
        asked: Asked,
        request_id: RequestId,
        by: By,
        request: Request<B>,
    ) -> Result<Response<ResponseBody>, GatewayError>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let core = &self.0;
        let catalog = core.catalog.load_full();
        let caller = match by {
            By::Key(peer) => core.authenticate(&catalog, request.headers(), peer)?,
            By::Session(user) => playing(&catalog, user)?,
        };
        let in_flight = InFlight::enter(&core.in_flight, core.max_in_flight)?;
        let keeper = Keeper::new(Arc::clone(&core.kept_items), caller.owner());
        let request = read(asked.endpoint, request, core.max_body)
            .await?
            .with_keeper(keeper);
        let now = || core.clock.now();
        core.recorder
            .see(now, request_id, &request, core.key_header());
        let keep = match self.begin(&caller, &request, request_id).await? {
            None => None,
            Some(Begun::First(keep)) => Some(keep),
            Some(Begun::Again(answer)) => return Ok(idempotency::replay(*answer)),
        };
        let (request, catalog, plan, caller) = match &catalog.scripts {
            None => {
                let (catalog, plan) = self
                    .plan(catalog, &caller, &request, asked.untranslated)
                    .await?;
                (request, catalog, plan, caller)
            }
            Some(_) => {
                self.plan_with_scripts(catalog, caller, request, asked.untranslated)
                    .await?
            }
        };
        let scripts = request.scripts.clone();
        let admission = match admit(core, in_flight, request_id, caller, &request, &plan).await {
            Ok(admission) => admission,
            Err(error) => return Err(scripting::told(scripts.as_ref(), error).await),
        };
        let to_the_end = keep.is_some() || plan.drains();
        // Boxed, since all that carries it would be moved with it several times over.
        let routing = Arc::clone(&catalog.routes.routing);
        let (stream, dialect) = (request.head.stream, request.head.dialect);
        let keep_alive = routing.keep_alive.filter(|_| stream);
        let mut answered: Answering =
            Box::pin(answer(request, request_id, plan, admission, keep, routing));
        if to_the_end {
            // It goes on when the client goes away, which drops this.
            let (answer, waiting) = oneshot::channel();
            core.detached.spawn(async move {
                // What nobody waits for any more is dropped, and goes on as a stream if it is one.
                let _ = answer.send(answered.await);
            });
            answered = Box::pin(async move {
                let lost = GatewayError::Internal("a request was not carried through");
                waiting.await.unwrap_or(Err(lost))
            });
        }
        match keep_alive {
            None => answered.await,
            Some(every) => answer_in_time(answered, dialect, request_id, every).await,
        }
    }

    /// Plans a request, by `catalog` or by a newer snapshot that has what nobody has asked for before.
    async fn plan(
        &self,
        mut catalog: Arc<Catalog>,
        caller: &Caller,
        request: &ClientRequest,
        untranslated: bool,
    ) -> Result<(Arc<Catalog>, RoutePlan), GatewayError> {
        let core = &self.0;
        let routing = Arc::clone(&catalog.routes.routing);
        let (zone, now) = (&routing.time_zone, core.clock.now());
        let question = Question::of(request, caller, untranslated, zone, now);
        if catalog.routes.takes_any() {
            let offered = self.offer_any(&question).await.map_err(|error| {
                tracing::error!(error = %error, "failed to offer a model that was asked for");
                GatewayError::Internal("a model could not be offered")
            })?;
            if offered {
                catalog = core.catalog.load_full();
            }
        }
        let plan = resolve(&catalog.routes, question)?;
        Ok((catalog, plan))
    }

    /// The same where there are scripts: they see the request first, and the plan afterwards.
    async fn plan_with_scripts(
        &self,
        catalog: Arc<Catalog>,
        caller: Caller,
        mut request: ClientRequest,
        untranslated: bool,
    ) -> Result<(ClientRequest, Arc<Catalog>, RoutePlan, Caller), GatewayError> {
        let running = catalog
            .scripts
            .as_ref()
            .and_then(|set| set.begin(self.0.script_host.clone(), &self.0, &caller, &request));
        let Some(running) = running else {
            let (catalog, plan) = self.plan(catalog, &caller, &request, untranslated).await?;
            return Ok((request, catalog, plan, caller));
        };
        request.scripts = Some(running.clone());
        let planned = async {
            // Scripts are told where a request would go as it is.
            let first = self.first_of(&catalog, &caller, &request, untranslated);
            let request = running.on_request(request, first.as_ref()).await?;
            let (catalog, plan) = self.plan(catalog, &caller, &request, untranslated).await?;
            let plan = running.on_route(&request, plan).await?;
            Ok((request, catalog, plan))
        };
        match planned.await {
            Ok((request, catalog, plan)) => Ok((request, catalog, plan, caller)),
            Err(error) => Err(running.on_error(error).await),
        }
    }

    /// Where a request would go first, without its turn being taken.
    fn first_of(
        &self,
        catalog: &Catalog,
        caller: &Caller,
        request: &ClientRequest,
        untranslated: bool,
    ) -> Option<Candidate> {
        let zone = &catalog.routes.routing.time_zone;
        let question = Question::of(request, caller, untranslated, zone, self.0.clock.now());
        let chance = &mut Chance {
            rng: &mut fastrand::Rng::new(),
            only_look: true,
        };
        let planned = plan(&catalog.routes, &question, chance);
        planned.candidates.ok()?.into_iter().next()
    }

    /// Waits for the requests that go on although their clients have gone away. Dropping it cuts them.
    pub async fn detached_ended(&self) {
        self.0.detached.ended().await;
    }

    /// Begins a request that may have been answered before; `None`: it has no `Idempotency-Key`.
    async fn begin(
        &self,
        caller: &Caller,
        request: &ClientRequest,
        request_id: RequestId,
    ) -> Result<Option<Begun>, GatewayError> {
        let core = &self.0;
        if caller.is_playground() {
            // What is kept is kept by key.
            return Ok(None);
        }
        let Some(key) = idempotency::key_of(&request.headers)? else {
            return Ok(None);
        };
        let (database, now) = (&core.database, core.clock.now());
        core.idempotency
            .begin(database, caller, key, request, request_id, now)
            .await
            .map(Some)
    }

    /// How many tokens a request of the Messages API would be; see [`crate::count_tokens`].
    pub async fn count_tokens<B>(
        &self,
        untranslated: bool,
        peer: Option<IpAddr>,
        request: Request<B>,
    ) -> Response<ResponseBody>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let request_id = self.new_request_id();
        let endpoint = Endpoint::CountTokens;
        let dialect = endpoint.dialect();
        let core = &self.0;
        let counted = async {
            let catalog = core.catalog.load_full();
            let caller = core.authenticate(&catalog, request.headers(), peer)?;
            let _in_flight = InFlight::enter(&core.in_flight, core.max_in_flight)?;
            let request = read(endpoint, request, core.max_body).await?;
            let (_, plan) = self.plan(catalog, &caller, &request, untranslated).await?;
            count_tokens::count(&request, request_id, plan.first()).await
        };
        let mut response = counted
            .await
            .unwrap_or_else(|error: GatewayError| error.into_response(dialect, request_id));
        mark(response.headers_mut(), dialect, request_id);
        response
    }

    /// Who sends these headers.
    ///
    /// # Errors
    /// Why they are not let in; see [`Authenticator::authenticate`].
    pub fn authenticate(
        &self,
        headers: &HeaderMap,
        peer: Option<IpAddr>,
    ) -> Result<Caller, GatewayError> {
        self.0.authenticate(&self.0.catalog.load(), headers, peer)
    }

    /// Where the client is: who has connected, or whom a trusted proxy says that it speaks for.
    #[must_use]
    pub fn client_address(&self, headers: &HeaderMap, peer: Option<IpAddr>) -> Option<IpAddr> {
        self.0.authenticator.client_address(headers, peer)
    }

    /// The list of models that `caller` may ask for, in its dialect.
    #[must_use]
    pub fn models(&self, caller: &Caller, dialect: Dialect) -> serde_json::Value {
        models::list(
            &self.0.catalog.load().routes,
            caller,
            dialect,
            self.0.started_at,
            self.0.clock.now(),
        )
    }

    /// Every name that a user may ask for on the playground, and with keys that have no restrictions of
    /// their own. Nothing for who is disabled.
    #[must_use]
    pub fn offers(&self, user: UserId) -> Vec<OfferedModel> {
        let catalog = self.0.catalog.load();
        let Ok(caller) = playing(&catalog, user) else {
            return Vec::new();
        };
        let now = self.0.clock.now();
        models::available(&catalog.routes, &caller)
            .map(|entry| entry.offer(&catalog.routes, now))
            .collect()
    }

    /// One of them.
    ///
    /// # Errors
    /// Nothing that the caller may use goes by that name.
    pub fn model(
        &self,
        caller: &Caller,
        dialect: Dialect,
        name: &str,
    ) -> Result<serde_json::Value, GatewayError> {
        let catalog = self.0.catalog.load();
        models::find(&catalog.routes, caller, name)
            .map(|entry| entry.render(dialect, self.0.started_at, self.0.clock.now()))
            .ok_or_else(|| GatewayError::UnknownModel {
                asked: name.to_owned(),
                near: Vec::new(),
            })
    }

    /// The budgets of the caller's owner and what counts against them; `None` for a caller without.
    #[must_use]
    pub fn budget(&self, caller: &Caller) -> Option<BudgetFigures> {
        let terms = &caller.key()?.owner.terms;
        let now = self.0.clock.now();
        let (daily_spend, monthly_spend) = terms.spend.counted(&terms.allowance, now);
        Some(BudgetFigures {
            limits: terms.allowance.limits,
            daily_spend,
            monthly_spend,
        })
    }

    /// What would become of a request of `key`'s owner for `asked`; without a key, of somebody who may
    /// do everything. `None`: there is no such key.
    #[must_use]
    pub fn explain(
        &self,
        key: Option<KeyId>,
        asked: &str,
        supposed: &Supposed,
    ) -> Option<RouteExplanation> {
        let catalog = self.0.catalog.load_full();
        let caller = match key {
            None => Caller::unlimited(),
            Some(id) => Caller::of_key(Arc::clone(catalog.accounts.key(id)?)),
        };
        let (zone, now) = (&catalog.routes.routing.time_zone, self.0.clock.now());
        let question = Question::supposed(&caller, asked, supposed, zone, now);
        Some(explain(
            &catalog.routes,
            &question,
            &mut fastrand::Rng::new(),
        ))
    }

    /// The names that a key could ask for; `None`: there is no such key.
    #[must_use]
    pub fn models_of_key(&self, key: KeyId) -> Option<Vec<String>> {
        let catalog = self.0.catalog.load_full();
        let caller = Caller::of_key(Arc::clone(catalog.accounts.key(key)?));
        let entries = models::available(&catalog.routes, &caller);
        Some(entries.map(|entry| entry.name.to_owned()).collect())
    }

    /// A new id, which also names the moment.
    #[must_use]
    pub fn new_request_id(&self) -> RequestId {
        let millis = u64::try_from(self.0.clock.now().0).unwrap_or(0);
        let random: [u8; 10] = std::array::from_fn(|_| fastrand::u8(..));
        RequestId(
            uuid::Builder::from_unix_timestamp_millis(millis, &random)
                .into_uuid()
                .as_u128(),
        )
    }

    /// Requests that are running.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.0.in_flight.load(Ordering::Acquire)
    }

    /// Reads users, keys and budgets anew. When this returns, every later request sees them.
    ///
    /// # Errors
    /// When the database fails; the snapshot stays as it was.
    pub async fn reload_accounts(&self) -> Result<(), StorageError> {
        let core = &self.0;
        let _one_at_a_time = core.layout.lock().await;
        let before = core.catalog.load_full();
        let now = core.clock.now();
        let accounts =
            Accounts::load(&core.database, Some(&before.accounts), &core.accounts, now).await?;
        core.catalog.store(Arc::new(Catalog {
            accounts: Arc::new(accounts),
            routes: Arc::clone(&before.routes),
            scripts: before.scripts.clone(),
        }));
        Ok(())
    }

    /// Reads the scripts and their secrets anew. What has not changed goes on as it is.
    ///
    /// # Errors
    /// When the database fails; the snapshot stays as it was.
    pub async fn reload_scripts(&self) -> Result<(), StorageError> {
        let core = &self.0;
        let _one_at_a_time = core.layout.lock().await;
        let before = core.catalog.load_full();
        let scripts = core
            .script_host
            .load(&core.database, before.scripts.as_deref())
            .await?;
        let now = core.catalog.load_full();
        core.catalog.store(Arc::new(Catalog {
            accounts: Arc::clone(&now.accounts),
            routes: Arc::clone(&now.routes),
            scripts,
        }));
        Ok(())
    }

    /// How an active script fares; `None`: it is not active.
    #[must_use]
    pub fn script_status(&self, id: ScriptId) -> Option<ScriptStatus> {
        self.0.catalog.load().scripts.as_ref()?.status(id)
    }

    /// Records requests for a while, for trying scripts out; or stops, and forgets what was recorded.
    pub fn record(&self, on: bool) {
        self.0.recorder.switch(on, self.now());
    }

    /// Until when requests are recorded, and what was, the newest first.
    #[must_use]
    pub fn recorded(&self) -> (Option<Timestamp>, Vec<RecordedRequest>) {
        let (recorder, now) = (&self.0.recorder, self.now());
        (recorder.until(now), recorder.recorded(now))
    }

    /// Which keys were used since this was asked last, and when.
    #[must_use]
    pub fn take_last_used(&self) -> Vec<(KeyId, Timestamp)> {
        self.0.catalog.load().accounts.take_last_used()
    }

    pub(crate) fn core(&self) -> &Core {
        &self.0
    }
}

/// Why a backend's models could not be taken over.
#[derive(Debug, thiserror::Error)]
pub enum DiscoverError {
    #[error("{0}")]
    Discovery(#[from] DiscoveryError),
    #[error("{0}")]
    Storage(#[from] StorageError),
}

/// Stages 4 to 8.
async fn answer(
    request: ClientRequest,
    request_id: RequestId,
    plan: RoutePlan,
    mut admission: Admission,
    keep: Option<Keep>,
    routing: Arc<RoutingSettings>,
) -> Result<Response<ResponseBody>, GatewayError> {
    let dialect = request.head.dialect;
    let mut extra = headers::of_caller(&admission.rates_left(), dialect, request_id.unix_millis());
    let since = admission.began();
    let dispatched = dispatch(&request, request_id, &plan, &mut admission, &routing, since).await;
    let debug = admission
        .trail()
        .filter(|_| headers::asks_for_route(&request.headers))
        .map(headers::of_route);
    extra.extend(debug.clone().into_iter().flatten());
    let scripts = request.scripts.clone();
    match dispatched {
        Ok(dispatched) => {
            let continuation = |candidate| Continuation::new(request, plan, routing, candidate);
            respond(dispatched, admission, keep, extra, continuation, scripts).await
        }
        Err(error) => {
            let error = scripting::told(scripts.as_ref(), error).await;
            let commit = admission.settle(Settlement {
                outcome: Outcome::UpstreamError,
                status: error.status(),
                used: Used::default(),
                error: Some(error.to_string()),
                answer: None,
            });
            // The refusal is the answer, whether or not its row could be written.
            let _ = commit.await;
            let Some(debug) = debug else {
                return Err(error);
            };
            let mut response = error.into_response(dialect, request_id);
            response.headers_mut().extend(debug);
            Ok(response)
        }
    }
}

/// Who calls, as far as is known before anything is looked up.
#[derive(Clone, Copy, Debug)]
enum By {
    /// Whoever the headers say, from this address.
    Key(Option<IpAddr>),
    /// A user who is signed in.
    Session(UserId),
}

/// A user of the playground.
fn playing(catalog: &Catalog, user: UserId) -> Result<Caller, GatewayError> {
    let entry = catalog.accounts.playground(user);
    let entry = entry.filter(|entry| entry.owner.active);
    entry
        .map(|entry| Caller::of_playground(Arc::new(entry)))
        .ok_or(GatewayError::UserDisabled)
}

/// What a path stands for.
#[derive(Clone, Copy, Debug)]
struct Asked {
    endpoint: Endpoint,
    untranslated: bool,
}

/// Reads the body, within the limit, and its head.
async fn read<B>(
    endpoint: Endpoint,
    request: Request<B>,
    limit: usize,
) -> Result<ClientRequest, GatewayError>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (parts, body) = request.into_parts();
    let declared = parts
        .headers
        .get(CONTENT_LENGTH)
        .and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|n| n > limit as u64) {
        return Err(GatewayError::BodyTooLarge { limit });
    }
    let body = tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, limit).collect())
        .await
        .map_err(|_| GatewayError::BodyUnreadable)?
        .map_err(|error| match error.downcast_ref::<LengthLimitError>() {
            Some(_) => GatewayError::BodyTooLarge { limit },
            None => GatewayError::BodyUnreadable,
        })?
        .to_bytes();
    let form = parts
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| dialects::form::boundary(value.to_str().ok()?));
    let head = match (endpoint.dialect(), form) {
        (Dialect::OpenaiMedia, Some(boundary)) => RequestHead::read_form(&boundary, &body),
        (dialect, _) => RequestHead::read(dialect, &body),
    }
    .map_err(GatewayError::BadRequest)?;
    let query = parts.uri.query().map(str::to_owned);
    Ok(ClientRequest::new(
        endpoint,
        head,
        parts.headers,
        query,
        body,
    ))
}

/// Support asks for the id; each family of SDKs looks for it under its own name.
fn mark(headers: &mut HeaderMap, dialect: Dialect, request_id: RequestId) {
    let Ok(id) = HeaderValue::try_from(request_id.to_string()) else {
        return;
    };
    // What is answered again keeps the id under which it is in the ledger.
    if headers.contains_key(idempotency::REPLAYED) {
        return;
    }
    if dialect == Dialect::AnthropicMessages {
        headers.insert(crate::headers::REQUEST_ID, id.clone());
    }
    headers.insert(crate::headers::X_REQUEST_ID, id);
}
