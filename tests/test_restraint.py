"""What networks are told, and what restrains them: images without noise stay, strong noise goes."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage
from skimage.transform import downscale_local_mean

from skdenoise import AutoencoderDenoiser, NoiseInjector, _tiling, _windows, denoise, psnr
from skdenoise._correlated_noise import HIDDEN, PROBED, noise_of_camera, taken_from_flat_places
from skdenoise._normalization import image_statistics, task_of
from skdenoise._protocol import with_white_noise
from skdenoise._restraint import Verdict, _verdict, restrained
from skdenoise.noise._even import even_sigma
from skdenoise.noise._universal import _of_camera


@pytest.fixture(scope="module")
def scene():
    """Return a gray photograph, (128, 128) uint8."""
    from skimage import data

    return data.camera()[64:192, 180:308]


def blur(image):
    padded = np.pad(image, [(1, 1), (1, 1), (0, 0)], mode="edge")
    return (
        sum(
            padded[i : i + image.shape[0], j : j + image.shape[1]]
            for i in (0, 1, 2)
            for j in (0, 1, 2)
        )
        / 9
    )


def test_an_image_without_noise_is_left_alone(scene):
    changes = np.abs(denoise(scene).astype(int) - scene)
    assert changes.max() <= 1
    assert changes.mean() < 0.001


def test_a_color_image_without_noise_is_left_alone():
    from skimage import data

    photo = data.astronaut()
    np.testing.assert_array_equal(denoise(photo), photo)


@pytest.mark.parametrize("sigma", [1, 2, 3, 5])
def test_weak_noise_never_gets_worse(scene, sigma):
    noisy = (scene + np.random.default_rng(0).normal(0, sigma, scene.shape)) / 255
    clean = scene / 255
    before, after = (psnr(clean, image, data_range=1) for image in (noisy, denoise(noisy)))
    assert after > before - 0.05


@pytest.mark.parametrize("sigma", [1, 2, 4])
def test_weak_noise_of_sharp_images_in_color_never_gets_worse(sigma):
    from skimage import data

    photo = data.rocket()[100:356, 250:506]
    clean = photo / np.float32(255)
    noisy = with_white_noise(photo, sigma)
    denoised = denoise(noisy)
    assert psnr(clean, denoised, data_range=1) >= psnr(clean, noisy, data_range=1)
    assert np.abs(denoised - noisy).max() <= 3.1 * sigma / 255


def test_white_noise_as_weak_as_grain_is_left_alone():
    from skimage import data

    noisy = with_white_noise(data.camera()[:256, :256], 1)
    np.testing.assert_array_equal(denoise(noisy), noisy)


def test_weak_noise_of_large_sharp_images_gets_better(monkeypatch):
    from skimage import data

    monkeypatch.setattr(_tiling, "LARGE_PIXELS", 64 * 64)
    photo = data.rocket()[100:228, 300:428]
    noisy = with_white_noise(photo, 2)
    denoised = denoise(noisy)
    assert psnr(photo / 255, denoised, data_range=1) > psnr(photo / 255, noisy, data_range=1)


def test_a_large_image_is_computed_once_and_judged_by_windows(monkeypatch):
    monkeypatch.setattr(_windows, "WINDOW", 64)
    y, x = np.mgrid[:320, :400] / 32
    pixels = np.random.default_rng(0).normal(20 * np.sin(7 * y) * np.sin(6 * x), 1)[..., None]
    seen = []

    def run(tasks):
        for task in tasks:
            seen.append(task.pixels.shape)
            yield blur(task.pixels)

    (found,) = restrained(run, run, [task_of(pixels)], measured=False)
    assert seen.pop(0) == pixels.shape == found.shape
    assert set(seen) == {(64, 71, 1)}
    assert len(seen) % 16 == 0
    assert not np.array_equal(found, blur(pixels))


def turned(image):
    return ndimage.rotate(image, 5, reshape=False, order=1, mode="mirror")


@pytest.mark.parametrize("sigma", [10, 25])
def test_noise_of_an_image_that_was_turned_is_removed(sigma):
    from skimage import data

    photo = data.camera()[100:356, 150:406] / 255
    noise = np.random.default_rng(0).normal(0, sigma / 255, photo.shape)
    clean, noisy = turned(photo), turned(photo + noise)
    gain = psnr(clean, denoise(noisy), data_range=1) - psnr(clean, noisy, data_range=1)
    assert gain > 3


@pytest.mark.parametrize(("scale", "sigma"), [(1, 1), (1, 3), (1, 5), (2, 0), (2, 2), (2, 5)])
def test_fine_texture_that_fills_an_image_is_left_alone_unless_sigma_is_told(scale, sigma):
    from skimage import data

    lawn = downscale_local_mean(data.grass()[: 256 * scale, : 256 * scale], (scale, scale))
    clean = np.float32(lawn / 255)
    noisy = clean + np.float32(np.random.default_rng(0).normal(0, sigma / 255, clean.shape))
    np.testing.assert_array_equal(denoise(noisy), noisy)
    if sigma == 5:
        told = denoise(noisy, sigma=sigma / 255)
        assert psnr(clean, told, data_range=1) > psnr(clean, noisy, data_range=1) + 0.1


def test_white_noise_beside_fine_texture_is_removed():
    from skimage import data

    clean = np.float32(data.gravel()[:256, :256] / 255)
    noisy = clean + np.float32(np.random.default_rng(0).normal(0, 10 / 255, clean.shape))
    assert psnr(clean, denoise(noisy), data_range=1) > psnr(clean, noisy, data_range=1) + 3


@pytest.mark.parametrize("sigma", [0, 10])
def test_smoothed_noise_that_is_seen_at_once_is_removed(sigma):
    from skimage import data

    clean = np.float32(data.camera() / 255)
    noise = ndimage.gaussian_filter(np.random.default_rng(0).normal(0, 1, clean.shape), 1)
    noisy = clean + np.float32(sigma / 255 * noise / noise.std())
    denoised = denoise(noisy, size="small")
    if sigma:
        assert psnr(clean, denoised, data_range=1) > psnr(clean, noisy, data_range=1) + 2
    else:
        np.testing.assert_array_equal(denoised, noisy)


@pytest.mark.parametrize("sigma", [0, 1, 2, 5])
def test_print_on_white_paper_never_gets_worse(sigma):
    page = np.asarray(text_on_paper())
    noise = np.random.default_rng(0).normal(0, sigma, page.shape)
    noisy = np.rint(page + noise).clip(0, 255).astype(np.uint8)
    denoised = denoise(noisy)
    if not sigma:
        np.testing.assert_array_equal(denoised, noisy)
    else:
        assert psnr(page, denoised) > psnr(page, noisy) - 0.05


def text_on_paper():
    """Return letters of 24 pixels on white, 256 x 256."""
    image = Image.new("L", (256, 256), 255)
    font = ImageFont.load_default(24)
    for row in range(9):
        words = " ".join(["print", "on", "paper", "of", "white", "and", "black"][row % 4 :])
        ImageDraw.Draw(image).text((4, 4 + 28 * row), words, fill=0, font=font)
    return image


def judged(noisy, denoised, again, sigma=0.0):
    return _verdict(noisy, denoised, again, sigma, measured=True)


def test_the_share_is_that_of_least_error():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:256, :256] / 32
    clean = (20 * np.sin(7 * y) * np.sin(6 * x))[..., None]
    noisy = clean + rng.standard_normal(clean.shape)
    share = judged([noisy], [blur(noisy)], lambda windows, sigma: list(map(blur, windows))).share
    errors = {
        part: np.square(noisy + part * (blur(noisy) - noisy) - clean).mean()
        for part in np.linspace(0, 1, 101)
    }
    assert 0 < share < 1
    assert abs(share - min(errors, key=errors.get)) < 0.05
    assert errors[round(100 * share) / 100] < 1


def test_no_more_is_taken_from_a_pixel_than_noise_explains():
    rng = np.random.default_rng(0)
    clean = rng.choice([0.0, 100.0], p=[0.98, 0.02], size=(128, 128, 1))
    noisy = clean + rng.standard_normal(clean.shape)
    verdict = judged([noisy], [blur(noisy)], lambda windows, sigma: list(map(blur, windows)), 1.0)
    assert verdict.noise == 1
    assert verdict.limit < np.inf
    error = np.square(verdict.applied(noisy, blur(noisy)) - clean).mean()
    assert error < 1 < np.square(blur(noisy) - clean).mean()
    everything = Verdict(1.0)
    np.testing.assert_allclose(everything.applied(noisy, blur(noisy)), blur(noisy))


def test_what_noise_explains_is_removed_whole():
    noisy = np.random.default_rng(0).standard_normal((64, 64, 1))

    def never(windows, sigma):
        raise AssertionError

    assert judged([noisy], [0 * noisy], never, 1.0) == Verdict(1.0, 1.0)


def test_strong_noise_is_removed_whole():
    noisy = np.random.default_rng(0).normal(0.5, 0.2, (64, 64, 1))

    def never(windows, sigma):
        raise AssertionError

    assert judged([noisy], [np.full_like(noisy, 0.5)], never) == Verdict(1.0)
    assert judged([noisy], [noisy.copy()], never) == Verdict(1.0)


@pytest.fixture(scope="module")
def oversampled():
    """Return a photograph whose pixels lie closer than its detail, (256, 256, 3) uint8."""
    from skimage import data

    coffee = Image.fromarray(data.coffee()[50:306, 150:406])
    return np.asarray(coffee.resize((128, 128), Image.LANCZOS).resize((256, 256), Image.LANCZOS))


def of_camera(photo, sigma):
    picture = np.atleast_3d(photo)
    noise = _of_camera(picture / np.float32(255), np.random.default_rng(0))
    return np.rint((picture + sigma * noise).clip(0, 255)).astype(np.uint8).reshape(photo.shape)


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_noise_that_a_camera_has_smoothed_is_removed_without_being_told(oversampled, mode):
    photo = np.asarray(Image.fromarray(oversampled).convert(mode))
    noisy = of_camera(photo, 5)
    assert psnr(photo, denoise(noisy)) > psnr(photo, noisy) + 0.5
    np.testing.assert_array_equal(denoise(photo), photo)


@pytest.fixture(scope="module")
def ramp():
    """Return a ramp of which both ends are flat, (64, 64, 1), and smoothed noise of deviation 1."""
    rows = np.linspace(-0.5, 1.5, 64).clip(0, 1)
    smooth = blur(blur(np.random.default_rng(0).standard_normal((64, 64, 1))))
    return rows[:, None, None] * np.ones((64, 64, 1)), smooth / smooth.std()


def test_what_is_taken_from_flat_places_is_told_from_the_rest(ramp):
    clean, smooth = ramp
    taken = 0.01 * np.where((clean > 0) & (clean < 1), 3.0, 1.0) * smooth
    deviation, correlation, left = taken_from_flat_places([clean + taken], [clean])
    assert deviation == pytest.approx(0.01, rel=0.2)
    assert 0.6 < correlation < 0.9
    assert left == 0


@pytest.mark.parametrize("taken", [0, 0.1, 1, 2])
def test_noise_of_a_camera_is_what_is_taken_from_flat_places(ramp, taken):
    clean, smooth = ramp
    noisy = clean + 0.02 * smooth

    def again(windows, sigma):
        assert sigma == pytest.approx(PROBED, rel=0.1)
        return [window - taken * sigma * smooth for window in windows]

    share, sigma = noise_of_camera([noisy], again([noisy], PROBED), again)
    assert share == (taken >= 1)
    assert sigma == pytest.approx(HIDDEN * taken * PROBED, rel=0.2) or not share


def test_an_image_of_one_color_has_no_noise_of_a_camera():
    flat = np.ones((32, 32, 3))
    assert noise_of_camera([flat], [flat], lambda windows, sigma: windows) == (0, 0)


def test_a_deviation_comes_with_what_the_network_was_told(oversampled):
    noisy = of_camera(oversampled, 5)[None]
    denoiser = AutoencoderDenoiser(weights="natural", n_augment=2)
    denoised, deviation = denoiser.predict(noisy, return_std=True)
    np.testing.assert_array_equal(denoised, denoiser.transform(noisy))
    assert deviation.shape == noisy.shape
    assert deviation.any()


def test_those_who_say_what_the_noise_is_are_believed(scene):
    assert (denoise(scene, sigma=10) != scene).any()


def test_learning_users_are_not_restrained(photos):
    noise = NoiseInjector(sigma=25)
    denoiser = AutoencoderDenoiser(size="nano", noise=noise, epochs=2, random_state=0).fit(photos)
    assert (denoiser.transform(photos) != photos).any()


# White noise


@pytest.fixture
def white(scene):
    """Return the photograph with noise of 25 gray levels, (128, 128) float32."""
    return with_white_noise(scene, 25)


@pytest.mark.parametrize("n_augment", [1, 2])
def test_white_noise_is_measured_and_told(white, n_augment):
    denoiser = AutoencoderDenoiser(weights="natural", n_augment=n_augment)
    mean, gain = image_statistics(white)
    sigma = gain * even_sigma([((white - mean) / gain)[..., None]])
    assert sigma == pytest.approx(25 / 255, rel=0.03)
    told = denoiser.set_params(sigma=sigma).transform(white[None])
    np.testing.assert_array_equal(denoiser.set_params(sigma=None).transform(white[None]), told)


def test_being_told_is_better_than_being_blind(scene, white, monkeypatch):
    told = denoise(white)
    monkeypatch.setattr(AutoencoderDenoiser, "_measures", False)
    blind = denoise(white)
    assert psnr(scene / 255, told, data_range=1) > psnr(scene / 255, blind, data_range=1)


def test_other_noise_is_not_told(scene, monkeypatch):
    places = np.linspace(0.02, 0.2, scene.shape[1], dtype=np.float32)
    noisy = scene / np.float32(255) + places * with_white_noise(0 * scene, 255)
    denoised = denoise(noisy)
    monkeypatch.setattr(AutoencoderDenoiser, "_measures", False)
    np.testing.assert_array_equal(denoise(noisy), denoised)


def test_weights_adapted_to_other_noise_do_without(white, monkeypatch):
    denoiser = AutoencoderDenoiser(weights="natural", epochs=1, random_state=0).fit(white[None])
    results = {}
    for told in (False, True):
        denoiser.adaptation_ = replace(denoiser.adaptation_, told=told)
        results[told] = denoiser.transform(white[None])
    assert (results[False] != results[True]).any()
    monkeypatch.setattr(AutoencoderDenoiser, "_measures", False)
    np.testing.assert_array_equal(denoiser.transform(white[None]), results[False])
