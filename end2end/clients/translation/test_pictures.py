"""Pictures reach every provider byte for byte, and with the type that they have."""
import struct
import zlib

from matrix import everywhere
from standin import Picture, script, tagged


def png(*pixels: tuple[int, int, int]) -> bytes:
    """A picture one pixel high."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data))

    row = b"\0" + b"".join(bytes(pixel) for pixel in pixels)
    head = struct.pack("!IIBBBBB", len(pixels), 1, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(row)) + chunk(b"IEND", b"")


RED, BLUE = Picture("image/png", png((255, 0, 0))), Picture("image/png", png((0, 0, 255), (0, 0, 250)))


@everywhere
def test_two_pictures(begin, standin, client, kind, stream):
    talk = begin(client, kind, stream=stream)
    prompt, run = tagged("plain")
    assert talk.say(prompt, RED, BLUE).text == script.TEXT
    asked = standin.of(run)[-1].asked
    assert asked.pictures == [RED, BLUE]
    assert asked.texts == [prompt]
