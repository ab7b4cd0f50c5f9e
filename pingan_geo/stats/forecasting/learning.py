"""Forecasts that learn: past windows of the record, each with what was known before it, teach what to expect.

Three learners over the same features (:mod:`pingan_geo.stats.forecasting.features`): a mixture of kernels
whose weights are found by EM, a Poisson regression, boosted Poisson trees. And ``ensemble``, ours: their
weighted geometric mean, which leans on the mixture while reports are few.

None of them says why: a column that helps to foretell is no cause. All learn where people report.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

from pingan_geo.stats.forecasting.counts import check_horizon, share_out
from pingan_geo.stats.forecasting.features import DECAYS_D, Features, features_of
from pingan_geo.stats.forecasting.history import Floats, History

#: Days of a window to learn from, if the horizon is not longer.
WINDOW_D: Final = 28.0
MOST_WINDOWS: Final = 12
#: With a horizon shorter than the window, weight of its own days beside the whole window's: what follows
#: at once tells more about the next week, but there is less of it.
SOON: Final = 0.5
#: Reports that the mixture is given beforehand, shared by how well each kernel alone foretold the past.
PRIOR_REPORTS: Final = 30.0
#: Reports in the windows at which a learner gets half of its full third of the ensemble.
REGRESSION_HALF: Final = 1_000.0
BOOSTING_HALF: Final = 4_000.0

_SHORTEST_D: Final = 56.0  # of record before a window
_FLOOR: Final = 1e-9
_ANYWHERE: Final = 0.01  # share of reports that may fall in any cell alike
_ROUNDS: Final = 200
_ROWS: Final = 100_000
_BOOSTED_ROWS: Final = 80_000
_RIDGE: Final = 1e-4
_LOWEST, _HIGHEST = -6.0, 8.0  # standard deviations: nothing is foretold far beyond what was learnt
_YEAR_D: Final = 365.0
_SEASON_HALF: Final = 100.0  # reports at which the season of earlier years is half believed


@dataclass(frozen=True, eq=False)
class _Past:
    """The features now and at the beginning of each past window, with what was then reported."""

    now: Features
    then: list[Features]
    seen: list[Floats]

    @classmethod
    def of(cls, history: History, horizon_d: float) -> _Past:
        window_d = max(WINDOW_D, horizon_d)
        if history.span_d < 2 * window_d:
            window_d = history.span_d / 4
        least = min(_SHORTEST_D, 0.4 * history.span_d)
        then, seen = [], []
        for number in range(1, MOST_WINDOWS + 1):
            begin = window_d * number
            if history.span_d - begin < least:
                break
            known = history.before(begin)
            if not (known.cell >= 0).any():
                break
            then.append(features_of(known, window_d))
            reports = history.counts(begin, begin - window_d)
            if horizon_d < window_d:  # both at the rate of the window
                soon = history.counts(begin, begin - horizon_d) * (window_d / horizon_d)
                reports = (1.0 - SOON) * reports + SOON * soon
            seen.append(reports)
        return cls(features_of(history, window_d), then, seen)

    @cached_property
    def table(self) -> Floats:
        """The features of all past windows, one row a cell and window; both learners draw from it."""
        return np.concatenate([_table(each) for each in self.then])

    @cached_property
    def reports(self) -> float:
        """Reports in the past windows, those of a short horizon at the rate of the window."""
        return float(sum(each.sum() for each in self.seen))


def mixture(history: History, horizon_d: float, rng: np.random.Generator) -> Floats:  # noqa: ARG001 - the interface
    """Mix kernels of many widths and decays, and the counts of the cells themselves: a :class:`Forecaster`.

    The weights are those under which the reports of the past windows were most likely (EM). With few reports
    they stay near the kernel that alone would have done best (:data:`PRIOR_REPORTS`). It does not know that two places differ in anything but their reports.

    Raises
    ------
    BadChoiceError
        If the horizon is not above 0.
    """
    check_horizon(horizon_d)
    return share_out(_mixed(_Past.of(history, horizon_d)), level(history, horizon_d))


def glm(history: History, horizon_d: float, rng: np.random.Generator) -> Floats:
    """Poisson regression on the logarithms of the features: a :class:`Forecaster`.

    Its coefficients are not read: the columns say nearly the same, and share the credit at random.

    Raises
    ------
    BadChoiceError
        If the horizon is not above 0.
    """
    check_horizon(horizon_d)
    return share_out(_regressed(_Past.of(history, horizon_d), rng), level(history, horizon_d))


def boosting(history: History, horizon_d: float, rng: np.random.Generator) -> Floats:
    """Boosted Poisson trees on the features (scikit-learn): a :class:`Forecaster`.

    It needs many reports: under some hundreds in the past windows it learns the noise.

    Raises
    ------
    BadChoiceError
        If the horizon is not above 0.
    """
    check_horizon(horizon_d)
    return share_out(_boosted(_Past.of(history, horizon_d), rng), level(history, horizon_d))


def ensemble(history: History, horizon_d: float, rng: np.random.Generator) -> Floats:
    """Our forecast: the weighted geometric mean of mixture, regression and boosting: a :class:`Forecaster`.

    With ``n`` reports in the past windows the regression has a third × n / (n + 1,000) of the weight, boosting
    a third × n / (n + 4,000), the mixture the rest: few reports are smoothed, many are learnt from. It is
    no promise for a single cell: what is expected in one is mostly far below one report.

    Raises
    ------
    BadChoiceError
        If the horizon is not above 0.
    """
    check_horizon(horizon_d)
    past = _Past.of(history, horizon_d)
    regression = past.reports / (past.reports + REGRESSION_HALF) / 3.0
    boosted = past.reports / (past.reports + BOOSTING_HALF) / 3.0
    pooled = (1.0 - regression - boosted) * _log_share(_mixed(past))
    if past.reports:
        pooled += regression * _log_share(_regressed(past, rng))
        pooled += boosted * _log_share(_boosted(past, rng))
    return share_out(np.exp(pooled - pooled.max()), level(history, horizon_d))


def level(history: History, horizon_d: float) -> float:
    """Return the reports to expect in the whole region: the rate of the last year, and its season.

    The season is that of the same days of earlier years against those years' mean, drawn towards none the
    fewer reports those days have; without two years of record there is none.
    """
    counted = history.age_d[history.cell >= 0]
    lasting = min(_YEAR_D, history.span_d)
    rate = float((counted <= lasting).sum()) / lasting
    years = int(history.span_d // _YEAR_D)
    if years < 2:
        return rate * horizon_d
    whole = float((counted <= years * _YEAR_D).sum()) / (years * _YEAR_D) * horizon_d * years
    same = sum(
        float(((counted <= year * _YEAR_D) & (counted > year * _YEAR_D - horizon_d)).sum())
        for year in range(1, years + 1)
    )
    return rate * horizon_d * (same + _SEASON_HALF) / (whole + _SEASON_HALF)


# -- the three learners --------------------------------------------------------------------------------


def _components(features: Features) -> Floats:
    """Return each kernel's share of the next report a cell, and last the share of a cell like any other."""
    sums = features.sums / np.maximum(features.sums.sum(axis=0), _FLOOR)
    return np.column_stack([sums, np.full(len(sums), 1.0 / len(sums))])


def _mixed(past: _Past) -> Floats:
    now = _components(past.now)
    weight = np.full(now.shape[1], 1.0 / now.shape[1])
    if not past.reports:
        return np.asarray(now @ weight, dtype=np.float64)
    hit = [seen > 0 for seen in past.seen]
    shares = np.concatenate([_components(each)[at] for each, at in zip(past.then, hit, strict=True)])
    reports = np.concatenate([seen[at] for seen, at in zip(past.seen, hit, strict=True)])
    # what each would deserve alone: with few reports the mixture stays near the best single kernel
    alone = reports @ np.log((1.0 - _ANYWHERE) * shares + _ANYWHERE / len(now))
    alone = np.exp(alone - alone.max())
    prior = PRIOR_REPORTS * alone / alone.sum()
    for _ in range(_ROUNDS):
        parts = shares * weight
        likely = parts.sum(axis=1)
        claimed = (reports / likely) @ parts + prior
        weight = claimed / claimed.sum()
    return np.asarray(now @ weight, dtype=np.float64)


def _log_share(values: Floats) -> Floats:
    return np.asarray(np.log(values / values.sum() + _FLOOR), dtype=np.float64)


def _rows(past: _Past, most: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Return feature rows of the past windows, the reports that followed, and weights of the rows.

    Of too many rows those with the most around them are all kept, the others drawn and weighted up.
    """
    table = past.table
    seen = np.concatenate(past.seen)
    if len(seen) <= most:
        return table, seen, np.ones(len(seen))
    # around the cell, of all times, by the second narrowest kernel (the only one, where there is one)
    around = table[:, min(3 * len(DECAYS_D), past.now.sums.shape[1]) - 1]
    top = np.zeros(len(seen), dtype=np.bool_)
    top[np.argpartition(around, -(most // 2))[-(most // 2) :]] = True
    kept = (most - most // 2) / float((~top).sum())
    chosen = top | (rng.random(len(seen)) < kept)
    return table[chosen], seen[chosen], np.where(top, 1.0, 1.0 / kept)[chosen]


def _table(features: Features) -> Floats:
    return np.column_stack([features.sums, features.further, features.last_d])


def _logs(table: Floats, small: float, sums: int) -> Floats:
    """Return logarithms of the columns; the further ones of places are counts, the last one is days."""
    logs = np.empty_like(table)
    logs[:, : sums + 2] = np.log(table[:, : sums + 2] + small)
    logs[:, sums + 2 : -1] = np.log1p(table[:, sums + 2 : -1])
    logs[:, -1] = np.log(table[:, -1] + 3.0)
    return logs


def _regressed(past: _Past, rng: np.random.Generator) -> Floats:
    from sklearn.linear_model import PoissonRegressor

    if not past.reports:
        return _mixed(past)
    table, seen, weight = _rows(past, _ROWS, rng)
    sums = past.now.sums.shape[1]
    small = 0.05 * float(past.now.sums[:, 0].mean()) + _FLOOR
    logs = _logs(table, small, sums)
    middle, spread = logs.mean(axis=0), logs.std(axis=0) + _FLOOR
    learner = PoissonRegressor(alpha=_RIDGE, solver="newton-cholesky", max_iter=50)
    _quietly(lambda: learner.fit((logs - middle) / spread, seen, sample_weight=weight))
    now = (_logs(_table(past.now), small, sums) - middle) / spread
    return np.asarray(learner.predict(np.clip(now, _LOWEST, _HIGHEST)), dtype=np.float64)


def _boosted(past: _Past, rng: np.random.Generator) -> Floats:
    from sklearn.ensemble import HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    if not past.reports:
        return _mixed(past)
    table, seen, weight = _rows(past, _BOOSTED_ROWS, rng)
    learner = HistGradientBoostingRegressor(
        loss="poisson",
        learning_rate=0.07,
        max_iter=100,
        max_leaf_nodes=15,
        min_samples_leaf=100,
        l2_regularization=10.0,
        max_features=0.3,
        max_bins=128,
        early_stopping=False,
        random_state=int(rng.integers(2**31)),
    )
    # on a machine that others use as well, threads that wait for each other take ten times as long as one
    with threadpool_limits(limits=1):
        learner.fit(table, seen, sample_weight=weight)
        return np.asarray(learner.predict(_table(past.now)), dtype=np.float64)


def _quietly(fit: Any) -> None:
    """Fit without the warning that the last step was not the last needed: columns that say the same stop it."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fit()
