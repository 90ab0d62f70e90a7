"""Models that fail, by the demo's faults on demand and by LiteLLM's mock errors: the SDKs raise what they should."""
import pytest

from dialects import ANTHROPIC, OPENAI, both_dialects

streams = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


@both_dialects
@streams
@pytest.mark.parametrize("model,status,kind", [("demo-429", 429, "RateLimitError"), ("demo-500", 500, "InternalServerError"), ("mock-429", 429, "RateLimitError"), ("mock-500", 500, "InternalServerError")])
def test_an_upstreams_own_status(account, dialect, stream, model, status, kind):
    """One deployment tried: its status, as an error and not as a stream, even if a stream was asked for."""
    error = dialect.refused(kind, account, dialect.model(model), stream=stream)
    assert error.status_code == status
    if dialect is ANTHROPIC:
        assert error.body["error"]["type"] == ("rate_limit_error" if status == 429 else "api_error")


@both_dialects
def test_a_rate_limited_model_does_not_stop_its_neighbours(account, dialect):
    """Four refusals are enough for a cooldown, which is for the deployment and not for all of its backend."""
    for _ in range(4):
        dialect.refused("RateLimitError", account, "demo-429")
    assert dialect.text_of(dialect.ask(account, "demo"))


def test_a_stream_that_breaks_openai(account):
    """What came is kept, and the break is a typed error: not a stream that merely ends."""
    text = ""
    with pytest.raises(OPENAI.sdk.APIError) as failure:
        for chunk in OPENAI.ask(account, "demo-cut", stream=True):
            text += "".join(choice.delta.content or "" for choice in chunk.choices)
            assert not any(choice.finish_reason for choice in chunk.choices), "a broken answer must not look finished"
    assert text
    assert failure.value.message and {"message", "type", "param", "code"} <= set(failure.value.body)


def test_a_stream_that_breaks_anthropic(account):
    seen = []
    with pytest.raises(ANTHROPIC.sdk.APIStatusError) as failure:
        for event in ANTHROPIC.ask(account, "demo-cut", stream=True):
            seen.append(event.type)
    assert "content_block_delta" in seen and "message_stop" not in seen
    assert failure.value.body["type"] == "error" and failure.value.body["error"]["type"] in ("api_error", "overloaded_error")


@both_dialects
def test_an_answer_that_breaks(account, dialect):
    """Not streamed, half an answer is no answer."""
    assert dialect.refused("InternalServerError", account, "demo-cut").status_code == 502


@both_dialects
def test_what_a_broken_stream_delivered_is_billed(account, dialect):
    with pytest.raises(dialect.sdk.APIError):
        list(dialect.ask(account, "demo-cut", stream=True))
    row = account.usage()["demo-cut"]
    assert row["total_output"] > 0 and row["total_cost"] > 0
