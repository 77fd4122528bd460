"""The language of a page: patients' pages follow the patient or the switch, staff pages are English."""

from flask import g

LANGUAGES = {"en": "English", "hi": "हिन्दी", "bn": "বাংলা"}


def chosen() -> str:
    """Return the language this request is rendered in."""
    language = str(g.get("language", "en"))
    return language if language in LANGUAGES else "en"


def page_language(language: str) -> str:
    """Return the page language of a patient's text language: romanised texts still get pages in their script."""
    return language.partition("-")[0] if language.partition("-")[0] in LANGUAGES else "en"
