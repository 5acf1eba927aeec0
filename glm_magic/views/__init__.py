"""How a turn looks: in a page, in a terminal, and in the saved file."""
