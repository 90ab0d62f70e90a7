//! Prices as admins see and set them. What an admin sets comes before what is configured, from its date
//! on; what was computed by older prices stays as it is.

use domain::{DeploymentId, Price, PriceId, Timestamp};
use storage::{KnownDeployment, PriceRecord, PriceSource};

use crate::{Admin, Change, Control, ControlError, error::found};

/// A deployment with every price that it has had, the newest first.
#[derive(Clone, Debug)]
pub struct DeploymentPrices {
    pub deployment: KnownDeployment,
    pub history: Vec<PriceRecord>,
}

impl DeploymentPrices {
    /// The row that holds at `now`; `None`: there is no price.
    #[must_use]
    pub fn current(&self, now: Timestamp) -> Option<&PriceRecord> {
        let holds = |record: &&PriceRecord| record.effective_from <= now;
        let is_admin = |record: &&PriceRecord| record.source == PriceSource::Admin;
        let admin = self.history.iter().filter(is_admin).find(holds);
        admin.filter(|record| record.price.is_some()).or_else(|| {
            let mut configured = self.history.iter().filter(|record| !is_admin(record));
            configured.clone().find(holds).or(configured.next_back())
        })
    }
}

impl Control {
    /// All deployments by backend and model.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_prices(&self, _: &Admin) -> Result<Vec<DeploymentPrices>, ControlError> {
        let deployments = self.db().deployments().await?;
        let mut histories = self.db().price_histories().await?;
        let prices = deployments.into_iter().map(|deployment| DeploymentPrices {
            history: histories.remove(&deployment.id).unwrap_or_default(),
            deployment,
        });
        Ok(prices.collect())
    }

    /// Sets what a deployment costs from `effective_from` on; `None`: from now on. The past cannot be
    /// repriced, since its rows are the bill.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], [`ControlError::Invalid`] for a date in the past.
    pub async fn set_price(
        &self,
        admin: &Admin,
        deployment: DeploymentId,
        price: Price,
        effective_from: Option<Timestamp>,
    ) -> Result<PriceId, ControlError> {
        use domain::validation::{Field, FieldError, Problem};
        let now = self.now();
        if effective_from.is_some_and(|from| from < now) {
            return Err(FieldError::new(Field::EffectiveFrom, Problem::InThePast).into());
        }
        if !price.is_valid() {
            return Err(FieldError::new(Field::Price, Problem::Negative).into());
        }
        let from = effective_from.unwrap_or(now);
        let act = admin.does("price.set").on(deployment);
        self.change_of(Change::Prices, act, move |control| async move {
            Ok(control
                .db()
                .set_price(deployment, &price, from, now)
                .await?)
        })
        .await
    }

    /// Goes back to the configured price.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] when no admin has set one.
    pub async fn withdraw_price(
        &self,
        admin: &Admin,
        deployment: DeploymentId,
    ) -> Result<(), ControlError> {
        let act = admin.does("price.withdraw").on(deployment);
        self.change_of(Change::Prices, act, move |control| async move {
            let now = control.now();
            found(control.db().withdraw_price(deployment, now).await?)
        })
        .await
    }
}
