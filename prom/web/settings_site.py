"""The settings pages as one blueprint, and what every view of them needs: the site in question, or 404."""

from typing import Any

from flask import Blueprint, current_app, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_security import current_user
from sqlmodel import Session
from werkzeug.exceptions import NotFound

from prom import clock
from prom.storage import audit, sites, staff
from prom.storage.models import Site
from prom.web import context, guards

blueprint = Blueprint("settings", __name__)
# A form takes some minutes: a sign-in that is older is asked for before the form is filled in, not after.
SECONDS_FOR_A_FORM = 5 * 60


class Elsewhere(Exception):  # noqa: N818 - it is an answer, not a fault
    """A site of others, or none: raised through the view's transaction, which is rolled back first."""


def translated(words: str, /, **values: object) -> str:
    """Return words in the language of the page; modules import it as `_`, as the catalogues expect."""
    return str(gettext(words, **values))


def site_here(opened: Session) -> Site:
    """Return the site that the address names (?site=), or the first of mine; 404 for another's.

    Emergency access opens patients, never the settings of their clinic.
    """
    mine = sites.visible(opened, current_user.site_id)
    wanted = request.args.get("site", "")
    found = next((site for site in mine if not wanted or site.public_id == wanted), None)
    if found is None:
        raise Elsewhere(wanted)
    return found


@blueprint.errorhandler(Elsewhere)
def elsewhere(error: Elsewhere) -> ResponseReturnValue:
    """Note the try in a transaction of its own, and answer as if there were nothing."""
    with context.writing() as opened:
        wanted = str(error)
        row = next((site for site in sites.everything(opened) if site.public_id == wanted), None)
        if row is not None:
            audit.record(opened, context.actor(), "refused_other_site", row, context.now())
    answer: ResponseReturnValue = current_app.handle_user_exception(NotFound())
    return answer


def page(opened: Session, site: Site, template: str, **values: Any) -> str:
    """Render a settings page: the site, the choice of sites, and whether a change will ask for the password."""
    mine = sites.visible(opened, current_user.site_id)
    choices = [(one.public_id, one.name, None, url_for(str(request.endpoint), **_there(one))) for one in mine]
    return render_template(
        template,
        site=site,
        site_choices=choices if len(mine) > 1 and request.method == "GET" else [],
        again=_sign_in_again(),
        links_work=bool(context.wired().settings.public_url),
        section="settings.index",
        **values,
    )


def _there(site: Site) -> dict[str, Any]:
    return dict(request.view_args or {}) | {"site": site.public_id}


def _sign_in_again() -> str:
    """Return where to sign in again before a form is filled in whose sending would ask for it, or nothing."""
    age = clock.wall().timestamp() - float(session.get("fs_paa", 0))
    if age < guards.FRESH_SECONDS - SECONDS_FOR_A_FORM or request.method != "GET":
        return ""
    return url_for("security.verify", next=request.full_path.rstrip("?"))


def here(endpoint: str, site: Site, **values: Any) -> str:
    """Return the address of a settings page of a site."""
    return url_for(endpoint, site=site.public_id, **values)


def sees_all() -> bool:
    """Return whether the signed-in person answers for the whole installation."""
    return bool(current_user.site_id is None)


def names(opened: Session) -> dict[str, str]:
    """Return the names of staff by public id, for histories."""
    return {account.public_id: account.name or account.email for account in staff.everyone(opened, None)}
