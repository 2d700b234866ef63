"""Documents name only files that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
PAGES = [*TOP.glob("*.md"), *(TOP / "docs").glob("*.md")]


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
        page.name for page in PAGES if re.search(r"\b[A-Z]+_[A-Z]+_?(?:OUTPUT|HERE)\b|TODO|TBD", page.read_text())
    ]
