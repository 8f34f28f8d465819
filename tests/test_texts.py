"""The languages say the same: the same messages with the same fields, and no LaTeX in them."""

from __future__ import annotations

import ast
import string
from functools import cache
from pathlib import Path
from typing import get_args

import pytest
from _sources import leaves_of

import matderiv
from matderiv.calculus.formulas.rewrites import RewriteName
from matderiv.derivation.kinds import ChainKind, Reason, StepKind
from matderiv.errors import InputError
from matderiv.expression import nodes
from matderiv.handout.array_page import ARRAY_WRITERS
from matderiv.handout.methods import _RULES
from matderiv.handout.program import _HEADED, STEP_WRITERS
from matderiv.handout.texts import languages, messages


def fields(text: str) -> set[str]:
    """The names of the fields of a message."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("language", languages())
def test_same_messages_with_the_same_fields(language: str) -> None:
    """No language lacks a message, has one too many, or leaves a formula out."""
    english, other = messages("en"), messages(language)
    assert other.keys() == english.keys()
    for key, text in english.items():
        assert fields(other[key]) == fields(text), key


@pytest.mark.parametrize("language", languages())
def test_no_latex_in_prose(language: str) -> None:
    """Prose holds no mathematics: what needs a format's markup is a field."""
    for key, text in messages(language).items():
        assert not set("\\$^&#%~") & set(text), key


def test_unknown_language_is_refused_with_those_there_are() -> None:
    """A language that is not there is an input error that lists the others."""
    with pytest.raises(InputError, match="no language 'fr'; there are: en, zh"):
        messages("fr")


# -- kinds of steps, chains and reasons --------------------------------------------------------

#: Chains of exercises, whose sentences are those of the exercise, and definitions, which have none.
WITHOUT = {"contribution", "numbers", "right", "slip", "whole", "value"}
#: Sentences of chains that are not called by the kind alone.
CALLED = {
    "entry of value": "program.value_entrywise",
    "local": "program.local",
    "all entries": "program.all_entries",
    "written out": "program.written_out",
    "assembled": "program.assembled",
    "structure": "program.structure_symmetric",
    "whole change": "array.put_in_matrix",
    "second": "array.second",
    "symmetric": "array.symmetric",
    "squares": "array.squares_positive",
    "model": "array.newton",
    "normal equations": "array.normal_equations",
}


def test_every_kind_of_step_is_written() -> None:
    """No kind of step lacks its part of the page, and none is written that no step has."""
    assert set(STEP_WRITERS) == set(_HEADED)
    assert {*STEP_WRITERS, *ARRAY_WRITERS} == set(get_args(StepKind)) - {"exercise"}


def test_every_kind_of_node_has_a_rule_for_its_differential() -> None:
    """A node with operands that no sentence is about fails here, by its name."""
    with_operands = {kind for kind in nodes.NODE_KINDS if nodes._OPERANDS[kind]}
    assert {kind.__name__ for kind in with_operands - set(_RULES)} == set()


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("kind", sorted(set(get_args(ChainKind)) - WITHOUT))
def test_every_kind_of_chain_has_its_sentence(kind: str, language: str) -> None:
    """Before every chain something is said, in each language."""
    own = kind.replace(" ", "_")
    known = [f"method.{step}_{own}" for step in ("index", "differential", "slice", "kronecker")]
    known += [f"close_up.{own}", CALLED.get(kind, "")]
    assert any(key in messages(language) for key in known)


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("reason", ["put in", "rearranged", *get_args(RewriteName)])
def test_every_rewrite_has_its_words(reason: str, language: str) -> None:
    """What is done to a formula is said, in each language; many uses are tidied one by one."""
    assert reason == "each term" or f"program.rewrite_{reason.replace(' ', '_')}" in messages(
        language
    )


def test_every_reason_is_given_somewhere() -> None:
    """No kind is kept that nothing is of any more."""
    kinds = {*get_args(StepKind), *get_args(ChainKind), *get_args(RewriteName)}
    kinds |= {reason for part in get_args(Reason) for reason in get_args(part) or [part]}
    rooms = (words_of("derivation", but="kinds.py"), words_of("calculus"), words_of("handout"))
    assert kinds - set().union(*rooms) == set()


def words_of(room: str = "", but: str = "") -> set[str]:
    """All strings in the source of a room, or of the whole package."""
    folder = Path(matderiv.__file__).parent / room
    paths = (p for p in folder.rglob("*.py") if p.name != but and p.parent.name != "texts")
    return set[str]().union(*map(words_in, paths))


@cache
def words_in(path: Path) -> set[str]:
    """All strings in a file."""
    nodes = (n.value for n in leaves_of(path) if isinstance(n, ast.Constant))
    return {word for word in nodes if isinstance(word, str)}


def test_no_text_is_dead() -> None:
    """Every message is called by its key, or by a key that is put together of words in the source."""
    words = {word.split(".")[-1].replace(" ", "_").strip("_") for word in words_of()}
    words |= {f"{word}s" for word in words}  # headings of several

    def said(pieces: list[str]) -> bool:
        starts = ("_".join(pieces[:n]) for n in range(1, len(pieces) + 1))
        return not pieces or any(s in words and said(pieces[s.count("_") + 1 :]) for s in starts)

    names = {key: key.split(".")[1].removesuffix("_again") for key in messages("en")}
    assert {key for key, name in names.items() if not said(name.split("_"))} == set()
