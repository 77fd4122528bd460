"""What the tests of sign-in do again and again."""

import re
from html import unescape

from tests.web.conftest import PASSWORD

EMAIL = "mina@clinic.example"


def sign_in(client, email=EMAIL, password=PASSWORD, **more):
    """Post the sign-in form."""
    return client.post("/login", data={"email": email, "password": password, **more})


def text(response):
    """Return a page's text, without what differs between two requests: tokens and request ids."""
    page = unescape(response.get_data(as_text=True))
    page = re.sub(r'name="csrf_token"[^>]*value="[^"]*"', "", page)
    return re.sub(r"value=\"[^\"]*@[^\"]*\"", "", page)


def cookie(client, name="prom"):
    """Return the value of the session cookie, or an empty text."""
    found = client.get_cookie(name)
    return found.value if found else ""
