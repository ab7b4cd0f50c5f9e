"""The phone page of a patrol in Chromium at 390 px: from a file, without any network, kept over a reload."""

from __future__ import annotations

import base64
import io
import json
import re
import threading
from datetime import datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import expect

from pingan_geo.i18n import translator
from pingan_geo.intake.patrol_returns import read_return
from pingan_geo.outputs.patrol_pack import phone_page

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 844, "device_scale_factor": 2, "has_touch": True, "is_mobile": True}
WORDS = {"none": "无", "found": "有", "settled": "已处置", "no_entry": "进不去"}


@pytest.fixture
def nothing_wrong(record):
    yield
    assert record.outside == []
    assert record.errors == []


@pytest.fixture
def patrol(made_pack):
    return made_pack.made_patrol()


def write_page(made_pack, patrol, folder, language="zh"):
    text = phone_page(
        patrol,
        patrol.routes[0],
        ground=made_pack.made_ground(),
        categories=made_pack.CATEGORIES,
        t=translator(language),
        past=made_pack.made_past(patrol),
    )
    file = folder / "phone.html"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.fixture
def file(made_pack, patrol, tmp_path):
    return write_page(made_pack, patrol, tmp_path)


class Phone:
    """The page in a hand, in airplane mode."""

    def __init__(self, new_page, address, *, offline=True, **options):
        self.page = new_page(**PHONE, **options)
        self.page.context.set_offline(offline)
        self.page.goto(address)
        self.ready()

    def ready(self):
        self.page.locator("body[data-ready=yes]").wait_for(state="attached")

    def tab(self, name):
        self.page.locator(f"nav button[data-tab={name}]").click()

    def card(self, number):
        return self.page.locator(f"#stop-{number}")

    def open(self, number):
        if not self.card(number).count():
            self.page.locator("button.row").filter(
                has=self.page.locator(".number", has_text=f"{number}")
            ).filter(has_text=self.name(number)).click()
        return self.card(number)

    def name(self, number):
        plan = self.page.locator("#plan").text_content()
        return json.loads(plan)["stops"][number - 1]["name"]

    def arrive(self, number):
        self.open(number).get_by_role("button", name="到了", exact=True).click()

    def answer(self, number, code):
        self.open(number).locator(".four").get_by_text(WORDS[code], exact=True).click()

    def kept(self):
        """Wait until the phone says that all is stored."""
        expect(self.page.locator("#kept")).to_contain_text("已存")

    def reload(self):
        self.kept()
        self.page.reload()
        self.ready()

    def results(self, folder):
        self.tab("back")
        with self.page.expect_download() as given:
            self.page.get_by_role("button", name="结果存成文件").click()
        target = folder / given.value.suggested_filename
        given.value.save_as(target)
        return target

    def codes(self):
        """The lines of the QR codes as a decoder reads them off the screen."""
        self.tab("back")
        self.page.get_by_role("button", name="结果变成二维码").click()
        lines, parts = [], None
        while parts is None or len(lines) < parts:
            canvas = self.page.locator(".code canvas")
            canvas.scroll_into_view_if_needed()
            with Image.open(io.BytesIO(canvas.screenshot())) as seen:
                found = zxingcpp.read_barcodes(seen.convert("L"))
            assert len(found) == 1
            lines.append(found[0].text)
            parts = int(found[0].text.split("/", 5)[4])
            if parts > 1:
                self.page.get_by_role("button", name="下一张").click()
        return lines


def photo(width, height) -> bytes:
    """A picture with a place in its EXIF."""
    picture = Image.effect_noise((width, height), 40).convert("RGB")
    exif = Image.Exif()
    exif[0x0110] = "PhoneMaker 9"
    exif.get_ifd(0x8825)[1] = "N"
    out = io.BytesIO()
    picture.save(out, "JPEG", exif=exif)
    return out.getvalue()


@pytest.mark.usefixtures("nothing_wrong")
def test_a_whole_round_in_airplane_mode_comes_back_as_it_was_typed(new_page, file, patrol, tmp_path):
    phone = Phone(new_page, file.as_uri())
    expect(phone.page.locator("article.next b").first).to_have_text(patrol.routes[0].stops[0].name)
    given = {1: "none", 2: "found", 3: "settled", 4: "no_entry", 5: "none", 6: "found", 8: "none"}
    for number, code in given.items():
        phone.arrive(number)
        phone.answer(number, code)
    phone.open(2).locator("textarea").fill('插座拖地 <b>"=1+1"</b> 塍😀')
    with phone.page.expect_file_chooser() as chooser:
        phone.card(2).get_by_role("button", name="拍照").click()
    chooser.value.set_files([{"name": "x.jpg", "mimeType": "image/jpeg", "buffer": photo(3000, 2000)}])
    expect(phone.card(2).locator("img")).to_have_attribute(
        "src", re.compile(r"data:image/jpeg;base64,.{1000,}")
    )
    phone.tab("add")
    phone.page.locator("#find-category").select_option("RD1")
    phone.page.get_by_role("button", name="在某个点位").click()
    phone.page.locator("section#add select").nth(1).select_option("6")
    phone.page.locator("#find-note").fill("井盖缺角")
    phone.page.locator("#find-save").click()

    phone.reload()  # as after a dead battery
    phone.page.close()
    phone.page = phone.page.context.new_page()
    phone.page.goto(file.as_uri())
    phone.ready()

    expect(phone.page.locator("#progress")).to_have_text("7 / 11")
    phone.tab("back")
    phone.page.locator("#person").fill("P017")
    target = phone.results(tmp_path)
    said = json.loads(target.read_text(encoding="utf-8"))
    assert (said["format"], said["patrol_id"], said["team"], said["person"]) == (
        "pingan-patrol-return/1",
        patrol.patrol_id,
        "1",
        "P017",
    )
    stops = {one["number"]: one for one in said["stops"]}
    assert [one["stop_id"] for one in said["stops"]] == [stop.stop_id for stop in patrol.routes[0].stops]
    assert {number: one["answer"] for number, one in stops.items() if one["answer"]} == given
    for number, one in stops.items():
        if number in given:
            arrived, left = (datetime.fromisoformat(one[name]) for name in ("arrived", "left"))
            assert arrived <= left
            assert arrived.tzinfo is None
        else:
            assert (one["arrived"], one["left"]) == (None, None)
    assert max(one["left"] or "" for one in said["stops"]) <= said["made_at"]
    assert stops[2]["note"] == '插座拖地 <b>"=1+1"</b> 塍😀'
    (picture,) = stops[2]["photos"]
    jpeg = base64.b64decode(picture["jpeg_base64"], validate=True)
    with Image.open(io.BytesIO(jpeg)) as seen:
        assert seen.format == "JPEG"
        assert max(seen.size) == 1280
        assert len(seen.getexif()) == 0
    assert b"PhoneMaker" not in jpeg
    (one,) = said["finds"]
    stop = patrol.routes[0].stops[5]
    assert (one["lon"], one["lat"], one["stop_id"], one["how"]) == (stop.lon, stop.lat, stop.stop_id, "stop")
    assert (one["category"], one["note"], one["datum"], one["accuracy_m"]) == (
        "RD1",
        "井盖缺角",
        "wgs84",
        None,
    )
    assert len(one["key"]) == 16

    # the codes on the screen say the same, but for the photo
    lines = tmp_path / "codes.txt"
    lines.write_text("\n".join(reversed(phone.codes())), encoding="utf-8")
    of_file, of_codes = read_return([target]), read_return([lines])
    assert (of_file.broken, of_codes.broken) == ((), ())
    assert [
        (one.number, one.stop_id, one.answer, one.note, one.arrived, one.left) for one in of_file.stops
    ] == [(one.number, one.stop_id, one.answer, one.note, one.arrived, one.left) for one in of_codes.stops]
    assert len(of_file.finds) == len(of_codes.finds) == 1
    assert of_codes.photos_kept == 1


@pytest.mark.usefixtures("nothing_wrong")
def test_an_answer_is_there_after_a_crash_without_any_goodbye(new_page, file):
    phone = Phone(new_page, file.as_uri())
    phone.answer(1, "found")
    phone.kept()
    # the browser is not asked to close the page: its process is gone
    phone.page.evaluate("window.onpagehide = window.onbeforeunload = null")
    context = phone.page.context
    phone.page.close(run_before_unload=False)
    page = context.new_page()
    page.goto(file.as_uri())
    page.locator("body[data-ready=yes]").wait_for(state="attached")
    expect(page.locator("#progress")).to_have_text("1 / 11")
    row = page.locator("button.row", has_text="新塍大道88号便民超市")
    expect(row).to_contain_text("有")


@pytest.mark.usefixtures("nothing_wrong")
def test_what_was_pressed_by_mistake_is_taken_back(new_page, file, tmp_path):
    phone = Phone(new_page, file.as_uri())
    phone.answer(1, "no_entry")
    expect(phone.page.locator("#undo")).to_contain_text("1 号 进不去")
    phone.reload()
    phone.page.get_by_role("button", name="撤销").click()
    expect(phone.page.locator("#undo")).to_be_hidden()
    expect(phone.page.locator("#progress")).to_have_text("0 / 11")
    phone.kept()
    first = json.loads(phone.results(tmp_path).read_text(encoding="utf-8"))["stops"][0]
    assert (first["answer"], first["arrived"], first["left"]) == ("", None, None)


@pytest.mark.usefixtures("nothing_wrong")
def test_everything_is_large_enough_for_a_thumb_and_nothing_runs_off(new_page, made_pack, tmp_path):
    for hostile in (False, True):
        folder = tmp_path / str(hostile)
        folder.mkdir()
        page_file = write_page(made_pack, made_pack.made_patrol(hostile=hostile), folder)
        phone = Phone(new_page, page_file.as_uri())
        phone.page.locator(".four button").nth(1).click()
        for tab in ("list", "map", "add", "back"):
            phone.tab(tab)
            assert phone.page.evaluate("document.documentElement.scrollWidth") <= 390, (hostile, tab)
            small = phone.page.evaluate(
                "[...document.querySelectorAll('button, a, select, input:not([type=file])')]"
                ".filter(one => one.offsetParent && one.getBoundingClientRect().height < 44)"
                ".map(one => one.outerHTML)"
            )
            assert small == []
        assert phone.page.evaluate("window.hit === undefined")


@pytest.mark.usefixtures("nothing_wrong")
def test_the_own_position_is_shown_and_a_find_is_put_there(new_page, file, tmp_path):
    phone = Phone(
        new_page,
        file.as_uri(),
        geolocation={"longitude": 120.6181, "latitude": 30.8009, "accuracy": 18},
        permissions=["geolocation"],
    )
    phone.tab("map")
    phone.page.locator("#me").click()
    expect(phone.page.locator("#gps")).to_have_text("")
    phone.page.wait_for_function(
        # the green dot stands in the middle of the map
        "() => { const c = document.getElementById('canvas'), p = c.getContext('2d')"
        ".getImageData(Math.round(c.width / 2), Math.round(c.height / 2), 1, 1).data;"
        " return p[0] < 40 && p[1] > 90 && p[2] < 90; }"
    )
    phone.tab("add")
    phone.page.locator("#find-category").select_option("FW1")
    phone.page.locator("#find-save").click()  # three touches: tab, what, save
    phone.kept()
    (one,) = json.loads(phone.results(tmp_path).read_text(encoding="utf-8"))["finds"]
    assert (one["lon"], one["lat"], one["how"], one["accuracy_m"]) == (120.6181, 30.8009, "gps", 18)


@pytest.mark.usefixtures("nothing_wrong")
def test_without_a_position_the_page_says_so_and_the_map_is_pointed_on(new_page, file, patrol, tmp_path):
    phone = Phone(new_page, file.as_uri())  # the permission is not given
    phone.tab("add")
    phone.page.get_by_role("button", name="我的位置").click()
    expect(phone.page.locator("#gps2")).to_contain_text("定位被拒绝")
    phone.page.locator("#find-category").select_option("")
    phone.page.get_by_role("button", name="在地图上指").click()
    box = phone.page.locator("#canvas").bounding_box()
    phone.page.locator("#whole").click()
    phone.page.mouse.move(box["x"] + 200, box["y"] + 300)
    phone.page.mouse.down()
    phone.page.mouse.move(box["x"] + 150, box["y"] + 260, steps=4)
    phone.page.mouse.up()
    phone.page.get_by_role("button", name="用圆圈里的位置").click()
    phone.page.locator("#find-save").click()
    phone.kept()
    (one,) = json.loads(phone.results(tmp_path).read_text(encoding="utf-8"))["finds"]
    lons = [stop.lon for stop in patrol.routes[0].stops]
    assert one["how"] == "map"
    assert one["category"] == ""
    # the round was fitted to the screen, then pulled to the left and up: the circle is east and south of its middle
    assert (min(lons) + max(lons)) / 2 < one["lon"] < max(lons) + 0.005
    assert 30.79 < one["lat"] < 30.8006


@pytest.mark.usefixtures("nothing_wrong")
def test_links_lead_into_map_apps_and_load_nothing(new_page, file, patrol):
    phone = Phone(new_page, file.as_uri())
    links = phone.card(1).locator("a.button")
    stop = patrol.routes[0].stops[0]
    address = links.nth(0).get_attribute("href")
    assert address.startswith("https://uri.amap.com/navigation?to=120.622836,30.798752,1&mode=walk")
    assert links.nth(1).get_attribute("href").startswith(f"geo:{stop.lat:.6f},{stop.lon:.6f}")


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *said):
        """Nothing on the terminal."""


@pytest.fixture
def served(file):
    """The page from a server on this machine, as the app gives it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(file.parent)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/{file.name}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.usefixtures("nothing_wrong")
def test_the_page_from_a_server_saves_itself_and_the_saved_one_is_the_same(new_page, file, served, tmp_path):
    phone = Phone(new_page, served, offline=False)
    phone.page.context.set_offline(True)  # the signal goes once it is open
    phone.answer(1, "settled")
    phone.tab("back")
    with phone.page.expect_download() as given:
        phone.page.get_by_role("button", name="把本页存到手机").click()
    saved = tmp_path / "saved.html"
    given.value.save_as(saved)
    again = Phone(new_page, saved.as_uri())
    expect(again.page.locator("#progress")).to_have_text("0 / 11")
    again.answer(1, "none")
    again.kept()
    assert again.page.locator("#plan").text_content() == phone.page.locator("#plan").text_content()


@pytest.mark.usefixtures("nothing_wrong")
def test_where_a_browser_keeps_nothing_the_page_says_so(new_page, file):
    page = new_page(**PHONE)
    page.add_init_script(
        "for (const name of ['indexedDB', 'localStorage'])"
        " Object.defineProperty(window, name, { get() { throw new DOMException('no', 'SecurityError'); } });"
    )
    page.goto(file.as_uri())
    page.locator("body[data-ready=yes]").wait_for(state="attached")
    expect(page.locator("#warning")).to_contain_text("不能保存")
    page.locator(".four button").first.click()
    expect(page.locator("#kept")).to_have_text("没有存到手机")


@pytest.mark.usefixtures("nothing_wrong")
def test_what_is_deleted_is_gone(new_page, file):
    phone = Phone(new_page, file.as_uri())
    phone.answer(1, "found")
    phone.kept()
    phone.tab("back")
    phone.page.get_by_role("button", name="从这部手机上全部删除").click()
    expect(phone.page.locator("#progress")).to_have_text("1 / 11")
    phone.page.get_by_role("button", name="确定删除").click()
    expect(phone.page.locator("#progress")).to_have_text("0 / 11")
    phone.page.reload()
    phone.ready()
    expect(phone.page.locator("#progress")).to_have_text("0 / 11")


@pytest.mark.usefixtures("nothing_wrong")
def test_the_page_speaks_english_too(new_page, made_pack, patrol, tmp_path):
    phone = Phone(new_page, write_page(made_pack, patrol, tmp_path, "en").as_uri())
    expect(phone.page.locator("article.next .four")).to_contain_text("Could not get in")
    phone.tab("back")
    expect(phone.page.locator("#back")).to_contain_text("0 of 11 stops answered")
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= 390
