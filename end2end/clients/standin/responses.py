"""OpenAI Responses: items in, items out, and events that repeat at the end what they said piece by piece."""
import json

from . import chat
from .prompt import Asked, Call, Result
from .script import Refusal, Text, Thinking, ToolCall, Turn, sign
from .wire import dumps, event, need, picture, pieces, text_of

STREAM_TYPE = "text/event-stream"
error = chat.error


def read(body: dict) -> Asked:
    """The request, if the service would take it."""
    asked = Asked(system=[body["instructions"]] if body.get("instructions") else [])
    need("input" in body, "Missing required parameter: 'input'.")
    items = body["input"] if isinstance(body["input"], list) else [{"role": "user", "content": body["input"]}]
    open_calls = []
    for at, item in enumerate(items):
        match item.get("type", "message"):
            case "message":
                _read_message(asked, item)
            case "reasoning":
                text = "".join(part["text"] for part in item.get("summary") or [])
                need(item.get("encrypted_content") in (None, sign(text)), f"The encrypted content for item {item.get('id')} could not be verified.")
                asked.thinking.append((text, item.get("encrypted_content")))
            case "function_call":
                open_calls.append(item["call_id"])
                need(len(item["call_id"]) <= 64, f"Invalid 'input[{at}].call_id': string too long. Expected a string with maximum length 64.")
                asked.calls.append(Call(item["call_id"], item["name"], json.loads(item["arguments"])))
            case "function_call_output":
                need(item["call_id"] in open_calls, f"No tool call found for function call output with call_id {item['call_id']}.")
                open_calls.remove(item["call_id"])
                asked.results.append(Result(item["call_id"], text_of(item["output"], "input_text")))
            case kind:
                need(False, f"Invalid value: '{kind}'. (input[{at}])")
    need(not open_calls, f"No tool output found for function call {', '.join(open_calls)}.")
    for tool in body.get("tools") or []:
        if tool["type"] == "function":     # the others are OpenAI's own
            need(tool.get("name"), "Missing required parameter: 'tools[0].name'.")
            asked.tools[tool["name"]] = tool.get("parameters") or {}
    choice = body.get("tool_choice")
    asked.choice = choice["name"] if isinstance(choice, dict) else {"required": "any"}.get(choice, choice or "auto")
    asked.schema = ((body.get("text") or {}).get("format") or {}).get("schema")
    return asked


def _read_message(asked: Asked, item: dict):
    role, content = item["role"], item["content"]
    if role == "assistant":
        need(isinstance(content, str) or all(part["type"] in ("output_text", "refusal") for part in content), "Invalid value: 'input_text'. Supported values are: 'output_text' and 'refusal'.")
        return
    need(role in ("user", "system", "developer"), f"Invalid value: '{role}'. Supported values are: 'assistant', 'system', 'developer', and 'user'.")
    (asked.texts if role == "user" else asked.system).append(text_of(content, "input_text"))
    asked.pictures += [picture(part["image_url"]) for part in content if part["type"] == "input_image"] if isinstance(content, list) else []


def _usage(turn: Turn) -> dict:
    used = turn.usage
    total = used.input + used.cache_read + used.cache_write
    return {"input_tokens": total, "input_tokens_details": {"cached_tokens": used.cache_read, "cache_write_tokens": used.cache_write}, "output_tokens": used.output,
            "output_tokens_details": {"reasoning_tokens": used.reasoning}, "total_tokens": total + used.output}


def _items(turn: Turn, seed: str):
    for at, part in enumerate(turn.parts):
        match part:
            case Text(text):
                content = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
                yield {"type": "message", "id": f"msg_{seed}{at}", "status": "completed", "role": "assistant", "content": [content]}
            case Refusal(text):
                yield {"type": "message", "id": f"msg_{seed}{at}", "status": "completed", "role": "assistant", "content": [{"type": "refusal", "refusal": text}]}
            case Thinking(text):
                yield {"type": "reasoning", "id": f"rs_{seed}{at}", "summary": [{"type": "summary_text", "text": text}], "encrypted_content": sign(text)}
            case ToolCall(name, arguments):
                yield {"type": "function_call", "id": f"fc_{seed}{at}", "call_id": f"call_{seed}{at}", "name": name, "arguments": dumps(arguments), "status": "completed"}


def _response(body: dict, seed: str, status: str, output: list, usage: dict | None, why: str | None = None) -> dict:
    return {"id": f"resp_{seed}", "object": "response", "created_at": 1795000000, "status": status, "background": False, "error": None, "incomplete_details": {"reason": why} if why else None,
            "instructions": body.get("instructions"), "max_output_tokens": body.get("max_output_tokens"), "model": body["model"], "output": output, "parallel_tool_calls": True,
            "previous_response_id": None, "reasoning": {"effort": None, "summary": None}, "store": body.get("store", True), "temperature": 1.0, "text": body.get("text") or {"format": {"type": "text"}},
            "tool_choice": body.get("tool_choice", "auto"), "tools": body.get("tools") or [], "top_p": 1.0, "truncation": "disabled", "usage": usage, "user": None, "metadata": {}}


def whole(turn: Turn, body: dict, seed: str) -> dict:
    why = {"length": "max_output_tokens", "filter": "content_filter"}.get(turn.stop)
    return _response(body, seed, "incomplete" if why else "completed", list(_items(turn, seed)), _usage(turn), why)


def stream(turn: Turn, body: dict, seed: str):
    for number, (kind, fields) in enumerate(_events(turn, body, seed)):
        yield event({"type": kind, "sequence_number": number, **fields}, kind)


def _events(turn: Turn, body: dict, seed: str):
    begun = _response(body, seed, "in_progress", [], None)
    yield "response.created", {"response": begun}
    yield "response.in_progress", {"response": begun}
    for at, item in enumerate(_items(turn, seed)):
        where = {"item_id": item["id"], "output_index": at}
        match item["type"]:
            case "message":
                yield "response.output_item.added", {"output_index": at, "item": {**item, "status": "in_progress", "content": []}}
                yield from _content(item["content"][0], {**where, "content_index": 0}, turn.piece)
            case "reasoning":
                summary, where_in = item["summary"][0], {**where, "summary_index": 0}
                yield "response.output_item.added", {"output_index": at, "item": {"type": "reasoning", "id": item["id"], "summary": []}}
                yield "response.reasoning_summary_part.added", {**where_in, "part": {**summary, "text": ""}}
                yield from (("response.reasoning_summary_text.delta", {**where_in, "delta": piece}) for piece in pieces(summary["text"], turn.piece))
                yield "response.reasoning_summary_text.done", {**where_in, "text": summary["text"]}
                yield "response.reasoning_summary_part.done", {**where_in, "part": summary}
            case "function_call":
                yield "response.output_item.added", {"output_index": at, "item": {**item, "status": "in_progress", "arguments": ""}}
                yield from (("response.function_call_arguments.delta", {**where, "delta": piece}) for piece in pieces(item["arguments"], turn.piece))
                yield "response.function_call_arguments.done", {**where, "name": item["name"], "arguments": item["arguments"]}
        yield "response.output_item.done", {"output_index": at, "item": item}
    final = whole(turn, body, seed)
    yield f"response.{final['status']}", {"response": final}


def _content(part: dict, where: dict, piece: int):
    kind = part["type"]
    field, more = ("text", {"logprobs": []}) if kind == "output_text" else ("refusal", {})
    yield "response.content_part.added", {**where, "part": {**part, field: ""}}
    yield from ((f"response.{kind}.delta", {**where, "delta": delta, **more}) for delta in pieces(part[field], piece))
    yield f"response.{kind}.done", {**where, field: part[field], **more}
    yield "response.content_part.done", {**where, "part": part}


def broken(after: int) -> bytes:
    return event({"type": "error", "sequence_number": after, "code": "server_error", "message": "the stand-in broke", "param": None}, "error")
