"""What the first version showed to the outside, and what later ones have to keep."""
