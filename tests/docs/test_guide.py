"""The learning guide: what its pages show is what their code does."""

import re
import xml.etree.ElementTree as ET

import pytest

from tests.docs.pages import DOCS, agree, run

PAGES = ["neurons", "convolution", "text", "tables", "series", "maps", "language"]


def check(name, tmp_path, monkeypatch, *, slow):
    monkeypatch.chdir(tmp_path)
    for block, printed in run(DOCS / f"{name}.md", slow=slow):
        assert agree(block.printed, printed), f"docs/{name}.md, line {block.line}: prints\n{printed}"
    for made in tmp_path.glob("*.svg"):
        assert (DOCS / "pictures" / made.name).exists(), f"docs/pictures/{made.name} is not committed"


@pytest.mark.parametrize("name", PAGES)
def test_the_quick_blocks_of_a_page_print_what_stands_below_them(name, tmp_path, monkeypatch):
    check(name, tmp_path, monkeypatch, slow=False)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", PAGES)
def test_all_blocks_of_a_page_print_what_stands_below_them(name, tmp_path, monkeypatch, shared_data):
    check(name, tmp_path, monkeypatch, slow=True)


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.stem)
def test_every_link_of_a_page_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
        assert "://" in target or (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("picture", sorted((DOCS / "pictures").glob("*.svg")), ids=lambda picture: picture.stem)
def test_pictures_are_small_named_and_written_in_words(picture):
    assert picture.stat().st_size < 40_000
    root = ET.parse(picture).getroot()
    assert root.get("aria-label")
    assert not picture.read_text().count("<image")
