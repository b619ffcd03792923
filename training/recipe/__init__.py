"""From published base weights to a finished model bundle; see training/README.md."""
