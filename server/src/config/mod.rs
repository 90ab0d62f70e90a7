//! The configuration: one file, the environment on top of it, the command line on top of both, read
//! into plain typed values at boot, and again when it is to be reloaded. Whatever is wrong stops the boot, all of it at once, with
//! file, line, key and what would be right. Nothing else in the program reads the environment.
//!
//! To add a key: a field in its section's struct, one line in that struct's `read`, and an entry in
//! `llm-router.example.yaml`, which a test demands.

mod alerts;
mod auth;
mod automatic;
mod backend;
mod bedrock_models;
mod context;
mod counters;
mod dashboard;
mod database;
mod demo;
mod difference;
mod document;
mod environment;
mod error;
mod foreign;
mod from_text;
mod group;
mod known_servers;
mod limits;
mod logging;
mod model;
mod reader;
mod references;
mod rewrite;
mod routing;
mod server;
mod source;
mod suggest;
mod upstream;
mod url;
mod warnings;

#[cfg(test)]
mod example_file;

use std::{
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
};

pub use self::{
    alerts::AlertsConfig,
    auth::{AuthConfig, StaticKey},
    backend::{BackendConfig, OnDisconnect, RateLimit, Unpriced},
    counters::CountersConfig,
    dashboard::DashboardConfig,
    database::{DatabaseConfig, DatabaseUrl, Synchronous},
    demo::{DEMO_BACKEND, DemoConfig},
    difference::{Difference, Document},
    document::Position,
    environment::Environment,
    error::{ConfigErrors, Place, Problem},
    group::{ConditionsConfig, DayHours, GroupConfig, HedgeConfig, MemberConfig, Strategy},
    limits::LimitsConfig,
    logging::{LogFilesConfig, LogFilter, LogFormat, LoggingConfig},
    model::{ModelConfig, Via},
    rewrite::RewriteConfig,
    routing::RoutingConfig,
    server::ServerConfig,
    upstream::{BackendKind, Upstream},
    url::{BaseUrl, Origin},
};
use self::{backend::BackendDefaults, context::Context, document::Format};

/// Everything an operator can decide. Secrets in it cannot be printed.
#[derive(Clone, Debug)]
pub struct Config {
    pub server: ServerConfig,
    pub database: DatabaseConfig,
    pub counters: CountersConfig,
    pub auth: AuthConfig,
    pub demo: DemoConfig,
    pub dashboard: DashboardConfig,
    pub logging: LoggingConfig,
    pub limits: LimitsConfig,
    pub alerts: AlertsConfig,
    pub routing: RoutingConfig,
    /// In the order of the file. The built-in demo backend is not among them.
    pub backends: Vec<BackendConfig>,
    pub groups: Vec<GroupConfig>,
    pub rewrites: Vec<RewriteConfig>,
}

/// What the command line says, which comes before everything else.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--config`
    pub config: Option<PathBuf>,
    /// `--host`
    pub host: Option<IpAddr>,
    /// `--port`
    pub port: Option<u16>,
}

/// A configuration and where it came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub config: Config,
    /// The file that was read; `None` if there was none and defaults had to do.
    pub source: Option<PathBuf>,
    /// What works and yet may not be what was meant.
    pub warnings: Vec<String>,
    /// The file, before variables were put in.
    pub document: Document,
    /// Loads it again.
    pub loader: Loader,
}

/// Another router's file in our words.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    pub document: Document,
    /// What could not be carried over.
    pub notes: Vec<String>,
}

/// Loads the configuration again, from where it was.
#[derive(Clone, Debug)]
pub struct Loader {
    directory: PathBuf,
    cli: Overrides,
    environment: Environment,
}

impl Loader {
    /// # Errors
    /// [`ConfigErrors`], with every problem that was found.
    pub fn load(&self) -> Result<Loaded, ConfigErrors> {
        Config::load_in(&self.directory, &self.cli, &self.environment)
    }

    /// The file that would be read.
    #[must_use]
    pub fn file(&self) -> Option<PathBuf> {
        source::find(&self.directory, &self.cli, &self.environment).path
    }
}

impl Config {
    /// Finds, reads and checks the configuration, looking for files in the working directory.
    ///
    /// # Errors
    /// [`ConfigErrors`], with every problem that was found.
    pub fn load(cli: &Overrides, environment: &Environment) -> Result<Loaded, ConfigErrors> {
        Self::load_in(Path::new(""), cli, environment)
    }

    /// Like [`Config::load`], looking for files in `directory` when no other is named.
    ///
    /// # Errors
    /// [`ConfigErrors`], with every problem that was found.
    pub fn load_in(
        directory: &Path,
        cli: &Overrides,
        environment: &Environment,
    ) -> Result<Loaded, ConfigErrors> {
        let found = source::find(directory, cli, environment);
        let context = match &found.path {
            Some(path) => {
                let text = source::read(path)?;
                let name = path.display().to_string();
                Context::of_text(&name, &text, Format::of(path), environment)
            }
            None => Context::without_text(environment),
        };
        if let Some(warning) = found.warning {
            context.warn(warning);
        }
        let config = Self::read(&context, cli);
        let document = context.document();
        let (problems, mut warnings) = context.into_findings();
        if !problems.is_empty() {
            return Err(ConfigErrors::Invalid { problems });
        }
        warnings.extend(config.warnings());
        Ok(Loaded {
            config,
            source: found.path,
            warnings,
            document,
            loader: Loader {
                directory: directory.to_owned(),
                cli: cli.clone(),
                environment: environment.clone(),
            },
        })
    }

    /// Reads a file to write it down in our own words. Whether it can be used is not asked, since that
    /// may depend on variables that are set elsewhere.
    ///
    /// # Errors
    /// [`ConfigErrors`]: it cannot be read.
    pub fn import(cli: &Overrides, environment: &Environment) -> Result<Imported, ConfigErrors> {
        let Some(path) = source::find(Path::new(""), cli, environment).path else {
            return Ok(Imported::default());
        };
        let text = source::read(&path)?;
        let name = path.display().to_string();
        let context = Context::of_raw_text(&name, &text, Format::of(&path), environment);
        let document = context.document();
        let (problems, notes) = context.into_findings();
        if !problems.is_empty() {
            return Err(ConfigErrors::Invalid { problems });
        }
        Ok(Imported { document, notes })
    }

    /// What works and yet may not be what was meant.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        warnings::of(self)
    }

    fn read(context: &Context<'_>, cli: &Overrides) -> Self {
        let root = context.root();
        let section = |key| root.field(key).section();
        let auth = AuthConfig::read(&section("auth"));
        let default_host = if auth.enabled || auth.allow_public {
            Ipv4Addr::UNSPECIFIED
        } else {
            Ipv4Addr::LOCALHOST
        };
        let defaults = BackendDefaults::read(&root);
        let listed = root.field("backends").sections();
        let backends = if listed.is_empty() {
            automatic::backends(context, &defaults)
        } else {
            automatic::warn_if_ignored(context);
            let read = |section| BackendConfig::read(section, &defaults);
            let backends: Vec<_> = listed.iter().map(read).collect();
            references::unique_backends(context, "backends", &backends);
            backends
        };
        let backends = bedrock_models::with_variable(context, backends, &defaults);
        let config = Self {
            server: ServerConfig::read(&section("server"), cli, default_host),
            database: DatabaseConfig::read(&section("database")),
            counters: CountersConfig::read(&section("counters")),
            auth,
            demo: DemoConfig::read(&section("demo")),
            dashboard: DashboardConfig::read(&section("dashboard")),
            logging: LoggingConfig::read(&section("logging")),
            limits: LimitsConfig::read(&section("limits")),
            alerts: AlertsConfig::read(&section("alerts")),
            routing: RoutingConfig::read(&section("routing")),
            backends,
            groups: root
                .field("groups")
                .sections()
                .iter()
                .map(GroupConfig::read)
                .collect(),
            rewrites: root
                .field("rewrites")
                .sections()
                .iter()
                .map(RewriteConfig::read)
                .collect(),
        };
        root.deny_unknown_keys();
        config.check_exposure(context);
        references::check(context, &config);
        config
    }

    /// Without authentication, whoever reaches the server spends its owner's money.
    fn check_exposure(&self, context: &Context<'_>) {
        let AuthConfig {
            enabled,
            allow_public,
            ..
        } = self.auth;
        if !enabled && !allow_public && !self.server.host.is_loopback() {
            let message = format!(
                "{} can be reached by others while auth.enabled is false; use 127.0.0.1, or set auth.allow_public to true",
                self.server.host
            );
            context.report("server.host", message);
        }
    }
}
