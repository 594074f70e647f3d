"""Seventeen faults, each planted in several ways; those marked `reported` were not tried while rules were corrected."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from benchmarks.doctor.data import Data
from benchmarks.doctor.subject import Case, Shape, Subject

Planted = Callable[[Case], Case]
OWN = Shape()
CLOSED = (nn.TransformerEncoderLayer, nn.MultiheadAttention)
"""Modules that read the weights of their layers themselves, so that no layer of theirs can be exchanged."""


@dataclass(frozen=True)
class Plant:
    """One way to plant a fault.

    Attributes:
        fault: the name under which the doctor has to find it.
        way: how, in words.
        needs: facts that a subject must have, one of each alternative.
        compared: the shape that the training without the fault has, where the subject's own is no fair comparison.
        reported: it is planted in what is only reported.
    """

    fault: str
    way: str
    planted: Planted
    needs: tuple[str, ...] = ()
    compared: Shape = OWN
    reported: bool = False

    def suits(self, subject: Subject) -> bool:
        """Whether the fault can be done to it."""
        return all(any(one in subject.facts for one in need.split("|")) for need in self.needs)

    def case(self, well: Case) -> Case:
        """The training with the fault."""
        return replace(self.planted(well), spoken=self.way)


def _rate(times: float) -> Planted:
    return lambda case: replace(case, rate=case.rate * times)


def _shaped(**changes: object) -> Planted:
    return lambda case: replace(case, shape=replace(case.shape, **changes))


def _habit(**changes: object) -> Planted:
    return lambda case: replace(case, habits=replace(case.habits, **changes))


def _finished(change: Callable[[nn.Module], nn.Module | None], **shape: object) -> Planted:
    """The net, built in a shape, is changed before anything else sees it."""

    def planted(case: Case) -> Case:
        def finish(net: nn.Module) -> nn.Module:
            with torch.no_grad():
                changed = change(net)
            return net if changed is None else changed

        return replace(case, finish=finish, shape=replace(case.shape, **shape))

    return planted


def _matrices(net: nn.Module) -> list[nn.Parameter]:
    return [weight for weight in net.parameters() if weight.dim() > 1]


def _dense(net: nn.Module) -> list[nn.Linear | nn.Conv2d | nn.Conv1d]:
    """Layers whose weights a user would set by hand, the head last."""
    return [layer for layer in net.modules() if isinstance(layer, nn.Linear | nn.Conv2d | nn.Conv1d)]


def _normal_weights(net: nn.Module) -> None:
    for weight in _matrices(net):
        weight.normal_()


def _weights_times_ten(net: nn.Module) -> None:
    for weight in _matrices(net):
        weight.mul_(10)


def _uniform_weights(net: nn.Module) -> None:
    for layer in _dense(net):
        nn.init.uniform_(layer.weight, -1, 1)


def _low_biases(net: nn.Module) -> None:
    for layer in _dense(net)[:-1]:
        layer.bias.fill_(-10)


def _scattered_low_biases(net: nn.Module) -> None:
    for layer in _dense(net)[:-1]:
        layer.bias.uniform_(-20, -4)


def _negative_last_hidden(net: nn.Module) -> None:
    last = _dense(net)[-2]
    last.weight.copy_(-last.weight.abs() - 0.05)
    last.bias.fill_(-0.5)


def _large_hidden(net: nn.Module) -> None:
    for layer in _dense(net)[:-1]:
        layer.weight.mul_(25)


def _normal_hidden(net: nn.Module) -> None:
    for layer in _dense(net)[:-1]:
        layer.weight.normal_(0, 3)


def _small_weights(net: nn.Module) -> None:
    for layer in _dense(net):
        layer.weight.normal_(0, 0.01)


def _bottleneck(net: nn.Module) -> None:
    """One unit ahead of the head."""
    path, head = [(name, layer) for name, layer in net.named_modules() if isinstance(layer, nn.Linear)][-1]
    above, _, last = path.rpartition(".")
    setattr(net.get_submodule(above), last, nn.Sequential(nn.Linear(head.in_features, 1), nn.Linear(1, head.out_features)))


def _with_inputs(change: Callable[[Tensor], Tensor]) -> Planted:
    def planted(case: Case) -> Case:
        given = case.data
        return replace(case, data=replace(given, inputs=change(given.inputs), held_out_inputs=change(given.held_out_inputs)))

    return planted


def _one_large_part(x: Tensor) -> Tensor:
    """The first third of the columns, or of the places, in another unit."""
    x = x.clone()
    axis = x.dim() - 1 if x.shape[-1] > 1 else 1
    x.narrow(axis, 0, max(1, x.shape[axis] // 3)).mul_(2000)
    return x


def _noisy(targets: Tensor, classes: int, share: float, seed: int) -> Tensor:
    """Some targets replaced by one of the other classes, each as likely."""
    draw = torch.Generator().manual_seed(seed)
    other = (targets + torch.randint(1, classes, targets.shape, generator=draw)) % classes
    return torch.where(torch.rand(targets.shape, generator=draw) < share, other, targets)


def _with_noise(share: float, *, held_out: bool) -> Planted:
    def planted(case: Case) -> Case:
        given, seed = case.data, case.seed + 1000
        noisy = replace(given, targets=_noisy(given.targets, given.classes, share, seed))
        if held_out:
            noisy = replace(noisy, held_out_targets=_noisy(given.held_out_targets, given.classes, share, seed + 1))
        return replace(case, data=noisy, steps=2 * case.steps)

    return planted


def _permuted(rows: Tensor, seed: int) -> Tensor:
    return rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))]


def _shuffled(case: Case) -> Case:
    given, seed = case.data, case.seed + 2000
    targets, held_out = _permuted(given.targets, seed), _permuted(given.held_out_targets, seed)
    return replace(case, data=replace(given, targets=targets, held_out_targets=held_out))


def _shuffled_training(case: Case) -> Case:
    return replace(case, data=replace(case.data, targets=_permuted(case.data.targets, case.seed + 2000)))


def _shifted(case: Case) -> Case:
    """Inputs and targets were read from two files, one of which has a heading more."""
    given = case.data
    return replace(
        case, data=replace(given, targets=given.targets.roll(1, 0), held_out_targets=given.held_out_targets.roll(1, 0))
    )


def _few_rows(case: Case) -> Case:
    data: Data = case.data.only(60)
    return replace(case, data=data, batch=20, steps=3 * case.steps, shape=replace(case.shape, dropout=0.0))


def _unasked(case: Case) -> Case:
    """`requires_grad` is off in two layers."""

    def finish(net: nn.Module) -> nn.Module:
        for name in case.subject.frozen:
            net.get_submodule(name).requires_grad_(requires_grad=False)
        return net

    return replace(case, finish=finish)


def _left_out(case: Case) -> Case:
    """The optimizer was given a list in which two layers are missing."""

    def learned(net: nn.Module) -> list[nn.Parameter]:
        missing = {id(weight) for name in case.subject.frozen for weight in net.get_submodule(name).parameters()}
        return [weight for weight in net.parameters() if id(weight) not in missing]

    return replace(case, learned=learned)


def _cut(module: nn.Module, given: object, found: Tensor | tuple[Tensor, object]) -> Tensor | tuple[Tensor, object]:
    """What a layer answers, cut from the graph."""
    return (found[0].detach(), found[1]) if isinstance(found, tuple) else found.detach()


def _detached(case: Case) -> Case:
    """`.detach()` behind one layer, so that nothing before it learns."""

    def finish(net: nn.Module) -> nn.Module:
        net.get_submodule(case.subject.frozen[0]).register_forward_hook(_cut)
        return net

    return replace(case, finish=finish)


def _softmax_last(net: nn.Module) -> nn.Module:
    return nn.Sequential(net, nn.Softmax(dim=-1))


def _softmax_in_loop(case: Case) -> Case:
    return replace(case, criterion=lambda outputs, targets: case.criterion(torch.softmax(outputs, -1), targets))


CERTAIN = Shape(dropout=0.0)


def _first_layer_large(net: nn.Module) -> None:
    _dense(net)[0].weight.mul_(300)


def _orthogonal_large(net: nn.Module) -> None:
    for layer in _dense(net):
        nn.init.orthogonal_(layer.weight, gain=8)


def _low_last_bias(net: nn.Module) -> None:
    _dense(net)[-2].bias.fill_(-30)


def _uniform_hidden(net: nn.Module) -> None:
    for layer in _dense(net)[:-1]:
        layer.weight.uniform_(-6, 6)


def _small_orthogonal(net: nn.Module) -> None:
    for layer in _dense(net):
        nn.init.orthogonal_(layer.weight, gain=0.25)


def _any_label(share: float) -> Planted:
    """Some labels in both parts drawn anew from all classes: some of them come out right."""

    def planted(case: Case) -> Case:
        given, draw = case.data, torch.Generator().manual_seed(case.seed + 3000)

        def anew(targets: Tensor) -> Tensor:
            drawn = torch.randint(0, given.classes, targets.shape, generator=draw)
            return torch.where(torch.rand(targets.shape, generator=draw) < share, drawn, targets)

        noisy = replace(given, targets=anew(given.targets), held_out_targets=anew(given.held_out_targets))
        return replace(case, data=noisy, steps=2 * case.steps)

    return planted


def _shuffled_inputs(case: Case) -> Case:
    given, seed = case.data, case.seed + 4000
    inputs, held_out = _permuted(given.inputs, seed), _permuted(given.held_out_inputs, seed)
    return replace(case, data=replace(given, inputs=inputs, held_out_inputs=held_out))


def _fewer_rows(case: Case) -> Case:
    return replace(_few_rows(case), data=case.data.only(40), steps=4 * case.steps)


def _early_bottleneck(net: nn.Module) -> None:
    """One unit ahead of the last hidden layer, or of the head where there is none."""
    closed = [name for name, layer in net.named_modules() if isinstance(layer, CLOSED)]
    linear = [name for name, layer in net.named_modules() if isinstance(layer, nn.Linear)]
    path = [name for name in linear if not any(name.startswith(f"{one}.") for one in closed)][-2:][0]
    above, _, last = path.rpartition(".")
    layer = net.get_submodule(path)
    narrow = nn.Sequential(nn.Linear(layer.in_features, 1), nn.Linear(1, layer.out_features))
    setattr(net.get_submodule(above), last, narrow)


def _without_rate(case: Case) -> Case:
    """Two layers are in a group whose rate is 0."""

    def learned(net: nn.Module) -> list[dict[str, object]]:
        still = [weight for name in case.subject.frozen for weight in net.get_submodule(name).parameters()]
        others = [weight for weight in net.parameters() if id(weight) not in {id(one) for one in still}]
        return [{"params": others}, {"params": still, "lr": 0.0}]

    return replace(case, learned=learned)


def _reversed(case: Case) -> Case:
    """Targets are in the order of another list, which runs backwards."""
    given = case.data
    return replace(case, data=replace(given, targets=given.targets.flip(0), held_out_targets=given.held_out_targets.flip(0)))


def _squashed_in_net(net: nn.Module) -> None:
    net.register_forward_hook(lambda module, given, found: torch.softmax(found, -1))


PLANTS = (
    Plant("rate-too-high", "rate times 300", _rate(300)),
    Plant("rate-too-low", "rate divided by 1,000", _rate(1e-3)),
    Plant("vanishing-gradients", "20 sigmoid layers", _shaped(activation=nn.Sigmoid, depth=18), ("deep",)),
    Plant("vanishing-gradients", "12 layers of weights of 0.01", _finished(_small_weights, depth=10), ("deep",)),
    Plant("exploding-initialisation", "weights drawn from N(0, 1)", _finished(_normal_weights), ("explodes",)),
    Plant("exploding-initialisation", "weights times 10", _finished(_weights_times_ten), ("explodes",)),
    Plant("exploding-initialisation", "weights uniform in -1 to 1", _finished(_uniform_weights, depth=2), ("explodes",),
          compared=Shape(depth=2)),
    Plant("dead-relu", "biases of -10", _finished(_low_biases), ("rectified",)),
    Plant("dead-relu", "biases from -20 to -4", _finished(_scattered_low_biases), ("rectified",)),
    Plant("dead-relu", "negative weights behind ReLU", _finished(_negative_last_hidden), ("rectified",)),
    Plant("saturated-units", "tanh, hidden weights times 25", _finished(_large_hidden, activation=nn.Tanh), ("bounded",),
          compared=Shape(activation=nn.Tanh)),
    Plant("saturated-units", "tanh, hidden weights from N(0, 3)", _finished(_normal_hidden, activation=nn.Tanh), ("bounded",),
          compared=Shape(activation=nn.Tanh)),
    Plant("unscaled-inputs", "inputs times 255", _with_inputs(lambda x: x * 255), ("bare",)),
    Plant("unscaled-inputs", "a third of the inputs times 2,000", _with_inputs(_one_large_part), ("columns",)),
    Plant("unscaled-inputs", "inputs times 40 and 300 more", _with_inputs(lambda x: x * 40 + 300), ("bare",)),
    Plant("label-noise", "40 % of training and held-out labels", _with_noise(0.4, held_out=True), ("noise",)),
    Plant("label-noise", "40 % of training labels", _with_noise(0.4, held_out=False), ("noise",)),
    Plant("shuffled-labels", "all labels permuted", _shuffled),
    Plant("shuffled-labels", "training labels permuted", _shuffled_training),
    Plant("shuffled-labels", "labels moved by one row", _shifted),
    Plant("overfitting", "60 rows, three times the steps", _few_rows, ("small",), compared=CERTAIN),
    Plant("net-too-small", "hidden layers of one unit", _shaped(width=1, dropout=0.0), ("narrows",), compared=CERTAIN),
    Plant("net-too-small", "a bottleneck of one unit", _finished(_bottleneck), ("classes",)),
    Plant("net-too-small", "two units", _shaped(width=2, dropout=0.0), ("two-are-few",), compared=CERTAIN),
    Plant("input-bound", "rows take as long as three steps", _habit(seconds_for_rows=0.012)),
    Plant("input-bound", "work in the loop", _habit(seconds_for_rows=0.012, works_in_loop=True)),
    Plant("frozen-layer", "requires_grad off", _unasked),
    Plant("frozen-layer", "not given to the optimizer", _left_out),
    Plant("frozen-layer", "detached", _detached),
    Plant("wrong-mode", "never in evaluation mode", _habit(modes="never eval"), ("dropout|batch-norm",)),
    Plant("wrong-mode", "never back in training mode", _habit(modes="never train"), ("dropout|batch-norm",)),
    Plant("wrong-mode", "eval() at the start", _habit(modes="eval from the start"), ("dropout|batch-norm",)),
    Plant("double-softmax", "nn.Softmax last", _finished(_softmax_last), ("classes",)),
    Plant("double-softmax", "torch.softmax in the loop", _softmax_in_loop, ("classes",)),
    Plant("stale-gradients", "no zero_grad", _habit(clears="never")),
    Plant("stale-gradients", "zero_grad without parentheses", _habit(clears="never called")),
    Plant("stale-gradients", "zero_grad once an epoch", _habit(clears="each epoch")),
    Plant("single-row-normalisation", "batches of one", lambda case: replace(case, batch=1, shape=Shape(normalised=True)),
          ("batch-norm|normalisable",), compared=Shape(normalised=True)),
    Plant("rate-too-high", "rate times 1,000", _rate(1000)),
    Plant("rate-too-low", "rate divided by 3,000", _rate(1 / 3000)),
    Plant("vanishing-gradients", "24 tanh layers more, gain 0.25", _finished(_small_orthogonal, activation=nn.Tanh, depth=24),
          ("deep",)),
    Plant("exploding-initialisation", "orthogonal weights, gain 8", _finished(_orthogonal_large), ("explodes",)),
    Plant("exploding-initialisation", "first layer times 300", _finished(_first_layer_large), ("explodes",)),
    Plant("dead-relu", "biases of -30 in the last hidden layer", _finished(_low_last_bias), ("rectified",)),
    Plant("saturated-units", "tanh, hidden weights within 6", _finished(_uniform_hidden, activation=nn.Tanh), ("bounded",),
          compared=Shape(activation=nn.Tanh)),
    Plant("unscaled-inputs", "inputs times 1,000", _with_inputs(lambda x: x * 1000), ("bare",)),
    Plant("unscaled-inputs", "inputs divided by 1,000", _with_inputs(lambda x: x / 1000), ("bare",)),
    Plant("label-noise", "45 % of all labels drawn anew", _any_label(0.45), ("noise",)),
    Plant("shuffled-labels", "inputs permuted", _shuffled_inputs),
    Plant("overfitting", "40 rows, four times the steps", _fewer_rows, ("small",), compared=CERTAIN),
    Plant("net-too-small", "one unit before the last hidden layer", _finished(_early_bottleneck), ("classes",)),
    Plant("frozen-layer", "a group with rate 0", _without_rate),
    Plant("double-softmax", "a hook that applies softmax", _finished(_squashed_in_net), ("classes",)),
    Plant("rate-too-high", "rate times 2,000", _rate(2000), reported=True),
    Plant("label-noise", "50 % of training labels", _with_noise(0.5, held_out=False), ("noise",), reported=True),
    Plant("shuffled-labels", "labels in reversed order", _reversed, reported=True),
)  # fmt: skip
