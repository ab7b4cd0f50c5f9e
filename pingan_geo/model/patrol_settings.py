"""What a town says about its patrols, in the section ``[patrol]`` of ``town.toml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True)
class NoGo:
    """A circle that no patrol enters: WGS-84 degrees and metres."""

    lon: float
    lat: float
    radius_m: float
    name: str = ""


def _nothing() -> Mapping[str, tuple[int, int]]:
    return MappingProxyType({})


def _no_checks() -> Mapping[str, tuple[str, ...]]:
    return MappingProxyType({})


@dataclass(frozen=True)
class PatrolSettings:
    """How patrols of a town are planned.

    Parameters
    ----------
    teams, mode, start
        When a request does not say: how many teams, how they move (of :data:`pingan_geo.model.patrol.MODES`),
        name or number of the post, station or place where they set out; ``""``: the nearest to what is expected.
    dwell_min, sign_in_min
        Minutes at a stop, and at a post to sign in.
    break_after_h, break_min
        A shift longer than so many hours has a break of so many minutes.
    control_share, variety
        As :class:`pingan_geo.planning.patrol.PatrolRules`.
    spacing_m
        Two hotspots are not nearer to each other than this.
    walk_kmh, ebike_kmh, car_kmh
        Speeds; on roads those of cars are the road's own.
    straight_factor
        Metres of way for one metre of straight line, where no roads are known.
    due_days
        Days until a find must be settled, when its sheet names no day.
    levels
        Ascending shares of the risk of all places listed: up to the first is red, then orange, yellow, blue.
    windows
        Category code to the minutes of the day between which it can be seen: ``(1260, 1440)``; the second may
        be over 1440 (past midnight).
    checks
        Category code to what has to be looked at there.
    no_go
        Places that are not entered, besides those of the file ``no_go.geojson``.
    """

    teams: int = 2
    mode: str = "walk"
    start: str = ""
    dwell_min: float = 12.0
    sign_in_min: float = 3.0
    break_after_h: float = 4.0
    break_min: int = 15
    control_share: float = 0.1
    variety: float = 0.02
    spacing_m: float = 120.0
    walk_kmh: float = 4.5
    ebike_kmh: float = 15.0
    car_kmh: float = 25.0
    straight_factor: float = 1.4
    due_days: int = 3
    levels: tuple[float, float, float] = (0.25, 0.5, 0.75)
    windows: Mapping[str, tuple[int, int]] = field(default_factory=_nothing)
    checks: Mapping[str, tuple[str, ...]] = field(default_factory=_no_checks)
    no_go: tuple[NoGo, ...] = ()

    def speed_kmh(self, mode: str) -> float:
        """Return the speed of a mode."""
        return {"walk": self.walk_kmh, "ebike": self.ebike_kmh, "car": self.car_kmh}[mode]
