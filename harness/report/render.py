"""Write tables as Markdown, LaTeX, CSV and JSON. All text is escaped: names and reasons come from outside."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from harness.errors import HarnessError
from harness.files import write_text
from harness.plain_text import plain
from harness.report.published import published_tables
from harness.report.records import build_frame, build_records
from harness.report.rows import Row
from harness.report.tables import Table, build_class_tables, build_table

# fmt: off
LATEX_ESCAPES = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "[": "{[}", "]": "{]}", "^": r"\textasciicircum{}", "<": r"\textless{}",
    ">": r"\textgreater{}",
    "±": r"$\pm$", "×": r"$\times$", "Δ": r"$\Delta$", "†": r"$\dagger$", "‡": r"$\ddagger$", "–": "--", "≥": r"$\geq$",
}
MARKDOWN_ESCAPES = {
    "\\": r"\\", "|": r"\|", "*": r"\*", "_": r"\_", "`": r"\`", "[": r"\[", "]": r"\]", "<": "&lt;",
    ">": "&gt;", "&": "&amp;",
}
# fmt: on


def to_markdown(table: Table) -> str:
    """Return a table with its title and footnotes as Markdown."""
    escape = _escaper(MARKDOWN_ESCAPES)
    lines = [f"### {escape(table.title)}", ""]
    lines.append(_markdown_line([escape(name) for name in table.frame.columns]))
    lines.append(_markdown_line(["---"] * len(table.frame.columns)))
    lines += [_markdown_line([escape(cell) for cell in row]) for row in table.frame.itertuples(index=False)]
    lines += ["", *(f"{escape(note)}  " for note in table.footnotes)]
    return "\n".join(lines) + "\n"


def to_latex(table: Table) -> str:
    """Return a table as LaTeX, for the packages booktabs and threeparttable."""
    escape = _escaper(LATEX_ESCAPES)
    lines = [r"\begin{table}", r"\centering", r"\begin{threeparttable}", rf"\caption{{{escape(table.title)}}}"]
    lines += [rf"\begin{{tabular}}{{{'l' * len(table.frame.columns)}}}", r"\toprule"]
    lines += [_latex_line([escape(name) for name in table.frame.columns]), r"\midrule"]
    lines += [_latex_line([escape(cell) for cell in row]) for row in table.frame.itertuples(index=False)]
    lines += [r"\bottomrule", r"\end{tabular}", r"\begin{tablenotes}\footnotesize"]
    lines += [rf"\item {escape(note)}" for note in table.footnotes]
    return "\n".join([*lines, r"\end{tablenotes}", r"\end{threeparttable}", r"\end{table}"]) + "\n"


def write_tables(folder: Path, rows: Sequence[Row]) -> list[Path]:
    """Write the tables of a matrix: `table.md`, `table.tex`, `table.csv`, `table.json`.

    Markdown and LaTeX hold the main table, the classes and the published figures, in percent. CSV and JSON hold the
    measured figures alone, in full precision and mIoU in 0–1.

    Args:
        folder: is made when missing.
        rows: of `harness.report.grouping.build_rows`.

    Returns:
        The files written.

    Raises:
        HarnessError: there are no rows, or the folder can't be written.
    """
    if not rows:
        raise HarnessError(folder, "no cells", "results of a matrix", "Run one with `harness run`.")
    published = published_tables(row.spec.dataset.name for row in rows)
    tables = [build_table(rows), *build_class_tables(rows), *published]
    texts = {
        "table.md": "\n".join(to_markdown(table) for table in tables),
        "table.tex": "\n".join(to_latex(table) for table in tables),
        "table.csv": build_frame(rows).to_csv(index=False),
        "table.json": json.dumps(build_records(rows), indent=2, ensure_ascii=False, allow_nan=False) + "\n",
    }
    for name, text in texts.items():
        write_text(folder / name, text)
    return [folder / name for name in texts]


def _escaper(escapes: dict[str, str]) -> Callable[[object], str]:
    table = str.maketrans(escapes)
    return lambda text: plain(str(text)).translate(table)


def _markdown_line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _latex_line(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"
