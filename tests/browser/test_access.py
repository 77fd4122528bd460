"""Every page a person can reach is valid HTML, passes axe at two sizes and does not scroll sideways at 320 px."""

import threading

import html5lib
import pytest
from werkzeug.serving import make_server

from prom.services import comparing
from prom.storage import staff
from prom.storage.models import Role
from tests import people as persons
from tests.browser import pages
from tests.conftest import chromium
from tests.web import clinician_patients as known
from tests.web import desk
from tests.web.conftest import PASSWORD, app, client_as, password_hash, wired  # noqa: F401 - the same app, served
from tests.web.patients import linked

pytestmark = pytest.mark.browser
ROLES = ("coordinator", "clinician", "admin", "auditor")
STARTS = {
    "coordinator": ["/todo", "/enrol", "/data", "/me/security"],
    "clinician": ["/clinic", "/me/security"],
    "admin": ["/admin/users", "/settings", "/data", "/me/security"],
    "auditor": ["/admin/audit"],
}
SIZES = ((360, 740), (1280, 800))


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api")
    arguments = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-first-run"]
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=chromium(), args=[*arguments, "--disable-background-networking"]
        )
        yield found
        found.close()


@pytest.fixture
def address(app):  # noqa: F811
    """Serve the app on a free port and return its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def clinic(store, site, now):
    """Return a clinic with patients who lost relief, a procedure today, and something in the queue."""
    known.cohort(store, now, each=6)
    asha = desk.done(store, persons.asha, site, now)
    desk.asked(store, asha)
    desk.texted(store, persons.ASHA_PHONE, "maybe six or seven", now)
    desk.texted(store, persons.ASHA_PHONE, "I cannot breathe", now, number=2)
    with store.writing() as session:
        persons.bikash(session, site, now, procedure_at=now)
        comparing.refresh_snapshots(session, now)
        staff.add(session, "second@clinic.example", "Second", Role.COORDINATOR, site.id, now)
    return site


def mistakes(page):
    """Return what an HTML5 parser says against a page, and ids that are there twice."""
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    tree = parser.parse(page)
    ids = [element.attrib["id"] for element in tree.iter() if "id" in element.attrib]
    twice = sorted({each for each in ids if ids.count(each) > 1})
    return [code for _, code, _ in parser.errors] + [f"id {each} twice" for each in twice]


def violations(page):
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {node['html'][:120]}" for one in found for node in one["nodes"][:3]]


def looked_at(page, address, paths):
    """Return every violation of some pages at both sizes, and sideways scrolling at 320 px."""
    found = []
    for path in paths:
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            page.goto(address + path)
            found += [f"{path} at {width}: {words}" for words in violations(page)]
        page.set_viewport_size({"width": 320, "height": 640})
        wide = page.evaluate("document.documentElement.scrollWidth")
        found += [f"{path}: {wide} px wide at 320"] if wide > 320 else []
    return found


@pytest.mark.parametrize("role", ROLES)
def test_every_page_of_a_role_is_valid_and_accessible(app, address, browser, clinic, client_as, role):  # noqa: F811
    found = pages.crawl(app, client_as(role), STARTS[role])
    assert len(found) >= {"coordinator": 12, "clinician": 6, "admin": 6, "auditor": 1}[role], sorted(found)
    assert [(path, wrong) for path, page in found.items() if (wrong := mistakes(page))] == []
    context = browser.new_context(bypass_csp=True)
    page = context.new_page()
    page.goto(f"{address}/login")
    page.fill("#email", f"{role}@clinic.example")
    page.fill("#password", PASSWORD)
    page.locator("main button[type=submit]").click()
    page.wait_for_load_state()
    wrong = looked_at(page, address, found)
    context.close()
    assert "\n".join(wrong) == ""


@pytest.mark.parametrize("language", ["en", "hi", "bn"])
def test_every_page_of_a_patient_is_valid_and_accessible(app, wired, site, now, address, browser, language):  # noqa: F811
    given = linked(app, wired, site, now)
    starts = [f"{given.address}?lang={language}", f"/who?lang={language}", f"/a/{'x' * 26}?lang={language}"]
    found = pages.crawl(app, app.test_client(), starts, each_route=2)
    mine = {path: page for path, page in found.items() if f'lang="{language}"' in page.split(">", 2)[1] + ">"}
    assert len(mine) >= 3, sorted(found)
    assert [(path, wrong) for path, page in mine.items() if (wrong := mistakes(page))] == []
    context = browser.new_context(bypass_csp=True)
    wrong = looked_at(context.new_page(), address, mine)
    context.close()
    assert "\n".join(wrong) == ""
