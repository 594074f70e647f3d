"""The report: one page per run, made of the run's own files, that needs neither network nor thalweg to be read."""
