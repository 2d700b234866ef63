import pytest

from harness.plain_text import plain


@pytest.mark.parametrize(
    "text, shown",
    [
        ("a\n  b\tc ", "a b c"),
        ("\x1b[31mred\x00", " [31mred "),
        ("turned \u202e round \ufffe", "turned   round  "),
        ("Δ ≥ 1 × [x]", "Δ ≥ 1 × [x]"),
    ],
)
def test_what_moves_a_cursor_becomes_a_space(text: str, shown: str) -> None:
    assert plain(text) == shown
