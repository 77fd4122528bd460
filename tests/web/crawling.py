"""A reader of pages that follows every link of ours and fills in every form, for the tests that attack."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import quote_plus, urljoin, urlsplit

from werkzeug.exceptions import HTTPException


@dataclass
class Form:
    """One form: where it goes and what stands in its fields."""

    method: str
    action: str
    fields: list[tuple[str, str, str]] = field(default_factory=list)

    def filled(self, **changes):
        """Return the fields as a browser would send them, with some replaced."""
        data: dict[str, list[str]] = {}
        for name, _kind, value in self.fields:
            data.setdefault(name, []).append(value)
        return {name: values[:1] for name, values in data.items()} | changes

    def names(self, *kinds):
        return list(dict.fromkeys(name for name, kind, _value in self.fields if not kinds or kind in kinds))


class Reader(HTMLParser):
    """Collects the links and forms of a page."""

    def __init__(self):
        super().__init__()
        self.links, self.forms, self._form, self._select = [], [], None, None

    def handle_starttag(self, tag, attrs):
        given = {name: value or "" for name, value in attrs}
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        elif tag == "form":
            self._form = Form(given.get("method", "get").lower(), given.get("action", ""))
            self.forms.append(self._form)
        elif self._form is not None:
            self._field(tag, given)

    def _field(self, tag, given):
        name = given.get("name", "")
        if tag in {"input", "button", "textarea"} and name:
            self._form.fields.append((name, given.get("type", tag), given.get("value", "")))
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and "selected" in given:
            self._form.fields.append((self._select, "select", given.get("value", "")))

    def handle_endtag(self, tag):
        if tag == "form":
            self._form = None
        elif tag == "select":
            if self._form is not None and self._select not in self._form.names():
                self._form.fields.append((self._select, "select", ""))
            self._select = None


def read(page):
    """Return the links and forms of a page."""
    reader = Reader()
    reader.feed(page)
    return reader


def encoded(data):
    """Return fields as a form sends them, lone surrogates too, which no browser would write."""
    pairs = [(name, one) for name, value in data.items() for one in ([value] if isinstance(value, str) else value)]
    return "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in pairs)


def _quoted(text):
    return quote_plus(text.encode("utf-8", "surrogatepass"))


def send(client, form, action, data):
    """Send a form."""
    if form.method == "get":
        return client.get(action, query_string=encoded(data))
    return client.post(action, data=encoded(data), content_type="application/x-www-form-urlencoded")


def shape(app, path):
    """Return which route an address is of, so that one page of each kind is read."""
    try:
        endpoint, arguments = app.url_map.bind("localhost").match(urlsplit(path).path)
    except HTTPException:
        return None
    fixed = tuple(sorted((k, v) for k, v in arguments.items() if k not in {"public_id", "token", "key", "language"}))
    named = tuple(sorted(re.findall(r"[?&](\w+)=", path)))
    return endpoint, fixed if len(str(fixed)) < 60 else (), named


def crawl(app, client, starts, most=400):
    """Open every kind of page that links lead to; return the answers by address."""
    seen, kinds, waiting = {}, {}, list(starts)
    while waiting and len(seen) < most:
        path = waiting.pop(0)
        kind = shape(app, path)
        if kind is None or kinds.get(kind, 0) >= 3 or path in seen:
            continue
        kinds[kind] = kinds.get(kind, 0) + 1
        answer = seen[path] = client.get(path)
        if answer.location:
            waiting.append(answer.location)
        if answer.mimetype == "text/html":
            waiting += [urljoin(path, one) for one in read(answer.get_data(as_text=True)).links if one[:1] in "/?"]
    return seen
