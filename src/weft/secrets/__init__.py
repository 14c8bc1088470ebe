"""Secrets: the values behind `weft.flow.Secret`, in a file, in the system's keyring or in memory; never in a log.

One that is put again with another value is a new generation, and the older ones stay until they are dropped, because
what was recorded names them. No generation is ever given twice, so no reference comes to mean another value.
"""

from weft.secrets.file import FileSecrets, default_path
from weft.secrets.keyring import KeyringSecrets
from weft.secrets.memory import MemorySecrets
from weft.secrets.store import SecretStore

__all__ = ["FileSecrets", "KeyringSecrets", "MemorySecrets", "SecretStore", "default_path"]
