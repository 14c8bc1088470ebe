"""Driving runs: firings begin them, what their steps come to takes them on, and each slice is told as one event."""
