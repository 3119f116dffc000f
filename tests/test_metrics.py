"""The metrics: equal to scikit-image where that is right, and loud where it is not clear."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from skdenoise.metrics import psnr, psnr_gain, ssim


def pair(dtype="float64", shape=(32, 24), seed=0):
    """One smooth image and the same with noise, both inside the range of the dtype."""
    rng = np.random.default_rng(seed)
    ramp = np.linspace(0.2, 0.8, int(np.prod(shape))).reshape(shape)
    noisy = np.clip(ramp + rng.normal(0, 0.1, shape), 0, 1)
    if np.issubdtype(dtype, np.integer):
        return tuple(np.rint(image * np.iinfo(dtype).max).astype(dtype) for image in (ramp, noisy))
    return ramp.astype(dtype), noisy.astype(dtype)


def skimage_ssim(clean, denoised, data_range):
    return structural_similarity(
        clean.astype(float),
        denoised.astype(float),
        data_range=data_range,
        channel_axis=-1 if clean.ndim == 3 else None,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(32, 24), (24, 32, 3)])
def test_values_are_those_of_scikit_image(dtype, shape):
    clean, noisy = pair(dtype, shape)
    data_range = 1.0 if clean.dtype.kind == "f" else float(np.iinfo(dtype).max)
    expected = peak_signal_noise_ratio(
        clean.astype(float), noisy.astype(float), data_range=data_range
    )
    assert psnr(clean, noisy) == pytest.approx(expected, abs=1e-10)
    assert ssim(clean, noisy) == pytest.approx(skimage_ssim(clean, noisy, data_range), abs=1e-10)


def test_values_need_no_conversion_before_scikit_image_either():
    clean, noisy = pair("uint8")
    assert psnr(clean, noisy) == pytest.approx(peak_signal_noise_ratio(clean, noisy), abs=1e-10)


@pytest.mark.parametrize(("sigma", "expected"), [(15, 24.61), (25, 20.17), (50, 14.15)])
def test_white_noise_reads_the_decibels_of_the_papers(sigma, expected):
    clean = np.full((256, 256), 0.5)
    noise = np.random.RandomState(0).normal(0, sigma / 255, clean.shape)
    assert psnr(clean, clean + noise) == pytest.approx(expected, abs=0.05)


def test_integers_never_wrap():
    clean = np.array([[[0, 255], [10, 200]]], dtype=np.uint8)
    brighter = np.array([[[1, 254], [11, 201]]], dtype=np.uint8)
    assert psnr(clean, brighter) == psnr(brighter, clean) == pytest.approx(20 * np.log10(255))


@given(st.integers(1, 3), st.sampled_from(["uint8", "int16", "float32", "bool"]))
def test_equal_images_are_infinitely_good(n_images, dtype):
    images = np.zeros((n_images, 12, 13), dtype=dtype)
    images[:, ::2] = 1
    assert psnr(images, images.copy()) == np.inf
    assert ssim(images, images.copy()) == pytest.approx(1)


@given(st.floats(0.01, 0.2), st.floats(1.1, 3))
def test_psnr_falls_by_the_decibels_of_the_noise(level, factor):
    clean, noisy = pair()
    weak, strong = clean + level * (noisy - clean), clean + factor * level * (noisy - clean)
    assert psnr(clean, weak) - psnr(clean, strong) == pytest.approx(20 * np.log10(factor))


@given(st.floats(1e-3, 1e4))
def test_the_unit_of_the_pixels_does_not_matter(unit):
    clean, noisy = pair()
    for metric in (psnr, ssim):
        in_unit = metric(unit * clean, unit * noisy, data_range=unit)
        assert in_unit == pytest.approx(metric(clean, noisy))


def test_the_result_is_the_mean_over_images_of_mixed_sizes():
    pairs = [pair("uint8", shape, seed) for seed, shape in enumerate([(16, 20), (40, 12)])]
    clean, noisy = zip(*pairs, strict=True)
    each = [psnr(*one) for one in pairs]
    assert each[0] != each[1]
    assert psnr(clean, list(noisy)) == pytest.approx(np.mean(each))
    np.testing.assert_allclose(psnr(clean, noisy, per_image=True), each)
    np.testing.assert_allclose(ssim(clean, noisy, per_image=True), [ssim(*one) for one in pairs])


@pytest.mark.parametrize("shape", [(16, 40), (40, 16, 1), (40, 16, 3), (40, 16, 4)])
def test_a_single_image_is_a_container_of_one(shape):
    clean, noisy = pair(shape=shape)
    assert psnr(clean, noisy) == psnr(clean[None], noisy[None]) == psnr([clean], [noisy])


def test_a_single_image_may_be_nested_lists():
    clean, noisy = pair(shape=(16, 20))
    assert psnr(clean.tolist(), noisy.tolist()) == psnr(clean, noisy)


@pytest.mark.parametrize("shape", [(3, 16, 20), (20, 16, 5), (8, 8, 3)])
def test_other_3d_arrays_are_stacks(shape):
    clean, noisy = pair(shape=shape)
    assert psnr(clean, noisy, per_image=True).shape == shape[:1]
    assert psnr(clean, noisy) == pytest.approx(psnr(list(clean), list(noisy)))


def test_the_rows_of_a_table_are_images_where_image_shape_says_so():
    clean, noisy = pair(shape=(3, 12, 15))
    tables = clean.reshape(3, -1), noisy.reshape(3, -1)
    for metric in (psnr, ssim):
        of_table = metric(*tables, image_shape=(12, 15), per_image=True)
        np.testing.assert_array_equal(of_table, metric(clean, noisy, per_image=True))


def test_alpha_is_not_compared():
    clean, noisy = pair(shape=(20, 20, 4))
    assert psnr(clean, noisy) == psnr(clean[..., :3], noisy[..., :3])


def test_arguments_are_not_written_to():
    clean, noisy = pair("uint8")
    for image in (clean, noisy):
        image.flags.writeable = False
    psnr(clean, noisy)
    ssim(clean, noisy)
    psnr_gain(clean, noisy, clean)


def test_noise_outside_the_range_is_no_reason_to_refuse():
    clean = np.zeros((16, 16))
    assert psnr(clean, clean - 0.1) == pytest.approx(20)


def test_gain_is_the_difference_of_two_psnrs():
    clean, noisy = pair(shape=(3, 16, 20))
    halved = (clean + noisy) / 2
    np.testing.assert_allclose(
        psnr_gain(clean, noisy, halved, per_image=True),
        psnr(clean, halved, per_image=True) - psnr(clean, noisy, per_image=True),
    )
    assert psnr_gain(clean, noisy, halved) == pytest.approx(20 * np.log10(2))
    assert psnr_gain(255 * clean, 255 * noisy, 255 * halved) == pytest.approx(20 * np.log10(2))


def test_gain_of_perfect_images():
    clean, noisy = pair()
    assert psnr_gain(clean, clean, clean) == 0
    assert psnr_gain(clean, noisy, noisy) == 0
    assert psnr_gain(clean, noisy, clean) == np.inf
    assert psnr_gain(clean, clean, noisy) == -np.inf


@pytest.mark.parametrize("metric", [psnr, ssim])
def test_floats_of_another_scale_need_a_data_range(metric):
    clean, noisy = pair()
    with pytest.raises(ValueError, match=r"image 0 spans 51 to 204.*data_range=255"):
        metric(255 * clean, 255 * noisy)
    assert metric(255 * clean, 255 * noisy, data_range=255) == pytest.approx(metric(clean, noisy))


@pytest.mark.parametrize("dtype", ["float64", "uint8"])
def test_a_data_range_that_the_data_do_not_fit_is_an_error(dtype):
    clean, noisy = pair(dtype)
    with pytest.raises(ValueError, match=r"Clean image 0 spans .* more than data_range=0.5"):
        psnr(clean, noisy, data_range=0.5)


def test_the_data_range_of_12_bit_images_can_be_given():
    clean, noisy = (image // 16 for image in pair("uint16"))
    gained = psnr(clean, noisy) - psnr(clean, noisy, data_range=4095)
    assert gained == pytest.approx(20 * np.log10(65535 / 4095))


@pytest.mark.parametrize("data_range", [0, -1, np.inf, np.nan, "255", True])
def test_a_data_range_is_a_positive_number(data_range):
    with pytest.raises(ValueError, match=r"data_range must be None or a float in the range"):
        psnr(*pair(), data_range=data_range)


@pytest.mark.parametrize("metric", [psnr, ssim])
def test_dtypes_of_different_scales_are_an_error(metric):
    clean, noisy = pair()
    as_integers = np.rint(clean * 255).astype(np.uint8)
    with pytest.raises(ValueError, match=r"Image 0 is uint8 among the clean .*float64.*/ 255"):
        metric(as_integers, noisy)
    with pytest.raises(ValueError, match=r"Image 0 is uint8 .* int64"):
        metric([as_integers], [as_integers.astype(np.int64) << 50])


def test_floats_of_different_precision_are_compared():
    clean, noisy = pair()
    assert psnr(clean, noisy.astype(np.float32)) == pytest.approx(psnr(clean, noisy), abs=1e-4)


def test_the_first_image_that_does_not_match_is_named():
    clean, noisy = [np.zeros((16, 16))] * 3, [np.zeros((16, 16))] * 3
    noisy[1] = np.zeros((16, 17))
    with pytest.raises(ValueError, match=r"Image 1 has shape \(16, 16, 1\) .* \(16, 17, 1\)"):
        psnr(clean, noisy)
    with pytest.raises(ValueError, match="There are 3 clean images, but 2 denoised ones"):
        psnr(clean, clean[:2])
    with pytest.raises(ValueError, match="but 2 noisy ones"):
        psnr_gain(clean, clean[:2], clean)


@pytest.mark.parametrize("labels", [np.arange(5), [0, 1, 2, 3, 4]])
def test_labels_are_refused_rather_than_broadcast(labels):
    images = np.zeros((5, 16, 16))
    with pytest.raises(ValueError, match=r"images in denoised, got an array of shape \(5,\)"):
        psnr(images, labels)
    with pytest.raises(ValueError, match=r"images in clean, got an array of shape \(5,\)"):
        psnr(labels, images)


def test_pixels_that_are_not_numbers_are_refused():
    clean, noisy = pair()
    noisy[3, 4] = np.nan
    with pytest.raises(ValueError, match="Image 0 of denoised contains NaN"):
        psnr(clean, noisy)


def test_ssim_of_an_image_smaller_than_its_window_is_an_error():
    images = [np.zeros((11, 11)), np.zeros((10, 50))]
    with pytest.raises(ValueError, match="at least 11 x 11 pixels, but image 1 has 10 x 50"):
        ssim(images, images)
