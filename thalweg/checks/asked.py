"""The whole check as it is asked for: data by path, name or object, with what was said of them, alone or beside a run's."""

from collections.abc import Mapping
from typing import Any

from thalweg.checks.against_run import check_against
from thalweg.checks.check import Checked, check
from thalweg.core.errors import DataRefusal
from thalweg.core.run_folder import RunFolder
from thalweg.core.talk import Talk
from thalweg.data._given_split import given_by_column
from thalweg.data.dataset import Examples
from thalweg.data.read import read
from thalweg.training.reopened import settings_of_run
from thalweg.training.requested import merged, run_settings


def check_data(
    data: Any,  # noqa: ANN401 - whatever a source understands
    asked: Mapping[str, Any],
    *,
    against: RunFolder | None = None,
    talk: Talk | None = None,
) -> Checked:
    """What is wrong with data.

    Args:
        asked: settings as of a run; what concerns data counts.
        against: the folder of a run whose training rows they are held against; what was said of its data holds here too.

    Raises:
        Refusal: the data cannot be read, or are drawn; or the run does not name what it was trained on.
    """
    before = {} if against is None else {"data": settings_of_run(against).data.model_dump(exclude_unset=True)}
    settings = run_settings(merged(before, asked))
    examples = read(data, settings.data, own=settings.source_settings or None)
    if not isinstance(examples, Examples):
        raise DataRefusal(
            "CHECK_DRAWN",
            f"{examples.name} is drawn, played in or one running text, so there are no rows to look at",
            where="check",
            why="defects are found in rows",
            fix="give a path, a catalogued dataset, arrays or a data frame",
        )
    examples = given_by_column(examples, settings.data)
    if talk is not None and examples.notes:
        talk.say("data", *examples.notes)
    return check(examples, settings.data) if against is None else check_against(examples, settings.data, against)
