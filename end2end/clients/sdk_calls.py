"""Makes calls as programs do, by the official clients, and says what each used, for a check from outside of Python.

A conversation in lines of JSON: it starts LiteLLM's proxy and prints the `backends` of a router in front of it; reads the
`url` and a `key` of that router; makes the calls and prints `{model, input, output, nano}` of each; ends with its input.
Whether the router has noted the same is for the other side to see."""
import json
import sys
import tempfile
from pathlib import Path

import anthropic
import openai

import litellm_proxy
from dialects import ANTHROPIC, OPENAI
from prices import NANO, cost
from router import litellm_backends


def say(value):
    print(json.dumps(value), flush=True)


def calls(url: str, key: str):
    """The model and the answer's (input, output) tokens of each call. No two calls to the demo are of the same length."""
    chat = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0).chat.completions
    for model, words in ("demo", 3), ("mock-gpt", 3):
        hello = [{"role": "user", "content": "hello " * words}]
        yield model, OPENAI.tokens(chat.create(model=model, messages=hello))
        *_, last = chat.create(model=model, messages=hello * 2, stream=True, stream_options={"include_usage": True})
        yield model, OPENAI.tokens(last)

    messages = anthropic.Anthropic(base_url=url, api_key=key, max_retries=0).messages
    for model, words in ("demo", 12), ("claude-mock", 12):
        hello = {"max_tokens": 200, "messages": [{"role": "user", "content": "hello " * words}]}
        yield model, ANTHROPIC.tokens(messages.create(model=model, **hello))
        with messages.stream(model=model, system="Be brief.", **hello) as stream:
            yield model, ANTHROPIC.tokens(stream.get_final_message())


def used(model: str, tokens: tuple[int, int]) -> dict:
    return {"model": model, "input": tokens[0], "output": tokens[1], "nano": int(cost(model, *tokens) / NANO)}


with tempfile.TemporaryDirectory() as folder:
    litellm = litellm_proxy.start(Path(folder))
    try:
        say(litellm_backends(litellm.url))
        for line in sys.stdin:
            say([used(model, tokens) for model, tokens in calls(**json.loads(line))])
    finally:
        litellm.stop()
