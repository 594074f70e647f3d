"""The verbs, one file each; `thalweg.api` names them all."""
