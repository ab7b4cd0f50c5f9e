"""The files of a pack say the plan, whole, in the datum that they name; what people wrote is text in all of them."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import unicodedata
from dataclasses import replace
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree as ET

import gpxpy
import numpy as np
import openpyxl
import pypdf
import pytest
import zxingcpp

from pingan_geo.coords import from_wgs84, local_metres
from pingan_geo.errors import BadChoiceError, FolderMissingError
from pingan_geo.i18n import translator
from pingan_geo.outputs import patrol_pack, patrol_page
from pingan_geo.outputs.assets import asset_text
from pingan_geo.outputs.patrol_pack import phone_page, sheet_xlsx, team_pack, write_pack
from pingan_geo.outputs.patrol_print import print_text, sheet_pdf
from pingan_geo.outputs.patrol_sheet import FILLED_IN, LIST_COLUMNS, Sheet, safe_name, team_folder
from pingan_geo.outputs.patrol_tracks import sheet_gpx, sheet_kml

ADDRESS = "http://192.168.1.5:8501/patrol-phone/{patrol}/{team}"


@pytest.fixture
def patrol(made_pack):
    return made_pack.made_patrol()


@pytest.fixture
def sheet(made_pack, patrol):
    return _sheet(made_pack, patrol)


def _sheet(made_pack, patrol, *, language="zh", **options):
    return Sheet(
        patrol,
        patrol.routes[0],
        made_pack.made_ground(),
        translator(language),
        **{
            "categories": made_pack.CATEGORIES,
            "offices": made_pack.OFFICES,
            "past": made_pack.made_past(patrol),
            **options,
        },
    )


def _words(made_pack, patrol):
    return {
        "ground": made_pack.made_ground(),
        "categories": made_pack.CATEGORIES,
        "offices": made_pack.OFFICES,
        "past": made_pack.made_past(patrol),
    }


def bare(text: str) -> str:
    """A text as it is found in a PDF: without blanks and break marks; letters in their one form."""
    return re.sub(r"[\s\u200b]+", "", unicodedata.normalize("NFKC", text))


def pdf_text(content: bytes) -> str:
    return bare("\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages))


def codes_of(content: bytes, folder, *, dpi=200, grey=False) -> list[str]:
    """What a decoder reads on the printed pages."""
    from PIL import Image

    (folder / "sheet.pdf").write_bytes(content)
    command = ["pdftoppm", "-r", str(dpi), "-png", *(["-gray"] if grey else []), "sheet.pdf", "page"]
    subprocess.run(command, cwd=folder, check=True)
    found = []
    for file in sorted(folder.glob("page*.png")):
        with Image.open(file) as page:
            found += [code.text for code in zxingcpp.read_barcodes(page.convert("L"))]
    return found


# -- refused -----------------------------------------------------------------------------------------


def test_a_folder_that_is_not_there_is_refused(made_pack, patrol, tmp_path):
    with pytest.raises(FolderMissingError):
        write_pack(patrol, tmp_path / "none", t=translator("zh"), **_words(made_pack, patrol))


def test_a_track_in_another_datum_is_refused(sheet):
    with pytest.raises(BadChoiceError):
        sheet_gpx(sheet, "bd09")


# -- the files ---------------------------------------------------------------------------------------


def test_each_team_has_its_files_under_plain_names(made_pack, patrol, tmp_path):
    t = translator("zh")
    files = write_pack(patrol, tmp_path, t=t, phone_address=ADDRESS, **_words(made_pack, patrol))
    names = [file.relative_to(tmp_path).as_posix() for file in files]
    start = "XC-XL-20250801-003-team-"
    endings = (".pdf", ".xlsx", "-wgs84.gpx", "-gcj02.gpx", ".kml", "-phone.html")
    assert names == sorted(f"{start}{team}/{start}{team}{end}" for team in "12" for end in endings)
    assert sorted(tmp_path.rglob("*.*")) == files  # nothing half-written beside them
    again = tmp_path / "again"
    again.mkdir()
    for one, other in zip(
        files,
        write_pack(patrol, again, t=t, phone_address=ADDRESS, **_words(made_pack, patrol)),
        strict=True,
    ):
        assert one.read_bytes() == other.read_bytes(), one.name


def test_names_of_files_are_ascii_and_stay_in_the_folder(made_pack, patrol):
    texts = ["甲队", "乙队", "../../x", "a/b", "a b", "a-b", "", ".", "x" * 300, "con:"]
    names = [safe_name(text) for text in texts]
    assert all(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", name) and len(name) < 60 for name in names)
    assert len(set(names)) == len(texts)
    assert team_folder(patrol, patrol.routes[0].team) == "XC-XL-20250801-003-team-1"


def test_a_pack_without_any_layer_and_without_a_line_is_whole(made_pack, patrol):
    route = replace(patrol.routes[0], line=())
    files = team_pack(
        patrol,
        route,
        ground=made_pack.empty_ground(),
        categories={},
        offices={},
        t=translator("en"),
    )
    assert len(files) == 6
    text = pdf_text(next(content for name, content in files.items() if name.endswith(".pdf")))
    assert all(bare(stop.name) in text for stop in route.stops)


# -- the list ----------------------------------------------------------------------------------------


def _cells(content: bytes) -> list[list]:
    book = openpyxl.load_workbook(io.BytesIO(content))
    return [list(row) for row in book.worksheets[0].iter_rows(values_only=True)]


def test_the_list_has_the_ledgers_columns_in_its_order(sheet, shared_dir):
    with (shared_dir / "domain" / "patrol_list_columns.csv").open(encoding="utf-8") as file:
        wanted = [row["column"] for row in csv.DictReader(file)]
    # which resolution is the town's own choice
    assert _cells(sheet_xlsx(sheet))[0] == [re.sub(r"\(res\d+\)", "", column) for column in wanted]


def test_the_list_says_the_plan_in_gcj02(sheet):
    _, *rows = _cells(sheet_xlsx(sheet))
    stops = [stop for stop in sheet.route.stops if stop.kind != "break"]
    assert len(rows) == len(stops) == 11
    columns = list(LIST_COLUMNS)
    for row, stop in zip(rows, stops, strict=True):
        said = dict(zip(columns, row, strict=True))
        lon, lat = from_wgs84(stop.lon, stop.lat, "gcj02")
        assert said["lon"] == pytest.approx(float(lon), abs=1e-6)
        assert said["lat"] == pytest.approx(float(lat), abs=1e-6)
        assert (said["number"], said["place"], said["datum"]) == (stop.number, stop.name, "GCJ-02")
        assert said["count_30d"] == str(stop.count_30d)
        assert said["shift"] == "2025-08-01 19:00-22:00"
        assert all(said[column] is None for column in FILLED_IN)
    assert dict(zip(columns, rows[0], strict=True))["level"] == "红"
    assert dict(zip(columns, rows[0], strict=True))["office"] == "应急消防站"


def test_a_list_that_leaves_the_house_hides_small_counts_everywhere(made_pack, patrol):
    sheet = _sheet(made_pack, patrol, outside=True)
    column = list(LIST_COLUMNS).index("count_30d")
    counts = [row[column] for row in _cells(sheet_xlsx(sheet))[1:]]
    real = [stop.count_30d for stop in patrol.routes[0].stops if stop.kind != "break"]
    assert counts == ["<3" if 0 < count < 3 else str(count) for count in real]
    assert "近30天<3条" in pdf_text(sheet_pdf(sheet))
    plan = _plan_of(patrol_page.sheet_page(sheet))
    assert "近30天2件" not in pdf_text(sheet_pdf(sheet))
    assert "近30天2件" in pdf_text(sheet_pdf(replace(sheet, outside=False)))
    assert {stop["reason"] for stop in plan["stops"]} == {""}  # a reason may say the count
    assert {stop["count"] for stop in plan["stops"]} == {"", "<3 条", "3 条", "4 条", "5 条", "6 条", "9 条"}


# -- tracks ------------------------------------------------------------------------------------------


def test_the_two_tracks_name_their_datum_and_lie_apart_by_the_shift(sheet):
    tracks = {datum: gpxpy.parse(sheet_gpx(sheet, datum)) for datum in ("wgs84", "gcj02")}
    for datum, word in (("wgs84", "WGS-84"), ("gcj02", "GCJ-02")):
        track = tracks[datum]
        assert word in track.name
        assert word in track.description
        assert word in track.keywords
        assert word in track.routes[0].name
        assert word in track.tracks[0].name
        assert track.time is None  # no clock in it
    places = {
        datum: np.array([(point.longitude, point.latitude) for point in track.waypoints])
        for datum, track in tracks.items()
    }
    wanted = [(stop.lon, stop.lat) for stop in sheet.route.stops]
    assert np.allclose(places["wgs84"][1:-1], wanted, atol=1e-7)
    plane = local_metres(*places["wgs84"][0])
    away = np.subtract(plane.forward(*places["gcj02"].T), plane.forward(*places["wgs84"].T))
    shift = np.subtract(
        plane.forward(*from_wgs84(*places["wgs84"].T, "gcj02")), plane.forward(*places["wgs84"].T)
    )
    assert np.hypot(*away).min() > 300
    assert np.abs(away - shift).max() < 0.05
    lines = [len(track.tracks[0].segments[0].points) for track in tracks.values()]
    assert lines == [len(sheet.route.line)] * 2


def test_the_kml_has_the_stops_and_the_way_in_wgs84(sheet):
    root = ET.fromstring(sheet_kml(sheet))
    space = {"k": "http://www.opengis.net/kml/2.2"}
    marks = root.findall(".//k:Placemark", space)
    assert len(marks) == len(sheet.route.stops) + 3  # the way, start and end
    stop = sheet.route.stops[0]
    assert marks[2].findtext("k:name", namespaces=space) == f"1 {stop.name}"
    lon, lat = marks[2].findtext("k:Point/k:coordinates", namespaces=space).split(",")
    assert (float(lon), float(lat)) == (stop.lon, stop.lat)


# -- paper -------------------------------------------------------------------------------------------


def test_the_printed_numbers_are_those_of_the_plan(sheet):
    text = pdf_text(sheet_pdf(sheet))
    route = sheet.route
    for stop in route.stops:
        assert bare(stop.name) in text
        assert bare(f"{stop.arrive:%H:%M}–{stop.leave:%H:%M}") in text
        if stop.kind == "break":
            continue
        lon, lat = from_wgs84(stop.lon, stop.lat, "gcj02")
        assert f"{float(lon):.6f}" in text
        assert f"{float(lat):.6f}" in text
        assert stop.grid_id in text
        assert bare(stop.checks.replace("/", " / ")) in text
        if stop.count_30d:
            assert f"近30天{stop.count_30d}条" in text
        if stop.last_visit:
            assert f"{stop.last_visit:%Y-%m-%d}" in text
    kilometres = (sum(stop.travel_m for stop in route.stops) + route.back_m) / 1000
    assert f"11处,全程{kilometres:.1f}公里" in text
    assert text.count("□") == 0  # boxes are drawn, not letters that a font may lack
    for words in (
        sheet.shift,
        sheet.team.name,
        sheet.patrol.patrol_id,
        "合成数据",
        "WGS-84",
        "GCJ-02",
        "200m",
    ):
        assert bare(words) in text
    for past in sheet.past.values():
        assert bare(past) in text
    for note in sheet.patrol.notes:
        assert bare(note) in text


def test_the_sheet_embeds_its_font_and_carries_no_clock(sheet):
    content = sheet_pdf(sheet)
    reader = pypdf.PdfReader(io.BytesIO(content))
    fonts = {
        font.get_object()["/BaseFont"]
        for page in reader.pages
        for font in page["/Resources"].get("/Font", {}).values()
    }
    assert fonts
    assert all("NotoSansCJK" in str(font) for font in fonts)
    assert content == sheet_pdf(sheet)
    assert all(page.mediabox.width > page.mediabox.height for page in reader.pages)


def test_a_long_round_goes_on_over_more_pages_and_loses_nothing(made_pack):
    patrol = made_pack.made_patrol(stops=45)
    content = sheet_pdf(_sheet(made_pack, patrol))
    pages = [bare(page.extract_text()) for page in pypdf.PdfReader(io.BytesIO(content)).pages]
    assert len(pages) > 4
    text = "".join(pages[1:])
    assert all(bare(f"{stop.arrive:%H:%M}–{stop.leave:%H:%M}") in text for stop in patrol.routes[0].stops)
    assert all(stop.grid_id in text for stop in patrol.routes[0].stops if stop.kind != "break")


def test_a_made_up_town_says_so_and_a_real_one_does_not(made_pack):
    real = made_pack.made_patrol(synthetic=False)
    assert "合成数据" not in pdf_text(sheet_pdf(_sheet(made_pack, real)))
    assert "合成数据" not in patrol_page.sheet_page(_sheet(made_pack, real))


@pytest.mark.parametrize("grey", [False, True])
def test_every_code_on_paper_leads_where_the_plan_says(made_pack, patrol, tmp_path, grey):
    sheet = _sheet(
        made_pack, patrol, phone_address="http://192.168.1.5:8501/patrol-phone/XC-XL-20250801-003/1"
    )
    found = codes_of(sheet_pdf(sheet), tmp_path, grey=grey)
    stops = [stop for stop in patrol.routes[0].stops if stop.kind != "break"]
    assert sorted(found) == sorted([sheet.phone_address, *(sheet.navigation(stop) for stop in stops)])
    for stop in stops:
        address = urlsplit(sheet.navigation(stop))
        asked = parse_qs(address.query)
        lon, lat, number = asked["to"][0].split(",")
        there = from_wgs84(stop.lon, stop.lat, "gcj02")
        assert address.netloc == "uri.amap.com"
        assert (float(lon), float(lat)) == pytest.approx(tuple(map(float, there)), abs=1e-6)
        assert (number, asked["mode"], asked["coordinate"]) == (str(stop.number), ["walk"], ["gaode"])


def test_the_phone_address_is_filled_and_encoded(made_pack, patrol):
    team = replace(patrol.routes[0].team, code="甲/1")
    filled = patrol_pack.fill_address(ADDRESS, patrol, team)
    assert filled.endswith("/XC-XL-20250801-003/%E7%94%B2%2F1")
    assert unquote(filled).endswith("甲/1")


# -- texts of people ---------------------------------------------------------------------------------


def test_hostile_texts_are_text_in_every_file(made_pack):
    patrol = made_pack.made_patrol(hostile=True)
    route = patrol.routes[0]
    files = team_pack(
        patrol,
        route,
        ground=made_pack.made_ground(),
        categories=dict.fromkeys(made_pack.CATEGORIES, made_pack.HOSTILE[1]),
        offices=dict.fromkeys(made_pack.CATEGORIES, made_pack.HOSTILE[3]),
        t=translator("en"),
        past=dict.fromkeys([stop.stop_id for stop in route.stops], made_pack.HOSTILE[2]),
    )
    named = {
        name.rpartition("-")[2] if "gpx" in name or "html" in name else name[-4:]: content
        for name, content in files.items()
    }
    text = pdf_text(named[".pdf"])
    for hostile in made_pack.HOSTILE:
        assert bare(hostile) in text, hostile
    book = openpyxl.load_workbook(io.BytesIO(named["xlsx"]))
    for page in book.worksheets:
        for row in page.iter_rows():
            assert all(cell.data_type != "f" and cell.hyperlink is None for cell in row)
    gpx = gpxpy.parse(named["wgs84.gpx"].decode())
    assert [point.name for point in gpx.waypoints[1:-1]] == [
        f"{stop.number} {stop.name}" for stop in route.stops
    ]
    space = {"k": "http://www.opengis.net/kml/2.2"}
    marks = ET.fromstring(named[".kml"]).findall(".//k:Placemark", space)
    assert [mark.findtext("k:name", namespaces=space) for mark in marks[2:-1]] == [
        f"{stop.number} {stop.name}" for stop in route.stops
    ]
    # a viewer shows a description as HTML
    assert all("<" not in (mark.findtext("k:description", "", namespaces=space)) for mark in marks)
    page = named["phone.html"].decode()
    plan = _plan_of(page)
    assert [stop["name"] for stop in plan["stops"]] == [stop.name for stop in route.stops]
    assert re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL).count("<img") == 0
    assert len(re.findall(r"</script", page)) == 3


def test_texts_that_no_format_can_carry_do_not_stop_the_pack(made_pack, patrol):
    route = patrol.routes[0]
    stops = (replace(route.stops[0], name="坏\x00\x0b\ud800字 \u202e😀"), *route.stops[1:])
    files = team_pack(patrol, replace(route, stops=stops), t=translator("zh"), **_words(made_pack, patrol))
    assert gpxpy.parse(next(text for name, text in files.items() if name.endswith("wgs84.gpx")).decode())
    ET.fromstring(next(text for name, text in files.items() if name.endswith(".kml")))


def test_a_long_run_of_letters_may_break():
    assert print_text("A" * 30) == "A" * 12 + "\u200b" + "A" * 12 + "\u200b" + "A" * 6
    assert print_text("新塍大道\n 88号") == "新塍大道 88号"


# -- the phone page ----------------------------------------------------------------------------------


def _plan_of(page: str) -> dict:
    found = re.search(r'<script type="application/json" id="plan">(.*?)</script>', page, re.DOTALL)
    return json.loads(found[1])


def test_the_page_is_small_whole_and_closed(made_pack, patrol):
    page = phone_page(
        patrol,
        patrol.routes[0],
        ground=made_pack.made_ground(),
        categories=made_pack.CATEGORIES,
        t=translator("zh"),
    )
    assert len(page.encode()) <= 300_000
    assert "default-src 'none'" in page
    assert "unsafe-inline" not in page
    # nothing is loaded: no address stands where a browser would fetch one, no script asks for one
    own, style = (asset_text(address) for address in (patrol_page.PATROL_JS, patrol_page.PATROL_CSS))
    bones = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert not re.findall(r"(?:src|href)\s*=", bones)
    assert own in page
    assert not re.findall(r"@import|url\(", style)
    assert not re.findall(r"fetch\(|XMLHttpRequest|WebSocket|sendBeacon|EventSource|innerHTML", own)


def test_the_page_carries_the_plan(made_pack, patrol, sheet):
    plan = _plan_of(patrol_page.sheet_page(sheet))
    assert (plan["patrol"], plan["team"]) == (patrol.patrol_id, "1")
    for said, stop in zip(plan["stops"], patrol.routes[0].stops, strict=True):
        assert (said["number"], said["stop_id"], said["lon"], said["lat"]) == (
            stop.number,
            stop.stop_id,
            stop.lon,
            stop.lat,
        )
        assert (said["arrive"], said["leave"]) == (f"{stop.arrive:%H:%M}", f"{stop.leave:%H:%M}")
        east, north = (np.array([stop.lon, stop.lat]) - plan["origin"]) * plan["metres"]
        true_east, true_north = local_metres(*plan["origin"]).forward(stop.lon, stop.lat)
        assert said["xy"] == pytest.approx([east, north], abs=0.06)
        assert said["xy"] == pytest.approx([float(true_east), float(true_north)], abs=0.5)
    assert {"北街", "市河", "荷花池"} <= {name for name, *_ in plan["names"]}


def test_the_edge_of_the_map_is_no_border(made_pack, patrol, sheet):
    plan = _plan_of(patrol_page.sheet_page(sheet))
    (border,) = [one for one in plan["ground"] if one["colour"] == "#8a8a84"]
    lines = [np.array(line).reshape(-1, 2).cumsum(axis=0) for line in border["lines"]]
    # all that is near is the straight line between the two villages, once for each
    assert len(lines) == 2
    assert all(np.ptp(line[:, 0]) < 5 for line in lines)


def test_a_town_with_very_many_roads_still_fits_a_phone(made_pack, patrol):
    import geopandas
    import shapely

    chance = np.random.default_rng(1)
    starts = np.column_stack((chance.uniform(120.605, 120.632, 9000), chance.uniform(30.79, 30.812, 9000)))
    steps = np.cumsum(chance.normal(0, 0.0004, (9000, 12, 2)), axis=1)
    roads = geopandas.GeoDataFrame(
        {"name": [f"路{number}" for number in range(9000)], "kind": ["residential"] * 9000},
        geometry=shapely.linestrings(starts[:, None, :] + steps),
        crs="EPSG:4326",
    )
    ground = replace(made_pack.made_ground(), roads=roads)
    page = phone_page(patrol, patrol.routes[0], ground=ground, categories={}, t=translator("zh"))
    assert len(page.encode()) <= 300_000
