"""Headings as people write them find their field; two equal ones are asked about."""

from __future__ import annotations

import pytest

from pingan_geo.errors import AmbiguousColumnsError, MissingColumnsError
from pingan_geo.intake.columns import map_columns, pair_order


def fields(*headings, kind="reports", **how):
    return dict(map_columns(headings, kind, file="a.csv", **how).fields)


# -- refused -----------------------------------------------------------------------------------------


def test_missing_columns_are_named_with_those_found():
    with pytest.raises(MissingColumnsError) as caught:
        map_columns(["序号", "经度", "备注"], "reports", file="a.csv")
    assert caught.value.values["fields"] == ["latitude", "time", "category"]
    assert "序号, 经度, 备注" in str(caught.value)
    assert "纬度" in caught.value.values["examples"]


@pytest.mark.parametrize(
    ("kind", "headings", "said"),
    [
        ("reports", ["时间", "类别", "备注"], "words for it"),
        ("posts", ["名称", "地址"], "both in one column"),
        ("reports", ["时间", "类别", "地址", "经度"], "latitude"),
        ("points", ["坐标"], "longitude, latitude"),
    ],
)
def test_a_missing_place_is_asked_for_with_what_is_possible(kind, headings, said):
    with pytest.raises(MissingColumnsError, match=said):
        map_columns(headings, kind, file="a.csv")


def test_a_closing_is_not_taken_for_the_time():
    with pytest.raises(MissingColumnsError, match="no column for time"):
        map_columns(["办结时间", "类别", "地址"], "reports", file="a.csv")


@pytest.mark.parametrize(
    "headings",
    [
        ("lon", "longitude", "lat", "time", "category"),
        ("经度(GCJ-02)", "经度(WGS-84)", "纬度(GCJ-02)", "纬度(WGS-84)", "时间", "类别"),
        ("lon", "lat", "时间", "time", "category"),
        ("lon", "lat", "发生时间", "事发时间", "类别"),
        ("lon", "lat", "time", "类别", "类型"),
        ("经度(GCJ-02)", "纬度(WGS-84)", "时间", "类别"),
    ],
)
def test_equal_columns_are_asked_about(headings):
    with pytest.raises(AmbiguousColumnsError):
        map_columns(headings, "reports", file="a.csv")


def test_a_named_point_needs_a_name_or_number_and_a_place():
    with pytest.raises(MissingColumnsError):
        map_columns(["经度", "纬度"], "posts", file="a.csv")
    with pytest.raises(MissingColumnsError):
        map_columns(["名称"], "posts", file="a.csv")
    with pytest.raises(MissingColumnsError):
        map_columns(["编号", "经度"], "volunteers", file="a.csv")


# -- found -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headings", "expected"),
    [
        (
            ("event_id", "category", "datetime", "lon", "lat"),
            {"source_id": "event_id", "category": "category", "time": "datetime", "lon": "lon", "lat": "lat"},
        ),
        (
            (
                "工单号",
                "隐患类型",
                "上报时间",
                "经 度（°）",
                "纬度【度】",
                "描述",
                "地点",
                "来源",
                "上报人编号",
            ),
            {
                "source_id": "工单号",
                "category": "隐患类型",
                "time": "上报时间",
                "lon": "经 度（°）",
                "lat": "纬度【度】",
                "description": "描述",
                "place": "地点",
                "source": "来源",
                "reporter": "上报人编号",
            },
        ),
        (
            ("Case Number", "Primary Type", "Date", "Latitude", "Longitude", "X Coordinate", "Y Coordinate"),
            {
                "source_id": "Case Number",
                "category": "Primary Type",
                "time": "Date",
                "lon": "Longitude",
                "lat": "Latitude",
            },
        ),
        (
            ("Ｘ", "Ｙ", "Offense", "CREATED_DATE"),
            {"lon": "Ｘ", "lat": "Ｙ", "category": "Offense", "time": "CREATED_DATE"},
        ),
        (
            ("incident_longitude", "incident_latitude", "event_time", "offense_category"),
            {
                "lon": "incident_longitude",
                "lat": "incident_latitude",
                "time": "event_time",
                "category": "offense_category",
            },
        ),
        (
            ("发生时间", "受理时间", "登记时间", "经度", "纬度", "大类", "小类"),
            {"time": "发生时间", "lon": "经度", "lat": "纬度", "category": "小类"},
        ),
        (
            ("发生时间", "办结时间", "结案时间", "地址", "类型", "所属网格", "网格编号"),
            {
                "time": "发生时间",
                "closed": "办结时间",
                "place": "地址",
                "category": "类型",
                "grid": "网格编号",
            },
        ),
        (
            ("时间", "类别", "小区", "幢号", "单元", "室号", "经纬度"),
            {
                "time": "时间",
                "category": "类别",
                "lonlat": "经纬度",
                "estate": "小区",
                "building": "幢号",
                "unit": "单元",
                "room": "室号",
            },
        ),
        (
            ("Block", "Location Description", "Location", "Latitude", "Longitude", "Date", "Primary Type"),
            {
                "place": "Block",
                "lat": "Latitude",
                "lon": "Longitude",
                "time": "Date",
                "category": "Primary Type",
                "description": "Location Description",
            },
        ),
        (
            ("日期", "时间", "经度", "纬度", "类型"),
            {"time": "日期", "clock": "时间", "lon": "经度", "lat": "纬度", "category": "类型"},
        ),
    ],
)
def test_headings_find_their_fields(headings, expected):
    assert fields(*headings) == expected


@pytest.mark.parametrize(
    ("lon", "lat", "datum"),
    [
        ("经度(GCJ-02)", "纬度(GCJ-02)", "gcj02"),
        ("lon_wgs84", "lat_wgs84", "wgs84"),
        ("百度经度", "百度纬度", "bd09"),
        ("经度（火星坐标）", "纬度（火星坐标）", "gcj02"),
        ("高德经度", "高德纬度", "gcj02"),
        ("X(CGCS2000)", "Y(CGCS2000)", "cgcs2000"),
        ("x (EPSG:4549)", "y (EPSG:4549)", "EPSG:4549"),
        ("GPS经度", "GPS纬度", "wgs84"),
        ("gcj_lng", "gcj_lat", "gcj02"),
        ("经度", "纬度", ""),
    ],
)
def test_headings_name_the_datum(lon, lat, datum):
    found = map_columns([lon, lat, "时间", "类别"], "reports", file="a.csv")
    assert (found.fields["lon"], found.fields["lat"], found.datum) == (lon, lat, datum)


def test_of_several_datums_the_stated_one_is_taken():
    headings = ["经度(GCJ-02)", "纬度(GCJ-02)", "经度(WGS-84)", "纬度(WGS-84)", "时间", "类别"]
    found = map_columns(headings, "reports", file="a.csv", datum="wgs84")
    assert found.fields["lon"] == "经度(WGS-84)"


def test_columns_that_hold_persons_are_left_out():
    headings = ["身份证号", "联系电话", "上报人", "姓名", "时间", "类别", "经度", "纬度", "天气"]
    found = map_columns(headings, "reports", file="a.csv")
    assert found.left_out == ("身份证号", "联系电话", "上报人", "姓名")
    assert found.unused == ("天气",)
    assert "reporter" not in found.fields


def test_of_volunteers_the_name_stays_and_the_telephone_does_not():
    found = map_columns(["编号", "姓名", "手机", "身份证"], "volunteers", file="a.csv")
    assert found.fields == {"feature_id": "编号", "name": "姓名"}
    assert found.left_out == ("手机", "身份证")


def test_headings_cut_by_a_shapefile():
    cut = map_columns(["发生时", "类别", "x", "y"], "reports", file="a.shp", short=True)
    assert cut.fields["time"] == "发生时"
    headings = ["occurrence", "incidentt", "category", "x (EPSG:4326)", "y (EPSG:4326)"]
    found = map_columns(headings, "reports", file="a.shp", crs="EPSG:4326", short=True)
    assert found.fields["time"] == "occurrence"
    assert (found.fields["lon"], found.datum) == ("x (EPSG:4326)", "EPSG:4326")


def test_a_layers_own_coordinates_win_over_its_attributes():
    headings = ["lon", "lat", "time", "category", "x (EPSG:4326)", "y (EPSG:4326)"]
    assert map_columns(headings, "reports", file="a.gpkg", crs="EPSG:4326").fields["lon"] == "x (EPSG:4326)"


@pytest.mark.parametrize(
    ("heading", "order", "datum"),
    [
        ("坐标", "", ""),
        ("位置坐标", "", ""),
        ("经纬度", "lonlat", ""),
        ("经纬度（GCJ-02）", "lonlat", "gcj02"),
        ("LatLng", "latlon", ""),
        ("lon_lat", "lonlat", ""),
        ("高德坐标", "", "gcj02"),
        ("百度坐标", "", "bd09"),
        ("GPS", "", "wgs84"),
        ("火星坐标", "", "gcj02"),
        ("coordinates", "", ""),
    ],
)
def test_one_column_with_both_coordinates(heading, order, datum):
    found = map_columns([heading, "时间", "类别"], "reports", file="a.csv")
    assert (found.fields["lonlat"], pair_order(heading), found.datum) == (heading, order, datum)


def test_a_pair_in_another_datum_does_not_stand_beside_columns_of_their_own():
    found = map_columns(["经度", "纬度", "百度坐标", "时间", "类别"], "reports", file="a.csv")
    assert "lonlat" not in found.fields
    assert (found.datum, found.unused) == ("", ("百度坐标",))
    both = map_columns(["经度", "纬度", "坐标", "时间", "类别"], "reports", file="a.csv")
    assert both.fields["lonlat"] == "坐标"


def test_columns_of_staff_and_residents_are_left_out():
    headings = ["时间", "类别", "地址", "处理人", "网格员", "户主", "上报人编号", "责任人签名", "住户数"]
    found = map_columns(headings, "reports", file="a.csv")
    assert found.left_out == ("处理人", "网格员", "户主", "责任人签名")
    assert (found.fields["reporter"], found.unused) == ("上报人编号", ("住户数",))
