"""The frame of a certificate: what those of one product and of whole programs have in common.

The structure is described in the README under "Certificates".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from matderiv.derivation.links import Chain, Derivation, Link, Step
from matderiv.derivation.sides import Side

__all__ = ["VERSION", "Json", "SideWriter", "certificate", "digest"]

VERSION = 1

#: An object of JSON.
Json: TypeAlias = dict[str, Any]

#: Writes one side of a link of a chain of a step.
SideWriter: TypeAlias = Callable[[Step, Chain, Side], Json]


def certificate(
    derivation: Derivation,
    kind: str,
    stated: Mapping[str, Any],
    side: SideWriter,
    chain: Callable[[Chain], Json] = lambda _: {},
) -> str:
    """The text of a certificate.

    `stated` is what it says of the program; `chain` what it says of a chain beside its links.
    """
    content = {
        "format": "matderiv certificate",
        "version": VERSION,
        "kind": kind,
        **stated,
        "steps": [
            {
                "kind": step.kind,
                "wrt": step.wrt,
                "chains": [
                    {"kind": of.kind}
                    | chain(of)
                    | {"links": [_link(link, step, of, side) for link in of.links]}
                    for of in step.chains
                ],
            }
            for step in derivation.steps
        ],
        "proof": _proof(derivation),
    }
    return json.dumps(content | {"sha256": digest(content)}, indent=1, ensure_ascii=False) + "\n"


def digest(content: Json) -> str:
    """SHA-256 of the content as JSON with sorted keys and no spaces."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _link(link: Link, step: Step, chain: Chain, side: SideWriter) -> Json:
    return {
        "left": side(step, chain, link.left),
        "right": side(step, chain, link.right),
        "reason": link.reason,
        "verdict": {
            "status": link.verdict.status,
            "for_all_sizes": link.verdict.index,
            "entries": link.verdict.entries,
        },
    }


def _proof(derivation: Derivation) -> Json:
    proof = derivation.proof
    return {
        "equalities": proof.equalities,
        "for_all_sizes": proof.for_all_sizes,
        "compared": proof.compared,
        "entries": proof.entries,
    }
