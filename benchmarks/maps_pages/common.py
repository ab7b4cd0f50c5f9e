"""Half a million reports over 20,000 cells, and a filter: the same for every page of the map benchmark."""

from __future__ import annotations

import numpy as np
import streamlit as st

from pingan_geo.spatial.cells import cells_of
from pingan_geo.stats.counts import count_by_cell

REPORTS, RESOLUTION = 500_000, 10
BOUNDS = (120.53, 30.70, 120.675, 30.855)
EDGES = (1, 2, 5, 10, 20, 50, 100)


@st.cache_resource
def reports():
    """Return the cell and category of every report, from one seed."""
    rng = np.random.default_rng(2)
    west, south, east, north = BOUNDS
    lon, lat = rng.uniform(west, east, REPORTS), rng.uniform(south, north, REPORTS)
    return cells_of(lon, lat, RESOLUTION), rng.integers(0, 4, REPORTS)


def counted():
    """Return counts per cell after the filter that a radio button chooses."""
    cells, category = reports()
    chosen = st.radio("category", [0, 1, 2, 3], horizontal=True)
    return count_by_cell(cells[category != chosen], RESOLUTION)
