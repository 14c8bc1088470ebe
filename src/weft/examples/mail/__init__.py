"""Mail for demonstrations: a Maildir that is always the same, with awkward messages and attempts at injection in it."""
