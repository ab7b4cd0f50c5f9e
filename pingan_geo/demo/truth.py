"""The truth of the demo town, written beside it so that methods can be judged against what they cannot see."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pingan_geo.demo.effort import FAMILIES, Effort
from pingan_geo.demo.mesh import Floats
from pingan_geo.demo.rhythm import MONTHS
from pingan_geo.demo.spots import CATEGORIES, Spots


def risk_table(spots: Spots, risk: Floats) -> pd.DataFrame:
    """Return ``cell, category, incidents_per_year``: expected incidents, reported or not.

    Parameters
    ----------
    spots
        Gives the cells.
    risk
        (categories, cells).
    """
    return pd.DataFrame(
        {
            "cell": np.tile(spots.cells, len(CATEGORIES)),
            "category": pd.Categorical.from_codes(
                np.repeat(np.arange(len(CATEGORIES)), len(spots.cells)), categories=list(CATEGORIES)
            ),
            "incidents_per_year": risk.ravel(),
        }
    )


def effort_table(spots: Spots, effort: Effort, risk: Floats) -> pd.DataFrame:
    """Return ``cell, month, share`` and a share for each family of categories.

    ``share`` is that of all incidents of the cell; families differ, because the police see thefts and
    couriers see wires.
    """
    codes = list(CATEGORIES)
    weights = np.stack(
        [risk[[codes.index(code) for code in codes if code[:2] == family]].sum(axis=0) for family in FAMILIES]
    )
    weights = weights + 1e-12
    weights /= weights.sum(axis=0)
    seen = np.stack([effort.seen[family] for family in FAMILIES])
    share = (weights[:, :, None] * seen).sum(axis=0)
    number = len(MONTHS)
    table = {
        "cell": np.repeat(spots.cells, number),
        "month": pd.Categorical.from_codes(
            np.tile(np.arange(number), len(spots.cells)), categories=[str(month) for month in MONTHS]
        ),
        "share": np.round(share, 4).ravel(),
    }
    table |= {f"share_{family}": effort.seen[family].ravel() for family in FAMILIES}
    return pd.DataFrame(table)


README = """# 真值 / The truth

**合成数据：不是真实新塍镇的情况。Synthetic: this is not the real Xincheng.**

示范镇的上报由程序按已知的“真实风险”和“观察力度”抽样产生。这里写下这两样，供检验方法之用；软件本身从不读取本文件夹。

- `risk.parquet`：`cell`（H3 第 10 级单元）、`category`（类别）、`incidents_per_year`（每年预期发生的事件数，不论是否有人上报，含盗窃的近重复）。
  风险在 18 个月内没有增减趋势，只有季节、星期、时段的变化。`--reports 0` 时按 12,000 条上报的规模给出。
- `effort.parquet`：`cell`、`month`、`share`（该单元该月事件中至少被一人看到并上报的比例），以及各大类的 `share_FW` 等
  （FW 用电充电，FR 起火，RD 道路，TH 盗窃，LF 失物，EN 企业，CF 纠纷）。志愿者逐月增加、平安岗陆续启用、平安驿 2026 年 6 月开张、
  骑手 6 至 7 月加入，所以上报增多而风险不增。
- 某类某单元某月的预期首次上报数 = `incidents_per_year` × 该月占全年的份额 × `share_大类`。另有 5.5 % 是同一事件的重复上报，
  5 % 是巡查发现（`origin = found`），二者不在此式内。
- 上报的坐标有误差（见 `radius_m`），会落到相邻单元；真值按事件真实位置计。

The reports of the demo town are drawn from a known risk and a known effort of observation. Both are written here so
that methods can be judged; the software itself never reads this folder.

- `risk.parquet`: `cell` (H3 resolution 10), `category`, `incidents_per_year` (expected incidents, reported or not, with
  the near repeats of thefts). Over the 18 months the risk has seasons, weekdays and hours, but no trend. With
  `--reports 0` it is that of a town with 12,000 reports.
- `effort.parquet`: `cell`, `month`, `share` (of the incidents of that cell and month that at least one person saw and
  reported), and `share_FW` … for each family (FW wiring and charging, FR fire, RD roads, TH theft, LF lost and found,
  EN enterprises, CF disputes). Volunteers grow in number, posts open one by one, the station opens in June 2026 and
  couriers join in June and July: reports rise, the risk does not.
- Expected first reports of a category in a cell and month = `incidents_per_year` × the month's part of a year ×
  `share_` of its family. Another 5.5 % of all rows are further reports of the same incident, and 5 % were found by
  patrols (`origin = found`); neither is in this formula.
- Coordinates of reports have errors (see `radius_m`) and may lie in a neighbouring cell; the truth is at the true place.
"""
