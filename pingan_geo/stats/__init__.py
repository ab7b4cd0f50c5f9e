"""Counting and judging: pure functions on tables."""
