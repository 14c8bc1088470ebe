"""Accounts: who may use a server, by passwords, tokens, sessions and one-time links, kept in one file.

The file is of the server's owner alone, and in no space. Several programs may have it open: what one of them changes
counts for the others at their next question.
"""

from weft.server.accounts.accounts import Accounts
from weft.server.accounts.file import default_path

__all__ = ["Accounts", "default_path"]
