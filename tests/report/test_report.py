"""The page: what it shows, what it leaves out, and that nothing in a run's files can act in it."""

import ast
import html
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from tests.report.runs import baseline, confusion, many_classes, predicted_numbers, results, run_of, told_apart, worth
from thalweg.report.examples import view_of
from thalweg.report.report import write_report

EVIL = '<script>alert(1)</script><img src=x onerror="alert(2)">'
VOID = {"meta", "img", "br", "rect", "circle", "line", "polyline", "link"}
OPTIONAL = {"tr", "td", "th", "thead", "tbody", "li"}


class Elements(HTMLParser):
    """Notes every element, its attributes, and elements that are not closed."""

    def __init__(self):
        super().__init__()
        self.seen, self.open, self.wrong = [], [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID | OPTIONAL:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag in OPTIONAL | VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def elements(text):
    parser = Elements()
    parser.feed(text)
    return parser


def written(folder):
    return write_report(folder).read_text(encoding="utf-8")


def titles(text):
    return re.findall(r"<h2[^>]*>(.*?)</h2>", text)


def test_every_section_stands_in_its_order(tmp_path):
    text = written(run_of(tmp_path / "run", results=results(diagnosis=confusion("no", "yes"), importance=worth(age=0.05))))
    sure, errs, matters = "Is it right when it is sure?", "Where it errs", "What matters"
    assert titles(text) == ["The data", "How it learned", sure, errs, matters, "Time", "Repeat it"]
    assert (
        "<em>Equivalent</em> to gradient boosting: 87.4\u00a0% right against 87.1\u00a0%, within 0.7 points either way." in text
    )


def test_every_element_is_closed(tmp_path):
    for diagnosis in (confusion("no", "yes"), predicted_numbers()):
        whole = results(diagnosis=diagnosis, importance=worth(age=0.05, hours=0.0))
        found = elements(written(run_of(tmp_path / "run", results=whole)))
        assert found.wrong == []
        assert found.open == []


@pytest.mark.parametrize("missing", ["settings", "environment", "data", "metrics", "results"])
def test_a_missing_file_costs_its_section_only(tmp_path, missing):
    found = elements(written(run_of(tmp_path / "run", **{missing: None})))
    assert found.wrong == []
    assert "h1" in [tag for tag, _ in found.seen]


def test_an_empty_folder_has_a_report_without_sections(tmp_path):
    folder = run_of(tmp_path / "run", settings=None, environment=None, data=None, metrics=None, results=None)
    text = written(folder)
    assert titles(text) == []
    assert "not evaluated" in text


def test_a_run_that_was_stopped_says_so_and_how_it_goes_on(tmp_path):
    folder = run_of(tmp_path / "run", results=None)
    (folder.checkpoints / "20").mkdir(parents=True)
    text = written(folder)
    assert "<em>Not finished</em> yet: the test part was not evaluated." in text
    assert "thalweg train --resume --out " in text
    assert "600 to learn from" in text


def test_without_baselines_there_is_no_empty_picture(tmp_path):
    bare = results(baselines=[], verdict=None, verdict_reason="baselines were not asked for")
    text = written(run_of(tmp_path / "run", results=bare))
    assert 'class="forest"' not in text
    assert "There is nothing to compare it with: baselines were not asked for." in text


def test_nothing_in_the_files_becomes_an_element(tmp_path):
    evil = results(
        diagnosis=confusion(EVIL, EVIL),
        notes=[EVIL],
        baselines=[{"name": "gradient-boosting", "title": EVIL, "value": 0.87, "low": 0.86, "high": 0.88, "setting": EVIL}],
        metrics={
            EVIL: {"value": 0.5, "low": 0.4, "high": 0.6},
            "f1": {"value": None, "low": None, "high": None, "reason": EVIL},
        },
        examples_shown={"fields": {EVIL: "category"}, "rows": {"7": {EVIL: EVIL}}},
        command=EVIL,
        importance=worth(**{EVIL: 0.05}),
    )
    data = {
        "fingerprint": {"name": EVIL, "parts": {"train": 3}},
        "notes": [EVIL],
        "findings": [{"what": EVIL, "why": EVIL, "fix": EVIL}],
        "looked_at_in_part": [EVIL],
        "fields": [{"name": EVIL, "role": "target", "kind": EVIL, "fields": [EVIL]}],
    }
    settings = {"source": EVIL, "chosen": {"model": {"name": EVIL}}}
    found = elements(written(run_of(tmp_path / "run", results=evil, data=data, settings=settings, environment={EVIL: EVIL})))
    assert {"script"} & {tag for tag, _ in found.seen} == set()
    assert [attributes for _, attributes in found.seen if any(name.startswith("on") for name in attributes)] == []
    assert [tag for tag, attributes in found.seen if attributes.get("src") == "x"] == []


def test_nothing_is_fetched(tmp_path):
    text = written(run_of(tmp_path / "run", results=results(diagnosis=confusion("no", "yes"))))
    assert re.findall(r"https?://|@import|<link|<script", text) == []
    assert all(attributes["src"].startswith("data:") for _, attributes in elements(text).seen if "src" in attributes)


def test_pictures_are_named_for_those_who_cannot_see_them(tmp_path):
    found = elements(written(run_of(tmp_path / "run", results=results(diagnosis=confusion("no", "yes")))))
    pictures = [attributes for tag, attributes in found.seen if tag == "svg"]
    tables = [attributes for tag, attributes in found.seen if tag == "table" and "heat" in (attributes.get("class") or "")]
    assert (len(pictures), len(tables)) == (5, 1)
    assert all(one["aria-label"] for one in pictures)


def test_light_and_dark_are_both_there(tmp_path):
    text = written(run_of(tmp_path / "run"))
    assert "prefers-color-scheme:dark" in text
    assert set(re.findall(r'(?:fill|stroke)="([^"]+)"', text)) <= {
        "none",
        *(f"var(--{name})" for name in ("own", "other", "soft", "rule")),
    }


def test_a_line_of_metrics_that_was_cut_off_is_left_out(tmp_path):
    folder = run_of(tmp_path / "run")
    with folder.metrics.open("a") as file:
        file.write('{"epoch": 7, "lo')
    assert "How it learned" in written(folder)


def test_the_command_names_the_data_and_the_settings(tmp_path):
    text = written(run_of(tmp_path / "run", name="my data.csv"))
    assert "thalweg train &#x27;my data.csv&#x27; --settings " in text


@pytest.mark.parametrize(
    ("speed", "said"),
    [
        ([{"program": "decoder", "lanes": 4, "threads": 1, "precision": "bfloat16"}], "; steps by decoder, bfloat16, 4 lanes."),
        (["plain", {"precision": "bfloat16"}], "; steps by plain and bfloat16."),
        ("plain", ""),
        ([{"ahead": True}], ""),
        ([{"of": "another version"}], ""),
    ],
)
def test_how_steps_were_taken_stands_beside_the_machine(tmp_path, speed, said):
    settings = {"source": "adult.csv", "seed": 0, "speed": speed}
    text = written(run_of(tmp_path / "run", settings=settings))
    assert "2 threads" in text
    assert said in text
    assert ("steps by" in text) == bool(said)


def repeated(folder):
    return html.unescape(re.search(r"Repeat it</h2><pre><code>(.*?)</code>", written(folder), re.DOTALL)[1])


def test_a_run_with_own_parts_is_repeated_by_python_that_gives_them_again(tmp_path):
    settings = {"source": "iris", "own": {"model": "Twin", "loss": "<lambda>"}, "chosen": {}}
    folder = run_of(tmp_path / "run", settings=settings)
    said = repeated(folder)
    ast.parse(said)
    assert "tw.train(\n    'iris',\n" in said
    assert "    model=Twin(...),\n" in said
    assert "    loss=your_loss,\n" in said
    assert "thalweg train" not in said
    assert "thalweg, Twin" in written(folder)


def test_a_run_on_objects_is_repeated_by_python_that_gives_them_again(tmp_path):
    said = repeated(run_of(tmp_path / "run", settings={"source": None, "chosen": {"model": {"name": "mlp"}}}))
    ast.parse(said)
    assert "tw.train(\n    data,\n    settings=" in said


def test_the_axis_is_that_of_the_near_ones_and_an_arrow_stands_for_the_far(tmp_path):
    others = [baseline("gradient-boosting", 0.871), baseline("k-nn", 0.86), baseline("trivial", 0.103, title="always “3”")]
    text = written(run_of(tmp_path / "run", results=results(baselines=others)))
    forest = re.search(r'<div class="forest".*?</figure>', text, re.DOTALL)[0]
    assert forest.count("<u ") == 3
    assert forest.count("◂") == 1
    assert "What lies too far off for this axis is an arrow." in forest
    assert "50 %" not in forest


def test_baselines_on_fewer_rows_are_marked_and_the_choice_of_the_opponent_is_told(tmp_path):
    others = [baseline("gradient-boosting", 0.871) | {"rows": 300, "of_rows": 900}, baseline("k-nn", 0.88)]
    text = written(run_of(tmp_path / "run", results=results(baselines=others)))
    assert "<span>gradient boosting *</span>" in text
    assert "<td>300 of 900 rows" in text
    assert "* fitted on fewer rows than the net." in text
    assert "The verdict is about gradient boosting, the best on the validation part." in text


def test_whole_names_and_numbers_stand_in_the_matrix(tmp_path):
    found = confusion("versicolor", "virginica")
    found["confusion"]["counts"] = [[1234567, 4], [8, 18]]
    text = written(run_of(tmp_path / "run", results=results(diagnosis=found)))
    matrix = re.search(r'<table class="heat.*?</table>', text, re.DOTALL)[0]
    assert ">1,234,567<" in matrix
    assert matrix.count(">versicolor<") == 2


def test_epochs_are_whole_numbers_on_the_axis(tmp_path):
    lines = [{"epoch": i + 1, "step": i, "loss": 1 / (i + 1), "validation.accuracy": 0.5 + i / 10} for i in range(2)]
    text = written(run_of(tmp_path / "run", metrics=lines))
    picture = re.search(r"<svg[^>]*accuracy on validation rows.*?</svg>", text, re.DOTALL)[0]
    assert re.findall(r'text-anchor="middle">([^<]*)<', picture) == ["1", "2", "epoch"]


def test_many_classes_are_shown_as_the_pairs_most_often_confused(tmp_path):
    found = confusion("cat", "dog")
    found["confusion"] = {"classes": [], "pairs": found["confusion"]["pairs"], "number_of_classes": 40}
    text = written(run_of(tmp_path / "run", results=results(diagnosis=found)))
    assert "Most often it takes “dog” for “cat”: 8 of 26 times." in text


def test_every_picture_says_in_words_what_it_shows_and_has_a_table(tmp_path):
    whole = results(diagnosis=confusion("no", "yes"), importance=worth(age=0.05, hours=0.0))
    text = written(run_of(tmp_path / "run", results=whole))
    pictures = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert [one for one in pictures if not re.search(r"<desc>[^<]{20,}</desc>", one)] == []
    sections = re.findall(r'<section id="(?:learning|sure|matters)"[^>]*>.*?</section>', text, re.DOTALL)
    assert len(sections) == 3
    assert all("<details>" in one for one in sections)


def test_curves_that_run_along_the_edges_are_told_and_not_drawn(tmp_path):
    found = confusion("no", "yes") | {"curves": {"number_of_classes": 2, "classes": [told_apart("yes", 0.9999)]}}
    text = written(run_of(tmp_path / "run", results=results(diagnosis=found)))
    assert "ROC: share found" not in text
    assert (
        "Over all thresholds it tells “yes” from the rest (area under ROC at least 0.9999): there is no curve to draw." in text
    )
    assert "How it tells them apart, in figures" in text
    assert "both curves" not in text.casefold()


def test_of_many_classes_the_hardest_to_tell_is_in_the_accent_and_all_are_in_a_table(tmp_path):
    classes = [told_apart("cat", 0.97), told_apart("dog", 0.85), told_apart("cow", 0.99)]
    found = confusion("no", "yes") | {"curves": {"number_of_classes": 3, "classes": classes}}
    text = written(run_of(tmp_path / "run", results=results(diagnosis=found)))
    picture = re.search(r"<svg[^>]*ROC.*?</svg>", text, re.DOTALL)[0]
    assert picture.count('stroke="var(--other)"') == 2
    assert ">“dog”</text>" in picture
    assert "Hardest to tell from the rest is “dog” (area under ROC 0.85" in text
    assert "<th scope=row>cow<td>26<td>0.99" in text


def test_loss_in_training_and_on_validation_rows_share_a_picture_where_they_are_the_same_measure(tmp_path):
    def picture(**settings):
        lines = [{"epoch": i + 1, "loss": 1 / (i + 1), "validation.log-loss": 0.5 + 0.1 * abs(i - 2)} for i in range(6)]
        chosen = {"chosen": {"model": {"name": "mlp"}, "task": {"name": "classification", "settings": settings}}}
        text = written(run_of(tmp_path / "run", metrics=lines, settings=chosen))
        return re.search(r'<section id="learning".*?</section>', text, re.DOTALL)[0]

    assert ">training</text>" in picture()
    assert "rose to 0.8 while in training it fell on from 0.333 to 0.167: that looks like learning by heart." in picture()
    assert ">training</text>" not in picture(loss={"name": "focal"})


def test_numbers_are_shown_against_the_truth_and_by_how_far_they_are_off(tmp_path):
    text = written(run_of(tmp_path / "run", results=results(diagnosis=predicted_numbers())))
    assert "Nine in ten predictions lie between 5.00 below and 5.00 above the truth." in text
    assert "Large predictions are further off than small ones: " in text


def test_a_check_that_found_nothing_is_told_with_what_it_looked_at_in_part(tmp_path):
    data = {"findings": [], "looked_at_in_part": ["copies in 373 of 1,797 rows"]}
    text = written(run_of(tmp_path / "run", data=data))
    assert "The check of the data found nothing wrong." in text
    assert "it looked for copies in 373 of 1,797 rows." in text
    assert "found nothing wrong" not in written(run_of(tmp_path / "unchecked", data={}))


def test_the_rate_of_learning_is_told(tmp_path):
    text = written(run_of(tmp_path / "run", results=results(importance=worth(age=0.1))))
    assert "It learned from 41 rows a second, evaluations included, and went through them 6 times." in text
    assert "what matters 3.0 s" in text


def test_of_many_classes_each_pair_is_shown_by_an_example(tmp_path):
    found = results(
        diagnosis=many_classes(20), examples_shown={"fields": {"said": "text"}, "rows": {"3": {"said": "a fine day"}}}
    )
    text = written(run_of(tmp_path / "run", results=found))
    assert "<th scope=row>class 3<td>class 4<td>1\u00a0of\u00a010<td>10\u00a0%<td>a fine day" in text
    plain = found | {"examples_shown": {"fields": {"width": "number"}, "rows": {"3": {"width": 7.5}}}}
    assert (
        "7.5"
        not in re.search(r"The pairs most often confused</h3>.*?</table>", written(run_of(tmp_path / "b", results=plain)))[0]
    )


def test_what_was_read_stands_in_a_list_and_what_corrects_it_beside_it(tmp_path):
    notes = [
        "4 numbers; id left out: looks like an id (--field id=number); age: as it is; other: --split",
        "a <b> left out: one value (--field 'a <b>=number' to use it)",
        "1 image; other: --image-size N",
    ]
    text = written(run_of(tmp_path / "run", data={"notes": notes}))
    assert "a &lt;b&gt; left out: one value (<code>--field &#x27;a &lt;b&gt;=number&#x27;</code> to use it)" in text
    assert "<li>4 numbers<li>id left out: looks like an id (<code>--field id=number</code>)<li>age: as it is; other: " in text
    assert "1 image; other: <code>--image-size N</code>" in text


def test_findings_are_marked_in_words_and_all_their_rows_can_be_read(tmp_path):
    rows = list(range(100, 108))
    found = [
        {"severity": "warn", "what": "8 rows are copies", "rows": rows, "count": 8},
        {"severity": "note", "what": "a note"},
    ]
    text = written(run_of(tmp_path / "run", data={"findings": found, "looked_at_in_part": ["wrong labels in none of 90 rows"]}))
    assert text.count("needs care") == 1
    assert "All 8 rows" in text
    assert "100, 101, 102, 103, 104, 105, 106, 107" in text
    assert "the check was quick: it did not look for wrong labels." in text


def test_the_main_figures_hold_what_the_diagnosis_adds_and_all_stand_in_a_table(tmp_path):
    text = written(run_of(tmp_path / "run", results=results(diagnosis=confusion("no", "yes"))))
    facts = re.search(r'<dl class="facts">.*?</dl>', text, re.DOTALL)[0]
    assert re.findall(r"<dt>(.*?)</dt>", facts) == ["accuracy", "area under ROC", "calibration error", "training time"]


def test_pages_stay_small_with_pictures(tmp_path):
    draw = np.random.default_rng(0)
    kept = [view_of("image").keep(draw.integers(0, 256, (200, 300, 3), dtype=np.uint8)) for _ in range(18)]
    shown = {"fields": {"x": "image"}, "rows": {str(row): {"x": one} for row, one in enumerate(kept)}}
    worst = [{"row": row, "true": "a", "said": "b", "sure": 0.9} for row in range(8)]
    found = many_classes(100) | {"mistakes": {"count": 8, "of": 900, "worst": worst}}
    text = written(run_of(tmp_path / "run", results=results(diagnosis=found, examples_shown=shown)))
    assert text.count("<img") == 18
    assert len(text) < 1_000_000
