"""Which credentials are accepted, and how the others are refused."""
import httpx
import pytest

from dialects import ANTHROPIC, OPENAI, both_dialects
from router import admin

BODY = b'{"model": "demo", "max_tokens": 20, "messages": [{"role": "user", "content": "hi"}]}'


@both_dialects
@pytest.mark.parametrize("header", ["authorization", "x-api-key"])
def test_both_headers_carry_a_key(account, dialect, header):
    value = f"Bearer {account.key}" if header == "authorization" else account.key
    headers = {header: value, "content-type": "application/json", "anthropic-version": "2023-06-01"}
    assert httpx.post(account.url + dialect.path, content=BODY, headers=headers).status_code == 200


@both_dialects
@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer"}, {"authorization": "Basic dXNlcjpwYXNz"}, {"x-api-key": ""}], ids=str)
def test_a_missing_key(router, dialect, headers):
    answer = httpx.post(router.url + dialect.path, content=BODY, headers={**headers, "content-type": "application/json"})
    assert answer.status_code == 401
    assert dialect.check_error(answer.text)["type"] == ("authentication_error" if dialect is ANTHROPIC else "invalid_request_error")


@both_dialects
def test_an_invalid_key(account, dialect):
    wrong = account.key[:-4] + "AAAA"
    error = dialect.refused("AuthenticationError", account, "demo", client={"api_key": wrong})
    assert wrong not in error.response.text
    told = dialect.check_error(error.response.text)
    assert told["code"] == "invalid_api_key" if dialect is OPENAI else told["type"] == "authentication_error"


@both_dialects
def test_models_need_a_key(account, dialect):
    with pytest.raises(dialect.sdk.AuthenticationError):
        dialect.client(account, api_key="sk-nobody").models.list()


@both_dialects
def test_a_disabled_user(account, dialect):
    assert dialect.ask(account, "demo")
    admin(account.url, "PATCH", f"/admin/users/{account.id}", {"active": False})
    dialect.refused("AuthenticationError", account, "demo")
    admin(account.url, "PATCH", f"/admin/users/{account.id}", {"active": True})
    assert dialect.ask(account, "demo")


@both_dialects
def test_a_deleted_user(account, dialect):
    admin(account.url, "DELETE", f"/admin/users/{account.id}")
    dialect.refused("AuthenticationError", account, "demo")


@both_dialects
def test_a_revoked_key_is_dead_and_its_sister_lives(account, dialect):
    second = admin(account.url, "POST", f"/admin/users/{account.id}/keys", {"label": "second"})["key"]
    assert dialect.ask(account, "demo", client={"api_key": second})
    admin(account.url, "PATCH", f"/admin/keys/{second}", {"active": False})
    dialect.refused("AuthenticationError", account, "demo", client={"api_key": second})
    admin(account.url, "DELETE", f"/admin/keys/{second}")
    dialect.refused("AuthenticationError", account, "demo", client={"api_key": second})
    assert dialect.ask(account, "demo")


def test_a_virtual_key_is_no_admin(account):
    answer = httpx.get(f"{account.url}/admin/usage", headers={"authorization": f"Bearer {account.key}"})
    assert answer.status_code in (401, 403)


def test_health_needs_no_key_and_tells_no_secret(router):
    answer = httpx.get(f"{router.url}/health")
    assert answer.status_code == 200 and answer.json()["status"] == "healthy"
    assert "http" not in answer.text and "sk-" not in answer.text
