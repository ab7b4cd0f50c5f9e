"""The map component in Chromium: draws, answers, keeps its place, and asks nobody outside."""

from __future__ import annotations

import gzip
import json
import re
import struct
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

PAGE = Path(__file__).parent / "pages" / "map_component.py"
IN_MAP = (120.605, 30.79)


def write_town(folder, tiles=""):
    folder.mkdir(exist_ok=True)
    (folder / "town.toml").write_text(f'[town]\nname = "试"\n{tiles}', encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def component_url(start_app, tmp_path_factory, chromium_path):
    return start_app(write_town(tmp_path_factory.mktemp("map") / "town"), PAGE)


class MapPage:
    """The page with the map, and the window inside its frame."""

    def __init__(self, page, url):
        self.page = page
        page.goto(url)
        page.wait_for_function("() => document.querySelector('iframe')?.contentWindow?.pingan_drawn > 0")
        expect(page.get_by_text(re.compile(r"^runs \d"))).to_be_visible()

    @property
    def window(self):
        return next(frame for frame in self.page.frames if "/component/" in frame.url)

    def ask(self, script):
        return self.window.evaluate(script)

    def runs(self):
        return int(self.page.get_by_text(re.compile(r"^runs \d")).inner_text().split()[1])

    def wait_for_run(self, before):
        """Until the page says that it has run again since `before`."""
        self.page.wait_for_function(
            r"(n) => { const said = document.body.innerText.match(/^runs (\d+)/m); return said && +said[1] > n; }",
            arg=before,
        )

    def choose(self, label, exact=True):
        before, drawn = self.runs(), self.ask("window.pingan_drawn")
        self.page.get_by_text(label, exact=exact).first.click()
        self.wait_for_run(before)
        self.window.wait_for_function(f"window.pingan_drawn > {drawn}")

    def at(self, lon, lat):
        """Where a place is on the screen."""
        box = self.page.locator("iframe").first.bounding_box()
        spot = self.ask(
            f"(() => {{ const p = map.latLngToContainerPoint([{lat}, {lon}]); return [p.x, p.y]; }})()"
        )
        return box["x"] + spot[0], box["y"] + spot[1]

    def click(self, lon, lat):
        before = self.runs()
        self.page.mouse.click(*self.at(lon, lat))
        self.wait_for_run(before)
        said = self.page.get_by_text(re.compile(r"^runs \d")).inner_text().split(" clicked ")[1]
        return json.loads(said.replace("'", '"'))

    def colours(self, lon, lat):
        """All canvas colours at a place, topmost pane last."""
        return self.window.evaluate(
            """([lon, lat]) => [...document.querySelectorAll('canvas.pingan-canvas')].map((canvas) => {
              const box = canvas.getBoundingClientRect(), home = map.getContainer().getBoundingClientRect();
              const spot = map.latLngToContainerPoint([lat, lon]), sharp = canvas.width / box.width;
              const x = (spot.x + home.x - box.x) * sharp, y = (spot.y + home.y - box.y) * sharp;
              return [...canvas.getContext('2d').getImageData(x, y, 1, 1).data];
            })""",
            [lon, lat],
        )


@pytest.fixture
def shown(page, component_url):
    return MapPage(page, component_url)


def test_every_layer_is_drawn_and_nothing_is_asked_of_the_outside(shown, record):
    for mode in ("villages", "density", "reports", "cells"):
        if mode == "density":
            shown.page.get_by_text("density", exact=True).first.click()
            shown.window.locator("img.leaflet-image-layer").wait_for()
            assert shown.ask("document.querySelector('img.leaflet-image-layer').naturalWidth") == 100
        else:
            shown.choose(mode)
            assert any(pixel[3] for pixel in shown.colours(*IN_MAP)) or mode == "reports"
    assert record.outside == []
    assert record.errors == []


def test_a_value_has_the_colour_of_its_class(shown):
    shown.choose("villages")
    shown.choose("50")
    seen = shown.colours(120.645, 30.835)  # in v8, which counts 8 × 50: the last class, #cf3a3a
    assert any(np.allclose(pixel[:3], (0xCF, 0x3A, 0x3A), atol=3) and pixel[3] > 150 for pixel in seen)


def test_zoom_and_place_survive_a_filter_change(shown):
    shown.ask("(() => { window.kept = true; map.setView([30.81, 120.62], 14, {animate: false}); })()")
    for label in ("50", "villages", "reports"):
        shown.choose(label)
    assert shown.ask("window.kept") is True  # the same window: never mounted anew
    assert shown.ask("map.getZoom()") == 14
    place = shown.ask("(() => { const c = map.getCenter(); return [c.lng, c.lat]; })()")
    assert np.allclose(place, [120.62, 30.81], atol=1e-3)


def test_layers_are_exchanged_and_not_piled_up(shown):
    def canvases():
        return shown.ask("document.querySelectorAll('canvas.pingan-canvas').length")

    before = canvases()
    shown.choose("50")
    shown.choose("5")
    assert canvases() == before


def test_panning_does_not_run_the_page_again(shown):
    before = shown.runs()
    x, y = shown.at(*IN_MAP)
    shown.page.mouse.move(x, y)
    shown.page.mouse.down()
    shown.page.mouse.move(x + 90, y + 40, steps=5)
    shown.page.mouse.up()
    shown.page.mouse.wheel(0, -300)
    shown.page.wait_for_timeout(1_500)
    assert shown.runs() == before


def test_click_gives_cell_polygon_point_or_the_bare_place(shown):
    from pingan_geo.spatial.cells import cells_of, to_text

    lon, lat = IN_MAP
    cell = shown.click(lon, lat)
    assert cell["cell"] == to_text(cells_of([cell["lon"]], [cell["lat"]], 9))[0]
    assert np.allclose([cell["lon"], cell["lat"]], IN_MAP, atol=1e-3)
    again = shown.click(lon, lat)
    assert again["click"] > cell["click"]
    post = shown.click(120.555, 30.85)
    assert (post["point"], post["layer"]) == ("post-1", "posts")
    shown.choose("villages")
    village = shown.click(lon, lat)
    assert (village["polygon"], village["layer"]) == ("v4", "villages")
    empty = shown.click(120.53 - 0.02, 30.79)
    assert not {"cell", "polygon", "point"} & set(empty)


def test_words_of_people_stay_words(shown, record):
    shown.page.mouse.move(*shown.at(*IN_MAP))
    tip = shown.window.locator(".pingan-tip")
    expect(tip).to_contain_text("<img src=x")
    shown.page.mouse.move(*shown.at(120.555, 30.85))
    expect(tip).to_contain_text("<img src=x")
    shown.choose("villages")
    shown.page.mouse.move(*shown.at(*IN_MAP))
    expect(tip).to_contain_text("<img src=x")
    expect(shown.window.locator(".pingan-notice")).to_contain_text("合成数据 <img src=x")
    assert shown.window.locator("img[src=x]").count() == 0
    assert shown.ask("document.title") != "attacked"
    assert record.errors == []


def test_a_plugin_from_outside_is_refused_before_anything_is_asked(shown, record):
    shown.page.get_by_text("plugin", exact=True).first.click()
    expect(shown.page.get_by_text("which is outside this machine")).to_be_visible()
    assert record.outside == []


def test_a_plain_folium_map_loads_local_files_too(shown, record):
    shown.page.get_by_text("plain folium").click()
    shown.page.wait_for_function(
        "() => document.querySelectorAll('iframe').length === 2 && window.frames[1].map"
    )
    assert record.outside == []


def test_notice_lower_left_and_no_advertisement(shown):
    corner = shown.window.locator(".leaflet-bottom.leaflet-left")
    expect(corner).to_contain_text("合成数据")
    assert "Leaflet" not in shown.window.locator(".leaflet-control-container").inner_text()


def test_phone_width(new_page, component_url, record):
    shown = MapPage(new_page(390, 844, device_scale_factor=2, has_touch=True, is_mobile=True), component_url)
    box = shown.page.locator("iframe").first.bounding_box()
    assert box["width"] <= 390
    assert shown.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert shown.ask("map.getSize().x") == pytest.approx(box["width"], abs=2)
    assert (
        shown.ask("(c => c.width / parseFloat(c.style.width))(document.querySelector('canvas'))") == 2
    )  # sharp
    assert record.outside == []
    assert record.errors == []


# -- base tiles of the town


def test_pictures_of_the_town_are_base_tiles(start_app, new_page, record, tmp_path):
    town = write_town(
        tmp_path / "town",
        '[tiles]\nkind = "xyz"\nurl = "tiles/{z}/{x}/{y}.png"\nattribution = "内网 <b>图</b>"\n',
    )
    from pingan_geo.outputs.map_layers import count_classes, density_png

    picture = density_png(np.full((256, 256), 3.0), count_classes((1,)))
    for z, x, y in [(12, x, y) for x in range(3415, 3425) for y in range(1670, 1685)]:
        file = town / "tiles" / str(z) / str(x) / f"{y}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(picture)
    shown = MapPage(new_page(), start_app(town, PAGE))
    shown.ask("map.setView([30.79, 120.605], 12, {animate: false})")
    shown.window.wait_for_function("document.querySelectorAll('img.leaflet-tile-loaded').length > 2")
    assert shown.window.locator(".leaflet-control-attribution b").count() == 0
    assert record.outside == []
    # the map also asks for tiles of other zooms that the folder does not hold: those are 404 and only that
    assert all("404" in error for error in record.errors)


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def field(number, body):
    return varint(number << 3 | 2) + varint(len(body)) + body


def write_pmtiles(file):
    """Zooms 0 and 1 of the world, all five tiles the same and all water, in the PMTiles 3 format."""

    def zigzag(number):
        return varint(number << 1 ^ number >> 31)

    ring = b"\x09" + zigzag(0) + zigzag(0) + varint(3 << 3 | 2)
    ring += b"".join(zigzag(step) for step in (4096, 0, 0, 4096, -4096, 0)) + b"\x0f"
    feature = field(2, varint(0) + varint(0)) + b"\x18\x03" + field(4, ring)
    layer = field(1, b"water") + field(2, feature) + field(3, b"kind") + field(4, field(1, b"ocean"))
    layer += b"\x28" + varint(4096) + b"\x78\x02"
    tile = gzip.compress(field(3, layer), mtime=0)
    directory = gzip.compress(varint(1) + varint(0) + varint(5) + varint(len(tile)) + varint(1), mtime=0)
    about = gzip.compress(b"{}", mtime=0)
    places = []
    at = 127
    for part in (directory, about, b"", tile):
        places += [at, len(part)]
        at += len(part)
    header = b"PMTiles\x03" + struct.pack("<8Q", *places) + struct.pack("<3Q", 5, 1, 1)
    header += bytes([1, 2, 2, 1, 0, 1]) + struct.pack(
        "<4i", -1_800_000_000, -850_000_000, 1_800_000_000, 850_000_000
    )
    header += bytes([0]) + struct.pack("<2i", 0, 0)
    assert len(header) == 127
    file.write_bytes(header + directory + about + tile)


def test_pmtiles_of_the_town_are_a_base_map(start_app, new_page, record, tmp_path):
    town = write_town(tmp_path / "town", '[tiles]\nkind = "pmtiles"\nurl = "base.pmtiles"\n')
    write_pmtiles(town / "base.pmtiles")
    page = new_page()
    statuses = []
    page.on("response", lambda answer: statuses.append(answer.status) if ".pmtiles" in answer.url else None)
    shown = MapPage(page, start_app(town, PAGE))
    shown.window.wait_for_function(
        """[...document.querySelectorAll('.leaflet-tile-pane canvas')].some((canvas) => {
          const [red, green, blue] = canvas.getContext('2d').getImageData(60, 60, 1, 1).data;
          return red === 0xdc && green === 0xdc && blue === 0xdc; })"""  # water on a white ground
    )
    assert set(statuses) == {206}
    assert record.outside == []
    assert record.errors == []


# -- one file


def test_exported_map_opens_from_a_disk_and_asks_nobody(new_page, record, tmp_path):
    import geopandas as gpd
    import shapely

    from pingan_geo.outputs.map_layers import CellLayer, PointLayer, PolygonLayer, count_classes, legend_html
    from pingan_geo.outputs.maps import standalone_html, town_map
    from pingan_geo.spatial.cells import cells_of

    def say(msgid, **values):
        return msgid.format(**values)

    bounds = (120.53, 30.70, 120.68, 30.88)
    classes = count_classes((1, 2, 5))
    town = town_map(bounds=bounds, t=say, notice="合成数据")
    frame = gpd.GeoDataFrame({"code": ["a"], "name": ["新塍"]}, geometry=[shapely.box(*bounds)], crs=4326)
    PolygonLayer(frame, "villages", labels=True).add_to(town)
    CellLayer(cells_of([IN_MAP[0]], [IN_MAP[1]], 8), np.array([7]), classes, tip="{value} 件").add_to(town)
    PointLayer([120.6], [30.85], "stations").add_to(town)
    file = tmp_path / "map.html"
    legend = legend_html(classes, "件", say, values=[7], of="格")
    file.write_text(standalone_html(town, "审图号 待填", title="图", legend=legend), encoding="utf-8")

    page = new_page(1000, 700)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    page.wait_for_function("window.pingan_drawn > 2")
    assert [url for url in asked if not url.startswith("data:")] == [file.as_uri()]
    assert record.errors == []
    expect(page.get_by_text("审图号 待填")).to_be_visible()
    expect(page.locator(".leaflet-bottom.leaflet-left")).to_contain_text("合成数据")
    expect(page.locator(".pingan-legend")).to_contain_text("5+")
    page.mouse.move(500, 350)
    page.mouse.move(502, 352)
    expect(page.locator(".pingan-tip")).to_contain_text("7 件")
