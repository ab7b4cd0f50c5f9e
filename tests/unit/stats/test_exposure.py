from __future__ import annotations

import numpy as np
import pytest

from pingan_geo.errors import BadChoiceError, UnalignedIndexError
from pingan_geo.spatial.cells import cells_of, centres, disk, neighbour_pairs
from pingan_geo.stats.exposure import Effort, corrected_risk, dark_cells, effort, nearness

CELLS = disk(cells_of([120.62], [30.80], 9)[0], 14)
LEFT, RIGHT = neighbour_pairs(CELLS)
NUMBER = CELLS.size
HOTLINE, PICTURES = 0, 1
LON = centres(CELLS)[0]
EAST = np.median(LON) < LON
EVEN = Effort(np.ones(NUMBER), np.zeros(NUMBER))


def made_counts(rng, watched, *, families=4, calls=1.0, pictures=2.0, risk=None):
    """Return families x (hotline, pictures) x cells: the hotline hears of a cell evenly, pictures where watched."""
    happens = np.ones((families, NUMBER)) if risk is None else risk
    return np.stack([rng.poisson(happens * calls), rng.poisson(happens * pictures * watched)], axis=1)


@pytest.fixture
def rng():
    return np.random.default_rng(20)


def ask(counts, family=0, **options):
    return effort(counts, family, LEFT, RIGHT, **{"steady": [HOTLINE]} | options)


# -- refused ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"family": 4},
        {"family": -1},
        {"steady": [2]},
        {"steady": [-1]},
        {"steady": ()},  # nothing steady and no people
        {"rounds": -1},
        {"prior_reports": 0.0},
        {"steady_varies": -0.1},
        {"steady_varies": np.nan},
        {"traces": np.full(NUMBER, np.nan)},
        {"steady": (), "people": -np.ones(NUMBER)},
        {"steady": (), "people": np.zeros(NUMBER)},
    ],
)
def test_effort_refuses_what_it_cannot_use(rng, options):
    with pytest.raises(BadChoiceError):
        ask(made_counts(rng, np.ones(NUMBER)), **options)


@pytest.mark.parametrize("counts", [np.ones(5), np.ones((1, 2, NUMBER)), -np.ones((3, 2, NUMBER))])
def test_effort_needs_other_families_and_real_counts(counts):
    with pytest.raises(BadChoiceError):
        ask(counts)


def test_effort_says_nothing_without_steady_reports_of_others(rng):
    counts = made_counts(rng, np.ones(NUMBER))
    counts[1:, HOTLINE] = 0
    with pytest.raises(BadChoiceError):
        ask(counts)


def test_arrays_of_another_length_are_refused(rng):
    counts = made_counts(rng, np.ones(NUMBER))
    with pytest.raises(UnalignedIndexError):
        ask(counts, traces=np.ones(NUMBER - 1))
    with pytest.raises(UnalignedIndexError):
        effort(counts, 0, LEFT[:-1], RIGHT, steady=[HOTLINE])
    with pytest.raises(BadChoiceError):
        effort(counts[:, :, :5], 0, LEFT, RIGHT, steady=[HOTLINE])
    with pytest.raises(UnalignedIndexError):
        dark_cells(np.ones(3), EVEN, np.ones(NUMBER), LEFT, RIGHT)
    with pytest.raises(UnalignedIndexError):
        corrected_risk(np.ones(3), EVEN, LEFT, RIGHT)
    with pytest.raises(UnalignedIndexError):
        nearness([0.0], [0.0, 1.0], [0.0], [0.0], 100.0)
    with pytest.raises(UnalignedIndexError):
        nearness([0.0], [0.0], [0.0], [0.0], 100.0, weights=[1.0, 2.0])


def test_limits_that_make_no_sense_are_refused():
    with pytest.raises(BadChoiceError):
        nearness([0.0], [0.0], [0.0], [0.0], 0.0)
    with pytest.raises(BadChoiceError):
        corrected_risk(np.ones(NUMBER), EVEN, LEFT, RIGHT, level=1.0)
    with pytest.raises(BadChoiceError):
        corrected_risk(-np.ones(NUMBER), EVEN, LEFT, RIGHT)
    with pytest.raises(BadChoiceError):
        dark_cells(np.ones(NUMBER), EVEN, np.ones(NUMBER), LEFT, RIGHT, most_share=-1.0)


# -- traces -----------------------------------------------------------------------------------------


def test_nearness_is_a_sum_of_weighted_gaussians():
    near = nearness(
        [0.0, 100.0, np.nan], [0.0, 0.0, 0.0], [0.0, 900.0], [0.0, 0.0], 100.0, weights=[1.0, 0.5, 9.0]
    )
    assert near[0] == pytest.approx(1.0 + 0.5 * np.exp(-0.5))
    assert near[1] == 0.0
    assert nearness([], [], [0.0, 1.0], [0.0, 1.0], 50.0).tolist() == [0.0, 0.0]


# -- effort -----------------------------------------------------------------------------------------


def test_an_evenly_watched_town_gives_an_even_effort(rng):
    found = ask(made_counts(rng, np.ones(NUMBER)))
    assert found.share.mean() == pytest.approx(1.0, abs=0.02)
    assert found.share.std() < 0.15


def test_a_watched_half_is_found_and_how_much_it_is_watched(rng):
    watched = np.where(EAST, 3.0, 0.5)
    found = ask(made_counts(rng, watched))
    ratio = found.share[EAST].mean() / found.share[~EAST].mean()
    # the hotline hears 1 of each, pictures bring 2 times watched
    assert ratio == pytest.approx((1 + 2 * 3.0) / (1 + 2 * 0.5), rel=0.15)


def test_where_more_happens_is_not_taken_for_where_more_look(rng):
    risk = np.where(EAST, 5.0, 0.5) * np.ones((4, 1))
    found = ask(made_counts(rng, np.ones(NUMBER), risk=risk))
    assert found.share[EAST].mean() / found.share[~EAST].mean() == pytest.approx(1.0, abs=0.1)


def test_families_that_come_by_other_channels_are_no_watchers(rng):
    """Family 1 comes by pictures, family 2 by the hotline; their places differ and all are watched evenly."""
    risk = np.ones((3, NUMBER))
    risk[1] = np.where(EAST, 6.0, 0.5)
    calls, pictures = np.array([1.0, 0.3, 2.0]), np.array([1.0, 3.0, 0.2])
    counts = np.stack([rng.poisson(risk * calls[:, None]), rng.poisson(risk * pictures[:, None])], axis=1)
    found = ask(counts)
    assert found.share[EAST].mean() / found.share[~EAST].mean() == pytest.approx(1.0, abs=0.1)


def test_a_familys_own_places_never_enter_its_effort(rng):
    counts = made_counts(rng, np.where(EAST, 3.0, 0.5))
    moved = counts.copy()
    moved[0] = moved[0][:, rng.permutation(NUMBER)]
    assert np.array_equal(ask(counts).share, ask(moved).share)
    assert not np.array_equal(ask(counts, 1).share, ask(moved, 1).share)


def test_a_family_that_comes_by_the_steady_channel_is_seen_evenly(rng):
    counts = made_counts(rng, np.where(EAST, 3.0, 0.5))
    counts[0, HOTLINE], counts[0, PICTURES] = 10, 0
    found = ask(counts)
    assert found.share.max() / found.share.min() < 1.05


def test_thin_cells_are_drawn_to_the_town_and_less_certain(rng):
    watched = np.where(EAST, 3.0, 0.5)
    many, few = ask(made_counts(rng, watched)), ask(made_counts(rng, watched, calls=0.004, pictures=0.008))
    assert few.share.std() < 0.5 * many.share.std()
    assert few.uncertainty.mean() > many.uncertainty.mean()
    assert (ask(made_counts(rng, watched), steady_varies=0.0).uncertainty < many.uncertainty).all()


def test_traces_tell_what_thin_reports_cannot(rng):
    posts = rng.uniform(0, 1, NUMBER) > 0.8
    watched = np.where(posts, 4.0, 0.4)
    counts = made_counts(rng, watched, calls=0.3, pictures=0.6)
    apart = np.log(1 + 2 * watched)
    plain, traced = (
        np.corrcoef(np.log(ask(counts, traces=t).share), apart)[0, 1] for t in (None, posts.astype(float))
    )
    assert traced > plain + 0.3
    useless = ask(counts, traces=rng.uniform(0, 1, (NUMBER, 2)))
    assert np.corrcoef(useless.share, ask(counts).share)[0, 1] > 0.8


def test_a_trace_that_is_the_same_everywhere_changes_nothing(rng):
    counts = made_counts(rng, np.where(EAST, 3.0, 0.5))
    assert np.allclose(ask(counts).share, ask(counts, traces=np.ones((NUMBER, 1))).share)


def test_a_single_ledger_is_compared_with_people(rng):
    people = rng.uniform(5, 50, NUMBER)
    watched = np.where(EAST, 3.0, 0.5)
    counts = rng.poisson(0.1 * people * watched, (3, NUMBER))
    found = ask(counts, steady=(), people=people)
    assert found.share[EAST].mean() / found.share[~EAST].mean() > 3.0


# -- dark cells -------------------------------------------------------------------------------------


def test_dark_cells_have_people_and_no_eyes():
    people = np.full(NUMBER, 30.0)
    people[:40] = 3.0
    observed = np.where(EAST, 2.0, 0.0)
    share = np.ones(NUMBER)
    share[60] = 0.4
    dark = dark_cells(people, Effort(share, np.full(NUMBER, 0.3)), observed, LEFT, RIGHT)
    beside = np.zeros(NUMBER, dtype=bool)
    beside[LEFT[EAST[RIGHT]]] = True
    beside[RIGHT[EAST[LEFT]]] = True
    assert dark.tolist() == ((people >= 10) & ((~EAST & ~beside) | (np.arange(NUMBER) == 60))).tolist()
    assert not dark_cells(np.zeros(NUMBER), EVEN, observed, LEFT, RIGHT, least_people=0.0).any()


# -- corrected risk ---------------------------------------------------------------------------------


def test_corrected_risk_stands_beside_the_count(rng):
    counts = rng.poisson(1.0, NUMBER)
    table = corrected_risk(counts, EVEN, LEFT, RIGHT, others=rng.poisson(3.0, NUMBER))
    assert list(table.columns) == ["raw", "corrected", "low", "high"]
    assert table["raw"].tolist() == counts.tolist()
    assert (table["low"] <= table["corrected"]).all()
    assert (table["corrected"] <= table["high"]).all()
    assert table["corrected"].sum() == pytest.approx(counts.sum(), rel=0.02)


def test_without_reports_there_is_no_risk_to_speak_of():
    table = corrected_risk(np.zeros(NUMBER), EVEN, LEFT, RIGHT)
    assert table[["corrected", "low"]].to_numpy().max() == 0.0
    assert table["high"].isna().all()


def test_a_hot_spot_that_is_only_looked_at_more_is_levelled(rng):
    watched = np.where(EAST, 3.0, 0.5)
    counts = rng.poisson(2.0 * watched)
    table = corrected_risk(counts, Effort(watched, np.zeros(NUMBER)), LEFT, RIGHT)
    assert counts[EAST].mean() / counts[~EAST].mean() > 5
    assert table["corrected"][EAST].mean() / table["corrected"][~EAST].mean() == pytest.approx(1.0, abs=0.2)


def test_one_report_where_nobody_looks_is_no_hot_spot(rng):
    counts = rng.poisson(0.5, NUMBER)
    hot = NUMBER // 2
    counts[hot] = 12
    lonely = int(np.flatnonzero(np.arange(NUMBER) < 20)[0])
    counts[lonely] = 1
    seen = np.ones(NUMBER)
    seen[lonely] = 0.05
    table = corrected_risk(counts, Effort(seen, np.zeros(NUMBER)), LEFT, RIGHT)
    assert counts[lonely] / seen[lonely] > counts[hot]
    assert table["corrected"][hot] == table["corrected"].max()


def test_uncertain_effort_widens_the_interval(rng):
    counts = rng.poisson(rng.gamma(0.5, 6.0, NUMBER))
    sure, unsure = (
        corrected_risk(counts, Effort(np.ones(NUMBER), np.full(NUMBER, doubt)), LEFT, RIGHT)
        for doubt in (0.0, 0.5)
    )
    assert np.allclose(sure["corrected"], unsure["corrected"])
    assert (sure["high"] - sure["low"] < unsure["high"] - unsure["low"])[counts > 0].all()


@pytest.mark.parametrize("shape", [0.3, 8.0])
def test_the_interval_holds_on_its_own_model(rng, shape):
    risk = rng.gamma(shape, 4.0 / shape, NUMBER)
    seen = np.exp(rng.normal(0, 0.4, NUMBER))
    table = corrected_risk(rng.poisson(risk * seen), Effort(seen, np.zeros(NUMBER)), LEFT, RIGHT)
    assert ((table["low"] <= risk) & (risk <= table["high"])).mean() == pytest.approx(0.95, abs=0.03)


def test_what_stands_there_tells_cells_without_reports_apart(rng):
    plants = rng.poisson(0.5, NUMBER).astype(float)
    counts = rng.poisson(0.2 * plants)
    table = corrected_risk(counts, EVEN, LEFT, RIGHT, places=plants)
    empty = counts == 0
    assert table["corrected"][empty & (plants > 1)].min() > table["corrected"][empty & (plants == 0)].max()
