"""Foreign training loops as people write them. Nothing in them is ours but the watching around them.

Every loop takes a case, trains, evaluates now and then on the held-out rows as such loops do, and gives what it printed in the
end: the losses of its steps and of its evaluations. Faults are habits of the loop; where a habit is right the loop is as in a
tutorial.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from benchmarks.doctor.subject import Case, Habits

Watch = Callable[[nn.Module, torch.optim.Optimizer], object]


@dataclass
class Told:
    """What a loop would have printed."""

    losses: list[float] = field(default_factory=list)
    held_out_losses: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def trained(case: Case, watch: Watch) -> tuple[nn.Module, Told, object]:
    """The net after training by the subject's loop, what was told, and what the watching object is."""
    model = case.net()
    optimizer = case.subject.optimizer(case.learned(model), case.rate)
    with watch(model, optimizer) as watched:
        told = LOOPS[case.subject.loop](case, model, optimizer)
    return model, told, watched


class Rows(Dataset):
    """A dataset as people write them: rows are fetched one by one, which takes its time."""

    def __init__(self, inputs: Tensor, targets: Tensor, seconds: float = 0.0):
        self.inputs, self.targets, self.seconds = inputs, targets, seconds

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, row: int) -> tuple[Tensor, Tensor]:
        if self.seconds:
            _work(self.seconds)
        return self.inputs[row], self.targets[row]


def _work(seconds: float) -> None:
    """Uses the processor, as the decoding of a picture does."""
    end = time.perf_counter() + seconds
    numbers = list(range(200))
    while time.perf_counter() < end:
        numbers.sort(key=lambda number: -number)


def _clear(optimizer: torch.optim.Optimizer, habits: Habits, *, first: bool) -> None:
    if habits.clears == "each step" or (habits.clears == "each epoch" and first):
        optimizer.zero_grad()
    elif habits.clears == "never called":
        optimizer.zero_grad  # noqa: B018  the parentheses are what was forgotten


def _to_evaluation(model: nn.Module, habits: Habits) -> None:
    if habits.modes != "never eval":
        model.eval()


def _to_training(model: nn.Module, habits: Habits) -> None:
    if habits.modes in ("right", "never eval"):
        model.train()


def epochs(case: Case, model: nn.Module, optimizer: torch.optim.Optimizer) -> Told:
    """Two data loaders, an evaluation after each epoch."""
    told, given, habits = Told(), case.data, case.habits
    rows = Rows(given.inputs, given.targets, 0 if habits.works_in_loop else habits.seconds_for_rows / case.batch)
    train_loader = DataLoader(rows, batch_size=case.batch, shuffle=True, drop_last=True)
    test_loader = DataLoader(Rows(given.held_out_inputs, given.held_out_targets), batch_size=128)
    length = max(1, case.steps // case.evaluations)
    if habits.modes == "eval from the start":
        model.eval()
    for _ in range(case.evaluations):
        _to_training(model, habits)
        begun = time.perf_counter()
        for number, (data, target) in enumerate(_endless(train_loader, length)):
            if habits.works_in_loop:
                _work(habits.seconds_for_rows)
            _clear(optimizer, habits, first=number == 0)
            loss = case.criterion(model(data), target)
            loss.backward()
            optimizer.step()
            told.losses.append(loss.item())
        told.seconds.append((time.perf_counter() - begun) / length)
        _to_evaluation(model, habits)
        total, count = 0.0, 0
        with torch.no_grad():
            for data, target in test_loader:
                total += case.criterion(model(data), target).item() * len(data)
                count += len(data)
        told.held_out_losses.append(total / count)
    return told


def _endless(loader: DataLoader, length: int) -> Iterator[tuple[Tensor, Tensor]]:
    """So many batches, however few an epoch has."""
    given = 0
    while given < length:
        for batch in loader:
            yield batch
            given += 1
            if given == length:
                return


def steps(case: Case, model: nn.Module, optimizer: torch.optim.Optimizer) -> Told:
    """Batches by index, the loss module made beforehand, an evaluation of all held-out rows every so many steps."""
    told, given, habits = Told(), case.data, case.habits
    every = max(1, case.steps // case.evaluations)
    draw = torch.Generator().manual_seed(case.seed)
    model.eval() if habits.modes == "eval from the start" else model.train()
    begun = time.perf_counter()
    for step in range(1, case.steps + 1):
        ix = torch.randint(len(given.inputs), (case.batch,), generator=draw)
        if habits.seconds_for_rows:
            _work(habits.seconds_for_rows)
        xb, yb = given.inputs[ix], given.targets[ix]
        loss = case.criterion(model(xb), yb)
        _clear(optimizer, habits, first=step % every == 1)
        loss.backward()
        optimizer.step()
        told.losses.append(loss.item())
        if step % every == 0:
            told.seconds.append((time.perf_counter() - begun) / every)
            _to_evaluation(model, habits)
            with torch.inference_mode():
                told.held_out_losses.append(case.criterion(model(given.held_out_inputs), given.held_out_targets).item())
            _to_training(model, habits)
            begun = time.perf_counter()
    return told


def functions(case: Case, model: nn.Module, optimizer: torch.optim.Optimizer) -> Told:
    """`train_one_epoch` and `validate`, gradients cleared after the step, a rate that falls along a cosine."""
    told = Told()
    length = max(1, case.steps // case.evaluations)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, case.evaluations)
    shuffled = torch.Generator().manual_seed(case.seed)
    if case.habits.modes == "eval from the start":
        model.eval()
    for _ in range(case.evaluations):
        order = torch.cat([torch.randperm(len(case.data.inputs), generator=shuffled) for _ in range(_passes(case, length))])
        _train_one_epoch(case, model, optimizer, told, list(order.split(case.batch))[:length])
        told.held_out_losses.append(_validate(case, model))
        schedule.step()
    return told


def _passes(case: Case, length: int) -> int:
    """Passes over the rows that so many batches take."""
    return 1 + length * case.batch // len(case.data.inputs)


def _train_one_epoch(case: Case, model: nn.Module, optimizer: torch.optim.Optimizer, told: Told, rows: list[Tensor]) -> None:
    _to_training(model, case.habits)
    begun = time.perf_counter()
    for number, batch in enumerate(rows):
        if case.habits.seconds_for_rows:
            _work(case.habits.seconds_for_rows)
        images, labels = case.data.inputs[batch], case.data.targets[batch]
        output = model(images)
        loss = case.criterion(output, labels)
        loss.backward()
        optimizer.step()
        _clear(optimizer, case.habits, first=number == 0)
        told.losses.append(loss.item())
    told.seconds.append((time.perf_counter() - begun) / len(rows))


@torch.no_grad()
def _validate(case: Case, model: nn.Module) -> float:
    _to_evaluation(model, case.habits)
    total = 0.0
    for xs, ys in zip(case.data.held_out_inputs.split(100), case.data.held_out_targets.split(100), strict=True):
        total += case.criterion(model(xs), ys).item() * len(xs)
    return total / len(case.data.held_out_inputs)


class Trainer:
    """A class as people write them: it owns the loaders, evaluates before the first epoch, and warms the rate up."""

    def __init__(self, case: Case, model: nn.Module, optimizer: torch.optim.Optimizer):
        self.case, self.model, self.optimizer, self.told = case, model, optimizer, Told()
        given, habits = case.data, case.habits
        self.train_loader = DataLoader(
            TensorDataset(given.inputs, given.targets), case.batch, shuffle=True, drop_last=True, collate_fn=self._collate
        )
        self.val_loader = DataLoader(TensorDataset(given.held_out_inputs, given.held_out_targets), 200)
        self.scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 0.2, 1.0, total_iters=15)
        self.delay = 0.0 if habits.works_in_loop else habits.seconds_for_rows

    def _collate(self, rows: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        if self.delay:
            _work(self.delay)
        return torch.stack([x for x, _ in rows]), torch.stack([y for _, y in rows])

    def fit(self) -> Told:
        """All epochs."""
        if self.case.habits.modes == "eval from the start":
            self.model.eval()
        elif self.case.habits.modes == "right":
            self.evaluate()
            self.told.held_out_losses.clear()
        length = max(1, self.case.steps // self.case.evaluations)
        for _ in range(self.case.evaluations):
            _to_training(self.model, self.case.habits)
            begun = time.perf_counter()
            for step, batch in enumerate(_endless(self.train_loader, length)):
                self.training_step(batch, first=step == 0)
            self.told.seconds.append((time.perf_counter() - begun) / length)
            self.evaluate()
        return self.told

    def training_step(self, batch: tuple[Tensor, Tensor], *, first: bool) -> None:
        """One batch."""
        if self.case.habits.works_in_loop:
            _work(self.case.habits.seconds_for_rows)
        x, y = batch
        logits = self.model(x)
        loss = self.case.criterion(logits, y)
        _clear(self.optimizer, self.case.habits, first=first)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        self.optimizer.step()
        self.scheduler.step()
        self.told.losses.append(loss.detach().item())

    @torch.inference_mode()
    def evaluate(self) -> None:
        """All held-out rows."""
        _to_evaluation(self.model, self.case.habits)
        losses = [(self.case.criterion(self.model(x), y).item(), len(x)) for x, y in self.val_loader]
        self.told.held_out_losses.append(sum(loss * rows for loss, rows in losses) / sum(rows for _, rows in losses))


def trainer(case: Case, model: nn.Module, optimizer: torch.optim.Optimizer) -> Told:
    """The class."""
    return Trainer(case, model, optimizer).fit()


def cycle(case: Case, model: nn.Module, optimizer: torch.optim.Optimizer) -> Told:
    """One cycle: the rate climbs from a twenty-fifth, and falls to nothing."""
    rates = [group["lr"] for group in optimizer.param_groups]
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=rates, total_steps=case.steps + 1, cycle_momentum=False)
    return _scheduled(case, model, optimizer, schedule)


def restarts(case: Case, model: nn.Module, optimizer: torch.optim.Optimizer) -> Told:
    """The rate falls along a cosine, again and again."""
    return _scheduled(case, model, optimizer, torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 60))


def _scheduled(
    case: Case, model: nn.Module, optimizer: torch.optim.Optimizer, schedule: torch.optim.lr_scheduler.LRScheduler
) -> Told:
    """Batches by an iterator, a schedule by step, gradients clipped by value, an evaluation in batches of 150."""
    told, habits, given = Told(), case.habits, case.data
    drawn, every = _batches(case), max(1, case.steps // case.evaluations)
    model.train(habits.modes != "eval from the start")
    for _ in range(case.evaluations):
        begun = time.perf_counter()
        for step in range(every):
            inputs, wanted = next(drawn)
            _clear(optimizer, habits, first=step == 0)
            loss = case.criterion(model(inputs), wanted)
            loss.backward()
            nn.utils.clip_grad_value_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            told.losses.append(loss.item())
        told.seconds.append((time.perf_counter() - begun) / every)
        _to_evaluation(model, habits)
        with torch.no_grad():
            parts = list(zip(given.held_out_inputs.split(150), given.held_out_targets.split(150), strict=True))
            losses = [case.criterion(model(x), y) * len(x) for x, y in parts]
        told.held_out_losses.append(float(torch.stack(losses).sum()) / len(given.held_out_inputs))
        _to_training(model, habits)
    return told


def _batches(case: Case) -> Iterator[tuple[Tensor, Tensor]]:
    """Rows in a new order each time, for ever; preparing them may take its time."""
    draw = torch.Generator().manual_seed(case.seed)
    while True:
        for rows in torch.randperm(len(case.data.inputs), generator=draw).split(case.batch):
            if len(rows) == case.batch or case.batch > len(case.data.inputs):
                if case.habits.seconds_for_rows:
                    _work(case.habits.seconds_for_rows)
                yield case.data.inputs[rows], case.data.targets[rows]


LOOPS = {
    "epochs": epochs,
    "steps": steps,
    "functions": functions,
    "trainer": trainer,
    "cycle": cycle,
    "restarts": restarts,
}
