"""Every call is in the ledger, with its tokens and its exact cost, as soon as the client has its whole answer."""
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import httpx
import pytest

from dialects import ANTHROPIC, OPENAI, both_dialects
from prices import cost

HELLO = [{"role": "user", "content": "Say hello, please."}]
DAILY = 5


def stream(dialect, account, model, **more):
    """Reads a stream to its end: (input, output) tokens as reported there, or None."""
    if dialect is ANTHROPIC:
        with account.anthropic().messages.stream(model=model, max_tokens=200, messages=HELLO) as events:
            return dialect.tokens(events.get_final_message())
    chunks = list(account.openai().chat.completions.create(model=model, messages=HELLO, stream=True, **more))
    return next((dialect.tokens(chunk) for chunk in chunks if chunk.usage), None)


def check(account, calls):
    """`calls` are (model, input, output). Nothing waits here: a call is on the bill before its last byte is sent."""
    total, rows = Decimal(0), account.usage()
    for model in {model for model, _, _ in calls}:
        own = [call for call in calls if call[0] == model]
        bill = sum(cost(*call) for call in own)
        total += bill
        row = rows.pop(model)
        assert (row["total_input"], row["total_output"]) == (sum(c[1] for c in own), sum(c[2] for c in own)), model
        assert (row["requests"], row["total_cost"]) == (len(own), bill), model
    assert rows == {}, "models that nobody asked for"
    budget = account.budget()
    assert budget["daily_spend"] == budget["monthly_spend"] == total
    assert budget["daily_remaining"] == DAILY - total
    return total


@pytest.fixture
def payer(new_account):
    return new_account(daily_budget=DAILY, monthly_budget=50)


@pytest.mark.parametrize("dialect,model", [(OPENAI, "demo"), (OPENAI, "mock-gpt"), (OPENAI, "mock-rounding"), (ANTHROPIC, "demo"), (ANTHROPIC, "claude-mock")], ids=str)
def test_plain_and_streamed_calls_are_billed_exactly(payer, dialect, model):
    calls = [(model, *dialect.tokens(dialect.ask(payer, model))) for _ in range(3)]
    assert check(payer, calls) > 0
    calls.append((model, *stream(dialect, payer, model, **({"stream_options": {"include_usage": True}} if dialect is OPENAI else {}))))
    check(payer, calls)


@pytest.mark.parametrize("model", ["demo", "mock-gpt"])
def test_a_stream_without_usage_is_billed_like_one_with(payer, model):
    told = stream(OPENAI, payer, model, stream_options={"include_usage": True})
    assert stream(OPENAI, payer, model) is None
    check(payer, [(model, *told)] * 2)


def test_a_days_work_adds_up(payer):
    """Both dialects, several models, plain and streamed: the sum of all answers' usages is the bill."""
    calls = []
    for round in range(5):
        text = "word " * (round * 7 + 1)
        calls.append(("demo", *OPENAI.tokens(OPENAI.ask(payer, "demo", text))))
        calls.append(("demo", *ANTHROPIC.tokens(ANTHROPIC.ask(payer, "demo", text))))
        calls.append(("demo", *stream(ANTHROPIC, payer, "demo")))
        calls.append(("mock-gpt", *OPENAI.tokens(OPENAI.ask(payer, "mock-gpt"))))
        calls.append(("claude-mock", *stream(ANTHROPIC, payer, "claude-mock")))
        calls.append(("mock-rounding", *OPENAI.tokens(OPENAI.ask(payer, "mock-rounding"))))
    check(payer, calls)


def test_calls_at_once_add_up(payer):
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda i: OPENAI.ask(payer, "demo", "word " * i), range(64)))
    check(payer, [("demo", *OPENAI.tokens(answer)) for answer in answers])


@both_dialects
def test_failed_calls_cost_nothing(account, dialect):
    for model in ("demo-429", "demo-500"):
        dialect.refused("APIStatusError", account, model)
    assert account.budget()["daily_spend"] == 0


@both_dialects
def test_a_disconnect_is_not_free(account, dialect):
    """The client goes away after the first text: what the upstream had to do until then is on the bill."""
    body = b'{"model": "demo-slow", "max_tokens": 200, "stream": true, "messages": [{"role": "user", "content": "hi"}]}'
    headers = {"authorization": f"Bearer {account.key}", "content-type": "application/json", "anthropic-version": "2023-06-01"}
    delta = '"text_delta"' if dialect is ANTHROPIC else '"content":"'
    with httpx.stream("POST", account.url + dialect.path, content=body, headers=headers, timeout=30) as answer:
        assert answer.status_code == 200
        next(line for line in answer.iter_lines() if delta in line and '"content":""' not in line)
    # The router learns of it when the connection closes, which no answer can confirm: poll until it shows.
    deadline = time.monotonic() + 20
    while not account.usage() and time.monotonic() < deadline:
        time.sleep(0.05)
    row = account.usage()["demo-slow"]
    assert row["requests"] == 1 and row["total_input"] > 0 and row["total_cost"] > 0
    assert account.budget()["daily_spend"] == row["total_cost"]
