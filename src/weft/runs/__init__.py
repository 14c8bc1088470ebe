"""Runs: executions of flows. What a run has come to is told, and replayed over its flow's code."""
