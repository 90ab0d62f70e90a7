"""Runs a command while a router and the stand-in behind it are up: `with_standin.py node --test …`.

For clients that are not Python. The command finds ROUTER_URL, ROUTER_KEY and STANDIN_URL in its environment; the exit
status is its own, and the end of the router's log is shown when it is not 0."""
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from router import new_account
from standin import StandIn
from standin_backends import start_router


def main(command: list[str]) -> int:
    standin = StandIn()
    with tempfile.TemporaryDirectory(prefix="llm-router-clients-") as folder:
        router = start_router(Path(folder), standin)
        try:
            places = {"ROUTER_URL": router.url, "ROUTER_KEY": new_account(router.url).key, "STANDIN_URL": standin.url}
            status = subprocess.call(command, env={**os.environ, **places})
        finally:
            router.stop()
        if status:
            print("end of the router's log:", router.output(3000), sep="\n", file=sys.stderr)
    standin.stop()
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
