"""The last look before a text leaves, case by case."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prom.domain.outgoing import (
    CONVERSING,
    About,
    Circumstances,
    Day,
    Expire,
    Go,
    Hold,
    Neighbour,
    Receiver,
    Suppress,
    Text,
    verdict,
)
from prom.domain.timetable import TextKind

NOON = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)  # 12:00 in Kolkata
HOUR = timedelta(hours=1)
ZONE = "Asia/Kolkata"


def text(kind=TextKind.PROMPT, **changes):
    values = {"id": 1, "kind": kind, "due_at": NOON, "send_at": NOON, "expires_at": NOON + 72 * HOUR}
    return Text(**(values | changes))


ASKED = About(7, NOON - HOUR)
EMPTY = Day()


def seen(kind=TextKind.PROMPT, *, now=NOON, about=ASKED, day=EMPTY, neighbours=(), texts=(), **receiver):
    return Circumstances(now, text(kind, **dict(texts)), Receiver(ZONE, **receiver), about, neighbours, day)


def beside(number=2, kind=TextKind.PROMPT, *, due_at=NOON, send_at=NOON, prompt_id=8):
    return Neighbour(number, kind, due_at, send_at, prompt_id)


@pytest.mark.parametrize("kind", TextKind)
def test_at_noon_everything_may_leave(kind):
    assert verdict(seen(kind)) == Go()


@pytest.mark.parametrize("kind", TextKind)
def test_nothing_leaves_at_or_after_its_end(kind):
    assert verdict(seen(kind, now=NOON + 72 * HOUR)) == Expire("too_late")


@pytest.mark.parametrize("kind", TextKind)
@pytest.mark.parametrize(
    ("receiver", "reason"),
    [
        ({"died": True}, "died"),
        ({"withdrawn": True}, "withdrawn"),
        ({"opted_out": True}, "opted_out"),
        ({"consented": False}, "no_consent"),
        ({"number": "number_unusable"}, "number_unusable"),
    ],
)
def test_nothing_leaves_against_the_patient_s_will_or_to_no_number(kind, receiver, reason):
    assert verdict(seen(kind, **receiver)) == Suppress(reason)


def test_only_the_one_confirmation_follows_an_opt_out_and_not_a_death():
    last = {"last_word": True}
    assert verdict(seen(TextKind.REPLY, texts=last, opted_out=True, consented=False)) == Go()
    assert verdict(seen(TextKind.REPLY, texts=last, died=True)) == Suppress("died")


@pytest.mark.parametrize(("hour", "expected"), [(7, Hold), (8, Go), (20, Go), (21, Hold), (23, Hold), (0, Hold)])
def test_prompts_leave_from_eight_to_nine_in_the_evening(hour, expected):
    now = datetime(2026, 3, 2, hour, 0, tzinfo=UTC) - timedelta(hours=5, minutes=30)
    for kind in CONVERSING - {TextKind.DIARY}:
        found = verdict(seen(kind, now=now, texts={"expires_at": NOON + 99 * HOUR}, about=None))
        assert type(found) is expected
        if expected is Hold:
            assert (found.reason, (found.until + timedelta(hours=5, minutes=30)).hour) == ("quiet_hours", 8)


def test_answers_and_emergencies_leave_at_night():
    night = NOON + 12 * HOUR
    assert verdict(seen(TextKind.REPLY, now=night)) == Go()
    assert verdict(seen(TextKind.EMERGENCY, now=night)) == Go()


def test_a_diary_that_ends_before_the_morning_is_not_asked():
    night = NOON + 11 * HOUR
    assert verdict(seen(TextKind.DIARY, now=night, texts={"expires_at": night + HOUR})) == Expire("quiet_hours")


def test_a_pause_holds_or_drops_what_we_open_and_nothing_else():
    until = NOON + 5 * HOUR
    assert verdict(seen(paused_until=until)) == Hold(until, "paused")
    assert verdict(seen(paused_until=NOON + 999 * HOUR)) == Suppress("paused")
    assert verdict(seen(paused_until=NOON)) == Go()
    assert verdict(seen(TextKind.REPLY, paused_until=until)) == Go()


def test_a_prompt_moved_to_later_waits_for_its_new_time():
    assert verdict(seen(about=About(7, NOON + HOUR))) == Hold(NOON + HOUR, "moved")


def test_a_closed_prompt_is_not_asked_nor_reminded_of():
    closed = About(7, NOON, closed="answered", asks_now=False)
    assert verdict(seen(about=closed)) == Suppress("answered")
    assert verdict(seen(TextKind.REMINDER, about=closed)) == Suppress("answered")
    assert verdict(seen(TextKind.REPLY, about=closed)) == Suppress("answered")
    assert verdict(seen(TextKind.EMERGENCY, about=closed)) == Go()


def test_a_reminder_gives_way_to_a_newer_prompt():
    assert verdict(seen(TextKind.REMINDER, neighbours=[beside()])) == Suppress("overtaken")
    assert verdict(seen(TextKind.REMINDER, about=About(7, NOON, overtaken=True))) == Suppress("overtaken")
    assert verdict(seen(TextKind.REMINDER, neighbours=[beside(kind=TextKind.REMINDER)])) == Go()


def test_after_an_outage_the_newest_prompt_goes_instead_of_the_others():
    old, new = NOON - 48 * HOUR, NOON - 3 * HOUR
    others = [beside(due_at=old, send_at=old), beside(3, due_at=old - HOUR, send_at=old - HOUR, prompt_id=9)]
    late = {"due_at": new, "send_at": new}
    assert verdict(seen(neighbours=others, texts=late)) == Go((2, 3))
    assert verdict(seen(neighbours=[beside(due_at=new, send_at=new)], texts={"due_at": old, "send_at": old})) == Expire(
        "system_off"
    )


def test_a_single_late_prompt_in_its_window_still_goes():
    assert verdict(seen(texts={"due_at": NOON - 60 * HOUR, "send_at": NOON - 60 * HOUR})) == Go()


def test_two_open_questions_to_one_phone_are_kept_two_hours_apart():
    day = Day(open_since=NOON - HOUR, texts=1, conversations=frozenset({8}))
    assert verdict(seen(day=day)) == Hold(NOON + HOUR, "other_prompt_open")
    assert verdict(seen(day=day, two_way=False)) == Go()
    assert verdict(seen(TextKind.DIARY, day=day)) == Go()
    assert verdict(seen(day=replace(day, open_since=NOON - 2 * HOUR))) == Go()


def test_a_day_has_three_conversations_or_five_in_a_diary():
    three, five = Day(3, frozenset({1, 2, 3})), Day(5, frozenset({1, 2, 3, 4, 5}))
    assert verdict(seen(day=three)).reason == "cap_conversations"
    assert verdict(seen(TextKind.DIARY, day=three)) == Go()
    assert verdict(seen(TextKind.DIARY, day=five, texts={"expires_at": NOON + HOUR})) == Expire("cap_conversations")
    assert verdict(seen(day=Day(3, frozenset({1, 2, 7})))) == Go()


def test_a_day_has_twenty_texts_and_what_is_not_counted_goes_on():
    full = Day(texts=20)
    assert verdict(seen(TextKind.REPLY, day=full, texts={"expires_at": NOON + HOUR})) == Expire("cap_texts")
    assert verdict(seen(day=full)).reason == "cap_texts"
    assert verdict(seen(TextKind.REPLY, day=full, texts={"uncounted": True})) == Go()
    assert verdict(seen(TextKind.EMERGENCY, day=full)) == Go()


@settings(max_examples=150)
@given(
    kind=st.sampled_from(TextKind),
    hours=st.integers(-60, 90),
    waited=st.integers(0, 100),
    texts=st.integers(0, 25),
    opened=st.none() | st.integers(0, 5),
    quiet=st.booleans(),
)
def test_a_hold_is_always_for_later_and_before_the_end(kind, hours, waited, texts, opened, quiet):
    now = NOON + hours * HOUR
    day = Day(texts, open_since=None if opened is None else now - opened * HOUR)
    times = {"due_at": now - waited * HOUR, "send_at": now - waited * HOUR}
    found = verdict(seen(kind, now=now, day=day, texts=times, quiet_hours=quiet, about=None))
    if isinstance(found, Hold):
        assert now < found.until < NOON + 72 * HOUR
    if isinstance(found, Go):
        assert now < NOON + 72 * HOUR
