"""The public Python API over every provider."""
