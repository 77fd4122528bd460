"""What a clinician signs: the version and the fingerprint of the warning signs."""

from prom.domain import replies


def test_every_language_has_its_own_list_of_warning_signs():
    listed = {language: replies.red_flag_list(language) for language in ("en", "hi", "bn", "es", "ar")}
    assert len({digest for _, digest in listed.values()}) == len(listed)
    assert all(len(digest) == 64 for _, digest in listed.values())
    assert all(version.startswith(language) for language, (version, _) in listed.items())


def test_a_script_has_the_list_of_its_language_and_an_unknown_language_the_english_one():
    assert replies.red_flag_list("hi-Latn") == replies.red_flag_list("hi")
    assert replies.red_flag_list("xx") == replies.red_flag_list("en")


def test_a_reviewer_reads_the_signs_and_what_takes_them_back():
    words = replies.red_flag_words("en")
    assert "chest" in words["chest"]
    assert "never" in words["negator"]
    assert "stop_alone" not in words
