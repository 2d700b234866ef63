"""The table of cells: it fits whatever terminal it is drawn in, and drops what is said first."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from harness.cli.amounts import clock
from harness.cli.overview import CellRow
from harness.cli.watch import FIRST, cell_table, summary
from harness.progress import CellProgress

NAME = "0123456789ab-semantickitti-minkowskinet-w0.5-attention_transfer-s0"


def progress(**changes: object) -> CellProgress:
    facts = {"phase": "train", "done": 7, "total": 90, "epoch": 3, "scans_per_second": 3.14159, "loss": 2.5}
    return CellProgress.model_validate({**facts, "seconds_left": 4000.0, "time": 0.0, **changes})


def rows(count: int) -> list[CellRow]:
    """Cells of every status in turn."""
    kinds = [
        CellRow(NAME, "pending"),
        CellRow(NAME, "finished", miou=0.5432),
        CellRow(NAME, "running", progress()),
        CellRow(NAME, "failed", reason="scan 00/000001:\n\x1b[31mfound 'hint' = nan"),
        CellRow(NAME, "queued"),
    ]
    return [kinds[i % len(kinds)] for i in range(count)]


def heads(width: int) -> list[str]:
    return cell_table(rows(3), width).plain.splitlines()[0].split()


def test_columns_go_one_after_another_as_the_terminal_gets_narrower() -> None:
    full = ["hash", "cell", "status", "phase", "epoch", "scans/s", "loss", "left"]
    assert heads(200) == heads(130) == full
    assert heads(120) == full[1:]
    assert heads(80) == ["cell", "status", "epoch", "scans/s", "loss", "left"]
    assert heads(70) == ["cell", "status", "epoch", "scans/s", "left"]
    assert heads(60) == ["cell", "status", "epoch", "left"]
    assert heads(50) == ["cell", "status", "left"]
    assert heads(40) == ["cell", "status"]


def test_a_name_without_room_loses_its_middle() -> None:
    line = cell_table([CellRow(NAME, "pending")], 48).plain.splitlines()[1]
    assert line.startswith("sem…")
    assert line.endswith("attention_transfer-s0  pending")


def test_a_line_says_what_its_cell_is_about() -> None:
    lines = cell_table(rows(5), 200).plain.splitlines()
    assert lines[1].split() == [*NAME.split("-", 1), "pending"]
    assert lines[2].endswith("finished  mIoU 54.3 %")
    assert lines[3].split()[2:] == ["running", "train", "3", "3.14", "2.50", "1:06:40"]
    assert lines[4].endswith("failed    scan 00/000001:  [31mfound 'hint' = nan"), "nothing of it moves the cursor"
    assert lines[6] == "1 of 5 finished, 1 running (1:06:40 left), 1 failed, 1 queued, 1 pending"


def test_where_there_are_more_cells_than_lines_the_running_ones_come_first_and_the_rest_is_counted() -> None:
    lines = cell_table(rows(100), 80, 24).plain.splitlines()
    assert len(lines) == 23
    assert [line.split()[1] for line in lines[1:21]] == ["running"] * 20
    assert lines[21] == "… and 20 failed, 20 queued, 20 pending, 20 finished more"
    order = [line.split()[1] for line in cell_table(rows(100), 80, 64).plain.splitlines()[1:61]]
    assert order == sorted(order, key=FIRST.index)
    assert set(order) == {"running", "failed", "queued"}


def test_where_all_have_room_they_stay_in_the_order_of_the_run() -> None:
    lines = cell_table(rows(10), 80, 24).plain.splitlines()
    assert [line.split()[1] for line in lines[1:11]] == [row.status for row in rows(10)]
    assert lines[-1].startswith("2 of 10 finished")


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.builds(
            CellRow,
            cell=st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=1, max_size=90),
            status=st.sampled_from(FIRST),
            progress=st.none()
            | st.builds(
                progress,
                phase=st.text(max_size=30),
                epoch=st.none() | st.integers(0, 10**7),
                scans_per_second=st.none() | st.floats(0, 1e12),
                loss=st.none() | st.floats(-1e6, 1e300),
                seconds_left=st.none() | st.floats(0, 1e12),
            ),
            miou=st.none() | st.floats(0, 1),
            reason=st.none() | st.text(max_size=200),
        ),
        min_size=1,
        max_size=40,
    ),
    st.integers(12, 220),
    st.integers(4, 60),
)
def test_no_line_is_wider_and_no_table_higher_than_the_terminal(cells: list[CellRow], width: int, height: int) -> None:
    lines = cell_table(cells, width, height).plain.split("\n")
    assert max(map(cell_len, lines)) <= width
    assert len(lines) < height or (height == 4 and len(lines) == 4)
    assert all(line.isprintable() for line in lines)


def test_times_have_at_most_seven_characters() -> None:
    assert [clock(s) for s in (0, 59.6, 3599, 3600, 35999, 36000)] == [
        "0:00",
        "1:00",
        "59:59",
        "1:00:00",
        "9:59:59",
        "10 h",
    ]
    assert summary([CellRow("a", "running")]) == "0 of 1 finished, 1 running"
