"""Views: examples shown as what they are, one file per kind of data."""
