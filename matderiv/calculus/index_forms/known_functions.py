"""Functions of one number as forms: the known ones by as few different atoms as can be."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from matderiv.calculus.index_forms.canonical import sealed
from matderiv.calculus.index_forms.forms import (
    MINUS_ONE_FORM,
    ONE_FORM,
    Atom,
    Call,
    Entry,
    Form,
    Raised,
    SizeAtom,
    Term,
    added,
    constant,
    difference,
    letters_of,
    multiplied,
    raised,
    refreshed,
    scaled,
    single,
    size_form,
    to_the,
)
from matderiv.errors import MissingRuleError
from matderiv.expression import nodes
from matderiv.expression.definitions import defined, derivative, unfolded
from matderiv.expression.functions import FUNCTIONS
from matderiv.expression.matrix_functions import exponent_of, function_kind
from matderiv.expression.nodes import Node
from matderiv.expression.operations import OPERATIONS

__all__ = ["called", "called_of_one", "combined", "exponential", "mirrored", "slope"]

_HALF = constant(Fraction(1, 2))
_U = nodes.Name("u")
_MOST_POWER = 6  # of exp(u) and of 1 + exp(u) in a quotient that is taken apart

#: Makes letters that nothing else uses.
Fresh = Callable[[], str]


def called(function: str, u: Form, fresh: Fresh) -> Form:
    """f(u); a function that is defined by simpler ones is written in those."""
    known = FUNCTIONS.get(function)
    for number, value in known.at.items() if known else ():
        if u == constant(Fraction(number)):
            return constant(Fraction(value))
    match function:
        case "sqrt":
            return raised(u, _HALF)
        case "exp":
            return exponential(u)
        case "log":
            return _log(sealed(u))
        case "abs" if u and all(map(_positive, u)):
            return u
        case "step" | "sign" | "iszero":
            u = sealed(u)
            if u and u[0][1] not in (1, -1):  # a positive factor changes no sign
                u = scaled(u, 1 / abs(u[0][1]))
            if u and all(map(_positive, u)):
                return constant(Fraction(_SIDES[function][1]))
            for found in (_side_of_number(function, u), _of_relu(function, u)):
                if found is not None:
                    return found
            if (cases := _cases(u)) is not None:
                step, one, other = cases
                return added(
                    (
                        multiplied(step, called(function, one, fresh)),
                        multiplied(difference(ONE_FORM, step), called(function, other, fresh)),
                    )
                )
    simpler = defined(function, _U)
    if simpler is not None:
        return _put(simpler, {"u": u}, fresh)
    return single(Call(function, sealed(u)))


#: The values of these below 0 and above.
_SIDES = {"step": (0, 1), "sign": (-1, 1), "iszero": (0, 0)}
_AT_ZERO = {"step": 0, "sign": 0, "iszero": 1}


def _side_of_number(function: str, u: Form) -> Form | None:
    """step, sign and iszero of a number."""
    match u:
        case ():
            return constant(Fraction(_AT_ZERO[function]))
        case ((Term((), ()), number),):
            return constant(Fraction(_SIDES[function][number > 0]))
    return None


def called_of_one(function: str, u: Form, fresh: Fresh) -> Form:
    """A function of a matrix of one entry: exp(u), √u, its eigenvalue u, and v·vᵀ = 1."""
    match function_kind(function):
        case "expm":
            return called("exp", u, fresh)
        case "sqrtm":
            return called("sqrt", u, fresh)
        case "logm":
            return called("log", u, fresh)
        case "sinm" | "cosm" as kind:
            return called(kind[:-1], u, fresh)
        case "matrix_power":
            return raised(u, size_form(exponent_of(function)))
        case "eigenvalue":
            return u
    return ONE_FORM


def _of_relu(function: str, u: Form) -> Form | None:
    """step, sign and iszero of c·relu(z), by step(z): relu(z) is 0 where z is not positive."""
    for step, power in u[0][0].atoms if u else ():
        if not isinstance(step, Call) or step.function != "step" or power != 1:
            continue
        if not all((step, 1) in term.atoms for term, _ in u):
            continue
        inside = sealed(
            added(
                ((Term(tuple(p for p in term.atoms if p != (step, 1)), term.bound), number),)
                for term, number in u
            )
        )
        whole = sealed(step.arg)
        ratios = {a / b for (_, a), (_, b) in zip(inside, whole, strict=False)}
        if [term for term, _ in inside] == [term for term, _ in whole] and len(ratios) == 1:
            made = single(step)
            if function == "iszero":
                return difference(ONE_FORM, made)
            if ratios.pop() > 0:
                return made
            return scaled(made, Fraction(-1)) if function == "sign" else ()
    return None


def _cases(u: Form) -> tuple[Form, Form, Form] | None:
    """A factor step(z) of some terms of u, u where that is 1, and u where it is 0.

    Only if one of the two is a number, so that the sign there is known: f(u) is then
    step(z)·f(one) + (1 - step(z))·f(other), as for 1 - relu(z).
    """
    for term, _ in u:
        for atom, power in term.atoms:
            if not isinstance(atom, Call) or atom.function != "step" or power != 1:
                continue
            inside: list[Form] = []
            outside: list[Form] = []
            for some, number in u:
                rest = tuple(p for p in some.atoms if p != (atom, 1))
                if len(rest) < len(some.atoms):
                    inside.append(((Term(rest, some.bound), number),))
                else:
                    outside.append(((some, number),))
            one, other = added((*inside, *outside)), added(outside)
            bound = {letter for some, _ in u for letter, _ in some.bound}
            decided = any(_side_of_number("step", part) is not None for part in (one, other))
            if decided and not bound & letters_of(atom):
                return single(atom), one, other
    return None


def slope(function: str, u: Form, fresh: Fresh) -> Form:
    """f′(u), which is df(u) for a function that is not known."""
    if function not in FUNCTIONS:
        return single(Call(f"d{function}", u))
    return _put(derivative(function, _U), {"u": u}, fresh)


def combined(operation: str, operands: Sequence[Form], fresh: Fresh) -> Form:
    """A composite operation on numbers, by its definition."""
    names = [f"u{n}" for n in range(len(operands))]
    node = OPERATIONS[operation].make(*map(nodes.Name, names))
    return _put(unfolded(node, "form"), dict(zip(names, operands, strict=True)), fresh)


def _put(node: Node, forms: Mapping[str, Form], fresh: Fresh) -> Form:
    """An expression in numbers with forms substituted; sums in them get fresh letters."""

    def put(part: Node) -> Form:
        match part:
            case nodes.Name(name):
                return refreshed(forms[name], fresh)
            case nodes.Number(value):
                return constant(value)
            case nodes.Pi():
                return single(Entry("π", ()))
            case nodes.Negate(arg):
                return scaled(put(arg), Fraction(-1))
            case nodes.Add(left, right):
                return added((put(left), put(right)))
            case nodes.Subtract(left, right):
                return difference(put(left), put(right))
            case nodes.Multiply(left, right):
                return multiplied(put(left), put(right))
            case nodes.Divide(left, right):
                return multiplied(put(left), raised(put(right), MINUS_ONE_FORM))
            case nodes.Power(base, nodes.Number(value)) if value.denominator == 1 and value > 0:
                made = put(base)
                for _ in range(int(value) - 1):
                    made = multiplied(made, put(base))
                return made
            case nodes.Apply(function, arg):
                return called(function, put(arg), fresh)
        raise MissingRuleError(part, "place in a function of numbers")

    return put(node)


def mirrored(form: Form) -> Form:
    """The form with f(-u) as f(u), -f(u) or 1 - f(u), whichever of u and -u reads first.

    Quotients of exp(u) and 1 + exp(u) are taken apart into partial fractions, those of -u too.

    >>> u = single(Entry("u", ()))
    >>> mirrored(single(Call("tanh", scaled(u, Fraction(-1))))) == scaled(
    ...     single(Call("tanh", u)), Fraction(-1)
    ... )
    True
    """
    made: list[Form] = []
    for term, number in form:
        plain: list[tuple[Atom, int]] = []
        turned: Form = ONE_FORM
        powers: dict[Form, tuple[int, int]] = {}
        for atom, power in term.atoms:
            u, plus = _exponent(atom)
            if u is not None:
                inner, sign = _turned(u)
                e, b = powers.get(inner, (0, 0))
                # 1 + exp(-u) = exp(-u)·(1 + exp(u))
                e += power * sign if not plus else min(sign, 0) * power
                powers[inner] = e, b + power * plus
            elif _parity(atom) != "":
                other = _mirrored(atom)
                turned = multiplied(turned, other if power == 1 else to_the(other, power))
            else:
                plain.append((atom, power))
        found: Form = ((Term(tuple(plain), term.bound), number),)
        for u, (e, b) in powers.items():
            found = multiplied(found, _partial_fractions(u, e, b))
        made.append(multiplied(found, turned))
    return added(((_least_steps(term), number),) for term, number in added(made))


def _least_steps(term: Term) -> Term:
    """step(u)·step(u + c) = step(u) for numbers c > 0: the smaller is positive, so both are."""
    steps = [atom for atom, _ in term.atoms if isinstance(atom, Call) and atom.function == "step"]
    implied: set[Atom] = set()
    for one, other in itertools.combinations(steps, 2):
        match difference(one.arg, other.arg):
            case ((Term((), ()), number),):
                implied.add(one if number > 0 else other)
    return (
        Term(tuple(p for p in term.atoms if p[0] not in implied), term.bound) if implied else term
    )


def _exponent(atom: Atom) -> tuple[Form | None, bool]:
    """The u of exp(u), and of 1 + exp(u), with whether it is that."""
    match atom:
        case Call(function="exp", arg=u):
            return u, False
        case Raised(base=((_, one), (_, other)) as base, exponent=None) if one == other == 1:
            for (first, _), (last, _) in (base, base[::-1]):
                match first.atoms:
                    case ((Call(function="exp", arg=u), 1),) if not first.bound:
                        return (u, True) if last == Term() else (None, False)
    return None, False


def _turned(u: Form) -> tuple[Form, int]:
    """Whichever of u and -u reads first, and the sign that makes it u."""
    inner = sealed(mirrored(u))
    if not inner or inner[0][1] > 0:
        return inner, 1
    return scaled(inner, Fraction(-1)), -1


def _partial_fractions(u: Form, e: int, b: int) -> Form:
    """Eᵉ·Bᵇ of E = exp(u) and B = 1 + E, where b < 0 by sums of powers of one of them."""
    one = single(Call("exp", u))
    if b >= 0 or e == 0 or max(abs(e), -b) > _MOST_POWER:
        plus = to_the(added((ONE_FORM, one)), b)
        return multiplied(to_the(one, e), plus)
    if e > 0:  # E = B - 1
        return difference(_partial_fractions(u, e - 1, b + 1), _partial_fractions(u, e - 1, b))
    return difference(  # 1 = B - E
        _partial_fractions(u, e, b + 1), _partial_fractions(u, e + 1, b)
    )


def _parity(atom: Atom) -> str:
    known = FUNCTIONS.get(atom.function) if isinstance(atom, Call) else None
    return known.parity if known else ""


def _mirrored(atom: Atom) -> Form:
    assert isinstance(atom, Call)
    inner, sign = _turned(atom.arg)
    turned = single(Call(atom.function, inner))
    match _parity(atom) if sign < 0 else "even":
        case "odd":
            return scaled(turned, Fraction(-1))
        case "complement":
            return difference(ONE_FORM, turned)
    return turned


def exponential(u: Form) -> Form:
    """exp(n·log(a) + b) = aⁿ·exp(b) for whole numbers n: log(a) has a value only where a > 0."""
    made: Form = ONE_FORM
    rest: list[tuple[Term, Fraction]] = []
    for term, number in u:
        match term:
            case Term(((Call(function="log", arg=arg), 1),), ()) if number.denominator == 1:
                made = multiplied(made, to_the(arg, int(number)))
            case _:
                rest.append((term, number))
    left = tuple(rest)
    if not left:
        return made
    return multiplied(made, single(Call("exp", sealed(left))))


def _log(u: Form) -> Form:
    """log(exp(a)·bⁿ) = a + n·log(b) for factors that are positive whatever their entries are."""
    if len(u) != 1 or u[0][0].bound or u[0][1] < 0:
        return single(Call("log", u))
    ((term, number),) = u
    made: list[Form] = []
    rest: list[tuple[Atom, int]] = []
    for atom, power in term.atoms:
        match atom:
            case Call(function="exp", arg=arg):
                made.append(scaled(arg, Fraction(power)))
            case Raised(base=base, exponent=None) if all(map(_positive, base)):
                made.append(scaled(single(Call("log", base)), Fraction(power)))
            case _:
                rest.append((atom, power))
    if not made:
        return single(Call("log", u))
    left: Form = ((Term(tuple(rest)), number),)
    return added([*made, *([single(Call("log", left))] if left != ONE_FORM else [])])


def _positive(part: tuple[Term, Fraction]) -> bool:
    """Whether a term is positive: a positive number times exponentials, sizes, sums of such."""
    term, number = part
    return number > 0 and all(_is_positive(atom) for atom, _ in term.atoms)


def _is_positive(atom: Atom) -> bool:
    match atom:
        case Call(function="exp") | SizeAtom():
            return True
        case Raised(base=base):
            return bool(base) and all(map(_positive, base))
    return False
