"""Thinking: visible to every client, and given back to who thought it with its proof, byte for byte.

The stand-in itself refuses a proof that does not fit its text, and a conversation of tools without the thinking that
led to a call, as Anthropic does."""
import pytest

import weather_tool
from matrix import claude_everywhere, claudes, clients, everywhere, streams
from standin import Result, script, tagged


def answer_all(talk, answer):
    while answer.calls:
        answer = talk.give(*(Result(call.id, weather_tool.RESULT) for call in answer.calls))
    return answer


@everywhere
def test_thinking_is_shown(begin, client, kind, stream):
    talk = begin(client, kind, stream=stream, thinking=True)
    answer = talk.say(tagged("think")[0])
    assert answer.text == script.TEXT and "".join(text for text, _ in answer.thinking) == script.THOUGHT
    assert answer.stop == talk.STOPS["end"] and answer.usage["output"] == 12


@claude_everywhere
def test_three_turns_with_tools(begin, standin, client, kind, stream):
    talk = begin(client, kind, stream=stream, thinking=True, tools=True)
    prompt, run = tagged("think-trip")
    last = answer_all(talk, talk.say(prompt))
    thoughts = [f"{script.THOUGHT}Step {step}." for step in (1, 2, 3)]
    assert last.text == f"{weather_tool.RESULT}; {weather_tool.RESULT}" and last.thinking[0][0] == thoughts[2]
    requests = standin.of(run)
    assert [request.asked.thinking for request in requests] == [[(text, script.sign(text)) for text in thoughts[:count]] for count in (0, 1, 2)]


@claude_everywhere
def test_three_turns_without_tools(begin, standin, client, kind, stream):
    talk = begin(client, kind, stream=stream, thinking=True)
    prompt, run = tagged("think")
    for _ in range(3):
        assert talk.say(prompt).text == script.TEXT
    assert standin.of(run)[-1].asked.thinking == [(script.THOUGHT, script.sign(script.THOUGHT))] * 2


@claudes
@streams
def test_anthropics_client_gets_the_signature_itself(begin, kind, stream):
    answer = begin("messages", kind, stream=stream, thinking=True).say(tagged("think")[0])
    assert answer.thinking == [(script.THOUGHT, script.sign(script.THOUGHT))]


@claude_everywhere
def test_hidden_thinking(begin, standin, client, kind, stream):
    """What Anthropic hides is given back as it came, by whatever way the client's dialect has for it."""
    talk = begin(client, kind, stream=stream, thinking=True, tools=True)
    prompt, run = tagged("redacted")
    first = talk.say(prompt)
    if client == "messages":
        assert first.redacted == [script.REDACTED]
    last = answer_all(talk, first)
    assert last.text == f"{weather_tool.RESULT}; {weather_tool.RESULT}"
    assert standin.of(run)[-1].asked.redacted == [script.REDACTED] * 2


@streams
def test_openais_own_proof(begin, standin, stream):
    talk = begin("responses", "openai", stream=stream, thinking=True, tools=True)
    prompt, run = tagged("think-trip")
    answer_all(talk, talk.say(prompt))
    thoughts = [f"{script.THOUGHT}Step {step}." for step in (1, 2)]
    assert standin.of(run)[-1].asked.thinking == [(text, script.sign(text)) for text in thoughts]


@clients
@pytest.mark.parametrize("first,second", [("anthropic", "compatible"), ("compatible", "anthropic"), ("converse", "compatible"), ("compatible", "converse"), ("invoke", "openai"), ("openai", "invoke")])
@streams
def test_a_conversation_that_changes_its_provider(begin, client, first, second, stream):
    """A proof of one provider is none for another: it must not be handed on as if it were."""
    talk = begin(client, first, stream=stream, thinking=True)
    assert talk.say(tagged("think")[0]).text == script.TEXT
    talk.model = talk.model.replace(first, second)
    assert talk.say(tagged("think")[0]).text == script.TEXT


@claudes
def test_betas_reach_claude(begin, standin, kind):
    """A header of Anthropic's; Bedrock has a place for it in the body."""
    beta = "interleaved-thinking-2025-05-14"
    prompt, run = tagged("plain")
    begin("messages", kind, thinking=True, more={"extra_headers": {"anthropic-beta": beta}}).say(prompt)
    [received] = standin.of(run)
    if kind == "anthropic":
        assert received.headers["anthropic-beta"] == beta
    else:
        fields = received.body if kind == "invoke" else received.body["additionalModelRequestFields"]
        assert fields["anthropic_beta"] == [beta]
