"""The official anthropic client: answers, streams, tools and model lists, from the demo backend and from LiteLLM."""
import anthropic
import pytest

import litellm_proxy
import weather_tool

DEMO = "This is the demo backend of LLM Router"
HELLO = {"max_tokens": 500, "messages": [{"role": "user", "content": "Say hello, please."}]}
both_upstreams = pytest.mark.parametrize("model", ["demo", "company-claude"])


def check_text(model, message):
    [block] = message.content
    assert block.type == "text"
    if model == "demo":
        assert block.text.startswith(DEMO)
    else:
        assert block.text == litellm_proxy.TEXT


@both_upstreams
def test_a_plain_answer(account, model):
    message = account.anthropic().messages.create(model=model, **HELLO)
    check_text(model, message)
    assert (message.type, message.role, message.model, message.stop_reason) == ("message", "assistant", model, "end_turn")
    assert message.usage.input_tokens > 0 and message.usage.output_tokens > 0


@both_upstreams
def test_a_stream(account, model):
    with account.anthropic().messages.stream(model=model, **HELLO) as stream:
        events = list(stream)
        message = stream.get_final_message()
    check_text(model, message)
    assert (message.model, message.stop_reason) == (model, "end_turn")
    assert message.usage.input_tokens > 0 and message.usage.output_tokens > 0
    kinds = [event.type for event in events]
    assert kinds[0] == "message_start" and kinds[-1] == "message_stop"
    assert kinds.count("content_block_delta") > 1, "in one piece is no stream"


def test_events_of_the_wire(account):
    """Clients find the type of an event by its `event:` line, and blocks by their index."""
    body = b'{"model":"demo","max_tokens":50,"stream":true,"messages":[{"role":"user","content":"hi"}]}'
    answer = account.post("/v1/messages", body, anthropic_version="2023-06-01")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/event-stream")
    names = [line.removeprefix("event: ") for line in answer.text.splitlines() if line.startswith("event:")]
    kinds = [name for i, name in enumerate(names) if name != "ping" and names[i - 1:i] != [name]]
    assert kinds == ["message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop"]


@pytest.mark.parametrize("how", ["forced", "any", "named in the text"])
def test_a_tool_call(account, how):
    choice = {"forced": {"type": "tool", "name": weather_tool.NAME}, "any": {"type": "any"}}.get(how, {"type": "auto"})
    text = "Call get_weather for Paris." if how == "named in the text" else "How is Paris?"
    message = account.anthropic().messages.create(model="demo", max_tokens=500, tools=weather_tool.ANTHROPIC, tool_choice=choice, messages=[{"role": "user", "content": text}])
    [call] = [block for block in message.content if block.type == "tool_use"]
    assert message.stop_reason == "tool_use" and call.id and call.name == weather_tool.NAME
    weather_tool.check(call.input)


def test_a_streamed_tool_call_and_its_result(account):
    client, messages = account.anthropic(), [{"role": "user", "content": "Please use get_weather."}]
    with client.messages.stream(model="demo", max_tokens=500, tools=weather_tool.ANTHROPIC, messages=messages) as stream:
        message = stream.get_final_message()
    [call] = [block for block in message.content if block.type == "tool_use"]
    assert message.stop_reason == "tool_use" and call.id and call.name == weather_tool.NAME
    weather_tool.check(call.input)

    result = {"type": "tool_result", "tool_use_id": call.id, "content": weather_tool.RESULT}
    messages += [{"role": "assistant", "content": [block.model_dump(include={"type", "text", "id", "name", "input"}) for block in message.content]}, {"role": "user", "content": [result]}]
    message = client.messages.create(model="demo", max_tokens=500, tools=weather_tool.ANTHROPIC, messages=messages)
    assert message.stop_reason == "end_turn" and weather_tool.RESULT in message.content[0].text


def test_a_tool_call_from_litellm(account):
    message = account.anthropic().messages.create(model="claude-mock-tools", tools=weather_tool.ANTHROPIC, **HELLO)
    [call] = [block for block in message.content if block.type == "tool_use"]
    assert (call.name, call.input, message.stop_reason) == (weather_tool.NAME, {"city": "Paris"}, "tool_use")


def test_content_in_blocks(account):
    blocks = [{"type": "text", "text": "Say hello"}, {"type": "text", "text": "in two blocks.", "cache_control": {"type": "ephemeral"}}]
    message = account.anthropic().messages.create(model="demo", max_tokens=500, system=[{"type": "text", "text": "Be brief."}], messages=[{"role": "user", "content": blocks}])
    check_text("demo", message)


def test_answers_satisfy_the_sdks_strict_types(account):
    create = account.anthropic(_strict_response_validation=True).messages.create
    create(model="demo", **HELLO)
    create(model="demo", tools=weather_tool.ANTHROPIC, tool_choice={"type": "any"}, **HELLO)
    list(create(model="demo", stream=True, **HELLO))


@pytest.mark.parametrize("stream", [False, True])
def test_the_request_id(account, stream):
    create = account.anthropic().messages.with_raw_response.create
    answers = [create(model="demo", stream=stream, **HELLO) for _ in range(2)]
    ids = [answer.headers["request-id"] for answer in answers]
    assert all(ids) and ids[0] != ids[1]
    for answer in answers:
        answer.parse()


def test_the_model_list(account):
    models = {model.id: model for model in account.anthropic().models.list(limit=1000)}
    assert {"demo", "company-claude"} <= set(models)
    assert all(m.type == "model" and m.display_name and m.created_at for m in models.values())


@both_upstreams
def test_one_model(account, model):
    found = account.anthropic().models.retrieve(model)
    assert (found.id, found.type) == (model, "model")


def test_a_model_that_does_not_exist(account):
    with pytest.raises(anthropic.NotFoundError) as failure:
        account.anthropic().models.retrieve("no-such-model")
    assert failure.value.body["error"]["type"] == "not_found_error" and "no-such-model" in failure.value.message
