"""How strong white noise is: the network tells it better than flat places do."""

import numpy as np
import pytest

from skdenoise import AutoencoderDenoiser, denoising_report, estimate_noise, sure_scorer
from skdenoise._containers import read_images
from skdenoise._white_noise import SMALLEST_SIDE, noise_by_network


def with_noise(images, sigma, seed=0):
    return images + sigma * np.random.default_rng(seed).standard_normal(images.shape)


def measured(X):
    flat = estimate_noise(X).sigma
    return np.array(noise_by_network(read_images(X), flat.tolist())), flat


def root_mean_square(values):
    return np.sqrt(np.mean(np.square(values)))


@pytest.mark.parametrize("sigma", [15, 25, 50])
def test_the_error_is_smaller_than_that_of_flat_places(photos, sigma):
    X = with_noise(photos / 255.0, sigma / 255)
    found, flat = measured(X)
    errors = [root_mean_square(values * 255 / sigma - 1) for values in (found, flat)]
    assert errors[0] < 0.8 * errors[1]


@pytest.mark.parametrize("sigma", [15, 25, 50])
def test_it_is_a_few_percent_for_color_images(color_photos, sigma):
    found, _ = measured(with_noise(color_photos / 255.0, sigma / 255))
    np.testing.assert_allclose(found, sigma / 255, rtol=0.05)


def test_it_has_the_units_of_the_images(photos):
    X = with_noise(photos / 255.0, 0.1)
    found, _ = measured(X)
    others, _ = measured(1000 * X + 5)
    np.testing.assert_allclose(others, 1000 * found, rtol=1e-4)


def test_other_channels_than_three_are_looked_at_one_by_one(photos):
    X = with_noise(np.moveaxis(photos, 0, -1)[None] / 255.0, 0.1)
    found, _ = measured(X)
    np.testing.assert_allclose(found, 0.1, rtol=0.02)


def test_small_images_and_weak_noise_are_left_to_flat_places(photo):
    small = with_noise(photo[: SMALLEST_SIDE - 1] / 255.0, 0.1)
    weak = with_noise(photo / 255.0, 0.003)
    for image in (small, weak):
        found, flat = measured(image[None])
        assert found == flat
    assert noise_by_network(read_images(photo[None]), [0.0]) == [0.0]


def test_images_are_not_changed(photo):
    X = with_noise(photo / 255.0, 0.1)[None]
    before = X.copy()
    measured(X)
    np.testing.assert_array_equal(X, before)


def test_reports_with_a_denoiser_and_scores_use_it(photo):
    X = with_noise(photo / 255.0, 0.1)[None]
    found, flat = measured(X)
    denoiser = AutoencoderDenoiser(weights="natural")
    denoised = denoiser.transform(X)
    report = denoising_report(X, denoised, denoiser=denoiser)
    assert report.sigma == pytest.approx(found)
    assert denoising_report(X, denoised).sigma == pytest.approx(flat)
    assert report.psnr.mean() == pytest.approx(sure_scorer(denoiser, X))
