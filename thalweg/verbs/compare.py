"""Compare: what a run was compared with; over seeds, its way of training; and any two models, of whatever make."""

from pathlib import Path
from typing import Any, Unpack

from thalweg.core.errors import UsageRefusal
from thalweg.core.standing import Standing
from thalweg.core.talk import Talk
from thalweg.evaluation.foreign.examples import Said, judged_examples, of_run
from thalweg.packages.package import Package
from thalweg.verbs._added import add_to_results
from thalweg.verbs.predict import baseline_of
from thalweg.verbs.run import Run, dataset_of, load, package_of, refuse_unfinished, run_of


def compare(
    run: Any,  # noqa: ANN401 - a run, a package, the path of either, or any model
    opponent: Any = None,  # noqa: ANN401
    data: Any = None,  # noqa: ANN401
    *,
    seeds: int | None = None,
    folds: bool | None = None,
    train: Any = None,  # noqa: ANN401
    margin: float | str | None = None,
    talk: Talk | None = None,
    **said: Unpack[Said],
) -> dict[str, Any]:
    """What a run was compared with and what that comes to: of this model, or, over seeds or folds, of this way of training.

    With an opponent, any two models on the same examples: runs, packages, the baselines of a run by their names, torch modules
    (logits, probabilities or values), estimators of scikit-learn, or callables that take the inputs and give an answer a row.

        tw.compare(my_net, data=(X_test, y_test), train=(X_train, y_train))     # beside baselines that are trained here
        tw.compare(my_net, forest, (X_test, y_test))
        tw.compare("runs/adult", forest)                 # on the test part of the run
        tw.compare(my_net, "runs/adult/baselines/random-forest", frame, target="income", group="household")

    Args:
        run: the first model; alone, a run or its path.
        opponent: the second model, or the name of a baseline that the run in the first place was compared with.
        data: what both are judged on: `(X, y)`, a frame, columns by name, a path, a torch dataset; None: the test part of the
            run that is one of them.
        seeds: how many trainings in all, the run's own among them; what is done is not trained again. None: the run alone.
        folds: judge the method on all rows, each by a training that did not see it: five folds, twice. None: where the data are
            few and have no test part and no time order of their own, and ten trainings take about a minute.
        train: what the first model has learned from, given as `data` is: baselines learn from it too, the best is the opponent.
        margin: difference between two models that counts as none: 0.02, or "2%" of the second one's value.
        said: target, group, task, classes: see `thalweg.evaluation.foreign.examples.Said`.

    Returns:
        JSON values as `docs/json.md` has them: metric, metrics, baselines (the opponent), verdict, and what it speaks for; of a
        run with `over_seeds`, `over_folds` where these were asked for.

    Raises:
        UsageRefusal: fewer than three seeds, a run that was not compared or cannot be trained again from its settings, or
            models and data that do not fit each other.
    """
    if train is not None:
        if opponent is not None or data is None or seeds is not None or folds:
            raise _nothing_to_compare("train is for one model, and data to judge it on: both are needed")
        return _beside_baselines(run, data, train, margin=margin, said=said, talk=talk)
    if opponent is None and data is None and (said or margin is not None):
        raise _nothing_to_compare("these options are about two models, and one was given")
    if opponent is not None:
        if seeds is not None or folds:
            raise _nothing_to_compare("seeds and folds train a run again, and an opponent of your own cannot be trained here")
        return _of_two(run, opponent, data, margin=margin, said=said)
    if data is not None or not isinstance(run, Run | Package | str | Path):
        raise _nothing_to_compare("one model was given, and neither an opponent nor what baselines would learn from")
    return _of_run(run, seeds=seeds, folds=folds, talk=talk or Talk())


def _of_run(run: Run | Package | str | Path, *, seeds: int | None, folds: bool | None, talk: Talk) -> dict[str, Any]:
    from thalweg.evaluation.folds import compare_folds
    from thalweg.evaluation.seeds import compare_seeds
    from thalweg.report.sentences import duration

    if seeds is not None and folds:
        raise _nothing_to_compare("seeds keep the test part, folds cut all rows anew: they answer two questions")
    loaded = load(run) if isinstance(run, str | Path) else run
    found = run_of(loaded, "a package alone has nothing that it was compared with")
    refuse_unfinished(found.folder)
    results = found.results
    advised = (results.get("folds") or {}).get("advised", False)
    if seeds is not None:
        standing = Standing.of(found.path, f"thalweg compare {{}} --seeds {seeds}")
        told = compare_seeds(standing, found.package, dataset_of(found), results, seeds=seeds, talk=talk)
        return add_to_results(standing, lambda before: {**before, "over_seeds": told})
    elif folds or (folds is None and advised):
        if not folds:
            outlook = results["folds"]
            doing = f"{outlook['fits']} trainings, about {duration(outlook['seconds'])}, judge all {outlook['rows']:,} rows"
            talk.say("folds", f"{doing}; --no-folds leaves them out")
        standing = Standing.of(found.path, "thalweg compare {} --folds")
        told = compare_folds(standing, found.package, dataset_of(found), results, talk=talk)
        return add_to_results(standing, lambda before: {**before, "over_folds": told})
    return results


def _beside_baselines(
    model: Any, data: Any, train: Any, *, margin: float | str | None, said: Said, talk: Talk | None
) -> dict[str, Any]:
    from thalweg.evaluation.foreign.trained import beside_baselines
    from thalweg.evaluation.looks import Looks

    first = opened(model)
    learned = said if isinstance(said.get("group"), str) else said | {"group": None}
    examples, training = judged_examples(data, said), judged_examples(train, learned)
    looks = Looks.of(examples.digest(), by=_named(first))
    asked = package_of(first) if isinstance(first, Run) else first
    width = None if margin is None else str(margin)
    return beside_baselines(asked, examples, training, said, margin=width, looks=looks, talk=talk)


def _of_two(run: Any, opponent: Any, data: Any, *, margin: float | str | None, said: Said) -> dict[str, Any]:
    from thalweg.evaluation.foreign.duel import duel
    from thalweg.evaluation.looks import Looks

    first = opened(run)
    baseline = isinstance(opponent, str) and isinstance(first, Run) and (first.folder.baselines / opponent).is_dir()
    second = baseline_of(first, opponent) if baseline and isinstance(first, Run) else opened(opponent)
    owner = next((one for one in (first, second) if isinstance(one, Run)), None)
    if data is None and owner is None:
        raise _nothing_to_compare("no data were given, and neither model is a run with a test part of its own")
    by = " against ".join(_named(one) for one in (first, second))
    if data is None and owner is not None:
        dataset = dataset_of(owner)
        examples, looks = of_run(dataset), Looks.at(dataset, "test", by=by)
    else:
        examples = judged_examples(data, said)
        looks = Looks.of(examples.digest(), by=by)
    models = [package_of(one) if isinstance(one, Run) else one for one in (first, second)]
    return duel(models, examples, said, margin=None if margin is None else str(margin), looks=looks)


def opened(model: Any) -> Any:  # noqa: ANN401 - any model
    """A run or package where a path was given; else the model itself."""
    return load(model) if isinstance(model, str | Path) else model


def _named(model: Any) -> str:  # noqa: ANN401
    return str(model.path.absolute()) if isinstance(model, Run) else type(model).__name__


def _nothing_to_compare(what: str) -> UsageRefusal:
    return UsageRefusal(
        "COMPARE_LACKS",
        what,
        where="tw.compare",
        why="a difference is that of two models on the same examples",
        fix="tw.compare(RUN, seeds=5), tw.compare(RUN, model), tw.compare(model, other, (X, y)), "
        "or beside baselines: tw.compare(model, data=(X, y), train=(X_train, y_train))",
    )
