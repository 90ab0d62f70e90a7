"""Errors of a provider of any kind: the client raises the exception that its own provider would have made it raise."""
import time

import anthropic
import openai
import pytest

from matrix import clients, kinds, streams
from standin import script, tagged
from talks import BrokenAnswer

SDKS = {"chat": openai, "responses": openai, "messages": anthropic}
# Status -> the exceptions of the two SDKs, and Anthropic's type.
EXCEPTIONS = {
    400: ("BadRequestError", "BadRequestError", "invalid_request_error"),
    401: ("AuthenticationError", "AuthenticationError", "authentication_error"),
    403: ("PermissionDeniedError", "PermissionDeniedError", "permission_error"),
    404: ("NotFoundError", "NotFoundError", "not_found_error"),
    429: ("RateLimitError", "RateLimitError", "rate_limit_error"),
    500: ("InternalServerError", "InternalServerError", "api_error"),
    503: ("InternalServerError", "ServiceUnavailableError", "api_error"),
    529: ("InternalServerError", "OverloadedError", "overloaded_error"),
}
# What Bedrock has no status for.
OF_BEDROCK = {401: 403, 529: 503}


@clients
@kinds
@streams
@pytest.mark.parametrize("said", EXCEPTIONS)
def test_the_right_exception(begin, client, kind, stream, said):
    """An error and not a stream, with the provider's own words and an id to ask for."""
    sdk, status = SDKS[client], OF_BEDROCK.get(said, said) if kind in ("converse", "invoke") else said
    of_openai, of_anthropic, type_of_anthropic = EXCEPTIONS[status]
    with pytest.raises(getattr(sdk, of_openai if sdk is openai else of_anthropic)) as failure:
        begin(client, kind, stream=stream).say(tagged(f"error-{said}")[0])
    error = failure.value
    assert error.status_code == status, error.response.text
    assert f"the stand-in says {said}" in error.message
    assert error.request_id and error.response.headers["content-type"].startswith("application/json")
    if sdk is anthropic:
        assert error.body["type"] == "error" and error.body["error"]["type"] == type_of_anthropic
    else:
        assert {"message", "type", "param", "code"} <= set(error.body)


@clients
@kinds
@streams
def test_a_conversation_that_is_too_long(begin, client, kind, stream):
    """Programs find out by the code or by the words, and then shorten it."""
    sdk = SDKS[client]
    with pytest.raises(sdk.BadRequestError) as failure:
        begin(client, kind, stream=stream).say(tagged("too-long")[0])
    if sdk is openai:
        assert failure.value.code == "context_length_exceeded"
    else:
        assert failure.value.body["error"]["type"] == "invalid_request_error"
        assert "too long" in failure.value.message or "maximum context length" in failure.value.message


@clients
@pytest.mark.parametrize("kind,stream", [("compatible", False), ("anthropic", True)])
def test_retry_after_is_obeyed(begin, standin, client, kind, stream):
    """Refused once, with a second to wait."""
    talk = begin(client, kind, stream=stream, retries=1)
    prompt, run = tagged("flaky")
    begun = time.monotonic()
    assert talk.say(prompt).text == script.TEXT
    assert time.monotonic() - begun >= 1 and len(standin.of(run)) == 2


@clients
@kinds
def test_request_ids(begin, client, kind):
    talk = begin(client, kind)
    talk.history += [talk.user(tagged("plain")[0], ())]
    answers = [talk.raw() for _ in range(2)]
    ids = [answer.headers["request-id" if client == "messages" else "x-request-id"] for answer in answers]
    assert all(ids) and ids[0] != ids[1]


@clients
@kinds
@pytest.mark.parametrize("scenario", ["breaks", "gone"])
def test_a_stream_that_breaks(begin, client, kind, scenario):
    """By an error event, or by a connection that ends: an error, and never an answer that merely looks short."""
    sdk = SDKS[client]
    with pytest.raises((sdk.APIError, BrokenAnswer)) as failure:
        begin(client, kind, stream=True).say(tagged(scenario)[0])
    assert not isinstance(failure.value, sdk.APIConnectionError), "the router says what happened"


@clients
@kinds
def test_half_an_answer(begin, client, kind):
    sdk = SDKS[client]
    with pytest.raises(sdk.InternalServerError) as failure:
        begin(client, kind).say(tagged("gone")[0])
    assert failure.value.status_code == 502
