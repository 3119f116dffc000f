"""denoising_report: what white residuals, blur and doing nothing look like, in any units."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skdenoise import NoiseInjector, SUREScorer, denoising_report, psnr
from skdenoise._containers import read_images
from skdenoise.noise import correlated

FIELDS = ["residual_ratio", "correlation", "leak", "bias"]


class Blur(TransformerMixin, BaseEstimator):
    """A denoiser that smooths by so many pixels."""

    def __init__(self, width=1.0, image_shape=None):
        self.width = width
        self.image_shape = image_shape

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        images = read_images(X, self.image_shape)
        width = (self.width, self.width, 0)
        return images.restore(ndimage.gaussian_filter(image, width) for image in images)


def blurred(X, width=1.0):
    return Blur(width).transform(X)


def with_noise(clean, sigma, seed=0):
    return clean + np.random.default_rng(seed).normal(0, sigma, np.shape(clean))


def kinds(report):
    """Return how the remarks begin."""
    return [remark.split(":")[0].split(" (")[0] for remark in report.remarks]


@pytest.fixture(scope="module")
def scenes():
    """Photographs in [0, 1] away from black and white, (3, 192, 192)."""
    from skimage import data

    images = [data.camera()[100:292, 100:292], data.coins()[:192, :192], data.page()[:192, :192]]
    return 0.3 + 0.4 * np.stack([image[:191, :191] for image in images]) / 255


# What was removed is the noise


@pytest.mark.parametrize("seed", range(3))
def test_white_noise_that_was_removed_leaves_no_trace(scenes, seed):
    noisy = with_noise(scenes, 0.05, seed)
    report = denoising_report(noisy, scenes, sigma=0.05)
    error = 1 / np.sqrt(scenes[0].size)
    np.testing.assert_allclose(report.residual_ratio, 1, atol=4 * error)
    np.testing.assert_allclose(report.correlation, 0, atol=4 * error)
    np.testing.assert_allclose(report.leak, 0, atol=10 * error)
    np.testing.assert_allclose(report.bias, 0, atol=4 * 0.05 * error)
    assert report.remarks == ()
    assert report.psnr is None
    assert report.psnr_gain is None


def test_the_leak_of_white_residuals_is_as_likely_above_as_below_0(scenes):
    noisy = [with_noise(scenes[0], 0.05, seed) for seed in range(40)]
    leaks = denoising_report(noisy, [scenes[0]] * 40, sigma=0.05).leak
    assert abs(leaks.mean()) < 4 * leaks.std() / np.sqrt(40)


def test_noise_that_grows_with_brightness_is_no_leak(scenes):
    rng = np.random.default_rng(0)
    noisy = rng.poisson(scenes * 40) / 40
    leaks = denoising_report(noisy, scenes, sigma=0.1).leak
    np.testing.assert_allclose(leaks, 0, atol=10 / np.sqrt(scenes[0].size))


def test_doing_nothing_has_ratio_0_and_is_told(scenes):
    noisy = with_noise(scenes, 0.05)
    report = denoising_report(noisy, noisy, sigma=0.05)
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(report, name), 0)
    assert kinds(report) == ["Under-denoised"]


@pytest.mark.parametrize("share", [0.25, 0.5, 0.9])
def test_the_ratio_is_the_share_of_the_noise_that_was_removed(scenes, share):
    noisy = with_noise(scenes, 0.05)
    report = denoising_report(noisy, noisy + share * (scenes - noisy), sigma=0.05)
    np.testing.assert_allclose(report.residual_ratio, share, rtol=0.03)


def test_blur_leaves_structure_in_the_residual(scenes):
    noisy = with_noise(scenes, 0.02)
    weak, strong = (
        denoising_report(noisy, blurred(noisy, width), sigma=0.02) for width in (0.5, 2)
    )
    assert (weak.leak > 0.1).all()
    assert (strong.leak > 0.3).all()
    assert (strong.residual_ratio > weak.residual_ratio).all()
    assert (strong.correlation > 0.1).all()
    assert kinds(strong) == ["Over-smoothed"]


def test_blur_of_pure_noise_leaks_nothing():
    # A symmetric filter leaves residuals that are independent of central differences.
    noisy = with_noise(np.full((4, 200, 200), 0.5), 0.1)
    report = denoising_report(noisy, blurred(noisy), sigma=0.1)
    np.testing.assert_allclose(report.leak, 0, atol=0.03)


def test_a_bright_or_dark_result_is_told(scenes):
    noisy = with_noise(scenes, 0.05)
    report = denoising_report(noisy, scenes + np.array([0, 0.03, 0])[:, None, None], sigma=0.05)
    np.testing.assert_allclose(report.bias, [0, 0.03, 0], atol=1e-3)
    assert report.remarks == (f"Brightness changed: image 1, by {report.bias[1]:+.3g}.",)


def test_strong_noise_here_and_weak_noise_there_is_not_over_smoothed(scenes):
    rng = np.random.default_rng(0)
    sigma = np.where(np.arange(191) // 4 % 2, 0.02, 0.1)
    noisy = scenes + sigma * rng.normal(size=scenes.shape)
    assert kinds(denoising_report(noisy, scenes, sigma=0.02)) == [
        "More was removed than sigma=0.02 explains, but no structure"
    ]


def test_correlated_noise_that_was_removed_is_no_structure(scenes):
    rng = np.random.default_rng(0)
    flat = np.full((200, 200, 1), 0.5)
    noisy = correlated(flat, sigma=0.05, length=1.0, rng=rng)[None]
    report = denoising_report(noisy, flat[None])
    assert report.correlated.all()
    assert np.abs(report.correlation).max() < 0.2
    assert denoising_report(noisy, flat[None], sigma=0.05).correlation.max() < 0.2
    assert "Correlated noise" in kinds(report)


# The PSNR that is expected


@pytest.mark.parametrize("dtype", ["float64", "uint16"])
def test_the_estimated_psnr_is_near_the_true_one(scenes, dtype):
    scale = 65535 if dtype == "uint16" else 1
    noisy, clean = with_noise(scenes, 0.05), scenes
    if dtype == "uint16":
        noisy, clean = (np.rint(scale * image).astype(dtype) for image in (noisy, clean))
    denoiser = Blur(0.8).fit(noisy)
    denoised = denoiser.transform(noisy)
    report = denoising_report(noisy, denoised, sigma=0.05 * scale, denoiser=denoiser)
    true = psnr(clean, denoised, per_image=True)
    np.testing.assert_allclose(report.psnr, true, atol=0.25)
    gain = true - psnr(clean, noisy, per_image=True)
    np.testing.assert_allclose(report.psnr_gain, gain, atol=0.25)


def test_it_is_the_score_of_sure(scenes):
    noisy = with_noise(scenes, 0.05)
    denoiser = Blur().fit(noisy)
    report = denoising_report(
        noisy, denoiser.transform(noisy), sigma=0.05, denoiser=denoiser, random_state=3
    )
    assert report.psnr.mean() == pytest.approx(
        SUREScorer(sigma=0.05, random_state=3)(denoiser, noisy)
    )


def test_a_result_worse_than_the_input_is_told(scenes):
    noisy = with_noise(scenes, 0.01)
    denoiser = Blur(2).fit(noisy)
    report = denoising_report(noisy, denoiser.transform(noisy), sigma=0.01, denoiser=denoiser)
    assert (report.psnr_gain < 0).all()
    assert kinds(report) == ["Over-smoothed", "Worse than before"]


def test_the_injector_of_a_pipeline_is_left_out(scenes):
    noisy = with_noise(scenes, 0.05)
    pipeline = make_pipeline(NoiseInjector(sigma=0.5), Blur()).fit(scenes)
    denoised = pipeline[-1].transform(noisy)
    alone = denoising_report(noisy, denoised, sigma=0.05, denoiser=pipeline[-1])
    inside = denoising_report(noisy, denoised, sigma=0.05, denoiser=pipeline)
    np.testing.assert_array_equal(inside.psnr, alone.psnr)


def test_doing_nothing_gains_nothing(scenes):
    noisy = with_noise(scenes, 0.05)
    report = denoising_report(noisy, noisy, denoiser=FunctionTransformer().fit(noisy))
    np.testing.assert_allclose(report.psnr_gain, 0, atol=1e-9)


# Units and containers


@given(st.floats(1e-3, 1e4), st.floats(-1e3, 1e3))
def test_scale_and_offset_change_only_what_has_units(scale, offset):
    clean = np.kron(np.random.default_rng(1).random((1, 4, 4)), np.ones((8, 8)))
    noisy = with_noise(clean, 0.1)
    denoiser = Blur(0.7)
    one, other = (
        denoising_report(
            X, denoiser.transform(X), denoiser=denoiser.fit(X), data_range=unit, sigma=None
        )
        for X, unit in ((noisy, 1.0), (scale * (noisy + offset), scale))
    )
    for name in ("residual_ratio", "correlation", "leak", "psnr", "psnr_gain"):
        np.testing.assert_allclose(
            getattr(one, name), getattr(other, name), rtol=1e-3, atol=1e-5, err_msg=name
        )
    np.testing.assert_allclose(other.sigma, scale * one.sigma, rtol=1e-5)
    np.testing.assert_allclose(other.bias, scale * one.bias, atol=1e-9 * scale * (1 + abs(offset)))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32"])
def test_integers_are_told_in_gray_levels(scenes, dtype):
    largest = np.iinfo(dtype).max
    floats = with_noise(scenes, 0.05)
    integers, clean = (np.rint(largest * image).astype(dtype) for image in (floats, scenes))
    report = denoising_report(integers, clean)
    wanted = denoising_report(floats, scenes)
    np.testing.assert_allclose(report.sigma, largest * wanted.sigma, rtol=0.01)
    np.testing.assert_allclose(report.bias, largest * wanted.bias, atol=1e-3 * largest)
    for name in ("residual_ratio", "correlation", "leak"):
        np.testing.assert_allclose(getattr(report, name), getattr(wanted, name), atol=0.01)


def test_images_of_mixed_sizes_do_not_know_each_other(scenes):
    clean = [scenes[0], scenes[1][:40, :100], scenes[2][:64]]
    noisy = [with_noise(image, 0.05) for image in clean]
    together = denoising_report(noisy, clean)
    for index in range(3):
        alone = denoising_report(noisy[index : index + 1], clean[index : index + 1])
        for name in [*FIELDS, "sigma"]:
            np.testing.assert_array_equal(getattr(alone, name)[0], getattr(together, name)[index])


def test_tables_need_a_shape_and_take_it_from_the_denoiser(scenes):
    noisy = with_noise(scenes, 0.05)
    wanted = denoising_report(noisy, blurred(noisy), denoiser=Blur().fit(noisy))
    flat = noisy.reshape(3, -1)
    denoiser = Blur(image_shape=(191, 191)).fit(flat)
    report = denoising_report(flat, denoiser.transform(flat), denoiser=denoiser)
    np.testing.assert_array_equal(report.psnr, wanted.psnr)
    np.testing.assert_array_equal(report.leak, wanted.leak)


def test_colors_are_examined_together(scenes):
    rgb = np.moveaxis(scenes, 0, -1)[None]
    noisy = with_noise(rgb, 0.05)
    report = denoising_report(noisy, rgb, sigma=0.05)
    assert report.leak.shape == (1,)
    np.testing.assert_allclose(report.residual_ratio, 1, atol=0.02)
    np.testing.assert_allclose(report.leak, 0, atol=0.03)
    opaque = [np.concatenate([X, np.ones_like(X[..., :1])], axis=-1) for X in (noisy, rgb)]
    np.testing.assert_array_equal(denoising_report(*opaque, sigma=0.05).leak, report.leak)


@pytest.mark.parametrize("value", [0.0, 0.3, -7.0, 1e30])
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 2), (3, 3), (20, 24)])
def test_constant_images_give_numbers(value, shape):
    X = np.full((1, *shape), value)
    for denoised in (X, X + 1, np.zeros_like(X)):
        report = denoising_report(X, denoised, sigma=0)
        for name in FIELDS:
            assert np.isfinite(getattr(report, name)).all()
        np.testing.assert_array_equal(report.residual_ratio, 0)
    denoiser = FunctionTransformer().fit(X)
    report = denoising_report(X, X, sigma=0, denoiser=denoiser, data_range=1.0)
    assert report.psnr[0] == np.inf
    assert report.psnr_gain[0] == 0
    assert report.remarks == ()


def test_the_callers_images_are_not_written_to(scenes):
    noisy = with_noise(scenes, 0.05)
    noisy.flags.writeable = False
    denoising_report(noisy, noisy, denoiser=FunctionTransformer().fit(noisy))


# What is printed, and what is refused


def test_it_prints_as_a_table_with_the_remarks_below(scenes):
    noisy = with_noise(scenes, 0.05)
    lines = repr(denoising_report(noisy, noisy, sigma=0.05)).splitlines()
    assert lines[1].split() == [
        "image",
        "sigma",
        "ratio",
        *["corr.", "v", "corr.", "h"],
        "leak",
        "bias",
    ]
    assert [line.split()[0] for line in lines[2:5]] == ["0", "1", "2"]
    assert lines[5].startswith("- Under-denoised: 3 of 3 images, the first at 0.")
    with_psnr = denoising_report(noisy, scenes, sigma=0.05, denoiser=Blur().fit(noisy))
    assert repr(with_psnr).splitlines()[1].split()[:4] == ["image", "sigma", "PSNR", "gain"]
    assert repr(denoising_report(noisy, scenes, sigma=0.05)).endswith("Nothing to remark.")


def test_long_tables_are_cut():
    X = np.random.default_rng(0).random((30, 8, 8))
    lines = repr(denoising_report(X, X, sigma=1)).splitlines()
    assert lines[-2].strip() == "..."
    assert lines[-3].split()[0] == "19"


def test_what_does_not_fit_is_refused(scenes):
    noisy = with_noise(scenes, 0.05)
    with pytest.raises(ValueError, match="3 noisy images, but 2 denoised"):
        denoising_report(noisy, scenes[:2])
    with pytest.raises(ValueError, match=r"one for each of the 3 images. Got \[1, 2\]"):
        denoising_report(noisy, scenes, sigma=[1, 2])
    with pytest.raises(ValueError, match="not negative"):
        denoising_report(noisy, scenes, sigma=-1)
    with pytest.raises(ValueError, match=r"cannot be estimated.*image\[None\]"):
        denoising_report(np.ones((1, 2, 2)), np.ones((1, 2, 2)))
    with pytest.raises(ValueError, match="Float images are taken to be in"):
        denoising_report(9 + noisy, noisy + 9, denoiser=Blur().fit(noisy))
    with pytest.raises(TypeError, match="has no transform method"):
        denoising_report(noisy, scenes, denoiser=BaseEstimator())


@pytest.mark.parametrize("shape", [(40, 48), (40, 48, 3)])
def test_one_image_is_not_taken_for_a_table(shape):
    rng = np.random.default_rng(0)
    noisy = rng.normal(0.5, 0.1, shape)
    denoised = np.full(shape, 0.5)
    report = denoising_report(noisy, denoised)
    assert str(report) == str(denoising_report(noisy[None], denoised[None]))
    assert len(report.sigma) == 1
