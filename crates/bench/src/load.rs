//! The load: keep-alive connections that send the same request and check every
//! answer. A wrong answer ends the run, since a proxy that fails quickly would
//! otherwise look fast.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::payload;

/// One exchange may take this long before the run is given up.
const EXCHANGE_LIMIT: Duration = Duration::from_secs(30);
/// More calls than this at once, at a few hundred a second, means that the
/// proxy cannot keep up and that latencies would only measure a queue.
const OPEN_LIMIT: usize = 256;

/// Whom to send to, and as whom.
#[derive(Debug, Clone)]
pub struct Target {
    /// Where it listens.
    pub address: SocketAddr,
    /// The value of the `Authorization` header.
    pub authorization: HeaderValue,
}

/// What a checked answer took.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// Until the first byte of the body.
    pub first_byte: Duration,
    /// Until its last.
    pub total: Duration,
}

/// One connection to a target.
struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: HeaderValue,
    authorization: HeaderValue,
}

impl Connection {
    async fn open(target: &Target) -> anyhow::Result<Self> {
        Ok(Self {
            sender: connect(target.address).await?,
            host: HeaderValue::from_str(&target.address.to_string())?,
            authorization: target.authorization.clone(),
        })
    }

    /// Sends a request and reads its whole answer.
    async fn call(&mut self, body: Bytes, expected: Expected) -> anyhow::Result<Timing> {
        tokio::time::timeout(EXCHANGE_LIMIT, self.exchange(body, expected))
            .await
            .with_context(|| format!("no answer after {EXCHANGE_LIMIT:?}"))?
    }

    async fn exchange(&mut self, body: Bytes, expected: Expected) -> anyhow::Result<Timing> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(payload::PATH)
            .header(HOST, self.host.clone())
            .header(AUTHORIZATION, self.authorization.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))?;
        self.sender.ready().await?;
        let sent = Instant::now();
        let mut response = self.sender.send_request(request).await?;
        let status = response.status();
        if status != StatusCode::OK {
            let body = response.into_body().collect().await?.to_bytes();
            bail!("status {status}: {}", String::from_utf8_lossy(&body));
        }
        let mut first_byte = None;
        let mut seen = Seen::default();
        while let Some(frame) = response.body_mut().frame().await {
            if let Ok(data) = frame?.into_data() {
                first_byte.get_or_insert_with(|| sent.elapsed());
                seen.feed(&data);
            }
        }
        let total = sent.elapsed();
        ensure!(
            seen.fits(expected),
            "an answer of {} bytes and {} events is not the {expected:?} that was asked for",
            seen.bytes,
            seen.events
        );
        Ok(Timing {
            first_byte: first_byte.unwrap_or(total),
            total,
        })
    }
}

/// Which of the upstream's answers a call should get.
#[derive(Debug, Clone, Copy)]
enum Expected {
    Completion,
    Stream,
}

/// What is remembered of an answer: enough to tell a whole one from a cut one.
#[derive(Debug, Default)]
struct Seen {
    bytes: usize,
    /// Ended by an empty line; the payload has no other.
    events: u32,
    /// Braces opened and not closed; the payload's texts have none.
    open_braces: i32,
    last: u8,
}

impl Seen {
    fn feed(&mut self, data: &[u8]) {
        self.bytes += data.len();
        for byte in data {
            match byte {
                b'\n' if self.last == b'\n' => self.events += 1,
                b'{' => self.open_braces += 1,
                b'}' => self.open_braces -= 1,
                _ => {}
            }
            self.last = *byte;
        }
    }

    fn fits(&self, expected: Expected) -> bool {
        match expected {
            Expected::Completion => self.bytes > 500 && self.open_braces == 0 && self.events == 0,
            Expected::Stream => self.events == payload::EVENTS,
        }
    }
}

/// Opens connections and makes one call on each, so that neither side opens
/// anything or takes memory for the first time while it is being measured.
async fn warm_connections(target: &Target, count: usize) -> anyhow::Result<Vec<Connection>> {
    let mut connections = Vec::with_capacity(count);
    for _ in 0..count {
        let mut connection = Connection::open(target).await?;
        connection
            .call(payload::short_request(), Expected::Completion)
            .await?;
        connections.push(connection);
    }
    Ok(connections)
}

/// Connections on which one call follows the other without a pause.
pub struct ClosedLoop {
    connections: Vec<Connection>,
    body: Bytes,
}

impl ClosedLoop {
    /// Connects; the calls will carry `body`.
    pub async fn prepare(target: &Target, connections: usize, body: Bytes) -> anyhow::Result<Self> {
        Ok(Self {
            connections: warm_connections(target, connections).await?,
            body,
        })
    }

    /// Makes `requests` calls on each connection; returns how long all took.
    pub async fn run(&mut self, requests: u32) -> anyhow::Result<Duration> {
        let mut tasks = JoinSet::new();
        let started = Instant::now();
        for mut connection in self.connections.drain(..) {
            let body = self.body.clone();
            tasks.spawn(async move {
                for _ in 0..requests {
                    connection.call(body.clone(), Expected::Completion).await?;
                }
                anyhow::Ok(connection)
            });
        }
        while let Some(done) = tasks.join_next().await {
            self.connections.push(done??);
        }
        Ok(started.elapsed())
    }
}

/// Calls that start on a fixed schedule, whatever became of those before, so
/// that a slow answer cannot hide the ones it would have delayed.
pub struct OpenLoop {
    target: Target,
    idle: Vec<Connection>,
    body: Bytes,
    expected: Expected,
}

impl OpenLoop {
    /// Connects; the calls will ask for a stream or for a plain answer.
    pub async fn prepare(target: &Target, streamed: bool) -> anyhow::Result<Self> {
        // As many as are open at once: a stream lasts for several intervals.
        let (connections, body, expected) = if streamed {
            (24, payload::stream_request(), Expected::Stream)
        } else {
            (8, payload::short_request(), Expected::Completion)
        };
        Ok(Self {
            target: target.clone(),
            idle: warm_connections(target, connections).await?,
            body,
            expected,
        })
    }

    /// Starts `count` calls, `rate` a second, and returns what each took. The
    /// time runs from the moment of sending; it is the schedule that is fixed.
    pub async fn run(&mut self, rate: u32, count: u32) -> anyhow::Result<Vec<Timing>> {
        let mut timings = Vec::with_capacity(count as usize);
        let mut tasks: JoinSet<anyhow::Result<(Connection, Timing)>> = JoinSet::new();
        let mut ticks = tokio::time::interval(Duration::from_secs(1) / rate);
        for _ in 0..count {
            ticks.tick().await;
            while let Some(done) = tasks.try_join_next() {
                let (connection, timing) = done??;
                self.idle.push(connection);
                timings.push(timing);
            }
            ensure!(
                tasks.len() < OPEN_LIMIT,
                "{} cannot keep up with {rate} calls a second",
                self.target.address
            );
            let mut connection = match self.idle.pop() {
                Some(connection) => connection,
                None => Connection::open(&self.target).await?,
            };
            let (body, expected) = (self.body.clone(), self.expected);
            tasks.spawn(async move {
                let timing = connection.call(body, expected).await?;
                Ok((connection, timing))
            });
        }
        while let Some(done) = tasks.join_next().await {
            let (connection, timing) = done??;
            self.idle.push(connection);
            timings.push(timing);
        }
        Ok(timings)
    }
}

/// Whether `GET /health` is answered with 200 by now.
pub async fn is_healthy(address: SocketAddr) -> bool {
    let probe = async {
        let mut sender = connect(address).await?;
        let request = Request::get("/health")
            .header(HOST, address.to_string())
            .body(Full::new(Bytes::new()))?;
        anyhow::Ok(sender.send_request(request).await?.status() == StatusCode::OK)
    };
    let answered = tokio::time::timeout(Duration::from_secs(1), probe).await;
    matches!(answered, Ok(Ok(true)))
}

/// Sends one JSON document and returns the answer's status and text.
pub async fn post_json(
    target: &Target,
    path: &str,
    body: String,
) -> anyhow::Result<(StatusCode, String)> {
    let mut sender = connect(target.address).await?;
    let request = Request::post(path)
        .header(HOST, target.address.to_string())
        .header(AUTHORIZATION, target.authorization.clone())
        .header(CONTENT_TYPE, "application/json")
        .body(Full::from(body))?;
    let exchange = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        anyhow::Ok((status, String::from_utf8_lossy(&body).into_owned()))
    };
    tokio::time::timeout(EXCHANGE_LIMIT, exchange).await?
}

async fn connect(address: SocketAddr) -> anyhow::Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, driver) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(driver);
    Ok(sender)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_whole_however_its_bytes_were_cut() {
        let bytes = payload::stream_events().concat();
        for size in [1, 2, 7, 250, bytes.len()] {
            let mut seen = Seen::default();
            bytes.chunks(size).for_each(|part| seen.feed(part));
            assert!(seen.fits(Expected::Stream), "cut into {size}: {seen:?}");
        }
    }

    #[test]
    fn a_stream_that_was_cut_short_is_noticed() {
        let bytes = payload::stream_events().concat();
        let mut seen = Seen::default();
        seen.feed(&bytes[..bytes.len() - 1]);
        assert!(!seen.fits(Expected::Stream));
    }

    #[test]
    fn a_stream_is_no_completion_and_a_cut_completion_is_none() {
        let completion = payload::completion();
        let mut whole = Seen::default();
        whole.feed(&completion);
        assert!(whole.fits(Expected::Completion));
        assert!(!whole.fits(Expected::Stream));
        for length in 1..completion.len() {
            let mut cut = Seen::default();
            cut.feed(&completion[..length]);
            assert!(!cut.fits(Expected::Completion), "cut after {length}");
        }
    }
}
