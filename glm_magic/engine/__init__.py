"""One prompt: prepare its request, stream the reply, build the turn."""
