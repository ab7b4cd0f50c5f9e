"""The analysis in Chromium: an area drawn by clicks, a hostile name, one legend, nothing from outside."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.sync_api import expect

HOSTILE = "<img src=x onerror=alert(1)> & \"'"
FOOTER = ".st-key-footer"


def frame(page, number=0):
    return page.frame_locator("iframe[title='streamlit_folium.st_folium']").nth(number)


def opened(page, address):
    page.goto(address)
    expect(page.locator(FOOTER)).to_be_visible()
    expect(frame(page).locator("canvas.pingan-canvas").first).to_be_visible()


def click_map(page, x, y):
    frame(page).locator(".leaflet-container").click(position={"x": x, "y": y})


def wait_for_corners(page, number):
    page.wait_for_function(
        "number => (new URLSearchParams(location.search).get('a') || '').replace('polygon:', '')"
        ".split(';').filter(Boolean).length === number",
        arg=number,
    )


@pytest.mark.parametrize(("width", "language"), [(1440, "zh"), (390, "en")])
def test_an_area_is_drawn_by_clicks_and_its_findings_are_said(new_page, app_url, record, width, language):
    page = new_page(width, 900)
    opened(page, f"{app_url}/analysis?lang={language}")
    box = frame(page).locator(".leaflet-container").bounding_box()
    middle_x, middle_y = box["width"] / 2, box["height"] / 2
    for number, (x, y) in enumerate([(-40, -40), (40, -40), (0, 50)], 1):
        click_map(page, middle_x + x, middle_y + y)
        wait_for_corners(page, number)
    expect(page.locator("ul.analysis_said li").first).to_be_visible()
    said = page.locator("ul.analysis_said").first.inner_text()
    assert re.search("全镇其余地方|数据太少|rest of the town|No verdict", said)
    page.locator(".st-key-an_back_A button").click()
    wait_for_corners(page, 2)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert record.outside == []
    assert record.errors == []


def test_the_name_of_a_view_is_text_and_its_link_opens_it(new_page, start_app, own_town, record):
    page = new_page()
    page.on("dialog", lambda dialog: record.errors.append(dialog.message))
    url = start_app(own_town)
    opened(page, f"{url}/analysis?a=circle:120.60500,30.79000;900&show=areas")
    page.locator(".stExpander summary").last.click()
    field = page.locator(".st-key-view_name input")
    field.fill(HOSTILE)
    field.press("Tab")
    page.locator(".st-key-view_save button").click()
    link = page.locator("ul.saved_views a")
    expect(link).to_have_text(HOSTILE)
    assert page.locator("ul.saved_views img").count() == 0
    assert quote(HOSTILE, safe="") in link.get_attribute("href")
    link.click()
    page.wait_for_url(lambda address: "show=areas" in address and "view=" not in address)
    expect(page.locator(FOOTER)).to_be_visible()
    assert parse_qs(urlsplit(page.url).query)["a"] == ["circle:120.60500,30.79000;900"]
    assert record.outside == []
    assert [said for said in record.errors if "alert" in said or said == "1"] == []


def test_two_periods_stand_side_by_side_under_one_legend(new_page, app_url, record):
    page = new_page()
    opened(page, f"{app_url}/analysis?show=periods")
    expect(page.locator("iframe[title='streamlit_folium.st_folium']")).to_have_count(2)
    left, right = (page.locator("iframe").nth(number).bounding_box() for number in (0, 1))
    assert abs(left["y"] - right["y"]) < 2
    assert left["x"] + left["width"] <= right["x"]
    expect(page.locator(".legend")).to_have_count(1)
    assert record.outside == []
    assert record.errors == []
