"""Starts and stops the servers that the tests talk to: each on a free port, with its output in a file.

A server is ready when it answers, and stopping it is asking it to stop: nothing here waits for a length of time. It
knows nothing of what the servers do; that stands in router.py, litellm_proxy.py and upstream.py."""
import signal
import socket
import subprocess
import time
from pathlib import Path

import httpx


def free_port() -> int:
    """A port that nobody listens on. Another process could take it before it is used; in practice none does."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """A running process that serves HTTP on 127.0.0.1."""

    def __init__(self, command: list, port: int, folder: Path, ready: str, env: dict, seconds: float):
        """Starts `command` in `folder` and returns when GET `ready` answers 200, within `seconds`."""
        self.url = f"http://127.0.0.1:{port}"
        self.log = folder / "output.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([str(c) for c in command], cwd=folder, env=env, stdout=log, stderr=subprocess.STDOUT)
        try:
            self._wait(ready, seconds)
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise

    def _wait(self, ready: str, seconds: float):
        deadline = time.monotonic() + seconds
        while True:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.process.args[0]} ended with {self.process.returncode}:\n{self.output()}")
            try:
                if httpx.get(self.url + ready, timeout=5).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.process.args[0]} did not answer {ready} within {seconds} s:\n{self.output()}")
            time.sleep(0.05)

    def output(self, last: int = 8000) -> str:
        """The end of what the process wrote."""
        return self.log.read_text(errors="replace")[-last:]

    def stop(self, seconds: float = 20) -> int:
        """Asks the process to end, and returns its exit status."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise RuntimeError(f"{self.process.args[0]} ignored SIGTERM for {seconds} s:\n{self.output()}") from None
