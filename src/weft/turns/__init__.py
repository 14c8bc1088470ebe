"""Who is next where many wait: calls, and slots that are due."""
