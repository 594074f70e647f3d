"""MiniSom: maps alone, by its online training in random order from the plane of principal components.

Its `train_batch_offline` takes as long for each row, and `train` in order is no faster.
"""

from benchmarks.peers.job import Clock, Job, Tool, Variant, Workload


class MiniSomMap(Tool):
    """The rate is that of the whole of `train`: it calls nobody back."""

    title = "MiniSom"
    needs = ("minisom",)
    variants = (Variant("float32", "online, random order", precision="float64", usual=True),)

    def refuses(self, workload: Workload) -> str:
        return "" if workload.grid else "has maps only"

    def train(self, job: Job, clock: Clock) -> float:
        from minisom import MiniSom

        x, (rows, columns) = job.train.inputs[0], job.workload.grid or (0, 0)
        net = MiniSom(rows, columns, x.shape[1], sigma=1.5, learning_rate=0.5, random_seed=job.seed)
        net.pca_weights_init(x)
        clock.epoch()
        net.train(x, job.epochs * len(x), random_order=True)
        clock.epoch(job.epochs)
        return float(net.quantization_error(job.test.inputs[0]))


TOOL = MiniSomMap()
