"""Tools: calls reach the client, and their results the model, under the same ids and unchanged."""
import pytest

import weather_tool
from matrix import clients, everywhere, kinds
from standin import Result, script, tagged
from standin_backends import KINDS
from talks import TALKS

# The same dialect: what the client says goes through as it is, and the provider judges it.
NATIVE = {("chat", "compatible"), ("chat", "openai"), ("responses", "openai"), ("messages", "anthropic"), ("messages", "invoke")}


def results(answer):
    return [Result(call.id, f"{call.arguments['city']}: {weather_tool.RESULT}") for call in answer.calls]


def check_arrived(standin, run, given):
    """The results that arrived are those that were given, each for a call of the conversation."""
    asked = standin.of(run)[-1].asked
    assert asked.results == given
    assert [call.id for call in asked.calls] == [result.id for result in given]
    assert all(call.name == weather_tool.NAME for call in asked.calls)
    assert asked.tools == {weather_tool.NAME: weather_tool.SCHEMA}
    return asked


@everywhere
def test_three_turns(begin, standin, client, kind, stream):
    talk = begin(client, kind, stream=stream, tools=True)
    prompt, run = tagged("trip")
    given = []
    first = talk.say(prompt)
    assert first.text == "First Paris." and first.stop == talk.STOPS["tool"]
    [call] = first.calls
    assert (call.name, call.arguments) == (weather_tool.NAME, {"city": "Paris", "days": 3, "unit": "celsius"})
    given += results(first)
    second = talk.give(*given)
    [call] = second.calls
    assert second.text == "" and second.stop == talk.STOPS["tool"] and call.arguments["city"] == "Rome"
    given += results(second)
    last = talk.give(given[-1])
    assert last.text == f"Paris: {weather_tool.RESULT}; Rome: {weather_tool.RESULT}"
    assert last.stop == talk.STOPS["end"] and not last.calls
    asked = check_arrived(standin, run, given)
    assert [call.arguments for call in asked.calls] == [first.calls[0].arguments, second.calls[0].arguments]


@everywhere
def test_parallel_calls(begin, standin, client, kind, stream):
    talk = begin(client, kind, stream=stream, tools=True)
    prompt, run = tagged("parallel")
    answer = talk.say(prompt)
    assert [call.arguments["city"] for call in answer.calls] == ["Paris", "Rome"]
    assert len({call.id for call in answer.calls}) == 2 and all(call.id for call in answer.calls)
    given = results(answer)
    assert talk.give(*given).text == f"Paris: {weather_tool.RESULT}; Rome: {weather_tool.RESULT}"
    check_arrived(standin, run, given)


@clients
@kinds
def test_results_in_another_order(begin, standin, client, kind):
    """As a program gives them that ran the tools side by side."""
    talk = begin(client, kind, tools=True)
    prompt, run = tagged("parallel")
    given = results(talk.say(prompt))
    talk.give(*reversed(given))
    assert sorted(standin.of(run)[-1].asked.results, key=lambda result: result.id) == sorted(given, key=lambda result: result.id)


@everywhere
@pytest.mark.parametrize("scenario,arguments", [("no-arguments", {}), ("hard-arguments", script.HARD_ARGUMENTS)])
def test_arguments(begin, standin, client, kind, stream, scenario, arguments):
    talk = begin(client, kind, stream=stream, tools=True)
    prompt, run = tagged(scenario)
    [call] = talk.say(prompt).calls
    assert call.arguments == arguments
    talk.give(Result(call.id, "done"))
    [arrived] = standin.of(run)[-1].asked.calls
    assert (arrived.id, arrived.arguments) == (call.id, arguments)


@pytest.mark.parametrize("client,kind", [(client, kind) for client in TALKS for kind in KINDS if (client, kind) not in NATIVE])
def test_ids_of_another_provider(begin, standin, client, kind):
    """A conversation that began elsewhere has ids that this provider would refuse."""
    talk = begin(client, kind, tools=True)
    call_id = "functions.get_weather:0|" + "x" * 60
    prompt, run = tagged("trip")
    call = {"chat": {"role": "assistant", "tool_calls": [{"id": call_id, "type": "function", "function": {"name": weather_tool.NAME, "arguments": '{"city": "Oslo"}'}}]},
            "messages": {"role": "assistant", "content": [{"type": "tool_use", "id": call_id, "name": weather_tool.NAME, "input": {"city": "Oslo"}}]},
            "responses": {"type": "function_call", "call_id": call_id, "name": weather_tool.NAME, "arguments": '{"city": "Oslo"}'}}[client]
    talk.history += [talk.user(prompt, ()), call]
    answer = talk.give(Result(call_id, "12 °C"))
    assert answer.calls[0].arguments["city"] == "Rome", "the one result counts"
    asked = standin.of(run)[-1].asked
    assert asked.results == [Result(asked.calls[0].id, "12 °C")]


@kinds
def test_a_result_that_is_an_error(begin, standin, kind):
    """Only Anthropic's clients can say so."""
    talk = begin("messages", kind, tools=True)
    prompt, run = tagged("trip")
    [call] = talk.say(prompt).calls
    talk.give(Result(call.id, "no such city", error=True))
    [result] = standin.of(run)[-1].asked.results
    assert "no such city" in result.text
    assert result.error or "error" in result.text.lower()


CHOICES = [("chat", "required", "any"), ("chat", {"type": "function", "function": {"name": weather_tool.NAME}}, weather_tool.NAME), ("messages", {"type": "any"}, "any"),
           ("messages", {"type": "tool", "name": weather_tool.NAME}, weather_tool.NAME), ("responses", "required", "any"), ("responses", {"type": "function", "name": weather_tool.NAME}, weather_tool.NAME)]


@pytest.mark.parametrize("client,choice,arrived", CHOICES, ids=lambda value: value if isinstance(value, str) else "by-name")
@kinds
def test_the_choice_of_a_tool(begin, standin, client, kind, choice, arrived):
    talk = begin(client, kind, tools=True, more={"tool_choice": choice})
    prompt, run = tagged("trip")
    assert talk.say(prompt).calls
    assert standin.of(run)[-1].asked.choice == arrived


@clients
@kinds
def test_no_tool_is_to_be_called(begin, standin, client, kind):
    talk = begin(client, kind, tools=True, more={"tool_choice": {"type": "none"} if client == "messages" else "none"})
    prompt, run = tagged("plain")
    assert talk.say(prompt).text == script.TEXT
    asked = standin.of(run)[-1].asked
    assert asked.choice == "none" or not asked.tools
