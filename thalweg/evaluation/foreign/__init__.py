"""Anybody's models, judged and compared as ours are: torch modules, estimators of scikit-learn, callables, and packages."""
