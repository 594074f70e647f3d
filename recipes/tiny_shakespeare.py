"""Tiny Shakespeare, character by character: the default decoder against n-grams.

Data: 1,115,394 characters, cut by place: 84 % train, 5 % validate, the last tenth tests; windows of 64.
Hardware: AMD EPYC, no AVX-512, no bfloat16, one thread of a crowded machine.
Seeds: 0.
Figure: log loss 1.680 nats on the test part (95 % interval over windows 1.665 to 1.695), n-grams 1.730 in the same run; on
        validation 1.438 and 1.531. One seed, 2,200 steps.
Command: THALWEG_DATA=... python recipes/tiny_shakespeare.py --seeds 1
"""

from _measured import report

SETTINGS = {"source": "tiny-shakespeare", "rule": {"steps": 2200}}

if __name__ == "__main__":
    report(SETTINGS, __doc__)
