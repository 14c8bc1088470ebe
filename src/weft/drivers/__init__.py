"""Adapters behind the Driver port: an HTTP request, a mail, a file; each is one module and imports no other."""
