"""TREC from scratch: the default net for texts.

Data: TREC, six classes of questions; of 5,452 to train 93 % train, the rest validates and calibrates; the official test of 500.
Hardware: AMD EPYC, no AVX-512, no bfloat16, one thread of a crowded machine.
Seeds: 0 to 4.
Figure: accuracy .8944 +- .0150, mean and 95 % interval over 5 seeds (.9120, .8960, .8920, .8780, .8940); 37 to 41 s of
        processor.
Command: THALWEG_DATA=... python recipes/text_trec.py --threads 1
"""

from _measured import report

SETTINGS = {"source": "trec", "data": {"split": "0.93,0.05,0.019999,0.000001"}}

if __name__ == "__main__":
    report(SETTINGS, __doc__)
