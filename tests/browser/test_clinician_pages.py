"""The clinician's pages in a real browser: charts drawn under the policy, reflow, targets, review by hand, one sheet."""

import pytest

from prom.services import comparing
from tests.browser import serving
from tests.web import clinician_patients as known
from tests.web.conftest import PASSWORD, app, client_as, password_hash, wired  # noqa: F401 - the same app, served

pytestmark = pytest.mark.browser
LISTEN = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective} ${event.sourceFile} ${event.lineNumber} ${event.sample}`));
"""
A4_SHEET = (688, 1017)  # pixels inside the 14 mm margins of the style sheet


@pytest.fixture
def address(app):  # noqa: F811
    """Serve the app on a free port and return its address."""
    app.config["WTF_CSRF_ENABLED"] = True
    with serving.served(app) as found:
        yield found


@pytest.fixture
def people(store, site, now):
    """Return the public ids of 28 patients with the cohort's figures made; the first one lost relief."""
    found = known.cohort(store, now)
    with store.writing() as session:
        comparing.refresh_snapshots(session, now)
    return [found[2], *found]


@pytest.fixture
def page(browser, app, people, address, client_as):  # noqa: F811
    """Return a browser page, signed in as a clinician by hand, that notes violations and errors."""
    app.config["WTF_CSRF_ENABLED"] = False
    client_as("clinician")
    app.config["WTF_CSRF_ENABLED"] = True
    opened = browser.new_page(viewport={"width": 1280, "height": 800})
    opened.add_init_script(LISTEN)
    opened.errors = []
    opened.on("console", lambda message: opened.errors.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: opened.errors.append(str(error)))
    opened.goto(f"{address}/login")
    opened.fill("#email", "clinician@clinic.example")
    opened.fill("#password", PASSWORD)
    opened.locator("main button[type=submit]").click()
    opened.wait_for_url("**/clinic")
    yield opened
    assert opened.errors == []
    opened.close()


def draw_all(page):
    for plot in page.locator(".plot").all():
        plot.scroll_into_view_if_needed()
        page.wait_for_function("plot => plot.querySelector('.main-svg')", arg=plot.element_handle())


def test_charts_are_drawn_without_a_violation(page, address, people):
    for path, least in ((f"/patients/{people[0]}", 2), ("/cohort", 4), ("/cohort?bands=five", 4)):
        page.goto(address + path)
        draw_all(page)
        assert page.locator(".plot").count() >= least
        for button in page.locator("button[data-time=linear]").all():
            button.click()
        for box in page.locator("input[data-overlay]").all():
            box.check()
        page.emulate_media(media="print")
        page.emulate_media(media="screen")
        assert page.evaluate("violations") == []
        assert page.locator(".modebar-btn").count() == 0


@pytest.mark.parametrize("width", [320, 360, 1280])
def test_no_page_scrolls_sideways(page, address, people, width):
    page.set_viewport_size({"width": width, "height": 740})
    for path in ("/clinic", "/patients", "/help", "/cohort", f"/patients/{people[0]}", f"/patients/{people[0]}/print"):
        page.goto(address + path)
        draw_all(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_buttons_and_choices_are_large_enough_for_a_thumb(page, address, people):
    page.set_viewport_size({"width": 360, "height": 740})
    for path in ("/clinic", "/patients", "/cohort", f"/patients/{people[0]}"):
        page.goto(address + path)
        for target in page.locator(".button:visible, .chip:visible, .radio-card:visible, .tick-card:visible").all():
            box = target.bounding_box()
            assert box["height"] >= 44, (path, target.inner_text())
            assert box["width"] >= 44, (path, target.inner_text())


def test_the_verdict_is_on_a_phones_first_screen(page, address, people):
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"{address}/patients/{people[0]}")
    parts = (".verdict .badge", ".verdict .rule", ".verdict .facts", ".verdict > p:last-of-type", ".verdict .button")
    for part in parts:
        box = page.locator(part).first.bounding_box()
        assert box["y"] + box["height"] <= 740, part


def test_a_loss_is_reviewed_by_hand(page, address, people):
    page.goto(f"{address}/patients/{people[0]}")
    page.locator("a.button", has_text="Mark reviewed").click()
    page.locator(".tick-card", has_text="signs of sensitization").click()
    page.select_option("#cause", "sensitization")
    page.fill("#note", "tender far from the knee")
    page.locator("button", has_text="Mark reviewed").click()
    page.wait_for_load_state()
    assert page.locator("text=Earlier reviews (1)").is_visible()
    assert page.locator("text=tender far from the knee").is_visible()


def test_a_search_leaves_no_trace_in_the_address(page, address):
    page.fill("#text", "H-001")
    page.locator("button", has_text="Find").click()
    page.wait_for_load_state()
    assert page.url == f"{address}/patients"
    assert page.locator("tbody tr").count() == 1


def test_the_letter_is_one_sheet_of_paper(page, address, people):
    page.goto(f"{address}/patients/{people[0]}/print")
    page.set_viewport_size({"width": A4_SHEET[0], "height": A4_SHEET[1]})
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollHeight") <= A4_SHEET[1]


def test_without_javascript_the_verdict_the_words_and_the_numbers_remain(browser, page, address, people):
    context = browser.new_context(java_script_enabled=False, storage_state=page.context.storage_state())
    plain = context.new_page()
    plain.goto(f"{address}/patients/{people[0]}")
    assert plain.locator(".verdict .rule").is_visible()
    assert plain.locator(".sentence").first.is_visible()
    assert plain.locator("details.numbers summary").first.is_visible()
    context.close()
