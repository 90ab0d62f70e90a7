//! Talking with the provider: what it says of itself, the address that visitors are sent to, and the code that
//! they come back with, redeemed for what the provider has signed about them. All of it is checked here as
//! OpenID Connect Core 1.0 asks for (section 3.1.3.7): signature, issuer, audience, end, nonce.

use std::{
    error::Error,
    time::{Duration, UNIX_EPOCH},
};

use anyhow::Context as _;
use domain::Timestamp;
use openidconnect::{
    AccessTokenHash, AdditionalClaims, AuthType, AuthorizationCode, ClaimsVerificationError,
    Client, ClientId, ClientSecret, CsrfToken, EmptyExtraTokenFields, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IdTokenFields, IdTokenVerifier,
    IssuerUrl, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl,
    RequestTokenError, Scope, SignatureVerificationError, StandardErrorResponse,
    StandardTokenResponse, TokenResponse as _,
    core::{
        CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreClientAuthMethod,
        CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm, CoreProviderMetadata, CoreRevocableToken,
        CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
    },
    url::Url,
};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use super::Pending;
use crate::config::OidcConfig;

/// What a provider says of itself is asked for again after so long.
const KEPT_MS: i64 = 3_600_000;

/// A signature by a key that is not known lets it be asked for again, but no sooner than after this.
const KEYS_KEPT_MS: i64 = 10_000;

/// Longest answer of a provider, in bytes.
const MAX_ANSWER: usize = 1 << 20;

/// With these a provider may sign: by a key that only it has.
const SIGNED_WITH: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// Why the provider's word is not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProviderError {
    /// It does not answer, or not with what a provider answers.
    #[error("the provider cannot be reached, or does not answer as one")]
    Unreachable(#[source] Cause),
    /// It does not take the code, or this router for its client.
    #[error("the provider does not redeem the code")]
    Code(#[source] Cause),
    /// What it says of somebody does not hold.
    #[error("what the provider says is not proven")]
    Claims(#[source] Cause),
}

type Cause = Box<dyn Error + Send + Sync>;

/// Claims beyond those that the specification names.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct OtherClaims {
    #[serde(flatten)]
    claims: Map<String, Value>,
}

impl AdditionalClaims for OtherClaims {}

type Tokens = StandardTokenResponse<
    IdTokenFields<
        OtherClaims,
        EmptyExtraTokenFields,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    >,
    CoreTokenType,
>;

/// The library's client, as it is made of what a provider says of itself.
type ProviderClient = Client<
    OtherClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// What a provider said of itself, and when.
#[derive(Clone, Debug)]
struct Known {
    metadata: CoreProviderMetadata,
    at: Timestamp,
}

/// The provider, asked when somebody wants to sign in and not before.
#[derive(Debug)]
pub(super) struct Provider {
    client: reqwest::Client,
    config: OidcConfig,
    known: Mutex<Option<Known>>,
}

impl Provider {
    pub(super) fn new(config: &OidcConfig) -> anyhow::Result<Self> {
        let client = gateway::egress::json_client();
        Ok(Self {
            client: client.context("failed to make a client for the OpenID provider")?,
            config: config.clone(),
            known: Mutex::default(),
        })
    }

    /// Where to send somebody, and what to keep until they come back.
    ///
    /// # Errors
    /// [`ProviderError::Unreachable`].
    pub(super) async fn begin(
        &self,
        redirect: String,
        next: Option<String>,
        now: Timestamp,
    ) -> Result<(Url, Pending), ProviderError> {
        let client = self.client_of(self.metadata(now, KEPT_MS).await?, &redirect)?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        // The library asks for `openid` itself.
        let scopes = self.config.scopes.iter().filter(|scope| *scope != "openid");
        let (url, state, nonce) = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .add_scopes(scopes.cloned().map(Scope::new))
            .set_pkce_challenge(challenge)
            .url();
        let pending = Pending {
            state: state.into_secret(),
            nonce: nonce.secret().clone(),
            verifier: verifier.into_secret(),
            redirect,
            next,
            begun_at: now.0,
        };
        Ok((url, pending))
    }

    /// What the provider says about whoever came back with `code`.
    ///
    /// # Errors
    /// See [`ProviderError`].
    pub(super) async fn redeem(
        &self,
        code: String,
        pending: &Pending,
        now: Timestamp,
    ) -> Result<Map<String, Value>, ProviderError> {
        let mut client = self.client_of(self.metadata(now, KEPT_MS).await?, &pending.redirect)?;
        let http = |request| send(self.client.clone(), request);
        let tokens = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(unreachable)?
            .set_pkce_verifier(PkceCodeVerifier::new(pending.verifier.clone()))
            .request_async(&http)
            .await
            .map_err(|error| match error {
                RequestTokenError::Request(error) => unreachable(error),
                error => ProviderError::Code(Box::new(error)),
            })?;
        let claims = match proven(&client, &tokens, pending, now) {
            // The provider may have changed its keys since it was asked for them.
            Err(ClaimsVerificationError::SignatureVerification(
                SignatureVerificationError::NoMatchingKey,
            )) => {
                let metadata = self.metadata(now, KEYS_KEPT_MS).await?;
                client = self.client_of(metadata, &pending.redirect)?;
                proven(&client, &tokens, pending, now)
            }
            proven => proven,
        };
        let (subject, mut claims) =
            claims.map_err(|error| ProviderError::Claims(Box::new(error)))?;
        // Many providers say there what else they know, such as the e-mail address or groups.
        let access = tokens.access_token().clone();
        if let Ok(request) = client.user_info(access, Some(subject)) {
            let more: openidconnect::UserInfoClaims<OtherClaims, CoreGenderClaim> = request
                .request_async(&http)
                .await
                .map_err(|error| match error {
                    openidconnect::UserInfoError::Request(error) => unreachable(error),
                    error => ProviderError::Claims(Box::new(error)),
                })?;
            for (name, value) in members(&more) {
                claims.entry(name).or_insert(value);
            }
        }
        Ok(claims)
    }

    /// What the provider says of itself, at most `kept_ms` old. Whoever comes meanwhile waits for the same answer.
    async fn metadata(
        &self,
        now: Timestamp,
        kept_ms: i64,
    ) -> Result<CoreProviderMetadata, ProviderError> {
        let mut known = self.known.lock().await;
        if let Some(known) = &*known
            && now.millis_since(known.at) < kept_ms
        {
            return Ok(known.metadata.clone());
        }
        let issuer = IssuerUrl::new(self.config.issuer.as_str().to_owned());
        let http = |request| send(self.client.clone(), request);
        let found = CoreProviderMetadata::discover_async(issuer.map_err(unreachable)?, &http).await;
        let metadata = found.map_err(unreachable)?;
        *known = Some(Known {
            metadata: metadata.clone(),
            at: now,
        });
        Ok(metadata)
    }

    fn client_of(
        &self,
        metadata: CoreProviderMetadata,
        redirect: &str,
    ) -> Result<ProviderClient, ProviderError> {
        let ways = metadata.token_endpoint_auth_methods_supported();
        let in_body = ways.is_some_and(|ways| {
            !ways.contains(&CoreClientAuthMethod::ClientSecretBasic)
                && ways.contains(&CoreClientAuthMethod::ClientSecretPost)
        });
        let secret = self.config.client_secret.as_ref();
        let client = ProviderClient::from_provider_metadata(
            metadata,
            ClientId::new(self.config.client_id.clone()),
            secret.map(|secret| ClientSecret::new(secret.expose_secret().to_owned())),
        );
        let redirect = RedirectUrl::new(redirect.to_owned()).map_err(unreachable)?;
        let client = client.set_redirect_uri(redirect);
        Ok(match in_body {
            true => client.set_auth_type(AuthType::RequestBody),
            false => client,
        })
    }
}

/// What the provider has signed, with the subject, if it holds.
fn proven(
    client: &ProviderClient,
    tokens: &Tokens,
    pending: &Pending,
    now: Timestamp,
) -> Result<(openidconnect::SubjectIdentifier, Map<String, Value>), ClaimsVerificationError> {
    let other = |what: &str| ClaimsVerificationError::Other(what.to_owned());
    let token = tokens.id_token();
    let token = token.ok_or_else(|| other("there is no ID token"))?;
    let since = Duration::from_millis(u64::try_from(now.0).unwrap_or_default());
    let verifier: IdTokenVerifier<'_, CoreJsonWebKey> = client
        .id_token_verifier()
        .set_allowed_algs(SIGNED_WITH)
        .set_time_fn(move || (UNIX_EPOCH + since).into());
    let claims = token.claims(&verifier, &Nonce::new(pending.nonce.clone()))?;
    // The library leaves this one to others.
    if let Some(party) = claims.authorized_party()
        && **party != **client.client_id()
    {
        return Err(other("the ID token was made for another client"));
    }
    if let Some(expected) = claims.access_token_hash() {
        let signed = ClaimsVerificationError::SignatureVerification;
        let algorithm = token.signing_alg().map_err(signed)?;
        let key = token.signing_key(&verifier).map_err(signed)?;
        let found = AccessTokenHash::from_token(tokens.access_token(), algorithm, key);
        if found.ok().as_ref() != Some(expected) {
            return Err(other("the ID token belongs to another access token"));
        }
    }
    Ok((claims.subject().clone(), members(claims)))
}

/// Claims by name.
fn members(claims: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(claims) {
        Ok(Value::Object(members)) => members
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .collect(),
        _ => Map::new(),
    }
}

fn unreachable(error: impl Error + Send + Sync + 'static) -> ProviderError {
    ProviderError::Unreachable(Box::new(error))
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error(transparent)]
    Egress(#[from] gateway::egress::EgressError),
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    #[error("the answer is longer than {MAX_ANSWER} bytes")]
    TooLong,
}

/// The library's requests, by the one way out.
async fn send(client: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, FetchError> {
    gateway::egress::checked_uri(&request.uri().to_string())?;
    let mut answer = client.execute(request.try_into()?).await?;
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await? {
        if body.len() + piece.len() > MAX_ANSWER {
            return Err(FetchError::TooLong);
        }
        body.extend_from_slice(&piece);
    }
    let mut response = HttpResponse::new(body);
    *response.status_mut() = answer.status();
    *response.headers_mut() = std::mem::take(answer.headers_mut());
    Ok(response)
}
