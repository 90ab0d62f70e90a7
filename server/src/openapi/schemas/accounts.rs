//! Users, keys, teams, tokens, sessions, permissions, the audit log.

use serde_json::Value;
use utoipa::ToSchema;

use super::Money;

/// What a signed-in person may do.
#[derive(Debug, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Admin,
    Viewer,
    User,
}

/// What a member may do in a team.
#[derive(Debug, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TeamRole {
    Owner,
    Member,
}

/// `read` sees everything and changes nothing.
#[derive(Debug, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenScope {
    Read,
    Admin,
}

/// For the first password, or for a new one.
#[derive(Debug, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LinkKind {
    Invite,
    Reset,
}

#[derive(Debug, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyStatus {
    Active,
    Disabled,
    Expired,
    Revoked,
}

answers_with_terms! {
    /// A user and what they have spent.
    struct User {
        id: i64,
        name: String,
        email: Option<String>,
        role: Role,
        active: bool,
        /// The same as `active`.
        is_active: bool,
        /// The same as `monthly_budget`.
        max_budget: f64,
        /// The same as `monthly_spend`.
        spend: f64,
        /// Dollars
        monthly_spend: f64,
        /// Dollars
        daily_spend: f64,
        /// How many they have.
        keys: u32,
        /// Milliseconds since 1970
        created_at: i64,
    }

    /// A virtual key, masked, and what was spent by it.
    struct Key {
        id: i64,
        /// The first and last characters.
        key: String,
        user_id: Option<i64>,
        team_id: Option<i64>,
        label: String,
        status: KeyStatus,
        active: bool,
        /// The same as `active`.
        is_active: bool,
        /// Milliseconds since 1970
        revoked_at: Option<i64>,
        /// Milliseconds since 1970; null never expires.
        expires_at: Option<i64>,
        /// Patterns; none allows all.
        allowed_models: Vec<String>,
        /// None allows all.
        allowed_backends: Vec<String>,
        /// Addresses and networks; none allows all.
        allowed_addresses: Vec<String>,
        tags: Vec<String>,
        /// Dollars
        daily_spend: f64,
        /// Dollars
        monthly_spend: f64,
        /// Milliseconds since 1970
        created_at: i64,
        /// Milliseconds since 1970
        last_used_at: Option<i64>,
        /// The key before the last rotation, as long as it works.
        retiring: Option<RetiringKey>,
    }

    /// A team and what it has spent.
    struct Team {
        id: i64,
        name: String,
        active: bool,
        /// The same as `active`.
        is_active: bool,
        /// How many it has.
        members: u32,
        /// How many it has.
        keys: u32,
        /// Dollars
        monthly_spend: f64,
        /// Dollars
        daily_spend: f64,
        /// Milliseconds since 1970
        created_at: i64,
    }
}

answers! {
    /// A key that still works beside the one that it was rotated to.
    struct RetiringKey {
        key: String,
        /// Milliseconds since 1970
        valid_until: i64,
    }

    /// A new user. Key and password are in this answer only.
    struct CreatedUser {
        id: i64,
        name: String,
        monthly_budget: f64,
        daily_budget: f64,
        api_key: Option<String>,
        /// Generated; to be changed when they first sign in.
        password: Option<String>,
    }

    /// A user's key with a new secret, which is in this answer only.
    struct RegeneratedKey {
        /// The user's.
        id: i64,
        key_id: i64,
        api_key: String,
    }

    /// A key that was made or rotated. It is in this answer only.
    struct ShownKey {
        id: i64,
        key: String,
        label: String,
        /// Milliseconds since 1970
        expires_at: Option<i64>,
    }

    /// A new team.
    struct CreatedTeam {
        id: i64,
        name: String,
    }

    /// A member of a team.
    struct Member {
        user_id: i64,
        name: String,
        role: TeamRole,
    }

    /// A token of the admin API, without what it opens by.
    struct Token {
        id: i64,
        name: String,
        /// The user; null: made with the master key.
        owner: Option<i64>,
        owner_name: Option<String>,
        /// The first characters.
        prefix: String,
        /// The last four characters.
        last4: String,
        scope: TokenScope,
        /// Milliseconds since 1970; null never expires.
        expires_at: Option<i64>,
        revoked_at: Option<i64>,
        created_at: i64,
        /// To the minute.
        last_used_at: Option<i64>,
        /// Whether it opens anything.
        active: bool,
    }

    /// A token of the admin API, shown this once.
    struct CreatedToken {
        id: i64,
        name: String,
        owner: Option<i64>,
        owner_name: Option<String>,
        prefix: String,
        last4: String,
        scope: TokenScope,
        expires_at: Option<i64>,
        revoked_at: Option<i64>,
        created_at: i64,
        last_used_at: Option<i64>,
        active: bool,
        token: String,
    }

    /// A session of the dashboards.
    struct Session {
        /// Names the session among those of its user, and opens nothing.
        handle: String,
        created_at: Option<i64>,
        /// Without activity it ends then.
        expires_at: i64,
        /// What the browser said that it is.
        agent: Option<String>,
        /// Where it was begun.
        address: Option<String>,
    }

    /// A link by which a user chooses a password, shown this once.
    struct Link {
        kind: LinkKind,
        /// The user's name.
        user: String,
        /// Milliseconds since 1970
        expires_at: i64,
        /// Begins with its path where `server.public_url` is not set.
        url: String,
    }

    /// A user's permission for a backend.
    struct Permission {
        id: i64,
        user_id: i64,
        backend_id: i64,
        /// ISO 8601
        created_at: String,
    }

    /// A page of the audit log, the newest first.
    struct AuditPage {
        total: u64,
        page: u32,
        per_page: u32,
        rows: Vec<AuditRow>,
    }

    /// Something that somebody did.
    struct AuditRow {
        /// Counts up without gaps.
        seq: i64,
        /// Milliseconds since 1970
        at: i64,
        actor: Actor,
        /// Such as `user.create`
        action: String,
        subject: Option<Subject>,
        /// What it was called at the time.
        subject_name: Option<String>,
        before: Value,
        after: Value,
        /// Over the row before and this one.
        hash: String,
    }

    /// Who did it.
    struct Actor {
        kind: ActorKind,
        user_id: Option<i64>,
        name: String,
    }

    /// What it was done to.
    struct Subject {
        kind: String,
        id: String,
    }
}

/// By what somebody showed who they are.
#[derive(Debug, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    User,
    Token,
    MasterKey,
    Nobody,
}

requests_with_terms! {
    /// A user, who gets a first key.
    struct NewUser {
        name: String,
        email: Option<String>,
    }

    /// What is changed about a user.
    struct UserChange {
        name: Option<String>,
        /// Null: none.
        email: Option<String>,
        active: Option<bool>,
        /// The same as `active`.
        is_active: Option<bool>,
        /// Sets this month's spend back to zero.
        reset_spend: Option<bool>,
        /// Sets today's spend back to zero.
        reset_daily_spend: Option<bool>,
    }

    /// What is chosen about a key; what is not named stays, or has its default.
    struct KeyInput {
        label: Option<String>,
        /// Milliseconds since 1970; null never expires.
        expires_at: Option<i64>,
        allowed_models: Option<Vec<String>>,
        allowed_backends: Option<Vec<String>>,
        /// Addresses and networks.
        allowed_addresses: Option<Vec<String>>,
        tags: Option<Vec<String>>,
        active: Option<bool>,
        /// The same as `active`.
        is_active: Option<bool>,
    }

    /// What is chosen about a team; what is not named stays, or has its default.
    struct TeamInput {
        name: Option<String>,
        active: Option<bool>,
        /// The same as `active`.
        is_active: Option<bool>,
        /// Sets this month's spend back to zero.
        reset_spend: Option<bool>,
        /// Sets today's spend back to zero.
        reset_daily_spend: Option<bool>,
    }
}

requests! {
    /// How a key is rotated.
    struct Rotation {
        /// Seconds for which the present key goes on working; 0 ends it at once.
        overlap_seconds: Option<u32>,
    }

    /// A member of a team.
    struct MemberInput {
        user_id: i64,
        /// `member` where it is missing.
        #[schema(nullable = false)]
        role: Option<TeamRole>,
    }

    /// A new token of the admin API.
    struct NewToken {
        name: String,
        /// `read` where it is missing.
        #[schema(nullable = false)]
        scope: Option<TokenScope>,
        /// Milliseconds since 1970; null never expires.
        expires_at: Option<i64>,
    }

    /// What a link is for.
    struct NewLink {
        kind: LinkKind,
    }

    /// A user and a backend.
    struct PermissionInput {
        user_id: i64,
        backend_id: i64,
    }
}
