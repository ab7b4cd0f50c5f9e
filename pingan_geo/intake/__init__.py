"""File in, clean rows and held rows out."""
