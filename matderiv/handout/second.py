"""The sentences about SymPy's second opinion."""

from __future__ import annotations

from matderiv.calculus.deciding.second_engine import SecondOpinion
from matderiv.handout.document import Math, Segments, Text
from matderiv.handout.sentences import fill, listed, together
from matderiv.notation.names import name_box, numbered_box

__all__ = ["second_words"]


def second_words(
    opinion: SecondOpinion, loss: str, wrt: tuple[str, ...], language: str, about: str = "program"
) -> Segments:
    """At which sizes SymPy agrees, with how many entries, and how far that is a proof.

    `about`: the section of the sentence on what it did.
    """
    if opinion.status == "cannot":
        return fill(language, f"program.second_{opinion.reason}", {})
    sizes = [
        (Math(numbered_box(letter, size)),)
        for letter, size in opinion.sizes
        if not letter.isdigit()
    ]
    where = fill(
        language,
        f"program.second_{'here' if opinion.own else 'smaller'}",
        {"sizes": listed(language, sizes)},
    )
    fields = {
        "L": (Math(name_box(loss)),),
        "wrt": listed(language, [(Math(name_box(name)),) for name in wrt]),
        "where": where,
        "count": (Text(str(opinion.count)),),
        "entries": (Text(str(opinion.entries)),),
        "exact": (Text(str(opinion.exact)),),
        "rest": (Text(str(opinion.entries - opinion.exact)),),
    }
    kinds = (
        f"{about}.second_{'all' if opinion.entries == opinion.count else 'some'}",
        f"program.second_{'exact' if opinion.exact == opinion.entries else 'sampled'}",
    )
    return together(language, (fill(language, kind, fields) for kind in kinds))
