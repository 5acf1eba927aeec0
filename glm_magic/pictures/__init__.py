"""Python values and files -> the pictures and files of a prompt."""
