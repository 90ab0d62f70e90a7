"""OpenAI Embeddings: as many vectors as inputs, in the encoding that was asked for."""
import base64
import struct

from .wire import need

_DIMENSIONS = 4
_TOKENS = 5


def vector(number: int, dimensions: int = _DIMENSIONS) -> list[float]:
    """What the input of this number becomes; a float32 holds it exactly."""
    return [(number + 1) / 2 ** at for at in range(dimensions)]


def answer(body: dict) -> dict:
    given = body.get("input")
    need(given, "Missing required parameter: 'input'.")
    # A text, several, one text as tokens, or several.
    count = len(given) if isinstance(given, list) and not isinstance(given[0], int) else 1

    def encoded(number: int):
        values = vector(number, body.get("dimensions") or _DIMENSIONS)
        return base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode() if body.get("encoding_format") == "base64" else values

    data = [{"object": "embedding", "index": number, "embedding": encoded(number)} for number in range(count)]
    return {"object": "list", "data": data, "model": body["model"], "usage": {"prompt_tokens": _TOKENS * count, "total_tokens": _TOKENS * count}}
