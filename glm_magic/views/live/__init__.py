"""What a page shows while a reply streams."""
