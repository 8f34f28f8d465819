"""Calls of other libraries that are read as a formula: only those whose meaning is certain."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from matderiv.expression.vocabulary import FOREIGN_MODULES, KNOWN

__all__ = ["CALLS", "LibraryCall", "is_module", "library_call"]

#: Names with their arguments, and the formula that such a call stands for. A formula that is one
#: call of the same arguments is another name for that function, options included.
_TABLE = """
inverse matinv minv inverse_spd(X) = inv(X)
absolute fabs(Y) = abs(Y)
sgn signum(Y) = sign(Y)
realsqrt root squareroot(Y) = sqrt(Y)
exponential(Y) = exp(Y)
ln loge(Y) = log(Y)
ld(Y) = log2(Y)
sine(Y) = sin(Y)
cosine(Y) = cos(Y)
atan arctg(Y) = arctan(Y)
asin(Y) = arcsin(Y)
acos(Y) = arccos(Y)
asinh arsinh(Y) = arcsinh(Y)
acosh arcosh(Y) = arccosh(Y)
atanh artanh(Y) = arctanh(Y)
log_cosh(Y) = logcosh(Y)
expit logistic logsig invlogit inv_logit plogis sigm sigmoidal(Y) = sigmoid(Y)
log_sigmoid log_expit log_inv_logit(Y) = logsigmoid(Y)
log1pexp log1p_exp(Y) = softplus(Y)
soft_sign(Y) = softsign(Y)
lgamma loggamma(Y) = gammaln(Y)
norminv probit qnorm(Y) = ndtri(Y)
heaviside unitstep(Y) = step(Y)
rectify rectifier ramp poslin(Y) = relu(Y)
prelu(Y, a) = leaky_relu(Y, a)
swish(Y) = silu(Y)
hard_tanh(Y) = hardtanh(Y)
hard_sigmoid(Y) = hardsigmoid(Y)
hard_swish hard_silu(Y) = hardswish(Y)
clip_by_value(y, low, high) = clip(y, low, high)
clamp_min fmax(A, B) = maximum(A, B)
clamp_max fmin(A, B) = minimum(A, B)
rint around round_(Y) = round(Y)
fix truncate(Y) = trunc(Y)
ceiling(Y) = ceil(Y)
average nanmean avg reduce_mean(Y) = mean(Y)
nansum fsum reduce_sum(Y) = sum(Y)
nanprod reduce_prod(Y) = prod(Y)
nanmax reduce_max(Y) = max(Y)
nanmin reduce_min(Y) = min(Y)
log_sum_exp log_sum_exps reduce_logsumexp(Y) = logsumexp(Y)
logsoftmax(Y) = log_softmax(Y)
nanmedian(x) = median(x)
msort(x) = sort(x)
ger outerprod outer_product(x, y) = outer(x, y)
determinant matdet(X) = det(X)
log_det logabsdet lndet log_determinant logdeterminant(X) = logdet(X)
spur(X) = tr(X)
linsolve linalg_solve mldivide mdivide_left(A, B) = solve(A, B)
pinverse pseudoinverse pseudo_inverse ginv pinvh(X) = pinv(X)
fractional_matrix_power mpower matpow(X, p) = matrix_power(X, p)
l2norm l2_norm vector_norm nrm2 matrix_norm fro frobenius_norm(X) = norm(X)
matrix_exp(X) = expm(X)
matrix_log(X) = logm(X)
matrix_sqrt(X) = sqrtm(X)
cossim cos_sim(x, y) = cosine_similarity(x, y)
inner_product innerprod dot_product dotproduct frobenius_inner(x, y) = vdot(x, y)
cat(A) = concatenate(A)
row_stack(A) = vstack(A)
permute permute_dims(X, p) = transpose(X, p)
unsqueeze(Y, k) = expand_dims(Y, k)
layernorm(X) = layer_norm(X)
mse(Y, T) = mse_loss(Y, T)
bce(P, T) = binary_cross_entropy(P, T)
bce_with_logits(Z, T) = binary_cross_entropy_with_logits(Z, T)
batchnorm(X) = batch_norm(X)
rmsnorm(X) = rms_norm(X)
groupnorm(X, k) = group_norm(X, k)
instancenorm(X) = instance_norm(X)

matmul mm bmm mv mtimes matprod mul_mat(A, B) = A @ B
add plus(A, B) = A + B
subtract sub minus(A, B) = A - B
multiply mul times hadamard hadamard_product dotmul emul(A, B) = A*B
divide div true_divide rdivide dotdiv(A, B) = A/B
ldivide(A, B) = B/A
negative neg uminus(Y) = -Y
positive uplus clone copy(Y) = Y
fma(A, B, C) = A*B + C
addcmul(A, B, C) = A + B*C
addcdiv(A, B, C) = A + B/C
lerp(A, B, t) = A + t*(B - A)
fdim(A, B) = relu(A - B)
float_power(A, p) = A**p
sqr sq squared(Y) = Y**2
cube(Y) = Y**3
recip rcp(Y) = 1/Y
rsqrt invsqrt inv_sqrt(Y) = 1/sqrt(Y)
inv_square(Y) = 1/Y**2
deg2rad radians(Y) = Y*pi/180
rad2deg degrees(Y) = Y*180/pi
pow2(Y) = 2**Y
exp10(Y) = 10**Y
cot cotan(Y) = 1/tan(Y)
sec(Y) = 1/cos(Y)
csc cosec(Y) = 1/sin(Y)
sech(Y) = 1/cosh(Y)
csch(Y) = 1/sinh(Y)
coth(Y) = 1/tanh(Y)
sind(Y) = sin(pi*Y/180)
cosd(Y) = cos(pi*Y/180)
tand(Y) = tan(pi*Y/180)
asind(Y) = 180*arcsin(Y)/pi
acosd(Y) = 180*arccos(Y)/pi
atand(Y) = 180*arctan(Y)/pi
sinpi(Y) = sin(pi*Y)
cospi(Y) = cos(pi*Y)
inv_cloglog(Y) = 1 - exp(-exp(Y))
cloglog(Y) = log(-log(1 - Y))
log1m(Y) = log(1 - Y)
log1m_exp(Y) = log(1 - exp(Y))
log_diff_exp(A, B) = log(exp(A) - exp(B))
squareplus(Y) = (Y + sqrt(Y**2 + 4))/2
normcdf ndtr norm_cdf pnorm std_normal_cdf(Y) = (1 + erf(Y/sqrt(2)))/2
log_ndtr lognormcdf(Y) = log((1 + erf(Y/sqrt(2)))/2)
normpdf norm_pdf dnorm std_normal_pdf(Y) = exp(-Y**2/2)/sqrt(2*pi)
boxcox(Y, p) = (Y**p - 1)/p
inv_boxcox(Y, p) = (p*Y + 1)**(1/p)
betaln lbeta(A, B) = gammaln(A) + gammaln(B) - gammaln(A + B)
lmultiply multiply_log(A, B) = A*log(B)
logaddexp2(A, B) = log(2**A + 2**B)/log(2)
entr(Y) = -Y*log(Y)
erfcx(Y) = exp(Y**2)*(1 - erf(Y))
logcumsumexp(x) = log(cumsum(exp(x)))
nan_to_num(Y) = Y
fmod rem(A, B) = A - B*trunc(A/B)
mod remainder(A, B) = A - B*floor(A/B)
append(A, B) = concatenate((ravel(A), ravel(B)))
rel_entr(A, B) = A*log(A/B)
greater(A, B) = A > B
greater_equal(A, B) = A >= B
less(A, B) = A < B
less_equal(A, B) = A <= B
equal(A, B) = A == B
not_equal(A, B) = A != B
rowsum rowsums row_sums(X) = sum(X, axis=1)
colsum colsums col_sums column_sums(X) = sum(X, axis=0)
rowmeans row_means(X) = mean(X, axis=1)
colmeans col_means column_means(X) = mean(X, axis=0)
sumsq sum_squares sumsqr sumabs2 sqnorm normsq norm_sq squared_norm sqnorm2(Y) = sum(Y**2)
sumabs asum l1norm l1_norm(Y) = sum(abs(Y))
rms root_mean_square(Y) = sqrt(mean(Y**2))
logmeanexp log_mean_exp(Y) = log(mean(exp(Y)))
ptp(Y) = max(Y) - min(Y)
trapz trapezoid(Y) = sum(Y[..., 1:] + Y[..., :-1], axis=-1)/2
vecdot(A, B) = sum(A*B, axis=-1)
inner(A, B) = tensordot(A, B, ((-1,), (-1,)))
vecmat(x, A) = x @ A
addmm addmv(C, A, B) = C + A @ B
addr(A, x, y) = A + outer(x, y)
baddbmm(C, A, B) = C + A @ B
commutator(A, B) = A @ B - B @ A
sym symm symmetrize(X) = (X + X.T)/2
diag_pre_multiply(x, A) = diag(x) @ A
diag_post_multiply(A, x) = A @ diag(x)
crossprod(X) = X.T @ X
tcrossprod(X) = X @ X.T
transposed transp matrix_transpose ctranspose t(X) = X.T
mrdivide mdivide_right(A, B) = A @ inv(B)
quad_form quad_form_sym(A, B) = B.T @ A @ B
trace_quad_form(A, B) = tr(B.T @ A @ B)
frobenius(X) = norm(X)
sum_product(A, B) = sum(A*B)
columns_dot_product(A, B) = sum(A*B, axis=0)
rows_dot_product(A, B) = sum(A*B, axis=1)
columns_dot_self(X) = sum(X**2, axis=0)
rows_dot_self(X) = sum(X**2, axis=1)
dot_self(x) = x @ x
distance(x, y) = norm(x - y)
squared_distance sqdist(x, y) = sum((x - y)**2)
cond(X) = norm(X, 2)*norm(inv(X), 2)
nuclear nuclear_norm nuc trace_norm tracenorm(X) = norm(X, 'nuc')
spectral_norm specnorm opnorm(X) = norm(X, 2)
lambda_max eigmax max_eigenvalue(A) = eigvalsh(A)[-1]
lambda_min eigmin min_eigenvalue(A) = eigvalsh(A)[0]
convolve(x, w) = conv_transpose1d(x, w)
conv2(X, W) = conv_transpose2d(X, W)
"""


@dataclass(frozen=True, slots=True)
class LibraryCall:
    """The formula that a call of another library stands for, by the names of its arguments.

    `other_name`: the function of the language that it is another name for, options included.
    """

    operands: tuple[str, ...]
    formula: str
    other_name: str | None = None


#: Products of as many matrices as are given, by themselves or in a list.
_CHAINS = ("chain_matmul", "multi_dot")


def _chain(count: int) -> LibraryCall:
    operands = tuple(f"A{number}" for number in range(1, count + 1))
    return LibraryCall(operands, " @ ".join(operands))


#: Functions with bounds, either of which may be left out, and the names that they have elsewhere.
_CLIPPING = frozenset({"clip", "clamp"})
_BOUNDS = {"min": "low", "a_min": "low", "max": "high", "a_max": "high"}


def _clipped(
    name: str, args: list[ast.expr], keywords: list[ast.keyword]
) -> tuple[str, LibraryCall, list[ast.expr]] | None:
    """A call of clip with its bounds by name or one of them only; None if it is as usual."""
    names = ("y", "low", "high")
    given: dict[str, ast.expr] = dict(zip(names, args, strict=False))
    for keyword in keywords:
        bound = _BOUNDS.get(keyword.arg or "")
        if bound is None or bound in given:
            return None
        given[bound] = keyword.value
    given = {key: of for key, of in given.items() if ast.unparse(of) != "None"}
    usual = len(args) == len(names) == len(given)
    if usual or len(args) > len(names) or "y" not in given or len(given) == 1:
        return None
    formula = "maximum(y, low)" if "low" in given else "y"
    formula = f"minimum({formula}, high)" if "high" in given else formula
    return name, LibraryCall(tuple(given), formula), list(given.values())


def _read_table() -> dict[str, tuple[LibraryCall, ...]]:
    found: dict[str, tuple[LibraryCall, ...]] = {}
    for names, operands, formula in re.findall(
        r"^([\w ]+)\(([\w, ]+)\) = (.+)$", _TABLE, re.MULTILINE
    ):
        function, _, given = formula.partition("(")
        alike = function if function.isidentifier() and given == f"{operands})" else None
        call = LibraryCall(tuple(operands.split(", ")), formula, alike)
        for name in names.split():
            found[name] = (*found.get(name, ()), call)
    return found


#: The formula of each name, by how many arguments it has.
CALLS: dict[str, tuple[LibraryCall, ...]] = _read_table() | dict.fromkeys(_CHAINS, (_chain(2),))


def library_call(tree: ast.Call) -> tuple[str, LibraryCall, list[ast.expr]] | None:
    """The name of a call of another library, what it stands for, and its arguments.

    Methods have the array before the dot as their first argument; a module is no argument.

    >>> library_call(ast.parse("np.multiply(X, Y)", mode="eval").body)[:2]
    ('multiply', LibraryCall(operands=('A', 'B'), formula='A*B', other_name=None))
    """
    match tree.func:
        case ast.Name(id=name):
            args = tree.args
        case ast.Attribute(value=value, attr=name):
            args = tree.args if is_module(value) else [value, *tree.args]
        case _:
            return None
    if name in _CLIPPING:
        return _clipped(name, args, tree.keywords)
    if name in KNOWN:
        return None
    if name in _CHAINS:
        match args:
            case [ast.List(elts=factors) | ast.Tuple(elts=factors)]:
                args = factors
        return (name, _chain(len(args)), args) if args and not tree.keywords else None
    for call in CALLS.get(name, ()):
        if call.other_name is not None:
            return name, call, args
        if len(call.operands) == len(args) and not tree.keywords:
            return name, call, args
    return None


def is_module(tree: ast.expr) -> bool:
    """Whether what stands before a dot is the name of a library."""
    while isinstance(tree, ast.Attribute):
        tree = tree.value
    return isinstance(tree, ast.Name) and tree.id in FOREIGN_MODULES
