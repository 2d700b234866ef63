"""Read a table, a JSON array of objects of up to some gigabytes, piece by piece.

A piece ends at the last ``}`` of what was read. JSON is read from left to right without looking back, so that
``[piece]`` either is the same rows as in the whole table, or, where that brace lies in a string or closes an inner
object, is no JSON at all; then more is read and cut again. Nothing is guessed from how the file is laid out.

pydantic makes Python objects of the wanted keys only: on a core where json.loads takes 0.40 s for 100 000 rows of
sample_data and orjson 0.18 s, it takes 0.10 s. msgspec, at 0.05 s, is not worth a dependency.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import IO, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from harness.data.input_file import AGAIN, input_size, unreadable
from harness.data.nuscenes.rows import TOKENS
from harness.data.nuscenes.wrong_value import wrong_value
from harness.errors import HarnessError

Row = TypeVar("Row")
Decoded = TypeVar("Decoded")

PIECE_BYTES = 512 << 10
MOST_PIECE_BYTES = 64 << 20
"""A row or a stray text of this size is damage: rows have some hundred bytes, descriptions included."""
MOST_TABLE_BYTES = 16 << 30
"""Ten times the largest official table."""
ARRAY = "a whole JSON array of rows"

_OPENING = re.compile(rb"[ \t\r\n]*\[")
_BETWEEN = re.compile(rb"[ \t\r\n]*,")
_CLOSING = re.compile(rb"[ \t\r\n]*\][ \t\r\n]*")
_EMPTY = re.compile(_OPENING.pattern + _CLOSING.pattern)
_OTHERS = {
    "an object": re.compile(rb"[ \t\r\n]*\{"),
    "a text": re.compile(rb'[ \t\r\n]*"'),
    "a number": re.compile(rb"[ \t\r\n]*-?[0-9]"),
    "a constant": re.compile(rb"[ \t\r\n]*(true|false|null)\b"),
}
"""How documents begin that may be JSON and are no array."""


class _NoJson(Exception):
    """A piece that ends inside a row, or is damaged."""


@dataclass
class Table(Generic[Row]):
    """The rows of one table, read once.

    Attributes:
        path: of the table.
        rows: decoder of an array of rows.
        wanted: tokens of the rows to yield; of the others nothing but their token is looked at. None for all.
        piece_bytes: read at a time.
        sha256: of the bytes, in hexadecimal, once all rows were read.
    """

    path: Path
    rows: TypeAdapter[list[Row]]
    wanted: Container[str] | None = None
    piece_bytes: int = PIECE_BYTES
    sha256: str = field(default="", init=False)
    _done: int = field(default=0, init=False)

    def __iter__(self) -> Iterator[Row]:
        """Yield the rows in their order.

        Raises:
            HarnessError: the file is missing, too large, or no JSON array of such rows.
        """
        size = input_size(self.path)
        if size > MOST_TABLE_BYTES:
            raise HarnessError(self.path, f"{size} bytes", f"a table of at most {MOST_TABLE_BYTES} bytes", AGAIN)
        try:
            with self.path.open("rb", buffering=0) as file:
                for piece in self._pieces(file):
                    yield from piece
        except OSError as error:
            raise unreadable(self.path, error) from error

    def _pieces(self, file: IO[bytes]) -> Iterator[list[Row]]:
        digest = sha256()
        self._done = 0
        text, opening, fault = b"", _OPENING, ""
        # Twice the size after each piece that ends inside a row, so that all attempts together cost two of the last.
        while chunk := file.read(max(self.piece_bytes, len(text))):
            digest.update(chunk)
            text += chunk
            if opening is _OPENING:
                self._require_array(text)
            end, start = text.rfind(b"}") + 1, opening.match(text)
            if end and start:
                try:
                    rows = self._decode(text[start.end() : end])
                except _NoJson as error:
                    fault = str(error)
                else:
                    yield rows
                    text, opening, fault = text[end:], _BETWEEN, ""
                    continue
            if len(text) > MOST_PIECE_BYTES:
                raise self._no_json(fault or f"{len(text)} bytes without a row")
        if not (_CLOSING if self._done else _EMPTY).fullmatch(text):
            raise self._no_json(fault or _shown(text))
        self.sha256 = digest.hexdigest()

    def _decode(self, piece: bytes) -> list[Row]:
        if self.wanted is None:
            rows = self._validate(self.rows, b"[%b]" % piece)
            self._done += len(rows)
            return rows
        tokens = [row["token"] for row in self._validate(TOKENS, b"[%b]" % piece)]
        places = [place for place, token in enumerate(tokens) if token in self.wanted]
        rows = self._validate(self.rows, cut_rows(piece, places, len(tokens)), places) if places else []
        self._done += len(tokens)
        return rows

    def _validate(self, decoder: TypeAdapter[Decoded], array: bytes, places: Sequence[int] | None = None) -> Decoded:
        """Decode an array whose rows stand at `places` of the piece; None for one after the other."""
        try:
            return decoder.validate_json(array)
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
            if fault["type"] == "json_invalid":
                raise _NoJson(fault["msg"]) from error
            place, *keys = fault["loc"]
            row = self._done + 1 + (int(place) if places is None else places[int(place)])
            if keys and not isinstance(keys[0], str):
                del keys[0]  # the value by which pydantic told one kind of row from another
            named = ".".join(map(str, keys))
            where = f"{self.path}, row {row}" + (f", key {named}" if named else "")
            raise HarnessError(where, wrong_value(fault), "a row of the official table", AGAIN) from error

    def _require_array(self, text: bytes) -> None:
        for kind, beginning in _OTHERS.items():
            if beginning.match(text):
                raise HarnessError(self.path, f"{kind} ({_quoted(text)})", ARRAY, AGAIN)

    def _no_json(self, fault: str) -> HarnessError:
        return HarnessError(self.path, f"no JSON after row {self._done} ({fault})", ARRAY, AGAIN)


def cut_rows(piece: bytes, places: Sequence[int], count: int) -> bytes:
    """Return the JSON array of some rows of a piece.

    Every row ends with a brace of its own. Where there are no more braces than rows, none of them is in a string or
    closes an inner object, so that each cuts off a row, and the others need not be decoded.

    Args:
        piece: JSON objects with commas between them.
        places: of the rows to return, from 0.
        count: number of rows in the piece.
    """
    parts = piece.split(b"}", count + 1)
    if len(parts) == count + 1:
        return b"[" + b",".join(parts[place].lstrip(b", \t\r\n") + b"}" for place in places) + b"]"
    rows = from_json(b"[%b]" % piece)
    return to_json([rows[place] for place in places])


def _shown(text: bytes) -> str:
    return f"then {_quoted(text)}" if text.strip() else "the file ends"


def _quoted(text: bytes) -> str:
    return repr(text.strip()[:40].decode(errors="replace"))
