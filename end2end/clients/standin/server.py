"""The stand-in's HTTP: which dialect a path speaks, what is kept of a request, and how an answer is written.

One thread for each connection, and the answers are plain generators: nothing here is fast, and all of it is in order."""
import json
import sys
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

from . import chat, converse, embeddings, invoke, messages, responses, signature
from .prompt import Asked
from .script import Failure, Turn, answer
from .wire import Refused, dumps

# An answer is broken off after so many events.
_BREAKS_AFTER = 6
_DIALECTS = {"/v1/chat/completions": chat, "/v1/responses": responses, "/v1/messages": messages}
_OPERATIONS = {"converse": (converse, False), "converse-stream": (converse, True), "invoke": (invoke, False), "invoke-with-response-stream": (invoke, True)}


@dataclass
class Received:
    """One request as it arrived."""
    path: str
    headers: dict
    body: dict
    # The dialect's name: chat, responses, messages, converse, invoke; for the rest the last part of the path.
    dialect: str = ""
    # What was understood of it; None if it was refused.
    asked: Asked | None = None
    run: str | None = None

    @property
    def raw_path(self) -> str:
        return self.path.partition("?")[0]


class StandIn:
    """The server, and every request that reached it."""

    def __init__(self, port: int = 0):
        self.received: list[Received] = []
        self._server = _Server(("127.0.0.1", port), type("Handler", (_Handler,), {"received": self.received}))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def of(self, run: str) -> list[Received]:
        """What arrived under a run, oldest first. All of it has to have been understood."""
        return [received for received in self.received if received.run == run]

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Coding programs open many connections at once.
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """Says nothing of clients that hang up between two requests."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Otherwise a small write waits for the acknowledgement of the one before.
    disable_nagle_algorithm = True
    received: list[Received]

    def do_GET(self):
        if self.path.startswith("/v1/models"):
            self._json(200, {}, {"object": "list", "data": []})
        elif self.path.startswith("/received/"):
            # For clients in other languages: the bodies that arrived under a run.
            run = self.path.rpartition("/")[2]
            self._json(200, {}, [{"path": r.path, "headers": r.headers, "body": r.body} for r in self.received if r.run == run])
        else:
            self._json(404, {}, {"error": {"message": f"no {self.path} here"}})

    def do_POST(self):
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        try:
            body = json.loads(raw)
        except ValueError as problem:
            return self._json(400, {}, {"error": {"message": f"We could not parse the JSON body of your request: {problem}"}})
        got = Received(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        seed = f"{len(self.received):06d}"
        self.received.append(got)
        try:
            self._serve(got, raw, seed)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True     # the client went away, as it may

    def _serve(self, got: Received, raw: bytes, seed: str):
        path = got.raw_path
        if path.startswith("/model/"):
            if not signature.is_valid("POST", f"http://{self.headers['host']}{self.path}", got.headers, raw):
                return self._json(403, {"x-amzn-errortype": "InvalidSignatureException"}, {"message": "The request signature we calculated does not match the signature you provided."})
            model, _, operation = path.removeprefix("/model/").rpartition("/")
            if operation == "count-tokens":
                return self._count(got, converse)
            dialect, streamed = _OPERATIONS[operation]
            return self._talk(got, dialect, {**got.body, "model": unquote(model)} if dialect is converse else got.body, streamed, seed)
        if path == "/v1/embeddings":
            got.dialect = "embeddings"
            return self._json(200, {}, embeddings.answer(got.body))
        if path == "/v1/messages/count_tokens":
            return self._count(got, messages)
        dialect = _DIALECTS.get(path)
        if dialect is None:
            return self._json(404, {}, {"error": {"message": f"no {path} here", "type": "invalid_request_error", "param": None, "code": None}})
        return self._talk(got, dialect, got.body, bool(got.body.get("stream")), seed)

    def _count(self, got: Received, dialect):
        got.dialect = "count"
        try:
            self._json(200, {}, dialect.count(got.body))
        except Refused as refused:
            self._json(*dialect.error(Failure(400, str(refused)), "count"))

    def _talk(self, got: Received, dialect, body: dict, streamed: bool, seed: str):
        got.dialect = dialect.__name__.rpartition(".")[2]
        try:
            got.asked = dialect.read(got.body)
        except (Refused, KeyError, TypeError, ValueError) as problem:
            return self._json(*dialect.error(Failure(400, f"{problem}"), seed))
        _, got.run = got.asked.tag
        earlier = sum(1 for other in self.received if other is not got and got.run and other.run == got.run)
        turn = answer(got.asked, earlier)
        if isinstance(turn, Failure):
            return self._json(*dialect.error(turn, seed))
        names = {"x-request-id": f"req_{seed}", "request-id": f"req_{seed}", "x-amzn-requestid": f"req-{seed}"}
        if streamed:
            return self._stream(dialect, turn, body, seed, names)
        if turn.breaks:
            return self._half(dumps(dialect.whole(turn, body, seed)).encode(), names)
        return self._json(200, names, dialect.whole(turn, body, seed))

    def _head(self, status: int, headers: dict):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _json(self, status: int, headers: dict, value):
        raw = dumps(value).encode()
        self._head(status, {"content-type": "application/json", "content-length": str(len(raw)), **headers})
        self.wfile.write(raw)

    def _half(self, raw: bytes, headers: dict):
        """Promises an answer, and gives half of it."""
        self._head(200, {"content-type": "application/json", "content-length": str(len(raw)), **headers})
        self.wfile.write(raw[:len(raw) // 2])
        self.close_connection = True

    def _stream(self, dialect, turn: Turn, body: dict, seed: str, headers: dict):
        self._head(200, {"content-type": dialect.STREAM_TYPE, "transfer-encoding": "chunked", **headers})
        for number, event in enumerate(dialect.stream(turn, body, seed)):
            if turn.breaks and number == _BREAKS_AFTER:
                if turn.breaks == "gone":
                    self.close_connection = True     # without the chunk that ends the body
                    return
                self._chunk(dialect.broken(number))
                break
            step = turn.write or len(event)
            for at in range(0, len(event), step):
                self._chunk(event[at:at + step])
        self.wfile.write(b"0\r\n\r\n")

    def _chunk(self, data: bytes):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def log_message(self, *_):
        pass                                 # pytest shows what matters
