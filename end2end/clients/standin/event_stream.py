"""Amazon's event stream: frames of headers and a payload, each with two checksums, that carry Bedrock's streams."""
import struct
import zlib

from .wire import dumps

STREAM_TYPE = "application/vnd.amazon.eventstream"
_STRING = 7


def _frame(headers: dict[str, str], payload: bytes) -> bytes:
    head = b"".join(struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", _STRING, len(value.encode())) + value.encode() for name, value in headers.items())
    # Two lengths and their checksum, four bytes each, and at the end the checksum of all.
    lengths = struct.pack("!II", 4 * 4 + len(head) + len(payload), len(head))
    message = lengths + struct.pack("!I", zlib.crc32(lengths)) + head + payload
    return message + struct.pack("!I", zlib.crc32(message))


def frame(kind: str, payload: dict) -> bytes:
    """An event."""
    return _frame({":event-type": kind, ":content-type": "application/json", ":message-type": "event"}, dumps(payload).encode())


def exception(kind: str, payload: dict) -> bytes:
    """An error in mid-stream."""
    return _frame({":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}, dumps(payload).encode())
