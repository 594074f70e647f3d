"""Optimizers and schedules: how a gradient becomes a step, and how long the step is at which point of the training.

An optimizer is `build(parameters, settings) -> torch.optim.Optimizer`; whoever uses it sets `group["lr"]` of every group
before each step, to the base rate (`settings.rate`) times the schedule. A schedule is `multiplier(settings, step, total)`, a
pure function, so that nothing of it needs to be saved.
"""
