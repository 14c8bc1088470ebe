"""What a space held before: the log read back, one entry a position, as values, histories and differences."""
