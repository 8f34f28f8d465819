"""Functions of one number: one row for each, which all rooms read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["FUNCTIONS", "MODULES", "Function"]

#: How each library of functions is called in code.
MODULES = {"numpy": "np", "torch": "torch", "jax": "jnp"}

_Where = Literal["positive", "nonzero", "not_whole", "zero_or_not_whole"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """f(u) for a real number u, applied to arrays entry by entry.

    `derivative`: f′(u), or nothing if the language has no words for it. `definition`: f(u) in other
    functions, if it has one. Both are written in the language itself. `spelling`: the call in
    libraries that have another name for f, with `{0}` in place of u; for SymPy, the name of one of
    its functions. A library without a name for f gets the definition.

    `kink`: f′ does not exist at 0. `domain`: what is positive, not 0, no whole number, or none but
    0, where f is defined and differentiable, unless it is so everywhere. `positive`: f(u) > 0 for
    every u. `parity`: f(-u) is f(u), -f(u) or 1 - f(u). `powers`: f(u)ⁿ = f(u) for n ≥ 1, or
    f(u)² = 1. `at`: f(u) at a number u, where both are whole numbers. `in_tex`: TeX has a command
    of this name.
    """

    derivative: str
    definition: str = ""
    spelling: Mapping[str, str] = field(default_factory=dict)
    kink: bool = False
    domain: tuple[_Where, str] | None = None
    positive: bool = False
    parity: Literal["", "even", "odd", "complement"] = ""
    powers: Literal["", "the same", "1 or itself"] = ""
    at: Mapping[int, int] = field(default_factory=dict)
    in_tex: bool = False

    def spelled(self, name: str, target: str) -> str | None:
        """A call in a library, `{0}` in place of u; None if the library has only the definition.

        >>> FUNCTIONS["tanh"].spelled("tanh", "jax"), FUNCTIONS["relu"].spelled("relu", "numpy")
        ('jnp.tanh({0})', 'np.maximum({0}, 0)')
        """
        if target in self.spelling:
            return self.spelling[target]
        return None if self.definition else f"{MODULES[target]}.{name}({{0}})"

    def sympy(self, name: str) -> str | None:
        """SymPy's name of the function; None if SymPy has only its definition.

        >>> FUNCTIONS["abs"].sympy("abs"), FUNCTIONS["softplus"].sympy("softplus")
        ('Abs', None)
        """
        if "sympy" in self.spelling:
            return self.spelling["sympy"]
        return None if self.definition else name


def _everywhere(name: str, sympy: str = "") -> dict[str, str]:
    """A function that NumPy, torch and JAX have under one name, and SymPy perhaps under another."""
    calls = {target: f"{module}.{name}({{0}})" for target, module in MODULES.items()}
    return calls | {"sympy": sympy or name}


#: The functions by name. Sources of the derivatives: any table, such as DLMF 4.20, 4.34 and 7.2.
FUNCTIONS: dict[str, Function] = {
    "exp": Function(derivative="exp(u)", positive=True, at={0: 1}, in_tex=True),
    "log": Function(derivative="1/u", domain=("positive", "u"), at={1: 0}, in_tex=True),
    "sqrt": Function(derivative="1/(2*sqrt(u))", domain=("positive", "u")),
    "tanh": Function(derivative="1 - tanh(u)**2", parity="odd", at={0: 0}, in_tex=True),
    "sigmoid": Function(
        definition="exp(u)/(1 + exp(u))",
        derivative="sigmoid(u)*(1 - sigmoid(u))",
        positive=True,
        parity="complement",
        spelling={
            "numpy": "sigmoid({0})",
            "torch": "torch.sigmoid({0})",
            "jax": "jax.nn.sigmoid({0})",
        },
    ),
    "sin": Function(derivative="cos(u)", parity="odd", at={0: 0}, in_tex=True),
    "cos": Function(derivative="-sin(u)", parity="even", at={0: 1}, in_tex=True),
    "arctan": Function(
        derivative="1/(1 + u**2)",
        parity="odd",
        spelling={"sympy": "atan"},
        at={0: 0},
        in_tex=True,
    ),
    "tan": Function(
        derivative="1 + tan(u)**2",
        domain=("nonzero", "cos(u)"),
        parity="odd",
        spelling=_everywhere("tan"),
        in_tex=True,
    ),
    "sinh": Function(
        definition="(exp(u) - exp(-u))/2",
        derivative="cosh(u)",
        parity="odd",
        spelling=_everywhere("sinh"),
        in_tex=True,
    ),
    "cosh": Function(
        definition="(exp(u) + exp(-u))/2",
        derivative="sinh(u)",
        positive=True,
        parity="even",
        spelling=_everywhere("cosh"),
        in_tex=True,
    ),
    "arcsin": Function(
        derivative="1/sqrt(1 - u**2)",
        domain=("positive", "1 - u**2"),
        parity="odd",
        spelling=_everywhere("arcsin", "asin"),
        in_tex=True,
    ),
    "arccos": Function(
        definition="pi/2 - arcsin(u)",
        derivative="-1/sqrt(1 - u**2)",
        domain=("positive", "1 - u**2"),
        spelling=_everywhere("arccos", "acos"),
        in_tex=True,
    ),
    "arcsinh": Function(
        derivative="1/sqrt(u**2 + 1)",
        parity="odd",
        spelling=_everywhere("arcsinh", "asinh"),
    ),
    "arccosh": Function(
        derivative="1/sqrt(u**2 - 1)",
        domain=("positive", "u - 1"),
        spelling=_everywhere("arccosh", "acosh"),
    ),
    "arctanh": Function(
        derivative="1/(1 - u**2)",
        domain=("positive", "1 - u**2"),
        parity="odd",
        spelling=_everywhere("arctanh", "atanh"),
    ),
    "relu": Function(
        definition="u*step(u)",
        derivative="step(u)",
        kink=True,
        spelling={
            "numpy": "np.maximum({0}, 0)",
            "torch": "torch.relu({0})",
            "jax": "jax.nn.relu({0})",
        },
    ),
    "step": Function(
        derivative="0",
        kink=True,
        parity="complement",
        powers="the same",
        spelling={
            "numpy": "np.heaviside({0}, 0)",
            "torch": "torch.relu(torch.sign({0}))",
            "jax": "jnp.heaviside({0}, 0)",
            "sympy": "Heaviside",
        },
        at={0: 0, 1: 1},
    ),
    "abs": Function(
        definition="u*sign(u)",
        derivative="sign(u)",
        kink=True,
        parity="even",
        spelling={
            "numpy": "np.abs({0})",
            "torch": "torch.abs({0})",
            "jax": "jnp.abs({0})",
            "sympy": "Abs",
        },
    ),
    "sign": Function(
        derivative="0", kink=True, parity="odd", powers="1 or itself", at={0: 0, 1: 1}
    ),
    "iszero": Function(
        derivative="0",
        kink=True,
        parity="even",
        powers="the same",
        spelling={target: f"(1 - {module}.sign({{0}})**2)" for target, module in MODULES.items()}
        | {"sympy": "iszero"},
        at={0: 1},
    ),
    "floor": Function(derivative="0", domain=("not_whole", "u"), at={0: 0, 1: 1}),
    "ceil": Function(
        definition="-floor(-u)",
        derivative="0",
        domain=("not_whole", "u"),
        spelling={target: f"{module}.ceil({{0}})" for target, module in MODULES.items()},
    ),
    "round": Function(
        derivative="0", domain=("not_whole", "u + 1/2"), parity="odd", at={0: 0, 1: 1}
    ),
    "trunc": Function(
        definition="sign(u)*floor(abs(u))",
        derivative="0",
        domain=("zero_or_not_whole", "u"),
        parity="odd",
        spelling={target: f"{module}.trunc({{0}})" for target, module in MODULES.items()},
    ),
    "frac": Function(
        definition="u - trunc(u)",
        derivative="1",
        domain=("zero_or_not_whole", "u"),
        parity="odd",
        spelling={"torch": "torch.frac({0})"},
    ),
    "softplus": Function(
        definition="log(1 + exp(u))",
        derivative="sigmoid(u)",
        positive=True,
        spelling={
            "numpy": "np.logaddexp(0, {0})",
            "torch": "(-torch.nn.functional.logsigmoid(-({0})))",
            "jax": "jax.nn.softplus({0})",
        },
    ),
    "silu": Function(
        definition="u*sigmoid(u)",
        derivative="sigmoid(u)*(1 + u*(1 - sigmoid(u)))",
        spelling={"torch": "torch.nn.functional.silu({0})", "jax": "jax.nn.silu({0})"},
    ),
    "gelu": Function(
        definition="u*(1 + erf(u/sqrt(2)))/2",
        derivative="(1 + erf(u/sqrt(2)))/2 + u*exp(-u**2/2)/sqrt(2*pi)",
        spelling={
            "torch": "torch.nn.functional.gelu({0})",
            "jax": "jax.nn.gelu({0}, approximate=False)",
        },
    ),
    "erfinv": Function(
        derivative="sqrt(pi)/2*exp(erfinv(u)**2)",
        domain=("positive", "1 - u**2"),
        parity="odd",
        spelling={"numpy": "erfinv({0})", "jax": "jax.scipy.special.erfinv({0})"},
        at={0: 0},
    ),
    "gammaln": Function(
        derivative="digamma(u)",
        domain=("positive", "u"),
        spelling={
            "numpy": "gammaln({0})",
            "torch": "torch.lgamma({0})",
            "jax": "jax.scipy.special.gammaln({0})",
            "sympy": "loggamma",
        },
        at={1: 0, 2: 0},
    ),
    "digamma": Function(
        derivative="trigamma(u)",
        domain=("positive", "u"),
        spelling={"numpy": "digamma({0})", "jax": "jax.scipy.special.digamma({0})"},
    ),
    "trigamma": Function(
        derivative="",
        domain=("positive", "u"),
        positive=True,
        spelling={
            "numpy": "trigamma({0})",
            "torch": "torch.special.polygamma(1, {0})",
            "jax": "jax.scipy.special.polygamma(1, {0})",
        },
    ),
    "erf": Function(
        derivative="2/sqrt(pi)*exp(-u**2)",
        parity="odd",
        spelling={"numpy": "erf({0})", "jax": "jax.scipy.special.erf({0})"},
        at={0: 0},
    ),
}
