"""The demo's ground and people, made once for all tests of this folder."""

from __future__ import annotations

import numpy as np
import pytest

from pingan_geo.demo.alliance import build_alliance
from pingan_geo.demo.effort import build_effort
from pingan_geo.demo.geography import build_geography
from pingan_geo.demo.happenings import Stage, let_happen
from pingan_geo.demo.rhythm import build_rhythms
from pingan_geo.demo.spots import build_spots, risk_of_spots


def generator(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


@pytest.fixture(scope="session", params=[1, 2])
def geography(request):
    return build_geography(generator(request.param))


@pytest.fixture(scope="session")
def stage():
    ground = build_geography(generator(11))
    alliance = build_alliance(ground.ground, generator(12))
    spots = build_spots(ground, alliance, generator(13))
    return Stage(
        ground,
        alliance,
        spots,
        risk_of_spots(spots, generator(14)),
        build_rhythms(generator(15)),
        build_effort(spots, ground.ground, alliance, generator(16)),
    )


@pytest.fixture(scope="session")
def alliance(stage):
    return stage.alliance


@pytest.fixture(scope="session")
def many(stage):
    """Enough reports for shares to be steady."""
    return let_happen(stage, 60_000, generator(18))
