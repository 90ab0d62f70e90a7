"""Upstreams that are not there or do not speak the protocol: the client gets a clear, typed error and no bill."""
import pytest

import litellm_proxy
from dialects import OPENAI, both_dialects
from router import UPSTREAM_KEY

streams = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


def check(dialect, account, model, status, stream):
    error = dialect.refused("APIStatusError", account, dialect.model(model), stream=stream)
    assert error.status_code == status, error.response.text
    assert error.response.headers["content-type"].startswith("application/json")
    for secret in (UPSTREAM_KEY, "<h1>", "<!DOCTYPE"):
        assert secret not in error.response.text
    assert account.budget()["daily_spend"] == 0
    return error


@both_dialects
@streams
@pytest.mark.parametrize("model", ["html", "not-json"])
def test_an_upstream_that_answers_something_else(account, dialect, stream, model):
    check(dialect, account, model, 502, stream)


@both_dialects
@streams
def test_an_upstream_whose_errors_are_html(account, dialect, stream):
    check(dialect, account, "html-503", 503, stream)


@both_dialects
@streams
def test_an_upstream_that_is_not_there(account, dialect, stream):
    error = check(dialect, account, "nobody", 502, stream)
    assert "nobody" in error.message, "the message names the backend"
    assert "127.0.0.1" not in error.message, "and not its address"


@both_dialects
def test_a_wrong_base_url(account, dialect):
    """404 from upstream: whatever the status, the client must learn that it is not its own model's name that is wrong."""
    error = check(dialect, account, "not-found", 404, False)
    assert "not-found" in error.message


@both_dialects
def test_retry_after_is_handed_on(account, dialect):
    error = check(dialect, account, "limited", 429, False)
    assert error.response.headers["retry-after"] == "7" and "slow down" in error.message


@streams
def test_a_group_goes_on_to_the_member_that_works(account, stream):
    """The first member is not there, the second answers HTML, the third is LiteLLM."""
    answer = OPENAI.ask(account, "resilient", stream=stream)
    text = "".join(c.choices[0].delta.content or "" for c in answer if c.choices) if stream else OPENAI.text_of(answer)
    assert text == litellm_proxy.TEXT
