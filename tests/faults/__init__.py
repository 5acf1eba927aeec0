"""Every fault of a network or a server, in every dialect, and what is left of the reply."""
