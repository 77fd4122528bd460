"""Show every macro and chart with synthetic data: ``python -m tests.charts.gallery FOLDER`` writes pages and pictures.

For development; nothing of it is shipped. ``site`` also serves the browser tests.
"""

import gzip
import sys
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, select_autoescape

from prom.charts import (
    causes,
    cohort,
    heatmap,
    relief,
    scatter,
    sensitization,
    spark,
    survival,
    swimmer,
    theme,
    trajectory,
)
from tests.charts import synthetic

ROOT = Path(__file__).parents[2] / "prom"
STATIC = ROOT / "static"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='; "
    "img-src 'self' data: blob:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "object-src 'none'"
)
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def environment():
    """Return the templates as the web layer sees them, with words left in English."""
    env = Environment(
        loader=FileSystemLoader([ROOT / "templates", Path(__file__).parent / "pages"]), autoescape=select_autoescape()
    )
    env.globals["_"] = lambda text, **values: text % values if values else text
    env.globals["asset"] = lambda name: f"/static/{name}"
    return env


def charts():
    """Return every chart once."""
    return {
        "patient": [
            trajectory.chart(synthetic.bikash()),
            relief.chart(synthetic.bikash()),
            sensitization.chart(synthetic.csi()),
        ],
        "cohort": [
            cohort.means(synthetic.means()),
            survival.chart(synthetic.relief_lasts()),
            scatter.chart(synthetic.cloud()),
            swimmer.chart(synthetic.lanes()),
            causes.chart(synthetic.reviews()),
            cohort.replies(synthetic.replies()),
            survival.chart(synthetic.relief_lasts(theme.FIVE)),
            heatmap.chart(synthetic.cells()),
        ],
    }


def pages():
    """Return the gallery's pages by address."""
    env = environment()
    drawn = charts()
    own = [
        spark.OwnPoint(nrs, digits, label)
        for nrs, digits, label in (
            (8, "8", "Before"),
            (5, "5", "1 week"),
            (None, "", "2 weeks"),
            (4, "4", "1 month"),
            (3, "3", "2 months"),
            (3, "3", "Today"),
        )
    ]
    shared = {
        "charts": drawn,
        "spark": spark.spark([(-1, 8), (7, 4), (14, 3), (30, 3), (56, 6)], 8, "Pain 8, 4, 3, 3, 6", alert=True),
        "spark_good": spark.spark([(-1, 7), (7, 3), (14, 2), (30, 2), (90, 2)], 7, "Pain 7, 3, 2, 2, 2"),
        "own": spark.own(own, "Your pain: 8 before, now 3"),
        "asha": trajectory.chart(synthetic.asha()),
        "block": trajectory.chart(synthetic.block()),
    }
    names = ("patient", "cohort", "queue", "forms", "messages", "list", "answer", "answer_bn", "thanks", "more")
    return {f"/{name}": env.get_template(f"{name}.html").render(**shared) for name in names}


class Handler(BaseHTTPRequestHandler):
    """Serves the pages under the product's own content security policy."""

    def __init__(self, site_pages, *args):
        self.site_pages = site_pages
        super().__init__(*args)

    def do_GET(self):
        """Answer one request."""
        if self.path in self.site_pages:
            return self.reply(self.site_pages[self.path].encode(), "text/html; charset=utf-8")
        path = STATIC / self.path.removeprefix("/static/")
        if path.is_file():
            return self.reply(path.read_bytes(), TYPES[path.suffix])
        packed = path.with_name(f"{path.name}.gz")
        if packed.is_file():
            return self.reply(packed.read_bytes(), TYPES[path.suffix], packed=True)
        return self.send_error(404)

    def reply(self, body, kind, *, packed=False):
        """Send a body; what is stored packed goes out packed."""
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Security-Policy", POLICY)
        if packed:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        """Say nothing."""


class site:  # noqa: N801
    """Serve the gallery on a free port of this machine, as a context."""

    def __enter__(self):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, pages()))
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_port}"

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def main(folder):
    """Write a picture of every page at phone and desktop width, and a grey one."""
    from playwright.sync_api import sync_playwright

    Path(folder).mkdir(parents=True, exist_ok=True)
    with site() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        for wide, tall in ((360, 740), (1280, 800)):
            page = browser.new_page(viewport={"width": wide, "height": tall})
            page.on("console", lambda message: print(message.type, message.text[:200]))  # noqa: T201
            for name in sys.argv[2:] or pages():
                page.goto(f"{address}/{name.strip('/')}")
                for plot in page.locator(".plot").all():
                    plot.scroll_into_view_if_needed()
                    page.wait_for_function("plot => plot.querySelector('.main-svg')", arg=plot.element_handle())
                page.evaluate("window.scrollTo(0, 0)")
                page.screenshot(path=f"{folder}/{name.strip('/')}_{wide}.png", full_page=True)
            page.close()
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
    print(len(gzip.compress((STATIC / "prom.css").read_bytes(), 9)), "bytes of prom.css packed")  # noqa: T201
