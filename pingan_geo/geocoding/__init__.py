"""Words for a place → a point with its level, radius, status and candidates; and back."""
