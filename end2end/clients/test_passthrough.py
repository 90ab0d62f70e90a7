"""Same dialect in and out: the upstream gets the client's own bytes, and the client the upstream's, but for the model.

The bodies have what a parser would change: spaces, unknown fields, an escape, a number with a trailing zero, one
beyond 64 bits, and two fields of the same name."""
import json

import pytest

from dialects import ANTHROPIC, both_dialects
from router import UPSTREAM_KEY
from upstream import CHAT, MESSAGE, STREAMED

BODY = (r'''{ "messages" : [{"role":"user","content":"caf\u00e9 \ud83d\ude00","unknown":{"model":"not this one"}}],
	"model":  "MODEL"  ,"max_tokens":50,"temperature":1.10, "seed":12345678901234567890, "x_list":[ ], "x_twice":1,"x_twice":2 }''')


def last(upstream, prefix):
    return [r for r in upstream.received if r.path.startswith(f"/{prefix}/")][-1]


@both_dialects
def test_the_request_is_the_clients_bytes(account, upstream, dialect):
    name = "echo" if dialect is not ANTHROPIC else "echo-message"
    model = dialect.model(name)
    answer = account.post(f"{dialect.path}?beta=true", BODY.replace("MODEL", f"company-{model}").encode(), anthropic_beta="some-beta-2026-01-01", **dialect.headers())
    assert answer.status_code == 200, answer.text
    got = last(upstream, name)
    assert got.body.decode() == BODY.replace("MODEL", model)
    assert account.key not in json.dumps(got.headers), "the client's key stays here"
    assert UPSTREAM_KEY in json.dumps(got.headers)
    if dialect is ANTHROPIC:
        assert got.path == "/echo-message/v1/messages?beta=true"
        assert (got.headers["anthropic-beta"], got.headers["anthropic-version"]) == ("some-beta-2026-01-01", "2023-06-01")
    else:
        assert got.path.startswith("/echo/v1/chat/completions")


@both_dialects
def test_the_answer_is_the_upstreams_bytes(account, dialect):
    model, text = ("company-echo", CHAT) if dialect is not ANTHROPIC else ("company-claude-echo-message", MESSAGE)
    answer = account.post(dialect.path, BODY.replace("MODEL", model).encode(), **dialect.headers())
    assert answer.text == text.replace("upstream-name", model)


@pytest.mark.parametrize("asked", [False, True], ids=["usage not asked for", "usage asked for"])
def test_a_streams_events_are_the_upstreams_bytes(account, upstream, asked):
    body = '{"model":"company-echo-stream","messages":[{"role":"user","content":"hi"}],"stream":true' + (',"stream_options":{"include_usage":true}}' if asked else "}")
    answer = account.post("/v1/chat/completions", body.encode())
    assert answer.status_code == 200, answer.text
    events = STREAMED.replace("upstream-name", "company-echo-stream").split("\n\n")
    if not asked:
        events = [event for event in events if '"usage"' not in event]
    assert answer.text == "\n\n".join(events)
    assert json.loads(last(upstream, "echo-stream").body)["stream_options"] == {"include_usage": True}
