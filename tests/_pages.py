"""What is on the pages of a PDF, seen with poppler's tools."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

RESOLUTION = 50  # dots per inch


def tool(name: str) -> str:
    """Where a tool is; skip where there is none, unless the environment says there has to be."""
    path = shutil.which(name)
    if path is None:
        message = f"{name} is not installed"
        if os.environ.get("MATDERIV_REQUIRE_TOOLS") == "1":
            pytest.fail(message)
        pytest.skip(message)
    return path


def _run(*command: str) -> str:
    return subprocess.run(
        command, check=True, capture_output=True, text=True, encoding="utf-8", timeout=300
    ).stdout


def words(pdf: Path, page: int | None = None) -> str:
    """The text of all pages or of one, each run of white space one space."""
    only = [] if page is None else ["-f", str(page), "-l", str(page)]
    return " ".join(_run(tool("pdftotext"), *only, str(pdf), "-").split())


def facts(pdf: Path) -> dict[str, str]:
    """What the file says about itself: title, author, number of pages, size of each page."""
    lines = _run(tool("pdfinfo"), "-l", "999", str(pdf)).splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def sizes_of(sign: str, pdf: Path) -> list[float]:
    """The font size of every word that is this sign: the height of its box is just that."""
    return [bottom - top for top, bottom in _boxes(sign, pdf)]


def bottoms(sign: str, pdf: Path) -> list[float]:
    """How far down the boxes of every word that is this sign reach, over all pages."""
    return [bottom for _, bottom in _boxes(sign, pdf)]


def _boxes(sign: str, pdf: Path) -> list[tuple[float, float]]:
    boxes = re.findall(
        rf'yMin="([\d.]+)" xMax="[\d.]+" yMax="([\d.]+)">{re.escape(sign)}<',
        _run(tool("pdftotext"), "-bbox", str(pdf), "-"),
    )
    return [(float(top), float(bottom)) for top, bottom in boxes]


def ink(pdf: Path, folder: Path, resolution: int = RESOLUTION) -> list[NDArray[np.bool_]]:
    """Where each page is dark."""
    stem = folder / f"{pdf.stem}-page"
    _run(tool("pdftoppm"), "-r", str(resolution), "-gray", str(pdf), str(stem))
    pages = []
    for path in sorted(folder.glob(f"{stem.name}-*.pgm")):
        _, size, _, pixels = path.read_bytes().split(b"\n", 3)
        width, height = map(int, size.split())
        pages.append(np.frombuffer(pixels, np.uint8).reshape(height, width) < 200)
    return pages


def last_lines(pdf: Path, count: int = 2) -> list[str]:
    """The last lines of each page but the last one, its number left out."""
    pages = _run(tool("pdftotext"), "-layout", str(pdf), "-").split("\f")[:-2]
    lines = [[line.strip() for line in page.splitlines() if line.strip()] for page in pages]
    return [" | ".join(page[-1 - count : -1]) for page in lines]
