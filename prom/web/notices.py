"""The banner about the text channel on every staff page: halted, on hold, or nearly out of money."""

from typing import Any

from flask import Flask, g, request
from flask_babel import gettext as _
from flask_security import current_user

from prom.services import noticing
from prom.web import context


def install(app: Flask) -> None:
    """Give every template `channel_notice`."""
    app.context_processor(_for_templates)


def _for_templates() -> dict[str, Any]:
    # A page about a failure must not need the database.
    staff = request and not g.get("plain_page") and current_user and current_user.is_authenticated
    return {"channel_notice": _words() if staff else ""}


def _words() -> str:
    with context.reading() as session:
        found = noticing.of_channel(session, context.my_site_ids(session))
    said = {
        "halted": _("The provider refuses our texts; nothing is lost: they wait, and it is asked again every minute."),
        "held": _("Texts are on hold; only answers and emergency texts leave."),
        "low_balance": _("The credit at the text provider is low."),
    }
    why = {
        "restored": _("after a restore, until somebody releases them"),
        "texts_ran_away": _("too many in a minute"),
        "monthly_spend": _("the month's limit is reached"),
    }
    details = [why.get(one.detail, one.detail) for one in found]
    return " ".join(
        f"{said[one.key]} ({detail})" if detail else said[one.key] for one, detail in zip(found, details, strict=True)
    )
