"""The rules of our prose that a machine can check. Names and examples in code are left out."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "notebooks").glob("*.ipynb")),
    *sorted((ROOT / "config/captions").glob("*.rst")),
]
LONGEST = 35  # words of a sentence
#: Words that promise without a number, or say nothing, and better ones.
WORDS = {
    "basically": "nothing",
    "blazing": "a number",
    "easily": "nothing",
    "in order to": "to",
    "leverage": "use",
    "note that": "nothing",
    "obviously": "nothing",
    "of course": "nothing",
    "perform": "do, or the verb itself",
    "simply": "nothing",
    "utilize": "use",
    "very": "a number",
}
PREPOSITIONS = "about|at|for|from|into|of|onto|to|upon|with"


def text_of(page):
    """Return the prose of a page: no code, tables, formulas, links' targets or HTML."""
    text = page.read_text()
    if page.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        text = "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"\$\$.*?\$\$|\$[^$]+\$|`[^`]+`", "x", text, flags=re.DOTALL)
    text = re.sub(r"<[^>]+>|^(\||\.\. |#|[{}]).*$", "", text, flags=re.MULTILINE)
    return re.sub(r"!?\[([^]]*)\]\([^)]*\)", r"\1", text)


def sentences(page):
    """Return the sentences of a page."""
    blocks = re.split(r"\n\s*\n|\n\s*- |:\s*\n", text_of(page))
    return [
        sentence
        for block in blocks
        for sentence in re.split(r"(?<=[.!?])\s+", " ".join(block.split()))
        if sentence
    ]


def test_there_is_prose():
    assert sum(len(sentences(page)) for page in PAGES) > 300


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_sentences_are_short(page):
    long = [sentence for sentence in sentences(page) if len(sentence.split()) > LONGEST]
    assert long == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_words_say_something(page):
    text = " ".join(text_of(page).split()).lower()
    found = {word: WORDS[word] for word in WORDS if re.search(rf"\b{word}\b", text)}
    assert found == {}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_sentence_ends_on_a_preposition(page):
    assert [s for s in sentences(page) if re.search(rf"\b({PREPOSITIONS})[.?!]$", s)] == []
