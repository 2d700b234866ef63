from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from typing_extensions import TypedDict

import harness.data.nuscenes.tables as module
from harness.data.nuscenes.tables import Table
from harness.errors import HarnessError

ANY = TypeAdapter(list[dict[str, Any]])
anywhere = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
texts = st.text(alphabet='ab{}[],:"\\ \n\té😀', max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
tables = st.lists(st.dictionaries(texts, values, max_size=3), max_size=12)
indents = st.sampled_from([None, 0, 2])


class Named(TypedDict):
    token: str


class Long(TypedDict):
    length: int


@anywhere
@given(tables, indents, st.integers(1, 40), st.booleans())
def test_a_table_reads_as_json_loads_has_it(
    tmp_path: Path, rows: list[dict[str, Any]], indent: int | None, piece: int, escaped: bool
) -> None:
    path = tmp_path / "table.json"
    path.write_text(" \n" + json.dumps(rows, indent=indent, ensure_ascii=escaped) + "\n ", encoding="utf-8")
    assert list(Table(path, ANY, piece_bytes=piece)) == rows


@anywhere
@given(tables, indents, st.integers(1, 40), st.data())
def test_a_damaged_table_is_refused_just_when_it_is_no_json(
    tmp_path: Path, rows: list[dict[str, Any]], indent: int | None, piece: int, data: st.DataObject
) -> None:
    content = bytearray(json.dumps(rows, indent=indent, ensure_ascii=False).encode())
    place = data.draw(st.integers(0, len(content) - 1))
    match data.draw(st.sampled_from(["flip", "cut", "double", "drop"])):
        case "flip":
            content[place] ^= 1 << data.draw(st.integers(0, 7))
        case "cut":
            del content[place:]
        case "double":
            content[place:place] = content
        case "drop":
            del content[place]
    path = tmp_path / "table.json"
    path.write_bytes(content)
    try:
        expected = json.loads(content.decode())
        valid = isinstance(expected, list) and all(isinstance(row, dict) for row in expected)
    except (ValueError, RecursionError):
        valid = False
    if valid:
        assert list(Table(path, ANY, piece_bytes=piece)) == expected
    else:
        with pytest.raises(HarnessError, match=r"table\.json"):
            list(Table(path, ANY, piece_bytes=piece))


@anywhere
@given(tables, st.sets(st.integers(0, 12)), indents, st.integers(1, 200))
def test_wanted_rows_are_those_of_the_whole_table(
    tmp_path: Path, rows: list[dict[str, Any]], wanted: set[int], indent: int | None, piece: int
) -> None:
    named = [{**row, "token": str(place)} for place, row in enumerate(rows)]
    path = tmp_path / "table.json"
    path.write_text(json.dumps(named, indent=indent, ensure_ascii=False), encoding="utf-8")
    found = list(Table(path, ANY, {str(place) for place in wanted}, piece))
    assert found == [row for place, row in enumerate(named) if place in wanted]


def test_a_strange_row_among_the_wanted_is_named(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    path.write_text(json.dumps([{"token": str(n), "length": "x" if n == 7 else n} for n in range(20)]))
    decoder = TypeAdapter(list[Long])
    for piece in (10, 1 << 20):
        assert [row["length"] for row in Table(path, decoder, {"5", "9"}, piece)] == [5, 9]
        with pytest.raises(HarnessError, match=r"row 8, key length: found 'x' \(Input should be a valid integer"):
            list(Table(path, decoder, {"5", "7"}, piece))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "no JSON after row 0 (the file ends)"),
        ("{}", "an object ('{}')"),
        (' \n{"scenes": [{"token": "a"}]}', """an object ('{"scenes": [{"token": "a"}]}')"""),
        ("-12.5e3", "a number ('-12.5e3')"),
        ('"scene"', """a text ('"scene"')"""),
        ("null", "a constant ('null')"),
        (" true", "a constant ('true')"),
        ("truely", "no JSON after row 0 (then 'truely')"),
        ("- x", "no JSON after row 0 (then '- x')"),
        ('[{"token": "a"},', "no JSON after row 1 (then ',')"),
        ('[{"token": "a"}', "no JSON after row 1 (the file ends)"),
        ('[{"token": "a"}]]', "no JSON after row"),
        ('[{"token": "a"}] {"token": "b"}', "no JSON after row"),
        ('[{"token": "a"}, {"token": "b]', "no JSON after row 1"),
        ("[" * 100_000, "no JSON after row 0"),
        ('[{"a":' * 5_000 + "1" + "}]" * 5_000, "no JSON after row 0 (Invalid JSON: recursion limit exceeded"),
    ],
)
def test_what_is_no_array_says_where_it_ends(tmp_path: Path, text: str, found: str) -> None:
    path = tmp_path / "table.json"
    path.write_text(text)
    with pytest.raises(HarnessError) as caught:
        list(Table(path, ANY))
    assert found in caught.value.found


@pytest.mark.parametrize(
    ("row", "where", "found"),
    [
        ("{}", "row 2, key token", "no such key"),
        ('{"token": 3}', "row 2, key token", "valid string"),
        ("[]", "row 2", "Input should be an object"),
    ],
)
def test_a_strange_row_is_named(tmp_path: Path, row: str, where: str, found: str) -> None:
    path = tmp_path / "table.json"
    path.write_text(f'[{{"token": "a"}}, {row}, {{"token": "c"}}]')
    for piece in (10, 1 << 20):
        with pytest.raises(HarnessError) as caught:
            list(Table(path, TypeAdapter(list[Named]), piece_bytes=piece))
        assert caught.value.where.endswith(where)
        assert found in caught.value.found


def test_a_row_without_end_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_PIECE_BYTES", 1000)
    path = tmp_path / "table.json"
    path.write_text('[{"token": "a"}, {"text": "' + "x" * 100_000 + '"}]')
    with pytest.raises(HarnessError, match="no JSON after row 1"):
        list(Table(path, ANY, piece_bytes=100))
    path.write_text('[{"token": "a"}' + " " * 100_000 + "]")
    with pytest.raises(HarnessError, match="bytes without a row"):
        list(Table(path, ANY, piece_bytes=100))


def test_an_oversized_table_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    path.touch()
    os.truncate(path, module.MOST_TABLE_BYTES + 1)
    with pytest.raises(HarnessError, match="expected a table of at most"):
        list(Table(path, ANY))


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "loop.json").symlink_to(tmp_path / "loop.json")
    for name in ("pipe", "folder", "loop", "missing"):
        with pytest.raises(HarnessError, match=f"{name}.json"):
            list(Table(tmp_path / f"{name}.json", ANY))
