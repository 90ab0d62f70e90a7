//! Whether AWS knows who the router is: one signed `GetCallerIdentity` of its Security Token Service, which
//! needs no permission and costs nothing. It leaves by [`crate::egress`] like everything else.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sts::{
    Client,
    config::{
        HttpClient, RuntimeComponents, SharedHttpClient, http::HttpRequest, http::HttpResponse,
        retry::RetryConfig,
    },
    error::DisplayErrorContext,
};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    result::ConnectorError,
};
use aws_smithy_types::body::SdkBody;

use crate::{egress, settings::BedrockSettings};

/// Where to ask if no region is configured; any knows.
const ANY_REGION: &str = "us-east-1";

/// How long finding credentials and asking may take together.
const PATIENCE: Duration = Duration::from_secs(15);

/// Who AWS takes the router for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsIdentity {
    pub account: String,
    pub arn: String,
}

/// Asks as a backend of Bedrock would, by its profile and region, or by AWS's own defaults.
///
/// # Errors
/// Why not, for an operator to read.
pub async fn aws_status(bedrock: Option<&BedrockSettings>) -> Result<AwsIdentity, String> {
    let asked = async {
        let mut loader = aws_config::defaults(BehaviorVersion::latest());
        if let Some(profile) = bedrock.and_then(|bedrock| bedrock.profile.as_ref()) {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = bedrock.and_then(|bedrock| bedrock.region.as_ref()) {
            loader = loader.region(Region::new(region.clone()));
        }
        ask(&loader.load().await).await
    };
    let in_time = tokio::time::timeout(PATIENCE, asked).await;
    in_time.unwrap_or_else(|_| Err("no answer within 15 seconds".to_owned()))
}

async fn ask(shared: &SdkConfig) -> Result<AwsIdentity, String> {
    let client = egress::json_client().map_err(|error| error.to_string())?;
    let mut config = aws_sdk_sts::config::Builder::from(shared)
        .http_client(SharedHttpClient::new(Ask { client }))
        .retry_config(RetryConfig::disabled());
    if shared.region().is_none() {
        config = config.region(Region::new(ANY_REGION));
    }
    let asked = Client::from_conf(config.build());
    let known = asked.get_caller_identity().send().await;
    let known = known.map_err(|error| DisplayErrorContext(error).to_string())?;
    Ok(AwsIdentity {
        account: known.account.unwrap_or_default(),
        arn: known.arn.unwrap_or_default(),
    })
}

/// The SDK's way to the network.
#[derive(Clone, Debug)]
struct Ask {
    client: reqwest::Client,
}

impl HttpClient for Ask {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Ask {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.client.clone();
        HttpConnectorFuture::new(async move {
            let request = request
                .try_into_http1x()
                .map_err(|error| ConnectorError::user(error.into()))?;
            let (head, body) = request.into_parts();
            let body = body.bytes().unwrap_or_default().to_vec();
            // An address in figures is not resolved, and so is looked at here.
            egress::checked_uri(&head.uri.to_string())
                .map_err(|error| ConnectorError::user(error.into()))?;
            let sent = client
                .request(head.method, head.uri.to_string())
                .headers(head.headers)
                .body(body)
                .send();
            let answer = sent.await.map_err(|e| ConnectorError::io(e.into()))?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            let body = answer.bytes().await;
            let body = body.map_err(|error| ConnectorError::io(error.into()))?;
            let mut response = http::Response::new(SdkBody::from(body));
            *response.status_mut() = status;
            *response.headers_mut() = headers;
            HttpResponse::try_from(response)
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sts::config::{Credentials, SharedCredentialsProvider};
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;

    /// Answers one request and gives back what it was.
    async fn service(answer: &'static str) -> (String, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let asked = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a client");
            let mut text = Vec::new();
            while !String::from_utf8_lossy(&text).contains("Action=GetCallerIdentity") {
                let mut piece = [0; 4_096];
                let read = stream.read(&mut piece).await.expect("a request");
                text.extend_from_slice(&piece[..read]);
            }
            stream.write_all(answer.as_bytes()).await.expect("sent");
            String::from_utf8(text).expect("UTF-8")
        });
        (url, asked)
    }

    fn config(url: String) -> SdkConfig {
        let key = Credentials::new("AKIDTEST", "secret", None, None, "test");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .credentials_provider(SharedCredentialsProvider::new(key))
            .endpoint_url(url)
            .build()
    }

    #[tokio::test]
    async fn the_signed_question_is_answered_with_the_account() {
        let (url, asked) = service(
            "HTTP/1.1 200 OK\r\ncontent-type: text/xml\r\nconnection: close\r\n\r\n\
             <GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
             <GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/router</Arn>\
             <UserId>AIDA</UserId><Account>123456789012</Account></GetCallerIdentityResult>\
             <ResponseMetadata><RequestId>x</RequestId></ResponseMetadata>\
             </GetCallerIdentityResponse>",
        )
        .await;
        let known = ask(&config(url)).await.expect("an identity");
        assert_eq!(known.account, "123456789012");
        assert_eq!(known.arn, "arn:aws:iam::123456789012:user/router");
        let asked = asked.await.expect("a request").to_lowercase();
        assert!(asked.contains("authorization: aws4-hmac-sha256 credential=akidtest/"));
    }

    #[tokio::test]
    async fn a_refusal_says_why() {
        let (url, _) = service(
            "HTTP/1.1 403 Forbidden\r\ncontent-type: text/xml\r\nconnection: close\r\n\r\n\
             <ErrorResponse><Error><Type>Sender</Type><Code>InvalidClientTokenId</Code>\
             <Message>The security token is invalid.</Message></Error></ErrorResponse>",
        )
        .await;
        let refused = ask(&config(url)).await.expect_err("a refusal");
        assert!(refused.contains("InvalidClientTokenId"), "{refused}");
        // And no configuration leads to a metadata service.
        let forbidden = ask(&config("http://169.254.169.254".to_owned())).await;
        let forbidden = forbidden.expect_err("a refusal");
        assert!(forbidden.contains("never connects"), "{forbidden}");
    }
}
