"""Invitations to the baseline and consent pages: their links, how long they live, what is answered on them."""

from datetime import timedelta

import pytest
from sqlmodel import select

from prom.domain.instruments import Scale
from prom.services import contacting, inviting, linking, linking_baseline, planning, stopping
from prom.services.linking import Stored
from prom.storage import answers, audit, channels, episodes
from prom.storage.models import (
    AnswerState,
    Invitation,
    InvitationKind,
    Message,
    MessageState,
    Source,
)
from tests import people

BASELINE, CONSENT = InvitationKind.BASELINE, InvitationKind.CONSENT


@pytest.fixture
def asha(store, site, now):
    """Return Asha's planned procedure without a baseline, and Asha."""
    with store.writing() as session:
        episode = people.asha(session, site, now, baseline_nrs=None, csi_items=None)
        return episode, episodes.patient_of(session, episode)


def invite(session, asha, now, way="qr", kind=BASELINE):
    episode, patient = asha
    return inviting.invite(session, patient, episode if kind is BASELINE else None, kind, way, audit.COMMAND, now)


def give(session, invitation, number, value, now, seen=""):
    step = linking_baseline.steps(invitation)[number - 1]
    return linking_baseline.answer(session, invitation, step, value, seen, audit.PATIENT, now)


def test_a_link_finds_its_invitation_and_no_other_kind_of_page(store, asha, now):
    with store.writing() as session:
        made = invite(session, asha, now)
        token = inviting.token(session, made)
        assert len(token) == 30
        assert token.isalnum()
        assert inviting.by_token(session, BASELINE, token).id == made.id
        assert inviting.by_token(session, CONSENT, token) is None
        for wrong in ("", token[:-1], token[:-1] + "x", token[:8] + "x" * 22, "é" * 30, token + "x"):
            assert inviting.by_token(session, BASELINE, wrong) is None
        assert inviting.address(session, made, "https://clinic.example") == f"https://clinic.example/b/{token}"


def test_a_new_invitation_ends_the_one_before_even_in_the_same_moment(store, asha, now):
    with store.writing() as session:
        first, second = invite(session, asha, now), invite(session, asha, now, "tablet")
        assert not inviting.alive(session, first, now)
        assert inviting.alive(session, second, now)
        assert inviting.alive(session, invite(session, asha, now, kind=CONSENT), now)
        assert inviting.alive(session, second, now), "a consent page ends no baseline"


def test_a_link_lives_seven_days_a_tablet_two_hours_and_none_beyond_the_procedure(store, asha, now):
    with store.writing() as session:
        qr = invite(session, asha, now)
        assert inviting.alive(session, qr, now + timedelta(days=6, hours=23))
        assert not inviting.alive(session, qr, now + timedelta(days=7))
        tablet = invite(session, asha, now, "tablet")
        assert not inviting.alive(session, tablet, now + timedelta(hours=2))
        later = asha[0].procedure_at - timedelta(days=2)
        assert invite(session, asha, later).expires_at == asha[0].procedure_at


def test_the_procedure_ends_a_baseline_wherever_it_was_moved_to(store, asha, now):
    with store.writing() as session:
        made = invite(session, asha, now)
        episode = session.get(type(asha[0]), asha[0].id)
        planning.move(session, episode, now + timedelta(days=1), audit.COMMAND, now)
        assert inviting.alive(session, made, now + timedelta(hours=23))
        assert not inviting.alive(session, made, now + timedelta(days=1))
        planning.cancel(session, episode, audit.COMMAND, now)
        assert not inviting.alive(session, made, now)


@pytest.mark.parametrize("way", ["", "fax", "post"])
def test_an_unknown_way_is_refused(store, asha, now, way):
    with store.writing() as session, pytest.raises(inviting.InvitationError):
        invite(session, asha, now, way)


def test_no_baseline_is_asked_after_the_procedure(store, asha, now):
    with store.writing() as session:
        episode = session.get(type(asha[0]), asha[0].id)
        with pytest.raises(inviting.InvitationError):
            invite(session, (episode, asha[1]), episode.procedure_at)
        planning.mark_done(session, episode, now, audit.COMMAND, now)
        with pytest.raises(inviting.InvitationError):
            invite(session, (episode, asha[1]), now)


def test_answers_are_kept_one_by_one_and_counted_whatever_way_they_came(store, asha, now):
    with store.writing() as session:
        made = invite(session, asha, now)
        assert inviting.progress(session, made) == (0, 26)
        give(session, made, 1, 7, now)
        for number in range(2, 8):
            give(session, made, number, number % 5, now)
        assert inviting.progress(session, made) == (7, 26)
        assert inviting.answered(session, asha[0]) == (7, 26)
        record = episodes.sensitization(session, asha[0].id)
        assert record.csi_answered == 6
        tablet = invite(session, asha, now + timedelta(minutes=1), "tablet")
        assert linking_baseline.first_open(session, tablet) == 8
        give(session, tablet, 8, None, now + timedelta(minutes=2))
        rows = {(row.instrument, row.item): row for row in answers.current(session, asha[0].id)}
        assert rows["csi", 7].value is None
        assert rows["csi", 7].source is Source.CLINIC
        assert rows["csi", 1].source is Source.LINK
        assert rows["nrs", 0].series == "average_24h"
        assert {row.occasion for row in rows.values()} == {"baseline"}


def test_all_answered_finishes_a_phone_at_once_and_a_tablet_by_hand(store, asha, now):
    with store.writing() as session:
        made = invite(session, asha, now)
        for number in range(1, 27):
            give(session, made, number, 1, now)
        assert made.finished_at == now
        assert inviting.alive(session, made, now + timedelta(minutes=14))
        assert not inviting.alive(session, made, now + timedelta(minutes=15))
        tablet = invite(session, asha, now + timedelta(minutes=1), "tablet")
        assert tablet.finished_at is None
        inviting.finish(session, tablet, audit.PATIENT, now + timedelta(minutes=2))
        assert not inviting.alive(session, tablet, now + timedelta(minutes=2))
        record = episodes.sensitization(session, asha[0].id)
        assert (record.csi_answered, record.csi_min, record.csi_max) == (25, 25, 25)


def test_a_change_is_a_correction_and_an_answer_not_seen_stays_in_force(store, asha, now):
    with store.writing() as session:
        made = invite(session, asha, now)
        give(session, made, 1, 7, now)
        held = inviting.held(session, made)[inviting.slot("nrs")]
        assert give(session, made, 1, 7, now) is Stored.SAVED
        assert give(session, made, 1, 5, now) is Stored.KEPT_BESIDE
        assert give(session, made, 1, 4, now, seen=held.public_id) is Stored.CHANGED
        rows = session.exec(select(type(held)).where(type(held).instrument == "nrs")).all()
        assert sorted((row.value, row.state) for row in rows) == [
            (4, AnswerState.CURRENT),
            (5, AnswerState.SECOND),
            (7, AnswerState.CORRECTED),
        ]
        assert answers.verify_macs(session) == []


def test_pain_is_not_skipped_and_no_value_is_off_its_scale(store, asha, now):
    with store.writing() as session:
        made = invite(session, asha, now)
        for number, value in ((1, None), (1, 11), (1, -1), (2, 5), (2, -1)):
            with pytest.raises(linking.AnswerError):
                give(session, made, number, value, now)
        assert inviting.progress(session, made) == (0, 26)


def test_hourly_plans_ask_current_pain(store, site, now):
    with store.writing() as session:
        episode = people.asha(
            session, site, now, procedure="diagnostic_block", baseline_nrs=None, csi_items=None, target="lumbar"
        )
        made = inviting.invite(
            session, episodes.patient_of(session, episode), episode, BASELINE, "qr", audit.COMMAND, now
        )
        assert linking_baseline.steps(made)[0].series == "current"
        assert linking_baseline.steps(made)[0].scale is Scale.NRS


def test_a_caregivers_answers_say_so(store, asha, now):
    with store.writing() as session:
        patient = session.get(type(asha[1]), asha[1].id)
        patient.proxy = True
        made = invite(session, asha, now)
        give(session, made, 1, 7, now)
        assert [row.proxy for row in answers.current(session, asha[0].id)] == [True]


def texts(session):
    return session.exec(select(Message).where(Message.text_key.in_(["baseline_link", "consent_link"]))).all()


def test_a_link_by_text_waits_in_the_outbox_and_a_newer_one_takes_its_place(store, asha, now):
    with store.writing() as session:
        invite(session, asha, now, "text")
        [text] = texts(session)
        assert text.state is MessageState.PENDING
        assert text.variables_sealed is not None
        invite(session, asha, now + timedelta(minutes=1), "text")
        session.expire_all()
        assert sorted((row.state, row.reason) for row in texts(session)) == [
            (MessageState.PENDING, ""),
            (MessageState.SUPPRESSED, "link_replaced"),
        ]


def test_no_text_invites_who_cannot_or_may_not_be_texted(store, site, asha, now):
    with store.writing() as session:
        devi = people.devi(session, site, now, baseline_nrs=None, csi_items=None)
        with pytest.raises(inviting.InvitationError):
            invite(session, (devi, episodes.patient_of(session, devi)), now, "text")
        channels.suppress(session, asha[1].phone_index, source="text", now=now)
        stopping.suppress_waiting(session, asha[1].phone_index)
        with pytest.raises(inviting.InvitationError):
            invite(session, asha, now, "text")
        assert invite(session, asha, now, "tablet").way == "tablet"


def test_a_new_number_kills_the_links_that_were_texted(store, asha, now):
    with store.writing() as session:
        made = invite(session, asha, now, "text")
        token = inviting.token(session, made)
        patient = session.get(type(asha[1]), asha[1].id)
        contacting.change_number(session, patient, "+919007000999", audit.COMMAND, now)
        assert inviting.by_token(session, BASELINE, token) is None


def test_an_old_link_asks_for_a_new_one_once_an_hour_and_an_unknown_one_for_nothing(store, asha, now):
    with store.writing() as session:
        token = inviting.token(session, invite(session, asha, now))
        later = now + timedelta(days=8)
        assert not inviting.new_link(session, BASELINE, "x" * 30, later)
        assert inviting.new_link(session, BASELINE, token, later)
        assert not inviting.new_link(session, BASELINE, token, later + timedelta(minutes=59))
        assert len(texts(session)) == 1
        assert not inviting.new_link(session, BASELINE, token, asha[0].procedure_at)
        assert len(session.exec(select(Invitation)).all()) == 2
