"""Model servers on this computer: honest ones, and one that misbehaves."""
