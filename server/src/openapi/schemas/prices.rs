//! Prices of deployments. Amounts are in dollars: per million tokens, per image, per minute of audio, per
//! thousand searches.

use utoipa::ToSchema;

use super::Money;

/// Where a price comes from.
#[derive(Debug, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PriceSource {
    Catalogue,
    Environment,
    File,
    Admin,
}

/// How soon a request is answered.
#[derive(Debug, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ServiceTier {
    Standard,
    Batch,
    Flex,
    Priority,
}

answers! {
    /// What a deployment costs, and what it cost before.
    struct DeploymentPrices {
        deployment_id: i64,
        backend: String,
        model: String,
        active: bool,
        current: Option<PriceRecord>,
        history: Vec<PriceRecord>,
    }

    /// A price from a time on.
    struct PriceRecord {
        id: i64,
        source: PriceSource,
        /// Milliseconds since 1970
        effective_from: i64,
        /// null: from then on there is none from this source.
        price: Option<Price>,
    }

    struct Price {
        input: f64,
        cache_read: f64,
        cache_write_5m: f64,
        cache_write_1h: f64,
        output: f64,
        #[schema(nullable = false)]
        long_context: Option<Vec<LongContext>>,
        #[schema(nullable = false)]
        service_tiers: Option<Vec<ServicePrice>>,
        #[schema(nullable = false)]
        image: Option<f64>,
        #[schema(nullable = false)]
        audio_minute: Option<f64>,
        #[schema(nullable = false)]
        search_thousand: Option<f64>,
    }

    /// What long inputs cost.
    struct LongContext {
        /// From more tokens than these on.
        above: u64,
        input: f64,
        cache_read: f64,
        cache_write_5m: f64,
        cache_write_1h: f64,
        output: f64,
    }

    /// What another tier of service costs.
    struct ServicePrice {
        tier: ServiceTier,
        input: f64,
        cache_read: f64,
        cache_write_5m: f64,
        cache_write_1h: f64,
        output: f64,
        #[schema(nullable = false)]
        long_context: Option<Vec<LongContext>>,
    }

    /// The price that was set.
    struct SetPrice {
        ok: bool,
        id: i64,
    }
}

requests! {
    /// A price. What is not named costs as much as input.
    struct PriceInput {
        input: Money,
        output: Money,
        cache_read: Option<Money>,
        cache_write_5m: Option<Money>,
        cache_write_1h: Option<Money>,
        #[schema(nullable = false)]
        long_context: Option<Vec<LongContextInput>>,
        #[schema(nullable = false)]
        service_tiers: Option<Vec<ServicePriceInput>>,
        image: Option<Money>,
        audio_minute: Option<Money>,
        search_thousand: Option<Money>,
        /// Milliseconds since 1970; from now on where it is missing.
        effective_from: Option<i64>,
    }

    struct LongContextInput {
        above: u64,
        input: Money,
        output: Money,
        cache_read: Option<Money>,
        cache_write_5m: Option<Money>,
        cache_write_1h: Option<Money>,
    }

    struct ServicePriceInput {
        tier: ServiceTier,
        input: Money,
        output: Money,
        cache_read: Option<Money>,
        cache_write_5m: Option<Money>,
        cache_write_1h: Option<Money>,
        #[schema(nullable = false)]
        long_context: Option<Vec<LongContextInput>>,
    }
}
