"""Anthropic Messages, by the client's own accumulator where it streams."""
import base64

import weather_tool
from standin import Call

from .talk import Answer, Talk


class MessagesTalk(Talk):
    STOPS = {"end": "end_turn", "tool": "tool_use", "length": "max_tokens", "filter": "refusal", "sequence": "stop_sequence"}

    def user(self, text, pictures):
        if not pictures:
            return {"role": "user", "content": text}
        sources = [{"type": "base64", "media_type": picture.media_type, "data": base64.b64encode(picture.data).decode()} for picture in pictures]
        return {"role": "user", "content": [*({"type": "image", "source": source} for source in sources), {"type": "text", "text": text}]}

    def returned(self, results):
        return [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": result.id, "content": result.text, "is_error": result.error} for result in results]}]

    def request(self):
        request = {"model": self.model, "messages": self.history, "max_tokens": 4096, **self.more}
        if self.tools:
            request["tools"] = weather_tool.ANTHROPIC
        if self.thinking:
            request["thinking"] = {"type": "enabled", "budget_tokens": 2000}
        if self.stop:
            request["stop_sequences"] = self.stop
        if self.schema:
            request["output_config"] = {"format": {"type": "json_schema", "schema": self.schema}}
        return request

    def raw(self, **client):
        return self.account.anthropic(**client).messages.with_raw_response.create(**self.request())

    def answer(self):
        client = self.account.anthropic(max_retries=self.retries)
        if self.stream:
            with client.messages.stream(**self.request()) as stream:
                message = stream.get_final_message()
        else:
            message = client.messages.create(**self.request())
        self.history += [{"role": "assistant", "content": message.content}]
        return _answer(message)


def _answer(message) -> Answer:
    answer = Answer(stop=message.stop_reason, sequence=message.stop_sequence, model=message.model)
    for block in message.content:
        match block.type:
            case "text":
                answer.text += block.text
            case "thinking":
                answer.thinking.append((block.thinking, block.signature))
            case "redacted_thinking":
                answer.redacted.append(block.data)
            case "tool_use":
                answer.calls.append(Call(block.id, block.name, block.input))
    usage = message.usage
    answer.usage = {"input": usage.input_tokens, "output": usage.output_tokens, "cache_read": usage.cache_read_input_tokens or 0, "cache_write": usage.cache_creation_input_tokens or 0}
    return answer
