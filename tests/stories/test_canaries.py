"""A whole journey with words that must not leak: no log, no address and no plain byte of the database holds them."""

import io
import logging
import re
import sqlite3
from contextlib import closing

import pytest

from prom import wiring
from prom.app import create_app
from prom.services import backing_up, signing_in
from prom.storage import answers, patients, staff
from prom.storage.models import Role

FIRST, LAST = "Quokkania", "Zyzzyvason"
PHONE = "+919007012345"
RECORD = "MRN-CANARY-77431"
WORDS = "the marmalade lighthouse hums 4 me"
NOTE = "my purple wheelbarrow fell over"
PASSWORD = "plenty of quiet knees"
PERSONAL = (FIRST, LAST, PHONE, PHONE.removeprefix("+91"), RECORD, "marmalade", "wheelbarrow")


@pytest.fixture
def clinic(story):
    """Return the story with its web pages."""
    world = story.world
    app = create_app(wiring.App(world.settings, world.store, world.gateway, world.clock))
    app.config.update(WTF_CSRF_ENABLED=False, SECURITY_TWO_FACTOR_REQUIRED=False)
    return story, app


def signed_in(story, app, role, email):
    with story.writing() as session:
        site_id = story.site.id if role is not Role.ADMIN else None
        account = staff.add(session, email, "Staff", role, site_id, story.now)
        account.password = signing_in.hash_password(PASSWORD)
    client = app.test_client()
    assert client.post("/login", data={"email": email, "password": PASSWORD}).status_code == 302
    return client


def journey(story, app):
    """Walk a patient from enrolment to a note by link, and staff past every page; return tokens and addresses."""
    episode, phone = story.enrol(
        procedure_in_days=1, first_name=FIRST, last_name=LAST, phone=PHONE, record_number=RECORD
    )
    assert phone == PHONE
    story.wait(days=1)
    story.done(episode)
    story.wait(days=7, hours=12)
    story.says(PHONE, WORDS)
    story.says(PHONE, "3")
    story.says("+919007099999", f"{FIRST} {LAST} {WORDS}")
    story.wait(days=7)
    tokens = [found for body in story.texts(PHONE) for found in re.findall(r"/a/([\w-]+)", body)]
    anybody = app.test_client()
    asked = [f"/a/{tokens[-1]}" if tokens else "/a/" + "x" * 26]
    pages = [anybody.get(asked[0]), anybody.post(asked[0] + "/note", data={"note": NOTE})]
    pages += [anybody.get(f"{asked[0]}{tail}") for tail in ("/done", "/choices", "/next.ics", "/nowhere")]
    pages += [anybody.get(path) for path in ("/who", "/healthz", "/readyz", "/metrics", f"/b/{asked[0][3:]}")]
    pages += staff_pages(story, app)
    backing_up.backup(story.world.store, story.world.settings, story.now)
    return tokens, pages


def staff_pages(story, app):
    with story.reading() as session:
        public_id = patients.by_phone(session, PHONE)[0].public_id
        assert answers.verify_macs(session) == []
    pages = []
    for role, email in (
        (Role.COORDINATOR, "c@x.example"),
        (Role.CLINICIAN, "d@x.example"),
        (Role.ADMIN, "e@x.example"),
    ):
        client = signed_in(story, app, role, email)
        pages.append(client.post("/patients", data={"q": FIRST}, follow_redirects=True))
        tails = ("", "/messages", "/history", "/schedule", "/print", "/nowhere", "/sensitization", "/treatments")
        tails += ("/merge", "/consents", "/print/csi", "/print/consent", "/baseline")
        pages += [client.get(f"/patients/{public_id}{tail}") for tail in tails]
        pages += [client.get(path) for path in ("/todo", "/patients", "/clinic", "/cohort", "/admin/audit")]
        pages += [client.get(path) for path in ("/reports", "/admin/system", "/settings", "/me", "/enrol/list")]
        pages += uploads(client)
        links = {link for page in pages for link in re.findall(r'href="(/[^"]*)"', page.get_data(as_text=True))}
        pages += [client.get(link) for link in sorted(links) if not link.startswith(("/sim", "/static"))]
    return pages


def uploads(client):
    """Send files and forms with the canaries in them, sound and broken; what is refused must not repeat them."""
    rows = f"site,record_number,first_name,last_name,phone\nmain,{RECORD},{FIRST},{LAST},{PHONE}\n"
    files = [("episodes", rows), ("answers", rows), ("episodes", rows.replace(",", ";")), ("nothing", rows)]
    pages = [
        client.post("/data/import", data={"what": what, "file": (io.BytesIO(text.encode()), f"{LAST}.csv")})
        for what, text in files
    ]
    # The list that was pasted stands in its own form again: only the log and the database matter here.
    client.post("/enrol/list", data={"lines": rows, "go": "show"})
    pages.append(client.post("/data/export", data={"what": FIRST, "format": PHONE}))
    client.post("/data/export", data={"what": "episodes", "format": "csv"}).close()
    return pages


def test_no_name_phone_number_text_or_token_leaks(clinic, caplog, capfd, instance):
    story, app = clinic
    caplog.set_level(logging.DEBUG)
    tokens, pages = journey(story, app)
    out = capfd.readouterr()
    logs = caplog.text + out.out + out.err
    for word in (*PERSONAL, *tokens):
        assert word not in logs, word
    seen = " ".join(page.get_data(as_text=True) for page in pages)
    assert FIRST in seen, "the journey reached the patient's page"
    for page in pages:
        places = f"{page.request.url} {page.location or ''} " + " ".join(
            re.findall(r'(?:href|action|src)="([^"]*)"', page.get_data(as_text=True))
        )
        if not page.request.path.startswith("/a/"):
            for word in (*PERSONAL, *tokens):
                assert word not in re.sub(r"/sim/\S+|tel:\S+", "", places), (page.request.path, word)
        if page.status_code >= 400:
            for word in PERSONAL:
                assert word not in page.get_data(as_text=True), page.request.path
    for token in tokens:
        assert token not in " ".join(page.get_data(as_text=True) for page in pages if "/a/" not in page.request.path)


def test_nothing_personal_lies_in_the_database_or_its_backups_in_clear(clinic, instance):
    story, app = clinic
    tokens, _ = journey(story, app)
    with closing(sqlite3.connect(instance / "prom.db")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    files = [
        path
        for path in instance.rglob("*")
        if path.is_file() and not path.name.startswith("simulated.db") and "keys" not in path.parts
    ]
    assert any(path.suffix == ".backup" for path in files)
    for path in files:
        content = path.read_bytes()
        for word in (*PERSONAL, *tokens, PASSWORD):
            for form in {word, word.lower(), word.upper()}:
                assert form.encode() not in content, (path.name, word)
                assert form.encode("utf-16-le") not in content, (path.name, word)


def test_a_clinician_sees_a_masked_phone_and_staff_see_no_live_link(clinic):
    story, app = clinic
    tokens, _ = journey(story, app)
    with story.reading() as session:
        public_id = patients.by_phone(session, PHONE)[0].public_id
    client = signed_in(story, app, Role.CLINICIAN, "again@x.example")
    for tail in ("", "/messages", "/print"):
        page = client.get(f"/patients/{public_id}{tail}").get_data(as_text=True)
        assert PHONE.removeprefix("+91") not in page.replace(" ", "")
        for token in tokens:
            assert token not in page
