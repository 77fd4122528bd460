"""A coordinator's day in real Chromium on a small phone: a queue of 14 items, a moved date, somebody enrolled."""

import socket
import time
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from prom.services import inviting
from prom.storage import answers, episodes, patients, plans, tasks
from prom.storage.models import InvitationKind, TaskKind
from tests import people
from tests.browser import serving
from tests.browser.test_access import mistakes, violations
from tests.web.conftest import PASSWORD, account, app, app_with, password_hash, wired  # noqa: F401 - the same app
from tests.web.desk import asked, done, open_tasks, texted

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
PHONE = {"width": 360, "height": 740}
TWO_MINUTES = 120
TOLD = {"q_nrs": "3", "q_pgic": "2", "q_relief_percent": "50"}


@pytest.fixture
def served(app, app_with):  # noqa: F811
    """Serve the app at a public address of its own, its forms' tokens checked, and return that address."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    served_app = app_with(PROM_PUBLIC_URL=f"http://127.0.0.1:{port}")
    served_app.config["WTF_CSRF_ENABLED"] = True
    with serving.served(served_app, port) as found:
        yield found


@pytest.fixture
def mina(browser, served, account):  # noqa: F811
    """Return a page of Mina's phone, signed in; a refused script or style fails the test."""
    context = browser.new_context(viewport=PHONE, locale="en-GB")
    page = context.new_page()
    refused = []
    page.on("console", lambda said: refused.append(said.text) if "Content Security Policy" in said.text else None)
    page.base = served
    page.goto(served + "/login")
    page.get_by_label("E-mail address").fill(account.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(served + "/todo")
    yield page
    assert refused == []
    context.close()


def fits(page):
    page.wait_for_load_state()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], page.url
    # What follows a form has no address that another test could open.
    assert violations(page) + mistakes(page.content()) == [], page.url


@pytest.fixture
def fourteen(app, wired, site, now):  # noqa: F811
    """Fill the queue with 14 things of all five kinds."""
    store = wired.store
    asha, bikash = done(store, people.asha, site, now), done(store, people.bikash, site, now)
    prompt = asked(store, asha)
    at = prompt.due_at + timedelta(hours=1)
    for number, words in enumerate(("4 or 5", "somewhere 4-5", "abt 4 or 5 today doctor")):
        texted(store, people.ASHA_PHONE, words, at + timedelta(minutes=number), number)
    texted(store, "+919007000555", "7", at, 11)
    with store.writing() as session:
        open_prompt = next(row for row in plans.prompts(session, bikash.id) if row.time_point == "d14")
        rows = [
            (TaskKind.CALL, "red_flag_cardiac", None, True),
            (TaskKind.CALL, "call_me", None, False),
            (TaskKind.CALL, "asked_by_phone", open_prompt.id, False),
            (TaskKind.CALL, "complaint", None, False),
            (TaskKind.READ, "question", None, False),
            (TaskKind.READ, "symptom", None, False),
            (TaskKind.FIX, "number_unusable", None, False),
            (TaskKind.FIX, "outcome_unknown", None, False),
            (TaskKind.CHASE, "no_answer", None, False),
            (TaskKind.CHASE, "not_reached", None, False),
            (TaskKind.STOPPED, "opted_out", None, False),
            (TaskKind.STOPPED, "opted_out", None, False),
        ]
        for number, (kind, reason, prompt_id, urgent) in enumerate(rows):
            tasks.open_task(
                session,
                site_id=site.id,
                kind=kind,
                reason=reason,
                dedupe_key=f"{reason}|{number}",
                patient_id=bikash.patient_id,
                prompt_id=prompt_id,
                urgent=urgent,
                now=at,
            )
    wired.clock.move_to(at + timedelta(hours=1))
    assert len(open_tasks(store, site)) == 14
    return at


def _call(page):
    for name, value in TOLD.items():
        if page.locator(f"[name={name}]").count():
            page.locator(f"[name={name}]").fill(value)
    page.locator("input[name=outcome][value=reached]").check(force=True)
    page.get_by_role("button", name="Save", exact=True).click()


def _edit_number(page):
    page.locator("#number").get_by_label("New mobile number").fill("90070 00199")
    page.get_by_role("button", name="Change number").click()


def _settle(page, card):
    """Do what the first button of a card offers; a page of its own is filled in."""
    first = card.locator(".actions > *").first
    name = first.inner_text().split("\n")[0].strip()
    if name == "Assign":
        card.get_by_role("button", name="Not ours").click()
        return
    if name in {"Open", "Done"}:
        card.get_by_role("button", name="Done").click()
        return
    first.click()
    if name.startswith("Call"):
        fits(page)
        expect(page.locator("a[href^='tel:']").first).to_be_visible()
        _call(page)
    elif name == "Edit number":
        fits(page)
        _edit_number(page)


def test_a_queue_of_14_mixed_items_is_cleared(mina, fourteen, wired, site):  # noqa: F811
    mina.goto(mina.base + "/todo")
    fits(mina)
    seen = mina.locator("ul.queue > li.task")
    expect(seen).to_have_count(14)
    left = 14
    while left:
        _settle(mina, seen.first)
        expect(mina).to_have_url(mina.base + "/todo")
        now_left = seen.count()
        assert now_left < left, mina.inner_text("main")
        left = now_left
    expect(mina.get_by_text("Nothing to do here.")).to_be_visible()
    assert open_tasks(wired.store, site) == []
    assert mina.get_by_role("button", name="Undo").count() > 0


def test_a_procedure_is_moved_after_a_look_at_what_it_does(mina, app, wired, site, now):  # noqa: F811
    with wired.store.writing() as session:
        people.asha(session, site, now, procedure_at=now + timedelta(hours=3))
    mina.goto(mina.base + "/todo")
    mina.get_by_role("link", name="Move", exact=True).click()
    fits(mina)
    if not mina.locator("#move_at").is_visible():
        mina.get_by_text("Move the date").click()
    mina.locator("#move_at").fill("2026-03-20T10:00")
    mina.get_by_role("button", name="Preview", exact=True).click()
    expect(mina.get_by_text("Nothing has changed yet.")).to_be_visible()
    expect(mina.get_by_role("heading", name="Move from 2 Mar 2026 to 20 Mar 2026?")).to_be_visible()
    fits(mina)
    mina.get_by_role("button", name="Move the procedure").click()
    expect(mina.get_by_text("Moved. What was not sent is planned anew.")).to_be_visible()
    fits(mina)


def test_several_of_the_theatre_list_are_marked_done_at_once(mina, app, wired, site, now):  # noqa: F811
    with wired.store.writing() as session:
        people.asha(session, site, now, procedure_at=now + timedelta(hours=1))
        people.bikash(session, site, now, procedure_at=now + timedelta(hours=2))
    wired.clock.move_to(now + timedelta(hours=4))
    mina.goto(mina.base + "/todo")
    for box in mina.locator("input[name=episode]").all():
        box.check(force=True)
    mina.get_by_role("button", name="Mark done").click()
    expect(mina.get_by_text("2 procedures are marked done.")).to_be_visible()
    fits(mina)


def _enrol(page):
    for name, value in {
        "record_number": "K-9",
        "first_name": "Nila",
        "last_name": "Bose",
        "phone": "90070 00188",
    }.items():
        page.locator(f"#{name}").fill(value)
    for name in ("consent_texts", "consent_data"):
        page.locator(f"input[name={name}][value=yes]").check(force=True)
    page.locator("[name=consent_method]").select_option("paper")
    page.get_by_role("button", name="Check the number").click()
    expect(page.get_by_text("+91 90070 00188: a mobile number of India")).to_be_visible()
    fits(page)
    page.get_by_role("button", name="Continue", exact=True).click()
    page.locator("input[name=procedure][value=genicular_rfa]").check(force=True)
    page.locator("[name=side]").select_option("left")
    page.locator("#procedure_at").fill("2026-03-12T10:00")
    page.get_by_role("button", name="Show the schedule").click()
    expect(page.get_by_role("heading", name="What will be asked")).to_be_visible()
    fits(page)
    page.get_by_role("button", name="Continue", exact=True).click()
    page.get_by_role("button", name="The patient answers by themselves").click()
    fits(page)
    page.get_by_role("button", name="Enrol", exact=True).click()


def _answered(wired, site):  # noqa: F811
    """Return how many baseline answers the enrolled patient has."""
    with wired.store.reading() as session:
        (episode,) = episodes.of_patient(session, patients.by_record(session, site.id, "K-9").id)
        return len(answers.current(session, episode.id))


def _link(wired, site):  # noqa: F811
    """Return the path that the code on Mina's page holds."""
    with wired.store.reading() as session:
        patient = patients.by_record(session, site.id, "K-9")
        (episode,) = episodes.of_patient(session, patient.id)
        opened = inviting.current(session, patient, episode, InvitationKind.BASELINE)
        return f"/b/{inviting.token(session, opened)}"


def test_somebody_is_enrolled_and_answers_on_their_own_phone_in_two_minutes(mina, browser, wired, site):  # noqa: F811
    started = time.monotonic()
    mina.goto(mina.base + "/enrol")
    _enrol(mina)
    expect(mina.get_by_text("0 of 26 answered")).to_be_visible()
    mina.get_by_role("button", name="Show a code").click()
    fits(mina)
    context = browser.new_context(viewport=PHONE, locale="en-GB")
    phone = context.new_page()
    phone.goto(mina.base + _link(wired, site))
    _answer_all(phone)
    context.close()
    expect(mina.get_by_text("26 of 26 answered")).to_be_visible(timeout=10_000)
    assert time.monotonic() - started < TWO_MINUTES
    assert _answered(wired, site) == 26


def test_the_clinics_tablet_does_as_well_and_ends_at_the_hand_back_screen(mina, wired, site):  # noqa: F811
    started = time.monotonic()
    mina.goto(mina.base + "/enrol")
    _enrol(mina)
    mina.get_by_role("button", name="Use this tablet").click()
    _answer_all(mina)
    assert time.monotonic() - started < TWO_MINUTES
    assert _answered(wired, site) == 26
    mina.goto(mina.base + "/todo")
    expect(mina.get_by_label("Password")).to_be_visible()


def _answer_all(page):
    """Answer each screen of the questionnaire with its second choice, until there is none."""
    for _screen in range(40):
        choice = page.locator("input[name=answer]")
        if not choice.count():
            if not page.locator("main button.primary, main a.button.primary").count():
                return
            page.locator("main button.primary, main a.button.primary").first.click()
            page.wait_for_load_state()
            if not page.locator("input[name=answer]").count() and "/done" in page.url:
                return
            continue
        fits(page)
        choice.nth(1).check(force=True)
        page.locator("button.primary").first.click()
        page.wait_for_load_state()
