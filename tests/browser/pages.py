"""Find every page of the app the way a reader does: by its links, one address for each route."""

import re
from html import unescape
from urllib.parse import urlsplit

HREF = re.compile(r'<a\b[^>]*?href="([^"]+)"')
MOST_PAGES = 400
# A page that is over or not there is a page too.
SHOWN = frozenset({200, 404, 410})


def links(page):
    """Return the addresses inside the site that a page links to, without fragments."""
    found = (urlsplit(unescape(href)) for href in HREF.findall(page))
    return [part.path + (f"?{part.query}" if part.query else "") for part in found if not part.netloc and part.path]


def crawl(app, client, starts, each_route=1):
    """Return {address: HTML} of the pages that can be reached from some, at most `each_route` of a route."""
    waiting, seen, pages, taken = list(starts), set(starts), {}, {}
    while waiting and len(pages) < MOST_PAGES:
        address = waiting.pop(0)
        route = endpoint(app, address)
        if route is None or taken.get(route, 0) >= each_route:
            continue
        answer = client.get(address)
        if answer.status_code not in SHOWN or not answer.content_type.startswith("text/html"):
            continue
        taken[route] = taken.get(route, 0) + 1
        pages[address] = answer.get_data(as_text=True)
        for link in links(pages[address]):
            if link not in seen:
                seen.add(link)
                waiting.append(link)
    return pages


def endpoint(app, address):
    """Return the route of an address, or None."""
    try:
        return app.url_map.bind("localhost").match(urlsplit(address).path, method="GET")[0]
    except Exception:  # noqa: BLE001 - whatever an address is, it is none of ours then
        return None
