//! What the control plane asks of the rest of the router: whether settings can be used, to put them into
//! force, and how the backends are. The server provides it, since only it knows both planes.

use async_trait::async_trait;
use domain::{
    BackendId, KeyId, Timestamp,
    configured::{ConnectionTest, RoutingView, SettingProblem},
    routing::RouteExplanation,
    script::RecordedRequest,
    status::RouterStatus,
};
use serde_json::Value;
use storage::RouteSection;

/// An entry in the words of the configuration file, with what is secret.
#[derive(Clone)]
pub struct RouteEntry {
    /// `None`: it is not stored yet.
    pub id: Option<i64>,
    pub section: RouteSection,
    pub value: Value,
    pub note: String,
}

/// It holds secrets.
impl std::fmt::Debug for RouteEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RouteEntry")
            .field("id", &self.id)
            .field("section", &self.section)
            .finish_non_exhaustive()
    }
}

/// An entry that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// Its number among those that were given.
    pub entry: usize,
    /// At least one.
    pub problems: Vec<SettingProblem>,
}

/// A request that nobody has made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainInput {
    pub model: String,
    /// Whose permissions hold; without one nobody's do.
    pub key_id: Option<KeyId>,
    /// `openai`, `responses` or `anthropic`.
    pub dialect: String,
    pub stream: bool,
    pub images: bool,
    pub tools: bool,
    pub input_tokens: u64,
    pub max_output_tokens: Option<u64>,
}

/// The router beside the control plane.
#[async_trait]
pub trait DataPlane: Send + Sync {
    /// Those of `entries` that could not be used beside the configuration file.
    ///
    /// # Errors
    /// The file itself cannot be used at present; says why.
    fn unusable(&self, entries: &[RouteEntry]) -> Result<Vec<Unusable>, String>;

    /// Text in the file's format, as JSON.
    ///
    /// # Errors
    /// What is wrong with the text, and where.
    fn parse(&self, text: &str) -> Result<Value, String>;

    /// All that is configured, wherever it comes from. `stored` is what is stored, without secrets.
    fn view(&self, stored: &[RouteEntry]) -> RoutingView;

    /// How the router and its backends are, without what is not for everybody.
    fn status(&self) -> RouterStatus;

    /// Records requests for a while; or stops, and forgets what was recorded.
    fn record(&self, on: bool);

    /// Until when requests are recorded, and what was, the newest first.
    fn recorded(&self) -> (Option<Timestamp>, Vec<RecordedRequest>);

    /// Asks a backend that need not be stored for its models.
    async fn test(&self, entry: &RouteEntry) -> ConnectionTest;

    /// Asks a backend in force for its models and offers them.
    ///
    /// # Errors
    /// Why it did not tell them.
    async fn refresh_models(&self, backend: BackendId) -> Result<u64, String>;

    /// Ends every rest of a backend.
    fn end_rests(&self, backend: BackendId);

    /// `None`: there is no such key.
    fn explain(&self, input: &ExplainInput) -> Option<RouteExplanation>;

    /// The models that a key could ask for, by name; `None`: there is no such key.
    fn models_of_key(&self, key: KeyId) -> Option<Vec<String>>;
}
