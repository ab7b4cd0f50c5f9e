"""Draw and write; compute nothing."""
