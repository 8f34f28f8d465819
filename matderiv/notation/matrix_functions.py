"""Functions of a matrix: e^A, A^(1/2), and the eigenvectors and eigenvalues of one place."""

from __future__ import annotations

from matderiv.expression.matrix_functions import exponent_of, function_kind, place_of
from matderiv.notation.boxes import Box, Fraction, NumberBox, Scripts, Symbol, Terms, Word
from matderiv.notation.index_maps import size_box
from matderiv.notation.names import call, name_box, raised_box

__all__ = ["frechet_box", "matrix_function_box", "placed_box"]


def matrix_function_box(function: str, inner: Box, base: Box) -> Box:
    """A function of a matrix: e^A, A^(1/2), Aᵏ, P₀(A) for v·vᵀ, and λ times that as Λ₀(A)."""
    match function_kind(function):
        case "expm":
            return raised_box(Symbol("e"), inner)
        case "sqrtm":
            return raised_box(base, Fraction(NumberBox("1"), NumberBox("2")))
        case "logm" | "sinm" | "cosm" as kind:
            return call(Word(kind[:-1], upright=True), [inner])
        case "matrix_power":
            return raised_box(base, size_box(exponent_of(function)))
        case "eigenprojector":
            return call(placed_box("P", function), [inner])
    return call(placed_box("Lambda", function), [inner])


def frechet_box(function: str, inner: Box, change: Box) -> Box:
    """The derivative D_exp(A, E) of a function of a matrix along E; of a power, D_k(A, E)."""
    kind = function_kind(function)
    words = {"expm": "exp", "sqrtm": "root", "logm": "log", "sinm": "sin", "cosm": "cos"}
    under = Word(words[kind], upright=True) if kind in words else size_box(exponent_of(function))
    return call(Scripts(Symbol("D"), sub=under), [inner, change])


def placed_box(letter: str, function: str) -> Box:
    """A letter with the place of an eigenvalue."""
    place = place_of(function)
    number = NumberBox(str(abs(place)))
    return Scripts(name_box(letter), sub=Terms((("-", number),)) if place < 0 else number)
