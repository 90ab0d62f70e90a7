"""What is wrong with a request is said clearly, in the client's dialect, and costs nothing."""
import json
import re

import httpx
import pytest

from dialects import ANTHROPIC, OPENAI, both_dialects
from router import MAX_BODY

MESSAGES = [{"role": "user", "content": "hi"}]


@both_dialects
@pytest.mark.parametrize("asked", ["demoo", "Demo-Slow", "a typing error in an alias"])
def test_an_unknown_model_is_named_with_those_like_it(account, dialect, asked):
    near = {"demoo": "demo", "Demo-Slow": "demo-slow"}.get(asked, "company-gpt" if dialect is OPENAI else "company-claude")
    asked = near[:-1] if " " in asked else asked
    error = dialect.refused("NotFoundError", account, asked)
    # The near name can contain the wrong one: look at what the message says beside it.
    assert f'"{asked}"' in error.message or f"`{asked}`" in error.message or f"'{asked}'" in error.message
    assert re.search(rf"\b{re.escape(near)}\b", error.message), error.message
    told = dialect.check_error(error.response.text)
    if dialect is OPENAI:
        assert (told["code"], told["param"]) == ("model_not_found", "model")
    else:
        assert told["type"] == "not_found_error" and error.body["request_id"] == error.response.headers["request-id"]


@both_dialects
@pytest.mark.parametrize("body", [b'{"model": "demo", "messages"', b"", b"[]", b"null", b'"x"', b"17", b'\xff\xfe{"model": "demo"}', b'{"model": "demo"} and more'])
def test_what_is_not_a_json_object(account, dialect, body):
    answer = account.post(dialect.path, body, **dialect.headers())
    assert answer.status_code == 400, answer.text
    assert dialect.check_error(answer.text)["type"] == "invalid_request_error"
    assert "json" in answer.text.lower()


@both_dialects
@pytest.mark.parametrize("field,value", [("model", 7), ("model", None), ("messages", "hi"), ("messages", {}), ("messages", [7]), ("stream", "yes")])
def test_a_wrong_type(account, dialect, field, value):
    body = {"model": "demo", "max_tokens": 50, "messages": MESSAGES, field: value}
    answer = account.post(dialect.path, json.dumps(body).encode(), **dialect.headers())
    assert answer.status_code == 400, answer.text
    error = dialect.check_error(answer.text)
    assert error["type"] == "invalid_request_error" and field in error["message"]


@both_dialects
@pytest.mark.parametrize("field", ["model", "messages"])
def test_a_missing_field(account, dialect, field):
    body = {"model": "demo", "max_tokens": 50, "messages": MESSAGES}
    del body[field]
    answer = account.post(dialect.path, json.dumps(body).encode(), **dialect.headers())
    assert answer.status_code == 400, answer.text
    assert field in dialect.check_error(answer.text)["message"]


@both_dialects
def test_a_body_over_the_limit(account, dialect):
    """The SDK has sent all of a body before it reads the answer: the connection must not be torn down before that."""
    kind = "APIStatusError" if dialect is OPENAI else "RequestTooLargeError"
    error = dialect.refused(kind, account, "demo", "x" * (3 * MAX_BODY))
    assert error.status_code == 413
    assert any(named in error.message.replace(",", "") for named in ("1 MiB", "1MiB", "1.0 MiB", "1048576")), error.message


@both_dialects
def test_a_chunked_body_over_the_limit(account, dialect):
    """Without a content-length the limit shows only while reading."""
    headers = {"authorization": f"Bearer {account.key}", "content-type": "application/json", "anthropic-version": "2023-06-01"}
    answer = httpx.post(account.url + dialect.path, content=(b" " * 65536 for _ in range(2 * MAX_BODY // 65536)), headers=headers, timeout=30)
    assert answer.status_code == 413
    dialect.check_error(answer.text)


@both_dialects
def test_a_body_just_under_the_limit(account, dialect):
    assert dialect.ask(account, "demo", "x" * (MAX_BODY - 2000))


@both_dialects
def test_bad_requests_cost_nothing(account, dialect):
    account.post(dialect.path, b"{", **dialect.headers())
    dialect.refused("NotFoundError", account, "no-such-model")
    assert account.budget()["daily_spend"] == 0
    assert sum(row["total_cost"] for row in account.usage().values()) == 0


@pytest.mark.parametrize("path,dialect", [("/v1/no-such-path", OPENAI), ("/v1/messages/no-such-path", ANTHROPIC)], ids=str)
def test_a_path_that_does_not_exist(account, path, dialect):
    answer = account.post(path, b"{}", **dialect.headers())
    assert answer.status_code == 404
    dialect.check_error(answer.text)
