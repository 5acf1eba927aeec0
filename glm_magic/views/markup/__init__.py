"""Markdown that a model wrote -> HTML and Markdown that a page may show."""
