"""Near: what is a copy but for rounding, a changed word, a crop or a shift; one file per kind of copy."""
