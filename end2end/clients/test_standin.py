"""The stand-in against the providers' own clients, with no router between: what it says is what they understand.

If one of these fails, the tests in translation/ mean nothing."""
import base64
import json

import anthropic
import boto3
import httpx
import httpx2
import openai
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

import weather_tool
from router import Account
from standin import Picture, Result, StandIn, embeddings, script, signature, tagged
from talks import TALKS

CLAUDE = "anthropic.claude-sonnet-4-5-20250929-v1:0"
PROFILE = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/eu.anthropic.claude-opus-4-6-v1"
TOOLS = {"tools": [{"toolSpec": {"name": weather_tool.NAME, "inputSchema": {"json": weather_tool.SCHEMA}}}]}


@pytest.fixture(scope="module")
def standin():
    server = StandIn()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def bedrock(standin):
    return _bedrock(standin)


def _bedrock(standin, secret=signature.SECRET_KEY):
    config = Config(retries={"total_max_attempts": 1}, read_timeout=20)
    return boto3.client("bedrock-runtime", endpoint_url=standin.url, region_name=signature.REGION, aws_access_key_id=signature.ACCESS_KEY, aws_secret_access_key=secret, config=config)


def user(scenario):
    return [{"role": "user", "content": [{"text": tagged(scenario)[0]}]}]


def native(scenario):
    return json.dumps({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 50, "messages": [{"role": "user", "content": tagged(scenario)[0]}]})


@pytest.mark.parametrize("model", [CLAUDE, PROFILE, "amazon.nova-pro-v1:0"])
def test_converse_is_signed(bedrock, model):
    answer = bedrock.converse(modelId=model, messages=user("plain"))
    assert answer["output"]["message"] == {"role": "assistant", "content": [{"text": script.TEXT}]}
    assert (answer["stopReason"], answer["usage"]["totalTokens"]) == ("end_turn", 18)


def test_a_wrong_signature_is_refused(standin):
    with pytest.raises(ClientError) as failure:
        _bedrock(standin, secret="another").converse(modelId=CLAUDE, messages=user("plain"))
    assert failure.value.response["Error"]["Code"] == "InvalidSignatureException"


def test_converse_stream(bedrock):
    events = list(bedrock.converse_stream(modelId=CLAUDE, messages=user("think-trip"), toolConfig=TOOLS)["stream"])
    kinds = [next(iter(event)) for event in events]
    assert kinds[0] == "messageStart" and kinds[-2:] == ["messageStop", "metadata"]
    deltas = [event["contentBlockDelta"]["delta"] for event in events if "contentBlockDelta" in event]
    thoughts = [delta["reasoningContent"] for delta in deltas if "reasoningContent" in delta]
    thought = "".join(delta.get("text", "") for delta in thoughts)
    assert thoughts[-1] == {"signature": script.sign(thought)} and thought.startswith(script.THOUGHT)
    assert json.loads("".join(delta["toolUse"]["input"] for delta in deltas if "toolUse" in delta))["city"] == "Paris"


def test_converse_stream_in_small_writes(bedrock):
    events = bedrock.converse_stream(modelId=CLAUDE, messages=user("unicode"))["stream"]
    assert "".join(event["contentBlockDelta"]["delta"]["text"] for event in events if "contentBlockDelta" in event) == script.UNICODE


def test_redacted_thinking_is_bytes(bedrock):
    content = bedrock.converse(modelId=CLAUDE, messages=user("redacted"), toolConfig=TOOLS)["output"]["message"]["content"]
    assert content[0]["reasoningContent"]["redactedContent"] == base64.b64decode(script.REDACTED)


def test_an_error_in_mid_stream(bedrock):
    with pytest.raises(EventStreamError) as failure:
        list(bedrock.converse_stream(modelId=CLAUDE, messages=user("breaks"))["stream"])
    assert failure.value.response["Error"]["Code"] == "modelStreamErrorException"


@pytest.mark.parametrize("status,code", [(400, "ValidationException"), (401, "UnrecognizedClientException"), (403, "AccessDeniedException"), (404, "ResourceNotFoundException"),
                                         (429, "ThrottlingException"), (500, "InternalServerException"), (503, "ServiceUnavailableException")])
def test_errors_of_bedrock(bedrock, status, code):
    with pytest.raises(ClientError) as failure:
        bedrock.converse(modelId=CLAUDE, messages=user(f"error-{status}"))
    assert failure.value.response["Error"]["Code"] == code


def test_converse_refuses_what_the_service_refuses(bedrock):
    use = {"role": "assistant", "content": [{"toolUse": {"toolUseId": "a", "name": "f", "input": {}}}]}
    result = {"role": "user", "content": [{"toolResult": {"toolUseId": "a", "content": [{"text": "x"}]}}]}
    for messages, words in [(user("plain") * 2, "alternate"), ([*user("plain"), use, result], "toolConfig field must be defined"), ([*user("plain"), use], "must end with a user message")]:
        with pytest.raises(ClientError, match=words):
            bedrock.converse(modelId=CLAUDE, messages=messages)


def test_converse_over_three_turns(bedrock):
    messages = user("think-trip")
    for _ in range(2):
        message = bedrock.converse(modelId=CLAUDE, messages=messages, toolConfig=TOOLS)["output"]["message"]
        use = message["content"][-1]["toolUse"]
        messages += [message, {"role": "user", "content": [{"toolResult": {"toolUseId": use["toolUseId"], "content": [{"text": use["input"]["city"]}]}}]}]
    answer = bedrock.converse(modelId=CLAUDE, messages=messages, toolConfig=TOOLS)
    assert answer["output"]["message"]["content"][-1] == {"text": "Paris; Rome"}


def test_invoke_model(bedrock):
    answer = json.loads(bedrock.invoke_model(modelId=CLAUDE, body=native("think"))["body"].read())
    assert answer["content"][0] == {"type": "thinking", "thinking": script.THOUGHT, "signature": script.sign(script.THOUGHT)}


def test_invoke_model_with_response_stream(bedrock):
    frames = bedrock.invoke_model_with_response_stream(modelId=CLAUDE, body=native("unicode"))["body"]
    events = [json.loads(frame["chunk"]["bytes"]) for frame in frames]
    assert events[0]["type"] == "message_start" and events[-1]["type"] == "message_stop"
    assert "".join(event["delta"]["text"] for event in events if event["type"] == "content_block_delta") == script.UNICODE


def test_count_tokens_of_bedrock(bedrock):
    conversation = {"converse": {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}}
    assert bedrock.count_tokens(modelId=CLAUDE, input=conversation)["inputTokens"] > 0
    assert bedrock.count_tokens(modelId=CLAUDE, input={"invokeModel": {"body": native("plain")}})["inputTokens"] > 0


def test_anthropics_client_on_bedrock(standin):
    client = anthropic.AnthropicBedrock(aws_access_key=signature.ACCESS_KEY, aws_secret_key=signature.SECRET_KEY, aws_region=signature.REGION, base_url=standin.url, max_retries=0)
    with client.messages.stream(model=CLAUDE, max_tokens=50, messages=[{"role": "user", "content": tagged("think")[0]}]) as stream:
        assert stream.get_final_message().content[0].signature == script.sign(script.THOUGHT)


@pytest.fixture
def claude(standin):
    return anthropic.Anthropic(api_key="any", base_url=standin.url, max_retries=0, _strict_response_validation=True)


@pytest.fixture
def gpt(standin):
    return openai.OpenAI(api_key="any", base_url=f"{standin.url}/v1", max_retries=0, _strict_response_validation=True)


def test_anthropics_client(claude):
    with claude.messages.stream(model="claude", max_tokens=50, tools=weather_tool.ANTHROPIC, messages=[{"role": "user", "content": tagged("think-trip")[0]}]) as stream:
        message = stream.get_final_message()
    assert [block.type for block in message.content] == ["thinking", "text", "tool_use"] and message.stop_reason == "tool_use"
    with pytest.raises(anthropic.OverloadedError):
        claude.messages.create(model="claude", max_tokens=50, messages=[{"role": "user", "content": tagged("error-529")[0]}])
    assert claude.messages.count_tokens(model="claude", messages=[{"role": "user", "content": "hi"}]).input_tokens > 0


def test_messages_refuse_a_signature_that_was_touched(claude):
    thinking = {"type": "thinking", "thinking": script.THOUGHT, "signature": script.sign(script.THOUGHT).lower()}
    messages = [{"role": "user", "content": "x"}, {"role": "assistant", "content": [thinking, {"type": "text", "text": "y"}]}, {"role": "user", "content": "z"}]
    with pytest.raises(anthropic.BadRequestError, match="Invalid `signature`"):
        claude.messages.create(model="claude", max_tokens=50, messages=messages)


def test_openais_client_in_chat(gpt):
    with gpt.chat.completions.stream(model="gpt", messages=[{"role": "user", "content": tagged("parallel")[0]}], tools=weather_tool.OPENAI, stream_options={"include_usage": True}) as stream:
        answer = stream.get_final_completion()
    assert [json.loads(call.function.arguments)["city"] for call in answer.choices[0].message.tool_calls] == ["Paris", "Rome"]
    assert answer.usage.total_tokens == 18
    with pytest.raises(openai.BadRequestError, match="must be followed by tool messages"):
        gpt.chat.completions.create(model="gpt", messages=[{"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}])


def test_openais_client_in_responses(gpt):
    with gpt.responses.stream(model="gpt", input=tagged("think")[0]) as stream:
        answer = stream.get_final_response()
    assert answer.output_text == script.TEXT and answer.output[0].encrypted_content == script.sign(script.THOUGHT)
    with pytest.raises(openai.RateLimitError) as failure:
        gpt.responses.create(model="gpt", input=tagged("error-429")[0])
    assert failure.value.response.headers["retry-after"] == "1"


@pytest.mark.parametrize("given,count", [("one", 1), (["two", "texts"], 2), ([1, 2, 3], 1), ([[1], [2]], 2)])
def test_openais_client_in_embeddings(standin, given, count):
    """Not with strict types: the client asks for base64, which its own types do not foresee."""
    answer = openai.OpenAI(api_key="any", base_url=f"{standin.url}/v1").embeddings.create(model="e", input=given)
    assert [item.embedding for item in answer.data] == [embeddings.vector(number) for number in range(count)]


def test_answers_that_break(gpt, claude):
    """By an error event, and by a connection that ends."""
    for scenario, failures in [("breaks", (openai.APIError, anthropic.APIError)), ("gone", (httpx.RemoteProtocolError, httpx2.RemoteProtocolError))]:
        messages = [{"role": "user", "content": tagged(scenario)[0]}]
        with pytest.raises(failures):
            list(gpt.chat.completions.create(model="gpt", messages=messages, stream=True))
        with pytest.raises(failures):
            list(claude.messages.create(model="claude", max_tokens=50, messages=messages, stream=True))


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("name", TALKS)
def test_talks_work_without_a_router(standin, name, stream):
    """What the tests of translation are made of."""
    direct = Account(standin.url, {"id": 0, "name": "none", "api_key": "any"})
    talk = TALKS[name](direct, "some-model", stream=stream, tools=True, thinking=True)
    prompt, run = tagged("think-trip")
    answer = talk.say(prompt, Picture("image/png", b"not really"))
    while answer.calls:
        answer = talk.give(*(Result(call.id, f"{call.arguments['city']} is sunny") for call in answer.calls))
    assert answer.text == "Paris is sunny; Rome is sunny" and answer.stop == talk.STOPS["end"]
    assert [text for text, _ in answer.thinking] == [f"{script.THOUGHT}Step 3."] and answer.usage["output"] == 7
    last = standin.of(run)[-1].asked
    assert last.pictures == [Picture("image/png", b"not really")]
    assert [call.id for call in last.calls] == [result.id for result in last.results]
    assert [text for text, _ in last.thinking] == [f"{script.THOUGHT}Step {step}." for step in (1, 2)]
