"""What staff print for a patient, in the patient's language: the symptom sheet and the consent leaflet.

Neither carries a name: the lines for it are filled in by hand, so that a lost sheet tells nothing.
"""

from flask import render_template, request
from flask.typing import ResponseReturnValue

from prom.domain.instruments import Scale
from prom.services import consenting_texts, questionnaires
from prom.storage.models import Site
from prom.web import context, guards, locales, patient_blueprint, patient_words
from prom.web.baseline import blueprint
from prom.web.coordinator_blueprint import note_read, patient_here


@blueprint.get("/patients/<public_id>/print/csi")
@guards.needs(guards.Permission.PATIENTS)
def csi_sheet(public_id: str) -> ResponseReturnValue:
    """Print the symptom sheet: numbers, the clinic's wording or the topics, and a grid for the answers."""
    with context.reading() as session:
        patient = patient_here(session, public_id)
        site = session.get_one(Site, patient.site_id)
        patient_blueprint.speak(locales.page_language(patient.language))
        patient_words.use_own(session, site.id)
        own = questionnaires.shown(session, site.id, locales.chosen())
        labels = dict(patient_words.choices(Scale.CSI))
        shown = render_template(
            "patient/sheet_csi.html",
            language=locales.chosen(),
            switch=_switch(),
            clinic=site,
            _=patient_words._,
            own=own,
            items=own.items if own is not None else patient_words.topics(),
            labels=dict(enumerate(own.options)) if own is not None and own.options else labels,
        )
    note_read(public_id, "symptom sheet")
    return shown


@blueprint.get("/patients/<public_id>/print/consent")
@guards.needs(guards.Permission.PATIENTS)
def leaflet(public_id: str) -> ResponseReturnValue:
    """Print what the patient is asked to agree to, with lines to sign on."""
    with context.reading() as session:
        patient = patient_here(session, public_id)
        site = session.get_one(Site, patient.site_id)
        patient_blueprint.speak(locales.page_language(patient.language))
        patient_words.use_own(session, site.id)
        shown = render_template(
            "patient/sheet_consent.html",
            language=locales.chosen(),
            switch=_switch(),
            clinic=site,
            _=patient_words._,
            documents=consenting_texts.everything(session, site, locales.chosen()),
        )
    note_read(public_id, "consent leaflet")
    return shown


def _switch() -> list[tuple[str, str, str]]:
    return [(code, name, f"{request.path}?lang={code}") for code, name in locales.LANGUAGES.items()]
