"""What ``%glm VERB`` does, and the tables that it shows."""
