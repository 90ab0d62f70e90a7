//! `llm-router serve`: builds everything from the configuration, serves, and takes it apart again in
//! the right order.

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use anyhow::Context as _;
use control::{Bootstrap, Change, ChangeListener, Control, ControlSettings};
use domain::{
    Dialect,
    budget::BudgetEvent,
    clock::{Clock, SystemClock},
};
use gateway::{
    Gateway,
    settings::{GatewaySettings, Service},
};
use leptos::prelude::LeptosOptions;
use secrecy::SecretString;
use storage::{Database, DatabaseOptions, Synchronous, ledger::Ledger};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::{mpsc, watch},
};

use crate::{
    alerts,
    banner::Banner,
    config::{self, Config, Loaded},
    connections, jobs,
    oidc::Oidc,
    plane::{self, Plane},
    prices,
    reload::{Reloader, tell_broken},
    router,
    secret_file::InstallationSecret,
    settings,
    state::AppState,
};

/// Connections that read the database, for the dashboards.
const READERS: u32 = 4;

/// How long the last rows may take to be written at the end.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(20);

/// Serves until the process is told to stop.
///
/// # Errors
/// What keeps it from starting, for a person to read.
pub fn run(loaded: Loaded) -> anyhow::Result<()> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(workers) = loaded.config.server.workers {
        runtime.worker_threads(workers.get());
    }
    runtime
        .enable_all()
        .build()
        .context("failed to start the runtime")?
        .block_on(async {
            let server = Server::start(loaded, Arc::new(SystemClock)).await?;
            let stop = stop_signal()?;
            announce(&server.banner());
            server.run(stop).await;
            Ok(())
        })
}

/// Everything that serves, built and listening: a client that connects now is answered as soon as
/// the server runs. Whoever embeds it, as tests do, decides when it stops and what time it is.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    state: AppState,
    database: Database,
    ledger: Ledger,
    clock: Arc<dyn Clock>,
    bootstrap: Bootstrap,
    master_key: SecretString,
    /// What is to be told about budgets.
    told: mpsc::UnboundedReceiver<BudgetEvent>,
    /// Ends answers that have no end of their own.
    stopping_told: watch::Sender<bool>,
}

impl Server {
    /// Opens the database, starts the ledger and the gateway, and listens.
    ///
    /// # Errors
    /// What keeps it from starting, for a person to read.
    pub async fn start(loaded: Loaded, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        for warning in &loaded.warnings {
            tracing::warn!("{warning}");
        }
        let config = Arc::new(loaded.config.clone());
        let secret = InstallationSecret::beside(config.database.url.path())?;
        let database = open_database(&config).await?;
        let (ledger, interrupted) = Ledger::start(&database)
            .await
            .context("failed to start the ledger")?;
        if interrupted > 0 {
            tracing::warn!(
                requests = interrupted,
                "the last run was cut short; its running requests are marked as interrupted"
            );
        }
        let master_key = config
            .auth
            .master_key
            .clone()
            .unwrap_or_else(|| secret.default_master_key());
        // It is there before the gateway is, since it opens what administrators have configured.
        let gateway_of_control: Arc<OnceLock<Gateway>> = Arc::default();
        let reloader_of_control: Arc<OnceLock<Reloader>> = Arc::default();
        let control = Control::new(
            database.clone(),
            secret.key_hasher(),
            ControlSettings {
                time_zone: config.dashboard.time_zone.clone(),
                time_zone_name: config
                    .dashboard
                    .time_zone
                    .iana_name()
                    .unwrap_or("UTC")
                    .to_owned(),
                master_key: Some(master_key.clone()),
                public_status: config.dashboard.public_status,
            },
            Arc::clone(&clock),
            reload_on_change(
                Arc::clone(&gateway_of_control),
                Arc::clone(&reloader_of_control),
            ),
        );
        let stored = control
            .stored_routes()
            .await
            .context("failed to read what is configured on dashboards")?;
        let loaded = loaded
            .pinned_loader()
            .load_with(&plane::stored_entries(&stored))?;
        tell_broken(&loaded.broken);
        let (events, told) = mpsc::unbounded_channel();
        let settings = settings::gateway_settings(&loaded.config, master_key.clone(), events);
        let (openai_model, anthropic_model) = models_to_try(&settings);
        let gateway = Gateway::start(
            settings,
            database.clone(),
            ledger.clone(),
            secret.key_hasher(),
            Arc::clone(&clock),
            prices::of,
        )
        .await?;
        // Each is set once, here.
        let _ = gateway_of_control.set(gateway.clone());
        let bootstrap = control
            .bootstrap(
                Some(&config.auth.admin_user),
                config.auth.admin_password.clone(),
                true,
            )
            .await
            .context("failed to set up the first administrator")?;
        control
            .sync_environment_keys(&config.auth.key_pairs())
            .await
            .context("failed to take over the keys of the environment")?;

        let listen = config.server.listen();
        let listener = TcpListener::bind(listen).await.with_context(|| {
            format!("cannot listen on {listen}; choose another with --port or server.port")
        })?;
        let address = listener
            .local_addr()
            .context("the listener has no address")?;
        let automatic = !loaded.document.has_backends();
        let reloader = Reloader::new(loaded, &stored, gateway.clone(), control.clone());
        let _ = reloader_of_control.set(reloader.clone());
        control.connect(Arc::new(Plane {
            reloader: reloader.clone(),
            gateway: gateway.clone(),
            automatic,
        }));
        let oidc = config.auth.oidc.as_ref().map(Oidc::new).transpose()?;
        let models = crate::playground::Playground::over(gateway.clone());
        let (stopping_told, stopping) = watch::channel(false);
        let state = AppState {
            gateway,
            control,
            reloader,
            keys_counted_since: Arc::default(),
            tokens: Arc::new(secret.tokens()),
            models,
            oidc: oidc.map(Arc::new),
            site: app::ServerInfo {
                public_url: config.server.public_url.as_ref().map(ToString::to_string),
                version: env!("CARGO_PKG_VERSION"),
                refresh_interval_s: u32::try_from(config.dashboard.refresh_interval.as_secs())
                    .unwrap_or(u32::MAX),
                openai_model,
                anthropic_model,
                deny_unpermitted: config.auth.deny_unpermitted,
                provider: config.auth.oidc.as_ref().map(|oidc| oidc.name.clone()),
            },
            leptos: LeptosOptions::builder()
                .output_name("llm-router")
                .site_root("target/site")
                .build(),
            config,
            stopping,
        };
        Ok(Self {
            listener,
            address,
            state,
            database,
            ledger,
            clock,
            bootstrap,
            master_key,
            told,
            stopping_told,
        })
    }

    /// Where it listens; with port 0 the port that was free.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What its handlers are given.
    #[must_use]
    pub fn state(&self) -> &AppState {
        &self.state
    }

    /// Serves until `stop` resolves, lets running answers finish within the configured grace, and
    /// writes what is left to write.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let Self {
            listener,
            state,
            database,
            ledger,
            clock,
            address: _,
            bootstrap,
            master_key,
            told,
            stopping_told,
        } = self;
        // What has been shown is forgotten.
        drop((bootstrap, master_key));
        let gateway = state.gateway.clone();
        let grace = state.config.server.shutdown_grace;
        let alerts_config = state.config.alerts.clone();
        let reloader = state.reloader.clone();
        let watch_file = state.config.server.reload_on_change;
        let log_files = state.config.logging.files.clone();
        let router = router::build(state, database.clone());
        let mut jobs = jobs::start(&gateway, &database, &clock, log_files);
        jobs.spawn(reloader.watch(watch_file));
        jobs.spawn(alerts::run(told, database.clone(), alerts_config, clock));
        let stop = async move {
            stop.await;
            // Nobody may be listening.
            let _ = stopping_told.send(true);
        };
        connections::serve(listener, router, stop, grace).await;
        // Requests that go on without their clients have had the same grace, and get it once more.
        if tokio::time::timeout(grace, gateway.detached_ended())
            .await
            .is_err()
        {
            tracing::warn!("cutting requests that went on without their clients");
        }

        jobs.shutdown().await;
        jobs::flush_last_used(&gateway, &database).await;
        if tokio::time::timeout(FLUSH_TIMEOUT, ledger.close())
            .await
            .is_err()
        {
            tracing::error!("the ledger's last rows could not be written");
        }
        database.close().await;
        tracing::info!("stopped");
    }

    fn banner(&self) -> Banner<'_> {
        let config = &self.state.config;
        let first_start =
            self.bootstrap.admin_created.is_some() && config.auth.master_key.is_none();
        Banner {
            address: self.address,
            public_url: config
                .server
                .public_url
                .as_ref()
                .map(config::BaseUrl::as_str),
            bootstrap: &self.bootstrap,
            master_key: first_start.then_some(&self.master_key),
            model: self.state.site.openai_model.as_deref(),
        }
    }
}

/// How the configuration wants the database opened.
#[must_use]
pub fn database_options(config: &Config) -> DatabaseOptions {
    DatabaseOptions {
        url: config.database.url.as_str().to_owned(),
        synchronous: match config.database.synchronous {
            config::Synchronous::Normal => Synchronous::Normal,
            config::Synchronous::Full => Synchronous::Full,
        },
        readers: READERS,
    }
}

async fn open_database(config: &Config) -> anyhow::Result<Database> {
    Database::open(&database_options(config))
        .await
        .context("failed to open the database")
}

/// A change is in force before whoever made it is told that it is done.
fn reload_on_change(
    gateway: Arc<OnceLock<Gateway>>,
    reloader: Arc<OnceLock<Reloader>>,
) -> ChangeListener {
    Arc::new(move |what| {
        let (gateway, reloader) = (gateway.get().cloned(), reloader.get().cloned());
        Box::pin(async move {
            // What changes before they are there is what they begin with.
            let (Some(gateway), reloader) = (gateway, reloader) else {
                return;
            };
            let reloaded = match what {
                Change::Accounts => gateway.reload_accounts().await.map_err(anyhow::Error::from),
                Change::Prices => gateway.reload_prices().await.map_err(anyhow::Error::from),
                Change::Scripts => gateway.reload_scripts().await.map_err(anyhow::Error::from),
                Change::Routes => match reloader {
                    Some(reloader) => reloader.apply_stored().await.map_err(anyhow::Error::from),
                    None => Ok(()),
                },
            };
            if let Err(error) = reloaded {
                tracing::error!(error = %error, change = ?what, "failed to put a change into force");
            }
        })
    })
}

/// A model for the snippets of each dialect: the first that is configured, of a backend that speaks it
/// where there is one, the demo's failing that.
fn models_to_try(settings: &GatewaySettings) -> (Option<String>, Option<String>) {
    let first_of = |dialect, service| {
        settings
            .routes
            .backends
            .iter()
            .filter(|backend| backend.kind.serves(dialect) == Some(service))
            .flat_map(|backend| &backend.models)
            .map(|model| model.model.clone())
            .next()
    };
    let first = |dialect| {
        first_of(dialect, Service::Native).or_else(|| first_of(dialect, Service::Translated))
    };
    (
        first(Dialect::OpenaiChat),
        first(Dialect::AnthropicMessages),
    )
}

/// Resolves at SIGTERM or SIGINT.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for signals")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for signals")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping; running answers may finish");
    })
}

/// Prints what the operator is waiting for; secrets must not go to the log. Output that nobody reads,
/// as under a supervisor that closes it, is no reason not to serve.
fn announce(banner: &Banner<'_>) {
    let mut out = io::stdout().lock();
    let printed = writeln!(out, "{}", banner.render()).and_then(|()| out.flush());
    if let Err(error) = printed {
        tracing::warn!(error = %error, "the address and the first passwords could not be shown");
    }
}
