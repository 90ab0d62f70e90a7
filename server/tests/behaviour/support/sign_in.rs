//! Sessions of the dashboards, carried as a browser carries them.

use reqwest::{Method, RequestBuilder};

use super::{Reply, TestApp, User};

/// The name and value of the session's cookie.
#[derive(Clone, Debug)]
pub struct Session(pub String);

impl TestApp {
    /// Calls a server function with a form, as a page with JavaScript does.
    pub fn call(&self, path: &str, form: &[(&str, &str)]) -> RequestBuilder {
        self.request(Method::POST, path)
            .header("accept", "application/json")
            .header("sec-fetch-site", "same-origin")
            .form(form)
    }

    pub async fn sign_in(&self, name: &str, password: &str) -> Session {
        let form = [("name", name), ("password", password), ("next", "")];
        let reply = Reply::of(self.call("/_fn/sign-in", &form)).await;
        assert!(reply.status < 400, "{}: {}", reply.status, reply.text());
        let cookie = reply.header("set-cookie").split(';').next();
        Session(cookie.expect("a cookie").to_owned())
    }

    /// Signs a new user in, who chooses a password of their own first.
    pub async fn sign_in_first(&self, user: &User) -> Session {
        let session = self.sign_in(&user.name, &user.password).await;
        let chosen = "a password of one's own";
        let form = [
            ("current", user.password.as_str()),
            ("password", chosen),
            ("repeat", chosen),
        ];
        let call = self.call("/_fn/account/password", &form);
        let reply = Reply::of(call.header("cookie", &session.0)).await;
        assert!(reply.status < 400, "{}: {}", reply.status, reply.text());
        session
    }

    /// A read-only admin, made by an admin who has signed in.
    pub async fn viewer(&self, admin: &Session) -> Session {
        let password = "a password to look with";
        let form = [
            ("name", "viewer"),
            ("email", ""),
            ("role", "viewer"),
            ("password", password),
            ("daily_budget", ""),
            ("monthly_budget", ""),
        ];
        let call = self.call("/_fn/admin/users/create", &form);
        let reply = Reply::of(call.header("cookie", &admin.0)).await;
        assert!(reply.status < 400, "{}: {}", reply.status, reply.text());
        self.sign_in("viewer", password).await
    }

    /// A session that has come to its end.
    pub async fn expired(&self, name: &str, password: &str) -> Session {
        use sqlx::Connection as _;
        let session = self.sign_in(name, password).await;
        let path = format!("sqlite://{}/router.db", self.folder.path().display());
        let file = sqlx::SqliteConnection::connect(&path).await;
        let id = session.0.split('=').nth(1).expect("an id");
        let done = sqlx::query("update sessions set expires_at = 1 where id = $1")
            .bind(id)
            .execute(&mut file.expect("a file"))
            .await
            .expect("expired");
        assert_eq!(done.rows_affected(), 1);
        session
    }

    /// A token of the admin API with that scope.
    pub async fn token(&self, scope: &str) -> String {
        let body = serde_json::json!({"name": scope, "scope": scope});
        let made = self.admin(Method::POST, "/admin/tokens", body).await;
        made["token"].as_str().expect("a token").to_owned()
    }
}
