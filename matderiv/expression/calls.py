"""How each function of the language is called: its node, its operands and its options."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from matderiv.expression import nodes
from matderiv.expression.nodes import Node
from matderiv.expression.vocabulary import ELEMENTWISE

__all__ = ["FORMS", "NAMES", "Form", "form_of"]


@dataclass(frozen=True, slots=True)
class Form:
    """A way to call a function; the options may follow the operands, in this order."""

    make: Callable[..., Node]
    operands: tuple[str, ...] = ("Y",)
    options: tuple[str, ...] = ()

    def example(self, name: str) -> str:
        """The plainest call.

        >>> FORMS["outer"].example("outer"), FORMS["eye"].example("eye")
        ('outer(x, y)', 'eye(4)')
        """
        return f"{name}({', '.join(self.operands) or _SIZES[self.options[0]]})"

    def usage(self, name: str) -> str:
        """What calls look like.

        >>> FORMS["sum"].usage("sum")
        'sum(Y), sum(Y, axis=0)'
        """
        plain = self.example(name)
        return f"{plain}, {plain[:-1]}, axis=0)" if "axis" in self.options else plain


_SIZES = {"size": "4", "sizes": "(2, 3)"}

_REDUCING = ("axis", "keepdims")

FORMS: dict[str, Form] = {
    **{name: Form(partial(nodes.Apply, name)) for name in ELEMENTWISE},
    "sum": Form(nodes.Sum, options=_REDUCING),
    "mean": Form(nodes.Mean, options=_REDUCING),
    "prod": Form(nodes.Prod, options=_REDUCING),
    "logsumexp": Form(nodes.LogSumExp, options=_REDUCING),
    "softmax": Form(nodes.Softmax, options=("axis",)),
    "norm": Form(nodes.Norm, options=("ord",)),
    "tr": Form(nodes.Trace),
    "trace": Form(nodes.Trace),
    "inv": Form(nodes.Inverse),
    "det": Form(nodes.Determinant),
    "logdet": Form(nodes.LogDet),
    "diag": Form(nodes.Diag),
    "outer": Form(nodes.Outer, operands=("x", "y")),
    "dot": Form(nodes.MatMul, operands=("X", "W")),
    "eye": Form(nodes.Eye, operands=(), options=("size",)),
    "ones": Form(nodes.Ones, operands=(), options=("sizes",)),
}

#: The name that a node is written with; of two names for one node, the later.
NAMES: dict[type, str] = {
    form.make: name for name, form in FORMS.items() if isinstance(form.make, type)
}


def form_of(name: str) -> Form:
    """How a function is called, known or not: an unknown one takes one array.

    >>> form_of("Loss").make(nodes.Name("Y"))
    Functional(function='Loss', arg=Name(name='Y'))
    """
    kind = nodes.Functional if name[0].isupper() else nodes.Apply
    return FORMS.get(name) or Form(partial(kind, name))
