"""Reply bodies of every provider, written by the project itself."""
