"""Lessons: stages of a run that are about to learn, handed out so that whoever leads them decides how."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from thalweg.training.failures import naming_failures
from thalweg.training.interruption import Interruption
from thalweg.training.loop import Listener, learn
from thalweg.training.profile import Profile
from thalweg.training.stage import Stage

T = TypeVar("T")


@dataclass(frozen=True)
class Lesson:
    """A stage whose states are loaded, with all that watches it."""

    stage: Stage
    watch: Mapping[str, Listener]
    interruption: Interruption
    profile: Profile

    def learn(self) -> None:
        """Learn to the end of the stage, or until a listener asks to stop."""
        stage = self.stage
        with self.profile, self.interruption.heard(), naming_failures(stage.progress):
            learn(stage.rule, stage.batches, stage.progress, self.profile.among(list(self.watch.values())), stage.program())


def led(lessons: Generator[Lesson, None, T]) -> T:
    """Let each lesson be learned by itself; what all of them come to."""
    while True:
        try:
            lesson = next(lessons)
        except StopIteration as ended:
            found: T = ended.value
            return found
        lesson.learn()
