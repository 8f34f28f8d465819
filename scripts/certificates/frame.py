"""Parts of every certificate: its form, its digest, its counts, and how it is refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any, NoReturn

MOST_BYTES = 5_000_000
MOST_WORK = 400_000  # for a file; a part takes some microseconds

Json = Any  # what json.loads gives
#: A type; a value; [of each]; {str: of each}; {name: of a field, "name?": of one that may be
#: missing}; (one of several).
Form = Any


class RefusedError(Exception):
    """The certificate is wrong; the message says where and why."""


def refuse(message: str) -> NoReturn:
    """Raise RefusedError."""
    raise RefusedError(message)


class Work:
    """A budget of the parts of formulas that may be read, proved and evaluated."""

    def __init__(self) -> None:
        self.left = MOST_WORK

    def spend(self, amount: int) -> None:
        """Take some of it."""
        self.left -= amount
        if self.left < 0:
            refuse("checking it takes more work than is allowed")


_SIDE: Form = {
    "kind": str,
    "at": [str],
    "entry": str,
    "latex": str,
    "of?": str,
    "entries?": (str, [str], [[str]]),
}
_CHAIN: Form = {
    "kind": str,
    "indices": {str: str},
    "sides": [_SIDE],
    "links": [{"reason": str, "for_all_sizes": bool, "entries": int}],
}
_PLAIN: Form = {
    "format": "matderiv certificate",
    "version": 2,
    "program": str,
    "method": str,
    "assume": {str: str},
    "convention?": "inner",
    "sizes": {str: int},
    "shapes": {str: [str]},
    "definitions": {str: str},
    "functions": {str: {"of": str, "body": str, "loss": str}},
    "wrt": [str],
    "gradients": {str: str},
    "steps": [{"kind": str, "wrt": (str, None), "chains": [_CHAIN]}],
    "proof": {"equalities": int, "for_all_sizes": int, "compared": int, "entries": int},
    "sha256": str,
}
#: One of a Jacobian names its formula and the direction of the product with it; one of a Hessian
#: holds that of the gradient in which its program ends, too.
CERTIFICATE: Form = {
    **_PLAIN,
    "gradient?": _PLAIN,
    "jacobian?": {"formula": str, "direction": str, "layout": str},
}


def check_form(data: Json) -> None:
    """Refuse what is not of the form of a certificate, or has another digest."""
    if (path := misfit(data, CERTIFICATE)) is not None:
        where = path.lstrip(".") or "certificate"
        refuse(f"{where[:100]}: not of the form of a certificate, version 2")
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
        case dict() if isinstance(data, dict):
            if str not in form:
                needed = {k for k in form if k[-1] != "?" or k[:-1] in data}
                if {k.rstrip("?") for k in needed} != data.keys():
                    return path
            of = form.get(str)
            parts = (
                (part, of or form.get(k) or form[f"{k}?"], f"{path}.{k}")
                for k, part in data.items()
            )
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
