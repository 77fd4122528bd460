"""What is answered 404 because it belongs to another site leaves an audit row, wherever its id stood in the request.

Pages that know what they looked for write that row themselves; this is the net under all of them.
"""

from contextlib import suppress

from flask import Flask, Response, request
from flask_security import current_user
from sqlalchemy.exc import DBAPIError

from prom.storage import audit, elsewhere
from prom.web import context

NOT_FOUND = 404
ACTION = "refused_other_site"
ROWS_OF_A_REQUEST = 20


def install(app: Flask) -> None:
    """Look at each 404 of a signed-in person."""
    app.after_request(_note)


def _note(response: Response) -> Response:
    if response.status_code == NOT_FOUND and request.endpoint is not None and current_user.is_authenticated:
        # The answer stands whatever becomes of the row.
        with suppress(DBAPIError):
            _record()
    return response


def _record() -> None:
    with context.reading() as session:
        mine = [site.id for site in context.my_sites(session)]
        thing = elsewhere.first(session, _given(), mine)
        newest = audit.newest(session, ROWS_OF_A_REQUEST)
        if thing is None or any(row.request_id == context.request_id() and row.action == ACTION for row in newest):
            return
    with context.writing() as session:
        audit.note(session, context.actor(), ACTION, thing, context.now())


def _given() -> list[str]:
    """Return every value of the request that may be an id."""
    in_address = [str(value) for value in (request.view_args or {}).values()]
    return [*in_address, *request.args.values(), *(one for _, one in request.form.items(multi=True))]
