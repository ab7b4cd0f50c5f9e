"""A queue of all kinds of questions cleared by keys alone, in the real app; what the keys must not do."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from pingan_geo.storage import records, review
from pingan_geo.storage.duplicates import read_duplicates
from pingan_geo.workflow.held import held_rows
from pingan_geo.workflow.review import review_queue
from pingan_geo.workflow.towns import open_town

pytestmark = pytest.mark.browser


@pytest.fixture
def nothing_wrong(record):
    """The test must end without an error in the browser and without a request to the outside."""
    yield
    assert record.outside == []
    assert record.errors == []


@pytest.fixture
def town(review_town):
    opened = open_town(review_town)
    yield opened
    opened.close()


class Desk:
    """The review page, worked by keys."""

    def __init__(self, page, url):
        self.page = page
        page.goto(url)
        page.locator(".st-key-footer").wait_for()
        self.settle()

    def settle(self):
        """Wait for the end of the run, and until the buttons that it drew listen to their keys.

        The page attaches keys after it has painted, so a key that follows the paint by a few milliseconds, which
        no person does, finds nobody: wait for two frames, for a browser that has nothing left to do, and for the
        time that a finger takes.
        """
        for _ in range(2):
            expect(self.page.get_by_test_id("stApp")).to_have_attribute(
                "data-test-script-state", "notRunning"
            )
            self.page.evaluate(
                "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame("
                "() => requestIdleCallback(done))))"
            )
            self.page.wait_for_timeout(100)

    @property
    def question(self):
        return self.page.locator(".review_question").inner_text()

    @property
    def said(self):
        return self.page.locator(".review_said").inner_text()

    def asks(self, words):
        expect(self.page.locator(".review_question")).to_contain_text(words)
        self.settle()

    def told(self, words):
        expect(self.page.locator(".review_said")).to_contain_text(words)
        self.settle()

    def keep_pairs_apart(self):
        """Answer all that is asked about pairs: rows that an answer frees are compared at once."""
        while "两条记录" in self.question:
            before = self.page.locator(".facts.pair").inner_text()
            self.press("k")
            self.page.wait_for_function(
                "before => document.querySelector('.facts.pair')?.innerText !== before", arg=before
            )
            self.told("仍算两件")

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def focus_is(self, tag):
        self.page.wait_for_function(f"document.activeElement.tagName === '{tag}'")


def reports(town):
    with town.store.read() as connection:
        return records.read_reports(connection, merged=True).set_index("source_id")


@pytest.mark.usefixtures("nothing_wrong")
def test_the_number_in_the_bar_follows_each_answer(page, start_app, town):
    desk = Desk(page, f"{start_app(town.folder)}/review")
    tab = page.locator('[data-testid="stTopNavLink"][href$="/review"]')
    expect(tab).to_have_text("待核 (11)")
    desk.asks("飞线乱接")
    desk.press("Enter")
    desk.told("飞线乱接 = ")
    # one question less, and the pairs that the freed rows are in
    expect(tab).to_have_text(f"待核 ({review_queue(town).total})")
    desk.press("z")
    desk.told("已撤销")
    expect(tab).to_have_text("待核 (11)")
    desk.asks("飞线乱接")
    desk.press("1")
    desk.told("飞线乱接 = ")
    page.locator('[data-testid="stTopNavLink"][href$="/town"]').click()
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    expect(tab).to_have_text(f"待核 ({review_queue(town).total})")


@pytest.mark.usefixtures("nothing_wrong")
def test_a_photo_waits_for_its_category_beside_its_picture(page, start_app, town, tmp_path):
    from datetime import datetime

    from PIL import Image

    from pingan_geo.workflow.import_reports import import_reports

    Image.new("RGB", (640, 480), "teal").save(tmp_path / "IMG_1.jpg")
    receipt = import_reports(town, tmp_path / "IMG_1.jpg", now=datetime(2026, 3, 1, 9))
    assert receipt.held == 1
    desk = Desk(page, f"{start_app(town.folder)}/review?import={receipt.batch_id}")
    picture = page.locator(".review_photos img")
    expect(picture).to_have_attribute("alt", "本行照片 1")
    expect(picture).to_have_attribute("loading", "lazy")
    page.wait_for_function("document.querySelector('.review_photos img').naturalWidth === 640")
    desk.settle()


@pytest.mark.usefixtures("nothing_wrong")
def test_a_queue_of_all_kinds_is_cleared_by_keys_alone(page, start_app, town):
    desk = Desk(page, f"{start_app(town.folder)}/review")
    expect(page.locator(".review_number")).to_have_text("第 1 件，共 11 件")
    desk.asks("飞线乱接")
    desk.press("2")  # there is only one proposal: nothing happens
    page.wait_for_timeout(300)
    desk.asks("飞线乱接")
    desk.press("Enter")
    desk.told("飞线乱接 = ")
    desk.asks("没有写年份")
    desk.press("z")
    desk.told("已撤销")
    desk.asks("飞线乱接")
    desk.press("1")
    desk.asks("没有写年份")
    desk.press("e")
    desk.focus_is("INPUT")
    page.keyboard.type("2024")
    desk.press("Enter")
    desk.told("3 行入库")
    desk.asks("飞碟")
    desk.press("x")
    desk.told("2 行已搁置")
    desk.asks("XC-9")
    desk.press("s")
    desk.asks("平安缸1号")
    page.locator(".review-map .pin").wait_for()
    desk.press("1")
    desk.told("平安缸1号 = 平安岗1号")
    desk.asks("老供销社")
    # The point by keys too: into the map, to its middle, and that is the place.
    page.locator(".review-map .seat").focus()
    desk.press("Enter")
    page.get_by_role("button", name="就在地图上这一点").wait_for()
    desk.press("p")
    desk.told("老供销社 = ")
    desk.asks("两条记录")
    desk.press("m")
    desk.told("算作一件")
    desk.asks("两条记录")
    first = page.locator(".facts.pair").inner_text()
    desk.press("k")
    desk.told("仍算两件")
    page.wait_for_function("before => document.querySelector('.facts.pair')?.innerText !== before", arg=first)
    desk.asks("两条记录")
    desk.keep_pairs_apart()
    desk.asks("前天下午")
    desk.press("e")
    desk.focus_is("INPUT")
    desk.press("Control+a")
    page.keyboard.type("2025-07-12 15:00 xkms1z")  # no key of a button, while one is typing
    assert "前天下午" in desk.question
    desk.press("Control+a")
    page.keyboard.type("2025-07-12 15:00")
    desk.press("Enter")
    desk.told("1 行入库")
    desk.keep_pairs_apart()
    desk.asks("100.6")
    desk.press("x")
    desk.asks("XC-9")
    desk.press("1")
    expect(page.get_by_text("没有待核事项：每一行")).to_be_visible()

    assert review_queue(town).total == 0
    stored = reports(town)
    assert stored.loc[["A1", "A2", "A3"], "category"].tolist() == ["FW2"] * 3
    assert stored.loc["A20", "time"].year == 2024
    assert not {"A4", "A5", "A13"} & set(stored.index)
    assert held_rows(town, dismissed=True)["reason"].tolist().count("unknown_category") == 2
    assert stored.loc["A10", ["lon", "lat"]].tolist() == pytest.approx([120.60525, 30.7854], abs=1e-6)
    west, south, east, north = town.area.bounds
    assert west < stored.loc["A11", "lon"] < east
    assert south < stored.loc["A11", "lat"] < north
    assert str(stored.loc["A12", "time"]) == "2025-07-12 15:00:00"
    assert "XC-9" not in set(stored["stated_grid"])
    with town.store.read() as connection:
        assert len(read_duplicates(connection, "merged")) == 1
        assert len(read_duplicates(connection, "apart")) >= 2
        assert set(review.read_aliases(connection)["spelling"]) == {
            "飞线乱接",
            "xc-9",
            "平安缸1号",
            "老供销社",
        }


@pytest.mark.usefixtures("nothing_wrong")
def test_a_key_that_is_held_down_answers_once(page, start_app, town):
    desk = Desk(page, f"{start_app(town.folder)}/review")
    for _ in range(4):
        for _ in range(6):  # what a browser sends while a key stays down
            page.keyboard.down("x")
            page.wait_for_timeout(250)
        page.keyboard.up("x")
        desk.settle()
        if "飞线乱接" not in desk.question:
            break  # heard; a key that comes before the page listens is heard by nobody and changes nothing
    desk.asks("没有写年份")
    assert len(held_rows(town, dismissed=True)) - len(held_rows(town)) == 3


@pytest.mark.usefixtures("nothing_wrong")
def test_enter_on_a_button_presses_that_button(page, start_app, town):
    waiting = len(held_rows(town))
    desk = Desk(page, f"{start_app(town.folder)}/review")
    page.get_by_role("button", name="跳过").focus()
    desk.press("Enter")
    desk.asks("没有写年份")
    assert len(held_rows(town)) == waiting


@pytest.mark.usefixtures("nothing_wrong")
def test_a_click_on_the_map_leaves_the_keys_working(page, start_app, town):
    desk = Desk(page, f"{start_app(town.folder)}/review?kind=place")
    desk.asks("平安缸1号")
    page.locator(".review-map[data-shown='place:平安缸1号']").wait_for()
    page.locator(".review-map .seat").click(position={"x": 200, "y": 120})
    page.locator(".review-map .pin.picked").wait_for()
    desk.settle()
    desk.press("p")
    desk.told("平安缸1号 = ")
    assert {"A10"} <= set(reports(town).index)


@pytest.mark.usefixtures("nothing_wrong")
def test_two_people_at_once(new_page, start_app, town):
    url = f"{start_app(town.folder)}/review?kind=category"
    one, other = Desk(new_page(), url), Desk(new_page(), url)
    one.press("1")
    one.told("飞线乱接 = ")
    other.asks("飞线乱接")
    other.press("1")
    other.told("已有人答复")
    other.asks("飞碟")
    assert len(reports(town).loc[["A1", "A2", "A3"]]) == 3


@pytest.mark.usefixtures("nothing_wrong")
@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_page_fits_a_phone(new_page, start_app, town, language):
    page = new_page(390, 844)
    desk = Desk(page, f"{start_app(town.folder)}/review?lang={language}")
    expect(page.locator(".review_keys")).to_be_hidden()
    for _ in range(11):
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.get_by_test_id("stException").count() == 0
        before = desk.question
        page.locator(".st-key-review_steps button").first.click()
        page.wait_for_function(
            "before => document.querySelector('.review_question').innerText !== before", arg=before
        ) if "两条" not in before and "Two reports" not in before else page.wait_for_timeout(600)
        desk.settle()
