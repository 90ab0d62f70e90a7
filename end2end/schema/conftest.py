"""Starts the router before the tests are collected, since there is one for each operation of its document."""
import json
import os
import tempfile
from pathlib import Path

from servers import Server, free_port

MASTER_KEY = "sk-master-for-schemathesis"
ADMIN_PASSWORD = "the admin's password"


def pytest_configure(config):
    folder = tempfile.TemporaryDirectory()
    data, port = Path(folder.name), free_port()
    written = {
        "server": {"host": "127.0.0.1", "port": port},
        "database": {"url": f"sqlite://{data}/llm-router.db"},
        "auth": {"master_key": MASTER_KEY, "admin_password": ADMIN_PASSWORD},
    }
    (data / "llm-router.yaml").write_text(json.dumps(written))
    command = [os.environ["LLM_ROUTER_BIN"], "serve", "--config", "llm-router.yaml"]
    # Nothing else of the environment: a developer's OPENAI_API_KEY would make a backend.
    environment = {"PATH": os.environ["PATH"], "HOME": folder.name}
    config.router = Server(command, port, data, "/health", environment, 60)
    config.folder = folder
    os.environ["ROUTER_URL"] = config.router.url


def pytest_unconfigure(config):
    router = getattr(config, "router", None)
    if router:
        router.stop()
        config.folder.cleanup()
