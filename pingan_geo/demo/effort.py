"""Who sees how much of what happens: the share of incidents that comes to be reported.

Reporters mostly see where they ride and stand. Volunteers grow in number, posts open one after the other, the
station opens in June 2026 and couriers join in June and July: reports rise though the risk does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from pingan_geo.demo.alliance import Alliance
from pingan_geo.demo.geography import Ground
from pingan_geo.demo.mesh import Floats
from pingan_geo.demo.rhythm import MONTHS
from pingan_geo.demo.spots import KINDS, Spots
from pingan_geo.spatial import cells as h3_cells

#: Ledgers from which reports come.
SOURCES = ("随手拍", "平安驿", "平安岗", "派出所", "12345")
FAMILIES = ("FW", "FR", "RD", "TH", "LF", "EN", "CF")
#: Family to how far each source takes such incidents in.
_TAKES: dict[str, tuple[float, ...]] = {
    "FW": (1.0, 0.8, 1.0, 0.15, 0.5),
    "FR": (0.8, 0.4, 1.0, 1.0, 0.6),
    "RD": (1.0, 0.6, 0.3, 0.2, 1.0),
    "TH": (0.10, 0.25, 0.8, 3.5, 0.25),
    "LF": (0.25, 1.6, 0.5, 1.2, 0.5),
    "EN": (0.6, 0.5, 0.15, 0.25, 1.0),
    "CF": (0.05, 0.5, 0.9, 1.4, 1.0),
}


@dataclass(frozen=True)
class Effort:
    """Shares of incidents seen.

    Parameters
    ----------
    by_source
        (sources, cells, months) how much of what happens a source would see.
    seen
        Family to (cells, months): share of incidents that at least one source sees.
    patrolled
        (cells, months) where patrols go: relative, for finds.
    """

    by_source: Floats
    seen: dict[str, Floats]
    patrolled: Floats

    def source_weights(self, family: str) -> Floats:
        """Return (sources, cells, months): how likely each source is to be the one that reports."""
        takes = np.array(_TAKES[family])[:, None, None]
        return np.asarray(np.minimum(self.by_source * takes, 0.95))


def build_effort(spots: Spots, ground: Ground, alliance: Alliance, rng: np.random.Generator) -> Effort:
    """Return how much of what happens is seen, per cell and month."""
    centres = np.column_stack(ground.plane.forward(*h3_cells.centres(spots.cells)))
    month_ends = (MONTHS + 1).astype("datetime64[D]")
    dwellings = np.isin(spots.kind, [KINDS.index(kind) for kind in ("estate", "old", "hamlet")])
    people = _closeness(centres, spots.xy[dwellings], spots.size[dwellings], 260.0)
    streets = np.isin(
        spots.kind, [KINDS.index(kind) for kind in ("shop", "main", "street", "lane", "public")]
    )
    # Some streets lie on everyone's way, others on nobody's.
    routes = np.exp(rng.normal(0, 0.9, len(spots.place_names)))
    ride = (
        routes[spots.place]
        * np.array([{"shop": 1.6, "street": 1.0, "public": 1.0, "main": 0.7}.get(k, 0.22) for k in KINDS])[
            spots.kind
        ]
    )
    ridden = _closeness(centres, spots.xy[streets], ride[streets], 170.0)

    flat = np.ones(len(MONTHS))
    desk = (0.10 + 0.12 * people)[:, None] * flat
    police = (0.07 + 0.10 * people)[:, None] * flat
    open_share = np.clip((month_ends[:, None] - alliance.post_opened[None, :]).astype(float) / 30, 0, 1)
    near_post = np.exp(-0.5 * (_distances(centres, alliance.post_xy) / 190.0) ** 2)
    posts = 0.42 * (near_post[:, None, :] * open_share[None, :, :]).max(axis=2)
    station_open = np.clip((month_ends - alliance.station_opened).astype(float) / 30, 0, 1)
    station = (
        0.30
        * np.exp(-0.5 * (_distances(centres, alliance.station_xy)[:, 0] / 800.0) ** 2)[:, None]
        * station_open
    )
    joined = (alliance.volunteer_joined[None, :] < month_ends[:, None]).mean(axis=1)
    sending = (alliance.volunteer_joined[alliance.volunteer_sends][None, :] < month_ends[:, None]).mean(
        axis=1
    )
    pictures = 0.30 * (0.15 + ridden)[:, None] * joined + 0.34 * ridden[:, None] * sending
    by_source = np.stack([pictures, station, posts, police, desk])

    seen = {}
    for family in FAMILIES:
        takes = np.array(_TAKES[family])[:, None, None]
        missed = np.prod(1 - np.minimum(by_source * takes, 0.95), axis=0)
        seen[family] = np.round(1 - missed, 4)
    patrolled = 0.02 + 1.4 * posts + 0.35 * ridden[:, None] * flat
    return Effort(by_source, seen, patrolled)


def _closeness(at: Floats, xy: Floats, weight: Floats, width_m: float) -> Floats:
    """Return a Gaussian density of weighted points at ``at``, from 0 to 1; the busiest 3 % are all 1."""
    near = cKDTree(at).sparse_distance_matrix(cKDTree(xy), 3 * width_m, output_type="coo_matrix")
    kernel = np.exp(-0.5 * (near.data / width_m) ** 2) * weight[near.col]
    density = np.bincount(near.row, weights=kernel, minlength=len(at))
    return np.asarray(np.minimum(1.0, density / np.quantile(density, 0.97)))


def _distances(at: Floats, xy: Floats) -> Floats:
    return np.hypot(at[:, None, 0] - xy[None, :, 0], at[:, None, 1] - xy[None, :, 1])
