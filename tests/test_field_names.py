"""Names of functions elsewhere: each is known, or refused with what to write, or said to be open."""

from __future__ import annotations

import logging
import re

import pytest

from matderiv.errors import MatderivError
from matderiv.expression.foreign import LETTERS
from matderiv.expression.parse import parse
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
    match = re.search(r".*(?:write|say so:|Did you mean) (.*?)[.?]?\Z", message)
    assert match, message
    if "Did you mean" in message:
        assert match[1] in KNOWN
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
