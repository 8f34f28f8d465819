"""XeTeX run over whole documents, and what a reader of its log would stop at."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest


def complaints(log: str) -> list[str]:
    """What a reader of TeX's log would stop at, each once; warnings about fonts are not ours."""
    found = re.findall(
        r"^(?:! |Overfull \\[hv]box|Missing character:|LaTeX Warning:).*", log, flags=re.MULTILINE
    )
    return list(dict.fromkeys(found))


def run_tex(xelatex: str, folder: Path, source: str, *options: str) -> str:
    """The log of one pass over a document; errors do not stop it."""
    folder.joinpath("main.tex").write_text(source, encoding="utf-8")
    # Else TeX breaks the lines of its log after 79 letters, in the middle of a word.
    wide = {"max_print_line": "1000", "error_line": "254", "half_error_line": "238"}
    subprocess.run(
        [xelatex, "-interaction=nonstopmode", "-no-shell-escape", *options, "main.tex"],
        cwd=folder,
        env={**os.environ, **wide},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        timeout=300,
        check=False,  # it fails on a missing file, but passes over a missing font: read the log
    )
    return folder.joinpath("main.log").read_text(encoding="utf-8", errors="replace")


def compile_all(
    xelatex: str, folder: Path, preamble: str, bodies: Mapping[str, str]
) -> dict[str, list[str]]:
    """Complaints by name of the body; under the empty name those about no body."""
    source = [preamble, r"\begin{document}"]
    for number, (name, body) in enumerate(bodies.items()):
        folder.joinpath(f"case{number}.tex").write_text(body, encoding="utf-8")
        source += [
            rf"\typeout{{<<< {name} >>>}}",
            # A case may not profit from what the case before it has set.
            r"\setcounter{MaxMatrixCols}{10}",
            rf"\input{{case{number}}}",
            r"\clearpage",
            r"\typeout{<<< >>>}",
        ]
    whole = "\n".join([*source, r"\end{document}", ""])
    log = run_tex(xelatex, folder, whole, "-no-pdf")  # pages are set; only their log is read
    parts = re.split(r"^<<< (.*?) ?>>>\n", log, flags=re.MULTILINE)
    found: dict[str, list[str]] = {"": []}
    for name, part in zip(["", *parts[1::2]], parts[::2], strict=True):
        found[name] = found.get(name, []) + complaints(part)
    for name in bodies:
        found.setdefault(name, ["TeX gave up before this case"])
    if "Output written on" not in log:
        found[""].append("no pages were written")
    return found


def find_tool(name: str) -> str:
    """Where a tool is; skip where there is none, unless the environment says there has to be."""
    path = shutil.which(name)
    if path is None:
        message = f"{name} is not installed"
        if os.environ.get("MATDERIV_REQUIRE_TOOLS") == "1":
            pytest.fail(message)
        pytest.skip(message)
    return path
