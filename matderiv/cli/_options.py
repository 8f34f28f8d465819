"""The types of options, and the options that several commands share."""

from __future__ import annotations

import contextlib
import functools
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import click

from matderiv import _budget
from matderiv.expression.spelling import respelled
from matderiv.expression.vocabulary import DEFAULT_PROGRAM, MAX_TEXT

__all__ = [
    "FORMULA_FILES",
    "FORMULA_FORMATS",
    "all_or_count",
    "array_form",
    "array_name",
    "asks",
    "assume",
    "by",
    "chosen_form",
    "convention",
    "direction_of",
    "formula_form",
    "handout_length",
    "lang",
    "length",
    "method_option",
    "mono",
    "notation",
    "output",
    "output_file",
    "rename",
    "seed",
    "show",
    "whole_number",
]

_DIGITS = 30  # of a size; one that long is refused by its value
_NAME = r"[A-Za-z][A-Za-z0-9_]*"


def whole_number(value: object) -> int:
    """A whole number; what is wrong with any other is said by the shape inference."""
    text = str(value)
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        raise click.BadParameter(
            f"{text[:40]!r} is not a whole number; write one from 1, such as 4."
        )
    if len(text) > _DIGITS:
        raise click.BadParameter(f"{text[:12]}… is too large; write fewer digits.")
    return int(text)


def _spelled(name: str) -> str:
    """A name as programs spell it: Sigma for Σ, lam for lambda."""
    name = name.strip()
    own = len(name) > 1 and not name.startswith("lambda")
    return name if own or not name else respelled(name)[0]


def named_shape(value: object) -> tuple[str, tuple[int, ...]]:
    """NAME=2x4, NAME=3 or NAME=scalar."""
    name, equals, shape = str(value).partition("=")
    name = _spelled(name)
    if "π" in str(value):
        raise click.BadParameter("π is the number pi; give the input another name.")
    if not equals or not re.fullmatch(_NAME, name):
        raise click.BadParameter(f"{str(value)[:40]!r}: write NAME=2x4, NAME=3 or NAME=scalar.")
    if shape.strip() == "scalar":
        return name, ()
    if not re.fullmatch(r"\s*-?[0-9]{1,30}\s*([x×]\s*-?[0-9]{1,30}\s*)*", shape):
        raise click.BadParameter(
            f"{shape[:40]!r} is not a shape; write {name}=2x4, {name}=3 or {name}=scalar."
        )
    return name, tuple(int(part) for part in re.split("[x×]", shape))


def array_name(value: object) -> str:
    """The name of a matrix."""
    text = _spelled(str(value))
    if not re.fullmatch(_NAME, text):
        raise click.BadParameter(f"{text[:40]!r} is not the name of a matrix, such as X.")
    return text


def named_structure(value: object) -> tuple[str, str]:
    """NAME=symmetric and the like; whether there is such a structure is said further on."""
    name, equals, structure = (part.strip() for part in str(value).partition("="))
    name = _spelled(name)
    if not equals or not re.fullmatch(_NAME, name):
        raise click.BadParameter(f"{str(value)[:40]!r}: write NAME=symmetric, for instance.")
    return name, structure


def named_name(value: object) -> tuple[str, str]:
    """NAME=NEW; whether NEW is a name is said further on."""
    name, equals, new = (part.strip() for part in str(value).partition("="))
    if not equals or not re.fullmatch(_NAME, _spelled(name)):
        raise click.BadParameter(f"{str(value)[:40]!r}: write NAME=NEW, for instance W=Theta.")
    return _spelled(name), new


def all_or_count(value: object) -> int | Literal["all"]:
    """all, or a whole number."""
    text = str(value)
    if text == "all":
        return "all"
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise click.BadParameter(f"{text[:40]!r} is neither 'all' nor a whole number from 2.")
    return int(text)


def asks(command: Callable[..., None]) -> Callable[..., None]:
    """The argument and options that say which program is meant, at which sizes.

    The command gets them as one dictionary, with `wrt`, `assume`, `convention`, `method` and
    `rename` where it has these options: the arguments of the function of the Python interface that
    it calls.
    """

    @functools.wraps(command)
    def collected(
        program: str,
        n: int | None,
        d: int | None,
        m: int | None,
        shapes: tuple[tuple[str, tuple[int, ...]], ...],
        budget: int | None,
        **others: object,
    ) -> None:
        asked: dict[str, object] = {
            "program": standard_input() if program == "-" else program,
            "sizes": {"N": n, "D": d, "M": m},
            "shapes": _once(shapes),
        }
        passed = [
            name for name in ("wrt", "assume", "convention", "method", "rename") if name in others
        ]
        asked |= {name: others.pop(name) or None for name in passed}
        with contextlib.nullcontext() if budget is None else _budget.budget(budget):
            command(asked, **others)

    made: Callable[..., None] = collected
    for option in reversed(
        [
            click.argument("program", default=DEFAULT_PROGRAM),  # - is standard input
            click.option(
                "-N", "n", type=whole_number, metavar="N", help="Rows of the first product."
            ),
            click.option("-D", "d", type=whole_number, metavar="N", help="Its inner size."),
            click.option("-M", "m", type=whole_number, metavar="N", help="Its columns."),
            click.option(
                "--shape",
                "shapes",
                type=named_shape,
                metavar="NAME=SHAPE",
                multiple=True,
                help="Declare a shape: X=2x4, b=3, lam=scalar.",
            ),
            click.option(
                "--budget",
                type=whole_number,
                metavar="STEPS",
                help="Steps of work at most. Default: MATDERIV_BUDGET, or by the length.",
            ),
        ]
    ):
        made = option(made)
    return made


#: The inputs to derive by.
by = click.option(
    "--wrt",
    type=array_name,
    multiple=True,
    metavar="NAME",
    help="Differentiate by this input; may be repeated. Default: every input that is an array; on "
    "pages, targets such as T in XW - T aside.",
)

#: The language of prose.
lang = click.option("--lang", default="en", show_default=True, metavar="en|zh", help="Language.")

#: How much of long rows, columns and sums is printed.
#: The number from which exercises are drawn.
seed = click.option(
    "--seed",
    type=whole_number,
    default=0,
    show_default=True,
    metavar="S",
    help="What exercises are drawn from; the same seed gives the same ones.",
)

show = click.option(
    "--show", type=all_or_count, metavar="all|K", help="Rows, columns and terms shown of long ones."
)

_LENGTHS = click.Choice(["card", "board", "short", "full"])
_LENGTH = (
    "How much to show: every step, the steps that teach something, the derivation as it is "
    "written on a board, or a card of formulas, rules and code."
)

#: How much of a derivation a page shows; the names are those of `handout.lengths`.
length = click.option("--length", type=_LENGTHS, default="full", show_default=True, help=_LENGTH)
#: The same of a handout.
handout_length = click.option(
    "--length",
    type=_LENGTHS,
    help=f"{_LENGTH} Default: full for a single product and for a method, else short.",
)

#: Structure of inputs.
assume = click.option(
    "--assume",
    type=named_structure,
    multiple=True,
    metavar="NAME=WHAT",
    help="What may be assumed of an input: symmetric, diagonal, psd, lower, orthogonal, "
    "stochastic, onehot or positive; may be repeated, also for one input.",
)

#: Other names on the page.
rename = click.option(
    "--rename",
    type=named_name,
    multiple=True,
    metavar="NAME=NEW",
    help="What a name of the program is called on the page, such as W=\\Theta; may be repeated.",
)

#: How formulas are written; the words are those of `notation.styles.NOTATIONS`.
notation = click.option(
    "--notation",
    metavar="WORDS",
    help="Some of these words, with commas: T, prime or top (transposes); plain or bold (arrays); "
    "partial, nabla or bar (gradients). Default: T,plain,partial.",
)

#: A page without colours.
mono = click.option("--mono", is_flag=True, help="Without colours.")

#: Which gradient by a symmetric matrix is meant.
convention = click.option(
    "--convention",
    type=click.Choice(["entries", "inner"]),
    help="The gradient by a symmetric input: by its own entries, or the one in the space of "
    "symmetric matrices, with inner products. Default: entries.",
)

#: How derivatives of three or four axes are written.
array_form = click.option(
    "--form",
    "written",
    type=click.Choice(["einsum", "vec", "vec-rows", "index"]),
    help="How to write derivatives of three or four axes: with einsum, as a matrix by vec (column "
    "by column, or by rows), or by entries. Default: einsum.",
)

#: The formats of a formula: those of `gradients.GRADIENT_FORMATS`, which are not loaded for help.
FORMULA_FORMATS = ("formula", "latex", "numpy", "torch", "jax", "sympy")

#: The formats that a file of each suffix may hold, for `chosen_form`, where only a formula is made.
FORMULA_FILES = {
    "": FORMULA_FORMATS,
    ".txt": FORMULA_FORMATS,
    ".py": tuple(name for name in FORMULA_FORMATS if name != "latex"),
    ".tex": ("latex",),
}

#: How a formula is printed.
formula_form = click.option(
    "--format",
    "form",
    type=click.Choice(FORMULA_FORMATS),
    help="What to print. Default: latex to a file .tex, or else formula.",
)

#: The way to the formulas; the names are those of `derivation.methods.table`.
method_option = click.option(
    "--method",
    type=click.Choice(["elementwise", "index", "differential", "slice", "kronecker"]),
    help="The way to the formulas: entry by entry, which is usual, index notation, differentials "
    "and traces, one slice for each entry, or vec and Kronecker products.",
)

#: A file to write; - is standard output.
output_file = click.Path(dir_okay=False, readable=False, allow_dash=True, path_type=Path)

#: Where the one text of a command goes.
output = click.option(
    "-o",
    "--output",
    type=output_file,
    metavar="FILE",
    help="Write to this file instead of standard output, which is -.",
)


def direction_of(what: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The option for the name of a direction, which has the shape of something."""
    return click.option(
        "--direction",
        type=array_name,
        metavar="NAME",
        help=f"The name of the direction, in the shape of {what}. Default: v, or another free "
        "name.",
    )


def standard_input() -> str:
    """The text that comes from standard input, as much of it as is ever read."""
    if sys.stdin is None:
        raise click.UsageError("The program - comes from standard input, which is closed.")
    text: bytes = sys.stdin.buffer.read(4 * MAX_TEXT + 1)
    return text.decode("utf-8-sig", errors="surrogateescape")


def chosen_form(
    form: str | None, output: Path | None, fitting: Mapping[str, tuple[str, ...]]
) -> str:
    """The format to print: `form` if it is given, or what the suffix of the file asks for.

    `fitting` are the formats that a file of each suffix may hold, the usual one first. No suffix
    stands for any format.
    """
    parts = () if output is None else output.suffixes[-2:]
    double, suffix = ("".join(parts[n:]).lower() for n in (-2, -1))
    suffix = double if double in fitting else suffix
    if suffix not in fitting:
        known = ", ".join(filter(None, fitting))
        raise click.UsageError(
            f"The suffix of {str(output)!r} is none of {known}; it says what to write."
        )
    if form is None:
        return fitting[suffix][0]
    if form not in fitting[suffix]:
        raise click.UsageError(
            f"{str(output)!r} holds {' or '.join(fitting[suffix])}, and --format is {form}; leave "
            "--format out, or choose another suffix."
        )
    return form


def _once(shapes: tuple[tuple[str, tuple[int, ...]], ...]) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    for name, shape in shapes:
        if found.setdefault(name, shape) != shape:
            raise click.UsageError(
                f"--shape {name} is given twice with different shapes; leave one of them out."
            )
    return found
