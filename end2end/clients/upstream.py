"""An upstream that misbehaves as told by the path, and remembers what it was sent.

A backend's base_url ends in one of ANSWERS, so that one server plays them all. It does not try to be a model: that is
what the demo backend and LiteLLM are for."""
import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from servers import free_port

HTML = "<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1>proxy-of-the-landlord</body></html>"
# Fields that no SDK knows, and a number that changes when it is parsed and written again.
CHAT = """{"id":"chatcmpl-1","object":"chat.completion","created":1795000000,"model":"upstream-name",
 "choices":[{"index":0,"message":{"role":"assistant","content":"caf\\u00e9","mood":"sunny"},"logprobs":null,"finish_reason":"stop"}],
 "usage":{"prompt_tokens":5,"completion_tokens":3,"total_tokens":8},"x_unknown":{"exact":1.10,"big":12345678901234567890}}"""
MESSAGE = """{"id":"msg_1","type":"message","role":"assistant","model":"upstream-name","content":[{"type":"text","text":"caf\\u00e9"}],
 "stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":5,"output_tokens":3},"x_unknown":{"exact":1.10}}"""
STREAMED = (
    'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1795000000,"model":"upstream-name","choices":[{"index":0,"delta":{"role":"assistant","content":"Hello"},"finish_reason":null}]}\n\n'
    'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1795000000,"model":"upstream-name","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1795000000,"model":"upstream-name","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":3,"total_tokens":8}}\n\n'
    "data: [DONE]\n\n"
)
# An error that clients of either dialect understand.
LIMITED = '{"type":"error","error":{"type":"rate_limit_error","message":"slow down","param":null,"code":null},"request_id":"req_1"}'
# path prefix -> status, content type, body, extra headers
ANSWERS = {
    "html": (200, "text/html; charset=utf-8", HTML, {}),
    "html-503": (503, "text/html", HTML, {}),
    "not-json": (200, "application/json", '{"id": "chatcmpl-1", "choi', {}),
    "not-found": (404, "text/html", HTML, {}),
    "limited": (429, "application/json", LIMITED, {"retry-after": "7"}),
    "echo": (200, "application/json", CHAT, {}),
    "echo-stream": (200, "text/event-stream", STREAMED, {}),
    "echo-message": (200, "application/json", MESSAGE, {}),
}


@dataclass
class Received:
    """One request as it arrived."""
    path: str
    headers: dict
    body: bytes


class Upstream:
    """The server, and every request that reached it."""

    def __init__(self):
        self.received: list[Received] = []
        received = self.received

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                received.append(Received(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                status, kind, text, extra = ANSWERS[self.path.split("/")[1]]
                self.answer(status, kind, text, extra)

            def do_GET(self):
                self.answer(404, "application/json", json.dumps({"error": "this upstream lists nothing"}), {})

            def answer(self, status, kind, text, extra):
                raw = text.encode()
                self.send_response(status)
                for name, value in {"content-type": kind, "content-length": str(len(raw)), **extra}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_):
                pass                     # pytest shows what matters

        self.server = ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
