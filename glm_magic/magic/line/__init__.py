"""The text of a magic line and its cell: options, words, names, completion."""
