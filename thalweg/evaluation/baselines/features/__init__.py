"""Features: what classical models read of each kind of data, as plain columns of numbers; one file per kind."""
