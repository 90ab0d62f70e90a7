//! An OpenID provider that says of people what a test wants. It signs (ES256) by a library that is not the
//! router's, hands each code out once, and insists on what the router has to show for it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

use base64::{Engine as _, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};
use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::{Answer, Received, Upstream};

pub const CLIENT_ID: &str = "router";
pub const CLIENT_SECRET: &str = "a secret of the router's";

/// A code that was handed out.
struct Granted {
    challenge: String,
    redirect: String,
    /// The ID token.
    token: String,
    userinfo: Value,
}

struct State {
    key: SigningKey,
    key_id: u32,
    codes: HashMap<String, Granted>,
    /// What is told for an access token.
    userinfo: HashMap<String, Value>,
    handed_out: u32,
}

/// The provider.
pub struct OpenIdProvider {
    upstream: Upstream,
    state: Arc<Mutex<State>>,
}

/// What the router sent a visitor to the provider with.
pub struct Asked {
    query: HashMap<String, String>,
}

impl Asked {
    pub fn of(location: &str) -> Self {
        let url = Url::parse(location).expect("a URL");
        let pairs = url.query_pairs().into_owned();
        Self {
            query: pairs.collect(),
        }
    }

    pub fn get(&self, name: &str) -> &str {
        let value = self.query.get(name);
        value.unwrap_or_else(|| panic!("no {name} in {:?}", self.query))
    }
}

fn new_key(id: u32) -> SigningKey {
    let seed = Sha256::digest(format!("a key for tests, number {id}"));
    SigningKey::from_slice(&seed).expect("a key")
}

/// A signed token: RFC 7515, section 3.1.
pub fn signed(key: &SigningKey, header: &Value, claims: &Value) -> String {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(header), part(claims));
    let signature: Signature = key.sign(text.as_bytes());
    format!(
        "{text}.{}",
        BASE64_URL_SAFE_NO_PAD.encode(signature.to_bytes())
    )
}

impl OpenIdProvider {
    pub async fn start() -> Self {
        let upstream = Upstream::start().await;
        let state = Arc::new(Mutex::new(State {
            key: new_key(1),
            key_id: 1,
            codes: HashMap::new(),
            userinfo: HashMap::new(),
            handed_out: 0,
        }));
        let (issuer, answering) = (upstream.url(), Arc::clone(&state));
        upstream.always(move |request| answer(&issuer, request, &answering));
        Self { upstream, state }
    }

    pub fn issuer(&self) -> String {
        self.upstream.url()
    }

    /// Requests that have arrived so far whose path ends like that.
    pub fn asked_for(&self, end: &str) -> usize {
        let received = self.upstream.received();
        received.iter().filter(|r| r.path.ends_with(end)).count()
    }

    /// Answers nothing but errors from now on.
    pub fn fail(&self) {
        self.upstream.always(|_| Answer::error(503, "{}"));
    }

    /// Signs with another key from now on.
    pub fn rotate(&self) {
        let mut state = self.lock();
        state.key_id += 1;
        state.key = new_key(state.key_id);
    }

    /// Somebody of whom `userinfo` holds is signed in at the provider and sent back: the query of the callback.
    /// The ID token has `claims`, and by `sign` the test has the last word about it.
    pub fn consent_with(
        &self,
        asked: &Asked,
        claims: &Value,
        userinfo: Value,
        sign: impl FnOnce(&SigningKey, Value, &Value) -> String,
    ) -> String {
        assert_eq!(asked.get("response_type"), "code");
        assert_eq!(asked.get("client_id"), CLIENT_ID);
        assert_eq!(asked.get("code_challenge_method"), "S256");
        let mut state = self.lock();
        state.handed_out += 1;
        let code = format!("code-{}", state.handed_out);
        let header = json!({"alg": "ES256", "typ": "JWT", "kid": state.key_id.to_string()});
        let granted = Granted {
            challenge: asked.get("code_challenge").to_owned(),
            redirect: asked.get("redirect_uri").to_owned(),
            token: sign(&state.key, header, claims),
            userinfo,
        };
        state.codes.insert(code.clone(), granted);
        let query = form_urlencoded(&[("code", &code), ("state", asked.get("state"))]);
        format!("{query}&iss={}", encoded(&self.issuer()))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic elsewhere")
    }
}

fn form_urlencoded(pairs: &[(&str, &str)]) -> String {
    let mut url = Url::parse("http://x/").expect("a URL");
    url.query_pairs_mut().extend_pairs(pairs);
    url.query().unwrap_or_default().to_owned()
}

fn encoded(text: &str) -> String {
    app::url::encode(text)
}

fn answer(issuer: &str, request: &Received, state: &Mutex<State>) -> Answer {
    let mut state = state.lock().expect("no panic elsewhere");
    let path = request.path.split('?').next().unwrap_or_default();
    match path.strip_prefix("/v1").unwrap_or_default() {
        "/.well-known/openid-configuration" => Answer::json(
            json!({
                "issuer": issuer,
                "authorization_endpoint": format!("{issuer}/authorize"),
                "token_endpoint": format!("{issuer}/token"),
                "userinfo_endpoint": format!("{issuer}/userinfo"),
                "jwks_uri": format!("{issuer}/jwks"),
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256"],
            })
            .to_string(),
        ),
        "/jwks" => {
            let point = state.key.verifying_key().to_sec1_point(false);
            let coordinate =
                |at: usize| BASE64_URL_SAFE_NO_PAD.encode(&point.as_bytes()[at..at + 32]);
            let key = json!({
                "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256",
                "kid": state.key_id.to_string(), "x": coordinate(1), "y": coordinate(33),
            });
            Answer::json(json!({"keys": [key]}).to_string())
        }
        "/token" => match redeemed(request, &mut state) {
            Ok(granted) => {
                let access = format!("access-{}", state.userinfo.len());
                state.userinfo.insert(access.clone(), granted.userinfo);
                let tokens = json!({
                    "access_token": access, "token_type": "Bearer", "expires_in": 60,
                    "id_token": granted.token,
                });
                Answer::json(tokens.to_string())
            }
            Err(error) => Answer::error(400, json!({"error": error}).to_string()),
        },
        "/userinfo" => {
            let bearer = request.header("authorization").strip_prefix("Bearer ");
            match bearer.and_then(|token| state.userinfo.get(token)) {
                Some(userinfo) => Answer::json(userinfo.to_string()),
                None => Answer::error(401, "{}"),
            }
        }
        _ => Answer::error(404, "{}"),
    }
}

/// RFC 6749, section 4.1.3, and RFC 7636, section 4.6.
fn redeemed(request: &Received, state: &mut State) -> Result<Granted, &'static str> {
    let client = request.header("authorization").strip_prefix("Basic ");
    let client = client.and_then(|client| BASE64_STANDARD.decode(client).ok());
    let expected = form_urlencoded(&[("s", CLIENT_SECRET)]);
    let expected = format!("{CLIENT_ID}:{}", expected.trim_start_matches("s="));
    if client.as_deref() != Some(expected.as_bytes()) {
        return Err("invalid_client");
    }
    let form = Url::parse(&format!("http://x/?{}", request.text())).expect("a form");
    let form: HashMap<String, String> = form.query_pairs().into_owned().collect();
    let get = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let granted = state.codes.remove(get("code")).ok_or("invalid_grant")?;
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(get("code_verifier")));
    let right = get("grant_type") == "authorization_code"
        && get("redirect_uri") == granted.redirect
        && challenge == granted.challenge;
    right.then_some(granted).ok_or("invalid_grant")
}
