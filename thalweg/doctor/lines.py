"""The lines of a trace: what was read of a training, in the order in which it was read, as values of JSON.

A number is None where it was not finite or could not be had.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Line(BaseModel):
    """One line, or a part of one; what a newer recorder adds is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Matrix(Line):
    """A parameter of two dimensions or more as it stood before the first step.

    Attributes:
        layer: the module that holds it.
        gain: its standard deviation times the root of its fan-in; layers as torch makes them have 0.58.
        looked_up: it is a table of an embedding.
    """

    name: str
    layer: str
    shape: Sequence[int]
    gain: float | None
    looked_up: bool = False


class Net(Line):
    """What was about to learn.

    Attributes:
        modes: it acts otherwise in training than in evaluation (dropout, batch normalisation).
    """

    kind: Literal["net"] = "net"
    matrices: Sequence[Matrix]
    modes: bool


class Steps(Line):
    """Steps in a row.

    Attributes:
        first: number of the first; steps count from 0.
        losses: the training loss of each, or the means of `each` steps.
        not_finite: steps whose loss was NaN or infinite.
        waits, seconds: of steps with no evaluation ahead of them, how long each waited for its batch, and took in all.
        loader: the waits were for a DataLoader.
        compared, stale: intervals between steps in which gradients were watched, and in which nothing cleared them.
        evaluating_since: the first of the last steps, without a gap, that were taken in evaluation mode.
    """

    kind: Literal["steps"] = "steps"
    first: int
    losses: Sequence[float | None]
    each: int = 1
    not_finite: Sequence[int] = ()
    waits: Sequence[float] = ()
    seconds: Sequence[float] = ()
    loader: bool = False
    compared: int = 0
    stale: int = 0
    evaluating_since: int | None = None


class Layer(Line):
    """A layer with weights in one step, in the order of calls.

    Attributes:
        type: the module's class.
        rows: dimension 0 of its input.
        norm: it normalises what comes to it.
        batch_norm: by the statistics of the batch, in this step.
        maker: the operation that its input comes from, behind views, pools and dropout; empty where it is the net's own input.
        given: no slope leads back from its input, or from a part of it that `torch.cat` joined to the rest.
        units: of its input.
        zero, dead: share of units that were zero in all examples of this step, and of the last five; over `seen` examples.
        flat: share of values at the flat ends of tanh or sigmoid.
        rms, nonzero: of the first layer that is given anything: root of the mean square of that, and of what is not zero.
        spread: the largest standard deviation of a feature over their median.
        gradient: root of the mean square of its matrices' gradient.
    """

    name: str
    type: str
    rows: int
    norm: bool = False
    batch_norm: bool = False
    maker: str = ""
    given: bool = False
    units: int = 0
    seen: int = 0
    zero: float | None = None
    dead: float | None = None
    flat: float | None = None
    rms: float | None = None
    nonzero: float | None = None
    spread: float | None = None
    gradient: float | None = None


class Answers(Line):
    """What a loss was given.

    Attributes:
        loss: its name.
        classes: columns of a cross-entropy's input; None for other losses.
        hard: each target is one class.
        maker: the operation that made the input, behind views alone.
        probabilities: rows are zero or above and sum to 1.
        rows, errors: how many answers there were, and how many of them missed their class.
        misplaced: over the errors, the mean of (rank of the true class − 1) / (classes − 2).
        surest, sure_errors: the quarter of the answers of which it is surest, and how many of those missed their class.
        sure_misplaced: as misplaced, over those errors.
        entropy: of the labels, in nats.
        deviation: standard deviation of the input.
    """

    loss: str
    classes: int | None = None
    hard: bool = False
    maker: str = ""
    probabilities: bool = False
    rows: int = 0
    errors: int = 0
    misplaced: float | None = None
    surest: int = 0
    sure_errors: int = 0
    sure_misplaced: float | None = None
    entropy: float | None = None
    deviation: float | None = None


class Labels(Line):
    """The labels seen so far: entropy in nats, and the share of the commonest."""

    entropy: float
    majority: float


class Sample(Line):
    """A step whose layers were read.

    Attributes:
        ratio: how far the step moved each matrix, as a share of its size: the median, tables of embeddings left out.
        norm: of the gradient of all matrices.
    """

    kind: Literal["sample"] = "sample"
    step: int
    ratio: float | None
    norm: float | None = None
    layers: Sequence[Layer] = ()
    answers: Answers | None = None
    labels: Labels | None = None


class Evaluation(Line):
    """A held-out evaluation that lay between two steps.

    Attributes:
        step: steps done by then.
        surest, sure_errors, sure_misplaced: as of answers.
        variance: of the targets, where the loss is the squared error.
        columns: how many numbers each of those targets is.
        in_training_mode: it was made in training mode, and not to draw several answers for the same examples.
    """

    kind: Literal["evaluation"] = "evaluation"
    step: int
    loss: float | None
    rows: int
    errors: int | None = None
    misplaced: float | None = None
    surest: int = 0
    sure_errors: int = 0
    sure_misplaced: float | None = None
    variance: float | None = None
    columns: int = 1
    in_training_mode: bool = False


class Still(Line):
    """A matrix that never changed.

    Attributes:
        reason: why no step moves it.
        random: it looks as if drawn at random; None where it is too small to tell.
        learns: it asks for a gradient.
    """

    name: str
    layer: str
    reason: str
    random: bool | None
    learns: bool


class Stills(Line):
    """The matrices of called layers that are as they were before the first step; a later line replaces an earlier one."""

    kind: Literal["stills"] = "stills"
    step: int
    matrices: Sequence[Still]


class Probe(Line):
    """The net as it began, taught one small batch for a while: its first and last loss; None where it could not be tried.

    Attributes:
        through: the fewest numbers of an example, given by one layer, from which all that the net answers comes: with them
            put to zero all examples are answered alike. None where no layer of fewer numbers than the answer is such a one.
        least: the loss that no net can go below, since some of the examples are the same and their classes differ, or since
            classes are smoothed.
    """

    kind: Literal["probe"] = "probe"
    first: float | None
    last: float | None
    rows: int = 0
    through: int | None = None
    least: float = 0.0


class Waiting(Line):
    """Which share of the steps' time was spent on getting batches, and for how long a step."""

    kind: Literal["waiting"] = "waiting"
    share: float
    seconds: float


class NotFinite(Line):
    """The first step whose loss was NaN or infinite, and what else of it was, in the order in which a step reads them.

    Attributes:
        what: weights, before the step; inputs of the net; what its answers are held against; the output of a layer; or none of
            these, and so the loss.
        places: of inputs and targets, how many numbers, and the first of them by its row and its place in it.
        layer: the parameter or the layer.
        type: the layer's class.
    """

    kind: Literal["not-finite"] = "not-finite"
    step: int
    what: Literal["weights", "input", "target", "output", "loss"]
    places: str = ""
    layer: str = ""
    type: str = ""


AnyLine = Annotated[Net | Steps | Sample | Evaluation | Stills | Probe | Waiting | NotFinite, Field(discriminator="kind")]
