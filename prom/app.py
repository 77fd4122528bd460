"""The Flask application."""

import logging
from typing import Any

from flask import Flask, Response, g, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import Babel
from flask_wtf import CSRFProtect
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from prom import config, wiring
from prom.web import compression, context, elsewhere, filters, guards, headers, locales, notices, sessions, signing_in

MAXIMUM_UPLOAD = 5 * 1024 * 1024 + 64 * 1024
log = logging.getLogger("prom.web")


class Application(Flask):
    """Flask, but what fails outside a view is logged without the address: it may hold a patient's token."""

    def log_exception(self, exc_info: Any) -> None:
        """Log type and places of an error only."""
        log.error("request %s failed: %s", context.request_id(), headers.trace(exc_info[1]))

    def preprocess_request(self) -> ResponseReturnValue | None:
        """Look for a signed-in person and a form's token, but not where a signature says who calls."""
        return guards.check() if request.blueprint == "webhooks" else super().preprocess_request()

    def process_response(self, response: Response) -> Response:
        """Set headers, pack and keep the session; a webhook has no session, and its answer is empty."""
        return headers.add(response) if request.blueprint == "webhooks" else super().process_response(response)


def create_app(wired: wiring.App | None = None) -> Flask:
    """Return the application of one installation; without an argument of the one the environment names."""
    wired = wired or wiring.open_app(config.read())
    app = Application("prom", static_folder=None)
    app.extensions["prom"] = wired
    app.config.update(
        MAX_CONTENT_LENGTH=MAXIMUM_UPLOAD,
        PREFERRED_URL_SCHEME="https" if wired.settings.https else "http",
        DEMO_PAGES=wired.settings.gateway == "simulated",
        WTF_CSRF_TIME_LIMIT=None,
        BABEL_DEFAULT_LOCALE="en",
        BABEL_TRANSLATION_DIRECTORIES="locale",
        APPLICATION_ROOT=wiring.public_path_prefix(wired.settings) or "/",
    )
    app.session_interface = sessions.RowSessions(wired.store, wired.store.vault.cookie_key, https=wired.settings.https)
    csrf = CSRFProtect(app)
    Babel(app, locale_selector=locales.chosen)
    app.before_request(guards.check)
    signing_in.install(app)
    _blueprints(app, csrf)
    filters.install(app)
    notices.install(app)
    elsewhere.install(app)
    app.after_request(headers.add)
    app.after_request(compression.pack)
    app.register_error_handler(Exception, _error)
    if wired.settings.proxy_hops:
        hops = wired.settings.proxy_hops
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops, x_prefix=hops)  # type: ignore[method-assign]
    return app


def _blueprints(app: Flask, csrf: CSRFProtect) -> None:
    from prom.web import (
        account,
        admin,
        admin_sites,
        assets,
        clinician,
        consents,
        coordinator,
        data,
        health,
        me,
        patient,
        patient_sheets,
        questionnaires,
        reports,
        settings,
        simulator,
        webhooks,
    )

    for module in (
        signing_in,
        assets,
        health,
        patient,
        patient_sheets,
        consents,
        questionnaires,
        webhooks,
        clinician,
        coordinator,
        me,
        account,
        admin,
        admin_sites,
        data,
        reports,
        settings,
        simulator,
    ):
        app.register_blueprint(module.blueprint)
    # Webhooks are authenticated by their signature, patient pages by the token in the address: neither has a session
    # that a foreign page could ride on.
    csrf.exempt(webhooks.blueprint)
    csrf.exempt(patient.blueprint)


def _error(error: Exception) -> ResponseReturnValue:
    """Show a plain page with a request id; it needs no database."""
    error = getattr(error, "original_exception", None) or error
    status = error.code or 500 if isinstance(error, HTTPException) else headers.status_of(error)
    if isinstance(error, HTTPException) and status < 400:
        return error.get_response()
    if status >= 500:
        # The trace is for the log; a message could carry what a patient wrote, so only types and places are logged.
        log.error("request %s failed: %s", context.request_id(), headers.trace(error))
    words = headers.WORDS.get(status, headers.WORDS[500])
    g.plain_page = True
    body = render_template("error.html", status=status, words=words, request_id=context.request_id())
    retry: dict[str, Any] = {"Retry-After": "30"} if status == 503 else {}
    if request.path.startswith("/twilio/"):
        return "", status, retry
    return body, status, retry
