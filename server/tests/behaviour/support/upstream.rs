//! A provider's server that does as it is told and remembers byte for byte what it was sent.

use std::{
    collections::VecDeque,
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::BodyExt as _;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpListener,
    sync::watch,
    task::{JoinHandle, JoinSet},
};

use super::{Answer, within};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    pub method: Method,
    /// With the query.
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Received {
    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }

    /// A header as text; empty where it is missing.
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).map(|value| value.to_str());
        value.transpose().expect("text").unwrap_or_default()
    }
}

type Otherwise = dyn Fn(&Received) -> Answer + Send + Sync;

struct Script {
    received: watch::Sender<Vec<Received>>,
    next: Mutex<VecDeque<Answer>>,
    otherwise: Mutex<Arc<Otherwise>>,
}

/// The server. Dropped, it hangs up on everybody.
pub struct Upstream {
    address: SocketAddr,
    script: Arc<Script>,
    accepting: JoinHandle<()>,
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Upstream {
    /// Until it is told otherwise it answers 500.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let script = Arc::new(Script {
            received: watch::Sender::new(Vec::new()),
            next: Mutex::default(),
            otherwise: Mutex::new(Arc::new(|_| Answer::error(500, "{}"))),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&script)));
        Self {
            address,
            script,
            accepting,
        }
    }

    /// The base URL.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Answers the next request that has no answer yet.
    pub fn then(&self, answer: Answer) {
        let mut next = self.script.next.lock().expect("no panic elsewhere");
        next.push_back(answer);
    }

    /// Answers all requests for which there is no [`Upstream::then`].
    pub fn always(&self, answer: impl Fn(&Received) -> Answer + Send + Sync + 'static) {
        let mut otherwise = self.script.otherwise.lock().expect("no panic elsewhere");
        *otherwise = Arc::new(answer);
    }

    /// What has arrived so far.
    pub fn received(&self) -> Vec<Received> {
        self.script.received.borrow().clone()
    }

    /// The last request that has arrived.
    pub fn last(&self) -> Received {
        let received = self.script.received.borrow();
        received.last().cloned().expect("a request has arrived")
    }

    /// Waits until so many requests have arrived.
    pub async fn arrivals(&self, count: usize) {
        let mut received = self.script.received.subscribe();
        let arrived = received.wait_for(|received| received.len() >= count);
        within("requests at the upstream", arrived)
            .await
            .expect("the upstream runs");
    }
}

async fn accept(listener: TcpListener, script: Arc<Script>) {
    // They end with this task.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let script = Arc::clone(&script);
        let service = service_fn(move |request| handle(request, Arc::clone(&script)));
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        connections.spawn(connection);
    }
}

async fn handle(
    request: Request<Incoming>,
    script: Arc<Script>,
) -> Result<http::Response<super::answer::Frames>, Infallible> {
    let (head, body) = request.into_parts();
    let received = Received {
        method: head.method,
        path: head.uri.to_string(),
        headers: head.headers,
        body: body.collect().await.expect("a whole body").to_bytes(),
    };
    let next = script.next.lock().expect("no panic elsewhere").pop_front();
    let answer = next.unwrap_or_else(|| {
        let otherwise = Arc::clone(&script.otherwise.lock().expect("no panic elsewhere"));
        otherwise(&received)
    });
    script.received.send_modify(|before| before.push(received));
    Ok(answer.into_response().await)
}
