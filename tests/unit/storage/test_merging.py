"""Reports that tell of one incident: what follows from decisions, and what is left when they go."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pingan_geo.errors import BadTableError
from pingan_geo.model.tables import CORRECTIONS, DUPLICATE_PAIRS, HELD_ROWS, PHOTOS
from pingan_geo.storage import duplicates, photos, records, review
from pingan_geo.storage.database import open_store

AT = datetime(2025, 7, 2, 9, 0)


def pairs_of(*pairs, score=0.5):
    table = pd.DataFrame(
        [(one, two, 12.0, 1.5, 0.8, np.nan, score, "near;soon") for one, two in pairs],
        columns=list(DUPLICATE_PAIRS.columns),
    )
    return table.astype(dict(DUPLICATE_PAIRS.columns))


def merged(connection):
    found = duplicates.merged_reports(connection)
    return dict(zip(found["report_id"].tolist(), found["merged_into"].tolist(), strict=True))


def dump(connection):
    """Everything but what tells of the imports themselves."""
    names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
    left_out = {"batch", "meta", "sqlite_sequence", "alembic_version"}
    return {
        name: connection.exec_driver_sql(f'SELECT * FROM "{name}" ORDER BY 1, 2').fetchall()
        for name in names
        if name not in left_out
    }


@pytest.fixture
def numbered(make_reports):
    """Reports whose number is ``start``, ``start + 1`` … in the order of time and arrival."""

    def make(count, batch_id, start, seed=1):
        table = make_reports(count, batch_id=batch_id, seed=seed)
        table["report_id"] = np.arange(start, start + count, dtype=np.int64)
        table["time"] = np.datetime64("2025-06-01", "s") + table["report_id"].to_numpy().astype(
            "timedelta64[h]"
        )
        return table

    return make


@pytest.fixture
def six(store, begin_batch, numbered):
    """Reports 11–16 of one import."""
    with store.begin() as connection:
        records.insert_reports(connection, numbered(6, begin_batch(connection), 11))
    return store


# -- refused -----------------------------------------------------------------------------------------


def test_pairs_without_a_column_are_refused(six):
    with pytest.raises(BadTableError, match="score"), six.begin() as connection:
        duplicates.insert_duplicates(connection, 1, pairs_of((11, 12)).drop(columns="score"))


def test_other_decisions_are_refused(six):
    with pytest.raises(ValueError, match="perhaps"), six.begin() as connection:
        duplicates.decide_duplicates(connection, [(11, 12)], "perhaps", AT)


# -- pairs -------------------------------------------------------------------------------------------


def test_pair_is_asked_once_and_its_decision_stays(six):
    with six.begin() as connection:
        assert duplicates.insert_duplicates(connection, 1, pairs_of((11, 12), (11, 13), (11, 12))) == 2
        assert duplicates.decide_duplicates(connection, [(11, 12), (11, 99)], "apart", AT) == 1
        assert duplicates.insert_duplicates(connection, 1, pairs_of((11, 12), (12, 14), score=0.9)) == 1
        waiting = duplicates.read_duplicates(connection)
        apart = duplicates.read_duplicates(connection, "apart")
        assert duplicates.count_duplicates(connection) == 2
    assert waiting[["first", "second"]].to_numpy().tolist() == [[12, 14], [11, 13]]  # the likeliest first
    assert apart[["first", "second", "score"]].to_numpy().tolist() == [[11, 12, 0.5]]
    assert apart["decided_at"].tolist() == [pd.Timestamp(AT)]


def test_pair_comes_with_what_is_needed_to_decide(six):
    with six.begin() as connection:
        duplicates.insert_duplicates(connection, 1, pairs_of((11, 14), (12, 13)))
        found = duplicates.read_duplicates(connection, pairs=[(11, 14)])
        reports = records.read_reports(connection).set_index("report_id")
        assert len(duplicates.read_duplicates(connection, limit=1)) == 1
        assert len(duplicates.read_duplicates(connection, pairs=[])) == 0
    assert DUPLICATE_PAIRS.check(found)["text_likeness"].tolist() == [0.8]
    assert found["photo_likeness"].isna().all()
    for side, number in (("first", 11), ("second", 14)):
        for name in ("time", "category", "lon", "source", "grid_id", "place", "description", "reporter"):
            assert found[f"{side}_{name}"][0] == reports.loc[number, name]


# -- groups ------------------------------------------------------------------------------------------


def test_earliest_report_stands_for_its_group(six):
    with six.begin() as connection:
        duplicates.insert_duplicates(connection, 1, pairs_of((12, 13), (13, 15), (11, 15), (14, 16)))
        duplicates.decide_duplicates(connection, [(12, 13), (13, 15)], "merged", AT)
        assert merged(connection) == {13: 12, 15: 12}
        duplicates.decide_duplicates(connection, [(11, 15)], "merged", AT)
        assert merged(connection) == {12: 11, 13: 11, 15: 11}
        assert records.read_reports(connection, ["report_id"])["report_id"].sum() == 11 + 14 + 16
        duplicates.decide_duplicates(connection, [(11, 15)], "", None)
        assert merged(connection) == {13: 12, 15: 12}
        duplicates.decide_duplicates(connection, [(13, 15)], "apart", AT)
        assert merged(connection) == {13: 12}


def test_what_happened_first_stands_for_its_group_whatever_came_first(six):
    with six.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE report SET time = '2020-01-01 00:00:00' WHERE report_id IN (14, 15)"
        )
        duplicates.insert_duplicates(connection, 1, pairs_of((11, 12), (12, 14), (14, 15)))
        duplicates.decide_duplicates(connection, [(11, 12)], "merged", AT)
        assert merged(connection) == {12: 11}
        duplicates.decide_duplicates(connection, [(12, 14), (14, 15)], "merged", AT)
        assert merged(connection) == {11: 14, 12: 14, 15: 14}, "of two at one time the earlier arrival"
        records.delete_reports(connection, [14])
        assert merged(connection) == {12: 11}


# -- what is asked -----------------------------------------------------------------------------------


def asked(connection, **how):
    found = duplicates.read_duplicates(connection, asked=True, **how)
    assert len(found) == duplicates.count_duplicates(connection, how.get("batch_id"))
    return found[["first", "second"]].to_numpy().tolist()


def test_six_equal_reports_are_five_questions(six):
    with six.begin() as connection:
        everyone = [(one, other) for one in range(11, 17) for other in range(one + 1, 17)]
        duplicates.insert_duplicates(connection, 1, pairs_of(*everyone))
        assert len(duplicates.read_duplicates(connection)) == 15
        for left in range(5, 0, -1):
            questions = asked(connection)
            assert len(questions) == left
            duplicates.decide_duplicates(connection, [tuple(questions[0])], "merged", AT)
        assert asked(connection) == []
        assert merged(connection) == dict.fromkeys(range(12, 17), 11)
        duplicates.decide_duplicates(connection, [(11, 16)], "", None)
        assert len(asked(connection)) == 1


def test_likeliest_pairs_are_asked_and_the_rest_when_they_are_kept_apart(six, begin_batch):
    with six.begin() as connection:
        second = begin_batch(connection)
        duplicates.insert_duplicates(connection, 1, pairs_of((11, 12), score=0.6))
        duplicates.insert_duplicates(connection, 1, pairs_of((11, 13), score=0.9))
        duplicates.insert_duplicates(connection, second, pairs_of((12, 13), score=0.8))
        assert asked(connection) == [[11, 13], [12, 13]]
        assert asked(connection, batch_id=second) == [[12, 13]]
        assert len(duplicates.read_duplicates(connection, asked=True, limit=1)) == 1
        duplicates.decide_duplicates(connection, [(11, 13)], "apart", AT)
        assert asked(connection) == [[12, 13], [11, 12]]
        duplicates.decide_duplicates(connection, [(12, 13)], "merged", AT)
        # 12 and 13 are one, and 13 is not what 11 is
        assert asked(connection) == []
        duplicates.decide_duplicates(connection, [(11, 13)], "", None)
        assert asked(connection) == [[11, 13]]


def test_merging_without_a_pair_and_back(six):
    with six.begin() as connection:
        duplicates.merge_reports(connection, 12, [12, 13, 14])
        duplicates.merge_reports(connection, 11, [12])
        assert merged(connection) == {12: 11, 13: 11, 14: 11}
        duplicates.unmerge_reports(connection, [12, 14])
        assert merged(connection) == {13: 11}


@settings(max_examples=60, deadline=None)
@given(
    edges=st.lists(
        st.tuples(st.integers(11, 16), st.integers(11, 16)).filter(lambda e: e[0] < e[1]), max_size=9
    ),
    draw=st.randoms(use_true_random=False),
)
def test_order_of_decisions_does_not_matter(tmp_path_factory, edges, draw):
    """Whatever is merged and taken back in whatever order: what stands follows from what stands decided."""
    store = open_store(
        f"sqlite:///{tmp_path_factory.mktemp('order') / 'town.sqlite'}", backups=None, create=True
    )
    with store.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO batch VALUES (1, 'reports', '', '', '', '', '', '2025-01-01 00:00:00', NULL, '', '')"
        )
        connection.exec_driver_sql("INSERT INTO provenance VALUES (1, '', '', '', '', '')")
        connection.exec_driver_sql("INSERT INTO zone VALUES (1, '', '', '')")
        for number in range(11, 17):
            connection.exec_driver_sql(
                "INSERT INTO report (report_id, source_key, batch_id, provenance_id, zone_id, row_number, time, "
                "lon, lat, cell, category, source_id, reporter, place, description) "
                f"VALUES ({number}, 0, 1, 1, 1, 2, '2025-01-01 00:00:00', 1, 2, 3, '', '', '', '', '')"
            )
        edges = list(dict.fromkeys(edges))
        duplicates.insert_duplicates(connection, 1, pairs_of(*edges))
        stays = [edge for edge in edges if draw.random() < 0.6]
        steps = [(edge, "merged") for edge in edges] + [
            (edge, draw.choice(["", "apart"])) for edge in edges if edge not in stays
        ]
        for edge, decision in steps[: len(edges)]:
            duplicates.decide_duplicates(connection, [edge], decision, AT)
        for edge, decision in draw.sample(steps[len(edges) :], len(steps) - len(edges)):
            duplicates.decide_duplicates(connection, [edge], decision, AT)
        found = merged(connection)
    store.close()
    expected = {}
    for number in range(11, 17):
        reached = {number}
        for _ in range(6):
            reached |= {other for edge in stays if reached & set(edge) for other in edge}
        if min(reached) != number:
            expected[number] = min(reached)
    assert found == expected


# -- undo --------------------------------------------------------------------------------------------


def held(*numbers):
    rows = [("七月", number, "no_place", "", '{"地点": "北街"}') for number in numbers]
    return pd.DataFrame(rows, columns=list(HELD_ROWS.columns)).astype(dict(HELD_ROWS.columns))


def corrections(*numbers):
    rows = [("", number, "swapped_place", "30.8, 120.6", "120.6, 30.8") for number in numbers]
    return pd.DataFrame(rows, columns=list(CORRECTIONS.columns)).astype(dict(CORRECTIONS.columns))


def pictures(*rows):
    table = pd.DataFrame(
        [(row, report, f"{row}.jpg", "ab", -5) for row, report in rows], columns=list(PHOTOS.columns)
    )
    return table.astype(dict(PHOTOS.columns))


def test_undo_leaves_every_other_row_as_it_was_before_the_import(store, begin_batch, numbered):
    """After merges across imports, mended and dismissed rows, corrections and photos."""
    with store.begin() as connection:
        first = begin_batch(connection)
        records.insert_reports(connection, numbered(8, first, 101))
        records.insert_held(connection, first, held(50, 51))
        review.insert_corrections(connection, first, corrections(4))
        photos.insert_photos(connection, first, pictures((2, 101), (50, 0)))
        duplicates.insert_duplicates(connection, first, pairs_of((101, 102), (103, 104), (105, 106)))
        duplicates.decide_duplicates(connection, [(101, 102)], "merged", AT)
        duplicates.decide_duplicates(connection, [(103, 104)], "apart", AT)
        records.dismiss_held(connection, [2], AT)
    with store.read() as connection:
        before = dump(connection)
    with store.begin() as connection:
        second = begin_batch(connection)
        more = numbered(8, second, 201, seed=7)
        more["source"], more["grid_id"] = (
            pd.array(["新来源"] * 8, dtype="str"),
            pd.array(["G-new"] * 8, dtype="str"),
        )
        records.insert_reports(connection, more)
        records.insert_held(connection, second, held(60, 61, 62))
        review.insert_corrections(connection, second, corrections(7, 8))
        photos.insert_photos(connection, second, pictures((3, 202), (60, 0)))
        links = pairs_of((102, 201), (103, 201), (104, 202), (105, 203), (201, 202), (204, 205))
        duplicates.insert_duplicates(connection, second, links)
        # by way of reports of the second import, 101–104 become one group
        wanted = [(102, 201), (103, 201), (201, 202), (104, 202), (204, 205)]
        duplicates.decide_duplicates(connection, wanted, "merged", AT)
        assert merged(connection)[104] == 101
        duplicates.decide_duplicates(connection, [(105, 203)], "apart", AT)
        waiting = records.read_held(connection, second)["held_id"].tolist()
        mended = numbered(1, second, 301, seed=9)
        records.insert_reports(connection, mended)
        records.settle_held(connection, waiting[:1], [301])
        photos.link_photos(connection, second, [60], [301])
        records.dismiss_held(connection, waiting[1:2], AT)
    with store.begin() as connection:
        assert records.undo_batch(connection, second, AT) == 8 + 1 + 2  # reports, the mended one, held rows
        assert dump(connection) == before
        assert merged(connection) == {102: 101}


def test_undo_of_the_earlier_import_lets_the_later_stand(store, begin_batch, numbered):
    with store.begin() as connection:
        first, second = begin_batch(connection), begin_batch(connection)
        records.insert_reports(connection, numbered(2, first, 101))
        records.insert_reports(connection, numbered(4, second, 201, seed=2))
        links = pairs_of((101, 201), (101, 202), (102, 203), (203, 204))
        duplicates.insert_duplicates(connection, second, links)
        duplicates.decide_duplicates(
            connection, [edge[:2] for edge in links.to_numpy().tolist()], "merged", AT
        )
        assert merged(connection) == {201: 101, 202: 101, 203: 102, 204: 102}
        records.undo_batch(connection, first, AT)
        assert merged(connection) == {204: 203}  # decided on by itself; the other two stand alone
        left = duplicates.read_duplicates(connection, None)
    assert left[["first", "second"]].to_numpy().tolist() == [[203, 204]]


def test_deleting_reports_forgets_only_what_named_them(six):
    with six.begin() as connection:
        duplicates.insert_duplicates(connection, 1, pairs_of(*pairwise(range(11, 17))))
        duplicates.decide_duplicates(connection, list(pairwise(range(11, 17))), "merged", AT)
        assert records.delete_reports(connection, [13, 99]) == 1
        assert merged(connection) == {12: 11, 15: 14, 16: 14}
        assert len(duplicates.read_duplicates(connection, None)) == 3


# -- held rows ---------------------------------------------------------------------------------------


def test_held_rows_wait_are_dismissed_or_mended_and_come_back(six):
    with six.begin() as connection:
        records.insert_held(connection, 1, held(*range(20, 26)))
        before = dump(connection)["held"]
        assert records.dismiss_held(connection, [1, 2, 99], AT) == 2
        assert records.dismiss_held(connection, [1], AT) == 0
        records.settle_held(connection, [3], [11])
        assert records.read_held(connection)["held_id"].tolist() == [4, 5, 6]
        everything = records.read_held(connection, dismissed=True)
        assert everything["held_id"].tolist() == [1, 2, 4, 5, 6]
        assert everything["dismissed_at"].notna().tolist() == [True, True, False, False, False]
        assert records.read_held(connection, held_ids=[5, 3], reasons=["no_place"])["held_id"].tolist() == [5]
        assert records.read_held(connection, reasons=["no_time"]).empty
        assert records.count_held(connection)["count"].tolist() == [3]
        assert records.count_held_details(connection, "reports", ["no_place"])["count"].tolist() == [3]
        assert records.count_held_details(connection, "posts", ["no_place"]).empty
        assert records.first_held(connection, [("reports", "no_place"), ("posts", "no_time")], 2) == [4, 5]
        assert records.first_held(connection, [("posts", "no_place")], 2) == []
        assert records.restore_held(connection, [1, 2, 3, 4]) == 2
        assert records.release_held(connection, [1, 2, 3, 4]) == 1
        assert dump(connection)["held"] == before
        assert records.delete_held(connection, [1, 6]) == 2
        assert records.read_held(connection)["held_id"].tolist() == [2, 3, 4, 5]
        records.update_held(connection, [2], ["no_time"], ["x"])
        assert records.read_held(connection, reasons=["no_time"])[
            ["held_id", "detail"]
        ].to_numpy().tolist() == [[2, "x"]]


def test_photos_follow_their_rows(six):
    with six.begin() as connection:
        duplicates.insert_duplicates(connection, 1, pairs_of((11, 12)))
        photos.insert_photos(connection, 1, pictures((2, 11), (3, 12), (9, 0)))
        assert photos.photos_of_report(connection, 11)["file"].tolist() == ["2.jpg"]
        duplicates.decide_duplicates(connection, [(11, 12)], "merged", AT)
        assert photos.photos_of_report(connection, 11)["file"].tolist() == ["2.jpg", "3.jpg"]
        assert photos.photos_of_report(connection, 0).empty  # photos of held rows are nobody's
        assert PHOTOS.check(photos.read_photos(connection, 1))["likeness"].tolist() == [-5] * 3
        photos.link_photos(connection, 1, [9], [13])
        assert photos.photos_of_report(connection, 13)["file"].tolist() == ["9.jpg"]
        photos.link_photos(connection, 1, [9], [0])
        assert photos.read_photos(connection)["report_id"].tolist() == [11, 12, 0]
