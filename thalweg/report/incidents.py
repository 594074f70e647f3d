"""What a training met on its way and went on from: spikes, and memory that ran out."""

from thalweg.report.run_facts import Facts
from thalweg.training.in_parts import PARTS
from thalweg.training.spikes import spike_said


def spikes(facts: Facts) -> str:
    """How many steps had a loss or a slope far beyond the usual, and the first; nothing where there was none."""
    lines = [line for line in facts.history if line.get("spikes")]
    if not lines:
        return ""
    first, count = lines[0]["spikes"], sum(line["spikes"]["count"] for line in lines)
    what = spike_said(first["of"], first["value"], first["usual"], tense="was")
    at = _step(facts, int(lines[0].get("stage") or 0), first["step"])
    if count == 1:
        return f"There was a spike in {at}: {what}. It went on from there."
    return f"There were {count:,} spikes, the first in {at}: {what}. It went on from each."


def parts(facts: Facts) -> str:
    """From where on batches were taken in more parts, since memory ran out; nothing where it did not."""
    said = []
    for one in facts.decided.get(PARTS) or []:
        how = f"in {one['parts']} parts, which learns the same" if one["parts"] > 1 else "by plain steps"
        said.append(
            f"Memory ran out in {_step(facts, one['stage'], one['step'] + 1)}: from there on each batch was taken {how}."
        )
    return " ".join(said)


def _step(facts: Facts, stage: int, step: int) -> str:
    stages = len(facts.settings.get("stages") or [{}])
    return f"step {step:,}" + (f" of stage {stage + 1}" if stages > 1 else "")
