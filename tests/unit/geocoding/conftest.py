"""A small town of names, hand-made: doors along two roads, lanes, estates, landmarks, villages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from pingan_geo.coords import local_metres
from pingan_geo.geocoding.gazetteer import Gazetteer
from pingan_geo.geocoding.offline import OfflineGeocoder

PLANE = local_metres(120.619, 30.799)


@dataclass
class Town:
    """Where each name lies, metres from the seat, and what else a gazetteer is made of."""

    at: dict[str, tuple[float, float]]
    options: dict[str, Any] = field(default_factory=dict)

    def entries(self) -> pd.DataFrame:
        lon, lat = PLANE.inverse([x for x, _ in self.at.values()], [y for _, y in self.at.values()])
        rows = pd.DataFrame({"name": list(self.at), "lon": lon, "lat": lat})
        return rows.assign(kind="")

    def gazetteer(self, extra: list[dict[str, Any]] | None = None, **options: Any) -> Gazetteer:
        entries = self.entries()
        if extra:
            more = pd.DataFrame(extra)
            more["lon"], more["lat"] = PLANE.inverse(more.pop("x"), more.pop("y"))
            entries = pd.concat([entries, more], ignore_index=True)
        return Gazetteer.of(entries, **(self.options | options))

    def away(self, row: Any, x: float, y: float) -> float:
        """Metres from a located row to a point."""
        found_x, found_y = PLANE.forward(row.lon, row.lat)
        return float(np.hypot(found_x - x, found_y - y))


def _lines(**roads: list[tuple[float, float]]) -> gpd.GeoDataFrame:
    shapes = [
        shapely.LineString(np.column_stack(PLANE.inverse(*np.array(points, dtype=float).T)))
        for points in roads.values()
    ]
    return gpd.GeoDataFrame(
        {"code": [str(index) for index in range(len(roads))], "name": list(roads), "kind": ""},
        geometry=shapes,
        crs="EPSG:4326",
    )


def _box(west: float, south: float, east: float, north: float) -> Any:
    lon, lat = PLANE.inverse([west, east], [south, north])
    return shapely.box(lon[0], lat[0], lon[1], lat[1])


@pytest.fixture(scope="session")
def names_town() -> Town:
    at: dict[str, tuple[float, float]] = {}
    for number in (*range(100, 131), 150, 170):
        if number not in {121, 123}:
            at[f"新塍大道{number}号"] = ((number - 90) * 10.0, 12.0 if number % 2 else -12.0)
    for number in range(2, 40, 2):
        at[f"洛东路{number}号"] = (212.0, -800.0 + number * 20.0)
    at |= {
        "北街12号": (0.0, 505.0),
        "北街12弄": (80.0, 520.0),
        "北街12弄3号": (85.0, 540.0),
        "中山东路66号": (900.0, 600.0),
        "中山西路88号": (-900.0, 600.0),
        "新塍花苑": (-300.0, 200.0),
        "洛东花园": (350.0, -300.0),
        **{f"洛东花园{number}幢": (330.0 + 12 * number, -310.0 + 5 * number) for number in range(1, 7)},
        "民星一村": (-700.0, -500.0),
        "民星二村": (-700.0, -900.0),
        "民星一村12号": (-690.0, -510.0),
        "老供销社": (30.0, 515.0),
        "新塍镇人民政府": (-60.0, -30.0),
        "新塍中心小学": (-150.0, 80.0),
        "秀水平安岗": (-20.0, 350.0),
        "好又多超市": (-950.0, 950.0),
        "洛东村3组": (600.0, -900.0),
    }
    roads = _lines(
        新塍大道=[(-1000, 0), (1000, 0)],
        洛东路=[(200, -900), (200, 900)],
        虹桥路=[(-300, -900), (-300, 900)],
        北街=[(-200, 500), (190, 500)],
        环城路=[(-500, -100), (-500, 100), (600, 100), (600, -100)],
    )
    villages = gpd.GeoDataFrame(
        {"code": ["v1", "v2"], "name": ["洛东村", "西吴村"]},
        geometry=[_box(0, -1200, 1200, 1200), _box(-1200, -1200, 0, 1200)],
        crs="EPSG:4326",
    )
    return Town(
        at,
        {
            "roads": roads,
            "villages": villages,
            "area": _box(-1200, -1200, 1200, 1200),
            "town_names": ["浙江省", "嘉兴市", "秀洲区", "新塍镇"],
            "other_places": ["乌镇", "桐乡市", "王江泾镇"],
        },
    )


@pytest.fixture(scope="session")
def geocoder(names_town: Town) -> OfflineGeocoder:
    return OfflineGeocoder(names_town.gazetteer())


@pytest.fixture(scope="session")
def locate(geocoder: OfflineGeocoder) -> Any:
    """Locate one text."""

    def one(text: Any) -> Any:
        return next(geocoder.locate([text]).itertuples())

    return one
