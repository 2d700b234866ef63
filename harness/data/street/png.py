"""The smallest picture that a map needs."""

import struct
import zlib


def blank_png(side: int) -> bytes:
    """A black grey-scale PNG of `side` x `side` pixels: a map mask that marks nothing (PNG, ISO/IEC 15948)."""
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    rows = bytes(1 + side) * side
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
