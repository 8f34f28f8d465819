"""Names of functions elsewhere, and how the language writes them: one table for every message.

A library's name is never an undefined function by accident: its derivative would be wrong.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from matderiv.expression.libraries import CALLS
from matderiv.expression.operations import OPERATIONS

__all__ = [
    "LETTERS",
    "Elsewhere",
    "elsewhere",
    "in_words_of",
    "instead_of_name",
    "names_elsewhere",
]

Elsewhere = tuple[str, str]

_TWO = 2
#: Pairs of names of the table that are the first and the second argument wherever they stand.
_ALIKE = frozenset({"AB", "PQ", "xy"})

_LINEAR = "it moves or adds up entries, which is a linear map; with its matrix A as an input"
_ORDER = "it depends on the order of entries; for an undefined function of the whole array"
_CHOICE = "it has no words in this version; of comparisons"
_STEPS = "it jumps, which no gradient sees; leave it out and"
_MATRIX = "it is a function of the whole matrix, not entry by entry; with its value E as an input"
_SPECIAL = "it has no derivative in this version; as an undefined function of each entry"
_RANDOM = "it is random; with the mask or noise M as an input"
_REAL = "it is about complex numbers, and all numbers are real;"
_MADE = "it makes an array that holds no input; with the array as an input A"
_TEST = "it is no function of real numbers;"

#: Names, what is written instead, and, where that is not the whole story, why.
_TABLE: tuple[tuple[str, str, str], ...] = (
    # -- arithmetic
    ("nthroot", "Y**(1/3)", "of positive numbers"),
    ("magnitude modulus", "abs(Y)", "norm(x) is that of a vector; of each number"),
    # -- functions of one number
    ("logarithm", "log(Y)", ""),
    ("lg", "log10(Y)", "log2(Y) is the one to base 2; to base 10"),
    ("arccot acot", "arctan(1/Y)", ""),
    ("tgamma", "exp(gammaln(Y))", "of positive numbers"),
    ("phi_approx", "sigmoid(0.07056*Y**3 + 1.5976*Y)", ""),
    ("rect", "relu(Y)", "where the rectified linear unit is meant"),
    ("leakyrelu lrelu", "leaky_relu(Y)", "with the slope 0.01"),
    ("rrelu", "leaky_relu(Y, a)", "with the slope a"),
    ("pseudo_huber", "sum(sqrt(1 + Y**2) - 1)", "with delta = 1"),
    ("soft_threshold", "softshrink(Y)", "with the threshold 0.5"),
    ("bound", "clip(Y, 0, 1)", "between 0 and 1"),
    ("log_mix", "log(p*exp(A) + (1 - p)*exp(B))", "with the weight p"),
    ("std_normal_lpdf", "-sum(Y**2)/2", "up to a constant"),
    (
        "normal_lpdf",
        "-sum((Y - m)**2)/(2*s**2) - n*log(s)",
        "with n entries, the mean m and the deviation s, up to a constant",
    ),
    ("multi_normal_lpdf", "-(x - m) @ inv(S) @ (x - m)/2 - logdet(S)/2", "up to a constant"),
    ("polyval poly1d", "p[0]*x + p[1]", "with the coefficients p of a line"),
    ("vander", "stack((x**2, x, ones(3)), axis=1)", "of three numbers and powers"),
    ("interp interp1", "f(x)", "it is a function of each entry; as an undefined one"),
    # -- sums
    ("total sum_entries", "sum(Y)", ""),
    ("product", "prod(Y)", ""),
    ("norm1", "sum(abs(Y))", ""),
    ("variance nanvar", "var(Y)", "dividing by n"),
    ("stdev stddev standard_deviation nanstd", "std(Y)", "dividing by n"),
    ("sd", "sqrt(sum((x - mean(x))**2)/(n - 1))", "it divides by n - 1, and std by n;"),
    (
        "cov covariance",
        "(X - mean(X, axis=0)).T @ (X - mean(X, axis=0))/n",
        "of the columns, n being the number of rows or one less",
    ),
    ("var_mean", "var(Y)", "it is two values; dividing by n"),
    ("std_mean", "std(Y)", "it is two values; dividing by n"),
    ("lse", "logsumexp(Y)", ""),
    # -- vectors and matrices
    ("matvec", "A @ x", "of one vector"),
    ("linear", "X @ W.T + b", "with the weights W as torch keeps them"),
    ("affine dense", "X @ W + b", ""),
    (
        "mahalanobis",
        "sqrt((x - m) @ inv(S) @ (x - m))",
        "with the mean m and the covariance matrix S",
    ),
    (
        "rbf rbf_kernel cov_exp_quad gp_exp_quad_cov",
        "exp(-cdist(X, Y)**2/2)",
        "of rows, with the width 1",
    ),
    ("quadratic quadform", "x @ A @ x", ""),
    ("addbmm", "C + A @ B", ""),
    ("pagemtimes", "X @ W", ""),
    ("gram", "X.T @ X", ""),
    (
        "adjoint hermitian conjtranspose conj_transpose conjugate_transpose dagger",
        "X.T",
        "as all numbers are real",
    ),
    ("linv", "inv(X)", ""),
    ("slogdet", "logdet(X)", ""),
    ("adj adjugate adjugate_matrix adjoint_matrix", "det(X)*inv(X)", "where X is invertible"),
    (
        "cof cofactor cofactors",
        "det(X)*inv(X).T",
        "the matrix of all cofactors where X is invertible",
    ),
    (
        "diagm diagflat to_diag diag_embed diag_matrix diagvec",
        "diag(x)",
        "or diag(X) for a diagonal",
    ),
    ("identity speye", "eye(4)", ""),
    ("lu_solve cho_solve", "solve(A, B)", "with the matrix A that was factored"),
    ("norm2 vecnorm", "norm(x)", ""),
    ("normalise unit l2_normalize", "normalize(X)", "of each row"),
    ("dist pdist euclidean", "norm(x - y)", "of two vectors"),
    ("empty empty_like", "zeros((2, 3))", "of the shape that is needed"),
    ("full", "3*ones((2, 3))", "of the shape that is needed"),
    # -- losses and layers
    ("meansquarederror mean_squared_error", "mse_loss(Y, T)", ""),
    ("rmse", "sqrt(mean((Y - T)**2))", ""),
    ("sse rss", "sum((Y - T)**2)", ""),
    ("mae mean_absolute_error", "l1_loss(Y, T)", ""),
    (
        "smooth_l1",
        "huber(Y)",
        "with delta = 1",
    ),
    ("hinge", "hinge_loss(z, y)", "with labels y of 1 and -1"),
    ("softmargin logistic_loss", "soft_margin_loss(z, y)", "with labels y of 1 and -1"),
    (
        "crossentropy softmax_cross_entropy categorical_crossentropy",
        "cross_entropy(Y, T)",
        "with rows T of probabilities",
    ),
    ("correlate xcorr", "conv1d(x, w)", "of images it is conv2d(X, W); of vectors"),
    ("avg_pool mean_pool", "avg_pool2d(X, 3, stride=1)", "with a stride"),
    ("max_pool maxpool", "max_pool2d(X, 3, stride=1)", "with a stride"),
    ("im2col", "windows(x, 3)", "along one axis"),
    ("col2im overlap_add", "fold(Y, N)", "along one axis of N entries"),
    (
        "conv_transpose deconv deconv2d",
        "conv_transpose2d(X, W)",
        "of images; of vectors it is conv_transpose1d(x, w);",
    ),
    ("accumulate", "cumsum(x)", "of sums"),
    (
        "multilabel_margin multilabel_margin_loss",
        "mean(sum(T[:, :, None]*(1 - T[:, None, :])*relu(1 - X[:, :, None] + X[:, None, :]), 1))",
        "its labels are lists of unequal lengths; with T of ones at the labels and zeros elsewhere",
    ),
    ("segment_reduce segment_sum", "onehot(y, K).T @ x", "with a label y of each entry"),
    ("one_hot", "onehot(y, K)", "with the number K of labels"),
    ("index_select", "take(X, y, axis=0)", ""),
    ("nll", "nll_loss(Y, T)", "with one-hot rows T and log-probabilities Y"),
    (
        "bce_loss binary_crossentropy log_loss",
        "binary_cross_entropy(P, T)",
        "",
    ),
    (
        "sigmoid_cross_entropy",
        "binary_cross_entropy_with_logits(Z, T)",
        "",
    ),
    ("kldiv kl kullback_leibler divergence_kl", "sum(P*log(P/Q))", ""),
    ("entropy shannon", "-sum(p*log(p))", ""),
    ("zscore standardize", "(X - mean(X, axis=0))/std(X, axis=0)", ""),
    # -- what has no words in the language
    ("gather", "take_along_axis(X, Y, axis=1)", "with labels Y"),
    ("partition sorted_values", "sort(x)", ""),
    (
        "argsort argmax argmin argpartition",
        "x[y]",
        "places of entries have no derivative; with them as an input y of labels, for the entries",
    ),
    (
        """quantile percentile unique searchsorted bincount histogram mode trimmean
        bucketize digitize lexsort ranks prctile""",
        "Loss(Y)",
        _ORDER,
    ),
    (
        """cumulative_sum cumtrapz ediff1d gradient scatter filter filter2 fft ifft
        rfft irfft dct circulant hankel laplacian shift circshift
        rollaxis fft2 dft unwrap embedding_bag del2""",
        "A @ x",
        _LINEAR,
    ),
    (
        """vech mat view dstack column_stack bmat blkdiag
        block_diag expand meshgrid horzcat vertcat cbind rbind resize atleast_1d atleast_3d
        asarray kronecker khatri_rao skew append_row append_col dsplit delete insert
        unbind narrow to_vector to_matrix repmat""",
        "sum(X @ W)",
        "it arranges entries otherwise, which has no words in this version; with whole arrays",
    ),
    ("choose piecewise select ifelse ite", "where(C, A, B)", "of two arrays"),
    ("isnan isinf isfinite any all", "A <= B", _CHOICE),
    ("floor_divide", "floor(A/B)", ""),
    ("modf", "frac(Y)", "it is two values; the first is that of"),
    ("signbit", "Y < 0", ""),
    (
        "stop_gradient detach",
        "C",
        "with the value as an input C of its own",
    ),
    ("divmod frexp ldexp quantize nextafter spacing", "sum(Y)", _STEPS),
    (
        """funm signm cho_factor qr
        lu ldl schur polar hessenberg
        nullspace null_space null orth coshm sinhm tanhm tanm qz rq ordqz triangular_solve
        sylvester rref householder tensorinv tensorsolve lyap dlyap
        solve_sylvester care dare""",
        "norm(E)**2",
        _MATRIX,
    ),
    (
        "spectral_radius",
        "eigvalsh(A)[-1]",
        "of a symmetric matrix",
    ),
    (
        "eigvalsh eigvals eig eigh eigen eigenvalues eigenvalues_sym symeig",
        "tr(A)",
        """all at once have no words in this version; one of a symmetric matrix is eigvalsh(A)[0]; \
for the sum of logarithms write logdet(A), for sum(eigvalsh(A))""",
    ),
    (
        "cholesky chol",
        "logdet(A)",
        "the factor has no words in this version; for 2*sum(log(diag(cholesky(A))))",
    ),
    (
        "svdvals svd singular_values",
        "norm(A)**2",
        "all at once have no words in this version; one is svdvals(A)[0]; for sum(svdvals(A)**2)",
    ),
    (
        "rank matrix_rank",
        "Loss(X)",
        "it is a whole number, which jumps; for an undefined function of the whole matrix",
    ),
    (
        """rcond schatten permanent perm pfaffian normest divergence curl laplace""",
        "Loss(X)",
        "it is derived nowhere in this version; for an undefined function of the whole matrix",
    ),
    (
        """polygamma gamma_p owens_t poch multigammaln lmgamma gammainc
        betainc erfcinv
        i0 i0e i1 i1e j0 j1 y0 y1 jv yv iv kv besselj lambertw factorial binom airy ellipk
        ellipe hyp2f1 spence expi exp1 expint logistic_pdf dawsn
        fresnel sici shichi""",
        "sum(f(Y))",
        _SPECIAL,
    ),
    (
        """rand randn random randint normal uniform bernoulli multinomial gumbel_softmax
        gumbel gamma_sample randi perms shuffle permutation alpha_dropout choice sample randperm""",
        "sum(M*Y)",
        _RANDOM,
    ),
    ("conjugate realpart real_if_close re", "Y", "as all numbers are real"),
    ("im imagpart", "imag(Y)", "as all numbers are real"),
    ("arg phase", "angle(Y)", "as all numbers are real"),
    (
        "iscomplex isreal complex view_as_complex view_as_real",
        "sum(Y)",
        _REAL,
    ),
    (
        "hessian jacobian jacfwd jacrev grad vjp jvp",
        "sum(f(Y))",
        "it is asked for by a command; as a program",
    ),
    ("corrcoef corr cor pearsonr", "x @ y/(norm(x)*norm(y))", "of two vectors less their means"),
    (
        """arange linspace logspace geomspace hilb hilbert magic blackman hamming
        hanning kaiser bartlett indices invhilbert pascal invpascal wilkinson rosser gallery
        helmert leslie companion ndgrid primes""",
        "A @ x",
        _MADE,
    ),
    (
        """print len map range sorted zip enumerate input int float str bool list tuple dict set
        open type eval exec isinstance getattr setattr hasattr callable iter next format hash id
        repr reversed slice super vars dir help hex bin oct ord chr bytes object property
        compile globals locals numel size shape ndim length nnz count_nonzero allclose isclose
        array_equal require nargin disp isempty find nonzero argwhere deal cell2mat mat2cell
        fori_loop while_loop scan associative_scan jit vmap pmap custom_jvp nullity""",
        "sum(Y)",
        _TEST + " a program holds formulas only;",
    ),
)


#: Letters that are undefined functions here, and those of libraries and books by that name.
LETTERS = {
    "gamma": "Euler's gamma function of positive numbers is written exp(gammaln(Y))",
    "beta": "Euler's beta function is written exp(gammaln(A) + gammaln(B) - gammaln(A + B))",
    "psi": "the digamma function is written digamma(Y)",
    "zeta": "Riemann's zeta function has no words in this version",
    "Phi": "the distribution function of a normal number is written (1 + erf(Y/sqrt(2)))/2",
}


def elsewhere(name: str) -> Elsewhere | None:
    """A formula to write instead of a function of other libraries, and why or when.

    >>> elsewhere("fabs"), elsewhere("variance"), elsewhere("f")
    (('abs(Y)', ''), ('var(Y)', 'dividing by n'), None)
    """
    for spelling in (name, name.lower()) if len(name) > 1 else (name,):
        if spelling in _names():
            return _names()[spelling]
        if spelling in CALLS:
            call = CALLS[spelling][0]
            other = call.other_name
            return call.formula if other is None else OPERATIONS[other].example(other), ""
    return None


def in_words_of(found: Elsewhere, arguments: Sequence[str]) -> Elsewhere:
    """The same with the arguments of a call in place of the names of the table.

    Only where it is certain which is which: for one name, and for two that are called alike. A
    formula that holds another array than the arguments keeps its names.

    >>> in_words_of(("sum(P*log(P/Q))", ""), ("p", "q + r"))
    ('sum(p*log(p/(q + r)))', '')
    """
    formula, why = found
    names = sorted(set(re.findall(r"(?<!\w)[A-Za-z](?![\w(])", formula)))
    one = len(names) == 1 and not re.search(r"an input|program", why)
    two = len(names) == _TWO and not why and "".join(names) in _ALIKE
    if not (one or two) or len(names) != len(arguments):
        return found
    put: dict[str, str] = dict(zip(names, arguments, strict=True))

    def new(match: re.Match[str]) -> str:
        name: str = match[2]
        own = put.get(name, name)
        plain = re.fullmatch(r"[\w.]+", own) or (match[1], match[3]) == ("(", ")")
        return match[1] + (own if plain else f"({own})")

    pattern = r"([(]?)(?<!\w)([A-Za-z])(?=([^\w(]|\Z))"
    return re.sub(pattern, new, formula), re.sub(pattern, new, why)


def instead_of_name(formula: str, why: str) -> str:
    """The same as a clause: "dividing by n write var(Y)".

    >>> instead_of_name("abs(Y)", "")
    'write abs(Y)'
    """
    return f"{why} write {formula}".lstrip()


def names_elsewhere() -> frozenset[str]:
    """All names that have a meaning elsewhere."""
    return frozenset({*_names(), *CALLS})


@cache
def _names() -> dict[str, Elsewhere]:
    return {name: (formula, why) for names, formula, why in _TABLE for name in names.split()}
