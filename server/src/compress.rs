//! Compresses what clients are answered, where they can read it: whole answers that are worth it, and
//! streams event by event, so that none waits for the next.

use std::{
    io::Write as _,
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::{
        HeaderMap, HeaderValue, Method, Response,
        header::{
            ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, VARY,
        },
    },
    middleware::Next,
};
use http_body::{Body as _, Frame};

/// Smaller answers fit into one packet as they are.
const SMALLEST: u64 = 1_024;

/// Quick rather than tight: an answer is read once.
const BROTLI_QUALITY: u32 = 3;
/// A window of 64 KiB, since a stream holds one for as long as it flows.
const BROTLI_WINDOW: u32 = 16;
const BROTLI_BUFFER: usize = 4_096;
const ZSTD_LEVEL: i32 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Brotli,
    Zstd,
    Gzip,
}

impl Encoding {
    /// The one that is preferred where a client has no preference first.
    const ALL: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// What a client likes best of what is offered here; `None`: the answer as it is.
    fn accepted(headers: &HeaderMap) -> Option<Self> {
        // In thousandths, as RFC 9110 has them. What is not named is as good as `*`, if that is there.
        let mut named: Vec<(String, u32)> = Vec::new();
        for value in headers.get_all(ACCEPT_ENCODING) {
            for part in value.to_str().ok()?.split(',') {
                let mut words = part.split(';').map(str::trim);
                let name = words.next().unwrap_or_default().to_ascii_lowercase();
                let weight = words.find_map(|word| word.strip_prefix("q="));
                let weight = weight.map_or(Some(1.0), |text| text.parse::<f64>().ok());
                let weight = weight.filter(|q| (0.0..=1.0).contains(q)).unwrap_or(0.0);
                named.push((name, (weight * 1_000.0).round() as u32));
            }
        }
        let of = |name: &str| {
            let find = |name: &str| named.iter().find(|(n, _)| n == name).map(|(_, q)| *q);
            find(name).or_else(|| find("*"))
        };
        let identity = of("identity").unwrap_or(1);
        Self::ALL
            .into_iter()
            .filter_map(|encoding| Some((encoding, of(encoding.as_str())?)))
            .filter(|(_, weight)| *weight > 0 && *weight >= identity)
            .reduce(|best, next| if next.1 > best.1 { next } else { best })
            .map(|(encoding, _)| encoding)
    }

    fn encoder(self) -> Option<Encoder> {
        Some(match self {
            Self::Brotli => Encoder::Brotli(Box::new(brotli::CompressorWriter::new(
                Vec::new(),
                BROTLI_BUFFER,
                BROTLI_QUALITY,
                BROTLI_WINDOW,
            ))),
            Self::Zstd => {
                Encoder::Zstd(zstd::stream::write::Encoder::new(Vec::new(), ZSTD_LEVEL).ok()?)
            }
            Self::Gzip => Encoder::Gzip(flate2::write::GzEncoder::new(
                Vec::new(),
                flate2::Compression::fast(),
            )),
        })
    }
}

enum Encoder {
    Brotli(Box<brotli::CompressorWriter<Vec<u8>>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
    Gzip(flate2::write::GzEncoder<Vec<u8>>),
}

impl Encoder {
    /// Takes a piece; with `flush` all of it comes out at once. Writing to memory does not fail.
    fn write(&mut self, piece: &[u8], flush: bool) -> std::io::Result<Bytes> {
        macro_rules! write {
            ($encoder:expr) => {{
                $encoder.write_all(piece)?;
                if flush {
                    $encoder.flush()?;
                }
                std::mem::take($encoder.get_mut())
            }};
        }
        Ok(Bytes::from(match self {
            Self::Brotli(encoder) => write!(encoder),
            Self::Zstd(encoder) => write!(encoder),
            Self::Gzip(encoder) => write!(encoder),
        }))
    }

    fn finish(self) -> std::io::Result<Bytes> {
        Ok(Bytes::from(match self {
            Self::Brotli(encoder) => encoder.into_inner(),
            Self::Zstd(encoder) => encoder.finish()?,
            Self::Gzip(encoder) => encoder.finish()?,
        }))
    }
}

/// A body that is compressed as it passes.
struct Compressed {
    body: Body,
    encoder: Option<Encoder>,
    /// Each piece comes out at once.
    stream: bool,
}

impl http_body::Body for Compressed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        loop {
            let stream = self.stream;
            let out = match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                Some(Ok(frame)) => {
                    let (Some(encoder), Ok(piece)) = (&mut self.encoder, frame.into_data()) else {
                        continue;
                    };
                    encoder.write(&piece, stream)
                }
                None => match self.encoder.take() {
                    Some(encoder) => encoder.finish(),
                    None => return Poll::Ready(None),
                },
            };
            match out {
                Err(error) => return Poll::Ready(Some(Err(axum::Error::new(error)))),
                Ok(out) if out.is_empty() => {}
                Ok(out) => return Poll::Ready(Some(Ok(Frame::data(out)))),
            }
        }
    }
}

/// The layer.
pub async fn compress(request: Request, next: Next) -> Response<Body> {
    let encoding =
        Encoding::accepted(request.headers()).filter(|_| request.method() != Method::HEAD);
    let response = next.run(request).await;
    let Some(kind) = Kind::of(&response) else {
        return response;
    };
    let (mut head, body) = response.into_parts();
    // Caches must not give one client's encoding to another.
    head.headers
        .append(VARY, HeaderValue::from_static("accept-encoding"));
    let Some((encoding, encoder)) = encoding.and_then(|e| Some((e, e.encoder()?))) else {
        return Response::from_parts(head, body);
    };
    head.headers.remove(CONTENT_LENGTH);
    let name = HeaderValue::from_static(encoding.as_str());
    head.headers.insert(CONTENT_ENCODING, name);
    let compressed = Compressed {
        body,
        encoder: Some(encoder),
        stream: kind == Kind::Stream,
    };
    Response::from_parts(head, Body::new(compressed))
}

/// What is worth being compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Whole,
    Stream,
}

impl Kind {
    fn of(response: &Response<Body>) -> Option<Self> {
        let headers = response.headers();
        let text = |name| {
            headers
                .get(name)
                .and_then(|v: &HeaderValue| v.to_str().ok())
        };
        let as_it_is = text(CACHE_CONTROL).is_some_and(|value| value.contains("no-transform"));
        if headers.contains_key(CONTENT_ENCODING) || as_it_is {
            return None;
        }
        let kind = text(CONTENT_TYPE)?;
        if kind.starts_with("text/event-stream") {
            return Some(Self::Stream);
        }
        let hint = response.body().size_hint();
        let worth = hint.upper().is_none_or(|size| size >= SMALLEST);
        (worth && (kind.starts_with("application/json") || kind.starts_with("text/")))
            .then_some(Self::Whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_decides_by_its_weights() {
        for (header, expected) in [
            ("gzip", Some("gzip")),
            ("gzip, deflate, br, zstd", Some("br")),
            ("gzip;q=1.0, br;q=0.5", Some("gzip")),
            ("gzip;q=0.8, zstd;q=0.9, br;q=0", Some("zstd")),
            ("*", Some("br")),
            ("*;q=0.5, br;q=0", Some("zstd")),
            ("identity;q=1, gzip;q=0.5", None),
            ("identity;q=0.2, gzip;q=0.5", Some("gzip")),
            ("deflate", None),
            ("br;q=2", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(header));
            let accepted = Encoding::accepted(&headers).map(Encoding::as_str);
            assert_eq!(accepted, expected, "{header}");
        }
        assert_eq!(Encoding::accepted(&HeaderMap::new()), None);
    }
}
