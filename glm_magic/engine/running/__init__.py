"""A turn on its way, on the loop thread: send, read, accumulate, call functions, end."""
