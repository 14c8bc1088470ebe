"""Adapters behind the Store port: memory for tests and sketches, one SQLite file for everything that must last."""
