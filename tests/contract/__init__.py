"""The vendors' own clients beside ours."""
