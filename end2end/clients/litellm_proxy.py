"""LiteLLM's proxy with mock answers: an upstream of both dialects that we did not write.

It speaks OpenAI's dialect from its mocks directly. Its Anthropic dialect ignores `stream` for a mock and invents the
token counts, so the claude-* models lead, by way of LiteLLM itself, to the mocks of its OpenAI side: what arrives is
LiteLLM's real translation, streaming and usage included."""
import json
import os
import sys
from pathlib import Path

from servers import Server, free_port

KEY = "sk-litellm-upstream"
TEXT = "Hello from LiteLLM's mock."
CALL = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'}}
MOCKS = {
    "mock-gpt": {"mock_response": TEXT},
    "mock-rounding": {"mock_response": TEXT},
    "mock-tools": {"mock_response": TEXT, "mock_tool_calls": [CALL]},
    "mock-429": {"mock_response": "litellm.RateLimitError"},
    "mock-500": {"mock_response": "litellm.InternalServerError"},
}


def claude(model: str) -> str:
    """The name under which a mock is reached in Anthropic's dialect."""
    return model.replace("mock-gpt", "mock").replace("mock", "claude-mock")


def start(folder: Path) -> Server:
    """The proxy, ready."""
    port = free_port()
    mocks = [{"model_name": name, "litellm_params": {"model": "openai/gpt-4o-mini", "api_key": "none", **mock}} for name, mock in MOCKS.items()]
    loops = [{"model_name": claude(name), "litellm_params": {"model": f"litellm_proxy/{name}", "api_key": KEY, "api_base": f"http://127.0.0.1:{port}/v1", "max_retries": 0}} for name in MOCKS]
    config = {"model_list": mocks + loops, "router_settings": {"num_retries": 0, "disable_cooldowns": True}, "general_settings": {"master_key": KEY}}
    (folder / "litellm.yaml").write_text(json.dumps(config))     # JSON is YAML as well
    command = [Path(sys.executable).parent / "litellm", "--config", "litellm.yaml", "--host", "127.0.0.1", "--port", port, "--telemetry", "False"]
    # Otherwise it fetches its price list from the internet first.
    env = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    return Server(command, port, folder, "/health/liveliness", env, seconds=120)
