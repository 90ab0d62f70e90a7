//! What the prelude is given of the router: bytes and hashes, addresses, the script's own memory and
//! secrets, and the console. None of it does I/O.

use std::sync::{Arc, Mutex, PoisonError};

use hmac::Hmac;
use rquickjs::{Ctx, Exception, Function, Object, Result, TypedArray, Value};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use url::{Url, form_urlencoded, quirks};

use crate::{program::Secrets, store::Store};

/// Lines that one call may write.
const MAX_LINES: usize = 100;
/// Bytes of one of them.
const MAX_LINE: usize = 2_000;
/// Bytes of randomness that may be asked for at once.
const MAX_RANDOM: usize = 65_536;

/// How important a line of the console is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Debug,
    Log,
    Info,
    Warn,
    Error,
}

/// A line of a script's console.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub level: Level,
    pub text: String,
}

/// What was written during a call.
#[derive(Debug, Default)]
pub(crate) struct Console(Mutex<Vec<Line>>);

impl Console {
    pub fn take(&self) -> Vec<Line> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, level: &str, mut text: String) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let level = match level {
            "debug" => Level::Debug,
            "info" => Level::Info,
            "warn" => Level::Warn,
            "error" => Level::Error,
            _ => Level::Log,
        };
        if lines.len() == MAX_LINES {
            let text = "further lines are left out".to_owned();
            lines.push(Line { level, text });
        }
        if lines.len() > MAX_LINES {
            return;
        }
        if text.len() > MAX_LINE {
            text.truncate(text.floor_char_boundary(MAX_LINE));
            text.push('…');
        }
        lines.push(Line { level, text });
    }
}

/// What the natives of one cage work on.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub console: Arc<Console>,
    pub store: Arc<Store>,
    pub secrets: Secrets,
}

/// The parts of the prelude that are evaluated when a script uses them.
const PARTS: [(&str, &str); 4] = [
    ("encoding", include_str!("prelude/encoding.js")),
    ("url", include_str!("prelude/url.js")),
    ("crypto", include_str!("prelude/crypto.js")),
    ("clone", include_str!("prelude/clone.js")),
];

/// Bytes, as text of one character each.
fn bytes_of(binary: &str) -> Vec<u8> {
    // What is above a byte cannot come from `binary`.
    binary
        .chars()
        .map(|c| u8::try_from(c).unwrap_or(0))
        .collect()
}

fn mac<M: hmac::Mac + hmac::KeyInit>(key: &[u8], data: &[u8]) -> Vec<u8> {
    // HMAC takes keys of any length.
    let Ok(mut mac) = <M as hmac::KeyInit>::new_from_slice(key) else {
        return Vec::new();
    };
    mac.update(data);
    mac.finalize().into_bytes().to_vec()
}

fn digest(name: &str, data: &[u8]) -> Vec<u8> {
    match name {
        "SHA-1" => Sha1::digest(data).to_vec(),
        "SHA-384" => Sha384::digest(data).to_vec(),
        "SHA-512" => Sha512::digest(data).to_vec(),
        _ => Sha256::digest(data).to_vec(),
    }
}

fn hmac(name: &str, key: &[u8], data: &[u8]) -> Vec<u8> {
    match name {
        "SHA-1" => mac::<Hmac<Sha1>>(key, data),
        "SHA-384" => mac::<Hmac<Sha384>>(key, data),
        "SHA-512" => mac::<Hmac<Sha512>>(key, data),
        _ => mac::<Hmac<Sha256>>(key, data),
    }
}

/// The parts of an address as the standard's getters give them.
fn parts(url: &Url) -> String {
    serde_json::json!({
        "href": quirks::href(url),
        "origin": quirks::origin(url),
        "protocol": quirks::protocol(url),
        "username": quirks::username(url),
        "password": quirks::password(url),
        "host": quirks::host(url),
        "hostname": quirks::hostname(url),
        "port": quirks::port(url),
        "pathname": quirks::pathname(url),
        "search": quirks::search(url),
        "hash": quirks::hash(url),
    })
    .to_string()
}

fn parse_url(text: &str, base: Option<&str>) -> Option<String> {
    let base = match base {
        Some(base) => Some(Url::parse(base).ok()?),
        None => None,
    };
    let url = Url::options().base_url(base.as_ref()).parse(text).ok()?;
    Some(parts(&url))
}

fn set_url(href: &str, part: &str, value: &str) -> Option<String> {
    let mut url = Url::parse(href).ok()?;
    match part {
        "href" => quirks::set_href(&mut url, value).ok()?,
        "protocol" => quirks::set_protocol(&mut url, value).ok()?,
        "username" => quirks::set_username(&mut url, value).ok()?,
        "password" => quirks::set_password(&mut url, value).ok()?,
        "host" => quirks::set_host(&mut url, value).ok()?,
        "hostname" => quirks::set_hostname(&mut url, value).ok()?,
        "port" => quirks::set_port(&mut url, value).ok()?,
        "pathname" => quirks::set_pathname(&mut url, value),
        "search" => quirks::set_search(&mut url, value),
        "hash" => quirks::set_hash(&mut url, value),
        _ => return None,
    }
    Some(parts(&url))
}

/// The object that the prelude gets.
pub(crate) fn object<'js>(ctx: &Ctx<'js>, shared: &Shared) -> Result<Object<'js>> {
    let native = Object::new(ctx.clone())?;
    let console = Arc::clone(&shared.console);
    native.set(
        "log",
        Function::new(ctx.clone(), move |level: String, text: String| {
            console.write(&level, text);
        })?,
    )?;
    let secrets = shared.secrets.clone();
    native.set(
        "secret",
        Function::new(ctx.clone(), move |name: String| -> Option<String> {
            let secret = secrets.0.get(&name)?;
            Some(secret.expose_secret().to_owned())
        })?,
    )?;
    let store = Arc::clone(&shared.store);
    native.set(
        "kvGet",
        Function::new(ctx.clone(), move |key: String| store.get(&key))?,
    )?;
    let store = Arc::clone(&shared.store);
    native.set(
        "kvSet",
        Function::new(
            ctx.clone(),
            move |ctx: Ctx<'_>, key: String, value: String| -> Result<()> {
                store
                    .set(key, value)
                    .map_err(|why| Exception::throw_range(&ctx, why))
            },
        )?,
    )?;
    let store = Arc::clone(&shared.store);
    native.set(
        "kvDelete",
        Function::new(ctx.clone(), move |key: String| store.delete(&key))?,
    )?;
    native.set("load", Function::new(ctx.clone(), load)?)?;
    native.set("utf8", Function::new(ctx.clone(), utf8)?)?;
    native.set("fromUtf8", Function::new(ctx.clone(), from_utf8)?)?;
    native.set(
        "binary",
        ctx.eval::<Value<'js>, _>(include_str!("prelude/binary.js"))?,
    )?;
    native.set("random", Function::new(ctx.clone(), random)?)?;
    native.set("digest", Function::new(ctx.clone(), digest_of)?)?;
    native.set("hmac", Function::new(ctx.clone(), hmac_of)?)?;
    native.set(
        "sameBytes",
        Function::new(ctx.clone(), |a: String, b: String| {
            // In a time that says nothing about where they differ.
            let differ = a
                .chars()
                .zip(b.chars())
                .fold(0, |sum, (a, b)| sum | (u32::from(a) ^ u32::from(b)));
            a.chars().count() == b.chars().count() && differ == 0
        })?,
    )?;
    native.set(
        "urlParse",
        Function::new(ctx.clone(), |text: String, base: Option<String>| {
            parse_url(&text, base.as_deref())
        })?,
    )?;
    native.set(
        "urlSet",
        Function::new(ctx.clone(), |href: String, part: String, value: String| {
            set_url(&href, &part, &value)
        })?,
    )?;
    native.set(
        "queryParse",
        Function::new(ctx.clone(), |query: String| {
            let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
            serde_json::to_string(&pairs).unwrap_or_default()
        })?,
    )?;
    native.set(
        "queryString",
        Function::new(ctx.clone(), |pairs: String| {
            let pairs: Vec<(String, String)> = serde_json::from_str(&pairs).unwrap_or_default();
            form_urlencoded::Serializer::new(String::new())
                .extend_pairs(pairs)
                .finish()
        })?,
    )?;
    Ok(native)
}

fn load<'js>(ctx: Ctx<'js>, part: String) -> Result<Value<'js>> {
    match PARTS.iter().find(|(name, _)| *name == part) {
        Some((_, source)) => ctx.eval(*source),
        None => Err(Exception::throw_message(&ctx, "no such part")),
    }
}

fn utf8<'js>(ctx: Ctx<'js>, text: String) -> Result<TypedArray<'js, u8>> {
    TypedArray::new(ctx, text.into_bytes())
}

fn from_utf8(binary: String, fatal: bool) -> Option<String> {
    let bytes = bytes_of(&binary);
    match fatal {
        true => String::from_utf8(bytes).ok(),
        false => Some(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

fn random<'js>(ctx: Ctx<'js>, length: usize) -> Result<TypedArray<'js, u8>> {
    if length > MAX_RANDOM {
        return Err(Exception::throw_range(&ctx, "too many bytes at once"));
    }
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes)
        .map_err(|_| Exception::throw_message(&ctx, "there are no random numbers"))?;
    TypedArray::new(ctx, bytes)
}

fn digest_of<'js>(ctx: Ctx<'js>, name: String, data: String) -> Result<TypedArray<'js, u8>> {
    TypedArray::new(ctx, digest(&name, &bytes_of(&data)))
}

fn hmac_of<'js>(
    ctx: Ctx<'js>,
    name: String,
    key: String,
    data: String,
) -> Result<TypedArray<'js, u8>> {
    let sum = hmac(&name, &bytes_of(&key), &bytes_of(&data));
    TypedArray::new(ctx, sum)
}
