"""The bench: the same networks trained on the same data by thalweg and by what else one would pick, in one run.

    make bench                                  # everything, an hour or more on two cores
    make bench ONLY=perceptron,lenet5 ROUNDS=1  # a part of it
    python -m benchmarks.peers --help

Each measurement is a process of its own, started in turn: all tools of a workload, then all again. `trainers/` holds one file
for each tool (a `job.Tool`), `workloads/` one for each network (a `job.Workload`).
"""
