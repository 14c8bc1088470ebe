"""Erasure: taking an entity or a blob out of a space for good, with a record that says so in its place."""

from weft.erasure.carrying_out import Forgotten, NoEngineHere, NotItsEngine, carry_out, forget_in_file, refusal
from weft.erasure.forgetting import BlobInUse, BlobIsValue, Forgetting, look

__all__ = [
    "BlobInUse", "BlobIsValue", "Forgetting", "Forgotten", "NoEngineHere", "NotItsEngine", "carry_out", "forget_in_file",
    "look", "refusal",
]  # fmt: skip
