"""Every page of the real app in Chromium: nothing asked outside, no error, links that show the same."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import h3
import numpy as np
import pytest
from playwright.sync_api import expect

from pingan_geo.model.report import ReportFilter
from pingan_geo.workflow.towns import open_town

pytestmark = pytest.mark.browser

PAGES = ("", "hotspots", "imports", "town")
TITLES = {
    "": ("地图", "Map"),
    "hotspots": ("热点", "Hotspots"),
    "imports": ("导入", "Import"),
    "town": ("城镇", "Town"),
}
#: Words that Streamlit says in English whatever the language, where a reader would see them.
STREAMLIT_WORDS = (
    "Browse files",
    "Choose an option",
    "Choose options",
    "Drag and drop",
    "Upload",
    "per file",
    "Select all",
)


class Shown:
    """One page of the app and the window inside its map."""

    def __init__(self, page, url):
        self.page = page
        page.goto(url)
        self.settle()

    def settle(self):
        """Wait until the page is drawn to its end and stands still."""
        self.page.locator(".st-key-footer").wait_for()
        expect(self.page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
        if urlsplit(self.page.url).path in {"/", "/map", "/hotspots"}:
            self.page.wait_for_function(
                "() => document.querySelector('iframe')?.contentWindow?.pingan_drawn > 0"
            )

    @property
    def window(self):
        return next(frame for frame in self.page.frames if "/component/" in frame.url)

    def ask(self, script):
        return self.window.evaluate(script)

    def address(self):
        return parse_qs(urlsplit(self.page.url).query)

    def totals(self):
        return self.page.get_by_text(re.compile("^符合条件|reports fit")).inner_text()

    def press(self, label):
        """Press a button of a row of buttons and wait for the answer."""
        button = self.page.get_by_role("button", name=label, exact=True)
        button.or_(self.page.get_by_role("radio", name=label, exact=True)).first.click()
        self.page.wait_for_timeout(150)
        self.settle()

    def choose_period(self, label):
        self.page.get_by_role("combobox", name=re.compile("时间范围|Period")).first.click()
        self.page.get_by_role("option", name=label, exact=True).click()
        self.page.wait_for_timeout(150)
        self.settle()

    def click_map(self, lon, lat):
        self.page.locator("iframe").first.scroll_into_view_if_needed()
        box = self.page.locator("iframe").first.bounding_box()
        x, y = self.ask(
            f"(() => {{ const p = map.latLngToContainerPoint([{lat}, {lon}]); return [p.x, p.y]; }})()"
        )
        self.page.mouse.click(box["x"] + x, box["y"] + y)


@pytest.fixture
def nothing_wrong(record):
    """The test must end without an error in the browser and without a request to the outside."""
    yield
    assert record.outside == []
    assert record.errors == []


@pytest.mark.usefixtures("nothing_wrong")
@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_every_page_opens_by_its_own_address(new_page, app_url, name, language, width, height):
    page = new_page(width, height)
    shown = Shown(page, f"{app_url}/{name}?lang={language}")
    title = TITLES[name][language == "en"]
    expect(page.locator(".heading h1")).to_contain_text(title)
    assert page.get_by_test_id("stException").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    words = page.get_by_test_id("stApp").inner_text()
    assert "synthetic" in words.lower()
    if language == "zh":
        assert not [word for word in STREAMLIT_WORDS if word in words]
    if page.locator("iframe").count():
        assert (
            shown.page.locator("iframe").first.bounding_box()["width"] > 0.85 * min(width - 320, width) * 0.6
        )


@pytest.mark.usefixtures("nothing_wrong")
def test_the_language_is_one_click_away_and_the_visitors_own(new_page, app_url):
    one, other = Shown(new_page(), app_url), Shown(new_page(), app_url)
    one.page.get_by_role("radio", name="English", exact=True).or_(
        one.page.get_by_role("button", name="English", exact=True)
    ).first.click()
    expect(one.page.locator(".heading h1")).to_contain_text("Map")
    one.settle()
    assert one.address()["lang"] == ["en"]
    one.page.get_by_role("link", name="Hotspots").first.click()
    expect(one.page.locator(".heading h1")).to_contain_text("Hotspots")
    other.page.reload()
    other.settle()
    expect(other.page.locator(".heading h1")).to_contain_text("地图")


@pytest.mark.usefixtures("nothing_wrong")
@pytest.mark.parametrize("name", ["imports", "town"])
def test_english_is_one_click_away_from_a_link_that_says_chinese(page, app_url, name):
    shown = Shown(page, f"{app_url}/{name}?lang=zh")
    page.get_by_role("radio", name="English", exact=True).click()
    expect(page.locator(".heading h1")).to_contain_text(TITLES[name][1])
    shown.settle()
    assert shown.address()["lang"] == ["en"]


@pytest.mark.usefixtures("nothing_wrong")
def test_zoom_and_place_survive_a_filter_change(page, app_url):
    shown = Shown(page, app_url)
    lon, lat = shown.ask("(() => { const c = map.getCenter(); return [c.lng, c.lat]; })()")
    move = f"map.setView([{lat} + 0.01, {lon} + 0.01], 14, {{animate: false}})"
    shown.ask(f"(() => {{ window.kept = true; {move}; }})()")
    before = shown.totals()
    shown.choose_period("全部")
    assert shown.totals() != before
    shown.press("网格")
    shown.press("六边形")
    shown.press("巡查")
    shown.press("道路")  # off
    assert shown.ask("window.kept") is True
    assert shown.ask("map.getZoom()") == 14
    place = shown.ask("(() => { const c = map.getCenter(); return [c.lng, c.lat]; })()")
    assert np.allclose(place, [lon + 0.01, lat + 0.01], atol=1e-3)


@pytest.mark.usefixtures("nothing_wrong")
def test_a_copied_link_shows_the_same_in_a_new_session(new_page, app_url):
    first = Shown(new_page(), f"{app_url}/?layer=villages")
    first.choose_period("近 365 天")
    first.press("平安家园")
    first.press("平安岗")
    link, said = first.page.url, first.totals()
    assert {"layer", "period", "board", "with"} <= set(first.address())
    second = Shown(new_page(), link)
    assert second.totals() == said
    assert second.page.url == link


@pytest.mark.usefixtures("nothing_wrong")
def test_the_back_button_goes_back_to_the_question_before(page, app_url):
    shown = Shown(page, app_url)
    before = shown.totals()
    shown.choose_period("全部")
    after = shown.totals()
    assert after != before
    page.go_back()
    expect(page.get_by_text(before, exact=True)).to_be_visible()
    shown.settle()
    expect(page.get_by_role("combobox", name="时间范围")).to_have_value("近 90 天")


@pytest.mark.usefixtures("nothing_wrong")
def test_quick_changes_are_all_kept(page, app_url):
    """A change made before the page has answered the last one is not undone by the address."""
    shown = Shown(page, app_url)
    for label in ("周一", "周二", "周三", "周六"):
        page.get_by_role("button", name=label, exact=True).click()
    page.wait_for_timeout(1500)
    shown.settle()
    assert shown.address()["weekdays"] == ["0-2,5"]


@pytest.mark.usefixtures("nothing_wrong")
def test_a_click_shows_a_cell_and_there_is_a_way_back(page, app_url, town_folder):
    shown = Shown(page, f"{app_url}/?period=all")
    whole = shown.totals()
    town = open_town(town_folder)
    from pingan_geo.workflow.explore import load_reports

    reports = load_reports(town)
    town.close()
    spot = reports[reports["origin"] == "reported"].iloc[0]
    shown.click_map(spot["lon"], spot["lat"])
    back = page.get_by_role("button", name="返回全镇")
    back.wait_for()
    shown.settle()
    assert re.fullmatch("cell:89[0-9a-f]{13}", shown.address()["pick"][0])
    expect(page.get_by_text("此处的上报")).to_be_visible()
    expect(page.get_by_text("相邻六边形")).to_be_visible()
    picked = shown.address()["pick"]
    back.click()
    expect(page.get_by_text("此处的上报")).to_have_count(0)
    shown.settle()
    assert "pick" not in shown.address()
    assert shown.totals() == whole
    shown.click_map(spot["lon"], spot["lat"])  # the same cell can be picked again
    page.get_by_role("button", name="返回全镇").wait_for()
    shown.settle()
    assert shown.address()["pick"] == picked


@pytest.mark.usefixtures("nothing_wrong")
def test_files_are_handed_out(page, app_url):
    Shown(page, f"{app_url}/hotspots?period=all&top=5")
    for label, start in (
        ("CSV", b"\xef\xbb\xbf"),
        ("Excel", b"PK"),
        ("GeoJSON", b"{"),
        ("GPKG", b"SQLite"),
        ("KML", b"<?xml"),
    ):
        with page.expect_download() as waiting:
            page.get_by_role("button", name=label, exact=True).click()
        assert waiting.value.path().read_bytes().startswith(start), label


@pytest.mark.usefixtures("nothing_wrong")
@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_test_of_a_hotspot_is_one_click_away(page, app_url, language):
    shown = Shown(page, f"{app_url}/hotspots?period=all&method=gi&lang={language}")
    title = page.get_by_text(re.compile("第 [0-9,]+ 名：检验结果|Cell [0-9,]+: the test"))
    expect(page.get_by_text(re.compile("偶然解释不了|than chance would bring")).first).to_be_visible()
    expect(page.locator(".legend").get_by_text(re.compile(r"\*\*\* <0.1%"))).to_be_visible()
    expect(title).to_have_count(0)
    table = page.get_by_test_id("stDataFrame").first
    table.scroll_into_view_if_needed()
    box = table.bounding_box()
    page.mouse.click(box["x"] + 120, box["y"] + 35 + 18)  # the first row under the headings
    expect(title).to_have_text(re.compile("第 1 名|Cell 1:"))
    shown.settle()
    first = shown.address()["pick"][0]
    assert re.fullmatch("cell:8[0-9a-f]{14}", first)
    page.mouse.click(box["x"] + 120, box["y"] + 35 * 3 + 18)
    expect(title).to_have_text(re.compile("第 3 名|Cell 3:"))
    shown.settle()
    lat, lon = h3.cell_to_latlng(first.partition(":")[2])
    shown.click_map(lon, lat)
    expect(title).to_have_text(re.compile("第 1 名|Cell 1:"))


@pytest.mark.usefixtures("nothing_wrong")
@pytest.mark.parametrize(
    ("layer", "legend", "tip"),
    [("seen", "有人住，没人看", "看到的为全镇平均的"), ("alerts", "后续上报", "到期\n同类上报为随机情况的")],
)
def test_where_people_look_and_alerts_are_drawn(page, app_url, town_folder, layer, legend, tip):
    kind = {"seen": "FW1", "alerts": "RD1"}[layer]
    shown = Shown(page, f"{app_url}/?period=all&layer={layer}&category={kind}")
    assert page.get_by_test_id("stException").count() == 0
    expect(page.locator(".legend").first).to_contain_text(legend)
    town = open_town(town_folder)
    from pingan_geo.workflow.alerts import alert_table, near_repeat_alerts
    from pingan_geo.workflow.explore import index_reports, load_reports
    from pingan_geo.workflow.seen import see_effort

    index = index_reports(load_reports(town), town.settings.board_of)
    ask = {"seen": see_effort, "alerts": near_repeat_alerts}[layer]
    found = ask(town, index, ReportFilter(categories=(kind,)), resolution=9)
    table = found.table if layer == "seen" else alert_table(town, found)
    town.close()
    page.locator("iframe").first.scroll_into_view_if_needed()
    box = page.locator("iframe").first.bounding_box()
    at = table.iloc[0]
    x, y = shown.ask(
        f"(() => {{ const p = map.latLngToContainerPoint([{at['lat']}, {at['lon']}]); return [p.x, p.y]; }})()"
    )
    page.mouse.move(box["x"] + x, box["y"] + y)
    shown.window.locator(".pingan-tip").wait_for()
    assert tip in shown.window.locator(".pingan-tip").inner_text()
