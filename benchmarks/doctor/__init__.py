"""Is the training doctor right? Faults planted in ordinary PyTorch loops, healthy runs of many kinds, and what watching costs.

`python -m benchmarks.doctor` shows the commands.

    data.py         what is learned from: scikit-learn's bundled sets, synthetic ones, and real ones where THALWEG_DATA is set
    subject.py      a net with its data, optimizer and habits; a case is one training of it, perhaps with a fault
    development.py  six nets on which the doctor's thresholds may be corrected
    further.py, held_out.py  more nets, each reported once before thresholds were corrected on them too
    drawn.py, drawn_data.py  six others on data of their own, of which the same is true
    unseen.py, unseen_data.py  seven that are only reported
    optimizers.py   what takes their steps
    loops.py        three foreign training loops, as people write them; they know the doctor by its `with` line alone
    plants.py       seventeen faults, each planted in several ways: some in development, some only in what is reported
    harm.py         whether what was planted is there and hurts, judged beside the same training without it
    healthy/        trainings that are well and look odd: LoRA, GAN, warm-up, soft-capped logits, L-BFGS, ...
    trials.py       runs them, and writes a line of JSON for each
    tables.py       the lines as tables
    cost.py         the time that watching takes
"""
