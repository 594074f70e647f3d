"""One source of data per file: catalogued sets, files, folders, arrays, domains and environments."""
