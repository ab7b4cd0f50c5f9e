"""The alliance's lists meet the published numbers, and name nobody."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from pingan_geo.demo import names
from pingan_geo.demo.alliance import STATION_FUNCTIONS, build_alliance
from pingan_geo.model.tables import FEATURES

ROLES = ("岗长", "民警", "580队员", "网格长")


def attributes(table):
    return [json.loads(text) for text in table["attributes"]]


def test_tables_are_features(alliance):
    assert set(alliance.features) == {"posts", "stations", "enterprises", "places", "volunteers"}
    for table in alliance.features.values():
        FEATURES.check(table)
        assert table["feature_id"].is_unique
        assert (table["name"] != "").all()


def test_posts(alliance):
    posts = attributes(alliance.features["posts"])
    assert len(posts) == 22
    assert len({post["物业公司"] for post in posts}) == 10
    watched = [estate for post in posts for estate in post["小区"]]
    assert sorted(watched) == sorted(estate for _, estate, _ in names.ESTATES)
    assert all(post[role] for post in posts for role in ROLES)
    assert all("2025-10-01" <= post["启用日期"] <= "2026-07-31" for post in posts)
    assert alliance.features["posts"]["lon"].notna().all()


def test_one_station_with_three_functions(alliance):
    station = alliance.features["stations"]
    assert len(station) == 1
    assert "佳源广场" in station["name"].iloc[0]
    about = attributes(station)[0]
    assert about["功能"] == list(STATION_FUNCTIONS)
    assert about["启用日期"].startswith("2026-06")


def test_volunteers(alliance):
    volunteers = alliance.features["volunteers"]
    assert len(volunteers) >= 550
    sending = np.array([about["随手拍"] == "是" for about in attributes(volunteers)])
    assert sending.sum() == 15
    assert set(volunteers["kind"][sending]) == {"快递外卖骑手"}
    joined = [
        about["加入日期"] for about, sends in zip(attributes(volunteers), sending, strict=True) if sends
    ]
    assert all("2026-06-01" <= day <= "2026-07-31" for day in joined)
    assert set(volunteers["village_id"]) == {village.code for village in names.VILLAGES}
    assert volunteers["lon"].isna().all()


def test_enterprises(alliance):
    enterprises = alliance.features["enterprises"]
    about = attributes(enterprises)
    assert len(enterprises) == 597
    assert enterprises["name"].is_unique
    assert sum(each["规上企业"] == "是" for each in about) == 74
    first = [kind for kind, each in zip(enterprises["kind"], about, strict=True) if each["批次"] == "第一批"]
    assert len(first) == 10
    assert set(first) == {"危化品使用", "有限空间作业", "喷涂"}
    grades = {each["风险等级"] for each in about if each["批次"]}
    assert grades <= {"红", "橙"}


def test_nobody_is_named(alliance):
    for role in ROLES:
        for post in attributes(alliance.features["posts"]):
            assert re.fullmatch(r"(物业负责人|民警|580队员|网格长)-[A-Z0-9]+", post[role])
    kinds = "|".join(alliance.features["volunteers"]["kind"].unique())
    assert alliance.features["volunteers"]["name"].str.fullmatch(rf"({kinds})\d{{3}}").all()
    for table in alliance.features.values():
        assert not table["attributes"].str.contains(r"1[3-9]\d{9}|电话|手机|身份证|姓名").any()


@pytest.mark.parametrize("kind", ["posts", "enterprises", "volunteers"])
def test_the_seed_decides(stage, kind):
    def built(seed):
        return build_alliance(stage.geography.ground, np.random.Generator(np.random.PCG64(seed))).features[
            kind
        ]

    assert built(5).equals(built(5))
    assert not built(5).equals(built(6))
