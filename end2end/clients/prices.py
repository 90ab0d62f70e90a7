"""What the tests' models cost, and what a call therefore has to be billed, in exact decimals.

This is the bill as an accountant would work it out from the price list, independent of the router's own arithmetic."""
from decimal import ROUND_HALF_UP, Decimal

NANO = Decimal("0.000000001")
MILLION = 1_000_000
# USD per million tokens, as (input, output).
PRICES = {
    "demo": ("0.15", "0.60"),
    "mock-gpt": ("1.1", "2.3"),
    "claude-mock": ("3.00", "15.00"),
    # 10 tokens in and 20 out come to 1887.5 nano-dollars, which the ledger rounds up, once per call.
    "mock-rounding": ("0.03335", "0.0777"),
}
# USD per million tokens of each kind, for the models behind the stand-in: no two prices alike, none a simple multiple of another.
STANDIN = {"input": "3.01", "cache_read": "0.29", "cache_write_5m": "3.77", "cache_write_1h": "6.13", "output": "15.11"}
# For models whose price no test looks at.
ANY = ("1", "2")


def price(model: str) -> dict:
    """A model's price as the configuration file has it. As text: a price is no float."""
    given = PRICES.get(model, ANY)
    return {"input": given[0], "output": given[1]}


def cost(model: str, input_tokens: int, output_tokens: int) -> Decimal:
    """USD for one call, rounded half up to a nano-dollar."""
    inp, out = (Decimal(p) for p in PRICES[model])
    return ((inp * input_tokens + out * output_tokens) / MILLION).quantize(NANO, ROUND_HALF_UP)


def cost_of(input: int = 0, cache_read: int = 0, cache_write_5m: int = 0, output: int = 0) -> Decimal:
    """USD for one call of a model behind the stand-in."""
    tokens = {"input": input, "cache_read": cache_read, "cache_write_5m": cache_write_5m, "output": output}
    return (sum(Decimal(STANDIN[kind]) * count for kind, count in tokens.items()) / MILLION).quantize(NANO, ROUND_HALF_UP)
