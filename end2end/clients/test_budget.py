"""A budget ends what a user can spend: refused before anything is spent, in words and headers that clients obey."""
import re
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from dialects import ANTHROPIC, OPENAI, both_dialects
from router import admin

# Less than a single call costs.
TINY = 0.000001


def over(dialect, account, **more):
    error = dialect.refused("RateLimitError", account, "demo", **more)
    assert error.status_code == 429
    return error


@both_dialects
@pytest.mark.parametrize("period", ["daily", "monthly"])
def test_over_budget(new_account, dialect, period):
    account = new_account(**{f"{period}_budget": TINY})
    error = over(dialect, account)
    assert re.search(rf"{period.capitalize()} budget exceeded: \$[0-9.]+ / \$[0-9.]+", error.message), error.message
    wait = int(error.response.headers["retry-after"])
    assert 0 < wait <= (24 * 3600 if period == "daily" else 31 * 24 * 3600)
    assert account.budget()[f"{period}_spend"] == 0


@both_dialects
def test_the_month_is_checked_first(new_account, dialect):
    error = over(dialect, new_account(daily_budget=TINY, monthly_budget=TINY))
    assert "Monthly budget exceeded" in error.message


@both_dialects
def test_a_stream_is_refused_before_it_begins(new_account, dialect):
    over(dialect, new_account(daily_budget=TINY), stream=True)


def test_the_anthropic_sdk_sees_a_spend_limit(new_account):
    """Its own class for this case comes from `error.details.error_code`."""
    error = over(ANTHROPIC, new_account(daily_budget=TINY))
    assert error.body["error"]["type"] == "rate_limit_error"
    assert type(error).__name__ == "EnforcedSpendLimitReachedError"


@both_dialects
def test_the_sdks_do_not_try_again(new_account, dialect):
    """Waiting some seconds does not refill a budget: with the SDK's usual retries on, one request is sent."""
    sent = []
    http_client = dialect.sdk.DefaultHttpxClient(event_hooks={"request": [sent.append]})
    over(dialect, new_account(daily_budget=TINY), client={"max_retries": 2, "http_client": http_client})
    assert len(sent) == 1


@both_dialects
def test_small_calls_spend_the_whole_budget_and_no_more(new_account, dialect):
    """Reservations are given back: what remains at the end is less than one more call could cost."""
    budget = Decimal("0.002")
    account = new_account(daily_budget=float(budget))
    most = Decimal(0)
    for _ in range(500):
        before = account.budget()["daily_spend"]
        try:
            dialect.ask(account, "demo")
        except dialect.sdk.RateLimitError as error:
            assert re.search(r"/ \$0\.0020*\b", error.message), error.message
            break
        most = max(most, account.budget()["daily_spend"] - before)
    else:
        pytest.fail("500 calls did not use up $0.002")
    spent = account.budget()["daily_spend"]
    # 200 tokens out at $0.60 a million, and the few tokens of the question, doubled for a careful estimate.
    largest_estimate = Decimal("0.0003")
    assert most > 0 and budget - largest_estimate <= spent <= budget
    assert account.budget()["daily_remaining"] == budget - spent


def test_calls_at_once_do_not_break_the_budget(new_account):
    budget = Decimal("0.001")
    account = new_account(daily_budget=float(budget))

    def call(_):
        try:
            OPENAI.ask(account, "demo")
            return True
        except OPENAI.sdk.RateLimitError:
            return False
    with ThreadPoolExecutor(16) as threads:
        allowed = list(threads.map(call, range(200)))
    assert any(allowed) and not all(allowed)
    assert 0 < account.budget()["daily_spend"] <= budget


@both_dialects
def test_a_raised_budget_works_at_once(new_account, dialect):
    account = new_account(daily_budget=TINY)
    over(dialect, account)
    admin(account.url, "PATCH", f"/admin/users/{account.id}", {"daily_budget": 1})
    assert dialect.ask(account, "demo")
    assert account.budget()["daily_budget"] == 1


def test_no_budget_is_no_limit(account):
    assert account.fields["daily_budget"] == account.fields["monthly_budget"] == 0
    assert OPENAI.ask(account, "demo")
