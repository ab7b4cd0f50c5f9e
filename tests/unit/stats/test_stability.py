from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from pingan_geo.coords import local_metres
from pingan_geo.errors import BadChoiceError, UnalignedIndexError
from pingan_geo.spatial.cells import cells_of, centres, disk, outlines
from pingan_geo.stats.stability import _lattice, stability

RESOLUTION = 9
MIDDLE = cells_of([120.62], [30.80], RESOLUTION)[0]
AREA = disk(MIDDLE, 8)
PLANE = local_metres(120.62, 30.80)


def generator(seed=5):
    return np.random.default_rng(seed)


def around(centre, spread_m, number, rng):
    """Return reports around the centre of a cell, degrees."""
    x, y = PLANE.forward(*centres(np.array([centre], dtype=np.uint64)))
    step = rng.normal(0, spread_m, (2, number))
    return PLANE.inverse(x + step[0], y + step[1])


def evenly(number, rng):
    lon, lat = centres(AREA)
    return rng.uniform(lon.min(), lon.max(), number), rng.uniform(lat.min(), lat.max(), number)


def together(*parts):
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def ask(lon, lat, listed, **changes):
    options = {"listed": listed, "shifts": 20, "bootstraps": 20, "rng": generator()} | changes
    return stability(lon, lat, AREA, RESOLUTION, **options)


# -- refused ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"shifts": 0, "bootstraps": 0},
        {"shifts": -1},
        {"bootstraps": -1},
        {"listed": [MIDDLE, MIDDLE]},
        {"listed": cells_of([121.0], [31.0], RESOLUTION)},
        {"other_resolutions": (16,)},
    ],
)
def test_what_cannot_be_recounted_is_refused(changes):
    with pytest.raises(BadChoiceError):
        ask([120.62], [30.80], **{"listed": [MIDDLE]} | changes)


def test_cells_of_another_resolution_are_refused():
    with pytest.raises(BadChoiceError):
        stability([120.62], [30.8], AREA, 10, listed=[MIDDLE], rng=generator())


def test_coordinates_must_belong_together():
    with pytest.raises(UnalignedIndexError):
        ask([120.62, 120.63], [30.80], [MIDDLE])


# -- answers ----------------------------------------------------------------------------------------


def test_nothing_listed_and_nothing_reported():
    assert ask([120.62], [30.80], []).size == 0
    assert np.isnan(ask([], [], [MIDDLE])).all()
    assert np.isnan(ask([np.nan], [30.80], [MIDDLE])).all()


def test_a_strong_hot_spot_survives_everything_and_a_chance_one_does_not():
    rng = generator(1)
    strong = around(MIDDLE, 25, 300, rng)
    rest = evenly(600, rng)
    weak = AREA[
        np.argsort(
            [np.hypot(*(np.array(PLANE.forward(*centres(AREA[[n]]))).ravel())) for n in range(AREA.size)]
        )[150]
    ]
    share = ask(
        *together(strong, rest), np.array([MIDDLE, weak]), shifts=40, bootstraps=40, other_resolutions=(8, 10)
    )
    assert share[0] == 1.0
    assert share[1] < 0.3


def test_a_hot_spot_made_by_a_border_is_known_by_shifting():
    """Ten groups of thirty reports; one of them is cut by no border, the others lie where three cells meet."""
    rng = generator(2)
    lattice = AREA[::20][:10]
    corners = []
    for cell in lattice[1:]:
        corner = np.array(outlines(np.array([cell]))[0].exterior.coords)[0]
        x, y = PLANE.forward(*corner)
        step = rng.normal(0, 15, (2, 30))
        corners.append(PLANE.inverse(x + step[0], y + step[1]))
    lon, lat = together(around(lattice[0], 15, 30, rng), *corners)
    listed = lattice[:1]
    assert ask(lon, lat, listed, shifts=0)[0] >= 0.9
    assert ask(lon, lat, listed, shifts=200, bootstraps=0)[0] < 0.5


def test_a_shift_is_measured_back_on_unshifted_ground():
    rng = generator(3)
    lon, lat = around(MIDDLE, 1, 50, rng)
    neighbours = np.setdiff1d(disk(MIDDLE, 2), disk(MIDDLE, 1))
    assert ask(lon, lat, [MIDDLE], bootstraps=0, shifts=100)[0] == 1.0
    assert (ask(lon, lat, neighbours[:1], bootstraps=0, shifts=100) == 0.0).all()


def test_bootstrap_share_is_that_of_a_multinomial():
    """Two cells with 12 and 8 reports and one place: the first wins by a binomial, ties count half."""
    first, second = AREA[10], AREA[60]
    rng = generator(4)
    lon, lat = together(around(first, 1, 12, rng), around(second, 1, 8, rng))
    share = ask(lon, lat, [first], shifts=0, bootstraps=4000)[0]
    assert share == pytest.approx(binom.sf(10, 20, 0.6) + 0.5 * binom.pmf(10, 20, 0.6), abs=0.03)


def test_equal_cells_share_the_places():
    four = AREA[[5, 45, 90, 130]]
    rng = generator(6)
    lon, lat = together(*(around(cell, 1, 3, rng) for cell in four))
    assert ask(lon, lat, four[:1], shifts=30, bootstraps=0)[0] == pytest.approx(0.25)


def test_kinds_weigh_the_same_whatever_their_numbers():
    rng = generator(7)
    lon, lat = together(around(MIDDLE, 120, 12, rng), evenly(900, rng))
    alone = [
        ask(lon, lat, [MIDDLE], shifts=0, bootstraps=0, other_resolutions=(8, 10))[0],
        ask(lon, lat, [MIDDLE], shifts=25, bootstraps=0)[0],
    ]
    assert abs(alone[0] - alone[1]) > 0.1
    both = ask(lon, lat, [MIDDLE], shifts=25, bootstraps=0, other_resolutions=(8, 10))[0]
    assert both == pytest.approx(np.mean(alone))


def test_the_order_of_the_list_and_the_seed():
    rng = generator(8)
    lon, lat = evenly(1500, rng)
    found, counts = np.unique(cells_of(lon, lat, RESOLUTION), return_counts=True)
    listed = found[np.argsort(-counts)]
    listed = listed[np.isin(listed, AREA)][:10]
    share = ask(lon, lat, listed)
    assert ((share >= 0) & (share <= 1)).all()
    assert share.tolist() == ask(lon, lat, listed).tolist()
    assert share.tolist() != ask(lon, lat, listed, rng=generator(9)).tolist()
    assert ask(lon, lat, listed[::-1])[-1] == pytest.approx(share[0], abs=0.25)


def test_reports_outside_the_area_do_not_count():
    rng = generator(10)
    lon, lat = around(MIDDLE, 20, 20, rng)
    away = np.full(500, 121.5), np.full(500, 31.5)
    assert ask(*together((lon, lat), away), [MIDDLE])[0] == 1.0


def test_every_position_of_the_grid_is_as_likely():
    """A place moved by all steps lies in its cells as places strewn evenly over many cells lie in theirs."""
    rng = generator(11)
    start = np.column_stack(centres(np.array([MIDDLE])))
    steps = rng.uniform(size=(60_000, 2)) @ _lattice(MIDDLE)
    strewn = rng.uniform(-0.012, 0.012, (60_000, 2))

    def within(offsets):
        moved = (start + offsets).T
        at = PLANE.forward(*centres(cells_of(*moved, RESOLUTION)))
        return np.column_stack(PLANE.forward(*moved)) - np.column_stack(at)

    one, other = within(steps), within(strewn)
    assert np.abs(one.mean(axis=0)).max() < 3.0
    assert np.allclose(np.cov(one.T), np.cov(other.T), atol=0.03 * np.cov(other.T)[0, 0])
