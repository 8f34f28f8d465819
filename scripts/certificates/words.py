"""The words of certificates: kinds of steps, chains and sides, methods and reasons.

They prove nothing; a file that holds another word is not one that is understood.
"""

from __future__ import annotations


def _listed(words: str) -> frozenset[str]:
    return frozenset(" ".join(word.split()) for word in words.split(";"))


METHODS = frozenset("elementwise index differential slice kronecker".split())

STEPS = _listed("""
    array; called; differential; direct; entries; gradient; index; kronecker; matrix; proof;
    slice; structure; upstream; values; zero
""")

CHAINS = _listed("""
    all entries; another entry; array; assembled; contracted; differential; entry; entry of
    value; expanded loss; formula; function; inner products; jacobian; local; loss; one
    term; pairing; product; read off; slice; slice written out; slope; structure; sum rule;
    transposed; unit; upstream; value; vec; written out
""")

#: Each kind of side, and what is written of it: an `entry` alone, the `source` of an array beside
#: it, the source of one at a `place` of it, or of one `repeated` to the shape of a larger one.
KINDS = (
    dict.fromkeys("indexed cells inner jacobian times".split(), "entry")
    | dict.fromkeys("formula spelled product slice differential".split(), "source")
    | dict.fromkeys("entry written contraction vec".split(), "place")
    | {"array": "repeated"}
)

REASONS = _listed("""
    cancelled in an inverse; chain rule; common factor; constants; cyclic rule; definition;
    deltas; derivative; derivative of f; diagonal matrix; differentials put in; each term;
    entries that are 0 or 1; numbers that are not negative; orthogonal matrix; rows that sum to 1;
    entries; entries of the product; entries that are not zero; entries worked out;
    gradient; identity matrix; indices that agree; inner product; inverse; jacobians put in;
    known sums; like terms; local derivative; local derivatives; matrix names; matrix product; mean;
    moved; multiplied out; names; names of functions; names of the program; one denominator;
    one entry; outer product; partial derivatives; powers of one base; product rule; put in;
    read off; rearranged; repeated in every row or column; row by row; row times column; rules; same
    vec; scalars first; scalars out of a product; scalars out of a sum; simplified; slices
    put in; sum rule; sum sign; transpose; transposed; transposes; transposes collected;
    unit; values of functions; zero; zeros dropped
""")
