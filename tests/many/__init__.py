"""One prompt over many rows."""
