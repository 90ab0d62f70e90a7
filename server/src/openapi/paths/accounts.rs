//! Users, keys, teams, tokens, sessions, permissions.

use super::super::{
    Section, Who,
    operation::{delete, get, patch, post, put},
    schemas::{
        Done,
        accounts::{
            CreatedTeam, CreatedToken, CreatedUser, Key, KeyInput, Link, Member, MemberInput,
            NewLink, NewToken, NewUser, Permission, PermissionInput, RegeneratedKey, Rotation,
            Session, ShownKey, Team, TeamInput, Token, User, UserChange,
        },
        user::{Credentials, SignedIn},
    },
};

pub fn sections() -> Vec<Section> {
    vec![
        signing_in(),
        users(),
        sessions(),
        keys(),
        teams(),
        tokens(),
        permissions(),
    ]
}

fn signing_in() -> Section {
    Section {
        tag: "Signing in",
        about: "Tokens in place of keys.",
        who: Who::Everybody,
        operations: vec![
            post("/admin/login", "Sign in as an admin")
                .about("The token stands for the master key, which stays where it is.")
                .takes::<Credentials>()
                .gives::<SignedIn>()
                .signs_in(),
        ],
    }
}

fn users() -> Section {
    Section {
        tag: "Users",
        about: "Who has keys, and what they may spend.",
        who: Who::Admin,
        operations: vec![
            get("/admin/users", "All users").lists::<User>(),
            post("/admin/users", "Make a user with a first key")
                .takes::<NewUser>()
                .gives::<CreatedUser>()
                .conflicts(),
            patch(
                "/admin/users/{id}",
                "Change budgets, limits or activity; reset spends",
            )
            .takes::<UserChange>()
            .gives::<Done>()
            .not_found()
            .conflicts(),
            get("/admin/users/{id}", "One user")
                .gives::<User>()
                .not_found(),
            put(
                "/admin/users/{id}",
                "Change a user, and answer with what they are then",
            )
            .takes::<UserChange>()
            .gives::<User>()
            .not_found()
            .conflicts(),
            post(
                "/admin/users/{id}/regenerate-api-key",
                "A new secret for the user's oldest key; the old one ends at once",
            )
            .gives::<RegeneratedKey>()
            .not_found()
            .conflicts(),
            delete("/admin/users/{id}", "Delete a user and their keys")
                .about("The ledger keeps what they spent.")
                .gives::<Done>()
                .not_found()
                .conflicts(),
        ],
    }
}

fn sessions() -> Section {
    Section {
        tag: "Sessions",
        about: "Where users are signed in, and links by which they choose a password.",
        who: Who::Admin,
        operations: vec![
            get(
                "/admin/users/{id}/sessions",
                "Sessions of a user, the last used first",
            )
            .lists::<Session>()
            .not_found(),
            delete("/admin/users/{id}/sessions", "Sign a user out everywhere")
                .gives::<Done>()
                .not_found(),
            delete("/admin/users/{id}/sessions/{handle}", "End a session")
                .gives::<Done>()
                .not_found(),
            post(
                "/admin/users/{id}/link",
                "Make a link by which a user chooses a password",
            )
            .takes::<NewLink>()
            .gives::<Link>()
            .not_found()
            .conflicts(),
        ],
    }
}

fn keys() -> Section {
    Section {
        tag: "Keys",
        about: "Virtual keys.",
        who: Who::Admin,
        operations: vec![
            get("/admin/users/{id}/keys", "Keys of a user, masked")
                .lists::<Key>()
                .not_found(),
            post("/admin/users/{id}/keys", "Make a key")
                .takes::<KeyInput>()
                .gives::<ShownKey>()
                .not_found(),
            patch("/admin/keys/{key}", "Change a key")
                .takes::<KeyInput>()
                .gives::<Done>()
                .not_found()
                .conflicts(),
            delete("/admin/keys/{key}", "Delete a key")
                .gives::<Done>()
                .not_found(),
            post("/admin/keys/{key}/rotate", "Give a key a new secret")
                .takes::<Rotation>()
                .gives::<ShownKey>()
                .not_found()
                .conflicts(),
            post("/admin/keys/{key}/revoke", "End a key for good")
                .gives::<Done>()
                .not_found()
                .conflicts(),
        ],
    }
}

fn teams() -> Section {
    Section {
        tag: "Teams",
        about: "Users who share keys and a budget.",
        who: Who::Admin,
        operations: vec![
            get("/admin/teams", "All teams").lists::<Team>(),
            post("/admin/teams", "Make a team")
                .takes::<TeamInput>()
                .gives::<CreatedTeam>()
                .conflicts(),
            get("/admin/teams/{id}", "A team")
                .gives::<Team>()
                .not_found(),
            patch("/admin/teams/{id}", "Change a team; reset spends")
                .takes::<TeamInput>()
                .gives::<Done>()
                .not_found()
                .conflicts(),
            delete("/admin/teams/{id}", "Delete a team and its keys")
                .about("The ledger keeps what they spent.")
                .gives::<Done>()
                .not_found(),
            get("/admin/teams/{id}/members", "Members of a team")
                .lists::<Member>()
                .not_found(),
            post(
                "/admin/teams/{id}/members",
                "Add a member, or change their role",
            )
            .takes::<MemberInput>()
            .gives::<Done>()
            .not_found()
            .conflicts(),
            delete("/admin/teams/{id}/members/{user}", "Remove a member")
                .gives::<Done>()
                .not_found()
                .conflicts(),
            get("/admin/teams/{id}/keys", "Keys of a team, masked")
                .lists::<Key>()
                .not_found(),
            post("/admin/teams/{id}/keys", "Make a key of a team")
                .takes::<KeyInput>()
                .gives::<ShownKey>()
                .not_found(),
        ],
    }
}

fn tokens() -> Section {
    Section {
        tag: "API tokens",
        about: "What opens this API in place of the master key.",
        who: Who::Admin,
        operations: vec![
            get("/admin/tokens", "All tokens, the newest first").lists::<Token>(),
            post("/admin/tokens", "Make a token")
                .takes::<NewToken>()
                .gives::<CreatedToken>(),
            delete("/admin/tokens/{token}", "Revoke a token")
                .gives::<Done>()
                .not_found(),
        ],
    }
}

fn permissions() -> Section {
    Section {
        tag: "Permissions",
        about: "Which backends the keys of a user may use; a user without any may use all, or none if \
            `auth.deny_unpermitted` says so.",
        who: Who::Admin,
        operations: vec![
            get("/admin/permissions", "All permissions").lists::<Permission>(),
            post("/admin/permissions", "Permit a backend")
                .takes::<PermissionInput>()
                .creates::<Permission>()
                .not_found()
                .conflicts(),
            delete("/admin/permissions", "Withdraw a permission")
                .wants_number("user_id", "Whose.")
                .wants_number("backend_id", "For which backend.")
                .gives::<Done>()
                .not_found(),
            get("/admin/permissions/user/{id}", "Permissions of a user").lists::<Permission>(),
            get(
                "/admin/permissions/backend/{id}",
                "Permissions for a backend",
            )
            .lists::<Permission>(),
        ],
    }
}
