"""Where calls run: in place, on an event loop, in threads, in processes of our own; each behind the Runner port."""
