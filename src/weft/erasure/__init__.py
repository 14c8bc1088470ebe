"""Erasure: taking an entity or a blob out of a space for good, with a record that says so in its place."""

from weft.erasure.asking import NoEngineHere, NotItsEngine, forget, forget_in_file
from weft.erasure.carrying_out import Forgotten, carry_out
from weft.erasure.forgetting import BlobInUse, BlobIsValue, Forgetting, look

__all__ = [
    "BlobInUse", "BlobIsValue", "Forgetting", "Forgotten", "NoEngineHere", "NotItsEngine", "carry_out", "forget",
    "forget_in_file", "look",
]  # fmt: skip
