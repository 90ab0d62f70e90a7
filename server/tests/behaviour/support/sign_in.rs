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
}
