//! Which backends users may use.

use domain::{BackendId, UserId, permission::Permission};

use serde_json::json;

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
        admin: &Admin,
        user: UserId,
        backend: BackendId,
    ) -> Result<Permission, ControlError> {
        let act = admin.does("permission.grant").on(user);
        self.change(act, move |control| async move {
            let now = control.now();
            let before = control.permitted(user).await?;
            let granted = control.db().grant_permission(user, backend, now).await?;
            control.tell_permissions(user, before).await?;
            Ok(granted)
        })
        .await
    }

    /// # Errors
    /// [`ControlError::NotFound`]: there is no such permission.
    pub async fn revoke_permission(
        &self,
        admin: &Admin,
        user: UserId,
        backend: BackendId,
    ) -> Result<(), ControlError> {
        let act = admin.does("permission.revoke").on(user);
        self.change(act, move |control| async move {
            let before = control.permitted(user).await?;
            found(control.db().revoke_permission(user, backend).await?)?;
            control.tell_permissions(user, before).await
        })
        .await
    }

    /// Permits some backends to a user and takes others back, all or nothing.
    ///
    /// # Errors
    /// [`ControlError::NotFound`]: there is no such user or backend.
    pub async fn change_permissions(
        &self,
        admin: &Admin,
        user: UserId,
        add: Vec<BackendId>,
        remove: Vec<BackendId>,
    ) -> Result<(), ControlError> {
        let act = admin.does("permission.change").on(user);
        self.change(act, move |control| async move {
            let (db, now) = (control.db(), control.now());
            let before = control.permitted(user).await?;
            for backend in add {
                db.grant_permission(user, backend, now).await?;
            }
            for backend in remove {
                // Somebody else may have taken it back meanwhile.
                db.revoke_permission(user, backend).await?;
            }
            control.tell_permissions(user, before).await
        })
        .await
    }

    /// The names of the backends that a user is permitted.
    async fn permitted(&self, user: UserId) -> Result<Vec<String>, ControlError> {
        let all = self.db().permissions().await?;
        let names = self.db().backend_names().await?;
        let permitted = |id| all.iter().any(|p| p.user_id == user && p.backend_id == id);
        let named = names.into_iter().filter(|(id, _)| permitted(*id));
        Ok(named.map(|(_, name)| name).collect())
    }

    /// For the audit log.
    async fn tell_permissions(
        &self,
        user: UserId,
        before: Vec<String>,
    ) -> Result<(), ControlError> {
        let name = self.user(user).await?.name;
        let told = |backends| json!({"name": name, "backends": backends});
        self.tell_before(&told(before));
        self.tell_after(&told(self.permitted(user).await?));
        Ok(())
    }
}
