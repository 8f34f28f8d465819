"""Measure the speed targets side by side in one run, as ratios, and fail when one is missed.

    python scripts/benchmark.py            all targets
    python scripts/benchmark.py --repeat 9 more runs of the short ones

A ratio compares two things measured in turn on the same machine, so that it says something on a
slow or noisy one too. The figure of the short runs is the median of the pairs' ratios.
"""

from __future__ import annotations

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
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

import click

MATDERIV = [sys.executable, "-m", "matderiv"]

#: An installed package is imported from its bytecode, as SymPy is, and not compiled each time.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}

Work = Callable[[], object]
#: A measurement, its figure, its bound, and its unit. A bound below 0, as -50, means at least
#: 50, and one above means at most.
Target = tuple[str, float, float, str]


def line(what: str, figure: float, bound: float, unit: str) -> str:
    """The line of the report about a target."""
    kept = figure >= -bound if bound < 0 else figure <= bound
    sign = f"{'≥' if bound < 0 else '≤'} {abs(bound):g}"
    return f"{'ok    ' if kept else 'MISSED'} {figure:9.2f} {unit} ({sign})  {what}"


def seconds(work: Work) -> float:
    """The processor time that a call takes, commands that it runs included: others do not count."""
    start = _spent()
    work()
    return _spent() - start


def _spent() -> float:
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime


def run(command: list[str], **more: str) -> str:
    """Run a command to its end; the last line that it wrote on standard error."""
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env=ENVIRONMENT | more
    )
    return done.stderr.strip().rpartition("\n")[2]


def ratio(one: Work, other: Work, repeat: int) -> float:
    """The median over pairs of one's time by the other's, taken in turn after a warm-up."""
    one()
    other()
    return statistics.median(seconds(one) / seconds(other) for _ in range(repeat))


def of_import(repeat: int, *arguments: str) -> float:
    """The time of a command of matderiv by that of importing SymPy."""
    importing = [sys.executable, "-c", "import sympy"]
    return ratio(lambda: run([*MATDERIV, *arguments]), lambda: run(importing), repeat)


def from_the_shell(repeat: int) -> Iterator[Target]:
    """Commands against importing SymPy; their memory, and what --help and completion import."""
    from matderiv.handout.formats import FILES

    large = "derive -N 64 -D 4096 -M 4096".split()
    ridge = ["gradient", "L = sum((X @ w - y)**2) + lam*sum(w**2)", "--wrt", "w"]
    with tempfile.TemporaryDirectory() as folder:
        pages = [suffix for suffix in FILES if suffix != "moodle.xml"]  # a quiz has only exercises
        files = [part for suffix in pages for part in ("-o", f"{folder}/handout.{suffix}")]
        for what, arguments, bound in (
            ("2×4×3 from the shell", ["derive"], 1.3),
            ("64×4096×4096 from the shell", large, 1.5),
            ("gradient of ridge from the shell", ridge, 0.5),
            (f"2×4×3 handout as {', '.join(pages)}", ["handout", *files], 5),
        ):
            yield f"{what}, against `import sympy`", of_import(repeat, *arguments), bound, "×"
    # By a small process, for a child counts its parent's memory, too.
    code = (
        "import resource, subprocess, sys;"
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)"
    )
    most = int(run([sys.executable, "-c", code, *MATDERIV, *large]))
    unit = 1024**2 if sys.platform == "darwin" else 1024
    yield "64×4096×4096, peak memory", most / unit, 150, "MB"
    code = (
        "import sys, matderiv.cli as c\n"
        "try: c.main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print(int('sympy' in sys.modules), file=sys.stderr)"
    )
    completing = {"COMP_WORDS": "matderiv d", "COMP_CWORD": "1"}
    completing["_MATDERIV_COMPLETE"] = "bash_complete"
    for what, arguments, more in (("--help", ["--help"], {}), ("completion", [], completing)):
        loaded = int(run([sys.executable, "-c", code, *arguments], **more))
        yield f"{what}: SymPy imported (0 no, 1 yes)", loaded, 0, ""


def deriving(repeat: int) -> Iterator[Target]:
    """16³ and 24³ in this process, against SymPy's printer and naive differentiation."""
    few = max(3, repeat // 2)
    every = "derived, proved, printed with --show all, against SymPy printing the answers"
    for n in (16, 24):
        figure = ratio(partial(everything, n), partial(print_known_answers, n), few)
        yield f"{n}×{n}×{n} {every}", figure, 0.5, "×"
    naive = statistics.median(
        naive_seconds(16) / seconds(partial(everything, 16)) for _ in range(few)
    )
    yield "16×16×16 naive differentiation, against ours", naive, -50, "×"


def everything(n: int) -> str:
    """Both gradients derived, every entry proved, the whole page printed with nothing left out."""
    import matderiv

    return matderiv.derive(sizes={"N": n, "D": n, "M": n}).latex(show="all")


@cache
def matrices(n: int) -> tuple[Any, ...]:
    """X, W and the upstream gradient G as explicit SymPy matrices, and G·Wᵀ and Xᵀ·G."""
    import sympy as sp

    x, w, g = (sp.Matrix(n, n, lambda i, j, s=s: sp.Symbol(f"{s}_{i + 1}_{j + 1}")) for s in "xwg")
    return x, w, g * w.T, x.T * g


def print_known_answers(n: int) -> None:
    """SymPy's LaTeX of G·Wᵀ and Xᵀ·G, whose answers it is given; only printing is counted."""
    import sympy as sp

    for answer in matrices(n)[2:]:
        sp.latex(answer)


_names = itertools.count()


def naive_seconds(n: int) -> float:
    """Differentiating L = Σ f(y_ij) by every entry of X and W.

    A sample of entries is measured and scaled up: they all take the same time. The function has
    a new name each time, so that SymPy cannot look the derivatives up in its cache.
    """
    import sympy as sp

    x, w, *_ = matrices(n)
    f = sp.Function(f"f_{next(_names)}")
    loss = sp.Add(*((x * w).applyfunc(f)))
    sample = [*list(x)[:6], *list(w)[:6]]
    taken = seconds(lambda: [loss.diff(entry) for entry in sample])
    return taken / len(sample) * 2 * n * n


def _derived(program: str, **asked: Any) -> None:  # noqa: ANN401 - options of `gradient`
    """A gradient derived as if it were the first."""
    from matderiv import gradients as own

    own.forget()
    own.gradient(program, **asked)


def gradients(_: int) -> Iterator[Target]:
    """The table of gradients, derived and proved, against SymPy's bare `diff`."""
    import compare_sympy as peer  # which also puts the tests' modules on the path
    from _gradient_table import sized, table
    from sympy.core.cache import clear_cache

    warnings.simplefilter("ignore")  # SymPy's own deprecations
    every = 0.0
    pairs: list[tuple[float, float]] = []
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
        pairs.append((spent, min(times)))
    mine, theirs = map(sum, zip(*pairs, strict=True))
    middle, count = statistics.median(one / other for one, other in pairs), len(table())
    what = f"{len(pairs)} gradients derived and proved, against SymPy's bare diff of them"
    yield what, mine / theirs, 1, "×"
    yield "the same, the median of the ratios", middle, 1, "×"
    yield f"all {count} gradients derived and proved, each", 1000 * every / count, 50, "ms"


def chains(_: int) -> Iterator[Target]:
    """Networks of many layers, and values that use one another twice over.

    The figure is the median of three ratios, each of two networks measured one after the other,
    with other names each time, since formulas are remembered as well.
    """

    def deep(layer: str, n: int, value: str, weight: str) -> float:
        layers = "; ".join(layer.format(k, k - 1) for k in range(1, n + 1))
        program = f"{layers}; L = sum(H{n}**2)".replace("H", value).replace("W", weight)
        return seconds(partial(_derived, program, wrt=f"{weight}1"))

    plain = "H{0} = tanh(H{1} @ W{0})"
    shared = "H{0} = H{1}*sigmoid(H{1} @ W{0}) + H{1}"
    deep(plain, 10, "P", "Q")  # what is imported on demand is imported
    for layer, few, more in ((plain, 10, ""), (plain, 100, ""), (shared, 10, ", used three times")):
        figure = statistics.median(
            deep(layer, 10 * few, *names) / deep(layer, few, *names) for names in ("HW", "GV", "FU")
        )
        yield f"growth from {few} layers to {10 * few:,}{more}", figure, 12, "×"


def hessians(_: int) -> Iterator[Target]:
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
    for n, least in ((6, 1), (20, 20)):
        yield f"hessian at {n} variables against SymPy's", theirs(n) / own, -least, "×"


@click.command(help=(__doc__ or "").partition("\n")[0])
@click.option("--repeat", default=7, help="Runs of the short measurements.")
def main(repeat: int) -> None:
    """Print the report; 1 when a target is missed."""
    import sympy

    import matderiv

    python = sys.version.split()[0]
    print(f"matderiv {matderiv.__version__}, SymPy {sympy.__version__}, Python {python}")
    measures = (from_the_shell, deriving, gradients, chains, hessians)
    lines = (line(*target) for measure in measures for target in measure(repeat))
    missed = 0
    for text in lines:
        print(text, flush=True)
        missed += text.startswith("MISSED")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
