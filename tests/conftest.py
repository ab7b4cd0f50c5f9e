"""Fixtures that all tests share."""

from __future__ import annotations

import csv
import importlib.util
import json
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pingan_geo.workflow.towns import Town

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Real public data beside the project; tests that need it skip where it is absent."""
    folder = ROOT.parent / "shared"
    if not (folder / "data").is_dir():
        pytest.skip(
            "../shared is absent: the real data sets and reference values are not part of the project"
        )
    return folder


@pytest.fixture(scope="session")
def made_files() -> ModuleType:
    """Makes files in formats that no library here writes; see ``tests/made_files.py``."""
    spec = importlib.util.spec_from_file_location("made_files", ROOT / "tests" / "made_files.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def made_pack() -> ModuleType:
    """Makes a planned patrol and the ground under it; see ``tests/made_pack.py``."""
    spec = importlib.util.spec_from_file_location("made_pack", ROOT / "tests" / "made_pack.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def made_patrols() -> ModuleType:
    """Makes tasks for the planner of patrols; see ``tests/made_patrols.py``."""
    spec = importlib.util.spec_from_file_location("made_patrols", ROOT / "tests" / "made_patrols.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TINY_TOWN_REPORTS = 600
TINY_TOWN_NOW = datetime(2026, 3, 1, 9, 0)


@pytest.fixture(scope="session")
def tiny_town_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of a small seeded town of 3 km by 3 km.

    ``area``, ``grids`` and ``villages`` ``.geojson`` (nine grids of three villages tile it), ``reports.csv``
    (600 rows, all acceptable, Chinese headings), ``posts.csv``.
    """
    return write_tiny_town_files(tmp_path_factory.mktemp("tiny_town_files"))


def write_tiny_town_files(folder: Path) -> Path:
    """Write the files of the tiny town; the same bytes each time."""
    west, south, step_lon, step_lat = 120.60, 30.78, 0.0105, 0.009

    def box(column: int, row: int, columns: int = 1, rows: int = 1) -> list[list[list[float]]]:
        left, low = round(west + column * step_lon, 7), round(south + row * step_lat, 7)
        right, high = (
            round(west + (column + columns) * step_lon, 7),
            round(south + (row + rows) * step_lat, 7),
        )
        return [[[left, low], [right, low], [right, high], [left, high], [left, low]]]

    def write_layer(name: str, shapes: list[tuple[str, str, str, list[list[list[float]]]]]) -> None:
        features = [
            {
                "type": "Feature",
                "properties": {"code": code, "name": title, "parent": parent},
                "geometry": {"type": "Polygon", "coordinates": rings},
            }
            for code, title, parent, rings in shapes
        ]
        text = json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)
        (folder / f"{name}.geojson").write_text(text, encoding="utf-8")

    villages = ["330411104001", "330411104002", "330411104003"]
    write_layer("area", [("330411104", "小镇", "", box(0, 0, 3, 3))])
    write_layer(
        "villages",
        [(code, f"{'东中西'[row]}村", "330411104", box(0, row, 3, 1)) for row, code in enumerate(villages)],
    )
    write_layer(
        "grids",
        [
            (
                f"{villages[row]}00{column + 1}",
                f"{'东中西'[row]}村第{column + 1}网格",
                villages[row],
                box(column, row),
            )
            for row in range(3)
            for column in range(3)
        ],
    )
    draw = random.Random(20260301)
    spots = [(0.5, 0.5, "RD1"), (2.2, 1.4, "FW1"), (1.3, 2.6, "TH1")]
    with (folder / "reports.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["编号", "类别", "发生时间", "经度", "纬度", "地点", "描述"])
        for number in range(1, TINY_TOWN_REPORTS + 1):
            column, row, category = (
                spots[number % 3] if draw.random() < 0.6 else (draw.random() * 3, draw.random() * 3, "FR1")
            )
            x = min(max(column + draw.gauss(0, 0.08), 0.01), 2.99)
            y = min(max(row + draw.gauss(0, 0.08), 0.01), 2.99)
            day = datetime(2025, 9, 1) + timedelta(days=draw.randrange(180))
            hour = draw.choice([18, 19, 19, 20]) if category == "FW1" else draw.randrange(24)
            # every tenth is known to the day only
            time = (
                f"{day:%Y-%m-%d}"
                if number % 10 == 0
                else f"{day:%Y-%m-%d} {hour:02d}:{draw.randrange(60):02d}:00"
            )
            words = ["=1+1", '塍里有人说"漏电"', "两行\n描述", "飞线😀", ""][number % 5]
            rows.writerow(
                [
                    f"T{number:04d}",
                    category,
                    time,
                    round(west + x * step_lon, 6),
                    round(south + y * step_lat, 6),
                    f"路口{number % 7}",
                    words,
                ]
            )
    with (folder / "posts.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["编号", "名称", "经度", "纬度"])
        for number, (column, row) in enumerate([(0.5, 0.6), (2.1, 1.5), (1.2, 2.4)], 1):
            rows.writerow(
                [
                    f"P{number}",
                    f"平安岗{number}号",
                    round(west + column * step_lon, 6),
                    round(south + row * step_lat, 6),
                ]
            )
    return folder


@pytest.fixture(scope="session")
def tiny_town(tiny_town_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A small seeded town with 600 reports, made by the real workflow; shared, so never write to it."""
    town = make_tiny_town(tiny_town_files, tmp_path_factory.mktemp("tiny_town") / "town")
    yield town
    town.close()


def make_tiny_town(files: Path, folder: Path) -> Town:
    """Make the tiny town in ``folder`` from :func:`write_tiny_town_files`."""
    from pingan_geo.workflow.import_layers import import_layer
    from pingan_geo.workflow.import_reports import import_reports
    from pingan_geo.workflow.towns import create_town

    town = create_town(folder, area=files / "area.geojson", grids=files / "grids.geojson", name="小镇")
    import_layer(town, "villages", files / "villages.geojson", now=TINY_TOWN_NOW)
    import_layer(town, "posts", files / "posts.csv", now=TINY_TOWN_NOW)
    receipt = import_reports(town, files / "reports.csv", source="测试台账", now=TINY_TOWN_NOW)
    assert receipt.adds_up()
    assert receipt.accepted == TINY_TOWN_REPORTS, receipt
    return town


REVIEW_HEADINGS = ["编号", "类别", "时间", "经度", "纬度", "地址", "网格", "描述"]


@pytest.fixture
def review_town(tiny_town_files: Path, tmp_path: Path) -> Path:
    """The folder of a town in which eleven questions of all kinds wait, as two messy ledgers left them.

    Two unknown categories (``飞线乱接`` with a proposal, ``飞碟<b>`` without), two places (``平安缸1号``, a
    misspelling; ``老供销社``, unknown), one unknown grid, one file without a year, three pairs of likely
    duplicates, a time that cannot be read and a place outside the town.
    """
    from pingan_geo.workflow.import_layers import import_layer
    from pingan_geo.workflow.import_reports import import_reports
    from pingan_geo.workflow.towns import create_town

    files, now = tiny_town_files, TINY_TOWN_NOW
    town = create_town(
        tmp_path / "town", area=files / "area.geojson", grids=files / "grids.geojson", name="小镇"
    )
    settings = town.folder / "town.toml"
    closed = settings.read_text(encoding="utf-8").replace("open = true", "open = false")
    settings.write_text(closed, encoding="utf-8")
    import_layer(town, "posts", files / "posts.csv", now=now)

    def row(number: int, **cells: str) -> list[str]:
        good = ["", "FW1", f"2025-07-{number:02d} 10:00", "120.611", "30.791", "", "", ""]
        plain = dict(zip(REVIEW_HEADINGS, good, strict=True)) | {"编号": f"A{number}"}
        return list((plain | cells).values())

    nowhere = {"经度": "", "纬度": ""}
    ledgers = {
        "巡查.csv": [
            *(row(number, 类别="飞线乱接") for number in (1, 2, 3)),
            *(row(number, 类别="飞碟<b>") for number in (4, 5)),
            *(row(number, 网格="XC-9") for number in (6, 7)),
            *(row(number, 地址="平安岗1号对面", **nowhere) for number in (8, 9)),
            row(10, 地址="平安缸1号", **nowhere),
            row(11, 地址="老供销社", **nowhere),
            row(12, 时间="前天下午"),
            row(13, 经度="100.6"),
            *(row(number, 时间="2025-11-01 10:00", 描述="三楼飞线充电，楼道堵塞") for number in (14, 15)),
        ],
        "无年份.csv": [row(number, 时间="7月31日下午", 描述=f"第{number}户") for number in (20, 21, 22)],
    }
    for name, rows in ledgers.items():
        path = tmp_path / name
        with path.open("w", encoding="utf-8-sig", newline="") as stream:
            csv.writer(stream).writerows([REVIEW_HEADINGS, *rows])
        assert import_reports(town, path, now=now).adds_up()
    town.close()
    return town.folder
