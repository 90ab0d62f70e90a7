"""The official openai client: answers, streams, tools and model lists, from the demo backend and from LiteLLM."""
import json
import time

import openai
import pytest

import litellm_proxy
import weather_tool

DEMO = "This is the demo backend of LLM Router"
HELLO = [{"role": "user", "content": "Say hello, please."}]
# `company-gpt` is an alias: the upstream knows the model by another name, and the client must not see that name.
both_upstreams = pytest.mark.parametrize("model", ["demo", "company-gpt"])


def check_text(model, text):
    if model == "demo":
        assert text.startswith(DEMO)
    else:
        assert text == litellm_proxy.TEXT


def read(stream):
    """The chunks of a stream, its text and its finish reasons."""
    chunks = list(stream)
    choices = [choice for chunk in chunks for choice in chunk.choices]
    text = "".join(choice.delta.content or "" for choice in choices)
    return chunks, text, [choice.finish_reason for choice in choices if choice.finish_reason]


@both_upstreams
def test_a_plain_answer(account, model):
    answer = account.openai().chat.completions.create(model=model, messages=HELLO)
    check_text(model, answer.choices[0].message.content)
    assert (answer.object, answer.model, answer.choices[0].finish_reason) == ("chat.completion", model, "stop")
    assert answer.usage.prompt_tokens > 0 and answer.usage.completion_tokens > 0
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_the_demo_is_deterministic(account):
    ask = account.openai().chat.completions.create
    first, second = (ask(model="demo", messages=HELLO) for _ in range(2))
    assert first.choices == second.choices and first.usage == second.usage


@both_upstreams
def test_a_stream_with_usage(account, model):
    stream = account.openai().chat.completions.create(model=model, messages=HELLO, stream=True, stream_options={"include_usage": True})
    chunks, text, ends = read(stream)
    check_text(model, text)
    assert ends == ["stop"] and {chunk.model for chunk in chunks} == {model}
    assert len([chunk for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]) > 1, "in one piece is no stream"
    *before, last = chunks
    assert last.usage and last.usage.prompt_tokens > 0 and last.usage.completion_tokens > 0
    assert last.usage.total_tokens == last.usage.prompt_tokens + last.usage.completion_tokens
    assert not any(chunk.usage for chunk in before)
    if model == "demo":
        assert last.choices == []


@both_upstreams
@pytest.mark.parametrize("options", [{}, {"stream_options": {"include_usage": False}}], ids=["absent", "false"])
def test_a_stream_has_no_usage_unless_asked_for(account, model, options):
    """The router asks the upstream for it in any case, for the bill; the client must not see that."""
    chunks, text, ends = read(account.openai().chat.completions.create(model=model, messages=HELLO, stream=True, **options))
    check_text(model, text)
    assert ends == ["stop"]
    assert not any(chunk.usage for chunk in chunks) and all(chunk.choices for chunk in chunks)


def test_the_sdks_own_accumulator(account):
    with account.openai().chat.completions.stream(model="demo", messages=HELLO) as stream:
        answer = stream.get_final_completion()
    check_text("demo", answer.choices[0].message.content)


@pytest.mark.parametrize("how", ["forced", "required", "named in the text"])
def test_a_tool_call(account, how):
    choice = {"forced": {"type": "function", "function": {"name": weather_tool.NAME}}, "required": "required"}.get(how, "auto")
    text = "Call get_weather for Paris." if how == "named in the text" else "How is Paris?"
    answer = account.openai().chat.completions.create(model="demo", tools=weather_tool.OPENAI, tool_choice=choice, messages=[{"role": "user", "content": text}])
    [call] = answer.choices[0].message.tool_calls
    assert answer.choices[0].finish_reason == "tool_calls" and call.id and call.function.name == weather_tool.NAME
    weather_tool.check(json.loads(call.function.arguments))


def test_a_streamed_tool_call_and_its_result(account):
    client, messages = account.openai(), [{"role": "user", "content": "Please use get_weather."}]
    with client.chat.completions.stream(model="demo", tools=weather_tool.OPENAI, messages=messages) as stream:
        answer = stream.get_final_completion().choices[0]
    [call] = answer.message.tool_calls
    assert answer.finish_reason == "tool_calls" and call.id and call.function.name == weather_tool.NAME
    weather_tool.check(json.loads(call.function.arguments))

    messages += [answer.message.model_dump(include={"role", "content", "tool_calls"}), {"role": "tool", "tool_call_id": call.id, "content": weather_tool.RESULT}]
    answer = client.chat.completions.create(model="demo", tools=weather_tool.OPENAI, messages=messages).choices[0]
    assert answer.finish_reason == "stop" and not answer.message.tool_calls
    assert weather_tool.RESULT in answer.message.content


def test_a_tool_call_from_litellm(account):
    answer = account.openai().chat.completions.create(model="mock-tools", tools=weather_tool.OPENAI, messages=HELLO)
    [call] = answer.choices[0].message.tool_calls
    assert (call.id, call.function.name, json.loads(call.function.arguments)) == ("call_1", weather_tool.NAME, {"city": "Paris"})


def test_content_in_parts(account):
    parts = [{"type": "text", "text": "Say hello"}, {"type": "text", "text": "in two parts."}]
    answer = account.openai().chat.completions.create(model="demo", messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": parts}])
    check_text("demo", answer.choices[0].message.content)


def test_answers_satisfy_the_sdks_strict_types(account):
    ask = account.openai(_strict_response_validation=True).chat.completions.create
    ask(model="demo", messages=HELLO)
    ask(model="demo", messages=HELLO, tools=weather_tool.OPENAI, tool_choice="required")
    list(ask(model="demo", messages=HELLO, stream=True, stream_options={"include_usage": True}))


def test_a_stream_arrives_while_it_is_made(account):
    """`demo-slow` pauses between chunks: the first has to be here before the last is made."""
    times = [time.monotonic() for chunk in account.openai().chat.completions.create(model="demo-slow", messages=HELLO, stream=True)]
    assert len(times) > 2 and times[-1] - times[0] > 0.5


@pytest.mark.parametrize("stream", [False, True])
def test_the_request_id(account, stream):
    create = account.openai().chat.completions.with_raw_response.create
    answers = [create(model="demo", messages=HELLO, stream=stream) for _ in range(2)]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert all(ids) and ids[0] != ids[1]
    for answer in answers:
        answer.parse()


def test_the_model_list(account):
    models = {model.id: model for model in account.openai().models.list()}
    assert {"demo", "company-gpt", "resilient"} <= set(models)
    assert all(m.object == "model" and isinstance(m.created, int) and m.owned_by for m in models.values())


@both_upstreams
def test_one_model(account, model):
    assert account.openai().models.retrieve(model).id == model


def test_a_model_that_does_not_exist(account):
    with pytest.raises(openai.NotFoundError) as failure:
        account.openai().models.retrieve("no-such-model")
    assert "no-such-model" in failure.value.message
