"""Claims about arrays of three and four axes by their entries: ∂y_ij/∂x_pq = a_ip·δ_jq."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from fractions import Fraction

from matderiv.calculus.index_forms.einsums import broadcasted
from matderiv.calculus.index_forms.forms import Index, Indices
from matderiv.calculus.index_forms.linear_maps import Product
from matderiv.checking.claim_products import ArrayAxes, multiplied_sums, scaled_sum
from matderiv.errors import InputError
from matderiv.expression import nodes
from matderiv.expression.dims import SINGLE, Dim
from matderiv.expression.functions import FUNCTIONS
from matderiv.expression.nodes import Node

__all__ = ["index_products"]

#: Exponents above the line, and the signs that they stand for.
_RAISED = re.compile("[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_LOWERED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")

_TOKEN = re.compile(
    r"\s*(?:(?P<sum>(?:Σ|\bsum)_\{?(?P<over>[a-z]+)\}?)"
    r"|(?P<delta>(?:δ|\bdelta)_\{?(?P<pair>[a-z],?[a-z])\}?)"
    r"|(?P<number>\d+(?:\.\d+)?)"
    r"|(?P<entry>(?P<array>[A-Za-z]\w*?|⟨\d+⟩)_(?:\{(?P<braced>[a-z,]+)\}|(?P<at>[a-z]{1,4})(?![A-Za-z0-9])))"
    r"|(?P<name>[^\W\d_]\w*[′'’]*)"
    r"|(?P<sign>\*\*|[-+*·/^()]))"
)
_LEFT = re.compile(
    r"\s*(?:∂(?:²|\^2)?[·\s]*\w+?(?:_\{?(?P<of>[a-z,]+)\}?)?\s*/\s*(?P<by>(?:\(?∂\s*\w+?_\{?[a-z,]+\}?\s*)+)\)?"
    r"|\w+?_\{?(?P<all>[a-z,]+)\}?)\s*=(?P<right>.*)",
    re.DOTALL,
)
_BY = re.compile(r"∂\s*\w+?_\{?([a-z,]+)\}?")


def index_products(claim: str, axes: ArrayAxes) -> Iterator[Product]:
    """The products of an equation such as ∂y_ij/∂x_pq = Σ_k a_ik·b_kp·δ_jq."""
    found = _LEFT.fullmatch(claim.strip())
    if found is None:
        raise InputError(
            "A claim about entries says on the left which one it is, as in ∂y_ij/∂x_pq = a_ip·δ_jq."
        )
    left = found["all"] or (found["of"] or "") + "".join(_BY.findall(found["by"]))
    letters = left.replace(",", "")
    if len(letters) != len(axes.at) or len(set(letters)) < len(letters):
        raise InputError(
            f"The left side has the indices {', '.join(letters)}, and the array has "
            f"{len(axes.at)} axes; name each once."
        )
    reader = _EntryReader(found["right"], axes)
    products = reader.total()
    if reader.tokens:
        raise InputError(f"The claim cannot be read from {reader.tokens[0][1]!r} on.")
    names: dict[Index, Index] = dict(zip(letters, axes.at, strict=True))
    for product in products:
        bound = {letter for letter, _ in product.summed}
        own = {i for _, at in product.factors for i in at} | {i for d in product.deltas for i in d}
        loose = sorted(own - bound - names.keys() - {1}, key=str)
        summed = [(str(i), reader.size(i, product)) for i in loose]
        yield product.also(summed=summed).renamed(names)


class _EntryReader:
    """Reads sums, products and functions of entries; each method takes tokens from the left."""

    def __init__(self, text: str, axes: ArrayAxes) -> None:
        self.axes = axes
        self.formulas: dict[str, Node] = {}
        text = self.without_formulas(text)
        self.tokens: list[tuple[str, str, re.Match[str]]] = []
        self.count = itertools.count()
        place = 0
        while text[place:].strip():
            token = _TOKEN.match(text, place)
            if token is None:
                raise InputError(f"The claim cannot be read from {text[place:][:20].strip()!r} on.")
            kind = token.lastgroup or ""
            kind = next(k for k in ("sum", "delta", "number", "entry", "name", "sign") if token[k])
            self.tokens.append((kind, token[kind], token))
            place = token.end()

    def without_formulas(self, text: str) -> str:
        """The text with short names for arrays in brackets, such as that of (X^(-1))_qj."""
        text = re.sub(r"\^\(([′'’]+)\)", r"\1", text)
        text = _RAISED.sub(lambda found: f"^({found[0].translate(_LOWERED)})", text)
        while behind := re.search(r"\)(?=_\{?[a-z])", text):
            start = _opening(text, behind.start())
            name = f"⟨{len(self.formulas)}⟩"
            self.formulas[name] = self.axes.read(_matrix_text(text[start + 1 : behind.start()]))
            text = f"{text[:start]}{name}{text[behind.end() :]}"
        return text

    def next_is(self, *signs: str) -> bool:
        """Whether one of these signs follows."""
        return bool(self.tokens) and self.tokens[0][1] in signs

    def total(self) -> list[Product]:
        """A sum of products."""
        found: list[Product] = []
        sign = 1
        while True:
            while self.next_is("+", "-"):
                sign *= -1 if self.tokens.pop(0)[1] == "-" else 1
            found += scaled_sum(self.product(), sign)
            if not self.next_is("+", "-"):
                return found
            sign = 1

    def product(self) -> list[Product]:
        """A product, perhaps without signs between its factors."""
        found = self.factor()
        while self.tokens and not self.next_is("+", "-", ")"):
            divided = self.next_is("/")
            if self.next_is("*", "·", "/"):
                self.tokens.pop(0)
            more = self.factor()
            found = list(
                multiplied_sums(found, [self.power(more, Fraction(-1))] if divided else more)
            )
        return found

    def factor(self) -> list[Product]:
        """A factor with its exponent."""
        found = self.base()
        if self.next_is("^", "**"):
            self.tokens.pop(0)
            return [self.power(found, self.exponent())]
        return found

    def exponent(self) -> Fraction:
        """A whole number, perhaps in brackets."""
        bracket = self.next_is("(")
        end = self.closing(0) + 1 if bracket else 1
        text = "".join(text for _, text, _ in self.tokens[:end]).strip("()")
        del self.tokens[:end]
        try:
            return Fraction(text)
        except (ValueError, ZeroDivisionError):
            raise InputError(f"{text!r} is no number; an exponent of entries is one.") from None

    def base(self) -> list[Product]:
        """An entry, a delta, a sum, a function or brackets."""
        if not self.tokens:
            raise InputError("The claim ends where a factor should follow.")
        kind, text, token = self.tokens.pop(0)
        match kind:
            case "number":
                return [Product(number=Fraction(text))]
            case "delta":
                return [Product(deltas=((token["pair"][0], token["pair"][-1]),))]
            case "sum":
                return self.summed(token["over"])
            case "entry":
                return [self.entry(token["array"], token["at"] or token["braced"].replace(",", ""))]
            case "name" if text == "e" and self.next_is("^"):
                self.tokens.pop(0)
                arg, at = self.formula(self.base())
                return [Product(factors=((nodes.Apply("exp", arg), at),))]
            case "name" if self.next_is("(") or self.next_is("^"):
                return [self.function(text)]
            case "name":
                return [Product(factors=((self.axes.read(text), ()),))]
        if text != "(":
            raise InputError(f"The claim has {text!r} where a factor should stand.")
        return self.brackets()

    def brackets(self) -> list[Product]:
        """A sum in brackets."""
        self.closing(1)
        found = self.total()
        self.tokens.pop(0)
        return found

    def closing(self, depth: int) -> int:
        """The place of the token that closes the outermost of so many open brackets."""
        for place, (_, text, _) in enumerate(self.tokens):
            depth += {"(": 1, ")": -1}.get(text, 0)
            if not depth:
                return place
        raise InputError("A bracket is not closed in the claim.")

    def summed(self, letters: str) -> list[Product]:
        """Σ_k of all that follows in the product."""
        made = []
        for product in self.product():
            sizes = [(letter, self.size(letter, product)) for letter in letters]
            names: dict[Index, Index] = {letter: f"s{next(self.count)}" for letter in letters}
            made.append(product.also(summed=sizes).renamed(names))
        return made

    def size(self, letter: Index, product: Product) -> Dim:
        """The size that an index runs over."""
        for node, at in product.factors:
            for i, dim in zip(at, self.axes.shape(node), strict=True):
                if i == letter:
                    return dim
        raise InputError(f"The index {letter} belongs to no array of the claim.")

    def entry(self, name: str, letters: str) -> Product:
        """x_pq of a matrix X or x_p of a vector x, or an entry of a formula."""
        if name in self.formulas:
            return self.at(self.formulas[name], letters)
        fitting = (one for one in (name, name[0].upper() + name[1:]) if one in self.axes.names)
        for one in fitting:
            if len(self.axes.names[one]) == len(letters):
                return self.at(nodes.Name(one), letters)
        known = ", ".join(n for n, shape in self.axes.names.items() if shape)
        raise InputError(f"{name}_{letters} is no entry here; there are those of {known}.")

    def at(self, node: Node, letters: str) -> Product:
        """An entry of a formula."""
        shape = self.axes.shape(node)
        if len(shape) != len(letters):
            raise InputError(f"{letters} are no indices of an array of {len(shape)} axes.")
        places = tuple(1 if dim == SINGLE else i for i, dim in zip(letters, shape, strict=True))
        return Product(factors=((node, places),))

    def function(self, name: str) -> Product:
        """f(x_ij), or a number such as det(X)."""
        power = Fraction(1)
        if self.next_is("^"):
            self.tokens.pop(0)
            power = self.exponent()
        if not self.next_is("("):
            raise InputError(f"{name} is followed by no brackets in the claim.")
        primes = len(name) - len(name.rstrip("′'’"))
        name = "d" * primes + name.rstrip("′'’")
        start, place = self.tokens[0][2], self.closing(0)
        inside = self.tokens[1:place]
        if not any(kind in ("entry", "sum", "delta") for kind, *_ in inside):
            text = start.string[start.end() : self.tokens[place][2].start()]
            del self.tokens[: place + 1]
            return self.power([Product(factors=((self.axes.read(f"{name}({text})"), ()),))], power)
        self.tokens.pop(0)
        arg, at = self.formula(self.total())
        self.tokens.pop(0)
        known = self.axes.read(f"{name}(1)") if name not in FUNCTIONS else None
        if known is not None and not isinstance(known, nodes.Apply):
            raise InputError(f"{name} is no function of entries.")
        return self.power([Product(factors=((nodes.Apply(name, arg), at),))], power)

    def formula(self, products: list[Product]) -> tuple[Node, Indices]:
        """A sum of products as one array with an axis for each index."""
        letters: dict[Index, Dim] = {}
        for product in products:
            bound = {letter for letter, _ in product.summed}
            used = [*product.deltas, *(at for _, at in product.factors)]
            for i in itertools.chain(*used):
                if i != 1 and i not in bound:
                    letters.setdefault(i, self.size(i, product))
        at = tuple(letters)
        return broadcasted(products, at, tuple(letters.values()), self.axes.shape), at

    def power(self, products: list[Product], exponent: Fraction) -> Product:
        """A sum of products to a power, as one factor."""
        if exponent == 1 and len(products) == 1:
            return products[0]
        node, at = self.formula(products)
        raised = nodes.Power(node, nodes.Number(exponent))
        return Product(factors=((nodes.Divide(nodes.ONE, node) if exponent == -1 else raised, at),))


def _opening(text: str, closing: int) -> int:
    """The place of the bracket that another one closes."""
    depth = 0
    for place in range(closing, -1, -1):
        depth += {")": 1, "(": -1}.get(text[place], 0)
        if not depth:
            return place
    raise InputError("A bracket is closed in the claim that is not open.")


def _matrix_text(text: str) -> str:
    """A formula as it is typed: inv(X) for X^(-1), X.T for X^T.

    >>> _matrix_text("A·X^(-1)")
    'A @ inv(X)'
    """
    text = re.sub(r"(\w+)\s*\^\s*\(\s*-\s*1\s*\)", r"inv(\1)", text)
    text = re.sub(r"(?:\^T|ᵀ)", ".T", text)
    return text.replace("·", " @ ")
