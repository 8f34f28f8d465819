"""The words of the language: which names mean what, each table in one place."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from matderiv.expression.functions import FUNCTIONS
from matderiv.expression.operations import OPERATIONS

__all__ = [
    "ARRAY_METHODS",
    "DEFAULT_PROGRAM",
    "ELEMENTWISE",
    "FOREIGN_MODULES",
    "GREEK",
    "KNOWN",
    "MAX_DEPTH",
    "MAX_NAME",
    "MAX_SIZE",
    "MAX_TEXT",
    "NAME_PATTERN",
    "RESERVED",
    "did_you_mean",
    "is_greek",
    "misspelt",
]

#: The worked example: what is derived unless another program is given.
DEFAULT_PROGRAM = "Y = X @ W; L = sum(f(Y))"

#: Functions of one number that are known, and applied to each entry.
ELEMENTWISE = tuple(FUNCTIONS)

#: All that is called by a name of its own.
KNOWN = tuple(OPERATIONS)

#: Operations that are methods of arrays as well: X.sum(axis=0).
ARRAY_METHODS = tuple(name for name, operation in OPERATIONS.items() if operation.method)

#: Modules that users write before a function's name, which here stands alone.
FOREIGN_MODULES = frozenset(
    "np numpy linalg scipy special torch jnp jax math nn tf sp sympy".split()
)

#: Names with a fixed meaning in NumPy, in the field or in Python which are not in the language.
#: They are refused by name: taken for undefined functions they would be derived wrongly.
_NUMPY = frozenset(
    """absolute acos acosh add all allclose amax amin angle any append apply_along_axis
    apply_over_axes arange arccos arccosh arcsin arcsinh arctan arctan2 arctanh argmax argmin
    argpartition argsort argwhere around array array2string array_equal array_equiv
    array_repr array_split array_str asanyarray asarray asarray_chkfinite ascontiguousarray
    asfortranarray asin asinh asmatrix astype atan atan2 atanh atleast_1d atleast_2d
    atleast_3d average bartlett base_repr binary_repr bincount bitwise_and bitwise_count
    bitwise_invert bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor
    blackman block bmat broadcast_arrays broadcast_shapes broadcast_to busday_count
    busday_offset can_cast cbrt ceil cholesky choose clip column_stack common_type compress
    concat concatenate cond conj conjugate convolve copy copysign copyto corrcoef correlate
    cosh count_nonzero cov cross cumprod cumsum cumulative_prod cumulative_sum
    datetime_as_string datetime_data deg2rad degrees delete diag_indices diag_indices_from
    diagflat diagonal diff digitize divide divmod dsplit dstack ediff1d eig eigh eigvals
    eigvalsh einsum einsum_path empty empty_like equal exp2 expand_dims expm1 extract fabs
    fill_diagonal fix flatnonzero flip fliplr flipud float_power floor floor_divide fmax fmin
    fmod format_float_positional format_float_scientific frexp from_dlpack frombuffer
    fromfile fromfunction fromiter frompyfunc fromregex fromstring full full_like gcd
    genfromtxt geomspace get_include get_printoptions getbufsize geterr geterrcall gradient
    greater greater_equal hamming hanning heaviside histogram histogram2d histogram_bin_edges
    histogramdd hsplit hstack hypot i0 identity imag indices info inner insert interp
    intersect1d invert is_busday isclose iscomplex iscomplexobj isdtype isfinite isfortran
    isin isinf isnan isnat isneginf isposinf isreal isrealobj isscalar issubdtype iterable
    ix_ kaiser kron lcm ldexp left_shift less less_equal lexsort linspace load loadtxt log10
    log1p log2 logaddexp logaddexp2 logical_and logical_not logical_or logical_xor logspace
    lstsq mask_indices matmul matrix_norm matrix_power matrix_rank matrix_transpose matvec
    max maximum may_share_memory median meshgrid min min_scalar_type minimum mintypecode mod
    modf moveaxis multi_dot multiply nan_to_num nanargmax nanargmin nancumprod nancumsum
    nanmax nanmean nanmedian nanmin nanpercentile nanprod nanquantile nanstd nansum nanvar
    ndim negative nested_iters nextafter nonzero not_equal ones_like packbits pad partition
    percentile permute_dims piecewise pinv place poly polyadd polyder polydiv polyfit polyint
    polymul polysub polyval positive pow power printoptions promote_types ptp put
    put_along_axis putmask qr quantile rad2deg radians ravel ravel_multi_index real
    real_if_close reciprocal remainder repeat require reshape resize result_type right_shift
    rint roll rollaxis roots rot90 round row_stack save savetxt savez savez_compressed
    searchsorted select set_printoptions setbufsize setdiff1d seterr seterrcall setxor1d
    shape shares_memory show_config show_runtime signbit sinc sinh size slogdet solve sort
    sort_complex spacing split square squeeze stack std subtract svd svdvals swapaxes take
    take_along_axis tan tensordot tensorinv tensorsolve test tile transpose trapezoid tri
    tril tril_indices tril_indices_from trim_zeros triu triu_indices triu_indices_from
    true_divide trunc typename union1d unique unique_all unique_counts unique_inverse
    unique_values unpackbits unravel_index unstack unwrap vander var vdot vecdot vecmat
    vector_norm vsplit vstack where zeros_like""".split()
)
_FIELD = frozenset(
    """adjoint batchnorm bce bmm celu cot coth cross_entropy crossentropy csc csch cube digamma
    dropout elu entropy erfc erfinv expit flatten frobenius gelu hadamard hardsigmoid
    hardswish hardtanh kldiv layernorm leaky_relu lg lgamma ln log_softmax logcosh logistic
    logit logsigmoid mish mm mse normalize nuclear onehot pinverse prelu rank rot rsqrt sec
    sech selu sgn silu softmin softsign sqr swish tanhshrink transposed trapz vec vech
    vecnorm""".split()
)
_PYTHON = frozenset(
    """aiter anext ascii bin bool breakpoint bytearray bytes callable chr classmethod compile
    complex delattr dict dir enumerate eval exec filter float format frozenset getattr
    globals hasattr hash help hex id input int isinstance issubclass iter len list locals map
    memoryview next object oct open ord print property range repr reversed set setattr slice
    sorted staticmethod str super tuple type vars zip""".split()
)
RESERVED = (_NUMPY | _FIELD | _PYTHON) - frozenset(KNOWN)

#: Names that are near a known function's and yet are good names of an undefined one.
NOT_MISSPELT = frozenset({"cost", "costs", "loss", "pred"})

#: Names of scalars. `lam` stands for lambda, which Python keeps for itself.
GREEK = {
    name: name
    for name in (
        "alpha beta gamma delta epsilon zeta eta theta iota kappa mu nu xi pi rho sigma tau "
        "upsilon phi chi psi omega"
    ).split()
} | {"lam": "lambda", "eps": "varepsilon"}

NAME_PATTERN = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")

MAX_TEXT = 60_000  # characters of a program; a network of a thousand layers has half as many
MAX_NAME = 24  # characters of a name
MAX_DEPTH = 60  # levels of nesting
MAX_SIZE = 10**9  # rows or columns of a matrix


def is_greek(name: str) -> bool:
    """Whether a name, its trailing digits aside, is that of a Greek letter.

    >>> is_greek("lam"), is_greek("alpha1"), is_greek("x")
    (True, True, False)
    """
    return re.sub(r"_?[0-9]+\Z", "", name) in GREEK


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """A hint to put after a message about a name that is not known; empty if none is near.

    >>> did_you_mean("bais", ["X", "bias"]), did_you_mean("Q", ["X"])
    (' Did you mean bias?', '')
    """
    near = difflib.get_close_matches(str(name), list(known), n=1)
    return f" Did you mean {near[0]}?" if near else ""


def misspelt(name: str) -> str | None:
    """The function that a name was perhaps meant to be, if one is near.

    >>> misspelt("tanhh"), misspelt("sofmax"), misspelt("phi"), misspelt("Exp")
    ('tanh', 'softmax', None, 'exp')
    """
    lower = name.lower()
    if lower != name and (lower in KNOWN or lower in RESERVED):
        return lower
    if len(name) <= 2 or lower in NOT_MISSPELT:  # noqa: PLR2004 - f, g1: too short to be a slip
        return None
    near = difflib.get_close_matches(lower, KNOWN, n=1, cutoff=0.75)
    if not near and len(name) > 4:  # noqa: PLR2004 - short words resemble too many others
        near = difflib.get_close_matches(lower, sorted(_FIELD), n=1, cutoff=0.82)
    return near[0] if near else None
