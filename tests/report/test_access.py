"""The page for those who hear it, move by keys, or need contrast: its headings, names, tables, links and colours."""

import re
from itertools import pairwise

import numpy as np
import pytest

from tests.report.runs import confusion, many_classes, predicted_numbers, results, run_of, worth
from tests.report.test_report import elements, written
from thalweg.report.examples import view_of
from thalweg.report.page import STYLE

COLOUR = re.compile(r"--(\w+):(#[0-9a-f]{3,6})")
TEXT, GRAPHICS = 4.5, 3.0
"""The least contrast of words, and of lines and points (Web Content Accessibility Guidelines 2.2, levels AA)."""


def pictures():
    """Mistakes on pictures."""
    kept = view_of("image").keep(np.zeros((8, 8), dtype=np.uint8))
    return results(diagnosis=confusion("no", "yes"), examples_shown={"fields": {"x": "image"}, "rows": {"7": {"x": kept}}})


KINDS = {
    "classes": lambda: results(diagnosis=confusion("no", "yes"), importance=worth(age=0.05, hours=0.0)),
    "pictures": pictures,
    "many classes": lambda: results(diagnosis=many_classes(40)),
    "numbers": lambda: results(diagnosis=predicted_numbers()),
    "no verdict": lambda: results(baselines=[], verdict=None, verdict_reason="baselines were not asked for"),
}


@pytest.fixture(params=KINDS)
def page(request, tmp_path):
    return elements(written(run_of(tmp_path / "run", results=KINDS[request.param]()))).seen


def of(page, *tags):
    return [attributes for tag, attributes in page if tag in tags]


def test_headings_follow_each_other_without_a_gap(page):
    levels = [int(tag[1]) for tag, _ in page if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_language_title_and_landmarks_are_there(page):
    assert of(page, "html")[0]["lang"] == "en"
    assert of(page, "title")[0] == {}  # the first is that of the page, others are those of pictures
    assert (len(of(page, "main")), len(of(page, "nav"))) == (1, 1)
    assert of(page, "nav")[0]["aria-label"]


def test_links_and_names_lead_to_what_is_there(page):
    names = [attributes["id"] for _, attributes in page if "id" in attributes]
    assert len(names) == len(set(names))
    led = [one["href"].removeprefix("#") for one in of(page, "a")]
    led += [attributes["aria-labelledby"] for _, attributes in page if "aria-labelledby" in attributes]
    assert set(led) <= set(names)


def test_pictures_have_words_in_their_place(page):
    assert all(one.get("alt") for one in of(page, "img"))
    assert all(one.get("role") == "img" for one in of(page, "svg"))
    assert all(attributes.get("aria-label") for _, attributes in page if attributes.get("role") == "img")


def test_tables_are_named_and_their_heads_say_what_they_head(page):
    assert len(of(page, "table")) == len(of(page, "caption")) > 0
    assert {one.get("scope") for one in of(page, "th")} <= {"row", "col"}


def test_keys_move_through_it_in_the_order_of_reading(page):
    assert {attributes["tabindex"] for _, attributes in page if "tabindex" in attributes} <= {"0", "-1"}
    assert len(of(page, "details")) == len(of(page, "summary"))
    assert all(one.get("tabindex") == "0" and one.get("aria-label") for one in of(page, "div") if one.get("class") == "scroll")


def test_the_large_matrix_of_many_classes_is_a_picture_with_a_table_of_each_class(tmp_path):
    text = written(run_of(tmp_path / "run", results=results(diagnosis=many_classes(40))))
    assert "All 40 classes as a table" in text
    assert len(re.findall(r"<svg[^>]*True classes by row", text)) == 1
    assert len(text) < 150_000


def luminance(colour):
    whole = colour[1:] if len(colour) == 7 else "".join(2 * sign for sign in colour[1:])
    parts = [int(whole[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [one / 12.92 if one <= 0.03928 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def over(colour, ground, share):
    """A colour laid over another with a share of its strength."""
    mixed = (round(int(colour[i : i + 2], 16) * share + int(ground[i : i + 2], 16) * (1 - share)) for i in (1, 3, 5))
    return "#" + "".join(f"{one:02x}" for one in mixed)


@pytest.mark.parametrize("place", [0, 1, 2], ids=["light", "dark", "paper"])
def test_words_and_lines_stand_out_from_their_ground(place):
    blocks = [dict(COLOUR.findall(block)) for block in re.findall(r":root\{(.*?)\}", STYLE, re.DOTALL)]
    colours = {name: value if len(value) == 7 else "#ffffff" for name, value in blocks[place].items()}
    for ground in ("paper", "panel"):
        assert min(contrast(colours[name], colours[ground]) for name in ("ink", "soft", "own", "care")) >= TEXT
        assert min(contrast(colours[name], colours[ground]) for name in ("own", "other", "care")) >= GRAPHICS
    cells = [over(colours[name], colours["paper"], share / 100) for name in ("own", "other") for share in range(8, 49)]
    assert min(contrast(colours["ink"], cell) for cell in cells) >= TEXT
