"""Forms: a type as data that somebody who knows no Python can fill in, and what they answer as a value of it."""

from weft.form.answer import DEPTH_MAX, JSON_BYTES_MAX, NODES_MAX
from weft.form.blank import Blank, UnfitAnswer
from weft.form.check import Misfit
from weft.form.form import Form
from weft.form.schema import NoSchema

__all__ = ["DEPTH_MAX", "JSON_BYTES_MAX", "NODES_MAX", "Blank", "Form", "Misfit", "NoSchema", "UnfitAnswer"]
