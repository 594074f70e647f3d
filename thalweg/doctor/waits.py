"""Waits: how long each step waited for its batch.

From the end of a step to the next call of the model, unless it was evaluated; where other nets are at work meanwhile, as the
critic of a generator or a teacher is, that time is no waiting, and only what a DataLoader took is counted.
"""

import time
from typing import Any

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

ASKED, LONG = 3, 0.004
"""How often it is asked whether other nets are at work; and seconds that are worth asking."""


class Waits:
    """Measures the step under way.

    Attributes:
        loader: a DataLoader gives the batches.
    """

    def __init__(self, model: nn.Module) -> None:
        self.loader = False
        self._model = model
        self._ended, self._loaded, self._waited = time.perf_counter(), 0.0, -1.0
        self._asked, self._others = 0, False
        self._hook: RemovableHandle | None = None

    def loaded(self, seconds: float) -> None:
        """A DataLoader took so long to give a batch."""
        self.loader = True
        self._loaded += seconds

    def entered(self) -> None:
        """The model is called to learn."""
        if self._waited >= 0:
            return
        self.drop()
        passed = time.perf_counter() - self._ended
        self._waited = self._loaded if self._others else max(self._loaded, passed)

    def evaluated(self) -> None:
        """The model was evaluated since the last step: what that took is no waiting."""
        self._waited = -1.0

    def stepped(self) -> tuple[float, float]:
        """A step ended: the seconds that it waited, negative where they are not known, and those that it took in all."""
        now = time.perf_counter()
        waited, seconds, beside = self._waited, now - self._ended, self._waited - self._loaded
        self._ended, self._loaded, self._waited = now, 0.0, -1.0
        if beside >= LONG and not self._others and self._asked < ASKED:
            self._ask()
        return waited, seconds

    def drop(self) -> None:
        """Leave no hook behind."""
        if self._hook is not None:
            self._hook.remove()
            self._hook = None

    def _ask(self) -> None:
        """Listen to all modules until the model is called again."""
        self._asked += 1
        if any(one._compiled_call_impl is not None or "_orig_mod" in one._modules for one in self._model.modules()):
            return  # compiled nets would be compiled anew
        self.drop()
        self._hook = nn.modules.module.register_module_forward_pre_hook(self._called)

    def _called(self, module: nn.Module, given: Any) -> None:
        if module is not self._model and not torch.compiler.is_compiling():
            self._others |= next(module.parameters(), None) is not None
