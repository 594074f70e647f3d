"""What is to be learned: ports, preparation, objective, measures, prediction and the trivial baseline; one task per file."""
