"""The patient's own choices, by the link of a prompt."""

import pytest

from prom.storage import consents
from prom.storage.models import Patient, Purpose
from tests.web.patients import dump, linked, text


@pytest.fixture
def asha(app, wired, site, now):
    """Return Asha's open link of day 14."""
    return linked(app, wired, site, now)


def choose(one, what, value=None, **more):
    data = {"what": what, "value": value} | more
    return one.client.post(f"{one.address}/choices", data={key: each for key, each in data.items() if each is not None})


def patient(one):
    with one.wired.store.reading() as session:
        return session.get_one(Patient, one.prompt.patient_id)


def test_the_page_is_reached_from_question_and_thanks_and_a_get_chooses_nothing(asha):
    for path in ("", "/done"):
        assert f'href="{asha.address}/choices"' in text(asha.page(path)) or path == "/done"
    asha.choose("nrs", 3)
    assert f'href="{asha.address}/choices"' in text(asha.page("/done"))
    before = dump(asha.wired.store)
    page = text(asha.page("/choices?what=how&value=phone"))
    assert "WhatsApp is not possible yet" in page
    assert dump(asha.wired.store) == before


def test_each_choice_is_stored_and_said(asha):
    for what, value in (("when", "1110"), ("how", "link"), ("language", "bn-Latn"), ("pause", "14")):
        reply = choose(asha, what, value)
        assert reply.location.startswith(f"{asha.address}/choices?said={what}")
        assert "Saved." in text(asha.page(f"/choices?said={what}&lang=en")) or what == "pause"
    row = patient(asha)
    assert (row.ask_minute, row.channel, row.language) == (1110, "link", "bn-Latn")
    assert row.paused_reason == "asked"
    assert '<html lang="bn">' in text(asha.page("/choices"))
    choose(asha, "resume")
    choose(asha, "when", "")
    assert (patient(asha).paused_until, patient(asha).ask_minute) == (None, None)


@pytest.mark.parametrize(
    ("what", "value"),
    [
        ("when", "1"),
        ("when", "99999"),
        ("when", "noon"),
        ("when", "٩٦٠"),
        ("how", "whatsapp"),
        ("how", None),
        ("language", "fr"),
        ("pause", "1000"),
        ("pause", "-7"),
        ("caregiver", None),
    ],
)
def test_what_is_not_on_offer_is_told_and_changes_nothing(asha, what, value):
    before = dump(asha.wired.store)
    reply = choose(asha, what, value)
    assert reply.status_code == 422
    assert 'role="alert"' in text(reply)
    assert dump(asha.wired.store) == before


def test_an_unknown_wish_is_nothing(asha):
    before = dump(asha.wired.store)
    assert choose(asha, "everything", "yes").location == f"{asha.address}/choices"
    assert dump(asha.wired.store) == before


def test_a_caregiver_answers_with_consent_until_it_is_taken_back(asha):
    choose(asha, "caregiver", version="1", language="en")
    assert patient(asha).proxy
    asha.choose("nrs", 4)
    assert [row.proxy for row in asha.answers()] == [True]
    assert "I answer myself again" in text(asha.page("/choices"))
    choose(asha, "myself")
    assert not patient(asha).proxy
    with asha.wired.store.reading() as session:
        assert consents.live(session, asha.prompt.patient_id, Purpose.CAREGIVER) is None


def test_a_link_that_is_over_chooses_nothing(asha):
    asha.at(asha.prompt.closes_at)
    assert asha.page("/choices").status_code == 410
    assert choose(asha, "how", "phone").status_code == 410
    assert patient(asha).channel == "sms"
