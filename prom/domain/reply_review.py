"""What a clinician signs who reviews the warning signs: the rules and words behind them, with a version and a digest.

A warning sign is found by rules over lists of words, and taken back by lists of words that deny it. All of these belong
to the review: a word added to "no, not, never" can silence an alarm as surely as a word taken out of "fever".

Sources:
    [P] The signs and their words are our own, written by the authors; they need clinical review before use.
"""

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from prom.domain import reply_words

STATUS = "needs clinical review"
_FALLBACK = "en"
# Lists that make or unmake an alarm without standing in a rule.
_BESIDE = frozenset(
    {"harmless", "negator", "negator_after", "inner_negator", "between", "between_after", "between_over", "over"}
    | {"not_over", "back_again", "unlike", "ends_denial", "temperature", "took", "pill", "medicine", "dialling"}
)


def _listed(language: str) -> str:
    own = reply_words.base_language(language)
    return own if own in reply_words.languages() else _FALLBACK


def red_flag_words(language: str) -> Mapping[str, list[str]]:
    """Return the lists behind the warning signs of a language by name: what a reviewer reads."""
    concepts: Mapping[str, Any] = reply_words.table(_listed(language)).get("concepts", {})
    named = {concept for rule in reply_words.lexicon().alarms for concept in (*rule.concepts, rule.softened_by)}
    return {
        name: [" ".join(phrase.split()) for phrase in listed.split(",")]
        for name, listed in concepts.items()
        if name in named | _BESIDE
    }


@lru_cache(maxsize=16)
def red_flag_list(language: str) -> tuple[str, str]:
    """Return the version and the fingerprint (SHA-256) of the warning signs of a language."""
    rules, numbers = reply_words.table("rules"), reply_words.table("emergency")
    version = f"{_listed(language)} {reply_words.table(_listed(language))['version']}, rules {rules['version']}"
    reviewed = [red_flag_words(language), rules["alarm"], numbers]
    canonical = json.dumps(reviewed, ensure_ascii=True, sort_keys=True)
    return version, hashlib.sha256(canonical.encode()).hexdigest()
