"""OpenAI Responses without state on the server: the items of an answer are given back with the next request."""
import base64
import json

import weather_tool
from standin import Call

from .talk import Answer, BrokenAnswer, Talk

_ENDS = ("response.completed", "response.incomplete")


class ResponsesTalk(Talk):
    STOPS = {"end": "completed", "tool": "completed", "length": "max_output_tokens", "filter": "content_filter", "sequence": "completed"}

    def user(self, text, pictures):
        if not pictures:
            return {"role": "user", "content": text}
        urls = [f"data:{picture.media_type};base64,{base64.b64encode(picture.data).decode()}" for picture in pictures]
        return {"role": "user", "content": [{"type": "input_text", "text": text}, *({"type": "input_image", "detail": "auto", "image_url": url} for url in urls)]}

    def returned(self, results):
        return [{"type": "function_call_output", "call_id": result.id, "output": result.text} for result in results]

    def request(self):
        request = {"model": self.model, "input": self.history, "max_output_tokens": 4096, "store": False, "include": ["reasoning.encrypted_content"], **self.more}
        if self.tools:
            request["tools"] = weather_tool.RESPONSES
        if self.thinking:
            request["reasoning"] = {"effort": "low", "summary": "auto"}
        if self.schema:
            request["text"] = {"format": {"type": "json_schema", "name": "answer", "strict": True, "schema": self.schema}}
        assert not self.stop, "this API has no stop sequences"
        return request

    def raw(self, **client):
        return self.account.openai(**client).responses.with_raw_response.create(**self.request())

    def answer(self):
        create = self.account.openai(max_retries=self.retries).responses.create
        if self.stream:
            with create(**self.request(), stream=True) as events:
                response = _collect(events)
        else:
            response = create(**self.request())
        self.history += response.output
        return _answer(response)


def _collect(events):
    """The last event's response, which has to be what the events before it told."""
    items, text, response = {}, "", None
    for number, event in enumerate(events):
        assert event.sequence_number == number
        if event.type == "response.output_text.delta":
            text += event.delta
        elif event.type == "response.output_item.done":
            items[event.output_index] = event.item
        elif event.type in _ENDS:
            response = event.response
        elif event.type in ("error", "response.failed"):
            raise BrokenAnswer(event.to_json())
    assert response is not None, "the stream ended without its last event"
    assert response.output_text == text
    assert [items[index].model_dump() for index in sorted(items)] == [item.model_dump() for item in response.output]
    return response


def _answer(response) -> Answer:
    answer = Answer(text=response.output_text, model=response.model)
    for item in response.output:
        match item.type:
            case "function_call":
                answer.calls.append(Call(item.call_id, item.name, json.loads(item.arguments)))
            case "reasoning":
                answer.thinking.append(("".join(part.text for part in item.summary or item.content or []), item.encrypted_content))
            case "message":
                answer.refusal += "".join(part.refusal for part in item.content if part.type == "refusal")
    answer.stop = response.incomplete_details.reason if response.status == "incomplete" else response.status
    usage = response.usage
    answer.usage = {"input": usage.input_tokens, "output": usage.output_tokens, "total": usage.total_tokens,
                    "cache_read": usage.input_tokens_details.cached_tokens, "cache_write": usage.input_tokens_details.cache_write_tokens, "reasoning": usage.output_tokens_details.reasoning_tokens}
    return answer
