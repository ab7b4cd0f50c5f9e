"""Geocoders in turn: what the first accepts is final, what it offers stays first."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from pingan_geo.geocoding.chain import locate_in_turn
from pingan_geo.model.place import LOCATED


def candidate(name, lon):
    return {"name": name, "level": "door", "lon": lon, "lat": 30.8, "radius_m": 50.0, "score": 0.9}


class Fixed:
    """Answers from a list: text → (status, reason, candidates)."""

    def __init__(self, name, answers):
        self.name, self.answers, self.asked = name, answers, []

    def locate(self, texts):
        self.asked.append(list(texts))
        rows = []
        for text in texts:
            status, reason, candidates = self.answers.get(text, ("rejected", "place_unknown", []))
            best = candidates[0] if candidates and status != "rejected" else None
            rows.append(
                {
                    "lon": best["lon"] if best else np.nan,
                    "lat": best["lat"] if best else np.nan,
                    "level": best["level"] if best else "",
                    "radius_m": best["radius_m"] if best else np.nan,
                    "score": best["score"] if best else 0.0,
                    "status": status,
                    "name": best["name"] if best else "",
                    "reason": reason,
                    "candidates": json.dumps(candidates, ensure_ascii=False),
                }
            )
        return pd.DataFrame(rows, columns=list(LOCATED.columns)).astype(dict(LOCATED.columns))


TEXTS = ["收", "疑", "无", "断", "远"]


def towns_own():
    return Fixed(
        "gazetteer",
        {
            "收": ("accepted", "", [candidate("北街1号", 120.601)]),
            "疑": ("review", "spelling", [candidate("北街2号", 120.602), candidate("北街3号", 120.603)]),
            "远": ("rejected", "elsewhere", [candidate("远方", 121.5)]),
        },
    )


def online():
    return Fixed(
        "amap",
        {
            "收": ("review", "online", [candidate("网上", 120.7)]),
            "疑": ("review", "online", [candidate("网上2", 120.71), candidate("北街3号", 120.603)]),
            "无": ("review", "online", [candidate("网上3", 120.72)]),
            "断": ("rejected", "online_error", []),
            "远": ("rejected", "elsewhere", []),
        },
    )


def names(row):
    return [each["name"] for each in json.loads(row["candidates"])]


def test_no_geocoders_and_no_texts_find_nothing():
    located = locate_in_turn(["北街"], [])
    assert (located["status"].tolist(), located["candidates"].tolist()) == (["rejected"], ["[]"])
    assert len(LOCATED.check(locate_in_turn([], [towns_own()]))) == 0


def test_only_what_is_open_goes_on():
    first, second = towns_own(), online()
    locate_in_turn(TEXTS, [first, second])
    assert first.asked == [TEXTS]
    assert second.asked == [["疑", "无", "断", "远"]]
    third = online()
    locate_in_turn(["收"], [towns_own(), third])
    assert third.asked == []


def test_each_row_is_one_geocoders_own():
    located = LOCATED.check(locate_in_turn(TEXTS, [towns_own(), online()]))
    assert located["status"].tolist() == ["accepted", "review", "review", "rejected", "rejected"]
    assert located["geocoder"].tolist() == ["gazetteer", "gazetteer", "amap", "", ""]
    assert located["reason"].tolist() == ["", "spelling", "online", "online_error", "elsewhere"]
    assert located["name"].tolist() == ["北街1号", "北街2号", "网上3", "", ""]
    assert located["lon"].tolist()[:3] == [120.601, 120.602, 120.72]
    assert located["lon"].isna().tolist() == [False, False, False, True, True]
    assert names(located.iloc[1]) == ["北街2号", "北街3号", "网上2"]
    assert names(located.iloc[4]) == ["远方"]


def test_what_a_later_one_accepts_counts_and_the_earlier_candidates_follow():
    later = Fixed("alias", {"疑": ("accepted", "", [candidate("老供销社", 120.65)])})
    row = locate_in_turn(["疑"], [towns_own(), later]).iloc[0]
    assert (row["status"], row["name"], row["geocoder"]) == ("accepted", "老供销社", "alias")
    assert names(row) == ["老供销社", "北街2号", "北街3号"]


def test_a_later_review_never_becomes_accepted_and_the_list_stays_short():
    many = Fixed(
        "amap", {"疑": ("review", "online", [candidate(f"网{n}", 120.7 + n / 100) for n in range(5)])}
    )
    row = locate_in_turn(["疑"], [towns_own(), many, many]).iloc[0]
    assert row["status"] == "review"
    assert names(row) == ["北街2号", "北街3号", "网0", "网1", "网2"]


def test_a_place_offered_is_kept_when_the_next_cannot_be_asked():
    down = Fixed("amap", {"疑": ("rejected", "online_error", [])})
    row = locate_in_turn(["疑"], [towns_own(), down]).iloc[0]
    assert (row["status"], row["reason"], row["name"]) == ("review", "spelling", "北街2号")
