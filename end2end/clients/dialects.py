"""The two dialects as seen by a test of errors: how to ask, which exceptions the SDK raises, what an error looks like.

Tests that say the same of both dialects take one of these as a parameter; what only one of them has is tested in its
own file."""
import json
from dataclasses import dataclass
from types import ModuleType

import anthropic
import openai
import pytest

HI = [{"role": "user", "content": "Say hello, please."}]


@dataclass(frozen=True)
class Dialect:
    name: str
    sdk: ModuleType
    path: str

    def __str__(self):
        return self.name

    def client(self, account, **more):
        return account.openai(**more) if self.sdk is openai else account.anthropic(**more)

    def ask(self, account, model: str, text: str = HI[0]["content"], client: dict | None = None, **more):
        """One call by the SDK; `client` are settings of the client, the rest goes into the request."""
        made = self.client(account, **(client or {}))
        request = {"model": model, "max_tokens": 200, "messages": [{"role": "user", "content": text}], **more}
        return made.chat.completions.create(**request) if self.sdk is openai else made.messages.create(**request)

    def refused(self, kind: str, *arguments, **more):
        """The exception of that name, which the call has to raise."""
        with pytest.raises(getattr(self.sdk, kind)) as failure:
            self.ask(*arguments, **more)
        if isinstance(failure.value, self.sdk.APIStatusError):
            self.check_error(failure.value.response.text)
        return failure.value

    def check_error(self, text: str) -> dict:
        """The error object of a body, which has the dialect's shape."""
        body = json.loads(text)
        error = body["error"]
        assert isinstance(error["message"], str) and error["message"] and isinstance(error["type"], str)
        if self.sdk is openai:
            assert {"message", "type", "param", "code"} <= set(error)
        else:
            assert body["type"] == "error"
        return error

    def headers(self) -> dict:
        return {} if self.sdk is openai else {"anthropic_version": "2023-06-01"}

    def text_of(self, answer) -> str:
        return answer.choices[0].message.content if self.sdk is openai else answer.content[0].text

    def model(self, openai_model: str) -> str:
        """The tests' configuration has each model of an upstream twice; Anthropic's half is called claude-*."""
        return openai_model if self.sdk is openai or openai_model.startswith("demo") else f"claude-{openai_model}"

    def tokens(self, answer) -> tuple[int, int]:
        """(input, output) tokens as the answer reports them."""
        usage = answer.usage
        return (usage.prompt_tokens, usage.completion_tokens) if self.sdk is openai else (usage.input_tokens, usage.output_tokens)


OPENAI = Dialect("openai", openai, "/v1/chat/completions")
ANTHROPIC = Dialect("anthropic", anthropic, "/v1/messages")
both_dialects = pytest.mark.parametrize("dialect", [OPENAI, ANTHROPIC], ids=str)
