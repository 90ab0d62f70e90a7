"""Anthropic Messages; also the body of Claude's models behind Bedrock's InvokeModel."""
import base64
import re

from .prompt import Asked, Call, Picture, Result
from .script import REDACTED, Failure, Redacted, Refusal, Text, Thinking, ToolCall, Turn, sign
from .wire import dumps, event, need, pieces, text_of

STREAM_TYPE = "text/event-stream; charset=utf-8"
_STOP = {"end": "end_turn", "sequence": "stop_sequence", "length": "max_tokens", "tool": "tool_use", "filter": "refusal", "refusal": "refusal"}
_TYPES = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error", 413: "request_too_large", 422: "invalid_request_error",
          429: "rate_limit_error", 529: "overloaded_error"}
_NAME, _ID = re.compile(r"[a-zA-Z0-9_-]{1,128}"), re.compile(r"[a-zA-Z0-9_-]+")


def read(body: dict, required=("model", "max_tokens", "messages")) -> Asked:
    """The request, if the service would take it."""
    for field in required:
        need(field in body, f"{field}: Field required")
    asked = Asked(stop=body.get("stop_sequences") or [])
    asked.cache_marks = dumps(body).count('"cache_control":{')
    system = body.get("system") or []
    asked.system += [system] if isinstance(system, str) else [block["text"] for block in system]
    need(all(asked.system), "system: text content blocks must be non-empty")
    waiting = []
    for at, message in enumerate(body["messages"]):
        waiting = _read_message(asked, message, at, waiting)
    need(not waiting, f"messages.{len(body['messages']) - 1}: `tool_use` ids were found without `tool_result` blocks immediately after: {', '.join(waiting)}.")
    _read_tools(asked, body)
    _check_thinking(body)
    asked.schema = ((body.get("output_config") or {}).get("format") or {}).get("schema")
    return asked


def _read_message(asked: Asked, message: dict, at: int, waiting: list[str]) -> list[str]:
    """One message; returns the calls that need results in the next one."""
    role, content = message["role"], message["content"]
    need(content, f"messages.{at}: all messages must have non-empty content except for the optional final assistant message")
    if role == "system":
        asked.system.append(text_of(content, "text"))
        return waiting
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
    need(not set(waiting) - set(results), f"messages.{at}: `tool_use` ids were found without `tool_result` blocks immediately after: {', '.join(waiting)}.")
    need(not set(results) - set(waiting), f"messages.{at}.content.0: unexpected `tool_use_id` found in `tool_result` blocks. Each `tool_result` block must have a corresponding `tool_use` block in the previous message.")
    if role == "user":
        texts = text_of(blocks, "text")
        asked.texts += [texts] if texts else []
    calls = []
    for number, block in enumerate(blocks):
        _read_block(asked, block, f"messages.{at}.content.{number}")
        calls += [block["id"]] if block["type"] == "tool_use" else []
    return calls


def _read_block(asked: Asked, block: dict, where: str):
    match block["type"]:
        case "text":
            need(block["text"].strip(), f"{where}: text content blocks must be non-empty")
        case "image":
            source = block["source"]
            asked.pictures.append(Picture(source["media_type"], base64.b64decode(source["data"], validate=True)))
        case "thinking":
            need(block.get("signature") == sign(block["thinking"]), f"{where}: Invalid `signature` in `thinking` block")
            asked.thinking.append((block["thinking"], block["signature"]))
        case "redacted_thinking":
            need(block["data"] == REDACTED, f"{where}: Invalid `data` in `redacted_thinking` block")
            asked.redacted.append(block["data"])
        case "tool_use":
            need(_ID.fullmatch(block["id"]), f"{where}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'")
            need(isinstance(block["input"], dict), f"{where}.tool_use.input: Input should be a valid dictionary")
            asked.calls.append(Call(block["id"], block["name"], block["input"]))
        case "tool_result":
            asked.results.append(Result(block["tool_use_id"], text_of(block.get("content"), "text"), bool(block.get("is_error"))))
        case kind:
            need(False, f"{where}: Input tag '{kind}' found using 'type' does not match any of the expected tags")


def _read_tools(asked: Asked, body: dict):
    for at, tool in enumerate(body.get("tools") or []):
        need(_NAME.fullmatch(tool["name"]), f"tools.{at}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'")
        need((tool.get("input_schema") or {}).get("type") == "object", f"tools.{at}.custom.input_schema.type: Field required")
        asked.tools[tool["name"]] = tool["input_schema"]
    choice = body.get("tool_choice") or {}
    need(not choice or asked.tools, "tool_choice: tool_choice may only be specified while providing tools")
    asked.choice = choice.get("name") or choice.get("type", "auto")


def _check_thinking(body: dict):
    """With thinking on, an answer that called tools has to be given back with the thinking that it began with."""
    thinking = body.get("thinking") or {}
    if thinking.get("type") != "enabled":
        return
    need(thinking["budget_tokens"] >= 1024, "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
    need(thinking["budget_tokens"] < body["max_tokens"], "`max_tokens` must be greater than `thinking.budget_tokens`.")
    need(body.get("temperature") in (None, 1), "`temperature` may only be set to 1 when thinking is enabled.")
    answers = [message["content"] for message in body["messages"] if message["role"] == "assistant"]
    last = answers[-1] if answers and isinstance(answers[-1], list) else []
    if any(block["type"] == "tool_use" for block in last):
        need(last[0]["type"] in ("thinking", "redacted_thinking"), f"Expected `thinking` or `redacted_thinking`, but found `{last[0]['type']}`. When `thinking` is enabled, a final `assistant` message must start with a thinking block.")


def _usage(turn: Turn) -> dict:
    """Anthropic counts what the cache gave and took beside input_tokens."""
    used = turn.usage
    return {"input_tokens": used.input, "cache_creation_input_tokens": used.cache_write, "cache_read_input_tokens": used.cache_read,
            "cache_creation": {"ephemeral_5m_input_tokens": used.cache_write, "ephemeral_1h_input_tokens": 0}, "output_tokens": used.output, "service_tier": "standard"}


def _blocks(turn: Turn, seed: str):
    for at, part in enumerate(turn.parts):
        match part:
            case Text(text) | Refusal(text):
                yield {"type": "text", "text": text}
            case Thinking(text):
                yield {"type": "thinking", "thinking": text, "signature": sign(text)}
            case Redacted(data):
                yield {"type": "redacted_thinking", "data": data}
            case ToolCall(name, arguments):
                yield {"type": "tool_use", "id": f"toolu_{seed}{at}", "name": name, "input": arguments}


def whole(turn: Turn, body: dict, seed: str) -> dict:
    return {"id": f"msg_{seed}", "type": "message", "role": "assistant", "model": body.get("model", "claude"), "content": list(_blocks(turn, seed)),
            "stop_reason": _STOP[turn.stop], "stop_sequence": turn.sequence, "usage": _usage(turn)}


def events(turn: Turn, body: dict, seed: str):
    """The events of a stream, which Bedrock carries in frames of its own."""
    message = whole(turn, body, seed)
    yield {"type": "message_start", "message": {**message, "content": [], "stop_reason": None, "stop_sequence": None, "usage": {**message["usage"], "output_tokens": 1}}}
    yield {"type": "ping"}
    for at, block in enumerate(message["content"]):
        start, deltas = _cut(block, turn.piece)
        yield {"type": "content_block_start", "index": at, "content_block": start}
        yield from ({"type": "content_block_delta", "index": at, "delta": delta} for delta in deltas)
        yield {"type": "content_block_stop", "index": at}
    yield {"type": "message_delta", "delta": {"stop_reason": message["stop_reason"], "stop_sequence": turn.sequence}, "usage": {"output_tokens": turn.usage.output}}
    yield {"type": "message_stop"}


def _cut(block: dict, piece: int) -> tuple[dict, list[dict]]:
    """How a block begins, and the deltas that make it whole."""
    match block["type"]:
        case "text":
            return {**block, "text": ""}, [{"type": "text_delta", "text": delta} for delta in pieces(block["text"], piece)]
        case "thinking":
            deltas = [{"type": "thinking_delta", "thinking": delta} for delta in pieces(block["thinking"], piece)]
            return {**block, "thinking": "", "signature": ""}, [*deltas, {"type": "signature_delta", "signature": block["signature"]}]
        case "tool_use":
            arguments = pieces(dumps(block["input"]), piece) if block["input"] else []
            return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": delta} for delta in ["", *arguments]]
    return block, []


def stream(turn: Turn, body: dict, seed: str):
    yield from (event(data, data["type"]) for data in events(turn, body, seed))


def broken(_: int) -> bytes:
    return event({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, "error")


def count(body: dict) -> dict:
    read(body, required=("model", "messages"))
    return {"input_tokens": len(dumps(body.get("messages"))) + len(dumps(body.get("tools", [])))}


def error(failure: Failure, seed: str) -> tuple[int, dict, dict]:
    kind = _TYPES.get(failure.status, "api_error")
    message = failure.message or "prompt is too long: 210000 tokens > 200000 maximum"
    return failure.status, {"request-id": f"req_{seed}", **failure.headers}, {"type": "error", "error": {"type": kind, "message": message}, "request_id": f"req_{seed}"}
