"""One cut under pressure: which cut a slot computes at while its inputs change faster than calls come back."""
