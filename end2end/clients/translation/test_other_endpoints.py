"""Embeddings, and counting tokens before a request."""
import pytest

import standin_backends
import weather_tool
from matrix import claudes, kinds
from standin import embeddings


@pytest.mark.parametrize("given,count", [("one text", 1), (["two", "texts"], 2), ([1, 2, 3], 1), ([[1, 2], [3]], 2)], ids=["text", "texts", "tokens", "lists of tokens"])
@pytest.mark.parametrize("encoding", [None, "float"])
def test_embeddings(caller, given, count, encoding):
    """Without an encoding the client asks for base64."""
    asked = {"encoding_format": encoding} if encoding else {}
    answer = caller.openai().embeddings.create(model=standin_backends.model("embeddings"), input=given, **asked)
    assert [item.embedding for item in answer.data] == [embeddings.vector(number) for number in range(count)]
    assert answer.usage.prompt_tokens == 5 * count and answer.model == standin_backends.model("embeddings")


def test_dimensions_of_embeddings(caller):
    answer = caller.openai().embeddings.create(model=standin_backends.model("embeddings"), input="x", dimensions=2)
    assert answer.data[0].embedding == embeddings.vector(0, 2)


@kinds
def test_count_tokens(caller, kind):
    """By the provider where it counts, and an estimate elsewhere: either grows with the request."""
    count = caller.anthropic().messages.count_tokens
    model = standin_backends.model(kind)
    small = count(model=model, messages=[{"role": "user", "content": "hi"}]).input_tokens
    large = count(model=model, messages=[{"role": "user", "content": "hello " * 500}], tools=weather_tool.ANTHROPIC, system="rules " * 100).input_tokens
    assert 0 < small < large


@claudes
def test_count_tokens_is_the_providers_own(caller, standin, kind):
    before = len(standin.received)
    caller.anthropic().messages.count_tokens(model=standin_backends.model(kind), messages=[{"role": "user", "content": "hi"}])
    assert [received.dialect for received in standin.received[before:]] == ["count"]
