//! The one way out. Every outbound connection resolves names through [`CheckedResolver`], so that no
//! configuration, redirect or name server can lead the router to the machine's own link or to a
//! cloud's metadata service. Loopback and private ranges are allowed: backends are an
//! administrator's, and local ones are common.

use std::{
    future::Future,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        Client, Error as ClientError,
        connect::{HttpConnector, dns::Name},
    },
    rt::{TokioExecutor, TokioTimer},
};

use crate::body::PiecesBody;

/// Idle connections that are kept for each upstream host.
const MAX_IDLE_PER_HOST: usize = 512;
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);

/// Why no client could be made.
#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    #[error("no certificate store: install the package ca-certificates ({0})")]
    Certificates(String),
    #[error("{0} is an address that the router never connects to")]
    ForbiddenAddress(IpAddr),
    #[error("not a valid http or https URL: {0}")]
    Url(String),
}

/// A connection pool to upstreams of one scheme.
#[derive(Clone, Debug)]
pub enum EgressClient {
    Plain(Client<HttpConnector<CheckedResolver>, PiecesBody>),
    Tls(Client<HttpsConnector<HttpConnector<CheckedResolver>>, PiecesBody>),
}

impl EgressClient {
    /// A client for the upstream at `base_url`.
    ///
    /// # Errors
    /// See [`EgressError`].
    pub fn for_upstream(base_url: &str, connect_timeout: Duration) -> Result<Self, EgressError> {
        let uri = checked_uri(base_url)?;
        let mut http = HttpConnector::new_with_resolver(CheckedResolver);
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(connect_timeout));
        let mut builder = Client::builder(TokioExecutor::new());
        builder
            .pool_max_idle_per_host(MAX_IDLE_PER_HOST)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_timer(TokioTimer::new());
        match uri.scheme_str() {
            Some("http") => Ok(Self::Plain(builder.build(http))),
            Some("https") => {
                let https = HttpsConnectorBuilder::new()
                    .try_with_platform_verifier()
                    .map_err(|e| EgressError::Certificates(e.to_string()))?
                    .https_only()
                    .enable_all_versions()
                    .wrap_connector(http);
                Ok(Self::Tls(builder.build(https)))
            }
            _ => Err(EgressError::Url(base_url.to_owned())),
        }
    }

    /// # Errors
    /// When no connection can be made, or it breaks before the answer's head has arrived.
    pub async fn request(
        &self,
        request: Request<PiecesBody>,
    ) -> Result<Response<Incoming>, ClientError> {
        match self {
            Self::Plain(client) => client.request(request).await,
            Self::Tls(client) => client.request(request).await,
        }
    }
}

/// An address as it may be configured. A literal IP address is not resolved later, so that it is checked
/// here.
///
/// # Errors
/// See [`EgressError`].
pub fn checked_uri(url: &str) -> Result<Uri, EgressError> {
    let uri: Uri = url.parse().map_err(|_| EgressError::Url(url.to_owned()))?;
    let host = uri.host().unwrap_or_default();
    if let Ok(ip) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
        check(ip).map_err(|_| EgressError::ForbiddenAddress(ip))?;
    }
    Ok(uri)
}

/// A client for everything but the proxied path: same resolver, no redirects.
///
/// # Errors
/// When the certificate store cannot be read.
pub fn json_client() -> Result<reqwest::Client, reqwest::Error> {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the egress module, where outbound clients are made"
    )]
    reqwest::Client::builder()
        .dns_resolver(Arc::new(CheckedResolver))
        .redirect(reqwest::redirect::Policy::none())
        // Variables of the environment do not decide who sees a key.
        .no_proxy()
        .connect_timeout(Duration::from_secs(10))
        .timeout(Duration::from_secs(30))
        .build()
}

/// Refuses addresses that no upstream has: the unspecified one, multicast, and the link-local range,
/// where clouds keep their metadata services (169.254.169.254; AWS's fd00:ec2::254; Alibaba's
/// 100.100.100.200).
fn check(ip: IpAddr) -> io::Result<IpAddr> {
    let refused = match ip.to_canonical() {
        IpAddr::V4(v4) => {
            v4.is_link_local()
                || v4.is_unspecified()
                || v4.is_broadcast()
                || v4.is_multicast()
                || v4 == Ipv4Addr::new(100, 100, 100, 200)
        }
        IpAddr::V6(v6) => {
            v6.is_unicast_link_local()
                || v6.is_unspecified()
                || v6.is_multicast()
                || v6 == Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254)
        }
    };
    if refused {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "the address is link-local or a metadata service",
        ));
    }
    Ok(ip)
}

/// Resolves by the system and drops addresses that no upstream has.
#[derive(Clone, Copy, Debug)]
pub struct CheckedResolver;

async fn resolve(host: String) -> io::Result<std::vec::IntoIter<SocketAddr>> {
    let found: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
    let checked: Vec<SocketAddr> = found
        .iter()
        .copied()
        .filter(|address| check(address.ip()).is_ok())
        .collect();
    match (checked.is_empty(), found.first()) {
        (true, Some(address)) => Err(check(address.ip())
            .err()
            .unwrap_or_else(|| io::ErrorKind::PermissionDenied.into())),
        _ => Ok(checked.into_iter()),
    }
}

impl tower::Service<Name> for CheckedResolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(resolve(name.as_str().to_owned()))
    }
}

impl reqwest::dns::Resolve for CheckedResolver {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let host = name.as_str().to_owned();
        Box::pin(async move {
            let addresses = resolve(host).await?;
            Ok(Box::new(addresses) as reqwest::dns::Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_services_are_out_of_reach() {
        for ip in [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "fd00:ec2::254",
            "fe80::1",
            "100.100.100.200",
            "0.0.0.0",
            "::",
        ] {
            assert!(check(ip.parse().expect("an address")).is_err(), "{ip}");
        }
        for ip in ["127.0.0.1", "::1", "10.0.0.1", "192.168.1.1", "8.8.8.8"] {
            assert!(check(ip.parse().expect("an address")).is_ok(), "{ip}");
        }
        let literal =
            EgressClient::for_upstream("http://169.254.169.254/v1", Duration::from_secs(1));
        assert!(matches!(literal, Err(EgressError::ForbiddenAddress(_))));
    }
}
