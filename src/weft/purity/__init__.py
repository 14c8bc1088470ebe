"""Whether operations that are declared pure are: calls made a second time, and what the log says of two values."""
