from __future__ import annotations

import base64
import io
import json
import math

import geopandas as gpd
import numpy as np
import pytest
import shapely
from PIL import Image

from pingan_geo.errors import BadChoiceError, UnalignedIndexError
from pingan_geo.outputs import assets
from pingan_geo.outputs import map_layers as layers
from pingan_geo.spatial import cells
from pingan_geo.stats.breaks import LADDER
from pingan_geo.stats.density import density_surface

SEVEN = layers.count_classes((1, 2, 5, 10, 20, 50, 100))
ATTACK = "</script><img src=x onerror=alert(1)>\u2028'"


def say(msgid, **values):
    return msgid.format(**values)


def read_js(text):
    return json.loads(text)


def polygons(**columns):
    shapes = [shapely.box(120.5, 30.7, 120.6, 30.8), shapely.box(120.6, 30.7, 120.7, 30.8)]
    base = {"code": ["a", "b"], "name": ["东", "西"], "parent": ["", ""]}
    return gpd.GeoDataFrame({**base, **columns}, geometry=shapes, crs=4326)


# -- refused


@pytest.mark.parametrize("edges", [(), (1, 1), (2, 1), tuple(range(1, 20))])
def test_edges_that_are_no_classes_are_refused(edges):
    with pytest.raises(BadChoiceError):
        layers.Classes(tuple(map(float, edges)))


def test_cells_of_two_resolutions_are_refused():
    two = np.array([cells.cells_of(120.6, 30.8, 9), cells.cells_of(120.6, 30.8, 10)], dtype=np.uint64)
    with pytest.raises(BadChoiceError):
        layers.CellLayer(two, [1, 1], SEVEN)


def test_rows_that_do_not_belong_together_are_refused():
    with pytest.raises(UnalignedIndexError):
        layers.CellLayer(np.array([1], dtype=np.uint64), [1, 2], SEVEN)
    with pytest.raises(UnalignedIndexError):
        layers.PolygonLayer(polygons(), "grids", values=[1], classes=SEVEN)
    with pytest.raises(UnalignedIndexError):
        layers.PointLayer([120.6], [30.8], "posts", codes=["a", "b"])


def test_unknown_kinds_are_refused():
    with pytest.raises(BadChoiceError):
        layers.PolygonLayer(polygons(), "countries")
    with pytest.raises(BadChoiceError):
        layers.PointLayer([120.6], [30.8], "shops")
    with pytest.raises(BadChoiceError):
        layers.report_points([120.6], [30.8], limit=0)


# -- classes and legend


def test_a_number_is_in_the_class_that_starts_at_it_and_zero_in_none():
    assert SEVEN.of([0, 1, 2, 4, 5, 99, 100, 5_000, math.nan]).tolist() == [255, 0, 1, 1, 2, 5, 6, 6, 255]


def test_same_number_same_colour_however_many_classes_a_map_needs():
    few, many = layers.count_classes(LADDER[:3]), layers.count_classes(LADDER)
    assert [few.colours[number] for number in few.of([1, 3])] == [
        many.colours[number] for number in many.of([1, 3])
    ]


def test_there_is_a_colour_for_each_step_of_the_ladder():
    assert len(layers.count_classes(LADDER).edges) == len(LADDER)


def test_breaks_beyond_the_colours_join_the_last_class():
    classes = layers.count_classes((1, 2, 5), colours=("#ffffff", "#000000"))
    assert classes.of([7]).tolist() == [1]


@pytest.mark.parametrize("palette", [layers.COUNT_COLOURS, layers.DENSITY_COLOURS])
def test_colours_get_darker_step_by_step_so_a_grey_print_reads_the_same(palette):
    def lightness(colour):
        share = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
        linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
        return 116 * (linear @ [0.2126, 0.7152, 0.0722]) ** (1 / 3) - 16

    steps = -np.diff([lightness(colour) for colour in palette])
    assert (steps > 2).all()
    assert lightness(palette[0]) < 95  # seen on white


def test_legend_rows_add_up_to_what_is_drawn():
    values = np.array([0, 1, 1, 3, 500])
    rows = SEVEN.rows(values)
    assert [row.count for row in rows] == [2, 1, 0, 0, 0, 0, 1]
    assert [layers.class_text(row, whole=True) for row in rows] == [
        "1",
        "2–4",
        "5–9",
        "10–19",
        "20–49",
        "50–99",
        "100+",
    ]


def test_legend_shows_colours_as_they_look_on_the_map():
    drawn = layers.FILL_OPACITY * 0xCF + (1 - layers.FILL_OPACITY) * 0xF4  # the red of #cf3a3a over #f4f4f1
    assert int(SEVEN.rows([])[6].colour[1:3], 16) == round(drawn)
    style = (assets.ASSETS / "pingan_maps.css").read_text(encoding="utf-8")
    assert f"background: {layers.GROUND};" in style


def test_class_text_of_fractions():
    (row, last) = layers.Classes((0.5, 2.5), whole=False).rows([])
    assert layers.class_text(row, whole=False) == "0.5–2.5"
    assert layers.class_text(last, whole=False) == "2.5+"


def test_legend_escapes_all_text():
    text = layers.legend_html(SEVEN, ATTACK, say, values=[1], title=ATTACK, of=ATTACK)
    assert "<img" not in text
    assert "</script" not in text


def test_every_kind_of_point_has_a_shape_of_its_own():
    shapes = [shape for shape, _ in layers.POINT_STYLES.values()]
    assert len(set(shapes)) == len(shapes)
    assert all(shape in layers.SHAPES for shape in shapes)
    assert "<svg" in layers.shape_svg("posts")


# -- cells


def unpack(packed):
    ids = np.frombuffer(base64.b64decode(packed["ids"]), dtype=np.uint8).reshape(-1, 6)
    numbers = np.zeros(len(ids), dtype=np.uint64)
    for at in range(6):
        numbers += ids[:, at].astype(np.uint64) << np.uint64(8 * at)
    shift = np.uint64(3 * (15 - packed["resolution"]))
    header = (np.uint64(1) << np.uint64(59)) | (np.uint64(packed["resolution"]) << np.uint64(52))
    return header | (numbers << shift) | ((np.uint64(1) << shift) - np.uint64(1))


@pytest.mark.parametrize("resolution", [5, 9, 11, 13])
@pytest.mark.parametrize(("value", "kind"), [(7, "u1"), (300, "u2"), (70_000, "u4"), (1.5, "f4")])
def test_packed_cells_are_the_same_cells(resolution, value, kind):
    rng = np.random.default_rng(3)
    ids = np.unique(cells.cells_of(rng.uniform(-180, 180, 200), rng.uniform(-80, 80, 200), resolution))
    values = np.full(len(ids), value)
    packed = layers.pack_cells(ids, values, np.zeros(len(ids), dtype=np.uint8))
    assert packed["kind"] == kind
    assert (unpack(packed) == ids).all()
    read = np.frombuffer(base64.b64decode(packed["values"]), dtype=f"<{kind}")
    assert (read == values).all()


def test_twenty_thousand_cells_take_about_twelve_bytes_each():
    rng = np.random.default_rng(4)
    ids = np.unique(cells.cells_of(rng.uniform(120.5, 120.7, 60_000), rng.uniform(30.7, 30.9, 60_000), 10))[
        :20_000
    ]
    layer = layers.CellLayer(ids, rng.integers(1, 200, len(ids)), SEVEN)
    assert len(ids) == 20_000
    assert len(layer.payload_text) + len(layer.options_text) < 12 * len(ids)


def test_cells_with_nothing_to_show_are_not_sent():
    ids = cells.cells_of([120.6, 120.61, 0.0], [30.8, 30.81, 0.0], 9)
    ids[2] = 0
    layer = layers.CellLayer(ids, [0, 3, 5], SEVEN)
    assert layer.drawn == 1
    assert unpack(read_js(layer.payload_text)).tolist() == [int(ids[1])]


def test_each_cell_may_have_its_own_words():
    ids = cells.cells_of([120.62, 120.63, 120.64], [30.79, 30.79, 30.79], 9)
    with pytest.raises(UnalignedIndexError):
        layers.CellLayer(ids, [1, 3, 5], SEVEN, tips=["a", "b"])
    layer = layers.CellLayer(ids, [3, 0, 5], SEVEN, tips=["甲", "left out", "乙</script>"])
    sent = read_js(layer.payload_text)
    numbers = np.frombuffer(base64.b64decode(sent["tip_of"]), dtype="<u4")
    assert [sent["tips"][number] for number in numbers] == ["甲", "乙</script>"]
    assert "left out" not in layer.payload_text
    assert "</script>" not in layer.payload_text
    assert "tips" not in read_js(layers.CellLayer(ids, [3, 0, 5], SEVEN).payload_text)


def test_no_cells_at_all_is_a_layer_too():
    assert layers.CellLayer(np.array([], dtype=np.uint64), np.array([], dtype=np.int64), SEVEN).drawn == 0


def test_text_of_people_cannot_leave_the_script():
    layer = layers.PolygonLayer(polygons(name=[ATTACK, "b"], code=[ATTACK, "b"]), "grids", labels=True)
    assert not set("<>&'\u2028") & set(layer.payload_text)
    assert read_js(layer.payload_text)["codes"][0] == ATTACK


# -- shapes


def unfold(flat):
    return np.cumsum(np.array(flat).reshape(-1, 2), axis=0) / 1e6


def test_polygon_comes_back_with_its_holes_within_a_metre():
    shape = shapely.Polygon(
        shapely.box(120.5, 30.7, 120.6, 30.8).exterior, [shapely.box(120.53, 30.73, 120.55, 30.75).exterior]
    )
    ((outer, hole),) = layers.fold_lines(np.array([shape], dtype=object))
    back = shapely.Polygon(unfold(outer), [unfold(hole)])
    assert shapely.hausdorff_distance(back, shape) < 1e-5


def test_parts_of_a_multipolygon_belong_to_one_shape():
    both = shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(2, 2, 3, 3)])
    assert [len(one) for one in layers.fold_lines(np.array([both], dtype=object))] == [2]


def test_choropleth_shows_a_polygon_with_nothing_as_empty():
    layer = layers.PolygonLayer(polygons(), "villages", values=[0, 7], classes=SEVEN)
    styles = read_js(layer.options_text)["styles"]
    numbers = read_js(layer.payload_text)["styles"]
    assert styles[numbers[0]]["fill"] == layers.EMPTY_COLOUR
    assert styles[numbers[1]]["fill"] == SEVEN.colours[2]


def test_grids_have_solid_and_beats_dashed_lines():
    def style(kind):
        return read_js(layers.PolygonLayer(polygons(), kind).options_text)["styles"][0]

    assert "dash" not in style("grids")
    assert style("beats")["dash"]


@pytest.mark.parametrize("kind", ["area", "dark"])
def test_outlines_answer_no_click(kind):
    assert "codes" not in read_js(layers.PolygonLayer(polygons(), kind).payload_text)


def test_labels_stand_inside_their_polygons():
    payload = read_js(layers.PolygonLayer(polygons(), "villages", labels=True).payload_text)
    places = dict(zip(payload["names"], shapely.points(unfold(payload["places"])), strict=True))
    assert all(
        shape.contains(places[name]) for name, shape in zip(["东", "西"], polygons().geometry, strict=True)
    )


def test_roads_keep_their_class_and_unknown_ones_are_streets():
    frame = gpd.GeoDataFrame(
        {"kind": ["motorway", "primary", "primary_link", "gravel"]},
        geometry=[shapely.LineString([(120.5, 30.7), (120.6, 30.8)])] * 4,
        crs=4326,
    )
    layer = layers.LineLayer(frame)
    names = list(layers.ROAD_STYLES)[::-1]
    assert [names[number] for number in read_js(layer.payload_text)["styles"]] == [
        "motorway",
        "main",
        "main",
        "street",
    ]


# -- points


def test_points_without_a_place_are_left_out_with_their_names():
    layer = layers.PointLayer([120.6, math.nan, 120.7], [30.8, 30.8, 30.9], "posts", codes=["a", "b", "c"])
    payload = read_js(layer.payload_text)
    places = np.frombuffer(base64.b64decode(payload["places"]), dtype="<i4").reshape(-1, 2) / 1e6
    assert places.tolist() == [[120.6, 30.8], [120.7, 30.9]]
    assert payload["codes"] == ["a", "c"]
    assert layer.drawn == 2


def test_reports_beyond_the_limit_are_cut_and_counted():
    lon = np.linspace(120.5, 120.6, 12)
    lon[3] = math.nan
    cut = layers.report_points(lon, np.full(12, 30.8), limit=5)
    assert (cut.shown, cut.total, cut.layer.drawn) == (5, 11, 5)
    places = np.frombuffer(base64.b64decode(read_js(cut.layer.payload_text)["places"]), dtype="<i4")
    assert places[-2] == round(120.6 * 1e6)  # the newest stay


# -- density


def test_density_picture_lies_where_the_reports_are():
    lon, lat, bounds = 120.62, 30.84, (120.53, 30.70, 120.68, 30.88)
    surface = density_surface([lon] * 50, [lat] * 50, bounds, bandwidth_m=300)
    edges = (1.0, float(surface.values.max()) * 0.9)
    layer = layers.DensityOverlay(surface.values, surface.bounds, layers.Classes(edges, whole=False))
    payload = read_js(layer.payload_text)
    (south, west), (north, east) = payload["bounds"]
    picture = Image.open(io.BytesIO(base64.b64decode(payload["url"].partition(",")[2]))).convert("RGBA")
    seen = np.array(picture)
    peak = (seen[..., :3] == [int(layers.COUNT_COLOURS[1][at : at + 2], 16) for at in (1, 3, 5)]).all(axis=2)
    rows, columns = np.nonzero(peak & (seen[..., 3] > 0))

    def mercator(latitude):
        return math.asinh(math.tan(math.radians(latitude)))

    # as a browser stretches it: evenly between the bounds in Web Mercator
    top, bottom = mercator(north), mercator(south)
    at = top + (rows.mean() + 0.5) / seen.shape[0] * (bottom - top)
    assert math.degrees(math.atan(math.sinh(at))) == pytest.approx(lat, abs=0.0005)
    assert west + (columns.mean() + 0.5) / seen.shape[1] * (east - west) == pytest.approx(lon, abs=0.0005)


def test_density_below_the_first_class_is_clear():
    picture = layers.density_png(np.array([[0.0, 1.0], [math.nan, 50.0]]), layers.count_classes((1, 10)))
    seen = np.array(Image.open(io.BytesIO(picture)).convert("RGBA"))
    assert seen[..., 3].tolist() == [[0, 255], [0, 255]]
    assert "#{:02x}{:02x}{:02x}".format(*seen[1, 1, :3]) == layers.COUNT_COLOURS[1]
