"""Jacobians of single values of a program: zeros where the true one has them, counted for any size."""

from __future__ import annotations

import numpy as np
import pytest
from _reference import value

from matderiv.calculus.sweep.local_jacobian import LocalJacobian, telling
from matderiv.calculus.sweep.task import Task, read_task

#: A value Y, the name that it is differentiated by, and the shapes of names in sizes n, d and m.
VALUES = {
    "product": ("X @ W", "X", {"X": "nd", "W": "dm"}),
    "second factor": ("X @ W", "W", {"X": "nd", "W": "dm"}),
    "transposed": ("X @ K.T", "K", {"X": "nd", "K": "md"}),
    "square": ("X @ X", "X", {"X": "nn"}),
    "both sides": ("X.T @ X", "X", {"X": "nd"}),
    "transpose": ("X.T", "X", {"X": "nd"}),
    "with its transpose": ("X + X.T", "X", {"X": "nn"}),
    "entrywise": ("tanh(X)*A", "X", {"X": "nd", "A": "nd"}),
    "bias": ("X + b", "b", {"X": "nd", "b": "d"}),
    "column": ("X*c", "c", {"X": "nd", "c": "n1"}),
    "softmax of rows": ("softmax(X, axis=1)", "X", {"X": "nd"}),
    "softmax of all": ("softmax(X)", "X", {"X": "nd"}),
    "logsumexp": ("logsumexp(X, axis=1)", "X", {"X": "nd"}),
    "sum": ("sum(X, axis=0)", "X", {"X": "nd"}),
    "mean kept": ("mean(X**2, axis=1, keepdims=True)", "X", {"X": "nd"}),
    "outer": ("outer(u, v)", "u", {"u": "n", "v": "d"}),
    "matrix times vector": ("X @ v", "X", {"X": "nd", "v": "d"}),
    "diagonal made": ("diag(v)", "v", {"v": "n"}),
    "diagonal taken": ("diag(X)", "X", {"X": "nn"}),
    "inverse": ("inv(X)", "X", {"X": "nn"}),
}
SIZES = [(2, 3, 2), (1, 1, 1), (3, 1, 2), (1, 2, 3), (2, 2, 2), (3, 2, 4)]


def sizes_of(name: str) -> list[tuple[int, int, int]]:
    """The sizes at which a value is tried; a softmax of one number does not change with it."""
    return [s for s in SIZES if "softmax" not in name or min(s) > 1]


def task_of(name: str, sizes: tuple[int, int, int]) -> Task:
    """The program of a value at sizes n, d and m."""
    text, wrt, shapes = VALUES[name]
    known = dict(zip("ndm1", (*sizes, 1), strict=True))
    at = {n: tuple(known[letter] for letter in shape) for n, shape in shapes.items()}
    return read_task(f"Y = {text}; L = Loss(Y)", (wrt,), shapes=at)


def true_jacobian(name: str, task: Task) -> dict[tuple[tuple[int, ...], ...], float]:
    """∂y_ij/∂x_pq by differences, at indices from 1."""
    text, wrt, _ = VALUES[name]
    rng = np.random.default_rng(5)
    inputs = {
        n: rng.uniform(0.5, 1.5, [d.size for d in task.shapes[n]]) for n in task.program.inputs()
    }
    found = {}
    for col in np.ndindex(inputs[wrt].shape):
        ends = []
        for step in (1e-6, -1e-6):
            moved = inputs | {wrt: inputs[wrt].copy()}
            moved[wrt][col] += step
            ends.append(value(text, moved, {}))
        slope = (ends[0] - ends[1]) / 2e-6
        for row in np.ndindex(slope.shape):
            found[tuple(i + 1 for i in row), tuple(p + 1 for p in col)] = float(slope[row])
    return found


@pytest.mark.parametrize("name", VALUES)
def test_zeros_are_those_of_the_true_jacobian(name: str) -> None:
    """An entry that is said to be zero is zero, one that may be other than zero is so at numbers."""
    for sizes in sizes_of(name):
        task = task_of(name, sizes)
        jacobian = LocalJacobian(task, "Y", VALUES[name][1])
        true = true_jacobian(name, task)
        assert len(true) == jacobian.size("float32").count > 0
        for (row, col), slope in true.items():
            assert bool(jacobian.at(row, col)) == (abs(slope) > 1e-7), (sizes, row, col, slope)
        assert jacobian.nonzero(task.sizes) == sum(abs(slope) > 1e-7 for slope in true.values())


@pytest.mark.long
def test_zeros_are_counted_for_other_sizes() -> None:
    """The count at sizes that are not the program's own is that of a program of these sizes."""
    tried = 0
    for name, sizes in [(one, sizes) for one in VALUES for sizes in sizes_of(one)]:
        jacobian = LocalJacobian(task_of(name, (2, 3, 4)), "Y", VALUES[name][1])
        other = LocalJacobian(task_of(name, sizes), "Y", VALUES[name][1])
        if jacobian.letters != other.letters:  # a size of 1 may stretch there
            continue
        tried += 1
        assert jacobian.size("float64", other.sizes) == other.size("float64")
    assert tried > 50


def test_matrix_form_reads_what_the_formula_names() -> None:
    """∂L/∂X = ∂L/∂Y Wᵀ reads ∂L/∂Y and W and writes ∂L/∂X, each number once."""
    jacobian = LocalJacobian(task_of("product", (2, 4, 3)), "Y", "X")
    assert jacobian.read == ("dY", "W")
    assert jacobian.size("float32").matrix_form == 2 * 3 + 4 * 3 + 2 * 4
    assert jacobian.size("float32").memory == 4 * (2 * 3) * (2 * 4)


def test_sizes_grow_from_the_own_ones() -> None:
    """Up to an ordinary layer; large ones are grown up to; fixed ones do not grow."""
    grown = LocalJacobian(task_of("product", (2, 4, 3)), "Y", "X").growth("float32")
    assert (grown[0][0], grown[-1][0]) == ((2, 4, 3), (64, 4096, 4096))
    memory = [size.memory for _, size in grown]
    assert memory == sorted(set(memory))
    large = LocalJacobian(task_of("product", (64, 4096, 8192)), "Y", "X").growth("float32")
    assert large[-1][0] == (64, 4096, 8192)
    assert len(large) > 5
    fixed = read_task("Y = eye(2) @ X @ eye(2); L = Loss(Y)")
    (jacobian, *_) = telling(fixed, 5)
    assert jacobian.letters == ()
    assert jacobian.growth("float32") == ()


TELLING = {
    "L = sum((X @ W - T)**2) + lam*sum(W**2)": [("Z", "X"), ("Z", "W")],
    "H = relu(X @ W + b); L = Loss(H)": [("Z", "X"), ("Z", "W"), ("H", "b"), ("H", "Z")],
    "P = softmax(S, axis=1); L = Loss(P)": [("P", "S")],
    "L = logdet(A) + tr(A @ B)": [("Z", "A"), ("Z", "B")],
    "L = y @ inv(K) @ y": [("u", "Z")],
    "L = Loss(inv(K))": [],
    "L = (x @ y - lam)**2": [],
}


@pytest.mark.parametrize("program", TELLING)
def test_which_jacobians_are_telling(program: str) -> None:
    """Those with zeros, of the first array computed from a name, each kind of zeros once."""
    found = telling(read_task(program), 5)
    assert [(j.of, j.wrt) for j in found] == TELLING[program]
    assert telling(read_task(program), 1) == () or len(telling(read_task(program), 1)) == 1
