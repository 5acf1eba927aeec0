"""What the catalogue holds, and how it is read, chosen from and laid over."""
