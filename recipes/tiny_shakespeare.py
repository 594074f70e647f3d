"""Tiny Shakespeare, character by character: the default decoder against n-grams.

Data: 1,115,394 characters, cut by place: 84 % train, 5 % validate, the last tenth tests; windows of 64.
Hardware: AMD EPYC, no AVX-512, no bfloat16, one thread of a crowded machine.
Seeds: 0.
Figure: log loss 1.497 nats on validation after 1,828 of 2,200 steps (four epochs); n-grams of order 6 have 1.531 there.
        The test part has not been read.
Command: THALWEG_DATA=... python recipes/tiny_shakespeare.py --part validation --seeds 1
"""

from _measured import report

SETTINGS = {"source": "tiny-shakespeare", "rule": {"steps": 2200}}

if __name__ == "__main__":
    report(SETTINGS, __doc__)
