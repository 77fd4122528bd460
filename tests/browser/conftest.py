"""One Chromium for the tests of a module."""

import pytest

from tests.conftest import chromium

ARGUMENTS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-first-run")


@pytest.fixture(scope="module")
def browser():
    """Return a running Chromium that looks nothing up by itself."""
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=chromium(), args=[*ARGUMENTS, "--disable-background-networking"]
        )
        yield found
        found.close()
