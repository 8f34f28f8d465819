"""A gradient that is proved to be zero is an answer everywhere: texts, code, pages, claims."""

from __future__ import annotations

import numpy as np
import pytest

import matderiv
from matderiv import derive
from matderiv.checking.check import judge
from matderiv.checking.question import ask
from matderiv.derivation.methods.table import METHODS
from matderiv.gradients import GRADIENT_FORMATS, printed

#: Programs, what they are differentiated by, the shapes of the inputs, and a word of the sentence.
ZEROS = [
    ("L = sum(softmax(z))", "z", {"z": (3,)}, "wherever it is defined: softmax(z)"),
    ("Y = X @ W; L = sum(X)", "W", {"X": (2, 4), "W": (4, 3)}, "does not depend on W"),
    ("Y = X @ W; L = sum(Y - Y)", "W", {"X": (2, 4), "W": (4, 3)}, "wherever it is defined."),
    ("L = det(outer(x, x))", "x", {"x": (2,)}, "is 0 at the declared sizes"),
    ("L = det(X @ Y)", "X", {"X": (3, 2), "Y": (2, 3)}, "is 0 at the declared sizes"),
    ("L = 3*lam - lam*3", "lam", {"lam": ()}, "wherever it is defined"),
    ("L = sum(log_softmax(Z, axis=1))", "Z", {"Z": (4, 1)}, "wherever it is defined"),
    ("L = sum(1**x)", "x", {"x": (3,)}, "wherever it is defined"),
    ("L = sum(step(C - C)*C)", "C", {"C": (2, 3)}, "wherever it is defined"),
    ("L = sum(sign(x - x)*x)", "x", {"x": (3,)}, "wherever it is defined"),
    ("L = sum((X - mean(X, axis=0, keepdims=True))**2)", "X", {"X": (1, 3)}, "wherever"),
    ("L = sum(x**2)", "Q", {"Q": (2, 3), "x": (3,)}, "wherever it is defined"),
]
EVERY = pytest.mark.parametrize(("program", "wrt", "shapes", "words"), ZEROS)


@EVERY
def test_every_format_prints_zeros(
    program: str, wrt: str, shapes: dict[str, tuple[int, ...]], words: str
) -> None:
    """The formula is an array of zeros of the input's shape, and a sentence says why."""
    found = matderiv.gradient(program, wrt=wrt, shapes=shapes)
    texts = {form: printed({wrt: found}, form) for form in GRADIENT_FORMATS}
    assert words in texts["formula"].splitlines()[0]
    assert (
        texts["formula"].splitlines()[-1].startswith(f"d{wrt} = " + ("zeros(" * bool(shapes[wrt])))
    )
    assert words.split(":", maxsplit=1)[0] in " ".join(texts["numpy"].split())
    assert "ones" not in "".join(texts.values()).replace(program, "").replace(found.note, "")


@EVERY
def test_called_gradients_are_zeros(
    program: str, wrt: str, shapes: dict[str, tuple[int, ...]], words: str
) -> None:
    """A callable gives an array of zeros of the input's shape, by itself and as source."""
    assert words
    found = matderiv.gradient(program, wrt=wrt, shapes=shapes)
    arrays = {name: np.full(shape, 0.5) for name, shape in shapes.items()}
    value = found(**arrays)
    assert value.shape == shapes[wrt]
    assert not value.any()


@EVERY
@pytest.mark.parametrize("method", METHODS)
def test_pages_say_that_a_gradient_is_zero(
    method: str, program: str, wrt: str, shapes: dict[str, tuple[int, ...]], words: str
) -> None:
    """Every method ends in the same zeros, each equality of the page proved."""
    assert words
    found = derive(program, wrt=[wrt], shapes=shapes, method=method)
    assert found.formulas[wrt] == matderiv.gradient(program, wrt=wrt, shapes=shapes).formula
    assert found.proof.equalities > 0
    assert "is zero." in found.markdown()


@EVERY
def test_the_zero_claim_is_right(
    program: str, wrt: str, shapes: dict[str, tuple[int, ...]], words: str
) -> None:
    """A claim of zeros is right there, and a claim of ones is not."""
    assert words
    question = ask(program, wrt, shapes=shapes)
    assert judge(question, question.read(f"0*{wrt}")).status == "right"
    assert judge(question, question.read(f"0*{wrt} + 1")).status == "wrong"


@pytest.mark.parametrize(
    ("program", "wrt", "shown"),
    [
        ("sum(X*Y) - tr(X.T @ Y)", "X", "Y - Y"),
        ("norm(X - Y)**2 - sum((X - Y)**2)", "Y", "2*(X - Y) - 2*(X - Y)"),
        ("logsumexp(z) - log(sum(exp(z)))", "z", "softmax(z) - softmax(z)"),
        ("sum(sin(X)**2 + cos(X)**2)", "X", "2*sin(X)*cos(X) - 2*cos(X)*sin(X)"),
        ("sum(softmax(z))", "z", "softmax(z)*(1 - sum(softmax(z)))"),
    ],
)
def test_what_is_zero_is_shown_as_a_person_writes_it(program: str, wrt: str, shown: str) -> None:
    """The sentence ends in the shortest form that still shows what cancels."""
    note = matderiv.gradient(program, wrt=wrt).note
    assert note.endswith(f"is 0 wherever it is defined: {shown} is 0.")


def test_zeros_in_programs_and_claims() -> None:
    """zeros((N, D)) is read and printed like ones((N, D))."""
    question = ask("L = sum(X**2)", "X")
    assert judge(question, question.read("zeros((N, D))")).status == "wrong"
    assert judge(question, question.read("2*X + zeros((N, D))")).status == "right"
    assert str(matderiv.gradient("L = sum(x + zeros(3))", wrt="x", shapes={"x": (3,)})) == "ones(3)"


def test_a_result_without_the_value_that_was_meant() -> None:
    """Where nothing uses a value, the result that was perhaps meant is told."""
    program = "Y = X @ W; L = sum(f(Z))"
    assert "Did you mean sum(f(Y))?" in matderiv.gradient(program, wrt="X").note
    assert "Did you mean `sum(f(Y))`?" in derive(program, wrt=["X"]).markdown()


@pytest.mark.parametrize("program", ["L = sum(a*softmax(z))", "L = sum(z - z*z)"])
def test_what_is_nearly_zero_is_not(program: str) -> None:
    """Programs of the same kind whose gradient is not zero keep their formula."""
    found = matderiv.gradient(program, wrt="z")
    assert not found.note
    assert "zeros" not in str(found)


@pytest.mark.parametrize(
    ("program", "shapes", "said", "unsaid"),
    [
        ("L = sum(softmax(z))", {}, "every entry is 0", "one row and one column"),
        ("L = sum(X)", {}, "every entry is 1", "every entry is 0"),
        ("(X @ t).T @ (X @ t)", {"t": (3, 1)}, "one row and one column", "every entry is"),
    ],
)
def test_pages_say_what_arrays_of_constants_are(
    program: str, shapes: dict[str, tuple[int, ...]], said: str, unsaid: str
) -> None:
    """Zeros are no ones, and a matrix of one entry is a number: each is said where it occurs."""
    page = matderiv.derive(program, shapes=shapes).markdown()
    assert said in page
    assert unsaid not in page
    assert page.count(said) == 1


def test_an_input_that_the_program_lacks_has_to_be_declared() -> None:
    """0 is the answer where the input is declared; a name that may be mistyped is refused."""
    shapes = {"x": (3,), "Q": (2, 4)}
    array = matderiv.jacobian("outer(x, x)", wrt="Q", shapes=shapes)
    assert np.array_equal(array(x=np.ones(3), Q=np.ones((2, 4))), np.zeros((3, 3, 2, 4)))
    for name, declared in (("Q", {}), ("X", {"X": (2,)}), ("x1", {"x1": (2,)})):
        with pytest.raises(matderiv.InputError, match=rf"{name}"):
            matderiv.jacobian("outer(x, x)", wrt=name, shapes=declared)
    with pytest.raises(matderiv.InputError, match="Q is not in the program"):
        matderiv.jacobian("outer(x, x)", wrt="x", shapes=shapes)
