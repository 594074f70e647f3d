"""Evaluate: the metrics of a run or package, on its own test part or on other data; or of any model on data given."""

import shlex
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Unpack

from thalweg.core.errors import DataRefusal, UsageRefusal
from thalweg.core.standing import Standing
from thalweg.core.talk import Aloud, Talk
from thalweg.data.dataset import Dataset
from thalweg.data.settings import OnBadFile
from thalweg.evaluation.evaluate import Evaluation
from thalweg.evaluation.foreign.examples import Said, judged_examples
from thalweg.evaluation.looks import Looks, answers_digest
from thalweg.evaluation.never_learned import never_learned
from thalweg.evaluation.seen import already_learned, kept_learned
from thalweg.evaluation.subgroups import column_of, subgroups
from thalweg.packages.package import Package
from thalweg.verbs._added import add_to_results
from thalweg.verbs.run import Run, dataset_of, load, package_of


def evaluate(
    run: Any,  # noqa: ANN401 - a run, a package, the path of either, or any model
    data: Any = None,  # noqa: ANN401
    *,
    by: Any = None,  # noqa: ANN401 - a column's name, or a value for each example
    on_bad_file: OnBadFile | None = None,
    i_know: bool = False,
    talk: Talk | None = None,
    **said: Unpack[Said],
) -> dict[str, Any]:
    """The metrics of a model with their intervals: of a run on its own test part, of any model on all rows of the data given.

        tw.evaluate("runs/adult")
        tw.evaluate("runs/adult", "newer.csv", group="household")
        tw.evaluate("runs/adult", by="sex")              # each subgroup against the rest
        tw.evaluate(my_net, (X_test, y_test))            # a torch module, an estimator of scikit-learn, any callable

    Args:
        run: a run, a package, the path of either; or a torch module (logits, probabilities or values), an estimator of
            scikit-learn, or a callable that takes the inputs and gives an answer a row.
        data: `(X, y)`, a frame, columns by name, a path, a torch dataset; None: the run's own test part.
        by: the column (or, of a model of any make, a value for each row) whose values make subgroups: each of 30 examples and
            more is held against the rest, and the run's report tells it. Numbers of many values are cut into quarters.
        on_bad_file: what files that cannot be read lead to in the data given; None: what they led to when it was trained.
        i_know: measure also on rows that the run has learned from.
        said: target, group, task, classes: see `thalweg.evaluation.foreign.examples.Said`; of a run or package `group` alone.

    Raises:
        UsageRefusal: a package and no data, or answers that do not fit the truth.
        DataRefusal: the data lacks what the model reads or what is to be predicted, or the run has learned from it.
    """
    from thalweg.evaluation.evaluate import evaluate as measure
    from thalweg.evaluation.foreign.duel import judged

    if not isinstance(run, Run | Package | str | Path):
        if data is None:
            raise _lacking("a model alone has no test part", "give data too: tw.evaluate(model, (X, y))")
        return judged(run, judged_examples(data, said), said, by=by)
    beyond = sorted(name for name in said if name != "group")
    if beyond:
        raise _lacking(f"{', '.join(beyond)} stand with the run already", "leave them out")
    found = load(run) if isinstance(run, str | Path) else run
    package, group, talk = package_of(found), said.get("group"), talk or Aloud()
    dataset = dataset_of(found, data, on_bad_file=on_bad_file, group=group)
    given: dict[str, Any] = {}
    if data is not None:
        told = _tell_data(found, dataset, i_know=i_know, aloud=isinstance(data, str | Path), talk=talk)
        given = {"part": "data", "notes": told}
    measured = measure(package.task, package.model, dataset, part="test")
    unknown = [_warned(one, talk) for one in never_learned(package.task, dataset, measured)]
    given |= {"notes": [*given.get("notes", []), *unknown]} if unknown else {}
    if by is None:
        return measured.as_json() | given
    if data is not None or not isinstance(found, Run):
        return measured.as_json() | given | {"by": subgroups(measured, column_of(dataset, by), str(by))}
    standing = Standing.of(found.path, f"thalweg evaluate {{}} --by {shlex.quote(str(by))}")
    subgroup = _counted(found, dataset, measured, str(by))
    add_to_results(standing, partial(_with_subgroup, subgroup))
    return measured.as_json() | given | {"by": subgroup}


def _counted(run: Run, dataset: Dataset, measured: Evaluation, by: str) -> dict[str, Any]:
    """The subgroups of the run's own test part: by each column another look at it, counted where it shows something."""
    looks = Looks.at(dataset, "test", by=str(run.folder.path.absolute()))
    digest = answers_digest(f"{measured.headline} by {by}", [measured.rows[measured.headline]])
    told = subgroups(measured, column_of(dataset, by), by, look=looks.number(digest))
    if told["subgroups"]:
        looks.keep(digest, metric=measured.headline, value=measured.value, word=None, column=by)
    return told


def _with_subgroup(told: Mapping[str, Any], results: Mapping[str, Any]) -> dict[str, Any]:
    """Results with what subgroups of the run's own test part came to, by column."""
    return {**results, "by": {**(results.get("by") or {}), told["column"]: told}}


def _tell_data(run: Run | Package, dataset: Dataset, *, i_know: bool, aloud: bool, talk: Talk) -> list[str]:
    """What was read to be measured on; what was learned from is refused, or said, and returned as sentences.

    Raises:
        DataRefusal: half of the rows or more were learned from.
    """
    if aloud and dataset.notes:
        talk.say("data", *dataset.notes)
    learned = kept_learned(run.folder.learned) if isinstance(run, Run) else None
    if learned is None or not isinstance(run, Run):
        if aloud and dataset.name == package_of(run).facts.get("data", {}).get("name"):
            said = (
                f'the model was trained on data of this name ("{dataset.name}"): '
                "rows that it learned from flatter the figures; a run without DATA is measured on its own test part"
            )
            return [_warned(said, talk)]
        return []
    rows, known = dataset.rows("test") or 0, already_learned(dataset, learned)
    if not known or run.results.get("seen") == "all":  # where few values are possible every row has its like
        return []
    said = f"the model has learned from {known:,} of these {rows:,} rows"
    if 2 * known >= rows and not i_know:
        raise DataRefusal(
            "EVALUATE_LEARNED",
            said,
            where=dataset.name,
            why="what is reported would be a training score, not what the model does on new rows",
            fix="thalweg evaluate RUN measures on the run's own test part; give new data, or --i-know (i_know=True)",
            details={"learned": known, "rows": rows},
        )
    return [_warned(f"{said}: they flatter the figures", talk)]


def _warned(sentence: str, talk: Talk) -> str:
    """Say a sentence, and hand it on to what is returned."""
    talk.warn(sentence)
    return sentence


def _lacking(what: str, fix: str) -> UsageRefusal:
    return UsageRefusal("EVALUATE_LACKS", what, where="tw.evaluate", why="a model is measured on examples", fix=fix)
