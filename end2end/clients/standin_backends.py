"""The stand-in as backends of the router: one of each kind, and each with one model, `on-<kind>`.

Claude is behind three of them, so that what is Claude's own (thinking, cache marks) can be followed through each."""
from pathlib import Path

import router
from prices import STANDIN as PRICE
from servers import Server
from standin import StandIn, signature

_MODELS = {
    "compatible": "llama-3.3-70b",
    "openai": "gpt-5",
    "anthropic": "claude-sonnet-4-5-20250929",
    "converse": "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "invoke": "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
}
KINDS = list(_MODELS)
CLAUDES = ["anthropic", "converse", "invoke"]


def model(kind: str) -> str:
    """The name by which clients ask for the model on the backend of this kind."""
    return f"on-{kind}"


def backends(url: str) -> list[dict]:
    settings = {
        "compatible": {"kind": "openai_compatible", "base_url": f"{url}/v1", "api_keys": ["sk-standin-key"]},
        "openai": {"kind": "openai", "base_url": f"{url}/v1", "api_keys": ["sk-standin-key"]},
        "anthropic": {"kind": "anthropic", "base_url": url, "api_keys": ["sk-standin-key"]},
        "converse": {"kind": "bedrock", "region": signature.REGION, "endpoint_url": url},
        "invoke": {"kind": "bedrock", "region": signature.REGION, "endpoint_url": url},
        "embeddings": {"kind": "openai_compatible", "base_url": f"{url}/v1", "api_keys": ["sk-standin-key"]},
    }
    return [{"name": name, "max_retries": 0, "timeout": "20s", "models": [_model(name)], **more} for name, more in settings.items()]


def _model(kind: str) -> dict:
    via = {"via": kind} if kind in ("converse", "invoke") else {}
    return {"model": _MODELS.get(kind, f"text-{kind}"), "aliases": [model(kind)], "price": PRICE, **via}


def start_router(folder: Path, standin: StandIn) -> Server:
    """A router whose every model is the stand-in's."""
    return router.start(folder, backends(standin.url), AWS_ACCESS_KEY_ID=signature.ACCESS_KEY, AWS_SECRET_ACCESS_KEY=signature.SECRET_KEY)
