//! Which backends users may use.

use domain::{BackendId, UserId, permission::Permission};

use crate::{Admin, Control, ControlError, error::found};

impl Control {
    /// All permissions.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn permissions(&self, _: &Admin) -> Result<Vec<Permission>, ControlError> {
        Ok(self.db().permissions().await?)
    }

    /// Lets a user's keys use a backend; from then on only those that are permitted.
    ///
    /// # Errors
    /// [`ControlError::NotFound`]: there is no such user or backend.
    pub async fn grant_permission(
        &self,
        _: &Admin,
        user: UserId,
        backend: BackendId,
    ) -> Result<Permission, ControlError> {
        self.change(move |control| async move {
            let now = control.now();
            Ok(control.db().grant_permission(user, backend, now).await?)
        })
        .await
    }

    /// # Errors
    /// [`ControlError::NotFound`]: there is no such permission.
    pub async fn revoke_permission(
        &self,
        _: &Admin,
        user: UserId,
        backend: BackendId,
    ) -> Result<(), ControlError> {
        self.change(move |control| async move {
            found(control.db().revoke_permission(user, backend).await?)
        })
        .await
    }

    /// Makes a user's permissions exactly these; none: nothing is said about the user.
    ///
    /// # Errors
    /// [`ControlError::NotFound`]: there is no such user or backend.
    pub async fn set_permissions(
        &self,
        _: &Admin,
        user: UserId,
        backends: Vec<BackendId>,
    ) -> Result<(), ControlError> {
        self.change(move |control| async move {
            let now = control.now();
            Ok(control.db().set_permissions(user, &backends, now).await?)
        })
        .await
    }
}
