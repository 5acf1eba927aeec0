"""Random and mutated input: no exception but ours, no hang, linear time."""
