"""What all certificates have in common: their form, their digest, their counts, how they fail."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

MOST_BYTES = 100_000_000

Json = Any  # what json.loads gives
Form = Any  # a type; a value; [of each]; {str: of each}; {name: of its field}; (one of several)


class RefusedError(Exception):
    """The certificate is wrong; the message says where and why."""


def refuse(message: str) -> NoReturn:
    """Raise RefusedError."""
    raise RefusedError(message)


VERDICT: Form = {"status": "equal", "for_all_sizes": bool, "entries": int}


def certificate_form(kind: str, stated: dict[str, Form], side: Form, chain: Form) -> Form:
    """The form of a certificate: what it states, its sides, and what a chain says beside links."""
    link = {"left": side, "right": side, "reason": str, "verdict": VERDICT}
    chains = [{"kind": str, "links": [link]} | chain]
    return stated | {
        "format": "matderiv certificate",
        "version": 1,
        "kind": kind,
        "program": str,
        "sizes": {str: int},
        "shapes": {str: [str]},
        "definitions": {str: str},
        "wrt": [str],
        "gradients": {str: str},
        "steps": [{"kind": str, "wrt": (str, None), "chains": chains}],
        "proof": {"equalities": int, "for_all_sizes": int, "compared": int, "entries": int},
        "sha256": str,
    }


def check_form(data: Json, form: Form) -> None:
    """Refuse what is not of the form of a certificate, or has another digest."""
    if (path := misfit(data, form)) is not None:
        where = path.lstrip(".") or "certificate"
        refuse(f"{where}: not of the form of a certificate, version 1")
    if data["sha256"] != digest({k: v for k, v in data.items() if k != "sha256"}):
        refuse("sha256: the digest is not that of the content")


def misfit(data: Json, form: Form, path: str = "") -> str | None:
    """Where data first differs from its form."""
    parts: Iterable[tuple[Any, Form, str]]
    match form:
        case type():
            return None if type(data) is form else path
        case tuple():
            return path if all(misfit(data, one) is not None for one in form) else None
        case list() if isinstance(data, list):
            parts = ((part, form[0], f"{path}[{n}]") for n, part in enumerate(data))
        case dict() if isinstance(data, dict) and (str in form or data.keys() == form.keys()):
            parts = ((part, form.get(str, form.get(k)), f"{path}.{k}") for k, part in data.items())
        case _:
            return None if type(data) is type(form) and data == form else path
    return next((found for part in parts if (found := misfit(*part)) is not None), None)


def digest(content: dict[str, Json]) -> str:
    """SHA-256 of the content as JSON with sorted keys and no spaces."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def load(raw: bytes) -> Json:
    """The JSON of a file; a field that is given twice is refused, as readers differ on it."""
    if len(raw) > MOST_BYTES:
        raise ValueError(f"larger than {MOST_BYTES:,} bytes")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Json]:
        if len(dict(pairs)) != len(pairs):
            raise ValueError("a field is given twice")
        return dict(pairs)

    return json.loads(raw.decode(), object_pairs_hook=once)


def words(step: Json) -> str:
    """The kinds of the chains of a step with the reasons of their links."""
    return "; ".join(
        f"{chain['kind']}: {', '.join(link['reason'] for link in chain['links'])}"
        for chain in step["chains"]
    )


def where(step: Json) -> str:
    """What a step is called in a message."""
    return f"step {step['kind']}" + (f" {step['wrt']}" if step["wrt"] else "")


def sides(chain: Json) -> list[Json]:
    """The sides of a chain, each link going on where the last one ended."""
    links = chain["links"]
    if not links:
        refuse(f"{chain['kind']!r} has no links")
    for one, other in itertools.pairwise(links):
        if one["right"] != other["left"]:
            refuse(f"after {one['reason']!r} it does not go on with the side before")
    return [links[0]["left"], *(link["right"] for link in links)]


def check_verdict(link: Json, general: bool, count: int) -> None:  # noqa: FBT001 - as in the file
    """Compare what a link says of itself with what was found."""
    stated = link["verdict"]
    if (stated["for_all_sizes"], stated["entries"]) != (general, count):
        found = f"{count} entries and {'all' if general else 'not all'} sizes"
        refuse(f"{link['reason']!r}: the verdict should say {found}")


def confirmed(data: Json, verdicts: Sequence[tuple[bool, int]], how: str) -> str:
    """Check the counts against the verdicts; the answer is a line that says what was confirmed."""
    general, entries = sum(g for g, _ in verdicts), sum(count for _, count in verdicts)
    if data["proof"] != {
        "equalities": len(verdicts),
        "for_all_sizes": general,
        "compared": sum(count > 0 for _, count in verdicts),
        "entries": entries,
    }:
        refuse("proof: the counts are not those of the links")
    answers = ", ".join(f"d{name} = {data['gradients'][name]}" for name in data["wrt"])
    return (
        f"{len(verdicts)} equalities confirmed{how}, {general} of them for all sizes, "
        f"{entries} entries compared; {answers}"
    )
