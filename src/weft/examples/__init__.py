"""Whole applications written with Weft, shipped so that they can be run, read and copied."""
