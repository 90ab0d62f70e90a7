//! The `server` section: where the server listens and what it accepts at most.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroUsize,
    time::Duration,
};

use ipnet::IpNet;

use super::{
    Overrides,
    context::Context,
    environment::Environment,
    error::Place,
    from_text::{Bytes, FromText},
    reader::Section,
    url::{BaseUrl, Origin},
};

const DEFAULT_MAX_IN_FLIGHT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(9_999);

/// Where the server listens and what it accepts at most.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// `host`, `LLM_ROUTER_HOST` or `HOST`, `--host`. Default 0.0.0.0, or 127.0.0.1 when
    /// authentication is switched off.
    pub host: IpAddr,
    /// `port`, `LLM_ROUTER_PORT`, `PORT` or `SERVER_PORT`, `--port`. Default 4000; 0 takes a free one.
    pub port: u16,
    /// `public_url`: where people reach this server, for links. Default: what their request says.
    pub public_url: Option<BaseUrl>,
    /// `max_body` in bytes: the largest request body. Default 64 MiB.
    pub max_body: usize,
    /// `max_in_flight`: requests served at once; more are refused. Default 10,000.
    pub max_in_flight: NonZeroUsize,
    /// `shutdown_grace`: how long running streams may go on after a request to stop. Default 30 s.
    pub shutdown_grace: Duration,
    /// `workers`, `LLM_ROUTER_WORKERS`: threads of the runtime. Default: one per core.
    pub workers: Option<NonZeroUsize>,
    /// `trusted_proxies`: addresses and ranges of proxies that are believed when they say, in
    /// `X-Forwarded-For`, whom they speak for. Default none.
    pub trusted_proxies: Vec<IpNet>,
    /// `idempotency_max_answer` in bytes: the largest answer that is kept for a repeated
    /// `Idempotency-Key`. Default 4 MiB.
    pub idempotency_max_answer: usize,
    /// `compression`: whether answers are compressed for clients that can read it. Default true.
    pub compression: bool,
    /// `reload_on_change`: whether a configuration file that has changed is read again. Default true.
    pub reload_on_change: bool,
    /// `cors_origins`, `CORS_ORIGINS`: web sites whose pages may call the API. Default none.
    pub cors_origins: Vec<Origin>,
}

impl ServerConfig {
    /// The address to listen on.
    #[must_use]
    pub fn listen(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port)
    }

    pub(super) fn read(section: &Section<'_>, cli: &Overrides, default_host: Ipv4Addr) -> Self {
        let context = section.context();
        let host = section
            .field("host")
            .variables(host_variables(context))
            .optional();
        let port = section
            .field("port")
            .variables(port_variables(context.environment()))
            .optional();
        if cli.host.is_some() {
            context.overridden(&section.path_of("host"), Place::Flag("--host"));
        }
        section.field("base_path").optional::<NoPath>();
        let config = Self {
            host: cli.host.or(host).unwrap_or(default_host.into()),
            port: cli.port.or(port).unwrap_or(4000),
            public_url: section.field("public_url").optional(),
            max_body: section.field("max_body").or(Bytes(64 << 20)).0,
            max_in_flight: section.field("max_in_flight").or(DEFAULT_MAX_IN_FLIGHT),
            shutdown_grace: section.field("shutdown_grace").or(Duration::from_secs(30)),
            workers: section
                .field("workers")
                .variables(&["LLM_ROUTER_WORKERS"])
                .optional(),
            trusted_proxies: section
                .field("trusted_proxies")
                .list()
                .into_iter()
                .map(|AddressRange(range)| range)
                .collect(),
            idempotency_max_answer: section.field("idempotency_max_answer").or(Bytes(4 << 20)).0,
            compression: section.field("compression").or(true),
            reload_on_change: section.field("reload_on_change").or(true),
            cors_origins: section
                .field("cors_origins")
                .variables(&["CORS_ORIGINS"])
                .list(),
        };
        section.deny_unknown_keys();
        config
    }
}

/// Shells and package managers export a `HOST` of their own, with a machine's name in it. That is
/// not a setting, but it may have been meant as one.
fn host_variables(context: &Context<'_>) -> &'static [&'static str] {
    let names: &[&str] = &["LLM_ROUTER_HOST", "HOST"];
    match context.environment().get("HOST") {
        Some(text) if IpAddr::from_variable(text).is_err() => {
            if context.environment().get("LLM_ROUTER_HOST").is_none() {
                context.warn(format!(
                    "the environment variable HOST is ignored: {text:?} is not an IP address"
                ));
            }
            &names[..1]
        }
        _ => names,
    }
}

/// Kubernetes puts a service's own address, `tcp://10.0.0.1:4000`, into `LLM_ROUTER_PORT` of every
/// pod beside a service that is called `llm-router`. That is not a setting.
fn port_variables(environment: &Environment) -> &'static [&'static str] {
    let names: &[&str] = &["LLM_ROUTER_PORT", "PORT", "SERVER_PORT"];
    match environment.get("LLM_ROUTER_PORT") {
        Some(text) if text.starts_with("tcp://") => &names[1..],
        _ => names,
    }
}

/// An address, or a range of them.
struct AddressRange(IpNet);

impl FromText for AddressRange {
    const EXPECTED: &'static str = "an address or a range such as 10.0.0.0/8";

    fn from_text(text: &str) -> Result<Self, String> {
        domain::validation::address_range(text)
            .map(Self)
            .ok_or_else(|| format!("expected {}, found {text:?}", Self::EXPECTED))
    }
}

/// `base_path` as long as nothing but the root can be served.
struct NoPath;

impl FromText for NoPath {
    const EXPECTED: &'static str = "an empty text";

    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "" | "/" => Ok(Self),
            _ => Err("serving under a path is not supported yet; leave it empty".to_owned()),
        }
    }
}
