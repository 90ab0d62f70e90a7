"""Tokens: each dialect counts what the cache gave in its own way, and the bill is the same for all."""
from decimal import Decimal

import anthropic
import openai
import pytest

import standin_backends
from matrix import claudes, everywhere, kinds
from prices import cost_of
from standin import script, tagged
from talks import TALKS

# What the scenario `cached` uses: 10 tokens beside the cache, 1000 from it, 200 into it, 7 out.


@everywhere
def test_tokens_from_the_cache(begin, client, kind, stream):
    usage = begin(client, kind, stream=stream).say(tagged("cached")[0]).usage
    assert (usage["cache_read"], usage["output"]) == (1000, 7)
    if client == "messages":
        assert (usage["input"], usage["cache_write"]) == (10, 200)
    else:
        assert (usage["input"], usage["total"]) == (1210, 1217), "OpenAI counts all of it as input"
    if client == "responses":
        assert usage["cache_write"] == 200


@everywhere
def test_the_bill(new_account, client, kind, stream):
    account, model = new_account(daily_budget=5), standin_backends.model(kind)
    for scenario in ("plain", "cached", "think"):
        assert TALKS[client](account, model, stream=stream).say(tagged(scenario)[0]).text == script.TEXT
    [row] = account.usage().values()
    expected = cost_of(input=11, output=7) + cost_of(input=10, cache_read=1000, cache_write_5m=200, output=7) + cost_of(input=11, output=12)
    assert (row["requests"], row["total_input"], row["total_output"]) == (3, 11 + 1210 + 11, 7 + 7 + 12)
    assert row["total_cost"] == expected > 0
    assert account.budget()["daily_spend"] == expected


@kinds
def test_the_bill_of_a_stream_that_tells_no_usage(new_account, kind):
    """A chat that does not ask for it is not told, and costs the same."""
    account, model = new_account(), standin_backends.model(kind)
    messages = [{"role": "user", "content": tagged("cached")[0]}]
    assert not any(chunk.usage for chunk in account.openai().chat.completions.create(model=model, messages=messages, stream=True))
    [row] = account.usage().values()
    assert row["total_cost"] == cost_of(input=10, cache_read=1000, cache_write_5m=200, output=7)


@claudes
def test_marks_of_what_to_cache_arrive(begin, standin, kind):
    mark = {"cache_control": {"type": "ephemeral"}}
    prompt, run = tagged("cached")
    talk = begin("messages", kind, more={"system": [{"type": "text", "text": "Rules.", **mark}]})
    talk.history += [{"role": "user", "content": [{"type": "text", "text": prompt, **mark}]}]
    talk.answer()
    assert standin.of(run)[-1].asked.cache_marks == 2


@kinds
def test_who_refuses_bills_nothing(new_account, kind):
    account = new_account()
    for client in TALKS:
        talk = TALKS[client](account, standin_backends.model(kind))
        with pytest.raises((openai.InternalServerError, anthropic.ServiceUnavailableError)):
            talk.say(tagged("error-503")[0])
    assert account.budget()["daily_spend"] == Decimal(0)
