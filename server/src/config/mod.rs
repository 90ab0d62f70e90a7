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
mod oidc;
mod reader;
mod references;
mod rewrite;
mod routing;
mod server;
mod source;
mod stored;
mod suggest;
mod upstream;
mod url;
mod warnings;

#[cfg(test)]
mod example_file;

use std::{
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
    sync::Arc,
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
    oidc::{DefaultRole, Issuer, OidcConfig, OidcRole},
    rewrite::RewriteConfig,
    routing::RoutingConfig,
    server::ServerConfig,
    stored::{BrokenEntry, StoredEntry, StoredFrom, StoredSection},
    upstream::{BackendKind, Upstream},
    url::{BaseUrl, Origin},
};
use self::{backend::BackendDefaults, context::Context, document::Format};
use secrecy::{ExposeSecret as _, SecretString};

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
    /// Where what administrators have made begins in these three lists.
    pub stored_from: StoredFrom,
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
    /// What administrators have made and cannot be used.
    pub broken: Vec<BrokenEntry>,
    text: Arc<SourceText>,
}

impl Loaded {
    /// Loads what was read here, whatever has become of the file.
    #[must_use]
    pub fn pinned_loader(&self) -> Loader {
        Loader {
            pinned: Some(Arc::clone(&self.text)),
            ..self.loader.clone()
        }
    }
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
    /// Read instead of what lies there now.
    pinned: Option<Arc<SourceText>>,
}

/// A file as it was read, which may hold secrets; `None`: there was none.
type SourceText = Option<(PathBuf, SecretString)>;

impl Loader {
    /// # Errors
    /// [`ConfigErrors`], with every problem that was found.
    pub fn load(&self) -> Result<Loaded, ConfigErrors> {
        self.load_with(&[])
    }

    /// The same with what administrators have made beside it.
    ///
    /// # Errors
    /// [`ConfigErrors`] of the file or the environment; what is wrong with `stored` is in
    /// [`Loaded::broken`].
    pub fn load_with(&self, stored: &[StoredEntry]) -> Result<Loaded, ConfigErrors> {
        let mut broken: Vec<BrokenEntry> = Vec::new();
        // What is left out may be what others refer to.
        loop {
            let used = |number: &usize| broken.iter().all(|b| b.entry != *number);
            let used: Vec<usize> = (0..stored.len()).filter(used).collect();
            let entries = used.iter().map(|number| &stored[*number]);
            match Config::try_load(self, entries)? {
                Ok(loaded) => return Ok(Loaded { broken, ..loaded }),
                Err(found) => broken.extend(found.into_iter().map(|found| BrokenEntry {
                    entry: used[found.entry],
                    ..found
                })),
            }
        }
    }

    /// Text in the format of the file, as JSON.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn json_of(text: &str) -> Result<serde_json::Value, String> {
        let parsed = Format::Yaml.parse(text);
        let node = parsed.map_err(|error| format!("{}: {}", error.position, error.message))?;
        Ok(document::to_json(&node))
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
        let loader = Loader {
            directory: directory.to_owned(),
            cli: cli.clone(),
            environment: environment.clone(),
            pinned: None,
        };
        match Self::try_load(&loader, [].into_iter())? {
            Ok(loaded) => Ok(loaded),
            // Nothing was given that could be broken.
            Err(_) => Err(ConfigErrors::Invalid {
                problems: Vec::new(),
            }),
        }
    }

    /// The inner error: entries among `stored` that cannot be used, while all else can.
    fn try_load<'e>(
        loader: &Loader,
        stored: impl Iterator<Item = &'e StoredEntry> + Clone,
    ) -> Result<Result<Loaded, Vec<BrokenEntry>>, ConfigErrors> {
        let Loader {
            directory,
            cli,
            environment,
            pinned,
        } = loader;
        let (text, warning) = match pinned {
            Some(pinned) => (Arc::clone(pinned), None),
            None => {
                let found = source::find(directory, cli, environment);
                let text = match found.path {
                    Some(path) => source::read(&path).map(|text| Some((path, text.into())))?,
                    None => None,
                };
                (Arc::new(text), found.warning)
            }
        };
        let mut context = match &*text {
            Some((path, text)) => {
                let name = path.display().to_string();
                let text = text.expose_secret();
                Context::of_text(&name, text, Format::of(path), environment)
            }
            None => Context::without_text(environment),
        };
        context.add_stored(stored.clone());
        if let Some(warning) = warning {
            context.warn(warning);
        }
        let config = Self::read(&context, cli);
        let document = context.document();
        let (problems, mut warnings) = context.into_findings();
        let (broken, problems) = by_entry(problems, config.stored_from, stored);
        if !problems.is_empty() {
            return Err(ConfigErrors::Invalid { problems });
        }
        if !broken.is_empty() {
            return Ok(Err(broken));
        }
        warnings.extend(config.warnings());
        Ok(Ok(Loaded {
            config,
            source: text.as_ref().as_ref().map(|(path, _)| path.clone()),
            warnings,
            document,
            loader: Loader {
                pinned: None,
                ..loader.clone()
            },
            text,
            broken: Vec::new(),
        }))
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
        let mut backends = bedrock_models::with_variable(context, backends, &defaults);
        let mut stored_from = StoredFrom {
            backends: backends.len(),
            ..StoredFrom::default()
        };
        let stored = context.stored(StoredSection::Backend, backends.len());
        for section in &stored {
            backends.push(BackendConfig::read(section, &defaults));
        }
        if !stored.is_empty() {
            references::unique_stored_backends(context, &backends, stored_from.backends);
        }
        let mut groups: Vec<GroupConfig> = {
            let listed = root.field("groups").sections();
            listed.iter().map(GroupConfig::read).collect()
        };
        stored_from.groups = groups.len();
        let stored = context.stored(StoredSection::Group, groups.len());
        groups.extend(stored.iter().map(GroupConfig::read));
        let mut rewrites: Vec<RewriteConfig> = {
            let listed = root.field("rewrites").sections();
            listed.iter().map(RewriteConfig::read).collect()
        };
        stored_from.rewrites = rewrites.len();
        let stored = context.stored(StoredSection::Rewrite, rewrites.len());
        rewrites.extend(stored.iter().map(RewriteConfig::read));
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
            groups,
            rewrites,
            stored_from,
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

/// JSON as people write the file.
#[must_use]
pub fn yaml_of(value: &serde_json::Value) -> String {
    let node = Format::Yaml.parse(&value.to_string());
    node.map(|node| document::to_yaml(&node))
        .unwrap_or_default()
}

/// The same on one line.
#[must_use]
pub fn line_of(value: &serde_json::Value) -> String {
    let node = Format::Yaml.parse(&value.to_string());
    node.map(|node| document::scalar_text(&node))
        .unwrap_or_default()
}

/// Tells what is wrong with stored entries from what is wrong with the file.
fn by_entry<'e>(
    problems: Vec<Problem>,
    from: StoredFrom,
    stored: impl Iterator<Item = &'e StoredEntry> + Clone,
) -> (Vec<BrokenEntry>, Vec<Problem>) {
    let mut broken: Vec<BrokenEntry> = Vec::new();
    let mut own = Vec::new();
    for problem in problems {
        let place = from.locate(&problem.key).and_then(|(section, nth, key)| {
            let mut of_section = stored
                .clone()
                .enumerate()
                .filter(|(_, e)| e.section == section);
            Some((of_section.nth(nth)?.0, key.to_owned()))
        });
        let Some((entry, key)) = place else {
            own.push(problem);
            continue;
        };
        let problem = Problem {
            place: Place::Stored,
            key,
            ..problem
        };
        match broken.iter_mut().find(|b| b.entry == entry) {
            Some(known) => known.problems.push(problem),
            None => broken.push(BrokenEntry {
                entry,
                problems: vec![problem],
            }),
        }
    }
    (broken, own)
}
