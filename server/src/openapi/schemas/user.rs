//! The user's own API.

answers! {
    /// The token of who has signed in.
    struct UserSignedIn {
        ok: bool,
        /// For `x-user-token`
        token: String,
        user_id: i64,
        name: String,
        must_change_password: bool,
    }

    /// A token.
    struct SignedIn {
        ok: bool,
        token: String,
    }

    /// Who one is, and what one may still spend.
    struct Me {
        id: i64,
        name: String,
        email: Option<String>,
        active: bool,
        is_active: bool,
        monthly_budget: f64,
        monthly_spend: f64,
        /// null: unlimited
        monthly_remaining: Option<f64>,
        /// When the budget will probably be used up.
        monthly_ends_at: Option<String>,
        monthly_resets_at: String,
        daily_budget: f64,
        daily_spend: f64,
        daily_remaining: Option<f64>,
        daily_ends_at: Option<String>,
        daily_resets_at: String,
        created_at: i64,
    }

    struct ModelSpend {
        model: String,
        requests: u64,
        input_tokens: u64,
        output_tokens: u64,
        /// Dollars
        cost: f64,
    }

    struct MonthSpend {
        month: String,
        budget: f64,
        spend: f64,
    }

    struct DaySpend {
        day: String,
        budget: f64,
        spend: f64,
    }

    /// What the owner of a virtual key may still spend, in dollars; unlimited budgets are 0.
    struct Budget {
        daily_budget: f64,
        daily_spend: f64,
        daily_remaining: Option<f64>,
        monthly_budget: f64,
        monthly_spend: f64,
        monthly_remaining: Option<f64>,
    }
}

requests! {
    struct Credentials {
        username: String,
        #[schema(format = Password)]
        password: String,
    }

    struct NewPassword {
        #[schema(format = Password)]
        current_password: String,
        #[schema(format = Password)]
        new_password: String,
    }
}
