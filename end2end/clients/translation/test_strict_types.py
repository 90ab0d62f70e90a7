"""The clients' own types, with every field checked, and the helpers that programs build on streams."""
import json

import pytest

import standin_backends
import weather_tool
from matrix import clients, kinds
from standin import script, tagged
from talks import TALKS

SCENARIOS = pytest.mark.parametrize("scenario", ["plain", "parallel", "think", "cached", "cut", "refusal"])


@clients
@kinds
@SCENARIOS
def test_whole_answers(begin, client, kind, scenario):
    talk = begin(client, kind, tools=True)
    talk.history += [talk.user(tagged(scenario)[0], ())]
    assert talk.raw(_strict_response_validation=True).parse().model == talk.model


@clients
@kinds
@SCENARIOS
def test_streams(caller, client, kind, scenario):
    talk = TALKS[client](caller, standin_backends.model(kind), tools=True)
    talk.history += [talk.user(tagged(scenario)[0], ())]
    strict = {"_strict_response_validation": True}
    create = {"chat": lambda: caller.openai(**strict).chat.completions.create, "responses": lambda: caller.openai(**strict).responses.create,
              "messages": lambda: caller.anthropic(**strict).messages.create}[client]()
    assert len(list(create(**talk.request(), stream=True))) > 2


@kinds
def test_chats_helper(caller, kind):
    messages = [{"role": "user", "content": tagged("parallel")[0]}]
    with caller.openai().chat.completions.stream(model=standin_backends.model(kind), messages=messages, tools=weather_tool.OPENAI, stream_options={"include_usage": True}) as stream:
        answer = stream.get_final_completion()
    assert [json.loads(call.function.arguments)["city"] for call in answer.choices[0].message.tool_calls] == ["Paris", "Rome"]
    assert answer.usage.total_tokens == 18


@kinds
def test_a_chat_that_asks_for_no_usage(caller, kind):
    """As many programs stream: nothing that they do not expect may come."""
    chunks = list(caller.openai().chat.completions.create(model=standin_backends.model(kind), messages=[{"role": "user", "content": tagged("plain")[0]}], stream=True))
    assert not any(chunk.usage for chunk in chunks) and all(chunk.choices for chunk in chunks)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == script.TEXT


@kinds
def test_responses_helper(caller, kind):
    with caller.openai().responses.stream(model=standin_backends.model(kind), input=tagged("parallel")[0], tools=weather_tool.RESPONSES) as stream:
        answer = stream.get_final_response()
    assert [json.loads(item.arguments)["city"] for item in answer.output if item.type == "function_call"] == ["Paris", "Rome"]
    assert answer.usage.total_tokens == 18


@kinds
def test_messages_helper(caller, kind):
    """The helper's own events: snapshots of arguments grow to what the block has in the end."""
    with caller.anthropic().messages.stream(model=standin_backends.model(kind), max_tokens=100, messages=[{"role": "user", "content": tagged("hard-arguments")[0]}], tools=weather_tool.ANTHROPIC) as stream:
        snapshots = [event.snapshot for event in stream if event.type == "input_json"]
        message = stream.get_final_message()
    assert snapshots[-1] == message.content[0].input == script.HARD_ARGUMENTS
