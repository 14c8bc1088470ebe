"""Steps: how what runs ask for is carried out, kind by kind, and what each came to."""
