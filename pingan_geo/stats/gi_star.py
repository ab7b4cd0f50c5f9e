"""Hot and cold cells: Getis and Ord's Gi*, with local Moran as a second opinion.

All cells of the area take part, also those without a report: left out, the ordinary looks like nothing
and a quiet corner like a cold spot.

**A trap, measured.** esda 2.9's *default* weights (``transform="R"``) give z = 5.376 for a cell where
spdep gives 14.245 under binary and row-standardised weights alike: its formula of the variance holds for
binary weights only. Here weights are binary and the cell itself is one of its neighbours, which is esda's
``G_Local(..., transform="B", star=True)``; the two agree to 1e-12. Two differences: esda divides by the sum
of the values, so where that is negative, as it may be for excesses, its sign is turned, while here high is
always above 0; and its ``p_norm`` is the tail on the side where z lies, so that a cold cell has a small one,
while ``p`` here is always the upper tail, and a small one is hot.

**What permutations are here.** A cell keeps its count, and its neighbours' counts are drawn from all other
cells without replacement (Anselin 1995). So the drawn part says whether the *surroundings* are high; the
cell's own count adds the same to every draw. Which counts come is the same for all cells of one degree,
except that no cell is drawn for itself; so one set of draws serves every cell of that degree, and a cell
that is in a draw is exchanged for the one cell that was left out of the drawing. Each cell's p-value is
as valid as if it had draws of its own; only the chance of the draws is shared between cells. The work is
one set of draws per degree and one look-up per cell: it does not grow with cells times permutations.

None of these numbers says how likely something is to happen, or why. Counts follow where and when people
look and how many live there; against an exposure, give :func:`standardised_excess` instead of counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from pingan_geo.errors import BadChoiceError, UnalignedIndexError
from pingan_geo.stats.neighbours import count_beside, sum_beside

Floats = NDArray[np.float64]
Positions = NDArray[np.int64]

#: ``HH`` high among high, ``LL`` low among low, ``HL`` high among low, ``LH`` low among high.
QUADRANTS: Final = ("HH", "LL", "HL", "LH")
#: Two sums of the same figures in another order may differ by this share of the largest figure.
_ROUNDING: Final = 1e-9
_DRAWN_AT_ONCE: Final = 100_000


@dataclass(frozen=True, eq=False)
class GiStar:
    """Gi* of every cell with its p-values.

    Parameters
    ----------
    z
        Standard deviations of the sum over the cell and its neighbours above (hot) or below (cold) what a
        random arrangement of the same counts would give.
    p
        Upper tail of the normal distribution at ``z``. Good near 0.05, far too small further out when counts
        are few: adjusted by Benjamini-Hochberg it called a cell hot in 24 % of simulated towns where
        nothing was (400 cells, one report each on average), and ``p_permuted`` in 2 %. Adjust the latter.
    p_permuted
        Upper tail under conditional permutation, (r + 1) / (m + 1), never below 1 / (m + 1). NaN when no
        permutations were asked for and where a cell has no neighbour.
        A small p means that the arrangement is not a random one; not that the cell is dangerous, that the
        matter goes on, or that places next to each other have the same number of people.
    """

    z: Floats
    p: Floats
    p_permuted: Floats


@dataclass(frozen=True, eq=False)
class LocalMoran:
    """Local Moran's I of every cell.

    Parameters
    ----------
    i
        With row-standardised weights, the cell itself not among them. Above 0: like its neighbours (also
        a quiet cell among quiet ones); below 0: unlike. 0 without a neighbour.
    quadrant
        One of :data:`QUADRANTS`; ``""`` without a neighbour and where all counts are equal. It says which
        side of the mean, not whether that is more than chance.
    p_permuted
        Two-sided, under conditional permutation, twice the smaller tail; NaN when no permutations were
        asked for and where a cell has no neighbour. esda's ``p_sim`` is the smaller tail alone, about
        half of it, and below 0.05 in about 10 % of ordinary cells.
        A small p does not say in which direction: see ``quadrant``.
    """

    i: Floats
    quadrant: NDArray[np.str_]
    p_permuted: Floats


def gi_star(counts: ArrayLike, left: ArrayLike, right: ArrayLike) -> Floats:
    """Return Gi* of every cell, binary weights, the cell itself among its neighbours.

    Parameters
    ----------
    counts
        One per cell, cells without reports as 0; also rates or excesses, never NaN.
    left, right
        Positions of neighbours, each pair once, as :func:`pingan_geo.spatial.cells.neighbour_pairs`
        gives them.

    Returns
    -------
    numpy.ndarray
        z in the order of ``counts``; 0 for all when all counts are equal, and for a cell that has every
        other as its neighbour. It does not mean that a cell has many reports: a cell without any beside
        three busy ones is hot.

    Raises
    ------
    BadChoiceError
        If a count is not finite, or a pair is outside the cells, of a cell with itself, or there twice.
    UnalignedIndexError
        If ``left`` and ``right`` are not of one length.
    """
    values = _values(counts)
    one, other = _pairs(left, right, values.size)
    return _gi_star(values, sum_beside(values, one, other), count_beside(values.size, one, other))


def gi_star_test(
    counts: ArrayLike,
    left: ArrayLike,
    right: ArrayLike,
    *,
    permutations: int = 0,
    rng: np.random.Generator | None = None,
) -> GiStar:
    """Return Gi* of every cell and how often chance alone would give as much.

    Parameters
    ----------
    counts, left, right
        As for :func:`gi_star`.
    permutations
        Draws; 0 makes none. 999 tell 5 % from 1 %. With fewer than 20 times the number of cells a
        single hot cell can never be below 0.05 once its p-value is adjusted; so many cost little.
    rng
        Needed when there are permutations.

    Returns
    -------
    GiStar
        In the order of ``counts``. Neighbours share most of what they are tested with: ten hot cells
        side by side are not ten pieces of evidence.

    Raises
    ------
    BadChoiceError
        As for :func:`gi_star`, and if ``permutations`` is negative or ``rng`` is missing.
    UnalignedIndexError
        As for :func:`gi_star`.
    """
    values = _values(counts)
    one, other = _pairs(left, right, values.size)
    lag, degrees = sum_beside(values, one, other), count_beside(values.size, one, other)
    z = _gi_star(values, lag, degrees)
    at_least, _ = _tails(values, lag, degrees, permutations, rng)
    return GiStar(z, ndtr(-z), (at_least + 1) / (permutations + 1))


def gi_star_series(counts_by_step: ArrayLike, left: ArrayLike, right: ArrayLike) -> Floats:
    """Return Gi* of every cell in every step of time, each step by itself.

    Parameters
    ----------
    counts_by_step
        Steps × cells.
    left, right
        As for :func:`gi_star`.

    Returns
    -------
    numpy.ndarray
        Steps × cells. Each step is compared with its own mean: a rise of the whole town does not show,
        and a cell may grow hotter while its count falls.

    Raises
    ------
    BadChoiceError
        As for :func:`gi_star`, and if there are not two dimensions.
    UnalignedIndexError
        As for :func:`gi_star`.
    """
    steps = np.asarray(counts_by_step, dtype=np.float64)
    if steps.ndim != 2:
        raise BadChoiceError(name="counts_by_step", value=f"{steps.ndim}-D", expected="steps × cells")
    cells = steps.shape[1]
    one, other = _pairs(left, right, cells)
    degrees = count_beside(cells, one, other)
    z = np.zeros(steps.shape)
    for number, counts in enumerate(steps):
        values = _values(counts)
        z[number] = _gi_star(values, sum_beside(values, one, other), degrees)
    return z


def local_moran(
    counts: ArrayLike,
    left: ArrayLike,
    right: ArrayLike,
    *,
    permutations: int = 0,
    rng: np.random.Generator | None = None,
) -> LocalMoran:
    """Return local Moran's I: which cells are like their neighbours and which stand out.

    Parameters
    ----------
    counts, left, right, permutations, rng
        As for :func:`gi_star_test`.

    Returns
    -------
    LocalMoran
        In the order of ``counts``. Two opinions on the same counts are not two sources: what misleads
        Gi* (uneven reporting, uneven population) misleads this too.

    Raises
    ------
    BadChoiceError, UnalignedIndexError
        As for :func:`gi_star_test`.
    """
    values = _values(counts)
    cells = values.size
    one, other = _pairs(left, right, cells)
    lag, degrees = sum_beside(values, one, other), count_beside(cells, one, other)
    at_least, at_most = _tails(values, lag, degrees, permutations, rng)
    p = np.minimum(2 * (np.minimum(at_least, at_most) + 1) / (permutations + 1), 1.0)
    if _all_equal(values):
        return LocalMoran(np.zeros(cells), np.full(cells, "", dtype="<U2"), p)
    above = values - values.mean()
    around = np.where(degrees > 0, lag / np.maximum(degrees, 1) - values.mean(), 0.0)
    i = (cells - 1) / cells * above * around / values.var()
    letters = np.where(above > 0, "H", "L"), np.where(around > 0, "H", "L")
    return LocalMoran(i, np.where(degrees > 0, np.char.add(*letters), ""), p)


def standardised_excess(counts: ArrayLike, exposure: ArrayLike) -> Floats:
    """Return how far each count lies from what its exposure alone would give, to be tested instead of it.

    Counts over an uneven population always have hot cells: where people are. Gi* of these excesses asks
    instead where there is more than people explain.

    Parameters
    ----------
    counts
        One per cell.
    exposure
        Households, reporters, visits … of each cell, 0 or more, in any unit.

    Returns
    -------
    numpy.ndarray
        (count - expected) / √expected, where the expected counts are in proportion to the exposure and
        add up to the counts; 0 where the exposure is 0. It does not mean a risk: it grows with the
        exposure for the same ratio. Where fewer than about one is expected, excesses are skewed and p-values rough.

    Raises
    ------
    BadChoiceError
        If a value is not finite, or an exposure is negative, or 0 where there are counts.
    UnalignedIndexError
        If there are not as many of both.
    """
    values, expected = _values(counts), expected_counts(counts, exposure)
    return np.where(expected > 0, (values - expected) / np.sqrt(np.where(expected > 0, expected, 1.0)), 0.0)


def gi_star_of_excess(counts: ArrayLike, exposure: ArrayLike, left: ArrayLike, right: ArrayLike) -> Floats:
    """Return Gi* of counts against what each cell's exposure gives: area inside the town, homes, all reports.

    With the same exposure in all cells it is :func:`gi_star` of the counts, digit for digit. Otherwise the
    sum over a cell and its neighbours is set against the sum of what is expected there, and against how much
    counts stray from their expectation in the whole town, more than by chance where reports come in bunches.
    Unlike Gi* of :func:`standardised_excess` it is above 0 just where more was observed than expected.

    Parameters
    ----------
    counts
        One per cell, 0 or more, finite.
    exposure
        One per cell, 0 or more, in any unit; 0 only where there are no counts.
    left, right
        As for :func:`gi_star`.

    Returns
    -------
    numpy.ndarray
        z in the order of ``counts``; 0 for all when nothing strays, and where the exposure around a cell is
        nothing or all there is. No chance and no danger: an exposure that leaves something out finds that.

    Raises
    ------
    BadChoiceError
        As for :func:`gi_star`, and if an exposure is negative, or 0 where there are counts.
    UnalignedIndexError
        As for :func:`gi_star`, or if there are not as many of both.
    """
    values = _values(counts)
    one, other = _pairs(left, right, values.size)
    expected = expected_counts(values, exposure)
    total = expected.sum()
    around = expected + sum_beside(expected, one, other)
    excess = values + sum_beside(values, one, other) - around
    share = np.minimum(around / total, 1.0) if total else around
    # counts of Poisson stray by their expectation; so do these, times one number for the whole town
    usual = total - float((expected**2).sum()) / total if total else 0.0
    times = float(((values - expected) ** 2).sum()) / usual if usual > _ROUNDING * total else 0.0
    spread = np.sqrt(times * around * (1.0 - share))
    z = np.zeros(values.size)
    np.divide(excess, spread, out=z, where=spread > _ROUNDING * np.sqrt(max(total, 1.0)))
    return z


def expected_counts(counts: ArrayLike, exposure: ArrayLike) -> Floats:
    """Return how many of all counts each cell would have by its share of the exposure.

    Parameters
    ----------
    counts, exposure
        As for :func:`standardised_excess`.

    Returns
    -------
    numpy.ndarray
        Adds up to the counts. It does not mean what is normal or tolerable there.

    Raises
    ------
    BadChoiceError, UnalignedIndexError
        As for :func:`standardised_excess`.
    """
    values, exposed = _values(counts), _values(exposure)
    if values.size != exposed.size:
        raise UnalignedIndexError(left="counts", right="exposure")
    if bool(((exposed < 0) | ((exposed == 0) & (values != 0))).any()):
        wrong = int(np.flatnonzero((exposed < 0) | ((exposed == 0) & (values != 0)))[0])
        expected_words = "0 or more, and above 0 where there are counts"
        raise BadChoiceError(
            name=f"exposure of cell {wrong}", value=float(exposed[wrong]), expected=expected_words
        )
    total = exposed.sum()
    expected: Floats = exposed * (values.sum() / total if total else 0.0)
    return expected


def _values(counts: ArrayLike) -> Floats:
    values = np.asarray(counts, dtype=np.float64)
    if values.ndim != 1:
        raise BadChoiceError(name="counts", value=f"{values.ndim}-D", expected="one number per cell")
    unfit = ~np.isfinite(values)
    if unfit.any():
        wrong = int(np.flatnonzero(unfit)[0])
        raise BadChoiceError(name=f"count of cell {wrong}", value=values[wrong], expected="a finite number")
    return values


def _pairs(left: ArrayLike, right: ArrayLike, cells: int) -> tuple[Positions, Positions]:
    one, other = np.asarray(left, dtype=np.int64), np.asarray(right, dtype=np.int64)
    if one.ndim != 1 or one.shape != other.shape:
        raise UnalignedIndexError(left="left", right="right")
    low, high = np.minimum(one, other), np.maximum(one, other)
    if one.size and (low.min() < 0 or high.max() >= cells or bool((low == high).any())):
        wrong = int(np.flatnonzero((low < 0) | (high >= cells) | (low == high))[0])
        raise BadChoiceError(
            name=f"pair {wrong}",
            value=(int(one[wrong]), int(other[wrong])),
            expected=f"two different positions below {cells}",
        )
    codes = np.sort(low * cells + high)
    if bool((codes[1:] == codes[:-1]).any()):
        twice = int(codes[1:][codes[1:] == codes[:-1]][0])
        raise BadChoiceError(name="pair", value=divmod(twice, cells), expected="there only once")
    return one, other


def _all_equal(values: Floats) -> bool:
    return values.size == 0 or bool(values.min() == values.max())


def _gi_star(values: Floats, lag: Floats, degrees: Positions) -> Floats:
    cells = values.size
    if _all_equal(values):
        return np.zeros(cells)
    weights = degrees + 1.0
    spread = values.std() * np.sqrt(weights * (cells - weights) / (cells - 1))
    above = values + lag - weights * values.mean()
    z = np.zeros(cells)
    np.divide(above, spread, out=z, where=spread > 0)
    return z


def _tails(
    values: Floats,
    lag: Floats,
    degrees: Positions,
    permutations: int,
    rng: np.random.Generator | None,
) -> tuple[Floats, Floats]:
    """Return per cell how many draws sum up to at least, and to at most, what its neighbours have."""
    if isinstance(permutations, bool) or permutations < 0:
        raise BadChoiceError(name="permutations", value=permutations, expected="0 or more")
    at_least, at_most = np.full(values.size, np.nan), np.full(values.size, np.nan)
    if permutations == 0:
        return at_least, at_most
    if rng is None:
        raise BadChoiceError(name="rng", value=None, expected="a numpy Generator when there are permutations")
    slack = _ROUNDING * max(float(np.abs(values).max(initial=0.0)), 1e-300)
    for degree in np.unique(degrees[degrees > 0]):
        cells = np.flatnonzero(degrees == degree)
        at_least[cells] = at_most[cells] = 0.0
        for done in range(0, permutations, _DRAWN_AT_ONCE):
            draws = min(permutations - done, _DRAWN_AT_ONCE)
            drawn = _draw(values.size - 1, int(degree), draws, rng)
            at_least[cells] += _count_at_least(values, drawn, cells, lag[cells] - slack)
            at_most[cells] += _count_at_least(-values, drawn, cells, -lag[cells] - slack)
    return at_least, at_most


def _draw(population: int, size: int, draws: int, rng: np.random.Generator) -> Positions:
    """Return ``size`` × ``draws`` positions, all different within a draw, every set equally likely (Floyd)."""
    drawn = np.empty((size, draws), dtype=np.int64)
    for row in range(size):
        newest = population - size + row
        tried = rng.integers(0, newest + 1, draws)
        drawn[row] = np.where((drawn[:row] == tried).any(axis=0), newest, tried)
    return drawn


def _count_at_least(values: Floats, drawn: Positions, cells: Positions, wanted: Floats) -> Floats:
    """Return for each cell how many of its draws sum up to at least the wanted sum.

    ``drawn`` never holds the last cell. A draw that holds the cell itself has the last one in its stead:
    so every set of other cells is equally likely for every cell, and only those draws need mending.
    """
    sums = values[drawn].sum(axis=0)
    reached = np.zeros(cells.size)
    reached += sums.size - np.searchsorted(np.sort(sums), wanted)
    place = np.full(values.size, -1, dtype=np.int64)
    place[cells] = np.arange(cells.size)
    mine = place[drawn]
    row, draw = np.nonzero(mine >= 0)
    cell = mine[row, draw]
    before = sums[draw]
    after = before - values[drawn[row, draw]] + values[-1]
    change = (after >= wanted[cell]).astype(np.float64) - (before >= wanted[cell])
    reached += np.bincount(cell, change, cells.size)
    return reached
