"""Every page a person can reach is valid HTML, passes axe at two sizes and does not scroll sideways at 320 px."""

import re

import html5lib
import pytest

from prom import clock
from prom.services import comparing
from prom.storage import staff
from prom.storage.models import Role
from tests import people as persons
from tests.browser import everywhere, pages, serving
from tests.web import clinician_patients as known
from tests.web import desk
from tests.web.conftest import (  # noqa: F401 - the same app, served
    PASSWORD,
    account,
    app,
    app_with,
    client_as,
    password_hash,
    wired,
)
from tests.web.signing import EMAIL
from tests.web.test_signing_in import code_at

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
ROLES = ("coordinator", "clinician", "admin", "auditor")
STARTS = {
    "coordinator": ["/todo", "/enrol", "/data", "/me/security"],
    "clinician": ["/clinic", "/me/security"],
    "admin": ["/admin/users", "/settings", "/data", "/me/security"],
    "auditor": ["/admin/audit"],
}
SIZES = ((360, 740), (1280, 800))


@pytest.fixture
def address(app):  # noqa: F811
    """Serve the app on a free port and return its address."""
    with serving.served(app) as found:
        yield found


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
    files = [each for each in tree.iter("input") if each.get("type") == "file" and "value" in each.attrib]
    found = [code for _, code, _ in parser.errors] + [f"id {each} twice" for each in twice]
    return found + ["a file field with a value"] * len(files)


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
def test_every_page_of_a_role_is_valid_and_accessible(
    app,  # noqa: F811
    store,
    site,
    now,
    address,
    browser,
    clinic,
    client_as,  # noqa: F811
    role,
):
    more = everywhere.of_staff(store, site, now, "second@clinic.example").get(role, [])
    found = pages.crawl(app, client_as(role), [*STARTS[role], *more])
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
    starts = [f"{start}?lang={language}" for start in everywhere.of_patients(app, wired, site, now)]
    found = pages.crawl(app, app.test_client(), starts, each_route=2)
    mine = {path: page for path, page in found.items() if f'lang="{language}"' in page.split(">", 2)[1] + ">"}
    assert len({pages.endpoint(app, path) for path in mine}) >= 11, sorted(mine)
    assert [(path, wrong) for path, page in mine.items() if (wrong := mistakes(page))] == []
    context = browser.new_context(bypass_csp=True)
    wrong = looked_at(context.new_page(), address, mine)
    context.close()
    assert "\n".join(wrong) == ""


def test_what_nothing_links_to_is_valid_and_accessible(app, store, site, now, account, address, browser):  # noqa: F811
    found = pages.crawl(app, app.test_client(), everywhere.of_staff(store, site, now, account.email)["public"], 2)
    assert len(found) >= 3, sorted(found)
    assert [(path, wrong) for path, page in found.items() if (wrong := mistakes(page))] == []
    context = browser.new_context(bypass_csp=True)
    wrong = looked_at(context.new_page(), address, found)
    context.close()
    assert "\n".join(wrong) == ""


def test_the_way_in_with_a_second_step_is_valid_and_accessible(app_with, account, browser, now):  # noqa: F811
    with serving.served(app_with(PROM_TOTP="required")) as strict:
        context = browser.new_context(bypass_csp=True)
        page = context.new_page()

        def sign_in():
            page.goto(f"{strict}/login")
            page.fill("#email", EMAIL)
            page.fill("#password", PASSWORD)
            page.locator("main button[type=submit]").click()
            page.wait_for_load_state()

        sign_in()
        wrong = shown(page)
        page.locator("main button[type=submit]").first.click()
        page.wait_for_load_state()
        wrong += shown(page)
        key = re.search(r"<code>([A-Z2-7-]+)</code>", page.content()).group(1).replace("-", "")
        page.fill("input[name=code]", code_at(key, clock.wall()))
        page.locator("main form button[type=submit]").first.click()
        page.wait_for_load_state()
        page.goto(f"{strict}/verify")
        wrong += shown(page)
        context.clear_cookies()
        sign_in()
        wrong += shown(page)
        page.goto(f"{strict}/mf-recovery")
        wrong += shown(page)
        context.close()
    assert "\n".join(wrong) == ""


def shown(page):
    """Return what is wrong with the page that a browser shows now."""
    found = [f"{page.url}: {words}" for words in mistakes(page.content())]
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        found += [f"{page.url} at {width}: {words}" for words in violations(page)]
    return found


def test_no_page_is_left_out(app, wired, store, site, now, clinic, client_as):  # noqa: F811
    reached, more = set(), everywhere.of_staff(store, site, now, "second@clinic.example")
    for role in ROLES:
        found = pages.crawl(app, client_as(role), [*STARTS[role], *more.get(role, [])])
        reached |= {pages.endpoint(app, path) for path in found}
    for starts in (more["public"], everywhere.of_patients(app, wired, site, now)):
        reached |= {pages.endpoint(app, path) for path in pages.crawl(app, app.test_client(), starts, each_route=9)}
    every = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in rule.methods}
    assert every - reached == set(everywhere.NO_PAGES) | everywhere.ON_THE_WAY_IN
