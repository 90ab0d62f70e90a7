"""What several dialects share: JSON as they write it, server-sent events, cutting a text into deltas, data URLs."""
import base64
import json
import re

from .prompt import Picture


def dumps(value) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def event(data: dict | str, name: str | None = None) -> bytes:
    """One server-sent event."""
    text = data if isinstance(data, str) else dumps(data)
    return ((f"event: {name}\n" if name else "") + f"data: {text}\n\n").encode()


def pieces(text: str, length: int) -> list[str]:
    return [text[at:at + length] for at in range(0, len(text), length)]


def text_of(content, *kinds: str) -> str:
    """The text of a content that is a string or a list of parts of these types."""
    if isinstance(content, str):
        return content
    return "".join(part.get("text") or "" for part in content or [] if part.get("type") in kinds)


def picture(url: str) -> Picture:
    """The picture of a data URL."""
    found = re.fullmatch(r"data:([^;,]+);base64,(.*)", url, re.DOTALL)
    if not found:
        raise Refused(f"Invalid image URL: {url[:40]}")
    return Picture(found[1], base64.b64decode(found[2], validate=True))


class Refused(Exception):
    """What the real service would refuse, in its words."""


def need(holds, words: str):
    if not holds:
        raise Refused(words)
