"""The report of a run: one HTML file, made of what the run's own files say."""

from pathlib import Path

from thalweg.core import files
from thalweg.core.errors import PackageRefusal
from thalweg.core.run_folder import RunFolder
from thalweg.report.card import write_card
from thalweg.report.confidence_section import confidence_section
from thalweg.report.data_section import data_section
from thalweg.report.doctor_section import doctor_section
from thalweg.report.ending_section import repeat_section, time_section
from thalweg.report.errors_section import errors_section
from thalweg.report.importance_section import importance_section
from thalweg.report.learning_section import learning_section
from thalweg.report.map_section import map_section
from thalweg.report.markup import text, unbroken
from thalweg.report.page import page
from thalweg.report.profile_section import profile_section
from thalweg.report.rate_chart import rate_section, write_rates
from thalweg.report.run_facts import Facts
from thalweg.report.samples import samples_section
from thalweg.report.seeds_section import folds_section, seeds_section
from thalweg.report.sentences import heading
from thalweg.report.subgroups_section import subgroups_section
from thalweg.report.verdict_section import verdict_section

UNFINISHED = ("Not finished", "yet: the test part was not evaluated.")


def write_report(folder: RunFolder) -> Path:
    """Write `report.html` of a run, and the card of its package; returns the report's path.

    It reads `settings.yaml`, `environment.json`, `data.json`, `metrics.jsonl`, `trace.jsonl` and `results.json`, and shows what
    they hold: a file that is missing costs its section and nothing else.

    Raises:
        PackageRefusal: one of them is damaged, and a report that stands there is kept; or the system failed while the package
            was read.
    """
    facts = Facts.of(folder)
    with files.understood(folder.results, folder.data, folder.metrics, folder.environment, folder.settings, folder.plan):
        files.write_text(folder.report, report_of(facts))
        write_rates(folder)
        try:
            write_card(folder, facts)
        except PackageRefusal as refusal:  # a damaged package is told of where it is opened; the report needs none
            if isinstance(refusal.__cause__, OSError):  # one that the system did not let us read may be whole
                raise
    return folder.report


def report_of(facts: Facts) -> str:
    """The page as text."""
    unit = facts.unit(facts.headline.get("name", ""))
    word, rest = heading(facts.results, unit) if facts.results else UNFINISHED
    sections = [
        verdict_section(facts),
        seeds_section(facts),
        folds_section(facts),
        samples_section(facts),
        map_section(facts),
        data_section(facts),
        learning_section(facts),
        doctor_section(facts),
        rate_section(RunFolder(facts.path)),
        confidence_section(facts),
        errors_section(facts),
        subgroups_section(facts),
        importance_section(facts),
        time_section(facts),
        profile_section(facts),
        repeat_section(facts),
    ]
    return page(f"{facts.title}: report", _kicker(facts), unbroken(f"<em>{text(word)}</em> {text(rest)}"), sections)


def _kicker(facts: Facts) -> str:
    target = facts.results.get("predicts")
    predicts = f" · predicts <b>{text(target)}</b>" if target else ""
    return f"{text(facts.title)}{predicts} · {text(facts.model)} · {facts.day.day} {facts.day:%B %Y}"
