"""What others take for the same: a change that reaches 1,000 nodes which do nothing, durably, each peer as it advises.

Every node is really called, its input is new, and its result is on the disk when the measurement ends.
"""

NODES = 1000
GROUP = "no-op derive, durably, a change that reaches 1,000 nodes"
UNIT = "node"
RUNS, STEPS = 32, 10
"""So many runs beside each other, of so many steps each."""
BESIDE = f"durable steps of {RUNS} runs beside each other, in a file"
BESIDE_P99 = f"the slowest durable steps of {RUNS} runs beside each other, in a file"
STEP = "step"
