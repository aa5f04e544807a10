"""How constants are found: many small fits at once (`solver`), of resampled tables (`bootstrap`), some
constants held or tied (`constraints`)."""
