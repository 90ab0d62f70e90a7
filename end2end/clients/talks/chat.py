"""OpenAI Chat Completions. Reasoning is no part of OpenAI's own: it is in the fields that compatible servers add."""
import base64
import json

import weather_tool
from standin import Call

from .talk import Answer, Talk


class ChatTalk(Talk):
    STOPS = {"end": "stop", "tool": "tool_calls", "length": "length", "filter": "content_filter", "sequence": "stop"}

    def user(self, text, pictures):
        if not pictures:
            return {"role": "user", "content": text}
        urls = [f"data:{picture.media_type};base64,{base64.b64encode(picture.data).decode()}" for picture in pictures]
        return {"role": "user", "content": [{"type": "text", "text": text}, *({"type": "image_url", "image_url": {"url": url}} for url in urls)]}

    def returned(self, results):
        return [{"role": "tool", "tool_call_id": result.id, "content": result.text} for result in results]

    def request(self):
        request = {"model": self.model, "messages": self.history, "max_completion_tokens": 4096, **self.more}
        if self.tools:
            request["tools"] = weather_tool.OPENAI
        if self.thinking:
            request["reasoning_effort"] = "low"
        if self.stop:
            request["stop"] = self.stop
        if self.schema:
            request["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": self.schema}}
        return request

    def raw(self, **client):
        return self.account.openai(**client).chat.completions.with_raw_response.create(**self.request())

    def answer(self):
        create = self.account.openai(max_retries=self.retries).chat.completions.create
        if self.stream:
            with create(**self.request(), stream=True, stream_options={"include_usage": True}) as chunks:
                message, finish, usage, model = _collect(chunks)
        else:
            completion = create(**self.request())
            [choice] = completion.choices
            message, finish, usage, model = choice.message.model_dump(exclude_none=True), choice.finish_reason, completion.usage, completion.model
        self.history += [message]
        return _answer(message, finish, usage, model)


def _collect(chunks):
    """A message from its deltas, by hand: the client's own helper raises on an answer that was cut off."""
    message, calls, details = {"role": "assistant"}, {}, {}
    finish = usage = model = None
    for chunk in chunks:
        model = chunk.model
        if chunk.usage:
            assert not chunk.choices, "the chunk with the usage has no choices"
            usage = chunk.usage
        for choice in chunk.choices:
            assert finish is None, "nothing comes after the end"
            finish = choice.finish_reason
            delta = choice.delta.model_dump(exclude_none=True)
            for name in ("content", "refusal", "reasoning_content"):
                if delta.get(name):
                    message[name] = message.get(name, "") + delta[name]
            for call in delta.get("tool_calls", []):
                known = calls.setdefault(call["index"], {"type": "function", "function": {"name": "", "arguments": ""}})
                known["id"] = call.get("id") or known["id"]
                for name, piece in call.get("function", {}).items():
                    known["function"][name] += piece
            for detail in delta.get("reasoning_details", []):
                known = details.setdefault(detail["index"], {"text": ""} if "text" in detail else {})
                known.update({**detail, "text": known["text"] + detail.get("text", "")} if "text" in known else detail)
    if calls:
        message["tool_calls"] = [calls[index] for index in sorted(calls)]
    if details:
        message["reasoning_details"] = [details[index] for index in sorted(details)]
    if not calls:
        message.setdefault("content", "")
    return message, finish, usage, model


def _answer(message: dict, finish: str, usage, model: str) -> Answer:
    details = message.get("reasoning_details", [])
    thinking = [(detail["text"], detail.get("signature")) for detail in details if detail["type"] == "reasoning.text"]
    if not thinking and message.get("reasoning_content"):
        thinking = [(message["reasoning_content"], None)]
    calls = [Call(call["id"], call["function"]["name"], json.loads(call["function"]["arguments"])) for call in message.get("tool_calls", [])]
    given, made = usage.prompt_tokens_details, usage.completion_tokens_details
    counted = {"input": usage.prompt_tokens, "output": usage.completion_tokens, "total": usage.total_tokens,
               "cache_read": given.cached_tokens or 0 if given else 0, "reasoning": made.reasoning_tokens or 0 if made else 0}
    return Answer(message.get("content") or "", thinking, [detail["data"] for detail in details if detail["type"] == "reasoning.encrypted"], calls,
                  message.get("refusal") or "", finish, None, counted, model)
