//! The yardstick: the least a reverse proxy in Rust can do over hyper. It reads
//! a request, sends it on with its hop-by-hop headers removed, and sends the
//! answer back as it arrives; each client connection has one upstream
//! connection of its own. It authenticates, counts, routes and records
//! nothing, and must stay this way: every figure in `BENCHMARKS.md` is a ratio
//! to it.

use std::net::SocketAddr;

use anyhow::Context;
use bytes::Bytes;
use http::header::{
    CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION,
    TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{Request, Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;

/// Headers that concern one connection only (RFC 9110, section 7.6.1).
const HOP_BY_HOP: [HeaderName; 7] = [
    CONNECTION,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Proxies from `listen` to `upstream` until the process is ended.
pub async fn serve(listen: SocketAddr, upstream: SocketAddr) -> anyhow::Result<()> {
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("failed to listen on {listen}"))?;
    let host = HeaderValue::from_str(&upstream.to_string())?;
    loop {
        let (client, _) = listener.accept().await?;
        client.set_nodelay(true)?;
        let route = Route {
            upstream,
            host: host.clone(),
            connection: Mutex::new(None),
        };
        tokio::spawn(async move {
            let route = &route;
            let service = service_fn(|request| route.forward(request));
            // A client that goes away is nothing to report.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(client), service)
                .await;
        });
    }
}

type Answer = Response<Either<Incoming, Full<Bytes>>>;

/// Where one client connection's requests go.
struct Route {
    upstream: SocketAddr,
    host: HeaderValue,
    /// Opened by the first request and kept. HTTP/1.1 has one request at a time
    /// on a connection, so this lock is never contended.
    connection: Mutex<Option<SendRequest<Incoming>>>,
}

impl Route {
    async fn forward(&self, request: Request<Incoming>) -> Result<Answer, hyper::Error> {
        match self.exchange(request).await {
            Ok(answer) => Ok(answer),
            Err(error) => {
                let mut answer = Response::new(Either::Right(Full::from(error.to_string())));
                *answer.status_mut() = StatusCode::BAD_GATEWAY;
                Ok(answer)
            }
        }
    }

    async fn exchange(&self, mut request: Request<Incoming>) -> anyhow::Result<Answer> {
        strip(request.headers_mut());
        request.headers_mut().insert(HOST, self.host.clone());
        let mut connection = self.connection.lock().await;
        let mut sender = match connection.take() {
            Some(sender) if !sender.is_closed() => sender,
            _ => self.connect().await?,
        };
        sender.ready().await?;
        let mut response = sender.send_request(request).await?;
        *connection = Some(sender);
        strip(response.headers_mut());
        Ok(response.map(Either::Left))
    }

    async fn connect(&self) -> anyhow::Result<SendRequest<Incoming>> {
        let stream = TcpStream::connect(self.upstream).await?;
        stream.set_nodelay(true)?;
        let (sender, driver) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(driver);
        Ok(sender)
    }
}

fn strip(headers: &mut HeaderMap) {
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}
