import pytest

from harness.cli.rows import show_rows


def test_text_from_elsewhere_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Square brackets are no markup, and nothing moves a cursor."""
    show_rows([{"cell": "a", "reason": "[red]found[/red] [x] :smile: \x1b[2J\x00"}], False, "none")
    header, line = capsys.readouterr().out.splitlines()
    assert header.split() == ["cell", "reason"]
    assert "[red]found[/red] [x] :smile:" in line
    assert line.isprintable()
