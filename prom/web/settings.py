"""The first page of the settings: how each part stands, and what waits."""

from flask.typing import ResponseReturnValue

from prom.services import settings_channel, settings_checklist, wordings
from prom.storage import closing
from prom.web import (
    context,
    guards,
    settings_channel_page,
    settings_messages,
    settings_schedules,
    settings_wordings,
    settings_words,
)
from prom.web.settings_site import blueprint, page, site_here

# Importing the other modules puts their pages on the blueprint.
__all__ = ["blueprint", "settings_channel_page", "settings_messages", "settings_schedules", "settings_wordings"]


@blueprint.get("/settings")
@guards.needs(guards.Permission.SETTINGS)
def index() -> ResponseReturnValue:
    """Show each part of the settings in a line."""
    links = bool(context.wired().settings.public_url)
    with context.reading() as session:
        site = site_here(session)
        return page(
            session,
            site,
            "settings/index.html",
            standing=settings_channel.standing(session, site, context.now()),
            warnings=settings_channel.warnings(site),
            checklist=settings_checklist.of_site(session, site, links=links),
            unsigned=wordings.unsigned(session, site),
            weekdays=len(closing.weekdays(site.closed_weekdays)),
            words=settings_words,
        )
