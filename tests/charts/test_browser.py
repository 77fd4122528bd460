"""The gallery in a real browser under the product's own content security policy."""

import shutil

import pytest

from prom.charts import timeline

CHROMIUM = shutil.which("chromium")
pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")]
LISTEN = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective} ${event.sourceFile} ${event.lineNumber} ${event.sample}`));
"""


@pytest.fixture(scope="module")
def address():
    from tests.charts.gallery import site

    with site() as found:
        yield found


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        yield found
        found.close()


@pytest.fixture
def page(browser):
    found = browser.new_page(viewport={"width": 1280, "height": 800})
    found.add_init_script(LISTEN)
    found.errors = []
    found.on("console", lambda message: found.errors.append(message.text) if message.type == "error" else None)
    found.on("pageerror", lambda error: found.errors.append(str(error)))
    yield found
    found.close()


def draw_all(page):
    for plot in page.locator(".plot").all():
        plot.scroll_into_view_if_needed()
        page.wait_for_function("plot => plot.querySelector('.main-svg')", arg=plot.element_handle())


@pytest.mark.parametrize("name", ["patient", "cohort", "more"])
def test_charts_are_drawn_switched_hovered_and_printed_without_a_violation(page, address, name):
    page.goto(f"{address}/{name}")
    draw_all(page)
    for button in page.locator("button[data-time=linear]").all():
        button.click()
    for box in page.locator("input[data-overlay]").all():
        box.check()
    page.locator(".plot").first.hover(position={"x": 200, "y": 150})
    page.emulate_media(media="print")
    page.emulate_media(media="screen")
    page.set_viewport_size({"width": 360, "height": 740})
    page.wait_for_timeout(300)
    assert page.evaluate("violations") == []
    assert page.errors == []
    assert page.locator(".modebar-btn").count() == 0
    assert page.evaluate("[...document.querySelectorAll('style')].length") == 0


def test_only_charts_near_the_screen_are_drawn_and_printing_draws_the_rest(page, address):
    page.goto(f"{address}/cohort")
    page.locator(".plot .main-svg").first.wait_for(state="attached")
    drawn = page.locator(".plot.drawn").count()
    every = page.locator(".plot").count()
    assert 0 < drawn < every
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.wait_for_function(
        "document.querySelectorAll('.plot.drawn').length === document.querySelectorAll('.plot').length"
    )


def test_the_script_stretches_time_as_the_table_of_the_axis_says(page, address):
    page.goto(f"{address}/patient")
    draw_all(page)
    read = "document.querySelector('[data-chart=trajectory] .plot').layout.xaxis.tickvals"
    stretched = page.evaluate(read)
    page.locator("[data-chart=trajectory] button[data-time=linear]").click()
    days = page.evaluate(read)
    assert set(days) <= {0, 7, 14, 30, 60, 90, 120, 180}
    source = [0, 7, 14, 30, 60, 90, 120, 180]
    assert stretched == pytest.approx([timeline.stretched(day) for day in source], abs=1e-6)


def test_a_phone_gets_the_narrow_layout(page, address):
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"{address}/cohort")
    draw_all(page)
    assert page.evaluate("document.querySelector('[data-chart=means] .plot').layout.height") == 390
    assert page.locator(".narrow-only svg").is_visible()
    assert not page.locator(".wide-only svg").is_visible()


@pytest.mark.parametrize("width", [320, 360, 1280])
def test_no_page_scrolls_sideways(page, address, width):
    page.set_viewport_size({"width": width, "height": 740})
    for name in ("patient", "cohort", "queue", "forms", "messages", "list", "answer", "answer_bn", "thanks", "more"):
        page.goto(f"{address}/{name}")
        draw_all(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name


def test_targets_are_large_enough_for_a_thumb(page, address):
    page.set_viewport_size({"width": 360, "height": 740})
    for name, smallest in (("queue", 44), ("answer", 48), ("forms", 44)):
        page.goto(f"{address}/{name}")
        for target in page.locator(".button, .chip, .nrs-grid label, .radio-card, .tick-card, .languages a").all():
            box = target.bounding_box()
            assert box["height"] >= smallest, (name, target.inner_text())
            assert box["width"] >= 44, (name, target.inner_text())


def test_without_script_the_sentence_and_the_numbers_remain(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/patient")
    assert page.locator(".sentence").first.is_visible()
    assert page.locator("details.numbers summary").first.is_visible()
    assert not page.locator(".plot").first.is_visible()
    context.close()


def test_patient_pages_load_two_files_and_no_script(page, address):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}/answer")
    assert len([url for url in asked if not url.startswith("data:")]) == 2
    assert not any(url.endswith(".js") for url in asked)
