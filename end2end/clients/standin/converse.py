"""Amazon Bedrock's Converse and ConverseStream, with Claude behind them."""
import base64
import json
import re

from . import event_stream
from .event_stream import exception, frame
from .prompt import Asked, Call, Picture, Result
from .script import REDACTED, Failure, Redacted, Refusal, Text, Thinking, ToolCall, Turn, sign
from .wire import dumps, need, pieces

STREAM_TYPE = event_stream.STREAM_TYPE
_STOP = {"end": "end_turn", "sequence": "stop_sequence", "length": "max_tokens", "tool": "tool_use", "filter": "content_filtered", "refusal": "end_turn"}
# Bedrock has fewer statuses than the others.
_ERRORS = {400: "ValidationException", 403: "AccessDeniedException", 404: "ResourceNotFoundException", 413: "ValidationException", 422: "ValidationException",
           429: "ThrottlingException", 500: "InternalServerException", 503: "ServiceUnavailableException"}
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_FIELDS = {"messages", "system", "inferenceConfig", "toolConfig", "additionalModelRequestFields", "additionalModelResponseFieldPaths", "requestMetadata", "serviceTier", "outputConfig"}


def read(body: dict) -> Asked:
    """The request, if the service would take it."""
    need(not set(body) - _FIELDS, f"Malformed input request: #: extraneous key [{', '.join(set(body) - _FIELDS)}] is not permitted, please reformat your input and try again.")
    asked = Asked(stop=(body.get("inferenceConfig") or {}).get("stopSequences") or [])
    asked.cache_marks = dumps(body).count('"cachePoint":{')
    for block in body.get("system") or []:
        need("text" not in block or block["text"].strip(), "The text field in the system content block is blank. Add text to the text field, and try again.")
        asked.system += [block["text"]] if "text" in block else []
    messages, waiting = body.get("messages") or [], []
    need(messages and messages[0]["role"] == "user", "A conversation must start with a user message. Try again with a conversation that starts with a user message.")
    for at, message in enumerate(messages):
        need(message["role"] == ("user", "assistant")[at % 2], "A conversation must alternate between user and assistant roles. Make sure the conversation alternates between user and assistant roles and try again.")
        waiting = _read_message(asked, message, at, waiting)
    need(not waiting, "A conversation must end with a user message or with a toolResult for each toolUse.")
    _read_tools(asked, body)
    _check_thinking(body)
    structure = ((body.get("outputConfig") or {}).get("textFormat") or {}).get("structure") or {}
    if structure:
        asked.schema = json.loads(structure["jsonSchema"]["schema"])
    else:
        asked.schema = (((body.get("additionalModelRequestFields") or {}).get("output_config") or {}).get("format") or {}).get("schema")
    return asked


def _read_message(asked: Asked, message: dict, at: int, waiting: list[str]) -> list[str]:
    """One message; returns the calls that need results in the next one."""
    content = message["content"]
    need(content, f"The content field in the Message object at messages.{at} is empty. Add a ContentBlock object to the content field and try again.")
    results = {block["toolResult"]["toolUseId"] for block in content if "toolResult" in block}
    need(not set(waiting) - results, f"Expected toolResult blocks at messages.{at}.content for the following Ids: {', '.join(waiting)}")
    need(not results - set(waiting), f"The toolResult blocks at messages.{at}.content contain Ids that do not match the Ids of the toolUse blocks of previous turn.")
    if message["role"] == "user":
        text = "".join(block.get("text", "") for block in content)
        asked.texts += [text] if text else []
    for number, block in enumerate(content):
        need(len(block) == 1, f"ContentBlock object at messages.{at}.content.{number} must set one of the following keys: text, image, toolUse, toolResult, document, video, cachePoint, reasoningContent.")
        _read_block(asked, block, f"messages.{at}.content.{number}")
    return [block["toolUse"]["toolUseId"] for block in content if "toolUse" in block]


def _read_block(asked: Asked, block: dict, where: str):
    match block:
        case {"text": text}:
            need(text.strip(), f"The text field in the ContentBlock object at {where} is blank. Add text to the text field, and try again.")
        case {"image": {"format": kind, "source": {"bytes": data}}}:
            need(kind in ("png", "jpeg", "gif", "webp"), f"Value '{kind}' at 'image.format' failed to satisfy constraint: Member must satisfy enum value set: [gif, jpeg, png, webp]")
            asked.pictures.append(Picture(f"image/{kind}", base64.b64decode(data, validate=True)))
        case {"reasoningContent": {"reasoningText": thought}}:
            need(thought.get("signature") == sign(thought["text"]), f"The model returned the following errors: {where}: Invalid `signature` in `thinking` block")
            asked.thinking.append((thought["text"], thought["signature"]))
        case {"reasoningContent": {"redactedContent": data}}:
            need(data == REDACTED, f"The model returned the following errors: {where}: Invalid `data` in `redacted_thinking` block")
            asked.redacted.append(data)
        case {"toolUse": use}:
            need(_NAME.fullmatch(use["name"]) and _NAME.fullmatch(use["toolUseId"]), f"Value at '{where}.toolUse' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_-]+")
            need(isinstance(use["input"], dict), f"The format of the value at {where}.toolUse.input is invalid. Provide a json object for the field and try again.")
            asked.calls.append(Call(use["toolUseId"], use["name"], use["input"]))
        case {"toolResult": result}:
            text = "".join(part.get("text") or (dumps(part["json"]) if "json" in part else "") for part in result.get("content") or [])
            asked.results.append(Result(result["toolUseId"], text, result.get("status") == "error"))
        case {"cachePoint": _}:
            pass
        case _:
            need(False, f"ContentBlock object at {where} must set one of the following keys: text, image, toolUse, toolResult, document, video, cachePoint, reasoningContent.")


def _read_tools(asked: Asked, body: dict):
    config = body.get("toolConfig")
    need(config or not (asked.calls or asked.results), "The toolConfig field must be defined when using toolUse and toolResult content blocks.")
    need(config is None or config["tools"], "1 validation error detected: Value '[]' at 'toolConfig.tools' failed to satisfy constraint: Member must have length greater than or equal to 1")
    for tool in (config or {}).get("tools", []):
        if "cachePoint" in tool:
            continue
        spec = tool["toolSpec"]
        need(_NAME.fullmatch(spec["name"]), f"Value '{spec['name']}' at 'toolConfig.tools.1.member.toolSpec.name' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_-]+")
        need(spec.get("description") != "", "Value '' at 'toolConfig.tools.1.member.toolSpec.description' failed to satisfy constraint: Member must have length greater than or equal to 1")
        need(spec["inputSchema"]["json"].get("type") == "object", "The value at toolConfig.tools.0.toolSpec.inputSchema.json.type must be one of the following: object.")
        asked.tools[spec["name"]] = spec["inputSchema"]["json"]
    choice = (config or {}).get("toolChoice") or {"auto": {}}
    asked.choice = choice["tool"]["name"] if "tool" in choice else next(iter(choice))


def _check_thinking(body: dict):
    """With thinking on, an answer that called tools has to be given back with the thinking that it began with."""
    thinking = (body.get("additionalModelRequestFields") or {}).get("thinking") or {}
    if thinking.get("type") != "enabled":
        return
    lead = "The model returned the following errors: "
    need(thinking["budget_tokens"] >= 1024, f"{lead}thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
    need(thinking["budget_tokens"] < body["inferenceConfig"]["maxTokens"], f"{lead}`max_tokens` must be greater than `thinking.budget_tokens`.")
    answers = [message["content"] for message in body["messages"] if message["role"] == "assistant"]
    if answers and any("toolUse" in block for block in answers[-1]):
        need("reasoningContent" in answers[-1][0], f"{lead}Expected `thinking` or `redacted_thinking`, but found `{next(iter(answers[-1][0]))}`.")


def _usage(turn: Turn) -> dict:
    """Bedrock counts what the cache gave and took beside inputTokens, and in the total."""
    used = turn.usage
    total = used.input + used.output + used.cache_read + used.cache_write
    return {"inputTokens": used.input, "outputTokens": used.output, "totalTokens": total, "cacheReadInputTokens": used.cache_read, "cacheWriteInputTokens": used.cache_write}


def _blocks(turn: Turn, seed: str):
    for at, part in enumerate(turn.parts):
        match part:
            case Text(text) | Refusal(text):
                yield {"text": text}
            case Thinking(text):
                yield {"reasoningContent": {"reasoningText": {"text": text, "signature": sign(text)}}}
            case Redacted(data):
                yield {"reasoningContent": {"redactedContent": data}}
            case ToolCall(name, arguments):
                yield {"toolUse": {"toolUseId": f"tooluse_{seed}{at}", "name": name, "input": arguments}}


def whole(turn: Turn, _: dict, seed: str) -> dict:
    answer = {"output": {"message": {"role": "assistant", "content": list(_blocks(turn, seed))}}, "stopReason": _STOP[turn.stop], "usage": _usage(turn), "metrics": {"latencyMs": 42}}
    return answer | _stopped_by(turn)


def _stopped_by(turn: Turn) -> dict:
    """The stop sequence is in what Claude's own answer adds, and only for who asks with additionalModelResponseFieldPaths."""
    return {"additionalModelResponseFields": {"stop_sequence": turn.sequence}} if turn.sequence else {}


def stream(turn: Turn, _: dict, seed: str):
    yield frame("messageStart", {"role": "assistant", "p": "abcdef"})
    for at, block in enumerate(_blocks(turn, seed)):
        where = {"contentBlockIndex": at}
        # As on the live service, only a call of a tool has a start.
        if "toolUse" in block:
            use = block["toolUse"]
            yield frame("contentBlockStart", {**where, "start": {"toolUse": {"toolUseId": use["toolUseId"], "name": use["name"]}}})
        yield from (frame("contentBlockDelta", {**where, "delta": delta}) for delta in _deltas(block, turn.piece))
        yield frame("contentBlockStop", where)
    yield frame("messageStop", {"stopReason": _STOP[turn.stop]} | _stopped_by(turn))
    yield frame("metadata", {"usage": _usage(turn), "metrics": {"latencyMs": 42}})


def _deltas(block: dict, piece: int) -> list[dict]:
    match block:
        case {"text": text}:
            return [{"text": delta} for delta in pieces(text, piece)]
        case {"toolUse": {"input": arguments}}:
            return [{"toolUse": {"input": delta}} for delta in pieces(dumps(arguments), piece)] if arguments else []
        case {"reasoningContent": {"reasoningText": thought}}:
            deltas = [*({"text": delta} for delta in pieces(thought["text"], piece)), {"signature": thought["signature"]}]
            return [{"reasoningContent": delta} for delta in deltas]
    return [block]


def broken(_: int) -> bytes:
    return exception("modelStreamErrorException", {"message": "the stand-in broke", "originalStatusCode": 500})


def error(failure: Failure, seed: str) -> tuple[int, dict, dict]:
    # What Bedrock calls a missing or wrong credential is a 403.
    status = {401: 403, 529: 503}.get(failure.status, failure.status)
    kind = "UnrecognizedClientException" if failure.status == 401 else _ERRORS[status]
    message = failure.message or "The model returned the following errors: prompt is too long: 210000 tokens > 200000 maximum"
    return status, {"x-amzn-requestid": f"req-{seed}", "x-amzn-errortype": f"{kind}:http://internal.amazon.com/coral/com.amazon.bedrock/"}, {"message": message}


def count(body: dict) -> dict:
    """CountTokens, of either API's body."""
    asked = body["input"]
    size = len(base64.b64decode(asked["invokeModel"]["body"])) if "invokeModel" in asked else len(dumps(asked["converse"]))
    return {"inputTokens": size}
