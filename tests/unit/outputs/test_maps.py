from __future__ import annotations

import re

import folium
import geopandas as gpd
import numpy as np
import pytest
import shapely
from folium import plugins

from pingan_geo.errors import OutsideAddressError
from pingan_geo.outputs import maps
from pingan_geo.outputs.map_layers import CellLayer, PolygonLayer, count_classes
from pingan_geo.spatial.cells import cells_of

BOUNDS = (120.53, 30.70, 120.68, 30.88)


def say(msgid, **values):
    return msgid.format(**values)


def base(**more):
    return maps.town_map(bounds=BOUNDS, t=say, **more)


def test_plugin_from_outside_is_refused():
    group = folium.FeatureGroup()
    plugins.MarkerCluster().add_to(group)
    with pytest.raises(OutsideAddressError):
        maps.check_addresses(group)


def test_tiles_from_outside_are_refused():
    town = base()
    folium.TileLayer("https://tile.example.org/{z}/{x}/{y}.png", attr="x").add_to(town)
    with pytest.raises(OutsideAddressError, match=r"tile\.example\.org"):
        maps.check_addresses(town)


def test_picture_from_outside_is_refused():
    town = base()
    folium.raster_layers.ImageOverlay("http://example.org/a.png", [[30, 120], [31, 121]]).add_to(town)
    with pytest.raises(OutsideAddressError):
        maps.check_addresses(town)


def test_tiles_that_the_town_has_set_up_pass():
    town = base(tiles=maps.TileSource("xyz", "http://10.0.0.7:8080/{z}/{x}/{y}.png", "内网"))
    assert town.origins == {"http://10.0.0.7:8080"}
    maps.check_addresses(town, town.origins)
    with pytest.raises(OutsideAddressError):
        maps.check_addresses(town)


def test_map_with_tiles_cannot_be_one_file():
    with pytest.raises(OutsideAddressError):
        maps.standalone_html(base(tiles=maps.TileSource("pmtiles", "../../tiles/base.pmtiles")))


def test_base_map_is_the_same_text_every_time():
    """Or the browser would take every run for another map and lose zoom and place."""
    from streamlit_folium import _get_map_string, generate_js_hash

    def script():
        town = base(notice="合成数据")
        town.get_root().render()
        return generate_js_hash(_get_map_string(town), "key")

    assert script() == script()


@pytest.fixture
def exported():
    town = base(notice="合成数据")
    area = gpd.GeoDataFrame(
        {"code": ["a"], "name": ["<img src=x onerror=alert(1)>"]}, geometry=[shapely.box(*BOUNDS)], crs=4326
    )
    PolygonLayer(area, "villages", labels=True).add_to(town)
    CellLayer(cells_of([120.6], [30.8], 9), np.array([3]), count_classes((1, 5))).add_to(town)
    return maps.standalone_html(town, "审图号 <待填>", title="图", legend="<table></table>")


def test_exported_map_loads_nothing(exported):
    assert not re.search(r"<(script|link|img|iframe)[^>]+(src|href)\s*=", exported)
    assert "default-src 'none'" in exported
    assert not re.search(r"@import|url\((?!data:|#)", exported)


def test_exported_map_carries_notice_and_escaped_words(exported):
    assert "合成数据" in exported
    assert "审图号 &lt;待填&gt;" in exported
    assert "<img src=x" not in exported


def test_waters_are_filled_or_lines():
    waters = gpd.GeoDataFrame(
        {"name": ["湖", "河"]},
        geometry=[
            shapely.Point(120.6, 30.8).buffer(0.01),
            shapely.LineString([(120.5, 30.7), (120.6, 30.8)]),
        ],
        crs=4326,
    )
    assert [type(layer).__name__ for layer in maps.water_layers(waters)] == ["PolygonLayer", "LineLayer"]
    assert maps.water_layers(None) == []
    assert maps.water_layers(waters.iloc[:0]) == []
