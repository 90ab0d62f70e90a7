//! Scripts and their secrets.

use super::super::{
    Section, Who,
    operation::{delete, get, post, put},
    schemas::{
        Done,
        scripts::{
            NewScript, RollBack, Script, ScriptChange, ScriptReport, ScriptSecret, ScriptTrial,
            ScriptVersion, SecretInput,
        },
    },
};

pub fn sections() -> Vec<Section> {
    let scripts = Section {
        tag: "Scripts",
        about: "What requests and answers pass on their way.",
        who: Who::Admin,
        operations: vec![
            get(
                "/admin/scripts",
                "All scripts, in the order in which requests pass them",
            )
            .lists::<Script>(),
            post("/admin/scripts", "Make a script")
                .about("What is broken is stored, and fails when it is run.")
                .takes::<NewScript>()
                .creates::<Script>()
                .conflicts(),
            get("/admin/scripts/active", "Scripts that are run").lists::<Script>(),
            get("/admin/scripts/type/{type}", "Scripts of a type").lists::<Script>(),
            get("/admin/scripts/{id}", "A script")
                .gives::<Script>()
                .not_found(),
            put("/admin/scripts/{id}", "Change what is sent of a script")
                .takes::<ScriptChange>()
                .gives::<Script>()
                .not_found()
                .conflicts(),
            delete("/admin/scripts/{id}", "Delete a script")
                .gives_nothing()
                .not_found(),
            post(
                "/admin/scripts/{id}/activate",
                "Run a script; ends a suspension",
            )
            .gives::<Script>()
            .not_found(),
            post("/admin/scripts/{id}/deactivate", "Run a script no longer")
                .gives::<Script>()
                .not_found(),
            post(
                "/admin/scripts/{id}/test",
                "What a script makes of a request, an answer or events",
            )
            .takes::<ScriptTrial>()
            .gives::<ScriptReport>()
            .not_found(),
            get(
                "/admin/scripts/{id}/versions",
                "Versions of a script, the newest first",
            )
            .lists::<ScriptVersion>()
            .not_found(),
            post(
                "/admin/scripts/{id}/rollback",
                "The code of a version again, as a new one",
            )
            .takes::<RollBack>()
            .gives::<Script>()
            .not_found(),
        ],
    };
    let secrets = Section {
        tag: "Secrets of scripts",
        about: "What scripts get by `secrets.get`. Values are never given out.",
        who: Who::Admin,
        operations: vec![
            get("/admin/script-secrets", "Names of all secrets").lists::<ScriptSecret>(),
            put("/admin/script-secrets/{name}", "Set a secret")
                .takes::<SecretInput>()
                .gives::<Done>(),
            delete("/admin/script-secrets/{name}", "Delete a secret")
                .gives_nothing()
                .not_found(),
        ],
    };
    vec![scripts, secrets]
}
