"""Ratios of ours against peers and yardsticks, measured side by side; `make bench` runs them. They give no verdict."""
