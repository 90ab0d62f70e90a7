//! The user's own API.

use super::super::{
    Section, Who,
    operation::{get, post},
    schemas::{
        accounts::Key,
        user::{
            Credentials, DaySpend, Me, ModelSpend, MonthSpend, NewPassword, SignedIn, UserSignedIn,
        },
    },
};

pub fn sections() -> Vec<Section> {
    let signing_in = Section {
        tag: "Signing in",
        about: "",
        who: Who::Everybody,
        operations: vec![
            post("/user/login", "Sign in as a user")
                .takes::<Credentials>()
                .gives::<UserSignedIn>()
                .signs_in(),
        ],
    };
    let own = Section {
        tag: "Of one's own",
        about: "What users see of themselves.",
        who: Who::User,
        operations: vec![
            post("/user/change-password", "Change the password")
                .about("Ends all tokens and sessions; the new token goes on.")
                .takes::<NewPassword>()
                .gives::<SignedIn>()
                .signs_in(),
            get("/user/me", "Who one is, and what one may still spend")
                .gives::<Me>()
                .must_change(),
            get("/user/keys", "One's keys, masked")
                .lists::<Key>()
                .must_change(),
            get("/user/usage/daily", "Today, by model")
                .lists::<ModelSpend>()
                .must_change(),
            get("/user/usage/monthly", "This month, by model")
                .lists::<ModelSpend>()
                .must_change(),
            get("/user/history", "Months, the present one first")
                .lists::<MonthSpend>()
                .must_change(),
            get("/user/daily-history", "Days, today first")
                .lists::<DaySpend>()
                .must_change(),
        ],
    };
    vec![signing_in, own]
}
