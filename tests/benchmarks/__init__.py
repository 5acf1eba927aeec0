"""What glm_magic costs on top of the model, as ratios against what was measured beside it."""
