"""Where reporters look: effort, cells with people and no eyes, and risk corrected for effort.

A report needs an incident and somebody who sees it. From one kind of report the two cannot be told apart,
and no statistic can do it without saying what it takes for granted. What is taken for granted here: some
channels are open to everyone everywhere (a hotline, the police), so that the mix of channels in a place says
how much the others look there. A place with many volunteers' pictures for each call to the hotline is
watched more than one with few. The family of categories in question never enters the estimate of its own
effort cell by cell, or a real hot spot would be explained away as attention.

Nothing here replaces the counts: a corrected number stands beside the raw one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from scipy.spatial import cKDTree
from scipy.special import gammaincinv, gammaln

from pingan_geo.errors import BadChoiceError, UnalignedIndexError

Floats = NDArray[np.float64]

#: A place's own reports count as much as the town's mean when about so many were to be expected.
PRIOR_REPORTS: Final = 4.0
#: How often counts are spread to the neighbours; five rounds reach about 600 m at H3 resolution 9.
ROUNDS: Final = 5
#: A family's own mix of channels counts as much as that of all others from so many reports on.
_MIX_REPORTS: Final = 20.0
_RIDGE: Final = 3.0
#: How much the use of the steady channels is taken to differ between places: standard deviation of its
#: logarithm. Nothing in the reports tells it.
STEADY_VARIES: Final = 0.3
_REACH: Final = 4.0
_STEPS: Final = 60


@dataclass(frozen=True, eq=False)
class Effort:
    """How much is seen in each cell, compared with the town.

    Parameters
    ----------
    share
        1 is the town's mean (over the places where things are reported by the steady channels), 2 twice as
        much. It is relative: how much of all incidents is seen is not known.
    uncertainty
        Standard deviation of the natural logarithm of ``share``. 0.3 means within a factor of 1.8 in 95 of
        100 cases, if what is taken for granted holds.
    """

    share: Floats
    uncertainty: Floats


def nearness(
    x_m: ArrayLike,
    y_m: ArrayLike,
    at_x_m: ArrayLike,
    at_y_m: ArrayLike,
    reach_m: float,
    *,
    weights: Any = None,
) -> Floats:
    """Return how near eyes at known places (posts, stations, patrol stops) are to each cell.

    Parameters
    ----------
    x_m, y_m
        Metres of the posts; a missing one is left out.
    at_x_m, at_y_m
        Metres of the cells' centres.
    reach_m
        Standard deviation of the Gaussian by which a post's nearness falls off, metres.
    weights
        Of each post, e.g. the share of the period in which it was open; ``None``: 1 each.

    Returns
    -------
    numpy.ndarray
        Sum of the weights, each times exp(-distance² / 2 reach²). It is no number of eyes and no share of
        what they see; :func:`effort` finds out how much it means.

    Raises
    ------
    BadChoiceError
        If the reach is not above 0.
    UnalignedIndexError
        If coordinates or weights differ in length.
    """
    if not (np.isfinite(reach_m) and reach_m > 0):
        raise BadChoiceError(name="reach_m", value=reach_m, expected="above 0")
    x, y = _floats(x_m), _floats(y_m)
    to_x, to_y = _floats(at_x_m), _floats(at_y_m)
    weight = np.ones(x.size) if weights is None else _floats(weights)
    for left, right, one, other in (
        ("x_m", "y_m", x, y),
        ("at_x_m", "at_y_m", to_x, to_y),
        ("x_m", "weights", x, weight),
    ):
        if one.size != other.size:
            raise UnalignedIndexError(left=left, right=right)
    here = np.isfinite(x) & np.isfinite(y) & np.isfinite(weight)
    if not here.any() or not to_x.size:
        return np.zeros(to_x.size)
    cells, posts = cKDTree(np.column_stack([to_x, to_y])), cKDTree(np.column_stack([x[here], y[here]]))
    pairs = cells.sparse_distance_matrix(posts, _REACH * reach_m, output_type="ndarray")
    near = np.exp(-0.5 * (pairs["v"] / reach_m) ** 2) * weight[here][pairs["j"]]
    total: Floats = np.bincount(pairs["i"], weights=near, minlength=to_x.size).astype(np.float64)
    return total


def effort(
    counts: ArrayLike,
    family: int,
    left: ArrayLike,
    right: ArrayLike,
    *,
    steady: Any = (),
    people: ArrayLike | None = None,
    traces: ArrayLike | None = None,
    rounds: int = ROUNDS,
    prior_reports: float = PRIOR_REPORTS,
    steady_varies: float = STEADY_VARIES,
) -> Effort:
    """Return how much of a family of categories is seen in each cell, from all other families and traces.

    Parameters
    ----------
    counts
        Families x channels x cells: reports (origin ``reported``) by family of categories, by channel (the
        ledger they came by) and by cell. Families x cells is one channel.
    family
        Row of the family that the effort is wanted for. Of its own reports only the town's totals by channel
        are used (thefts come by the police, wires by pictures), never where they are.
    left, right
        ``neighbour_pairs(cells)``: counts are spread to neighbours, because one cell has few.
    steady
        Numbers of the channels that everyone can reach everywhere (hotline, police).
    people
        Households, or what else says how much should happen in a cell; needed, and only used, when no
        channel is steady. That is much weaker: a place where little happens then looks like one where
        nobody looks.
    traces
        Cells x traces, or one per cell: what shows where somebody looks, e.g. :func:`nearness` of posts,
        volunteers per household of the village, finds of patrols. What a trace is worth is fitted to the
        other families' reports; a useless one gets about 0.
    rounds
        How often counts are spread over the neighbours.
    prior_reports
        So many expected reports weigh as much as the prior (the town's mean, or what the traces say): with
        fewer a cell is drawn to it.
    steady_varies
        How much the use of the steady channels (or what happens for each of the people) is taken to differ
        between places: standard deviation of its logarithm. An assumption; it widens the uncertainty.

    Returns
    -------
    Effort
        Per cell. Where no other family has reports it is what the traces say, with a large uncertainty.
        It does **not** say that nothing else was seen, nor that a channel works well or badly: a channel
        may be strong in a place because more of what it takes in happens there.

    Raises
    ------
    BadChoiceError
        If the counts are negative or not numbers, the family, a channel or a neighbour does not exist, a
        weight is negative, or there is nothing to compare with: no reports of other families by the steady
        channels, or no people.
    UnalignedIndexError
        If traces or people have another number of cells.
    """
    table = _floats(counts)
    if table.ndim == 2:
        table = table[:, None, :]
    if table.ndim != 3 or table.shape[0] < 2:
        raise BadChoiceError(
            name="counts", value=np.shape(table), expected="two families or more x channels x cells"
        )
    _check_not_negative("counts", table)
    families, channels, cells = table.shape
    if not 0 <= family < families:
        raise BadChoiceError(name="family", value=family, expected=f"0-{families - 1}")
    open_to_all = sorted({int(channel) for channel in steady})
    if any(not 0 <= channel < channels for channel in open_to_all):
        raise BadChoiceError(name="steady", value=open_to_all, expected=f"0-{channels - 1}")
    for name, value, good in (
        ("rounds", rounds, rounds >= 0),
        ("prior_reports", prior_reports, np.isfinite(prior_reports) and prior_reports > 0),
        ("steady_varies", steady_varies, np.isfinite(steady_varies) and steady_varies >= 0),
    ):
        if not good:
            raise BadChoiceError(name=name, value=value, expected="a number above 0")
    spread = _spreader(left, right, cells)
    others = np.delete(table, family, axis=0)
    looking = [channel for channel in range(channels) if channel not in open_to_all]
    if open_to_all:
        reference = others[:, open_to_all].sum(axis=1)
        own_reference = float(table[family, open_to_all].sum())
    else:
        if people is None:
            raise BadChoiceError(name="people", value=None, expected="given when no channel is steady")
        living = _per_cell("people", people, cells)
        reference = np.outer(others.sum(axis=(1, 2)), living / max(living.sum(), 1e-300))
        own_reference = 0.0
    if not reference.sum() > 0:
        raise BadChoiceError(
            name="steady" if open_to_all else "people",
            value=open_to_all or 0,
            expected="channels, or people, with something to compare the other families' reports with",
        )
    known = _standardised(None if traces is None else _by_cell("traces", traces, cells), cells)
    seen = np.full(cells, 1.0 if open_to_all else 0.0)
    variance = np.zeros(cells)
    for channel in looking:
        index, doubt = _relative(others[:, channel], reference, known, spread, rounds, prior_reports)
        total = float(others[:, channel].sum())
        mix = (float(table[family, channel].sum()) + _MIX_REPORTS * total / float(others.sum())) / (
            own_reference + _MIX_REPORTS * float(reference.sum()) / float(others.sum())
            if open_to_all
            else float(table[family].sum()) + _MIX_REPORTS
        )
        seen += mix * index
        variance += (mix * index) ** 2 * doubt
    # spread, so that a cell whose few steady reports make it look watched less does not weigh less
    weight = _spread(reference.sum(axis=0), spread, rounds)
    share = seen / (float((seen * weight).sum()) / float(weight.sum()))
    return Effort(share, np.sqrt(variance / seen**2 + steady_varies**2))


def _relative(
    active: Floats, reference: Floats, known: Floats, spread: csr_array, rounds: int, prior_reports: float
) -> tuple[Floats, Floats]:
    """Return how much a channel looks in each cell (town = 1), and the variance of its logarithm.

    Counts of a channel (families x cells) against those of the reference, each family with its own ratio in
    the town, so that a place with many fires does not look like one with many watchers.
    """
    totals = reference.sum(axis=1)
    usable = totals > 0
    ratio = np.zeros(len(totals))
    ratio[usable] = active[usable].sum(axis=1) / totals[usable]
    found, expected = active[usable].sum(axis=0), ratio @ reference
    if not expected.sum() > 0:
        return np.ones(found.size), np.full(found.size, 1.0 / prior_reports)
    # the reference of one cell is itself a small count; spread once, it is steadier
    prior = _poisson_fit(found, _spread(expected, spread, 1) + 1e-9, known)
    likely = prior * expected
    near_found, near_likely = (_around(each, spread, rounds) for each in (found, likely))
    index = prior * (near_found + prior_reports) / (near_likely + prior_reports)
    # reports of the reference that this rests on: they vary as well
    counted = _around(reference[usable].sum(axis=0), spread, rounds)
    doubt = 1.0 / (near_found + prior_reports) + 1.0 / (counted + prior_reports)
    by_chance = found + index**2 * (ratio[usable] ** 2 @ reference[usable])
    mean = index * expected
    differs = float(((found - mean) ** 2 - by_chance).sum()) / max(float((mean**2).sum()), 1e-300)
    return index, doubt + max(differs, 0.0)


def dark_cells(
    people: ArrayLike,
    effort_here: Effort,
    observed: ArrayLike,
    left: ArrayLike,
    right: ArrayLike,
    *,
    least_people: float = 10.0,
    most_share: float = 0.8,
) -> NDArray[np.bool_]:
    """Return the cells where people live and hardly anybody looks.

    Parameters
    ----------
    people
        Households of each cell.
    effort_here
        Of the family in question.
    observed
        Everything that anybody saw there: reports of all categories and finds of patrols, per cell.
    left, right
        ``neighbour_pairs(cells)``.
    least_people
        Cells with fewer households are not asked about.
    most_share
        A cell is dark when its effort is below this share of the town's mean. The estimate is drawn to the
        mean, so that few cells are as low as 0.5. On 20 demo towns the dark cells are truly seen 0.57
        (wiring) to 0.79 (roads) times as well as other cells with people.

    Returns
    -------
    numpy.ndarray
        True for cells with people where either nothing at all was observed, in it or in any cell beside it,
        or the effort is that low. A dark cell is **not** dangerous and not safe: it is one of which nothing
        can be said. A cell that is not dark is not thereby well watched.

    Raises
    ------
    BadChoiceError
        If people or observations are negative or not numbers, or a limit is negative.
    UnalignedIndexError
        If the arrays have different lengths.
    """
    cells = effort_here.share.size
    living, looked = _per_cell("people", people, cells), _per_cell("observed", observed, cells)
    if not least_people >= 0 or not most_share >= 0:
        raise BadChoiceError(
            name="least_people, most_share", value=(least_people, most_share), expected="0 or more"
        )
    around = looked + _spreader(left, right, cells) @ looked
    dark: NDArray[np.bool_] = (
        (living >= least_people) & (living > 0) & ((around == 0) | (effort_here.share < most_share))
    )
    return dark


def corrected_risk(
    counts: ArrayLike,
    effort_here: Effort,
    left: ArrayLike,
    right: ArrayLike,
    *,
    others: ArrayLike | None = None,
    places: ArrayLike | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Return risk corrected for effort, beside the raw count.

    Dividing by effort alone would make it worse: where few look one chance report would become a hot spot. So
    a cell's count, with its effort, is weighed against what is to be expected of such a cell (empirical
    Bayes: gamma and Poisson), by what is reported around it, by other families' reports and by what stands
    there. Cells without reports are told apart by that expectation only.

    Parameters
    ----------
    counts
        Reports of the family per cell.
    effort_here
        Of that family, see :func:`effort`.
    left, right
        ``neighbour_pairs(cells)``.
    others
        Reports of all other families per cell: they say where anything happens at all.
    places
        Cells x kinds, or one per cell: how many of each kind stand there (households, enterprises, metres of
        road). Not negative.
    level
        Of the interval.

    Returns
    -------
    pandas.DataFrame
        One row per cell in the order given: ``raw`` (the count), ``corrected`` (reports that the cell would
        be expected to bring if it was looked at as the town is on average), ``low`` and ``high`` (so likely
        as ``level`` says, with the uncertainty of the effort). ``corrected`` is a modelled expectation and
        **not** a number of incidents; where ``raw`` is 0 it rests on likeness to other cells, not on
        anything seen there. The interval is that of the model: see ``benchmarks/exposure.py`` for how often
        it holds on a town whose truth is known.

        There, over 20 towns at H3 resolution 9, the order of the cells is nearer to the true risk than that of
        the counts: Spearman's correlation 0.65 against 0.54 (+0.11 [0.11, 0.12]), and 78 % of the truly top
        2 % of cells are found against 76 % (+2 [1.4, 2.7] points). Nearly all of that is won by weighing
        against the expectation; effort adds a little for wiring and roads, which come by pictures, and nothing
        for the others. **Not every family gains**: enterprises lose in Spearman (0.39 against 0.45; where
        there is no plant the expectation misleads), disputes find two in a hundred fewer of the top cells,
        and for wiring, roads, thefts and lost things the top is found as well by the counts. The interval
        holds the true risk in about 80 of 100 cells with reports, not in 95.

        In cells of resolution 10 (five towns) more of the top is won, 66 % against 59 % (+7 [6, 8] points), but
        wiring and enterprises lose in Spearman, and effort costs a little of it among cells without reports.

    Raises
    ------
    BadChoiceError
        If counts or places are negative or not numbers, a neighbour does not exist, or the level is not
        between 0 and 1.
    UnalignedIndexError
        If the arrays have different lengths.
    """
    cells = effort_here.share.size
    raw = _per_cell("counts", counts, cells)
    if not 0 < level < 1:
        raise BadChoiceError(name="level", value=level, expected="between 0 and 1")
    spread = _spreader(left, right, cells)
    seen = effort_here.share
    if not raw.sum() > 0:
        nothing = np.zeros(cells)
        return pd.DataFrame(
            {"raw": raw, "corrected": nothing, "low": nothing, "high": np.full(cells, np.nan)}
        )
    # what is reported around is itself seen with more effort or less
    known = [np.log(_beside(raw / seen, spread) + 0.02)]
    if others is not None:
        elsewhere = _per_cell("others", others, cells) / seen
        known += [np.log(elsewhere + 0.2), np.log(_spread(elsewhere, spread, 1) + 0.05)]
    if places is not None:
        stands = _by_cell("places", places, cells)
        known += [*np.log1p(stands).T, *(stands > 0).astype(np.float64).T]
    expected = _poisson_fit(raw, seen, _standardised(np.column_stack(known), cells), ridge=1.0)
    likely = expected * seen
    shape = _gamma_shape(raw, likely)
    corrected = expected * (shape + raw) / (shape + likely)
    own_say = likely / (shape + likely)
    variance = 1.0 / (shape + raw) + (effort_here.uncertainty * own_say) ** 2
    tail = (1.0 - level) / 2.0
    low = corrected * gammaincinv(1.0 / variance, tail) * variance
    high = corrected * gammaincinv(1.0 / variance, 1.0 - tail) * variance
    return pd.DataFrame({"raw": raw, "corrected": corrected, "low": low, "high": high})


# -- small parts -------------------------------------------------------------------------------------


def _poisson_fit(found: Floats, offset: Floats, known: Floats, ridge: float = _RIDGE) -> Floats:
    """Return exp(known x coefficients) of a Poisson regression with an offset, drawn a little to the mean."""
    design = np.column_stack([np.ones(found.size), known])
    penalty = np.full(design.shape[1], ridge)
    penalty[0] = 1e-9
    found_total, likely_total = float(found.sum()), float(offset.sum())
    coefficients = np.zeros(design.shape[1])
    coefficients[0] = np.log(max(found_total, 1e-3) / likely_total)
    for _ in range(_STEPS):
        mean = offset * np.exp(np.clip(design @ coefficients, -20.0, 8.0))
        slope = design.T @ (found - mean) - penalty * coefficients
        step = np.linalg.solve((design * mean[:, None]).T @ design + np.diag(penalty), slope)
        coefficients += np.clip(step, -1.0, 1.0)
        if float(np.abs(step).max()) < 1e-8:
            break
    fitted: Floats = np.exp(np.clip(design @ coefficients, -20.0, 8.0))
    # the limits and the penalty may leave the total a little off
    return fitted * (found_total / float((offset * fitted).sum()))


def _gamma_shape(raw: Floats, likely: Floats) -> float:
    """Return the shape of the gamma distribution of cells around their expectation, by likelihood."""
    from scipy.optimize import minimize_scalar

    mean = np.maximum(likely, 1e-12)

    def misfit(log_shape: float) -> float:
        shape = float(np.exp(log_shape))
        terms = gammaln(raw + shape) - gammaln(shape) + shape * np.log(shape / (shape + mean))
        return -float((terms + raw * np.log(mean / (shape + mean))).sum())

    return float(np.exp(minimize_scalar(misfit, bounds=(-4.0, 6.0), method="bounded").x))


def _standardised(known: Floats | None, cells: int) -> Floats:
    """Return columns of mean 0 and standard deviation 1; those that are all equal are left out."""
    if known is None:
        return np.zeros((cells, 0))
    spread = known.std(axis=0)
    varied = spread > 1e-12
    scaled: Floats = (known[:, varied] - known[:, varied].mean(axis=0)) / spread[varied]
    return scaled


def _spreader(left: ArrayLike, right: ArrayLike, cells: int) -> csr_array:
    one, other = np.ravel(np.asarray(left)).astype(np.int64), np.ravel(np.asarray(right)).astype(np.int64)
    if one.size != other.size:
        raise UnalignedIndexError(left="left", right="right")
    ends = np.concatenate([one, other])
    if ends.size and (ends.min() < 0 or ends.max() >= cells):
        raise BadChoiceError(name="left, right", value=int(ends.max()), expected=f"0-{cells - 1}")
    opposite = np.concatenate([other, one])
    return csr_array((np.ones(ends.size), (ends, opposite)), shape=(cells, cells))


def _spread(values: Floats, spread: csr_array, rounds: int) -> Floats:
    """Return the mean of each cell and its neighbours, taken ``rounds`` times."""
    size = 1.0 + np.diff(spread.indptr)
    for _ in range(rounds):
        values = (values + spread @ values) / size
    return values


def _around(values: Floats, spread: csr_array, rounds: int) -> Floats:
    """Return counts of a cell and, as much again as of seven cells, of what lies around it."""
    return values + 7.0 * _spread(values, spread, rounds) if rounds else values


def _beside(values: Floats, spread: csr_array) -> Floats:
    """Return the mean of a cell's neighbours without itself; 0 for a cell without any."""
    mean: Floats = (spread @ values) / np.maximum(np.diff(spread.indptr), 1)
    return mean


def _floats(values: Any) -> Floats:
    return np.asarray(values, dtype=np.float64)


def _per_cell(name: str, values: ArrayLike, cells: int) -> Floats:
    given = np.ravel(_floats(values))
    if given.size != cells:
        raise UnalignedIndexError(left=name, right="cells")
    _check_not_negative(name, given)
    return given


def _by_cell(name: str, values: ArrayLike, cells: int) -> Floats:
    given = _floats(values)
    given = given[:, None] if given.ndim == 1 else given
    if given.ndim != 2 or given.shape[0] != cells:
        raise UnalignedIndexError(left=name, right="cells")
    _check_not_negative(name, given)
    return given


def _check_not_negative(name: str, values: Floats) -> None:
    if values.size and not (np.isfinite(values).all() and values.min() >= 0):
        raise BadChoiceError(name=name, value="negative or missing", expected="numbers of 0 or more")
