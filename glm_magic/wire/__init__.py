"""Bytes: HTTP, server-sent events, retries, and the one private thread that does them."""
