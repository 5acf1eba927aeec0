"""What exists: models, providers, limits, abilities and prices, as data with dates and sources."""
