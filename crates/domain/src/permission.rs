//! Which backends the keys of a user may use.

use serde::{Deserialize, Serialize};

use crate::{BackendId, Timestamp, UserId};

/// A user may use a backend. Who has none may use all or none, as the configuration says; who has some may
/// use only these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permission {
    pub id: i64,
    pub user_id: UserId,
    pub backend_id: BackendId,
    pub created_at: Timestamp,
}
