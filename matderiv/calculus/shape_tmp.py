"""Temporary: shapes of expressions, until expression.shapes.shape_of arrives."""
from __future__ import annotations
from matderiv.expression import nodes as n
from matderiv.expression.shapes import Dim, Shape
from collections.abc import Mapping
ONE = Dim("1", 1)

def shape_of(node, shapes):
    match node:
        case n.Name(name): return shapes[name]
        case n.Number(): return ()
        case n.Negate(a) | n.Apply(_, a) | n.Softmax(a): return shape_of(a, shapes)
        case n.Functional(f, a):
            return shape_of(a, shapes) if f.startswith("d") else ()
        case n.Transpose(a): return shape_of(a, shapes)[::-1]
        case n.Sum(a, ax, k) | n.Mean(a, ax, k) | n.Prod(a, ax, k) | n.LogSumExp(a, ax, k):
            s = shape_of(a, shapes)
            if ax is None: return tuple(ONE for _ in s) if k else ()
            ax %= len(s)
            return s[:ax] + ((ONE,) if k else ()) + s[ax + 1:]
        case n.Trace() | n.Determinant() | n.LogDet() | n.Norm(): return ()
        case n.Inverse(a): return shape_of(a, shapes)
        case n.Diag(a):
            s = shape_of(a, shapes)
            return (s[0], s[0]) if len(s) == 1 else (s[0],)
        case n.Outer(a, b): return shape_of(a, shapes) + shape_of(b, shapes)
        case n.Eye(size): d = dim(size, shapes); return (d, d)
        case n.Ones(sizes): return tuple(dim(s, shapes) for s in sizes)
        case n.MatMul(a, b):
            s, t = shape_of(a, shapes), shape_of(b, shapes)
            assert s[-1].size == t[0].size, (node, s, t)
            return s[:-1] + t[1:]
        case n.Add(a, b) | n.Subtract(a, b) | n.Multiply(a, b) | n.Divide(a, b) | n.Power(a, b):
            return joint(shape_of(a, shapes), shape_of(b, shapes))
    if type(node).__name__ in ("Size","Pi"): return ()
    raise TypeError(node)

def dim(s, shapes):
    for shape in shapes.values():
        for d in shape:
            if d.symbol == s or d.size == s: return d
    return Dim(str(s), int(s))

def joint(s, t):
    if len(s) < len(t): s, t = t, s
    t = (ONE,) * (len(s) - len(t)) + t
    return tuple(b if a.size == 1 else a for a, b in zip(s, t))
