"""What the page says of folds and of subgroups."""

from tests.report.runs import results, run_of
from thalweg.report.report import write_report

SUBGROUP = {"low": 0.78, "high": 0.86, "rest": 0.90, "difference_low": -0.12, "difference_high": -0.03, "gap": True}


def page(tmp_path, **facts):
    return write_report(run_of(tmp_path, results=results(**facts))).read_text(encoding="utf-8")


def test_folds_are_told_with_the_opponent_of_each(tmp_path):
    each = [
        {"repeat": 1, "rows": 1954, "net": 0.87, "opponent": 0.86, "name": "ridge", "difference": 0.01},
        {"repeat": 2, "rows": 1953, "net": 0.88, "opponent": 0.87, "name": "naive-bayes", "difference": 0.01},
    ]
    told = {"metric": {"name": "accuracy", "value": 0.875, "low": 0.86, "high": 0.89}, "folds": each}
    shown = page(tmp_path, over_folds=told | {"verdict": {"sentence": "Better: over 2 x 5 folds.", "opponent": "ridge"}})
    section = shown[shown.index('<section id="folds"') :]
    assert "Better: over 2 x 5 folds." in section
    assert "<td>naive bayes<td>88" in section
    assert "<td>+1.0" in section


def test_subgroups_are_told_beside_the_rest_and_those_that_are_too_small_named(tmp_path):
    told = {
        "column": "sex",
        "metric": "accuracy",
        "level": 0.975,
        "subgroups": [{"name": "<b>", "rows": 300, "value": 0.82, "difference": -0.08} | SUBGROUP],
        "left_out": [{"name": "none", "rows": 12, "reason": "12 examples are too few"}],
        "left_out_count": 1,
        "sentence": "sex: worse than the rest by 8.0 points (3.0 to 12.0).",
    }
    shown = page(tmp_path, by={"sex": told})
    section = shown[shown.index('<section id="subgroups"') :]
    assert "&lt;b&gt;<td>300<td>82" in section
    assert "−8.0 (−12.0 to −3.0)" in section
    assert "Intervals of 97.5" in section
    assert "Too few examples: none (12)." in section


def test_weights_that_lie_between_are_told_where_the_curves_are(tmp_path):
    def learning(name, *stages):
        folder = run_of(tmp_path / name, settings={"source": "photos", "stages": list(stages)})
        text = write_report(folder).read_text(encoding="utf-8")
        section = text[text.index('<section id="learning"') :]
        return section[: section.index("</section>")]

    head, built = {"rule": {"name": "linear-probe"}}, {"rule": {"name": "as-built"}}
    halfway, quarter = {"rule": {"between": 0.5}}, {"rule": {"between": 0.25}}
    assert "lies halfway from the weights that the last stage began with" in learning("halfway", head, halfway)
    assert "lies 0.25 of the way" in learning("quarter", quarter)
    assert "What was kept, and measured here" not in learning("last", halfway, built)
