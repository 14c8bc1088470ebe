"""What would be computed now if it were asked for: a dry run that calls nothing and writes nothing."""
