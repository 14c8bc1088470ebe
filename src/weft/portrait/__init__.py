"""Portraits: what is in a space, as plain values that commands print as JSON and servers send."""
