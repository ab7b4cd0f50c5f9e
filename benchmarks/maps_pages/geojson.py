"""Peer: folium.GeoJson in st_folium, as its documentation shows it; same cells, same colours."""

from __future__ import annotations

import folium
import geopandas as gpd
from common import BOUNDS, EDGES, counted
from streamlit_folium import st_folium

import pingan_geo.ui.components.town_map  # noqa: F401 - local files instead of a CDN, or the map stays blank
from pingan_geo.outputs.map_layers import count_classes
from pingan_geo.spatial.cells import outlines

table, classes = counted(), count_classes(EDGES)
table["colour"] = [classes.colours[number] for number in classes.of(table["count"])]
frame = gpd.GeoDataFrame(
    table[["count", "colour"]], geometry=list(outlines(table["cell"].to_numpy())), crs=4326
)
west, south, east, north = BOUNDS
base = folium.Map(location=[(south + north) / 2, (west + east) / 2], zoom_start=12, tiles=None)
folium.GeoJson(
    frame,
    style_function=lambda one: {
        "fillColor": one["properties"]["colour"],
        "fillOpacity": 0.7,
        "weight": 0.5,
        "color": "white",
    },
    tooltip=folium.GeoJsonTooltip(["count"]),
).add_to(base)
st_folium(base, key="map", height=600, use_container_width=True)
