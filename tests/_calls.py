"""Calls of every operation of the language, as templates for random programs.

A row is the names of some operations, the shape of their result, and a call. In the call NAME is
one of the names, `{m,n}` an operand of this shape, `{*}` one of the shape of the result, `<n>` a
size, and `{y:m<k}` an input of m labels, which are less than k. Letters of the shape of the result
are bound by it, others are free.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

__all__ = ["CALLS", "Call", "Labels", "calls_of", "written"]

Shape = tuple[int, ...]

_ROWS = """
exp log sqrt tanh sigmoid sin cos arctan tan sinh cosh arcsin arccos arcsinh arccosh | * | NAME({*})
arctanh relu step abs sign iszero softplus silu gelu erfinv gammaln digamma erf square | * | NAME({*})
reciprocal exp2 expm1 log1p log2 log10 logit erfc softsign cbrt logcosh logsigmoid selu | * | NAME({*})
sinc ndtri mish leaky_relu elu relu6 hardtanh hardsigmoid hardswish softshrink tanhshrink | * | NAME({*})
huber celu hardshrink logical_not | * | NAME({*})
leaky_relu elu celu softshrink hardshrink huber | * | NAME({*}, 0.4)
gelu_tanh trigamma | * | NAME({*})
threshold | * | NAME({*}, 0.5, 0.2)
clip clamp | * | NAME({*}, 0.5, 1)
where | * | NAME({*} > {*}, {*}, {*})
masked_fill | * | NAME({*}, {*} > {*}, 2)
maximum minimum logaddexp hypot xlogy xlog1py arctan2 atan2 copysign | * | NAME({*}, {*})
logical_and logical_or glu reglu geglu swiglu pow power | * | NAME({*}, {*})
glu reglu geglu swiglu | m,n | NAME({m,n*2})
pow power | * | NAME({*}, 3)
mvlgamma | * | NAME({*} + 1, 2)
imag angle | * | NAME({*})
lstm_state | * | NAME({*}, {*}, {*}, {*})
lstm_cell gru_cell | * | NAME({*}, {*}, {*}, {*}, {*})
dropout | * | NAME({*}, {*}, 0.25)
softmax log_softmax softmin layer_norm batch_norm rms_norm normalize | m,n | NAME({m,n})
softmax log_softmax | m,n | NAME({m,n}, axis=1)
sum mean prod amax max amin min logsumexp var std | | NAME({m,n})
sum mean prod amax max amin min logsumexp var std | n | NAME({m,n}, axis=0)
sum mean prod amax max amin min logsumexp var std | m,1 | NAME({m,n}, axis=1, keepdims=True)
norm | | NAME({n}, 1)
norm | | NAME({n}, inf)
norm | | NAME({n}, 3)
norm | | NAME({m,n}, 1)
norm | | NAME({m,n})
norm | m | NAME({m,n}, axis=1)
norm | 1,n | NAME({m,n}, 1, axis=0, keepdims=True)
tr trace det logdet | | NAME({n,n})
inv pinv | n,n | NAME({n,n})
diag | n,n | NAME({n})
diag | n | NAME({n,n})
outer | m,n | NAME({m}, {n})
dot | m,n | NAME({m,k}, {k,n})
solve | m,n | NAME({m,m}, {m,n})
lstsq | m | NAME({m+1,m}, {m+1})
transpose | m,n | NAME({n,m})
swapaxes moveaxis | m,n | NAME({n,m}, 0, 1)
expand_dims | 1,n | NAME({n}, 0)
expand_dims | m,1 | NAME({m}, 1)
einsum | m,n | NAME('ij,jk->ik', {m,k}, {k,n})
einsum | n | NAME('ij,ij->j', {m,n}, {m,n})
roll | n | NAME({n}, 1)
roll | m,n | NAME({m,n}, -1, axis=0)
flip cumsum | n | NAME({n})
flip cumsum | m,n | NAME({m,n}, axis=1)
flipud fliplr tril triu | m,n | NAME({m,n})
tril triu | m,n | NAME({m,n}, 1)
diff | n | NAME({n+1})
diff | m,n | NAME({m+1,n}, axis=0)
repeat | n | NAME({n/2}, 2)
repeat | m,n | NAME({m/3,n}, 3, axis=0)
tile | n | NAME({n/2}, 2)
tile | m,n | NAME({m,n/3}, 3)
tile | m,n | NAME({m/2,n/3}, (2, 3))
flip | m,n | NAME({m,n})
split array_split chunk vsplit | m,n | NAME({m*2,n}, 2)[1]
split array_split chunk | m,n | NAME({m,n*3}, 3, 1)[2]
hsplit | m,n | NAME({m,n*2}, 2)[0]
pixel_shuffle | | sum(NAME({4,m,n}, 2)*{1,m*2,n*2})
pixel_unshuffle | | sum(NAME({1,m*2,n*2}, 2)*{4,m,n})
interpolate upsample | | sum(NAME({2,3,n}, scale_factor=2)*{2,3,n*2})
trace | | NAME({n,n+1}[:, 1:], 0)
trace | | NAME({n+1,n+1}, 1)
trace | n | NAME({m,m,n}, 0, 0, 1)
diagonal | m,n | NAME({m,n,n}, 0, 1, 2)
scatter_add index_add | m,n | NAME({m,n}, {y:k<m}, {k,n})
renorm | m,n | NAME({m,n}, 2, 0, 0.5)
multi_head_attention | m,n | NAME({m,n*2}, {k,n*2}, {k,n*2}, 2, 3)[:, :<n>]
median | m | NAME({m,n}, axis=1)
pad | n | NAME({n-2}, 1, mode='edge')
pad | n | NAME({n-2}, (1, 1))
pad | m,n | NAME({m-1,n-1}, ((1, 0), (0, 1)))
tri | m,n | NAME(<m>, <n>)*{*}
take | n | NAME({k,n}, 0, axis=0)
take | m,n | NAME({k,n}, {y:m<k}, axis=0)
take | m,n | NAME({m,k}, {y:n<k}, axis=1)
onehot | m,n | NAME({y:m<n}, <n>)*{*}
concatenate concat | n | NAME(({n-1}, {1}))
concatenate concat | m,n | NAME(({m,1}, {m,n-1}), axis=1)
stack | 2,n | NAME(({n}, {n}))
stack | m,3 | NAME(({m}, {m}, {m}), axis=1)
vstack | m,n | NAME(({m-1,n}, {1,n}))
hstack | m,n | NAME(({m,n-1}, {m,1}))
block | m,n | NAME([[{m-1,n-1}, {m-1,1}], [{1,n-1}, {1,1}]])
slice | n | ({n+1})[1:]
slice | n | ({n+1})[:-1]
slice | n | ({n})[::-1]
slice | n | ({n*2})[::2]
slice | n | ({n*2})[1::2]
slice | m,n | ({m+1,n+2})[1:, 1:-1]
entry | | ({n})[0]
entry | | ({m,n})[-1, 0]
entry | n | ({m,n})[0]
entry | m | ({m,n})[:, -1]
labels | m | ({m,k})[arange(<m>), {y:m<k}]
labels | m,n | ({k,n})[{y:m<k}]
labels | m,n | ({m,k})[:, {y:n<k}]
matrix_power | n,n | NAME({n,n}, 3)
attention | m,n | NAME({m,k}, {l,k}, {l,n})
scaled_dot_product_attention | m,n | NAME({m,k}, {l,k}, {l,n}, 4)
bilinear | m,n | NAME({m,k}, {n,k,l}, {m,l})
rnn_cell | m,n | NAME({m,k}, {m,l}, {n,k}, {n,l})
mse_loss l1_loss huber_loss smooth_l1_loss binary_cross_entropy kl_div | | NAME({m,n}, {m,n})
binary_cross_entropy_with_logits poisson_nll_loss hinge_loss soft_margin_loss | | NAME({m,n}, {m,n})
hinge_embedding_loss multilabel_soft_margin_loss sigmoid_focal_loss | | NAME({m,n}, {m,n})
cross_entropy | | NAME({m,n}, {m,n})
cross_entropy nll_loss | | NAME({m,n}, {y:m<n})
cosine_similarity | | NAME({n}, {n})
cosine_similarity | m | NAME({m,n}, {m,n})
cosine_embedding_loss | | NAME({m,n}, {m,n}, {m})
multi_margin_loss | | NAME({m,n}, {y:m<n})
gaussian_nll_loss margin_ranking_loss triplet_margin_loss | | NAME({m,n}, {m,n}, {m,n})
pairwise_distance | m | NAME({m,n}, {m,n})
floor ceil round trunc frac | * | NAME({*})
expm | | tr(NAME({n,n}))
sqrtm | | tr(NAME(2*eye(<n>) + {n,n}/9))
expm sinm cosm | n,n | NAME({n,n})
sqrtm logm | n,n | NAME(2*eye(<n>) + {n,n}/9)
expm_frechet sinm_frechet cosm_frechet | | sum(NAME(2*eye(<n>), {n,n}))
sqrtm_frechet logm_frechet | | sum(NAME(2*eye(<n>), {n,n}))
matrix_power_frechet | | sum(NAME(2*eye(<n>), {n,n}, 3))
tensordot | | NAME({m,n}, {m,n})
tensordot | m,n | NAME({m,k}, {k,n}, 1)
reshape | m,n | NAME({n,m}, (<m>, <n>))
ravel vec flatten | n | NAME({n/2,2})
ravel vec flatten | n | NAME({n,1})
flatten | | sum(NAME({m,n,2}, 1)*{m,n*2})
flatten | | sum(NAME({m,n,2}, 0, 1)**3)
squeeze | n | NAME({n,1}, axis=1)
broadcast_to | m,n | NAME({n}, (<m>, <n>))
kron | m,n | NAME({m/2,n}, {2,1})
kron | m,n | NAME({m,1}, {1,n})
atleast_2d | 1,n | NAME({n})
diagonal | n | NAME({n+1,n+1}, 1)
rot90 | m,n | NAME({n,m})
cdist | m,n | NAME({m,k}, {n,k})
unflatten | | sum(NAME({m,n*2}, -1, (<n>, 2))**2)
avg_pool1d max_pool1d | m,n | NAME({m,n*2}, 2)
avg_pool2d max_pool2d | m,n | NAME({m*2,n*2}, 2)
max_pool1d | m,2 | NAME({m,5}, 3, stride=2)
avg_pool1d | m,n | NAME({m,n}, 3, stride=1, padding=1)
windows sliding_window_view | m,2 | NAME({m+1}, 2)
windows | m,2,n | NAME({m*2,n}, 2, axis=0, stride=2)
fold | n | NAME({n-1,2}, <n>)
fold | m,n | NAME({m,n-2,2}, <n>, dilation=2)
unfold | m,n,2 | NAME({m+1,n}, 0, 2, 1)
conv1d | n | NAME({n+1}, {2})
conv1d | n | NAME({n}, {3}, padding=1)
conv1d | l,m,n | NAME({l,k,n+1}, {m,k,2})
conv | n | NAME({n+1}, {2})
conv | m,n | NAME({m+1,n}, {2,1})
conv_transpose1d | n | NAME({n-1}, {2})
conv_transpose2d | m,n | NAME({m-1,n-1}, {2,2})
group_norm | m,n | NAME({m,n})
group_norm | | sum(NAME({m,n*2,2}, 2)*{m,n*2,2})
instance_norm | | sum(NAME({m,n,3})*{m,n,3})
conv2d | m,n | NAME({m+1,n*2}, {2,1}, stride=(1, 2))
take_along_axis | n | NAME({k}, {y:n<k})
sort cummax cummin cumprod | n | NAME({n})
sort cummax cummin cumprod | m,n | NAME({m,n}, axis=1)
sort cummax | m,n | NAME({m,n}, axis=0)
top_k topk | 2 | NAME({4}, 2)
kthvalue | | NAME({n+1}, 2)
median | | NAME({n})
toeplitz | 3,3 | NAME({3})
toeplitz | 2,3 | NAME({2}, {3})
conj real | * | NAME({*})
zeros_like ones_like | * | NAME({*})*{*}
full_like | * | NAME({*}, 2)*{*}
vdot | | NAME({n}, {n})
cross | 3 | NAME({3}, {3})
tridiagonal | n,n | NAME({n-1}, {n}, {n-1})
solve_triangular | n | NAME({n,n}, {n})
eye | n,n | NAME(<n>)*{*}
ones | m,n | NAME((<m>, <n>))*{*}
zeros | m,n | NAME((<m>, <n>)) + {*}
"""

_PART = re.compile(r"\{(?:y:(?P<count>\w)<(?P<top>\w)|(?P<shape>[^}]*))\}|<(?P<size>\w)>")


@dataclass(frozen=True)
class Call:
    """One operation with the shape of its result and a call of it."""

    name: str
    result: tuple[str, ...]
    text: str

    @property
    def any_shape(self) -> bool:
        """Whether the result has the shape of the operands."""
        return self.result == ("*",)

    def bound(self, shape: Shape) -> dict[str, int] | None:
        """The letters of the result at a shape; None where it does not fit."""
        if self.any_shape:
            return {}
        if len(shape) != len(self.result):
            return None
        found: dict[str, int] = {}
        for letter, size in zip(self.result, shape, strict=True):
            if (int(letter) if letter.isdigit() else found.setdefault(letter, size)) != size:
                return None
        return found


@dataclass(frozen=True)
class Labels:
    """What is wanted of an input of labels: how many there are, and how many kinds."""

    count: int
    kinds: int


def _rows() -> Iterator[Call]:
    for line in _ROWS.strip().splitlines():
        names, result, text = (part.strip() for part in line.split("|"))
        sizes = tuple(filter(None, result.split(",")))
        yield from (Call(name, sizes, text.replace("NAME", name)) for name in names.split())


#: All calls, those of one name after each other.
CALLS = tuple(_rows())


def calls_of(shape: Shape) -> list[Call]:
    """The calls whose result may have a shape."""
    return [call for call in CALLS if call.bound(shape) is not None]


def written(
    call: Call,
    shape: Shape,
    operand: Callable[[Shape | Labels], str],
    chance: random.Random,
    sizes: tuple[int, ...],
) -> str | None:
    """The call with operands of the shapes that it needs; None where one would have no entry."""
    letters = dict(call.bound(shape) or {})

    def size(text: str) -> int:
        letter, sign, number = text[:1], text[1:2], int(text[2:] or 1)
        own = int(letter) if letter.isdigit() else letters.setdefault(letter, chance.choice(sizes))
        parts = own // number if own % number == 0 else 0
        return {"": own, "+": own + number, "-": own - number, "*": own * number, "/": parts}[sign]

    wanted: list[Shape | Labels | int] = []
    for part in _PART.finditer(call.text):
        if part["size"]:
            wanted.append(size(part["size"]))
        elif part["count"]:
            wanted.append(Labels(size(part["count"]), size(part["top"])))
        elif part["shape"] == "*":
            wanted.append(shape)
        else:
            wanted.append(tuple(map(size, filter(None, part["shape"].split(",")))))
    if any(isinstance(part, tuple) and min(part, default=1) < 1 for part in wanted):
        return None
    made = iter(str(part) if isinstance(part, int) else operand(part) for part in wanted)
    return _PART.sub(lambda _: next(made), call.text)
