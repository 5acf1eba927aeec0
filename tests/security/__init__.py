"""What hostile text, a published notebook and a curious reader must not get."""
