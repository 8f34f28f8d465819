"""Measure the speed targets side by side in one run, as ratios, and fail when one is missed.

    python scripts/benchmark.py            all targets
    python scripts/benchmark.py --repeat 9 more runs of the short ones

A ratio compares two things measured in turn on the same machine, so that it says something on a
slow or noisy one too. The figure of the short runs is the median of the pairs' ratios.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

IMPORT_SYMPY = [sys.executable, "-c", "import sympy"]
MATDERIV = [sys.executable, "-m", "matderiv"]


@dataclass(frozen=True)
class Target:
    """One line of the report: a figure, its bound, and whether it keeps it."""

    name: str
    figure: float
    bound: float
    unit: str = "×"
    at_least: bool = False

    @property
    def kept(self) -> bool:
        """Whether the figure is within its bound."""
        return self.figure >= self.bound if self.at_least else self.figure <= self.bound

    def __str__(self) -> str:
        """The line of the report."""
        sign = "≥" if self.at_least else "≤"
        verdict = "ok    " if self.kept else "MISSED"
        return f"{verdict} {self.figure:9.2f} {self.unit} ({sign} {self.bound:g})  {self.name}"


def seconds(work: Callable[[], object]) -> float:
    """The processor time that a call takes, commands that it runs included: others do not count."""
    start = _spent()
    work()
    return _spent() - start


def _spent() -> float:
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime


#: An installed package is imported from its bytecode, as SymPy is, and not compiled each time.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def run(command: list[str]) -> None:
    """Run a command to its end, its output thrown away."""
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=ENVIRONMENT)


def ratio(one: Callable[[], object], other: Callable[[], object], repeat: int) -> float:
    """The median over pairs of one's time by the other's, taken in turn after a warm-up."""
    one()
    other()
    return statistics.median(seconds(one) / seconds(other) for _ in range(repeat))


def peak_memory(command: list[str]) -> float:
    """The peak memory of a command in MiB, by a small process: a child counts its parent's, too."""
    code = (
        "import resource, subprocess, sys;"
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *command], check=True, capture_output=True, text=True
    )
    unit = 1024 if sys.platform != "darwin" else 1024**2
    return int(done.stdout) / unit


def start_up(repeat: int) -> list[Target]:
    """The small example from the shell, and the large one, against importing SymPy."""
    small = ratio(lambda: run([*MATDERIV, "derive"]), lambda: run(IMPORT_SYMPY), repeat)
    large = [*MATDERIV, "derive", "-N", "64", "-D", "4096", "-M", "4096"]
    big = ratio(lambda: run(large), lambda: run(IMPORT_SYMPY), repeat)
    ridge = [*MATDERIV, "gradient", "L = sum((X @ w - y)**2) + lam*sum(w**2)", "--wrt", "w"]
    gradient = ratio(lambda: run(ridge), lambda: run(IMPORT_SYMPY), repeat)
    return [
        Target("2×4×3 from the shell, against `import sympy`", small, 1.3),
        Target("64×4096×4096 from the shell, against `import sympy`", big, 1.5),
        Target("gradient of ridge from the shell, against `import sympy`", gradient, 0.5),
        Target("64×4096×4096, peak memory", peak_memory(large), 150, "MB"),
    ]


def help_is_light() -> list[Target]:
    """--help and shell completion must not import SymPy."""
    code = (
        "import sys, matderiv.cli as c\n"
        "try: c.main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print('sympy' in sys.modules, file=sys.stderr)"
    )
    completing = {"COMP_WORDS": "matderiv d", "COMP_CWORD": "1"}
    completing["_MATDERIV_COMPLETE"] = "bash_complete"
    targets = []
    for name, arguments, more in (("--help", ["--help"], {}), ("shell completion", [], completing)):
        command = [sys.executable, "-c", code, *arguments]
        done = subprocess.run(
            command, check=True, capture_output=True, text=True, env=ENVIRONMENT | more
        )
        loaded = done.stderr.strip().endswith("True")
        targets.append(Target(f"{name}: SymPy imported (0 no, 1 yes)", float(loaded), 0, ""))
    return targets


def handouts(repeat: int) -> list[Target]:
    """Every format of one handout, made by one command, against importing SymPy."""
    from matderiv.handout.formats import FILES

    with tempfile.TemporaryDirectory() as folder:
        files = [part for suffix in FILES for part in ("-o", f"{folder}/handout.{suffix}")]
        every = ratio(
            lambda: run([*MATDERIV, "handout", *files]), lambda: run(IMPORT_SYMPY), repeat
        )
    name = f"2×4×3 handout as {', '.join(FILES)}, against `import sympy`"
    return [Target(name, every, 5.0)]


def deriving(repeat: int) -> list[Target]:
    """16³ and 24³ in this process, against SymPy's printer and naive differentiation.

    All are measured in turn, so that each ratio is of times that lie close together.
    """
    everything(16)
    print_known_answers(16)
    small, large, naive = [], [], []
    for _ in range(repeat):
        ours = seconds(lambda: everything(16))
        small.append(ours / seconds(lambda: print_known_answers(16)))
        naive.append(naive_seconds(16) / ours)
        large.append(seconds(lambda: everything(24)) / seconds(lambda: print_known_answers(24)))
    every = "derived, proved, printed with --show all, against SymPy printing the answers"
    return [
        Target(f"16×16×16 {every}", statistics.median(small), 0.5),
        Target(f"24×24×24 {every}", statistics.median(large), 0.5),
        Target(
            "16×16×16 naive differentiation, against ours",
            statistics.median(naive),
            50,
            at_least=True,
        ),
    ]


def _derived(program: str, **asked: Any) -> None:  # noqa: ANN401 - options of `gradient`
    """A gradient derived as if it were the first."""
    from matderiv import gradients as own

    own.forget()
    own.gradient(program, **asked)


def gradients() -> list[Target]:
    """The table of gradients, derived and proved, against SymPy's bare `diff`; long chains."""
    import compare_sympy as peer  # which also puts the tests' modules on the path
    import numpy as np
    from _gradient_table import sized, table
    from sympy.core.cache import clear_cache

    warnings.simplefilter("ignore")  # SymPy's own deprecations
    mine, theirs = [], []
    every = 0.0
    for entry in table():
        sizes = entry.sizes(peer.SIZES)
        program = sized(entry.program, sizes)
        shapes = {name: entry.shape(name, sizes) for name in entry.shapes}

        derive = partial(_derived, program, wrt=entry.wrt, shapes=shapes, assume=entry.assume)
        derive()  # what is imported on demand is imported
        spent = seconds(derive)
        every += spent
        if peer.compared(entry).verdict != "right":
            continue
        symbols = peer.symbols_of(entry, sizes)
        times = []
        for spelling in peer.SPELLINGS:
            loss = spelling.loss(program, symbols)
            clear_cache()
            with contextlib.suppress(Exception):  # the other spelling is the one that it can do
                times.append(seconds(partial(loss.diff, symbols[entry.wrt].sympy)))
        mine.append(spent)
        theirs.append(min(times))
    count = len(table())
    return [
        Target(
            f"{len(mine)} gradients derived and proved, against SymPy's bare diff of them",
            sum(mine) / sum(theirs),
            1,
        ),
        Target("the same, the median of the ratios", float(np.median(np.divide(mine, theirs))), 1),
        Target(f"all {count} gradients derived and proved, each", 1000 * every / count, 50, "ms"),
        *chains(),
    ]


def chains() -> list[Target]:
    """Networks of many layers, and values that use one another twice over.

    The figure is the median of three ratios, each of two networks measured one after the other.
    """
    from matderiv import gradients as own

    def deep(layer: str, n: int, names: tuple[str, str]) -> float:
        layers = "; ".join(layer.format(k, k - 1) for k in range(1, n + 1))
        value, weight = names
        program = f"{layers}; L = sum(H{n}**2)".replace("H", value).replace("W", weight)
        own.forget()  # and other names each time, since formulas are remembered as well
        return seconds(partial(own.gradient, program, wrt=f"{weight}1"))

    def growth(layer: str, few: int) -> float:
        rounds = (("H", "W"), ("G", "V"), ("F", "U"))
        times = [(deep(layer, few, names), deep(layer, 10 * few, names)) for names in rounds]
        return statistics.median(many / few for few, many in times)

    plain = "H{0} = tanh(H{1} @ W{0})"
    shared = "H{0} = H{1}*sigmoid(H{1} @ W{0}) + H{1}"
    deep(plain, 10, ("P", "Q"))  # what is imported on demand is imported
    return [
        Target("growth from 10 layers to 100", growth(plain, 10), 12),
        Target("growth from 100 layers to 1,000", growth(plain, 100), 12),
        Target("growth from 10 layers to 100, each used three times", growth(shared, 10), 12),
    ]


def everything(n: int) -> str:
    """Both gradients derived, every entry proved, the whole page printed with nothing left out."""
    import matderiv

    return matderiv.derive(sizes={"N": n, "D": n, "M": n}).latex(show="all")


def matrices(n: int) -> tuple[Any, ...]:
    """X, W and the upstream gradient as explicit SymPy matrices."""
    import sympy as sp

    return tuple(
        sp.Matrix(n, n, lambda i, j, s=s: sp.Symbol(f"{s}_{i + 1}_{j + 1}")) for s in "xwg"
    )


def print_known_answers(n: int) -> None:
    """SymPy's LaTeX of G·Wᵀ and Xᵀ·G, whose answers it is given; only printing is counted."""
    import sympy as sp

    answers = _known.get(n)
    if answers is None:
        x, w, g = matrices(n)
        answers = _known[n] = (g * w.T, x.T * g)
    for answer in answers:
        sp.latex(answer)


_known: dict[int, tuple[Any, Any]] = {}


_names = itertools.count()


def naive_seconds(n: int) -> float:
    """Differentiating L = Σ f(y_ij) by every entry of X and W.

    A sample of entries is measured and scaled up: they all take the same time. The function has
    a new name each time, so that SymPy cannot look the derivatives up in its cache.
    """
    import sympy as sp

    x, w, _ = matrices(n)
    f = sp.Function(f"f_{next(_names)}")
    loss = sp.Add(*((x * w).applyfunc(f)))
    sample = [*list(x)[:6], *list(w)[:6]]
    taken = seconds(lambda: [loss.diff(entry) for entry in sample])
    return taken / len(sample) * 2 * n * n


def hessians() -> list[Target]:
    """The Hessian of logistic regression, for all sizes, against SymPy's on explicit symbols."""
    import sympy as sp

    import matderiv

    def ours() -> object:
        program = "p = sigmoid(X @ w); L = -sum(y*log(p) + (1 - y)*log(1 - p))"
        return matderiv.hessian(program, wrt="w").formula

    def theirs(n: int) -> float:
        w, y = sp.symbols(f"w:{n}"), sp.symbols("y:6")
        rows = sp.Matrix(6, n, lambda i, j: sp.Symbol(f"x_{i},{j}")) * sp.Matrix(w)
        p = [1 / (1 + sp.exp(-z)) for z in rows]
        loss = -sum(b * sp.log(q) + (1 - b) * sp.log(1 - q) for b, q in zip(y, p, strict=True))
        return seconds(lambda: sp.hessian(loss, w))

    own = seconds(ours)
    return [
        Target(f"hessian at {n} variables against SymPy's", theirs(n) / own, least, at_least=True)
        for n, least in ((6, 1), (20, 20))
    ]


def main() -> int:
    """Print the report; 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeat", type=int, default=7, help="runs of the short measurements")
    repeat = parser.parse_args().repeat
    import sympy

    import matderiv

    print(
        f"matderiv {matderiv.__version__}, SymPy {sympy.__version__}, Python "
        f"{sys.version.split()[0]}"
    )
    kept = True
    measures: list[Callable[[], list[Target]]]
    measures = [
        lambda: start_up(repeat),
        help_is_light,
        lambda: handouts(repeat),
        lambda: deriving(max(3, repeat // 2)),
        gradients,
        hessians,
    ]
    for measure in measures:
        for target in measure():
            print(target, flush=True)
            kept = kept and target.kept
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
