"""A page with every kind of layer, run by the browser tests of the map component."""

from __future__ import annotations

import os
from pathlib import Path

import folium
import geopandas as gpd
import numpy as np
import shapely
import streamlit as st
from folium import plugins

from pingan_geo.errors import OutsideAddressError
from pingan_geo.outputs.map_layers import (
    CellLayer,
    DensityOverlay,
    LineLayer,
    PointLayer,
    PolygonLayer,
    count_classes,
    report_points,
)
from pingan_geo.outputs.maps import town_map
from pingan_geo.settings import read_settings
from pingan_geo.spatial.cells import cells_of
from pingan_geo.ui.components.town_map import show_map
from pingan_geo.ui.routes import tile_source

ATTACK = "<img src=x onerror=\"document.title='attacked'\">"
BOUNDS = (120.53, 30.70, 120.68, 30.88)


def say(msgid, **values):
    return msgid.format(**values)


def frame(shapes, **columns):
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=4326)


st.set_page_config(layout="wide")
st.session_state["runs"] = st.session_state.get("runs", 0) + 1
mode = st.radio("mode", ["cells", "villages", "density", "reports", "plugin"], horizontal=True)
factor = st.radio("factor", [1, 5, 50], horizontal=True)

rng = np.random.default_rng(1)
lon, lat = rng.uniform(BOUNDS[0], BOUNDS[2], 9_000), rng.uniform(BOUNDS[1], BOUNDS[3], 9_000)
classes = count_classes((1, 2, 5, 10, 20, 50, 100))
squares = [
    shapely.box(x, y, x + 0.05, y + 0.06) for x in (120.53, 120.58, 120.63) for y in (30.70, 30.76, 30.82)
]
villages = frame(squares, code=[f"v{n}" for n in range(9)], name=[f"{ATTACK}{n}" for n in range(9)])
road = frame([shapely.LineString([(120.53, 30.72), (120.68, 30.86)])], kind=["main"])
water = frame([shapely.Point(120.65, 30.85).buffer(0.01)], name=["湖"])

layers = [LineLayer(road)]
if mode == "cells":
    cells = np.unique(cells_of(lon, lat, 9))
    layers.append(CellLayer(cells, np.arange(len(cells)) % 7 * factor + 1, classes, tip="{value} " + ATTACK))
elif mode == "villages":
    layers.append(
        PolygonLayer(villages, "villages", values=np.arange(9) * factor, classes=classes, labels=True)
    )
elif mode == "density":
    layers.append(DensityOverlay(np.arange(10_000.0).reshape(100, 100) / 100, BOUNDS, classes))
elif mode == "reports":
    layers.append(report_points(lon, lat, limit=5_000).layer)
else:
    layers.append(plugins.MarkerCluster([[30.8, 120.6]]))
layers.append(PointLayer([120.555], [30.85], "posts", codes=["post-1"], tips=[ATTACK]))

settings = read_settings(Path(os.environ["PINGAN_TOWN"]))
base = town_map(
    bounds=BOUNDS,
    t=say,
    notice=f"合成数据 {ATTACK}",
    area=frame([shapely.box(*BOUNDS)], code=["t"], name=["镇"]),
    waters=water,
    tiles=tile_source(settings),
)
try:
    clicked = show_map(base, layers, key="map", height=500)
except OutsideAddressError as error:
    st.warning(str(error))
    clicked = None
# In one line, so that nobody reads the number of this run beside the click of the one before.
st.text(f"runs {st.session_state['runs']} clicked {clicked}")
if st.checkbox("plain folium"):
    import streamlit_folium

    streamlit_folium.st_folium(folium.Map([30.8, 120.6], tiles=None), key="plain", height=200)
