"""OpenAI Chat Completions: as OpenAI serves it, and with `reasoning_content` as compatible servers do."""
import json
import re

from .prompt import Asked, Call, Result
from .script import Failure, Refusal, Text, Thinking, ToolCall, Turn
from .wire import dumps, event, need, picture, pieces, text_of

STREAM_TYPE = "text/event-stream"
_FINISH = {"end": "stop", "sequence": "stop", "length": "length", "tool": "tool_calls", "filter": "content_filter", "refusal": "stop"}
_ROLES = ("system", "developer", "user", "assistant", "tool")
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def read(body: dict) -> Asked:
    """The request, if the service would take it."""
    asked = Asked(stop=[body["stop"]] if isinstance(body.get("stop"), str) else body.get("stop") or [])
    need(body.get("messages"), "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.")
    open_calls = []
    for at, message in enumerate(body["messages"]):
        role, content = message.get("role"), message.get("content")
        need(role in _ROLES, f"Invalid value: '{role}'. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', and 'developer'.")
        if role == "tool":
            _read_result(asked, message, open_calls)
            continue
        need(not open_calls, f"An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. Missing: {open_calls}")
        if role == "assistant":
            open_calls = _read_answer(asked, message, at)
            continue
        need(content is not None, f"Invalid value for 'content': expected a string, got null. (messages.[{at}].content)")
        text = text_of(content, "text")
        (asked.texts if role == "user" else asked.system).append(text)
        asked.pictures += [picture(part["image_url"]["url"]) for part in content if part["type"] == "image_url"] if isinstance(content, list) else []
    need(not open_calls, f"An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. Missing: {open_calls}")
    _read_tools(asked, body)
    asked.schema = ((body.get("response_format") or {}).get("json_schema") or {}).get("schema")
    return asked


def _read_answer(asked: Asked, message: dict, at: int) -> list[str]:
    """An earlier answer; returns the calls that now need results."""
    calls = message.get("tool_calls")
    need(calls != [], f"Invalid 'messages[{at}].tool_calls': empty array. Expected an array with minimum length 1, but got an empty array instead.")
    need(message.get("content") is not None or calls or message.get("refusal"), f"Invalid value for 'content': expected a string, got null. (messages.[{at}].content)")
    if message.get("reasoning_content"):
        asked.thinking.append((message["reasoning_content"], None))
    for call in calls or []:
        function = call["function"]
        need(_NAME.fullmatch(function["name"]), f"Invalid 'messages[{at}].tool_calls[0].function.name': string does not match pattern.")
        need(len(call["id"]) <= 64, f"Invalid 'messages[{at}].tool_calls[0].id': string too long. Expected a string with maximum length 64.")
        asked.calls.append(Call(call["id"], function["name"], json.loads(function["arguments"])))
    return [call["id"] for call in calls or []]


def _read_result(asked: Asked, message: dict, open_calls: list[str]):
    need(message.get("tool_call_id") in open_calls, "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.")
    open_calls.remove(message["tool_call_id"])
    content = message["content"]
    need(isinstance(content, str) or all(part["type"] == "text" for part in content), "Image URLs are only allowed for messages with role 'user', but this message with role 'tool' contains an image URL.")
    asked.results.append(Result(message["tool_call_id"], text_of(content, "text")))


def _read_tools(asked: Asked, body: dict):
    for at, tool in enumerate(body.get("tools") or []):
        function = tool["function"]
        need(_NAME.fullmatch(function["name"]), f"Invalid 'tools[{at}].function.name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.")
        asked.tools[function["name"]] = function.get("parameters") or {}
    choice = body.get("tool_choice")
    need(choice in (None, "none") or asked.tools, "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.")
    need(body.get("parallel_tool_calls") is None or asked.tools, "Invalid value for 'parallel_tool_calls': 'parallel_tool_calls' is only allowed when 'tools' are specified.")
    asked.choice = choice["function"]["name"] if isinstance(choice, dict) else {"required": "any"}.get(choice, choice or "auto")


def _usage(turn: Turn) -> dict:
    """OpenAI counts what the cache gave and took inside prompt_tokens."""
    used = turn.usage
    prompt = used.input + used.cache_read + used.cache_write
    return {"prompt_tokens": prompt, "completion_tokens": used.output, "total_tokens": prompt + used.output,
            "prompt_tokens_details": {"cached_tokens": used.cache_read, "cache_write_tokens": used.cache_write, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": used.reasoning, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0}}


def whole(turn: Turn, body: dict, seed: str) -> dict:
    message, calls = {"role": "assistant", "content": None, "refusal": None, "annotations": []}, []
    for part in turn.parts:
        match part:
            case Text(text):
                message["content"] = text
            case Thinking(text):
                message["reasoning_content"] = text
            case Refusal(text):
                message["refusal"] = text
            case ToolCall(name, arguments):
                calls.append({"id": f"call_{seed}{len(calls)}", "type": "function", "function": {"name": name, "arguments": dumps(arguments)}})
    if calls:
        message["tool_calls"] = calls
    elif message["content"] is None and not message["refusal"]:
        message["content"] = ""
    return {"id": f"chatcmpl-{seed}", "object": "chat.completion", "created": 1795000000, "model": body["model"], "service_tier": "default", "system_fingerprint": "fp_standin",
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": _FINISH[turn.stop]}], "usage": _usage(turn)}


def stream(turn: Turn, body: dict, seed: str):
    told = bool((body.get("stream_options") or {}).get("include_usage"))
    base = {"id": f"chatcmpl-{seed}", "object": "chat.completion.chunk", "created": 1795000000, "model": body["model"], "system_fingerprint": "fp_standin"}

    def chunk(delta: dict, finish=None) -> bytes:
        return event({**base, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}], **({"usage": None} if told else {})})

    yield chunk({"role": "assistant", "content": "", "refusal": None})
    calls = 0
    for part in turn.parts:
        match part:
            case Text(text):
                yield from (chunk({"content": piece}) for piece in pieces(text, turn.piece))
            case Thinking(text):
                yield from (chunk({"reasoning_content": piece}) for piece in pieces(text, turn.piece))
            case Refusal(text):
                yield from (chunk({"refusal": piece}) for piece in pieces(text, turn.piece))
            case ToolCall(name, arguments):
                yield chunk({"tool_calls": [{"index": calls, "id": f"call_{seed}{calls}", "type": "function", "function": {"name": name, "arguments": ""}}]})
                yield from (chunk({"tool_calls": [{"index": calls, "function": {"arguments": piece}}]}) for piece in pieces(dumps(arguments), turn.piece))
                calls += 1
    yield chunk({}, _FINISH[turn.stop])
    if told:
        yield event({**base, "choices": [], "usage": _usage(turn)})
    yield event("[DONE]")


def broken(_: int) -> bytes:
    return event(_body(500, "the stand-in broke", None))


def _body(status: int, message: str, code: str | None) -> dict:
    kind = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}.get(status, "server_error" if status >= 500 else "invalid_request_error")
    code = code or {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}.get(status)
    return {"error": {"message": message, "type": kind, "param": "messages" if code == "context_length_exceeded" else None, "code": code}}


def error(failure: Failure, seed: str) -> tuple[int, dict, dict]:
    message = failure.message or "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens. Please reduce the length of the messages."
    return failure.status, {"x-request-id": f"req_{seed}", **failure.headers}, _body(failure.status, message, failure.code)
