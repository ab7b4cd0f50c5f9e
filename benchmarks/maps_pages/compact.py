"""Ours: the compact cell layer."""

from __future__ import annotations

from common import BOUNDS, EDGES, counted

from pingan_geo.outputs.map_layers import CellLayer, count_classes
from pingan_geo.outputs.maps import town_map
from pingan_geo.ui.components.town_map import show_map

table = counted()
layer = CellLayer(table["cell"], table["count"], count_classes(EDGES), tip="{value} reports")
show_map(town_map(bounds=BOUNDS, t=str), [layer], key="map", height=600)
