"""SST-2 from scratch: the default net for texts.

Data: SST-2, 6,803 sentences to train, 872 to validate, the official test of 1,821; no phrases.
Hardware: AMD EPYC, no AVX-512, no bfloat16, one thread of a crowded machine.
Seeds: 0 to 4.
Figure: accuracy .8311 +- .0058, mean and 95 % interval over 5 seeds (.8281, .8243, .8336, .8347, .8347); 37 to 45 s of
        processor.
Command: THALWEG_DATA=... python recipes/text_sst2.py --threads 1
"""

from _measured import report

SETTINGS = {"source": "sst2", "data": {"split": "0.966666,0.016667,0.016666,0.000001"}}

if __name__ == "__main__":
    report(SETTINGS, __doc__)
