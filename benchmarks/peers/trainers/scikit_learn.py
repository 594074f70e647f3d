"""scikit-learn's MLPClassifier: the perceptron alone, begun by Glorot's scheme, which it has no setting for."""

import numpy as np

from benchmarks.peers.job import Clock, Job, Rows, Tool, Variant, Workload


class ScikitLearn(Tool):
    """`fit` for the time of a whole process; `partial_fit`, one epoch each, for the rate, as it calls nobody back."""

    title = "scikit-learn"
    needs = ("sklearn",)
    apart = True
    variants = (Variant("float32", "MLPClassifier", usual=True),)

    def refuses(self, workload: Workload) -> str:
        return "" if workload.hidden else "has perceptrons only"

    def train(self, job: Job, clock: Clock) -> float:
        import warnings

        from sklearn.exceptions import ConvergenceWarning
        from sklearn.neural_network import MLPClassifier

        warnings.simplefilter("ignore", ConvergenceWarning)
        work = job.workload
        net = MLPClassifier(
            work.hidden,
            batch_size=work.batch,
            learning_rate_init=work.rate,
            alpha=0.0,
            max_iter=job.epochs,
            tol=0.0,
            n_iter_no_change=job.epochs,
            random_state=job.seed,
        )
        x, target = _flat(job.train), job.train.target
        if job.whole:
            net.fit(x, target)
        else:
            for _ in range(job.epochs):
                net.partial_fit(x, target, classes=np.unique(target))
                clock.epoch()
        test = job.test
        return work.judge(net.predict_proba(_flat(test)), test.target)


def _flat(rows: Rows) -> np.ndarray:
    return rows.inputs[0].reshape(len(rows), -1)


TOOL = ScikitLearn()
