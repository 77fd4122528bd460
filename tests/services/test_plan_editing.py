"""A clinic's own plan: the table, its rules, versions, twelve months rehearsed, running procedures moved on purpose."""

import time
from datetime import timedelta

import pytest

from prom.domain import procedures
from prom.services import plan_editing, plan_moving, plan_rehearsing
from prom.services.plan_editing import EditError, Line
from prom.services.plan_rehearsing import Example
from prom.storage import audit, desk, messages, plans
from prom.storage.models import Episode, MessageState, PromptState
from tests import people
from tests.web.desk import asked, done

RFA = "genicular_rfa"


def table(*days, **of_day):
    return [Line(at=str(day), **of_day.get(f"d{day}", {})) for day in days]


def sentences(typed, procedure=RFA):
    with pytest.raises(EditError) as caught:
        plan_editing.check(procedure, typed)
    return " ".join(words for _field, words in caught.value.problems)


@pytest.mark.parametrize("procedure", procedures.PROCEDURES)
def test_every_shipped_plan_reads_back_as_it_is(procedure):
    plan = procedures.default_plan(procedure)
    again = plan_editing.check(procedure, plan_editing.lines(plan)).plan
    assert again.time_points == plan.time_points


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ([], "at least one question"),
        (table(7, 14, 7), "Line 3: day 7 stands on line 1 already"),
        (table("0"), "Line 1: enter a whole day from 1"),
        (table("-3"), "Line 1: enter a whole day"),
        (table("7.5"), "Line 1: enter a whole day"),
        (table("9999"), "Line 1: enter a whole day"),
        (table("৭"), "Line 1: enter a whole day"),
        ([Line("hours", "0")], "Line 1: enter a whole hour"),
        ([Line("hours", "6", csi=True)], "takes neither CSI"),
        ([Line("weeks", "6")], "Line 1: enter a whole hour"),
        (table(30, d30={"first": "31", "last": "40"}), "two whole days around day 30"),
        (table(30, d30={"first": "0", "last": "40"}), "two whole days around day 30"),
        (table(30, d30={"first": "20"}), "two whole days around day 30"),
        (table(*range(1, 80)), "at most 60"),
    ],
)
def test_what_makes_no_plan_is_told_with_its_line(typed, said):
    assert said in sentences(typed)


def test_every_mistake_is_found_at_once():
    told = sentences([*table(7, 7), Line(at="x"), Line("hours", "99")])
    assert all(part in told for part in ("Line 2", "Line 3", "Line 4"))


def test_overlapping_windows_are_allowed_and_named():
    checked = plan_editing.check(RFA, table(30, 35))
    assert ("d30", "d35", 28, 37) in checked.overlaps


def test_a_window_of_its_own_is_kept_and_one_by_rule_is_not_stored():
    checked = plan_editing.check(
        RFA, table(30, 90, d30={"first": "25", "last": "40"}, d90={"first": "76", "last": "104"})
    )
    assert checked.data["windows"] == {"d30": [25, 40]}
    assert checked.plan.time_point("d30").window == (25, 40)


def test_saving_makes_a_version_for_new_procedures_and_leaves_running_ones(store, site, now):
    with store.writing() as session:
        before = people.asha(session, site, now)
        row = plan_editing.save(session, site, RFA, table(10, 50, 200), audit.COMMAND, now)
        after = people.bikash(session, site, now)
        assert row.version == "2"
        assert before.plan_id != row.id
        assert after.plan_id == row.id
        keys = [prompt.time_point for prompt in plans.prompts(session, after.id)]
        assert keys == ["d-7", "d-1", "d10", "d50", "d200"]
        assert plan_editing.save(session, site, RFA, table(10, 50, 201), audit.COMMAND, now).version == "3"


def test_saving_what_is_in_use_already_makes_no_version(store, site, now):
    same = plan_editing.lines(procedures.default_plan(RFA))
    with store.writing() as session, pytest.raises(EditError, match="Nothing differs"):
        plan_editing.save(session, site, RFA, same, audit.COMMAND, now)


def test_running_procedures_are_counted_and_moved_only_on_purpose(store, site, now):
    episode = done(store, people.asha, site, now)
    asked(store, episode, "d14")
    later = now + timedelta(days=15)
    with store.writing() as session:
        row = plan_editing.save(session, site, RFA, table(20, 30, 90, d90={"csi": True}), audit.COMMAND, later)
        seen = plan_moving.preview(session, row, later)
        assert (seen.episodes, seen.kept, seen.added, seen.already_sent, seen.left) == (1, 2, 1, 1, 0)
        assert seen.dropped >= 7
        assert session.get_one(Episode, episode.id).plan_id != row.id
    with store.writing() as session:
        assert plan_moving.move(session, row, audit.COMMAND, later) == 1
    with store.reading() as session:
        assert session.get_one(Episode, episode.id).plan_id == row.id
        rows = {prompt.time_point: prompt for prompt in plans.prompts(session, episode.id)}
        assert rows["d14"].state is PromptState.ASKED
        assert rows["d60"].state is PromptState.CANCELLED
        assert rows["d20"].state is PromptState.PLANNED
        assert rows["d90"].questions.split()[:2] == ["nrs", "csi_1_5"]
        assert rows["d30"].questions == "nrs"
        (fresh,) = messages.of_prompt(session, rows["d20"].id)
        assert fresh.state is MessageState.PENDING
        assert plan_moving.preview(session, row, later).episodes == 0


def rehearse(store, site, typed, **changes):
    plan = plan_editing.check(RFA, typed).plan
    with store.reading() as session:
        at = changes.pop("at")
        example = Example(at, "Asia/Kolkata", changes.pop("language", "en"), changes.pop("a_month", 10))
        return plan_rehearsing.rehearse(session, site, plan, example, changes.pop("public_url", ""))


def test_a_rehearsal_says_when_each_question_is_asked_and_what_follows_silence(store, site, now):
    found = rehearse(store, site, table(7, 30), at=now)
    visits = {visit.key: visit for visit in found.visits}
    day_30 = visits["d30"]
    assert (day_30.due_at - now).days in {29, 30}
    assert [round((at - day_30.due_at) / timedelta(hours=1)) for at in day_30.reminders] == [24, 72]
    assert day_30.call_at == day_30.due_at + timedelta(hours=96)


def test_a_rehearsal_prices_each_language_and_writes_nothing(store, site, now):
    found = rehearse(store, site, table(7, 30, d30={"impression": True}), at=now)
    bills = {bill.language: bill for bill in found.bills}
    assert bills["en"].texts == 2 + 1 + 3
    assert bills["en"].segments == 6
    assert bills["bn"].segments > bills["bn-Latn"].segments
    assert bills["en"].silent_texts > bills["en"].texts - 3
    with store.reading() as session:
        assert plans.versions(session, site.id) == []
        assert desk.planned_until(session, [site.id], now + timedelta(days=999)) == []


def test_twelve_months_add_up_to_the_texts_of_all_patients(store, site, now):
    found = rehearse(store, site, table(7, 200), at=now)
    # Two before, day 7 and (from the seventh month on) day 200.
    assert len(found.months) == 12
    assert found.months[0].texts == 30
    assert found.months[6].texts == 40
    assert found.months[11].patients == 120


def test_twelve_months_are_rehearsed_in_a_second(store, site, now):
    started = time.perf_counter()
    rehearse(store, site, plan_editing.lines(procedures.default_plan("neuromodulation")), at=now)
    assert time.perf_counter() - started < 1.0
