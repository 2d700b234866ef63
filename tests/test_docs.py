"""Documents name only files that exist."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from baselines.registry import SHIPPED, load_method

TOP = Path(__file__).parents[1]
PAGES = [*TOP.glob("*.md"), *(TOP / "docs").glob("*.md"), *(TOP / "results").rglob("*.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text())
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not missing


def test_pages_named_in_the_sources_exist() -> None:
    sources = [path for package in ("harness", "backbones", "baselines") for path in (TOP / package).rglob("*.*")]
    texts = [path.read_text() for path in sources if path.suffix in (".py", ".yaml")]
    named = {name for text in texts for name in re.findall(r"docs/[a-z-]+\.md", text)}
    assert named
    assert not {name for name in named if not (TOP / name).exists()}


def test_no_page_has_a_placeholder() -> None:
    assert not [
        page.name for page in PAGES if re.search(r"\b[A-Z]+(?:_[A-Z]+)*_(?:OUTPUT|HERE)\b|TODO|TBD", page.read_text())
    ]


def linked_settings(section: str) -> dict[str, object]:
    """The settings that a section of docs/choices.md links to, with the defaults it states."""
    links = re.findall(r"\[`(\w+): ([^`]+)`\]\(\.\./([\w/]+\.py)\)", section)
    for name, _, file in links:
        assert re.search(rf"^    {name}\b", (TOP / file).read_text(), re.M), f"{file} defines no {name}"
    return {name: yaml.safe_load(value) for name, value, _ in links}


def test_every_setting_of_every_method_stands_among_the_choices_with_its_default() -> None:
    sections = re.split(r"^## ", (TOP / "docs/choices.md").read_text(), flags=re.M)
    for name in [name for name in SHIPPED if name not in ("none", "sum")]:
        stated = linked_settings("".join(section for section in sections if f"`{name}`" in section.splitlines()[0]))
        defaults = load_method(name).Settings().model_dump(mode="json")
        grid = {"block_size", "grid", "lowest", "highest"}  # explained once, with PVD
        missing = set(defaults) - set(stated) - (set() if name == "pvd" else grid)
        assert not missing, f"{name}: {missing}"
        assert {key: defaults[key] for key in stated} == stated, name


def test_the_table_of_the_first_run_is_that_of_its_results() -> None:
    """The page shows what the results kept beside it say, digit for digit."""
    from harness.report.grouping import build_rows
    from harness.report.render import to_markdown
    from harness.report.tables import build_class_tables, build_table
    from harness.spec import CellResult

    files = sorted((TOP / "results/measured/first-run").glob("*.json"))
    rows = build_rows([CellResult.model_validate_json(file.read_bytes()) for file in files])
    page = (TOP / "docs/first-run.md").read_text()
    assert len(files) == 4
    assert to_markdown(build_table(rows)) in page
    assert [to_markdown(table) in page for table in build_class_tables(rows)] == [True]


def test_the_ratios_on_the_benchmark_page_are_those_of_its_record() -> None:
    record = json.loads((TOP / "results/measured/bench/cpu.json").read_text())
    ratios = {
        benchmark["benchmark"].partition("::")[2]: f"{benchmark['ratio_to_dense_gemm']:.2f}"
        for benchmark in record["benchmarks"]
        if "ratio_to_dense_gemm" in benchmark
    }
    page = (TOP / "docs/benchmarks.md").read_text()
    spconv = {
        benchmark["benchmark"].partition("::")[2]: f"{benchmark['ratio_to_spconv']:.2f}"
        for benchmark in record["benchmarks"]
        if "ratio_to_spconv" in benchmark
    }
    against = re.findall(r"^\| (\d+) 000 voxels, (plain|native) \| (.*) \|$", page, re.M)
    assert spconv == {
        f"test_training_a_submanifold_3x3x3[{size}k-{arithmetic}-{channels}]": cell.strip()
        for size, arithmetic, cells in against
        for channels, cell in zip((32, 64, 128), cells.split("|"), strict=True)
    }
    shown = {}
    for kernel, size, kind, arithmetic, cells in re.findall(
        r"^\| (3³|2³ stride 2), (\d+) 000 voxels, (.+?), (plain|native) \| (.*) \|$", page, re.M
    ):
        phase = "inference" if kind == "inference" else "training"
        for channels, cell in zip((16, 32, 64, 128), cells.split("|"), strict=True):
            name = f"test_submanifold_3x3x3[{size}k-{phase}-{channels}-{arithmetic}]"
            name = name if kernel == "3³" else f"test_strided_2x2x2[{size}k-{channels}-{arithmetic}]"
            if cell.strip():
                shown[name] = cell.strip()
    assert len(shown) == 40
    assert shown == {name: ratios[name] for name in shown}
