"""What tests of several workflows make alike."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pingan_geo.coords import local_metres
from pingan_geo.spatial.cells import cells_of
from pingan_geo.spatial.grids import PolygonIndex
from pingan_geo.workflow.explore import index_reports

MIDDLE = (120.61575, 30.7935)
START = np.datetime64("2025-09-01", "s")


@pytest.fixture(scope="session")
def made_index():
    """Makes the index of made-up reports: metres from the tiny town's middle, days since 1 September 2025."""

    def make(town, x_m, y_m, day, **texts):
        x_m, y_m, day = (np.asarray(each, dtype=np.float64) for each in (x_m, y_m, day))
        lon, lat = local_metres(*MIDDLE).inverse(x_m, y_m)
        time = START + (day * 86_400).astype("timedelta64[s]")
        placed = {}
        for column, layer in (("village_id", "villages"), ("grid_id", "grids")):
            frame = town.layer(layer)
            codes = PolygonIndex(frame["code"].to_numpy(dtype=object), frame.geometry.to_numpy())
            placed[column] = codes.assign(lon, lat)
        usual = {"category": "TH1", "source": "派出所", "origin": "reported", "place": "", "description": ""}
        words = {
            name: pd.Series(np.broadcast_to(np.asarray(value, dtype=object), lon.size), dtype="str")
            for name, value in {**usual, **placed, **texts}.items()
        }
        numbers = {
            "report_id": np.arange(lon.size),
            "batch_id": np.ones(lon.size, dtype=np.int64),
            "time": time,
            "time_until": time,
            "lon": lon,
            "lat": lat,
            "cell": cells_of(lon, lat, town.settings.finest),
        }
        order = np.argsort(time, kind="stable")
        table = pd.DataFrame({**numbers, **words}).iloc[order].reset_index(drop=True)
        return index_reports(table, town.settings.board_of)

    return make
