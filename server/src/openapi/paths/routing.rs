//! Backends, groups, rewrites, prices, reloading, explaining.

use super::super::{
    Section, Who,
    operation::{delete, get, patch, post, put},
    schemas::{
        Anything, Done,
        prices::{DeploymentPrices, PriceInput, SetPrice},
        routing::{
            Backend, BackendInput, ConnectionTest, ExplainInput, Group, GroupInput,
            RefreshedModels, ReloadOptions, ReloadProblems, Reloaded, Rewrite, RewriteInput,
            RouteExplanation,
        },
        status::AwsStatus,
    },
};

pub fn sections() -> Vec<Section> {
    vec![backends(), groups(), rewrites(), prices(), configuration()]
}

fn backends() -> Section {
    Section {
        tag: "Backends",
        about: "Where requests are sent. Those of the configuration file are listed and not changed here.",
        who: Who::Admin,
        operations: vec![
            get("/admin/backends", "All backends").lists::<Backend>(),
            post("/admin/backends", "Make a backend")
                .takes::<BackendInput>()
                .creates::<Backend>()
                .conflicts(),
            post(
                "/admin/backends/test",
                "Ask the backend that the body describes for its models",
            )
            .takes::<BackendInput>()
            .gives::<ConnectionTest>()
            .conflicts(),
            get("/admin/backends/{id}", "A backend")
                .gives::<Backend>()
                .not_found(),
            put("/admin/backends/{id}", "Replace a backend")
                .about("Secrets that are not sent stay.")
                .takes::<BackendInput>()
                .gives::<Backend>()
                .not_found()
                .conflicts(),
            patch("/admin/backends/{id}", "Change what is sent of a backend")
                .takes::<BackendInput>()
                .gives::<Backend>()
                .not_found()
                .conflicts(),
            delete("/admin/backends/{id}", "Delete a backend")
                .gives::<Done>()
                .not_found()
                .conflicts(),
            post(
                "/admin/backends/{id}/refresh-models",
                "Ask a backend for its models again",
            )
            .gives::<RefreshedModels>()
            .not_found()
            .conflicts(),
            post(
                "/admin/backends/{id}/clear-cooldown",
                "Let a backend that rests be asked again",
            )
            .gives::<Done>()
            .not_found(),
        ],
    }
}

fn groups() -> Section {
    Section {
        tag: "Groups",
        about: "Deployments that go by one name.",
        who: Who::Admin,
        operations: vec![
            get("/admin/groups", "All groups").lists::<Group>(),
            post("/admin/groups", "Make a group")
                .takes::<GroupInput>()
                .creates::<Anything>()
                .conflicts(),
            put("/admin/groups/{id}", "Replace a group")
                .takes::<GroupInput>()
                .gives::<Anything>()
                .not_found()
                .conflicts(),
            delete("/admin/groups/{id}", "Delete a group")
                .gives::<Done>()
                .not_found()
                .conflicts(),
        ],
    }
}

fn rewrites() -> Section {
    Section {
        tag: "Rewrites",
        about: "Names of models that stand for others.",
        who: Who::Admin,
        operations: vec![
            get("/admin/rewrites", "All rewrites").lists::<Rewrite>(),
            post("/admin/rewrites", "Make a rewrite")
                .takes::<RewriteInput>()
                .creates::<Anything>()
                .conflicts(),
            put("/admin/rewrites/{id}", "Replace a rewrite")
                .takes::<RewriteInput>()
                .gives::<Anything>()
                .not_found()
                .conflicts(),
            delete("/admin/rewrites/{id}", "Delete a rewrite")
                .gives::<Done>()
                .not_found()
                .conflicts(),
        ],
    }
}

fn prices() -> Section {
    Section {
        tag: "Prices",
        about: "Dollars per million tokens, per image, per minute of audio, per thousand searches.",
        who: Who::Admin,
        operations: vec![
            get(
                "/admin/prices",
                "What each deployment costs, and what it cost before",
            )
            .lists::<DeploymentPrices>(),
            put(
                "/admin/prices/{deployment}",
                "Set a price that comes before what is configured",
            )
            .takes::<PriceInput>()
            .gives::<SetPrice>()
            .not_found()
            .conflicts(),
            delete(
                "/admin/prices/{deployment}",
                "Back to the price that is configured",
            )
            .gives::<Done>()
            .not_found()
            .conflicts(),
        ],
    }
}

fn configuration() -> Section {
    Section {
        tag: "Configuration",
        about: "What is configured, and what comes of it.",
        who: Who::Admin,
        operations: vec![
            post(
                "/admin/reload",
                "Read the configuration again, or say what that would change",
            )
            .may_take::<ReloadOptions>()
            .gives::<Reloaded>()
            .fails_with::<ReloadProblems>("422", "It cannot be used; everything stays as it was."),
            post("/admin/route/explain", "What would become of a request")
                .about("A token that only reads may ask this, too.")
                .takes::<ExplainInput>()
                .gives::<RouteExplanation>(),
            get("/admin/aws-status", "Whether AWS knows who the router is").gives::<AwsStatus>(),
        ],
    }
}
