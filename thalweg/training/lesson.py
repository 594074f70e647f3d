"""Lessons: stages of a run that are about to learn, handed out so that whoever leads them decides how."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from thalweg.core.behind import Behind
from thalweg.core.device import products
from thalweg.training.failures import naming_failures
from thalweg.training.interruption import Interruption
from thalweg.training.loop import Listener
from thalweg.training.profile import Profile
from thalweg.training.stage import Stage


@dataclass(frozen=True)
class Lesson:
    """A stage whose states are loaded, with all that watches it."""

    stage: Stage
    watch: Mapping[str, Listener]
    interruption: Interruption
    profile: Profile
    behind: Behind

    @contextmanager
    def held(self) -> Iterator[Sequence[Listener]]:
        """Within it learns: signals are heard, failing code is named, checkpoints stand at the end. Gives who is to listen."""
        context = self.stage.rule.context
        mixed = products(context.device, context.precision)
        heard = self.interruption.heard(alone=context.processes.world == 1)
        with mixed, self.profile, heard, naming_failures(self.stage.progress), self.behind.done_at_end():
            yield self.profile.among(list(self.watch.values()))
