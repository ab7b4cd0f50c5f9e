"""The import page in Chromium: the file as a person drops it, the lines about its heading, the receipt."""

from __future__ import annotations

import io
import json

import openpyxl
import pytest
from playwright.sync_api import expect

from pingan_geo.workflow.held import held_rows
from pingan_geo.workflow.inventory import load_batches
from pingan_geo.workflow.towns import open_town

pytestmark = pytest.mark.browser


class ImportPage:
    """The page, and what a person does on it."""

    def __init__(self, page, url, language="zh"):
        self.page = page
        page.goto(f"{url}/imports?lang={language}")
        self.settle()

    def settle(self):
        """Wait until the page is drawn to its end and stands still."""
        self.page.wait_for_timeout(200)
        self.page.locator(".st-key-footer").wait_for()
        expect(self.page.get_by_test_id("stApp")).to_have_attribute(
            "data-test-script-state", "notRunning", timeout=60_000
        )

    def drop(self, name, content):
        self.page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(
            {"name": name, "mimeType": "application/octet-stream", "buffer": content}
        )
        self.page.get_by_test_id("stFileChip").first.wait_for()
        self.page.wait_for_timeout(500)
        self.settle()

    def press(self, label):
        self.page.get_by_role("button", name=label, exact=True).click()
        self.settle()

    def heading_rows(self):
        fields = self.page.locator(".st-key-heading_rows input")
        return [fields.nth(place).input_value() for place in (0, 1)]


@pytest.fixture
def nothing_wrong(record):
    """The test must end without an error in the browser and without a request to the outside."""
    yield
    assert record.outside == []
    assert record.errors == []


@pytest.fixture
def opened(own_town):
    town = open_town(own_town)
    yield town
    town.close()


def ledger(town):
    """A printed ledger: a title, two rows of headings, a row without a place, a total."""
    west, south, east, north = town.area.bounds
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["某驿站台账"])
    sheet.append(["编号", "隐患类型", "发生时间", "位置", None, "描述", "联系人"])
    sheet.append([None, None, None, "经度", "纬度", None, None])
    for number in range(1, 6):
        place = [(west + east) / 2, (south + north) / 2] if number != 4 else [0, 0]
        sheet.append([f"N{number}", "FW1", f"2026-02-0{number} 19:30", *place, "<b>电线</b>", "测试甲"])
    sheet.append(["合计", 5])
    held = io.BytesIO()
    book.save(held)
    return held.getvalue()


@pytest.mark.usefixtures("nothing_wrong")
@pytest.mark.parametrize("width", [1440, 390])
def test_a_file_over_the_limit_gets_the_command_instead(new_page, app_url, width):
    shown = ImportPage(new_page(width, 900), app_url)
    # The browser refuses by the size alone; a file of one byte of a foreign kind is refused the same way.
    shown.page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(
        {"name": "图.psd", "mimeType": "image/x", "buffer": b"x"}
    )
    shown.page.locator("[data-testid=stFileChip][aria-invalid=true]").wait_for()
    said = shown.page.evaluate(
        "getComputedStyle(document.querySelector('[data-testid=stFileUploader]'), '::after').content"
    )
    assert "pingan import reports" in said
    assert "200 MB" in said
    assert shown.page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.usefixtures("nothing_wrong")
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_a_ledger_is_dropped_confirmed_and_taken_back(new_page, start_app, own_town, opened, width, height):
    before = len(load_batches(opened))
    shown = ImportPage(new_page(width, height), start_app(own_town))
    page = shown.page
    shown.drop("台账.xlsx", ledger(opened))
    for sentence in ("第 1 行是标题", "第 2–3 行是表头", "涉及个人，不存储：联系人"):
        expect(page.get_by_text(sentence).first).to_be_visible()
    expect(page.get_by_text("读取 5 = 接收 4")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert "测试甲" not in page.get_by_test_id("stApp").inner_text()
    assert len(load_batches(opened)) == before
    shown.press("导入")
    expect(page.locator(".steps li.now")).to_have_text("回执")
    expect(page.get_by_text("核对详情")).to_have_count(0)  # what stood there before the import is gone
    expect(page.get_by_text("读取 5 = 接收 4")).to_be_visible()
    assert held_rows(opened)["reason"].tolist() == ["null_island"]
    expect(page.get_by_role("link", name="逐条处理待核行")).to_have_attribute("href", "review?lang=zh")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="回执（JSON）").click()
    receipt = json.loads(waiting.value.path().read_text(encoding="utf-8"))
    assert (receipt["read"], receipt["accepted"], receipt["held"]) == (5, 4, 1)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="下载待核行（Excel）").click()
    rows = list(openpyxl.load_workbook(io.BytesIO(waiting.value.path().read_bytes())).active.values)
    assert rows[0][:5] == ("编号", "隐患类型", "发生时间", "位置-经度", "位置-纬度")
    assert rows[1][0] == "N4"
    assert "测试甲" not in str(rows)
    page.locator("[class*=st-key-outcome_]").get_by_text("接收 4").click()
    shown.settle()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("button", name="撤回这批导入…").click()
    shown.press("确认撤回")
    expect(page.locator(".steps li.now")).to_have_text("选台账")
    assert held_rows(opened).empty
    assert load_batches(opened)["undone_at"].notna().sum() == 1


@pytest.mark.usefixtures("nothing_wrong")
def test_the_heading_is_dragged_and_moved_by_key(page, app_url, town_folder):
    town = open_town(town_folder)
    content = ledger(town)
    town.close()
    shown = ImportPage(page, app_url)
    shown.drop("台账.xlsx", content)
    assert shown.heading_rows() == ["2", "3"]
    line = page.get_by_role("slider", name="表头到这里为止")
    line.scroll_into_view_if_needed()
    box = line.bounding_box()
    row = page.locator(".heading-lines tr").nth(2).bounding_box()["height"]
    page.mouse.move(box["x"] + 200, box["y"] + 1)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] - row, steps=5)
    page.mouse.up()
    shown.page.wait_for_timeout(300)
    shown.settle()
    assert shown.heading_rows() == ["2", "2"]
    expect(page.get_by_text("第 2–3 行是表头")).to_have_count(0)
    line = page.get_by_role("slider", name="表头到这里为止")
    line.focus()
    page.keyboard.press("ArrowDown")
    page.wait_for_timeout(900)
    shown.settle()
    assert shown.heading_rows() == ["2", "3"]
    expect(page.get_by_text("第 2–3 行是表头").first).to_be_visible()
    # What stands in the file is text in the preview.
    assert page.locator(".heading-lines b").count() == 0
    expect(page.locator(".heading-lines").get_by_text("<b>电线</b>").first).to_be_visible()


@pytest.mark.usefixtures("nothing_wrong")
def test_the_language_is_one_click_away_and_keeps_the_file(page, app_url, town_folder):
    town = open_town(town_folder)
    content = ledger(town)
    town.close()
    shown = ImportPage(page, app_url)
    shown.drop("台账.xlsx", content)
    page.get_by_role("radio", name="English", exact=True).click()
    expect(page.get_by_text("Read 5 = Accepted 4")).to_be_visible()
    expect(page.get_by_role("slider", name="The heading begins here")).to_be_visible()


@pytest.mark.usefixtures("nothing_wrong")
def test_a_cancelled_import_leaves_the_town_as_it_was(page, start_app, own_town, opened):
    before = len(load_batches(opened))
    west, south, east, north = opened.area.bounds
    row = f"FW1,2026-02-01 19:30:{{:02d}},{(west + east) / 2},{(south + north) / 2}\n"
    text = "编号,类别,发生时间,经度,纬度\n" + "".join(f"N{n}," + row.format(n % 60) for n in range(400_000))
    shown = ImportPage(page, start_app(own_town))
    shown.drop("大.csv", text.encode())
    page.get_by_role("button", name="导入", exact=True).click()
    page.get_by_role("button", name="取消", exact=True).click()
    expect(page.get_by_role("button", name="取消", exact=True)).to_have_count(0)
    shown.settle()
    assert len(load_batches(opened)) == before
