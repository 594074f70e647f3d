"""What every room stands on: parts, settings, errors, position, processes, device, run folder, safe files."""
