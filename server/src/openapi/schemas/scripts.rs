//! Scripts, their versions, trials and secrets.

use serde_json::Value;
use utoipa::ToSchema;

/// Whose requests pass a script.
#[derive(Debug, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ScriptType {
    Global,
    PerUser,
    PerKey,
    PerBackend,
    PerUserBackend,
}

/// What becomes of a request whose script fails.
#[derive(Debug, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnScriptError {
    Skip,
    Fail,
}

#[derive(Debug, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ConsoleLevel {
    Debug,
    Log,
    Info,
    Warn,
    Error,
}

answers! {
    struct Script {
        id: i64,
        name: String,
        script_type: ScriptType,
        target_user_id: Option<i64>,
        target_key_id: Option<i64>,
        target_backend_id: Option<i64>,
        script_code: String,
        is_active: bool,
        on_error: OnScriptError,
        /// Smaller ones are passed first.
        position: i32,
        version: u32,
        /// Milliseconds since 1970
        suspended_at: Option<i64>,
        suspended_reason: Option<String>,
        /// Why it cannot be run.
        broken: Option<String>,
        calls: Option<u64>,
        failures: Option<u64>,
        last_error: Value,
        created_at: i64,
        updated_at: i64,
    }

    struct BeforeAfter {
        before: Value,
        after: Value,
        changed: bool,
    }

    struct ConsoleLine {
        level: ConsoleLevel,
        text: String,
    }

    struct ScriptVersion {
        version: u32,
        script_code: String,
        author: Option<String>,
        /// Milliseconds since 1970
        created_at: i64,
    }

    /// A secret, without its value.
    struct ScriptSecret {
        name: String,
        /// Milliseconds since 1970
        updated_at: i64,
    }
}

requests! {
    /// A new script.
    struct NewScript {
        name: String,
        script_type: ScriptType,
        target_user_id: Option<i64>,
        target_key_id: Option<i64>,
        target_backend_id: Option<i64>,
        script_code: String,
        on_error: Option<OnScriptError>,
        position: Option<i32>,
        is_active: Option<bool>,
    }

    /// What is changed about a script; other code is a new version.
    struct ScriptChange {
        name: Option<String>,
        script_type: Option<ScriptType>,
        target_user_id: Option<i64>,
        target_key_id: Option<i64>,
        target_backend_id: Option<i64>,
        script_code: Option<String>,
        on_error: Option<OnScriptError>,
        position: Option<i32>,
        is_active: Option<bool>,
    }

    /// What a script is tried with. Nothing is sent.
    struct ScriptTrial {
        /// An object.
        #[schema(value_type = Object)]
        request: Value,
        response: Option<Value>,
        #[schema(nullable = false)]
        chunks: Option<Vec<Value>>,
        user: Option<Value>,
        backend: Option<Value>,
        /// Other code than what is stored.
        script_code: Option<String>,
    }

    struct RollBack {
        /// Which version's code is wanted again.
        version: u32,
    }

    struct SecretInput {
        value: String,
    }
}

/// What a script made of a trial.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ScriptReport {
    pub success: bool,
    /// Milliseconds inside the script.
    pub execution_time: f64,
    pub has_on_request: bool,
    pub has_on_response: bool,
    pub has_on_chunk: bool,
    pub has_on_route: bool,
    pub has_on_error: bool,
    pub request: Option<BeforeAfter>,
    pub response: Option<BeforeAfter>,
    pub chunks: Option<BeforeAfter>,
    pub console: Vec<ConsoleLine>,
    /// Bytes of the script's heap.
    pub memory: Option<u64>,
    pub error: Option<String>,
    pub stack: Option<String>,
}
