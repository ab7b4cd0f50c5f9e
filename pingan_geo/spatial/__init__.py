"""Cells, grid polygons, neighbours: where a point belongs."""
