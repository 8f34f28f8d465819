"""The table of torch.nn's modules: each is derived, proved and compared with PyTorch's autograd."""

from __future__ import annotations

import importlib
import importlib.util
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import matderiv
from matderiv.expression.numeric import numeric_value, sizes_in
from matderiv.expression.parse import parse
from matderiv.expression.shapes import infer

Array = npt.NDArray[Any]
_MANY = 4  # inputs of which all are differentiated by, each in a derivation of its own


@dataclass(frozen=True, slots=True)
class Module:
    """A module of torch.nn; the fields are explained at the top of torch_modules.toml."""

    name: str
    program: str
    call: tuple[str, ...]
    shapes: Mapping[str, list[int]]
    options: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, int] = field(default_factory=dict)
    draw: Mapping[str, str] = field(default_factory=dict)
    batch: bool = False

    def inputs(self, rng: np.random.Generator) -> dict[str, Any]:
        """Numbers for every input."""
        found: dict[str, Any] = {}
        for name, shape in self.shapes.items():
            numbers = rng.normal(size=shape)
            match self.draw.get(name):
                case "probability":
                    numbers = np.exp(numbers) / np.exp(numbers).sum(axis=-1, keepdims=True)
                case "unit":
                    numbers = 1 / (1 + np.exp(-numbers))
                case "sign":
                    numbers = np.sign(numbers)
                case "positive":
                    numbers = 0.5 + numbers**2
            if name in self.labels:
                numbers = rng.integers(0, self.labels[name], shape).astype(float)
            found[name] = np.asarray(numbers)
        return found


@cache
def table() -> tuple[Module, ...]:
    """All modules, in the order of the file."""
    text = (Path(__file__).parent / "torch_modules.toml").read_text(encoding="utf-8")
    return tuple(
        Module(**row | {"call": tuple(row["call"])}) for row in tomllib.loads(text)["module"]
    )


def test_the_table_names_sixty_modules() -> None:
    """Sixty classes or more, and every program reads its inputs and no other names."""
    assert len({module.name for module in table()}) >= 60
    for module in table():
        names = {*module.call, *module.parameters.values()}
        assert names == set(module.shapes) == set(parse(module.program).inputs()), module.name


def result(module: Module, arrays: Mapping[str, Any]) -> Any:
    """What PyTorch's module gives, with these numbers for its parameters."""
    torch = importlib.import_module("torch")
    options = {k: tuple(v) if isinstance(v, list) else v for k, v in module.options.items()}
    made = getattr(torch.nn, module.name)(**options).double()
    parameters = {theirs: arrays[ours] for theirs, ours in module.parameters.items()}
    assert set(parameters) == {name for name, _ in made.named_parameters()}
    operands = [arrays[name] for name in module.call]
    if module.name == "LSTMCell":
        operands = [operands[0], tuple(operands[1:])]
    if module.batch:
        operands = [operand[None] for operand in operands]
    found = torch.func.functional_call(made, parameters, tuple(operands))
    if isinstance(found, tuple):  # the cell's output, or the attention without its weights
        found = found[0]
    return found[0] if module.batch else found


@pytest.mark.parts
@pytest.mark.skipif(
    importlib.util.find_spec("torch") is None and not os.environ.get("MATDERIV_FRAMEWORKS"),
    reason="not installed: torch; see the extra frameworks",
)
@pytest.mark.parametrize("module", table(), ids=lambda module: module.name)
def test_a_module_is_that_of_torch(module: Module) -> None:
    """The value and the gradients by inputs and parameters are those of PyTorch."""
    torch = importlib.import_module("torch")
    rng = np.random.default_rng([ord(letter) for letter in module.name])
    inputs = module.inputs(rng)
    arrays = {
        name: torch.tensor(value.astype(int) if name in module.labels else value)
        for name, value in inputs.items()
    }
    fixed = {name for name, kind in module.draw.items() if kind in ("probability", "sign")}
    wanted = [name for name in inputs if name not in module.labels and name not in fixed]
    wanted = wanted if len(wanted) <= _MANY else wanted[::3]
    for name in wanted:
        arrays[name].requires_grad_()
    theirs = result(module, arrays)
    given = {name: np.shape(value) for name, value in inputs.items()}
    program = parse(module.program, given)
    known = infer(program, shapes=given)
    sizes = sizes_in(known) | {name: known[name][0].size for name in known if "_" in name}
    values: dict[str, Any] = dict(inputs)
    for assignment in program.assignments:
        values[assignment.name] = numeric_value(assignment.value, values, sizes=sizes)
    own = values[program.loss.name]
    np.testing.assert_allclose(own, theirs.detach().numpy(), atol=1e-9)
    weights, text = rng.normal(size=own.shape), module.program
    shapes = {name: tuple(shape) for name, shape in module.shapes.items()}
    if own.ndim:
        *before, last = text.split("; ")
        text = "; ".join([*before, f"R = {last}", "L = sum(G*R)"])
        inputs, shapes = inputs | {"G": weights}, shapes | {"G": own.shape}
    (torch.tensor(weights) * theirs).sum().backward() if own.ndim else theirs.backward()
    for name in wanted:
        found = matderiv.gradient(text, wrt=name, shapes=shapes)
        assert found.verdict.status == "equal"
        np.testing.assert_allclose(found(**inputs), arrays[name].grad.numpy(), atol=1e-8)
