"""Statuses only move upwards, and every error code has exactly one reaction."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prom.domain import delivery
from prom.domain.delivery import (
    AlertOnRate,
    AskCoordinator,
    ConfigurationAlert,
    Fail,
    HaltChannel,
    NextWindow,
    NumberUnusable,
    OptOut,
    Reconcile,
    RetryInHours,
    SlowDown,
)

KNOWN = sorted(delivery.STATUS_RANK)
FINAL = ("delivered", "undelivered", "failed", "canceled")


def end_of(statuses, start=None):
    state = start
    for status in statuses:
        state = delivery.advance(state, status)
    return state


@pytest.mark.parametrize("final", FINAL)
def test_every_order_of_one_message_ends_in_its_final_status(final):
    for order in permutations(["accepted", "queued", "sending", "sent", final, "sent"]):
        assert end_of(order) == final


def test_every_order_with_a_read_receipt_ends_read():
    for order in permutations(["queued", "sending", "sent", "delivered", "read"]):
        assert end_of(order) == "read"


def test_every_order_of_every_subset_ends_at_the_highest_rank():
    path = ["accepted", "queued", "sending", "sent", "delivered", "read"]
    for size in range(1, len(path) + 1):
        for order in permutations(path, size):
            assert end_of(order) == max(order, key=delivery.STATUS_RANK.__getitem__)


def test_of_two_final_statuses_the_first_stays():
    for first, second in permutations(FINAL, 2):
        assert end_of([first, second]) == first


def test_a_repeated_status_changes_nothing():
    for status in KNOWN:
        assert delivery.advance(status, status) == status


def test_scheduled_does_not_replace_accepted():
    assert delivery.advance("accepted", "scheduled") == "accepted"


def test_an_unknown_status_moves_nothing():
    assert delivery.advance("sent", "partially_delivered") == "sent"
    assert delivery.advance(None, "teleported") is None
    assert not delivery.is_known("teleported")


def test_a_known_status_replaces_an_unknown_one():
    assert delivery.advance("teleported", "accepted") == "accepted"


@given(st.lists(st.one_of(st.sampled_from(KNOWN), st.text(max_size=12)), max_size=12))
def test_no_run_of_statuses_ever_lowers_the_rank(statuses):
    state, reached = None, -1
    for status in statuses:
        state = delivery.advance(state, status)
        rank = -1 if state is None else delivery.STATUS_RANK[state]
        assert rank >= reached
        reached = rank


def test_final_statuses_are_those_after_sent():
    assert {status for status in KNOWN if delivery.is_final(status)} == {*FINAL, "read"}
    assert not delivery.is_final(None)
    assert not delivery.is_final("teleported")


TABLE = [
    (SlowDown(), [20429]),
    (HaltChannel(), [20003, 20005, 30002, 21603, 21606, *range(21700, 21710), 30032, 30034]),
    (NumberUnusable(), [21211, 21217, 21614, 30005, 30006]),
    (OptOut(), [21610]),
    (ConfigurationAlert(), [21408, 21612]),
    (AlertOnRate(), [30007]),
    (NextWindow(), [30001, 21611, 30022, 30023, 30027, 30017]),
    (AskCoordinator(), [30004]),
    (Fail(), [20404, 21602, 21617, 21699, 21710, 30035, 30036, 12345, 0, -1, 10**12]),
]


@pytest.mark.parametrize(("expected", "code"), [(wanted, code) for wanted, codes in TABLE for code in codes])
def test_a_code_means_the_same_by_http_and_by_callback(expected, code):
    assert delivery.reaction(code) == expected
    assert delivery.reaction(code, http_status=400) == expected


def test_an_unreachable_phone_is_tried_twice_more_then_a_person_calls():
    tries = [delivery.reaction(30003, retries_made=made) for made in range(4)]
    assert tries == [RetryInHours(3), RetryInHours(3), AskCoordinator(), AskCoordinator()]


def test_an_unexplained_carrier_error_is_tried_once_more():
    tries = [delivery.reaction(30008, retries_made=made) for made in range(3)]
    assert tries == [RetryInHours(3), AskCoordinator(), AskCoordinator()]


def test_too_many_requests_slows_down_whatever_the_code():
    assert delivery.reaction(None, http_status=429) == SlowDown()
    assert delivery.reaction(14107, http_status=429) == SlowDown()


def test_a_full_queue_waits_for_the_next_window_even_as_429():
    assert delivery.reaction(21611, http_status=429) == NextWindow()


@pytest.mark.parametrize("http_status", [200, 201, 302, 500, 502, 503, 504, 599])
def test_an_answer_that_may_hide_an_acceptance_is_reconciled(http_status):
    assert delivery.reaction(None, http_status=http_status) == Reconcile()
    assert delivery.reaction(21211, http_status=http_status) == Reconcile()


@pytest.mark.parametrize("http_status", [401, 403, 404, 407])
def test_a_refusal_without_a_code_by_something_in_between_halts_the_channel(http_status):
    assert delivery.reaction(None, http_status=http_status) == HaltChannel()


def test_an_error_without_code_or_status_fails():
    assert delivery.reaction(None) == Fail()
    assert delivery.reaction(None, http_status=400) == Fail()


@given(st.none() | st.integers(), st.none() | st.integers(100, 599), st.integers(0, 5))
def test_no_code_crashes(code, http_status, made):
    assert delivery.reaction(code, http_status, made) is not None


def test_a_retry_without_a_wait_is_refused():
    with pytest.raises(ValueError, match="no wait"):
        RetryInHours(0)


def test_the_wait_doubles_up_to_five_minutes():
    waits = [delivery.backoff_seconds(attempt, jitter=1.0) for attempt in (1, 2, 3, 4, 8, 9, 5000)]
    assert waits == [2.0, 4.0, 8.0, 16.0, 256.0, 300.0, 300.0]


@given(st.integers(1, 100), st.floats(0, 1), st.floats(0, 86400))
def test_the_wait_asked_for_is_never_shortened(attempt, jitter, asked):
    assert delivery.backoff_seconds(attempt, jitter, asked) >= asked


@given(st.integers(1, 10000), st.floats(0, 1))
def test_our_own_wait_is_between_one_second_and_five_minutes(attempt, jitter):
    assert 1.0 <= delivery.backoff_seconds(attempt, jitter) <= 300.0


@pytest.mark.parametrize(("attempt", "jitter"), [(0, 0.5), (1, -0.1), (1, 1.1)])
def test_an_impossible_wait_is_refused(attempt, jitter):
    with pytest.raises(ValueError, match="out of range"):
        delivery.backoff_seconds(attempt, jitter)
