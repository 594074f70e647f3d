"""MR (sentence polarity) from scratch: the default net for texts.

Data: 10,662 sentences of film reviews; the test is every tenth of each class (published figures are for ten folds); of the rest
93 % train, the others validate and calibrate.
Hardware: AMD EPYC, no AVX-512, no bfloat16, one thread of a crowded machine.
Seeds: 0 to 4.
Figure: accuracy .7929 +- .0074, mean and 95 % interval over 5 seeds (.8034, .7912, .7893, .7893, .7912); 45 to 57 s of
        processor.
Command: THALWEG_DATA=... python recipes/text_mr.py --threads 1
"""

from _measured import report

SETTINGS = {"source": "mr", "data": {"split": "0.93,0.05,0.019999,0.000001"}}

if __name__ == "__main__":
    report(SETTINGS, __doc__)
