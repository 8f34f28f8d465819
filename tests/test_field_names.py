"""Names of functions elsewhere: each is known, or refused with what to write, or said to be open."""

from __future__ import annotations

import logging
import re

import numpy as np
import pytest

from matderiv import gradient
from matderiv.errors import MatderivError, ProgramSyntaxError
from matderiv.expression.foreign import LETTERS
from matderiv.expression.libraries import CALLS, LibraryCall
from matderiv.expression.numeric import numeric_value, sizes_in
from matderiv.expression.operations import OPERATIONS
from matderiv.expression.parse import parse
from matderiv.expression.shapes import infer
from matderiv.expression.spelling import READ
from matderiv.expression.vocabulary import KNOWN, MAX_NAME

#: Names as they stand in the references of libraries and in textbooks.
NAMES = {
    "NumPy": """
        abs absolute add all allclose amax amin angle any append arange arccos arccosh arcsin
        arcsinh arctan arctan2 arctanh argmax argmin argsort around array array_split asarray
        atleast_1d average bartlett bincount blackman block broadcast_to cbrt ceil choose clip
        column_stack concatenate conj conjugate convolve copysign corrcoef correlate cos cosh
        count_nonzero cov cross cumprod cumsum deg2rad degrees delete diag diag_indices diagflat
        diagonal diff digitize divide dot dsplit dstack ediff1d einsum empty empty_like equal
        exp exp2 expand_dims expm1 eye fabs fill_diagonal fix flip fliplr flipud float_power
        floor floor_divide fmax fmin fmod frexp full full_like gcd geomspace gradient greater
        hamming heaviside histogram hstack hypot i0 identity imag inner insert interp
        intersect1d isclose isfinite isnan kron lcm ldexp less lexsort linspace log log10 log1p
        log2 logaddexp logaddexp2 logical_and logical_not logical_or logspace matmul max maximum
        mean median meshgrid min minimum mod modf moveaxis multiply nan_to_num nanmax nanmean
        nanmin nanstd nansum nanvar ndim negative nextafter nonzero norm ones ones_like outer
        pad partition percentile piecewise poly polyfit polyval positive power prod ptp put
        quantile rad2deg radians ravel real reciprocal remainder repeat reshape resize rint roll
        rollaxis roots rot90 round searchsorted select sign signbit sin sinc sinh size sort
        split sqrt square squeeze stack std subtract sum swapaxes take take_along_axis tan tanh
        tensordot tile trace transpose trapz tri tril triu true_divide trunc unique unwrap
        vander var vdot vsplit vstack where zeros zeros_like
    """,
    "scipy.linalg": """
        cholesky cho_factor cho_solve circulant companion coshm cosm det dft eig eigh eigvals
        eigvalsh expm expm_frechet fractional_matrix_power funm hadamard hankel helmert
        hessenberg hilbert inv invhilbert invpascal khatri_rao ldl leslie logm lstsq lu
        lu_factor lu_solve matrix_balance matrix_power matrix_rank multi_dot null_space orth
        ordqz pascal pinv pinvh polar qr qz rq schur signm sinhm sinm slogdet solve solve_banded
        solve_circulant solve_sylvester solve_toeplitz solve_triangular solveh_banded sqrtm
        subspace_angles svd svdvals tanhm tanm toeplitz tensorinv tensorsolve
    """,
    "scipy.special": """
        bdtr beta betainc betaln boxcox chdtr digamma ellipe ellipk entr erf erfc erfcinv erfcx
        erfinv expi expit exp1 factorial gamma gammainc gammaln huber inv_boxcox jv kl_div kv
        lambertw log_ndtr log_softmax logit logsumexp multigammaln ndtr ndtri poch polygamma
        pseudo_huber psi rel_entr softmax xlog1py xlogy zeta
    """,
    "torch": """
        addbmm addcdiv addcmul addmm addmv addr amax amin argwhere baddbmm bmm bucketize cat
        cdist chain_matmul chunk clamp clamp_max clamp_min clone combinations cosine_similarity
        cummax cummin detach diag_embed dist erfinv fliplr frac gather ger index_add
        index_select kthvalue lerp lgamma logcumsumexp logdet masked_fill masked_select
        matrix_exp mm mode movedim msort multinomial mv mvlgamma narrow nanmedian norm
        nuclear_norm numel pdist permute pinverse polygamma prod renorm rsqrt scatter
        scatter_add sgn sigmoid slogdet softmax special sub svd symeig t take threshold topk
        tril triangular_solve unbind unfold unflatten unsqueeze var_mean vander view vstack
        xlogy
    """,
    "torch.nn.functional": """
        adaptive_avg_pool1d affine_grid alpha_dropout avg_pool2d batch_norm bce_loss bilinear
        binary_cross_entropy binary_cross_entropy_with_logits celu conv1d conv2d conv3d
        conv_transpose2d cosine_embedding_loss cross_entropy ctc_loss dropout elu embedding
        embedding_bag fold gaussian_nll_loss gelu glu grid_sample group_norm gumbel_softmax
        hardshrink hardsigmoid hardswish hardtanh hinge_embedding_loss huber_loss instance_norm
        interpolate kl_div l1_loss layer_norm leaky_relu linear local_response_norm log_softmax
        logsigmoid lp_pool1d margin_ranking_loss max_pool2d max_unpool2d mish mse_loss
        multi_head_attention_forward multi_margin_loss nll_loss normalize one_hot
        pairwise_distance pixel_shuffle poisson_nll_loss prelu relu relu6 rms_norm rrelu
        scaled_dot_product_attention selu silu smooth_l1_loss soft_margin_loss softmin softplus
        softshrink softsign tanhshrink triplet_margin_loss upsample
    """,
    "JAX": """
        associative_scan cond custom_jvp fori_loop grad hessian jacfwd jacrev jit jvp
        log_sigmoid logmeanexp one_hot pmap relu6 scan segment_sum soft_sign sparse_plus
        squareplus standardize stop_gradient vjp vmap while_loop
    """,
    "MATLAB": """
        acos acosd acosh asin asinh atan atan2 atanh blkdiag cell2mat chol circshift colon cond
        conv conv2 cosd cot coth cplxpair csc cumtrapz curl deal deconv del2 diagm divergence
        dlyap eig erfcinv expint fft fft2 filter filter2 find gallery hadamard hilb horzcat
        hypot idivide ifft interp1 ipermute isempty kron ldivide length linsolve logical
        lsqnonneg lyap magic mat2cell minus mldivide mode mpower mrdivide mtimes nchoosek ndgrid
        nnz normest nthroot null nullity numel orth pagemtimes perms planerot plus polyder
        polyint power primes quad rand randi randn randperm range rank rcond realsqrt rem repmat
        rescale rosser rref rsf2csf sec sech sind sub2ind sum sumsq sylvester tand times trapz
        uminus uplus vecnorm vertcat wilkinson
    """,
    "Stan": """
        append_row append_col bernoulli_logit_lpmf bessel_first_kind beta_lpdf binary_log_loss
        choose columns_dot_product columns_dot_self cov_exp_quad crossprod cumulative_sum
        diag_matrix diag_post_multiply diag_pre_multiply diagonal distance dot_product dot_self
        eigenvalues_sym falling_factorial fdim fma gamma_p gp_exp_quad_cov hmm_marginal inv
        inv_cloglog inv_logit inv_sqrt inv_square inverse_spd lbeta lchoose ldexp lmgamma
        lmultiply log1m log1m_exp log1p_exp log_determinant log_diff_exp log_inv_logit log_mix
        log_rising_factorial log_sum_exp matrix_exp_multiply mdivide_left mdivide_right
        multi_normal_lpdf multiply_lower_tri_self_transpose normal_lpdf owens_t Phi Phi_approx
        phi_approx quad_form quad_form_sym rows_dot_product rows_dot_self
        scale_matrix_exp_multiply sd singular_values softmax squared_distance std_normal_lpdf
        tcrossprod tgamma to_matrix to_vector trace_quad_form trigamma variance
    """,
    "textbooks": """
        adj adjoint adjugate adjugate_matrix arccot arcosh arsinh artanh cof cofactor cofactors
        col cols colsum commutator conjugate_transpose cosine covariance curl cosec cotan
        determinant diagvec dist div divergence divergence_kl elu entropy exponential frobenius
        frobenius_norm hadamard hadamard_product hinge huber inner_product inverse jacobian kl
        kronecker l1norm l2norm lagrangian laplacian leakyrelu ln loge logdet logistic logit lse
        mahalanobis matinv max_eigenvalue minor mse nuclear offdiag permanent pfaffian probit
        proj projection pseudoinverse rank ramp rbf rectifier relu rowsum sech sgn shannon sigm
        sign signum softsign spec spectral_norm spectral_radius spur standard_deviation step
        swish sym symm symmetric symmetrize tr trace tracenorm transp transposed variance vech
        vec vecdot vecnorm volume wedge zscore
    """,
}
_ALL = sorted({name for names in NAMES.values() for name in names.split()})
#: Those that take no matrix.
_OF_VECTORS = frozenset({"nanmedian"})


def _message(program: str) -> str:
    """Why a program is refused; empty if it is read."""
    try:
        parse(program)
    except MatderivError as error:
        return str(error)
    return ""


def test_the_list_is_long() -> None:
    """As many names as were tried by hand, at least."""
    assert len(_ALL) > 700


@pytest.mark.parametrize("name", sorted(set(_ALL) - set(KNOWN)))
def test_no_name_is_an_undefined_function_in_silence(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A refusal says what to write, and that is a program when it is pasted."""
    array = "x" if name in _OF_VECTORS else "X"
    with caplog.at_level(logging.INFO, READ.name):
        message = _message(program := f"L = sum({name}({array}))")
    if not message and parse(program).functions() <= set(KNOWN):  # such as a sum of eigenvalues
        return
    if not message:  # a letter: the echo tells that function's own words
        assert name in LETTERS
        assert f"{name} is read as an undefined function; {LETTERS[name]}." in caplog.text
        return
    if len(name) > MAX_NAME and "shorten it" in message:
        return
    if name in CALLS and (other := CALLS[name][0].other_name):  # what that function takes
        assert f"{other} takes " in message or f"{other}(" in message
        return
    match = re.search(r".*(?:write|say so:|Did you mean) (.*?)[.?]?\Z", message)
    assert match, message
    if "Did you mean" in message:
        assert match[1] in {*KNOWN, *CALLS}
        return
    assert not _message(match[1]), message


def test_a_name_that_is_no_function_of_the_list_needs_a_declaration() -> None:
    """A word that nobody knows is an undefined function only if the program says so."""
    assert "Unknown function wurble" in _message("L = sum(wurble(X))")
    assert not _message("function wurble; L = sum(wurble(X))")
    assert not _message("L = sum(f(X) + phi(X)) + Loss(X)")


@pytest.mark.parametrize("letter", sorted(LETTERS))
def test_words_for_letters_are_formulas(letter: str) -> None:
    """What stands for Euler's function and others is read."""
    found = re.search(r"is written (.*)", LETTERS[letter])
    assert (found is None) == (letter == "zeta")
    assert found is None or not _message(f"sum({found[1]})")


# -- calls of libraries that are read ------------------------------------------------------------

#: Of each row one call, by its first name; arguments have shapes that the formula takes.
_ROWS = sorted({call: name for name, calls in CALLS.items() for call in calls}.items(), key=str)

#: Arguments of NumPy's functions whose letters do not tell what they are.
_GIVEN = {"cat": "(x, y)", "row_stack": "(x, y)"}


def _operands(call: LibraryCall) -> str:
    """The arguments of a call of the table as names whose shapes follow from their letters."""
    words = {"A": "A", "a": "2", "p": "2", "k": "1", "low": "0", "high": "1", "t": "0.5"}
    return ", ".join(words.get(operand, operand) for operand in call.operands)


@pytest.mark.parametrize(("call", "name"), _ROWS, ids=[name for _, name in _ROWS])
def test_a_call_that_is_read_is_the_formula_and_says_so(
    call: LibraryCall, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A row is a program, with its name or as the formula, and the echo holds both."""
    arguments = _GIVEN.get(name, _operands(call))
    if name in {"permute", "permute_dims"}:
        arguments = "X, (1, 0)"
    with caplog.at_level(logging.INFO, READ.name):
        read = parse(f"R = {name}({arguments})").loss.value
    if call.other_name is None:
        values = dict(zip(call.operands, arguments.split(", "), strict=True))
        text = re.sub(r"\w+", lambda word: values.get(word[0], word[0]), call.formula)
        assert read == parse(f"R = {text}").loss.value
    else:
        assert read == parse(f"R = {call.other_name}({arguments})").loss.value
    assert "Read as: " in caplog.text
    assert f"for {name}(" in caplog.text


@pytest.mark.parametrize("seed", range(3))
def test_calls_that_are_read_have_the_values_of_numpy(seed: int) -> None:
    """Of every name that NumPy has: the order of arguments and the constants are NumPy's."""
    rng = np.random.default_rng(seed)
    A, B = rng.uniform(0.2, 0.9, (2, 4, 4))  # noqa: N806 - names of the table
    values = {"A": A, "B": B, "X": A, "Y": A, "x": A[0], "y": B[0], "p": 2, "w": B[1, :2]}
    compared = set()
    for name, calls in CALLS.items():
        theirs = getattr(np, name, None) or getattr(np.linalg, name, None)
        if theirs is None or name in {*_GIVEN, "multi_dot", "clone"}:
            continue
        for call in calls:
            if name in {"permute_dims", "nanmedian", "heaviside", "convolve"}:
                continue
            given = ["y", "x"] if name == "frobenius_inner" else list(call.operands)
            names = [operand for operand in given if operand != "p"]
            written = ", ".join("2" if operand == "p" else operand for operand in given)
            program = parse(f"R = {name}({written})")
            shapes = {n: np.shape(values[n]) for n in names}
            sizes = sizes_in(infer(program, shapes=shapes))
            with np.errstate(invalid="ignore"):  # outside a domain both are NaN
                value = numeric_value(
                    program.loss.value, {n: values[n] for n in names}, sizes=sizes
                )
                expected = theirs(*(values[operand] for operand in given))
            np.testing.assert_allclose(value, expected, rtol=1e-12, err_msg=name)
            compared.add(name)
    assert {"subtract", "true_divide", "fmax", "inner", "cond", "ptp"} <= compared


@pytest.mark.parametrize(("n", "m"), [(5, 2), (4, 4), (3, 1)])
def test_convolve_is_the_full_convolution(n: int, m: int) -> None:
    """As NumPy's: the gradient of its product with c, by c."""
    rng = np.random.default_rng(n)
    x, w, c = rng.normal(size=n), rng.normal(size=m), rng.normal(size=n + m - 1)
    by_c = gradient("L = sum(c*convolve(x, w))", wrt="c")
    np.testing.assert_allclose(by_c(c=c, x=x, w=w), np.convolve(x, w))


def test_factors_of_a_product_may_stand_in_a_list() -> None:
    """As many as there are, in their order."""
    product = parse("R = A @ B @ C @ D").loss.value
    assert parse("R = np.linalg.multi_dot([A, B, C, D])").loss.value == product
    assert parse("R = torch.chain_matmul(A, B, C, D)").loss.value == product
    assert parse("R = A.mm(B).mm(C).matmul(D)").loss.value == product


def test_other_arguments_than_those_of_the_table_are_refused() -> None:
    """An option that would change the value is never dropped."""
    for call in ("multiply(X)", "subtract(X, Y, alpha=2)", "average(x, weights=w)", "inner(X)"):
        assert _message(f"L = sum({call})"), call


@pytest.mark.parametrize("shape", [(5,), (1,), (3, 4), (2, 1), (2, 3, 2)])
def test_calls_that_numpy_takes_of_any_number_of_axes_have_its_values(
    shape: tuple[int, ...],
) -> None:
    """`append` makes one row of both arrays, and `trapezoid` goes along the last axis."""
    rng = np.random.default_rng(len(shape))
    X, Y = rng.normal(size=shape), rng.normal(size=(3, 2))  # noqa: N806 - names of the program
    for text, given, wanted in (
        ("append(X, Y)", {"X": X, "Y": Y}, np.append(X, Y)),
        ("append(Y, X)", {"X": X, "Y": Y}, np.append(Y, X)),
        *([("trapz(X)", {"X": X}, np.trapezoid(X))] if shape[-1] > 1 else []),
    ):
        program = parse(f"R = {text}", {name: value.shape for name, value in given.items()})
        shapes = {name: value.shape for name, value in given.items()}
        sizes = sizes_in(infer(program, shapes=shapes))
        value = numeric_value(program.loss.value, given, sizes=sizes)
        np.testing.assert_allclose(value, wanted)


@pytest.mark.parametrize(
    "name", sorted(n for n, made in OPERATIONS.items() if len(made.operands) > 1)
)
def test_a_call_with_one_array_of_several_is_told_how_it_is_written(name: str) -> None:
    """Of any number of operands."""
    with pytest.raises(ProgramSyntaxError, match=rf"{name}\("):
        parse(f"L = sum({name}(X))")
