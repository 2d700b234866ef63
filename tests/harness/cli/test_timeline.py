from __future__ import annotations

from harness.cli.timeline import MOST_LINES, timeline


def event(name: str, second: int = 0, **facts: object) -> dict[str, object]:
    return {"time": f"2026-01-01T00:00:{second % 60:02d}+0100", "event": name, **facts}


def test_events_are_told_in_order_and_checkpoints_summed_up() -> None:
    events = [
        event("submitted", 0, executor="slurm", job="7"),
        event("started", 1, device="cpu", processes=1, micro_batch=None),
        *(event("checkpoint", 2 + i, step=10 * i, seconds=0.1 * i) for i in range(3)),
        event("preempted", 6, warned=False),
        event("resumed", 7, step=20),
        event("checkpoint", 8, step=30, seconds=0.5),
        event("memory_retry", 9, micro_batch=1, reason="out of\nmemory"),
        event("failed", 10, reason="NaN\x1b[2J", traceback="Traceback ..."),
        event("finished", 11),
    ]
    assert [line.removeprefix("2026-01-01 00:00:") for line in timeline(events)] == [
        "00  submitted: executor slurm, job 7",
        "01  started: device cpu, processes 1",
        "04  3 checkpoints, the last at step 20, 0.1 s each",
        "06  preempted",
        "07  resumed: step 20",
        "08  checkpoint at step 30, 0.5 s",
        "09  memory retry: micro batch 1, out of memory",
        "10  failed: NaN [2J",
        "11  finished",
    ]


def test_a_long_story_loses_its_beginning() -> None:
    lines = timeline([event("resumed", i, step=i) for i in range(3 * MOST_LINES)])
    assert len(lines) == MOST_LINES
    assert lines[0] == f"{2 * MOST_LINES + 1} lines of before: see events.jsonl"
    assert lines[-1].endswith(f"resumed: step {3 * MOST_LINES - 1}")
    assert timeline([]) == []


def test_an_event_of_another_version_is_told_as_far_as_it_goes() -> None:
    assert timeline([event("checkpoint"), event("rewound", to={"step": 3})]) == [
        "2026-01-01 00:00:00  checkpoint at step ?",
        "2026-01-01 00:00:00  rewound: to {'step': 3}",
    ]
