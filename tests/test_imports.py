"""Who may import whom, read off the source, and what a cheap command may load."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from _sources import leaves_of, parsed

import matderiv

PACKAGE = Path(matderiv.__file__).parent

#: The parts of the package from left to right: each imports only from itself and from parts
#: to its left. The empty name is the package itself, `import matderiv`.
PARTS = (
    "errors",
    "files",
    "_version",
    "_collector",
    "_budget",
    "_hashed",
    "expression",
    "tracing",
    "arguments",
    "calculus",
    "derivation",
    "notation",
    "handout",
    "handouts",
    "programs",
    "api",
    "evaluation",
    "gradients",
    "array_questions",
    "product_pages",
    "array_pages",
    "array_certificates",
    "array_results",
    "array_derivatives",
    "jacobians",
    "expansions",
    "explanations",
    "checking",
    "testing",
    "pytest_plugin",
    "cli",
    "__main__",
    "",
)

#: The packages inside `calculus`, from left to right.
CALCULUS = ("formulas", "index_forms", "deciding", "sweep")

#: Parts that may import something from outside the standard library, and what.
OUTSIDE = {
    "expression": {"mpmath", "numpy"},
    "calculus": {"mpmath", "numpy", "sympy"},
    "derivation": {"numpy", "sympy"},
    "notation": {"sympy"},
    "handout": {"sympy", "typst"},
    "api": {"sympy"},
    "evaluation": {"numpy"},
    "gradients": {"numpy"},
    "array_results": {"numpy"},
    "expansions": {"numpy"},
    "checking": {"sympy", "mpmath", "numpy"},
    "testing": {"numpy", "hypothesis"},
    "pytest_plugin": {"pytest"},
    "cli": {"click"},
}

#: The name of a module that is loaded on demand, in a string; of a composed name, its beginning.
MODULE = re.compile(r"matderiv\.[\w.]*")


def part_of(module: str) -> str:
    """The part that a dotted module name belongs to: `matderiv.calculus.sweep` to calculus.

    A name that the package itself offers, such as `matderiv.derive`, belongs to the package.
    """
    part = [*module.split("."), ""][1]
    known = part in PARTS or (PACKAGE / part).is_dir() or (PACKAGE / f"{part}.py").is_file()
    return part if known else ""


def name_of(path: Path, package: Path) -> tuple[str, ...]:
    """The dotted name of a file of the package; that of `__init__.py` ends in `__init__`."""
    return ("matderiv", *path.relative_to(package).with_suffix("").parts)


def imports(path: Path, package: Path) -> Iterator[tuple[int, str]]:
    """Line and absolute name of everything that a file imports or names to import later."""
    for node in leaves_of(path):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            start = name_of(path, package)[: -node.level] if node.level else ()
            base = ".".join((*start, *([node.module] if node.module else [])))
            for alias in node.names:
                yield node.lineno, f"{base}.{alias.name}"
        elif isinstance(node, ast.Constant) and MODULE.fullmatch(str(node.value)):
            yield node.lineno, str(node.value)


def violations(package: Path) -> list[str]:
    """Every import that goes from left to right, and every unexpected one from outside."""
    found = []
    for path in sorted(package.rglob("*.py")):
        name = name_of(path, package)
        part = "" if name[1] == "__init__" else name[1]
        if part not in PARTS:
            found.append(f"{path.relative_to(package)}: {part} is no part of the design")
            continue
        for line, target in imports(path, package):
            where = f"{path.relative_to(package)}:{line}"
            root = target.split(".")[0]
            if root == "matderiv":
                rightwards = part_of(target) not in PARTS[: PARTS.index(part) + 1]
                if rightwards or not within_calculus(".".join(name), target):
                    found.append(f"{where}: {part} imports {target}")
            elif root not in sys.stdlib_module_names and root not in OUTSIDE.get(part, set()):
                found.append(f"{where}: {part or 'the package'} imports {root}")
    return found


def within_calculus(module: str, target: str) -> bool:
    """Whether an import of one package of `calculus` by another goes from right to left."""
    packages = [name.split(".")[2:3] for name in (module, target)]
    if not all(name.startswith("matderiv.calculus.") for name in (module, target)):
        return True
    importer, imported = (CALCULUS.index(one) if one in CALCULUS else None for (one,) in packages)
    return importer is None or imported is None or imported <= importer


def modules_imported(package: Path) -> dict[str, set[str]]:
    """Each module of the package with those of its modules that it imports, wherever it does."""
    files = {name_of(path, package): path for path in package.rglob("*.py")}
    modules = {".".join(n for n in name if n != "__init__"): p for name, p in files.items()}
    found: dict[str, set[str]] = {}
    for module, path in modules.items():
        targets = {target for _, target in imports(path, package)}
        shortened = {target.rpartition(".")[0] for target in targets - modules.keys()}
        # `import matderiv.a` loads the package `matderiv`, too, but uses nothing of it.
        found[module] = ((targets | shortened) & modules.keys()) - {"matderiv", module}
    return found


def circle(package: Path) -> list[str]:
    """Modules of which each imports the next one and the last one the first; none is best."""
    graph = modules_imported(package)
    done: set[str] = set()

    def visit(module: str, path: list[str]) -> list[str]:
        if module in path:
            return path[path.index(module) :]
        if module in done:
            return []
        for target in sorted(graph[module]):
            found = visit(target, [*path, module])
            if found:
                return found
        done.add(module)
        return []

    return next((found for module in sorted(graph) if (found := visit(module, []))), [])


@pytest.mark.long
def test_no_circles() -> None:
    """Of two modules at most one needs the other, directly or not, be it for a type only."""
    assert circle(PACKAGE) == []


@pytest.mark.parametrize(
    "back",
    [
        "from matderiv.notation.a import f",
        "from matderiv.notation import a",
        "from . import a",
        "import matderiv.notation.a",
        "import typing\nif typing.TYPE_CHECKING:\n    from .a import f",
        "def g():\n    from matderiv.notation.a import f",
        "import_module('matderiv.notation.a')",
    ],
)
def test_planted_circles_are_found(tmp_path: Path, back: str) -> None:
    """The check can fail: it follows an import in whatever form it is written."""
    room = tmp_path / "notation"
    room.mkdir()
    (room / "__init__.py").write_text("", encoding="utf-8")
    (room / "a.py").write_text("from matderiv.notation.b import g", encoding="utf-8")
    (room / "b.py").write_text("from matderiv.notation.c import h", encoding="utf-8")
    (room / "c.py").write_text(back, encoding="utf-8")
    assert circle(tmp_path) == [f"matderiv.notation.{name}" for name in "abc"]


def public_names(source: str) -> set[str]:
    """The names without a leading underscore that a module defines itself, listed or not.

    A rule for one kind of node, `@_rule(nodes.Add)`, is called through its table only.
    """
    defined: set[str] = set()
    for node in parsed(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            rules = [ast.unparse(d).startswith("_rule(") for d in node.decorator_list]
            defined |= set() if any(rules) else {node.name}
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            defined |= {target.id for target in targets if isinstance(target, ast.Name)}
    return {name for name in defined if not name.startswith("_")}


def defined_twice(package: Path) -> dict[str, list[str]]:
    """The public names that more than one module defines, each with these modules."""
    found: dict[str, list[str]] = {}
    for path in sorted(package.rglob("*.py")):
        for name in public_names(path.read_text(encoding="utf-8")):
            found.setdefault(name, []).append(str(path.relative_to(package)))
    return {name: modules for name, modules in found.items() if len(modules) > 1}


def test_no_public_name_is_defined_twice() -> None:
    """A name means one thing wherever it is read: there is one `Term`, one `walk`."""
    assert defined_twice(PACKAGE) == {}


@pytest.mark.parametrize(
    ("second", "blamed"),
    [
        ('class Term:\n    """A term."""', True),
        ('__all__ = ["Term"]\ndef Term():\n    """A term."""', True),
        ("Term = int", True),
        ("Term: type = int", True),
        ('__all__ = ["Term"]\nfrom a import Term', False),
        ("_Term = int", False),
        ('@_rule(int)\ndef Term():\n    """A term."""', False),
    ],
)
def test_names_defined_twice_are_found(tmp_path: Path, second: str, *, blamed: bool) -> None:
    """The check can fail, however the second one is defined; an import is no definition."""
    (tmp_path / "a.py").write_text('__all__ = ["Term"]\nclass Term: ...', encoding="utf-8")
    (tmp_path / "b.py").write_text(second, encoding="utf-8")
    assert defined_twice(tmp_path) == ({"Term": ["a.py", "b.py"]} if blamed else {})


def test_imports_flow_one_way() -> None:
    """A room may not know what stands to its right, nor a library that is not its business."""
    assert violations(PACKAGE) == []


def test_every_room_is_looked_at() -> None:
    """The check reads the real source: it sees known imports of each of the five rooms."""
    seen = {name_of(path, PACKAGE)[1] for path in PACKAGE.rglob("*.py")}
    assert seen >= {"expression", "calculus", "derivation", "notation", "handout", "api", "cli"}
    names = {name for _, name in imports(PACKAGE / "handout" / "composer.py", PACKAGE)}
    assert "matderiv.notation.program.ProgramNotation" in names


@pytest.mark.parametrize(
    ("path", "source", "blamed"),
    [
        ("expression/a.py", "import matderiv.calculus.sweep", "matderiv.calculus.sweep"),
        ("expression/a.py", "from matderiv.handout import x", "matderiv.handout.x"),
        ("calculus/a.py", "from matderiv import derivation", "matderiv.derivation"),
        ("calculus/a.py", "from ..derivation import links", "matderiv.derivation.links"),
        ("calculus/__init__.py", "from ..notation import x", "matderiv.notation.x"),
        ("derivation/a/b.py", "from ...notation import x", "matderiv.notation.x"),
        (
            "calculus/formulas/a.py",
            "from matderiv.calculus.sweep.graph import Graph",
            "matderiv.calculus.sweep.graph.Graph",
        ),
        (
            "calculus/index_forms/a.py",
            "def f():\n    from ..deciding import decide",
            "matderiv.calculus.deciding.decide",
        ),
        ("notation/a.py", "def f():\n    import matderiv.handout", "matderiv.handout"),
        (
            "notation/a.py",
            "import typing\nif typing.TYPE_CHECKING:\n    import matderiv.handout",
            "matderiv.handout",
        ),
        ("handout/a.py", "from matderiv.api import derive", "matderiv.api.derive"),
        ("handout/a.py", "from matderiv import derive", "matderiv.derive"),
        ("handout/a.py", "import matderiv", "matderiv"),
        ("handout/a.py", "importlib.import_module('matderiv.cli')", "matderiv.cli"),
        ("handout/a.py", "TABLE = {'x': ('matderiv.api', 'f')}", "matderiv.api"),
        ("handout/a.py", "import_module(f'matderiv.{name}')", "matderiv."),
        ("api.py", "from matderiv.cli import main", "matderiv.cli.main"),
        ("errors.py", "from matderiv.expression import nodes", "matderiv.expression.nodes"),
        ("expression/a.py", "import sympy as sp", "sympy"),
        ("api.py", "import click", "click"),
        ("__init__.py", "import numpy", "numpy"),
        ("drawer/a.py", "", "drawer"),
    ],
)
def test_planted_violations_are_found(tmp_path: Path, path: str, source: str, blamed: str) -> None:
    """The check can fail: it names an import to the right in whatever form it is written."""
    file = tmp_path / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(source, encoding="utf-8")
    (found,) = violations(tmp_path)
    assert path in found
    assert blamed in found.split()


def test_permitted_imports_are_let_through(tmp_path: Path) -> None:
    """The check does not cry wolf: imports to the left and within a room are as designed."""
    (tmp_path / "derivation").mkdir()
    (tmp_path / "derivation" / "a.py").write_text(
        "import math\nimport sympy\nfrom . import b\nfrom .b import c\n"
        "from matderiv.derivation.b import c\nfrom matderiv.calculus import sweep\n"
        "from matderiv import errors\nfrom ..expression.nodes import Node\n",
        encoding="utf-8",
    )
    assert violations(tmp_path) == []


def heavy_modules_after(code: str, **environment: str) -> tuple[str, list[str]]:
    """Run code in a new interpreter; what it printed and which heavy modules it loaded."""
    tail = (
        "import sys\n"
        "sys.stdout.flush()\n"
        "print([m for m in ('sympy', 'mpmath', 'numpy') if m in sys.modules], file=sys.stderr)\n"
    )
    body = "".join(f"    {line}\n" for line in code.splitlines())
    run = subprocess.run(
        [sys.executable, "-c", f"try:\n{body}except SystemExit:\n    pass\n{tail}"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
    )
    return run.stdout, ast.literal_eval(run.stderr.splitlines()[-1])


@pytest.mark.parametrize(
    "args",
    [["--help"], ["derive", "--help"], ["handout", "--help"], ["check", "--help"], ["--version"]],
)
def test_help_loads_no_mathematics(args: list[str]) -> None:
    """Help comes at once: loading SymPy takes many times as long as printing it."""
    printed, heavy = heavy_modules_after(f"from matderiv.cli import main\nmain({args!r})")
    assert "matderiv" in printed
    assert heavy == []


def test_shell_completion_loads_no_mathematics() -> None:
    """A press of the tab key may not wait for SymPy."""
    printed, heavy = heavy_modules_after(
        "from matderiv.cli import main\nmain([])",
        _MATDERIV_COMPLETE="bash_complete",
        COMP_WORDS="matderiv der",
        COMP_CWORD="1",
    )
    assert printed.split(",")[-1].strip() == "derive"
    assert heavy == []


@pytest.mark.parts
@pytest.mark.parametrize(
    ("program", "gradient"),
    [
        (
            "L = sum(std(X, axis=0))",
            "(X - mean(X, axis=0, keepdims=True))/(N*std(X, axis=0, keepdims=True))",
        ),
        ("L = std(x)", "(x - mean(x))/(N*std(x))"),
        ("L = std(X)", "(X - mean(X))/(N*D*std(X))"),
    ],
)
def test_a_gradient_is_proved_without_sympy(program: str, gradient: str) -> None:
    """Reading proves the everyday gradients, that of a standard deviation among them."""
    code = f"import matderiv\nprint(matderiv.gradient({program!r}))"
    printed, heavy = heavy_modules_after(code)
    assert printed.strip() == gradient
    assert "sympy" not in heavy


@pytest.mark.parts
def test_the_package_itself_loads_no_mathematics() -> None:
    """`import matderiv` is cheap; SymPy is loaded by the first derivation, and then it is."""
    _, heavy = heavy_modules_after("import matderiv\nmatderiv.InputError\nmatderiv.__version__")
    assert heavy == []
    _, heavy = heavy_modules_after("import matderiv\nmatderiv.derive")
    assert "sympy" in heavy


@pytest.mark.long
def test_a_derivation_of_formulas_needs_no_numpy() -> None:
    """NumPy takes a quarter as long to load as SymPy, and products of matrices do not need it."""
    printed, heavy = heavy_modules_after("import matderiv\nprint(matderiv.derive().markdown()[:1])")
    assert printed == "#\n"
    assert heavy == ["sympy", "mpmath"]
