"""Amazon Bedrock's InvokeModel with Claude: Anthropic's own body inside Bedrock's signatures, frames and errors."""
import base64

from . import converse, event_stream, messages
from .event_stream import frame
from .script import Turn
from .wire import dumps, need

STREAM_TYPE = event_stream.STREAM_TYPE
whole, error, broken = messages.whole, converse.error, converse.broken


def read(body: dict):
    """The request, if the service would take it: the model and whether to stream stand in the path."""
    need("model" not in body, "Malformed input request: #: extraneous key [model] is not permitted, please reformat your input and try again.")
    need("stream" not in body, "Malformed input request: #: extraneous key [stream] is not permitted, please reformat your input and try again.")
    return messages.read(body, required=("anthropic_version", "max_tokens", "messages"))


def stream(turn: Turn, body: dict, seed: str):
    for event in messages.events(turn, body, seed):
        yield frame("chunk", {"bytes": base64.b64encode(dumps(event).encode()).decode(), "p": "abcdef"})
