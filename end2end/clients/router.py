"""The router under test: its configuration, and the accounts that tests make on it.

Each test has an account of its own, so that what it spent can be read without knowing what other tests did."""
import functools
import itertools
import json
import os
from decimal import Decimal
from pathlib import Path

import anthropic
import httpx
import openai

import litellm_proxy
from prices import price
from servers import Server, free_port
from upstream import ANSWERS

MASTER_KEY = "sk-master-for-tests"
UPSTREAM_KEY = "sk-upstream-secret"
MAX_BODY = 1 << 20
# For what no SDK does. One for all calls, since making a client takes longer than most of them.
_http = httpx.Client(timeout=30)
_numbers = itertools.count(1)


GROUPS = [{"name": "resilient", "strategy": "priority", "members": [
    {"backend": "nobody", "model": "nobody", "priority": 0},
    {"backend": "html", "model": "html", "priority": 1},
    {"backend": "litellm", "model": "mock-gpt", "priority": 2},
]}]


def backend(name: str, kind: str, base_url: str, models: dict, key: str = UPSTREAM_KEY) -> dict:
    """An entry of `backends`. `models` maps each name to what its entry says beside name and price."""
    models = [{"model": m, "price": price(m), **more} for m, more in models.items()]
    return {"name": name, "kind": kind, "base_url": base_url, "api_keys": [key], "max_retries": 0, "timeout": "20s", "models": models}


def litellm_backends(litellm_url: str) -> list[dict]:
    """LiteLLM's mocks, in both dialects."""
    mocks = {name: {} for name in litellm_proxy.MOCKS}
    mocks["mock-gpt"] = {"aliases": ["company-gpt"]}
    claudes = {litellm_proxy.claude(name): {} for name in litellm_proxy.MOCKS}
    claudes["claude-mock"] = {"aliases": ["company-claude"]}
    return [
        backend("litellm", "openai_compatible", f"{litellm_url}/v1", mocks, litellm_proxy.KEY),
        backend("litellm-messages", "anthropic", litellm_url, claudes, litellm_proxy.KEY),
    ]


def backends(litellm_url: str, upstream_url: str) -> list[dict]:
    """LiteLLM in both dialects, the misbehaving upstream, and a port where nobody is."""
    nobody = f"http://127.0.0.1:{free_port()}"
    return [
        *litellm_backends(litellm_url),
        backend("nobody", "openai_compatible", f"{nobody}/v1", {"nobody": {}}),
        backend("nobody-messages", "anthropic", nobody, {"claude-nobody": {}}),
        # One backend for each way to misbehave; a model is called like its backend.
        *(backend(a, "openai_compatible", f"{upstream_url}/{a}/v1", {a: {"aliases": [f"company-{a}"]}}) for a in ANSWERS),
        *(backend(f"claude-{a}", "anthropic", f"{upstream_url}/{a}", {f"claude-{a}": {"aliases": [f"company-claude-{a}"]}}) for a in ANSWERS),
    ]


class Account:
    """A user of the router with one key, and clients that use it."""

    def __init__(self, url: str, fields: dict):
        self.url, self.id, self.name, self.key = url, fields["id"], fields["name"], fields["api_key"]
        self.fields = fields

    # One client per account and settings, as in a program: making one loads all certificates again.
    @functools.cache
    def openai(self, **more) -> openai.OpenAI:
        """The official client, without retries unless asked for: a test wants to see the first answer."""
        return openai.OpenAI(**{"base_url": f"{self.url}/v1", "api_key": self.key, "max_retries": 0, "timeout": 60, **more})

    @functools.cache
    def anthropic(self, **more) -> anthropic.Anthropic:
        """The official client, without retries unless asked for."""
        return anthropic.Anthropic(**{"base_url": self.url, "api_key": self.key, "max_retries": 0, "timeout": 60, **more})

    def post(self, path: str, body: bytes, **headers) -> httpx.Response:
        """Bytes that no SDK would send."""
        given = {"authorization": f"Bearer {self.key}", "content-type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
        return _http.post(self.url + path, content=body, headers=given)

    def budget(self) -> dict:
        """GET /v1/budget, amounts as exact decimals of USD."""
        answer = _http.get(f"{self.url}/v1/budget", headers={"authorization": f"Bearer {self.key}"})
        assert answer.status_code == 200, answer.text
        return json.loads(answer.text, parse_float=Decimal, parse_int=Decimal)

    def usage(self) -> dict:
        """This account's rows of GET /admin/usage by model, amounts as exact decimals of USD."""
        rows = [row for row in admin(self.url, "GET", "/admin/usage") if row["name"] == self.name]
        by_model = {row["model"]: row for row in rows}
        assert len(by_model) == len(rows), f"two rows for one model: {rows}"
        return by_model


def admin(url: str, method: str, path: str, body: dict | None = None):
    """An administrator's call, which has to succeed."""
    answer = _http.request(method, url + path, headers={"authorization": f"Bearer {MASTER_KEY}"}, json=body)
    assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
    return json.loads(answer.text, parse_float=Decimal) if answer.content else None


def start(folder: Path, backends: list[dict], groups: list[dict] = (), **environment: str) -> Server:
    """The router with these backends and groups, ready."""
    port = free_port()
    config = {
        "server": {"host": "127.0.0.1", "port": port, "max_body": "1MiB"},
        "database": {"url": f"sqlite://{folder}/llm-router.db"},
        "auth": {"master_key": "${MASTER_KEY}"},
        "backends": backends,
        "groups": list(groups),
    }
    (folder / "llm-router.yaml").write_text(json.dumps(config, indent=1))
    # Nothing else of the environment: a developer's OPENAI_API_KEY would make a backend.
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "MASTER_KEY": MASTER_KEY, **environment}
    return Server([os.environ["LLM_ROUTER_BIN"], "serve", "--config", "llm-router.yaml"], port, folder, "/health", env, seconds=30)


def new_account(url: str, **budgets) -> Account:
    """A new user with a key; budgets in USD, none unless given."""
    return Account(url, admin(url, "POST", "/admin/users", {"name": f"tester {next(_numbers)}", **budgets}))
