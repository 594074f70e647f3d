"""Depth degrades a plain net; does it a residual one? 110 layers against 20, by the loss on the training part.

Data: 4,900 training images of the tenth of CIFAR-10 (cifar10-subset), not augmented; nothing but the training loss is read.
Hardware: AMD EPYC, no AVX-512, no bfloat16, one thread of a shared machine.
Seeds: 0 to 2.
Figure: training loss of the fifth epoch, mean +- half the 95 % interval: plain 20 layers 1.591 +- .060, plain 110 layers
        2.300 +- .010; residual 20 layers 1.620 +- .066, residual 110 layers 1.574 +- .041.
Command: THALWEG_DATA=... python recipes/depth.py

Writes docs/depth.svg. Gradient descent with momentum as in the paper (decay .0001) at rate .02 after a warm-up over a tenth of
the steps, and batches of 32, as there are few images; at rate .1 the residual net of 110 layers learns slower than that of 20
(LOG.md). Branches of the residual nets begin at zero (Goyal et al. 2017, arXiv:1706.02677).

Reference: He et al. 2016, arXiv:1512.03385, section 4.2 and figure 6.
"""

import statistics
from pathlib import Path

import matplotlib as mpl
from _measured import Asked, asked, mean_and_half_width, trained

mpl.use("svg")
from matplotlib import pyplot as plt

PICTURE = Path(__file__).parent.parent / "docs" / "depth.svg"
EPOCHS = 5
NETS = {
    "plain20": "plain, 20 layers",
    "plain110": "plain, 110 layers",
    "resnet20": "residual, 20 layers",
    "resnet110": "residual, 110 layers",
}
BRANCHES = {"zero_last": True}
"""For the residual nets: every branch begins at zero, so that 110 layers begin as their shortcuts."""
SETTINGS = {
    "source": "cifar10-subset",
    "data": {"split": "0.98,0.009,0.01,0.001"},
    "rule": {
        "epochs": EPOCHS,
        "batch_size": 32,
        "optimizer": {"name": "momentum", "settings": {"weight_decay": 0.0001}},
        "rate": 0.02,
        "schedule": {"name": "constant", "settings": {"warmup": 0.1}},
    },
    "augment": [],
    "stopping": {"keep": "last"},
}


def losses(net: str, wanted: Asked) -> list[list[float]]:
    """The mean training loss of each epoch, a list for each seed."""
    found = []
    model = {"name": net, "settings": BRANCHES if NETS[net].startswith("residual") else {}}
    for run in trained({**SETTINGS, "model": model, "threads": wanted.threads}, wanted.seeds):
        found.append([line["loss"] for line in run.history])
        shown = " ".join(f"{loss:.3f}" for loss in found[-1])
        print(
            f"{net}, seed {run.settings.seed}: {shown}  {run.seconds:.0f} s, {1000 * run.seconds / run.steps:.0f} ms a step",
            flush=True,
        )
    return found


def draw(found: dict[str, list[list[float]]], path: Path) -> None:
    """The loss of each net over epochs, mean of the seeds and every seed thinly, one panel for each form of net."""
    mpl.rcParams.update({"svg.hashsalt": "depth", "svg.fonttype": "none"})  # the same bytes each time; text stays text
    figure, panels = plt.subplots(1, 2, figsize=(7, 2.8), sharey=True, layout="constrained")
    for panel, form in zip(panels, ("plain", "residual"), strict=True):
        for (net, runs), colour in zip(
            [(net, runs) for net, runs in found.items() if NETS[net].startswith(form)], ("tab:blue", "tab:red"), strict=True
        ):
            epochs = range(1, EPOCHS + 1)
            for run in runs:
                panel.plot(epochs, run, color=colour, linewidth=0.6, alpha=0.5)
            panel.plot(
                epochs,
                [statistics.fmean(one) for one in zip(*runs, strict=True)],
                color=colour,
                label=NETS[net].partition(", ")[2],
            )
        panel.set(title=form, xlabel="epoch", xticks=list(range(1, EPOCHS + 1)))
        panel.legend(frameon=False)
    panels[0].set_ylabel("training loss, nats")
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Train all four from all seeds, print the last epoch's loss with its interval, draw the picture."""
    wanted = asked(__doc__, seeds=3)
    found = {net: losses(net, wanted) for net in NETS}
    for net, runs in found.items():
        mean, half = mean_and_half_width([run[-1] for run in runs])
        print(f"{NETS[net]}: training loss {mean:.3f} ± {half:.3f} (95 % interval over {len(runs)} seeds)")
    draw(found, PICTURE)


if __name__ == "__main__":
    main()
