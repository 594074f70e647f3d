"""LeNet-5 on 10,000 training images of Fashion-MNIST, two minutes of training.

Data: the first 10,000 training images (9,600 train, 200 validate, 200 calibrate) and the official test of 10,000.
Hardware: AMD EPYC, no AVX-512, no bfloat16, one thread of a shared machine.
Seeds: 0 to 2 of 0 to 4.
Figure: accuracy .8931 +- .0029, mean and 95 % interval over three seeds (.8919, .8933, .8942);
        9,750 steps of 23 ms of one thread.
Command: THALWEG_DATA=... python recipes/fashion_lenet.py --threads 1

Settings as tried by hand (LOG.md); the length is meant for two minutes
on two threads of a quiet machine, at half the cost of a step on one; that time itself was not measured undisturbed.
"""

from _measured import report

SETTINGS = {
    "source": "fashion-mnist",
    "data": {"split": "0.96,0.02,0.019999,0.000001"},
    "task": {"loss": {"name": "cross-entropy", "label_smoothing": 0.05}},
    "model": "lenet5",
    "rule": {"epochs": 130, "batch_size": 128, "optimizer": {"name": "adamw", "weight_decay": 0.02}, "rate": 0.004},
    "stopping": {"keep": "last"},
}

if __name__ == "__main__":
    report(SETTINGS, __doc__)
