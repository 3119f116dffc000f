"""White noise that grows or falls with the lightness is measured, and networks are told."""

import numpy as np
import pytest
from scipy import ndimage
from sklearn.preprocessing import FunctionTransformer

from skdenoise import (
    AutoencoderDenoiser,
    denoise,
    denoising_report,
    estimate_noise,
    psnr,
    sure_scorer,
)
from skdenoise.noise import correlated
from skdenoise.noise._even import Cells, even_sigma
from skdenoise.noise._level_function import (
    REACH,
    SMOOTHING,
    LevelFunction,
    level_function,
    white_noise,
)

NOISES = {
    "photons": lambda light: np.sqrt(light / 300),
    "photons and electronics": lambda light: np.sqrt(light / 400 + 0.02**2),
    "speckle": lambda light: 0.1 * light,
    "darkness": lambda light: 0.08 * (1.1 - light),
}
"""Deviation at each lightness."""


@pytest.fixture(scope="module")
def scene():
    """Return a gray photograph with 256 x 256 pixels in [0, 1], (256, 256, 1) float32."""
    from skimage import data

    return data.camera()[20:276, 100:356, None] / np.float32(255)


def blur(images):
    """Return images of shape (n, H, W), smoothed a little."""
    return ndimage.gaussian_filter(images, (0, 0.7, 0.7))


def with_noise(image, deviation, seed=0):
    noise = np.random.default_rng(seed).standard_normal(image.shape)
    return (image + deviation(image) * noise).astype(np.float32)


@pytest.mark.parametrize("name", NOISES)
def test_noise_is_known_at_each_lightness(scene, name):
    noisy = with_noise(scene, NOISES[name])
    assert even_sigma([noisy]) == 0
    found = white_noise([noisy])
    assert isinstance(found, LevelFunction)
    smooth = ndimage.gaussian_filter(scene, (SMOOTHING, SMOOTHING, 0))
    ratio = found.at(noisy) / NOISES[name](smooth)
    assert np.median(ratio) == pytest.approx(1, abs=0.05)
    assert (np.abs(ratio - 1) < 0.15).mean() > 0.95


@pytest.mark.parametrize("name", NOISES)
def test_stabilized_noise_is_as_strong_everywhere(scene, name):
    ramp = np.linspace(0.1, 0.9, 256, dtype=np.float32) * np.ones((256, 1), np.float32)
    noisy = with_noise(ramp[..., None], NOISES[name])
    stable = level_function(Cells([noisy])).stabilized(noisy)
    residual = stable - ndimage.uniform_filter1d(stable, 31, axis=0)
    columns = residual[16:-16, 16:-16, 0].std(axis=0)
    assert columns.mean() == pytest.approx(1, abs=0.05)
    assert columns[:50].mean() == pytest.approx(columns[-50:].mean(), rel=0.1)


def test_units_and_offsets_do_not_matter(scene):
    noisy = with_noise(scene, NOISES["photons"])
    gain, offset = 65535.0, -300.0
    found, other = level_function(Cells([noisy])), level_function(Cells([gain * noisy + offset]))
    wanted = found.in_units(gain, offset).at(gain * noisy + offset)
    np.testing.assert_allclose(wanted, gain * found.at(noisy), rtol=1e-3)
    np.testing.assert_allclose(other.at(gain * noisy + offset), wanted, rtol=1e-2)


def test_channels_may_have_noise_of_their_own(scene):
    color = np.concatenate([scene, scene[::-1], scene[:, ::-1]], axis=-1)
    noisy = with_noise(color, lambda light: np.sqrt(light * [1, 2, 4] / 1000))
    found = level_function(Cells([noisy]))
    wanted = np.sqrt((color * [1, 2, 4] / 1000).mean(axis=-1, keepdims=True))
    assert np.median(found.at(color) / wanted) == pytest.approx(1, abs=0.05)


def test_a_part_has_the_noise_of_the_whole(scene):
    noisy = with_noise(scene, NOISES["photons"])
    found = level_function(Cells([noisy]))
    part, inner = found.at(noisy[40:90, 60:150]), slice(REACH, -REACH)
    np.testing.assert_array_equal(part[inner, inner], found.at(noisy)[40:90, 60:150][inner, inner])
    for turn in (np.flipud, np.fliplr):
        np.testing.assert_array_equal(found.at(turn(noisy)), turn(found.at(noisy)))


def test_noise_is_never_nothing(scene):
    found = level_function(Cells([with_noise(scene, NOISES["photons"])]))
    outside = np.array([-1e6, -1.0, 0.0, 2.0, 1e6])[:, None, None]
    assert (found.at(outside) > 0).all()
    assert np.isfinite(found.at(outside)).all()


@pytest.mark.parametrize(
    "noisy",
    [
        pytest.param(lambda image, rng: image, id="none"),
        pytest.param(lambda image, rng: np.rint(255 * image) / 255, id="rounding"),
        pytest.param(lambda image, rng: 0 * image, id="black"),
        pytest.param(lambda image, rng: correlated(image, sigma=0.1, rng=rng), id="correlated"),
        pytest.param(lambda image, rng: rng.poisson(3 * image) / 3, id="few photons"),
        pytest.param(
            lambda image, rng: (
                image + np.linspace(0.02, 0.2, 256)[:, None] * rng.standard_normal(image.shape)
            ),
            id="varying from place to place",
        ),
        pytest.param(
            lambda image, rng: np.where(rng.random(image.shape) < 0.05, 1, image), id="impulses"
        ),
    ],
)
def test_other_noise_has_no_level_function(scene, noisy):
    for image in (scene[..., 0], scene[::-1, :, 0]):
        found = noisy(image, np.random.default_rng(0)).astype(np.float32)[..., None]
        assert level_function(Cells([found])) is None


@pytest.mark.parametrize("shape", [(1, 1, 1), (20, 300, 3), (64, 64, 1), (96, 110, 3)])
def test_images_may_be_small(shape):
    light = np.linspace(0.1, 1, shape[1])[:, None] * np.ones(shape)
    found = white_noise([with_noise(light, NOISES["photons"])])
    assert found == 0 or isinstance(found, LevelFunction)


@pytest.mark.parametrize("n_augment", [1, 2])
@pytest.mark.parametrize("peak", [60, 200, 1000])
def test_being_told_is_better_than_being_blind(scene, peak, n_augment, monkeypatch):
    noisy = np.random.default_rng(0).poisson(peak * scene) / peak
    told = denoise(noisy, size="small", n_augment=n_augment)
    monkeypatch.setattr(AutoencoderDenoiser, "_measures", False)
    blind = denoise(noisy, size="small", n_augment=n_augment)
    gain = psnr(scene, told, data_range=1) - psnr(scene, blind, data_range=1)
    assert gain > 0.15


def test_sixteen_bits_of_a_sensor_are_denoised_as_well(scene):
    electrons = np.random.default_rng(0).poisson(2000 * scene) + 100
    counts = (8 * electrons).astype(np.uint16)
    clean = np.rint(8 * (2000 * scene + 100)).astype(np.uint16)
    denoised = denoise(counts[..., 0], size="small")[..., None]
    assert psnr(clean, denoised) > psnr(clean, counts) + 2


def test_a_deviation_comes_with_it(scene):
    noisy = with_noise(scene, NOISES["photons"])[None]
    denoiser = AutoencoderDenoiser(weights="natural", n_augment=2)
    denoised, deviation = denoiser.predict(noisy, return_std=True)
    np.testing.assert_array_equal(denoised, denoiser.transform(noisy))
    assert deviation.shape == noisy.shape
    assert deviation.min() >= 0


@pytest.mark.parametrize("name", NOISES)
@pytest.mark.parametrize("dtype", ["float32", "uint16"])
def test_the_expected_error_is_that_of_such_noise(scene, name, dtype):
    noisy, clean = with_noise(scene, NOISES[name])[None, ..., 0], scene[None, ..., 0]
    if dtype == "uint16":  # of which nothing is clipped
        noisy, clean = (np.rint((X + 1) * 20000).astype(dtype) for X in (noisy, clean))
    for denoiser in (AutoencoderDenoiser(weights="natural"), FunctionTransformer(blur)):
        denoised = denoiser.transform(noisy)
        true, before = psnr(clean, denoised), psnr(clean, noisy)
        found = sure_scorer(denoiser, noisy)
        assert found == pytest.approx(true, abs=0.7)
        report = denoising_report(noisy, denoised, denoiser=denoiser)
        assert report.psnr == pytest.approx(found)
        assert report.psnr_gain == pytest.approx(true - before, abs=0.7)
        assert not report.correlated.any()


@pytest.mark.parametrize("name", NOISES)
def test_estimates_are_the_root_of_the_mean_variance(scene, name):
    noisy = with_noise(scene, NOISES[name])[None, ..., 0]
    true = np.sqrt(np.square(NOISES[name](scene)).mean())
    estimate = estimate_noise(255 * noisy)
    assert estimate.sigma == pytest.approx(255 * true, rel=0.03)
    assert not estimate.correlated.any()
    assert estimate.sigma_per_stride[0, 0] == pytest.approx(estimate.sigma[0])
    report = denoising_report(255 * noisy, 255 * scene[None, ..., 0])
    assert report.sigma == pytest.approx(estimate.sigma)
    assert report.residual_ratio == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("name", NOISES)
def test_an_estimate_is_told_pixel_by_pixel(scene, name):
    noisy = with_noise(scene, NOISES[name])[None, ..., 0]
    clean = scene[None, ..., 0]
    best = AutoencoderDenoiser(weights="natural", sigma=NOISES[name](clean))
    found, known, one = (
        psnr(clean, denoiser.transform(noisy))
        for denoiser in (
            AutoencoderDenoiser(weights="natural", sigma="auto"),
            best,
            AutoencoderDenoiser(weights="natural", sigma=estimate_noise(noisy).sigma),
        )
    )
    assert found > known - 0.1
    assert found > one


@pytest.mark.parametrize("name", ["speckle", "darkness"])
def test_noise_that_texture_hides_from_networks_counts_in_what_is_expected(name):
    from skimage import data

    gravel = data.gravel()[:256, :256, None] / np.float32(255)
    noisy = with_noise(gravel, NOISES[name])
    assert white_noise([noisy]) == 0
    found = white_noise([noisy], certain=False)
    strength = np.sqrt(
        np.mean([np.square(found.at(noisy)), np.square(NOISES[name](gravel))], (1, 2, 3))
    )
    assert strength[0] == pytest.approx(strength[1], rel=0.06)
    X = noisy[None, ..., 0]
    true = psnr(gravel[None, ..., 0], blur(X))
    assert sure_scorer(FunctionTransformer(blur), X) == pytest.approx(true, abs=0.5)
