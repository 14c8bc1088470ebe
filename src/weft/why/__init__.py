"""Why a value is what it is: one explanation, read from what was kept, and told as text, JSON or a drawing."""
