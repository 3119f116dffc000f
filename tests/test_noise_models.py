"""Every noise model keeps the law that its documentation states."""

import inspect
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from skdenoise.noise import NOISE_MODELS, NoiseInjector
from skdenoise.noise._models import STRENGTHS, parameters_of, resolve
from skdenoise.noise._universal import _of_light

SIDE = 400
DETERMINISTIC = {"quantization", "jpeg"}

every_model = pytest.mark.parametrize("name", NOISE_MODELS)
both_dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def noisy(name, image, seed=0, **parameters):
    return NOISE_MODELS[name](image, rng=np.random.default_rng(seed), **parameters)


def flat(value, dtype=np.float64, shape=(SIDE, SIDE)):
    return np.full(shape, value, dtype)


def assert_moments(values, mean, variance):
    """Compare with the law, as closely as so many values tell."""
    values = values.astype(np.float64)
    assert values.mean() == pytest.approx(mean, abs=5 * np.sqrt(variance / values.size))
    assert values.var() == pytest.approx(variance, rel=0.04)


def correlation(first, second):
    return np.corrcoef(first.ravel(), second.ravel())[0, 1]


# What all models have in common


@every_model
@both_dtypes
@pytest.mark.parametrize("shape", [(5, 7), (6, 5, 1), (6, 5, 3), (1, 9, 1), (9, 1, 1), (1, 1, 1)])
def test_the_result_is_a_new_image_of_the_same_kind(name, dtype, shape):
    image = np.random.default_rng(1).random(shape).astype(dtype)
    before = image.copy()
    image.flags.writeable = False
    result = noisy(name, image)
    assert result.shape == shape
    assert result.dtype == dtype
    assert not np.shares_memory(result, image)
    np.testing.assert_array_equal(image, before)


@every_model
def test_the_generator_decides(name):
    image = np.random.default_rng(1).random((16, 16, 3))
    np.testing.assert_array_equal(noisy(name, image, 3), noisy(name, image, 3))
    assert (noisy(name, image, 3) == noisy(name, image, 4)).all() == (name in DETERMINISTIC)


@every_model
def test_the_global_random_state_is_left_alone(name):
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    noisy(name, np.full((8, 8, 1), 0.5))
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


@every_model
@given(scale=st.sampled_from([1.0, 1e3, 1e12, 1e18]), seed=st.integers(0, 99))
def test_negative_and_huge_values_are_legal(name, scale, seed):
    image = scale * np.random.default_rng(seed).standard_normal((4, 6, 1))
    assert np.isfinite(noisy(name, image, seed)).all()


@every_model
def test_half_precision_comes_back(name):
    assert noisy(name, np.full((4, 4, 1), 0.5, np.float16)).dtype == np.float16


@every_model
def test_integers_are_refused(name):
    with pytest.raises(TypeError, match=r"image / 255\.0"):
        noisy(name, np.zeros((4, 4), np.uint8))


@every_model
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_images_must_be_finite(name, value):
    with pytest.raises(ValueError, match="NaN or infinity"):
        noisy(name, np.full((4, 4), value))


@every_model
@pytest.mark.parametrize("rng", [0, None, np.random.RandomState(0)])
def test_a_generator_is_needed(name, rng):
    with pytest.raises(TypeError, match=r"numpy\.random\.default_rng"):
        NOISE_MODELS[name](np.zeros((4, 4)), rng=rng)


@pytest.mark.parametrize("name", ["correlated", "stripes", "dead_pixels", "low_light", "jpeg"])
def test_noise_with_rows_and_columns_needs_one_picture(name):
    with pytest.raises(ValueError, match="Pass one image at a time"):
        noisy(name, np.zeros((2, 4, 4, 3)))


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        *(
            (name, {"sigma": value}, r"sigma must be a float in the range \[0, inf\)")
            for name in NOISE_MODELS
            if "sigma" in parameters_of(name)
            for value in (-0.1, np.nan, np.inf, "0.1", True)
        ),
        *(
            (name, {"peak": value}, r"peak must be a float in the range \(0, inf\)")
            for name in NOISE_MODELS
            if "peak" in parameters_of(name)
            for value in (0, -1, np.nan, np.inf)
        ),
        *(
            (name, {"fraction": value}, r"fraction must be a float in the range \[0, 1\]")
            for name in NOISE_MODELS
            if "fraction" in parameters_of(name)
            for value in (-0.1, 1.1, np.nan)
        ),
        ("gaussian_range", {"low": -0.1}, "low must be"),
        ("gaussian_range", {"low": 0.3, "high": 0.2}, "low must not exceed high"),
        ("local_variance", {"sigma_map": np.zeros(3)}, r"broadcast to the image of shape \(8, 8\)"),
        ("local_variance", {"sigma_map": -np.ones((8, 8))}, "finite and not negative"),
        ("local_variance", {"sigma_map": lambda image: image * np.nan}, "finite and not negative"),
        ("shot_read", {"shot": -1}, "shot must be"),
        ("shot_read", {"read": -1}, "read must be"),
        ("salt_and_pepper", {"salt": 2}, "salt must be"),
        ("salt_and_pepper", {"high": np.nan}, "high must be"),
        ("gamma_speckle", {"looks": 0}, "looks must be"),
        ("quantization", {"levels": 1}, "levels must be an int"),
        ("quantization", {"levels": 2.5}, "levels must be an int"),
        ("jpeg", {"quality": 0}, "quality must be an int"),
        ("jpeg", {"quality": 101}, "quality must be an int"),
        ("correlated", {"length": -1}, "length must be"),
        ("stripes", {"direction": "diagonal"}, "direction must be one of 'vertical', 'horizontal'"),
        ("dead_pixels", {"hot": -1}, "hot must be"),
        ("dead_pixels", {"sensor": -1}, "sensor must be"),
        ("low_light", {"exposure": -1}, "exposure must be"),
        ("low_light", {"read": -1}, "read must be"),
        ("low_light", {"rows": np.nan}, "rows must be"),
        ("mixture", {"noise_factor": -1}, "noise_factor must be"),
        ("mixture", {"components": "gaussian"}, "components must be a list"),
        ("mixture", {"components": []}, "components must be a list"),
        ("mixture", {"components": ["gauss"]}, "Unknown noise 'gauss'"),
        ("mixture", {"components": [("gaussian", {"std": 1})]}, "no parameter 'std'. It has 'sig"),
        ("mixture", {"components": [("gaussian", 1)]}, "pair"),
        ("mixture", {"weights": [1, 2]}, "weights must be 3 finite numbers"),
        ("mixture", {"weights": [-1, 1, 1]}, "weights must be"),
        ("mixture", {"weights": [0, 0, 0]}, "weights must be"),
        ("mixture", {"weights": [np.nan, 1, 1]}, "weights must be"),
        ("mixture", {"per": "row"}, "per must be one of 'image', 'pixel'"),
    ],
)
def test_bad_parameters_are_named(name, parameters, message):
    with pytest.raises(ValueError, match=message):
        noisy(name, np.full((8, 8), 0.5), **parameters)


# The law of each, under its name


@both_dtypes
def test_gaussian(dtype):
    noise = noisy("gaussian", flat(0.3, dtype), sigma=0.2)
    assert_moments(noise, 0.3, 0.04)
    assert abs(correlation(noise[1:], noise[:-1])) < 0.02
    assert np.mean(abs(noise - 0.3) < 0.2) == pytest.approx(0.6827, abs=0.01)


@both_dtypes
def test_gaussian_range(dtype):
    stds = [
        noisy("gaussian_range", flat(0.5, dtype, (40, 40)), seed, low=0.1, high=0.3).std()
        for seed in range(300)
    ]
    assert 0.09 < min(stds) < 0.11
    assert 0.29 < max(stds) < 0.32
    assert np.mean(np.square(stds)) == pytest.approx((0.01 + 0.03 + 0.09) / 3, rel=0.1)


@both_dtypes
def test_local_variance(dtype):
    ramp = np.linspace(0, 1, 4)[None, :]
    noise = noisy("local_variance", flat(0.5, dtype, (40_000, 4)), sigma=0.2, sigma_map=ramp)
    np.testing.assert_allclose(noise.std(axis=0), 0.2 * ramp[0], rtol=0.03)
    for value in (0.0, 0.25, 0.64):
        assert_moments(noisy("local_variance", flat(value, dtype)), value, 0.01 * value)
    assert (noisy("local_variance", flat(-0.5, dtype)) == -0.5).all()


def test_local_variance_takes_one_map_for_all_channels_or_a_function_of_the_image():
    place = np.zeros((3, 3))
    place[1, 2] = 1
    noise = noisy("local_variance", np.zeros((3, 3, 3)), sigma_map=place)
    np.testing.assert_array_equal((noise != 0).all(axis=-1), place.astype(bool))
    image = np.linspace(0, 1, 9).reshape(3, 3)
    np.testing.assert_array_equal(
        noisy("local_variance", image, sigma_map=lambda pixels: pixels**2),
        noisy("local_variance", image, sigma_map=image**2),
    )


@both_dtypes
@pytest.mark.parametrize("peak", [0.5, 30, 1e4])
def test_poisson(dtype, peak):
    noise = noisy("poisson", flat(0.5, dtype), peak=peak)
    assert_moments(noise, 0.5, 0.5 / peak)
    photons = noise.astype(np.float64) * peak
    np.testing.assert_allclose(photons, np.rint(photons), atol=1e-3)
    assert (noisy("poisson", flat(-0.5, dtype), peak=peak) == -0.5).all()


def test_poisson_of_huge_counts():
    assert_moments(noisy("poisson", flat(1e18), peak=1) / 1e9, 1e9, 1)


@both_dtypes
def test_poisson_gaussian(dtype):
    for value in (0.0, 0.5):
        noise = noisy("poisson_gaussian", flat(value, dtype), peak=20, sigma=0.1)
        assert_moments(noise, value, value / 20 + 0.01)


@both_dtypes
def test_shot_read(dtype):
    for value in (0.0, 0.5):
        assert_moments(
            noisy("shot_read", flat(value, dtype), shot=0.02, read=0.005),
            value,
            0.02 * value + 0.005,
        )
    assert_moments(noisy("shot_read", flat(0, dtype)), 0, np.exp(2.18 * np.log(0.01) + 1.20))
    assert (noisy("shot_read", flat(0.5, dtype), shot=0) == 0.5).all()


@both_dtypes
def test_salt_and_pepper(dtype):
    noise = noisy("salt_and_pepper", flat(0.5, dtype), fraction=0.2, salt=0.25, low=-1, high=2)
    assert np.mean(noise == 2) == pytest.approx(0.05, abs=0.005)
    assert np.mean(noise == -1) == pytest.approx(0.15, abs=0.005)
    assert set(np.unique(noise)) == {-1, 0.5, 2}
    assert (noisy("salt_and_pepper", flat(0.5, dtype), fraction=0) == 0.5).all()
    assert set(np.unique(noisy("salt_and_pepper", flat(0.5, dtype), fraction=1))) == {0, 1}


@both_dtypes
def test_random_impulse(dtype):
    noise = noisy("random_impulse", flat(2, dtype), fraction=0.2)
    replaced = noise[noise != 2]
    assert replaced.size / noise.size == pytest.approx(0.2, abs=0.01)
    assert_moments(replaced, 0.5, 1 / 12)
    assert 0 <= replaced.min() < 0.01
    assert 0.99 < replaced.max() <= 1


@both_dtypes
def test_speckle(dtype):
    for value in (0.0, 0.5, -2.0):
        noise = noisy("speckle", flat(value, dtype), sigma=0.2)
        assert_moments(noise, value, (0.2 * value) ** 2)


@both_dtypes
@pytest.mark.parametrize("looks", [1, 2.5, 16])
def test_gamma_speckle(dtype, looks):
    noise = noisy("gamma_speckle", flat(0.5, dtype), looks=looks)
    assert_moments(noise, 0.5, 0.25 / looks)
    assert (noise >= 0).all()
    skewness = np.mean((noise - noise.mean()) ** 3) / noise.std() ** 3
    assert skewness == pytest.approx(2 / np.sqrt(looks), rel=0.1)


@both_dtypes
def test_uniform(dtype):
    noise = noisy("uniform", flat(0.5, dtype), sigma=0.1)
    assert_moments(noise, 0.5, 0.01)
    assert abs(noise - 0.5).max() == pytest.approx(0.1 * np.sqrt(3), rel=1e-3)


@both_dtypes
def test_laplace(dtype):
    noise = noisy("laplace", flat(0.5, dtype), sigma=0.1)
    assert_moments(noise, 0.5, 0.01)
    assert abs(noise - 0.5).mean() == pytest.approx(0.1 / np.sqrt(2), rel=0.01)


@both_dtypes
def test_rician(dtype):
    black = noisy("rician", flat(0, dtype), sigma=0.1)
    assert_moments(black, 0.1 * np.sqrt(np.pi / 2), (2 - np.pi / 2) * 0.01)
    for value in (0.1, 0.5):
        noise = noisy("rician", flat(value, dtype), sigma=0.1).astype(np.float64)
        assert (noise >= 0).all()
        assert np.mean(noise**2) == pytest.approx(value**2 + 0.02, rel=0.01)
    assert noisy("rician", flat(1, dtype), sigma=0.1).std() == pytest.approx(0.1, rel=0.02)


@both_dtypes
def test_quantization(dtype):
    image = np.random.default_rng(1).random((SIDE, SIDE)).astype(dtype)
    coarse = noisy("quantization", image, levels=9)
    np.testing.assert_array_equal(np.unique(coarse * 8), np.arange(9))
    assert abs(coarse - image).max() <= 0.5 / 8 + 1e-6
    inside = (image > 1 / 16) & (image < 15 / 16)
    assert_moments((coarse - image)[inside], 0, 1 / 8**2 / 12)
    np.testing.assert_array_equal(noisy("quantization", flat(2.1, dtype), levels=3), 2)


def as_file_says(pixels, quality):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


@both_dtypes
@pytest.mark.parametrize("quality", [5, 50, 95])
def test_jpeg(dtype, quality, photo, color_photos):
    for pixels in (photo, color_photos[0]):
        image = (pixels / 255).astype(dtype)
        decoded = noisy("jpeg", image, quality=quality) * dtype(255)
        np.testing.assert_allclose(decoded, as_file_says(pixels, quality), atol=1e-3)
    two = np.stack([photo, photo[::-1]], axis=-1)
    by_channel = noisy("jpeg", (two / 255).astype(dtype), quality=quality) * dtype(255)
    np.testing.assert_allclose(by_channel[..., 0], as_file_says(photo, quality), atol=1e-3)


def test_jpeg_carries_what_exceeds_the_range():
    image = np.full((8, 8), 0.0)
    image[:4] = -3.0
    image[4:] = 5.0
    np.testing.assert_allclose(noisy("jpeg", image, quality=100), image, atol=0.05)


def test_jpeg_files_have_a_largest_size():
    with pytest.raises(ValueError, match="65500 x 65500"):
        noisy("jpeg", np.zeros((1, 65501)))


@both_dtypes
@pytest.mark.parametrize("length", [0.7, 1, 2])
def test_correlated(dtype, length):
    noise = noisy("correlated", flat(0.5, dtype, (SIDE, SIDE, 2)), sigma=0.1, length=length)
    assert noise.mean() == pytest.approx(0.5, abs=0.005)
    assert noise.std() == pytest.approx(0.1, rel=0.03)
    for lag in (1, 2):
        law = np.exp(-(lag**2) / (4 * length**2))
        assert correlation(noise[lag:], noise[:-lag]) == pytest.approx(law, abs=0.03)
        assert correlation(noise[:, lag:], noise[:, :-lag]) == pytest.approx(law, abs=0.03)
    assert abs(correlation(noise[..., 0], noise[..., 1])) < 0.05


def test_correlated_noise_has_its_variance_at_the_border_too():
    corners = [
        noisy("correlated", np.zeros((2, 2)), seed, sigma=0.1, length=3) for seed in range(2000)
    ]
    np.testing.assert_allclose(np.std(corners, axis=0), 0.1, rtol=0.08)


def test_correlated_noise_of_length_zero_is_white():
    noise = noisy("correlated", flat(0), sigma=0.1, length=0)
    assert_moments(noise, 0, 0.01)
    assert abs(correlation(noise[1:], noise[:-1])) < 0.02


@both_dtypes
def test_stripes(dtype):
    noise = noisy("stripes", flat(0.5, dtype, (3, 100_000, 2)), sigma=0.2)
    assert (noise == noise[:1, :, :1]).all()
    assert_moments(noise[0, :, 0], 0.5, 0.04)
    lying = noisy("stripes", flat(0.5, dtype, (3, 4)), direction="horizontal")
    assert (lying == lying[:, :1]).all()
    assert np.unique(lying).size == 3


@both_dtypes
def test_dead_pixels(dtype):
    noise = noisy("dead_pixels", flat(0.5, dtype, (SIDE, SIDE, 3)), fraction=0.1, hot=0.2)
    assert (noise == noise[..., :1]).all()
    assert np.mean(noise == 1) == pytest.approx(0.02, abs=0.003)
    assert np.mean(noise == 0) == pytest.approx(0.08, abs=0.005)
    assert set(np.unique(noise)) == {0, 0.5, 1}


def test_a_sensor_keeps_its_dead_pixels():
    image = np.full((20, 20), 0.5)
    first, second = (noisy("dead_pixels", image, seed, sensor=1) for seed in (0, 1))
    np.testing.assert_array_equal(first, second)
    other = noisy("dead_pixels", image, sensor=2)
    assert (first != other).any()


@both_dtypes
def test_low_light(dtype):
    parameters = {"peak": 20, "exposure": 0.5, "read": 2, "rows": 1}
    for value in (0.0, 0.8):
        noise = noisy("low_light", flat(value, dtype, (5000, 40)), **parameters)
        photons = noise.astype(np.float64) * 20
        np.testing.assert_allclose(photons, np.rint(photons), atol=1e-3)
        assert noise.mean() == pytest.approx(0.5 * value, abs=0.005)
        law = 0.5 * value / 20 + (2**2 + 1**2 + 1 / 12) / 20**2
        assert noise.var() == pytest.approx(law, rel=0.04)
        covariance = np.cov(noise[:, 0], noise[:, 20])[0, 1]
        assert covariance == pytest.approx(1 / 20**2, rel=0.15)


@both_dtypes
def test_mixture(dtype):
    components = [("gaussian", {"sigma": 0.02}), ("uniform", {"sigma": 0.2})]
    law = 0.75 * 0.02**2 + 0.25 * 0.2**2
    arguments = {"components": components, "weights": [3, 1]}
    noise = noisy("mixture", flat(0.5, dtype), per="pixel", **arguments)
    assert_moments(noise, 0.5, law)
    stds = np.array(
        [
            noisy("mixture", flat(0.5, dtype, (20, 20)), seed, **arguments).std()
            for seed in range(400)
        ]
    )
    assert np.mean(stds < 0.1) == pytest.approx(0.75, abs=0.08)
    assert ((stds < 0.03) | (stds > 0.17)).all()
    assert_moments(noisy("mixture", flat(0.5, dtype), noise_factor=0.3, per="pixel"), 0.5, 0.09)


# The table, and what one number of strength means


@every_model
def test_every_model_has_a_strength_a_law_and_a_test(name):
    assert f"test_{name}" in globals()
    assert STRENGTHS[name].names() <= set(parameters_of(name))
    documentation = inspect.getdoc(NOISE_MODELS[name])
    assert ">>>" in documentation
    assert f"\n{name} " in inspect.getdoc(NoiseInjector)


def test_the_tables_hold_the_same_names():
    assert list(STRENGTHS) == list(NOISE_MODELS)


@pytest.mark.parametrize(
    "name",
    sorted(
        set(NOISE_MODELS)
        - {
            "gaussian_range",
            "salt_and_pepper",
            "random_impulse",
            "dead_pixels",
            "jpeg",
            "low_light",
            "universal",
        }
    ),
)
def test_the_factor_is_the_standard_deviation_at_white(name):
    step = resolve(name, noise_factor=0.05)
    image = np.ones((2, 80_000, 1))
    if name == "quantization":
        image = np.random.default_rng(0).random((2, 80_000, 1))
    result = step.function(image, rng=np.random.default_rng(0), **step.parameters)
    tolerance = 0.1 if name in {"quantization", "shot_read"} else 0.03
    assert (result - image).std() == pytest.approx(0.05, rel=tolerance)


@every_model
def test_noise_grows_with_the_factor(name, photo):
    image = photo[..., None] / 255

    def error(noise_factor):
        step = resolve(name, noise_factor=noise_factor)
        generator = np.random.default_rng(0)
        return np.mean((step.function(image, rng=generator, **step.parameters) - image) ** 2)

    errors = [error(noise_factor) for noise_factor in (0.05, 0.2, 0.6)]
    assert errors == sorted(errors)
    assert errors[0] < errors[-1]


@every_model
def test_no_factor_no_noise(name):
    assert resolve(name, noise_factor=0).function is None


# All of them


def strengths_of_universal(image, n_draws, **parameters):
    rng = np.random.default_rng(0)
    noisy = (NOISE_MODELS["universal"](image, rng=rng, **parameters) for _ in range(n_draws))
    return np.array([np.sqrt(np.mean(np.square(result - image))) for result in noisy])


def test_universal():
    image = np.random.default_rng(1).uniform(0.3, 0.7, (48, 48, 1)).astype(np.float32)
    strengths = strengths_of_universal(image, 1000, sigma=0.2)
    assert strengths.max() < 0.22
    # White and the like, correlated, and of cameras.
    weak = 0.7 * (0.8 * 0.1 + 0.2 * 2 / 3) + 0.08 * (0.8 * 0.2 + 0.2 * 0.77) + 0.22 * 0.72
    assert (strengths < 0.02).mean() == pytest.approx(weak, abs=0.05)
    mean = (0.7 + 0.08 / 2) * (0.8 / 2 + 0.2 * 0.145) + 0.22 * 0.3 * 0.25
    assert strengths.mean() == pytest.approx(0.2 * mean, rel=0.08)


def kinds_of_universal(n_channels=1, **parameters):
    """Return the shares of 400 draws whose noise is correlated, and that are in whole levels."""
    image = np.full((64, 64, n_channels), 0.5, np.float32)
    rng = np.random.default_rng(0)
    correlated = rounded = 0
    for _ in range(400):
        result = NOISE_MODELS["universal"](image, sigma=0.1, rng=rng, **parameters)
        noise = (result - image)[..., 0]
        correlated += noise.std() > 0 and correlation(noise[1:], noise[:-1]) > 0.1
        rounded += bool((np.rint(result * 255) == (result * 255).round(3)).all())
    return correlated / 400, rounded / 400


def test_noise_of_light_is_of_mean_zero_and_skewed():
    rng = np.random.default_rng(0)
    image = np.linspace(0, 1, 64 * 64, dtype=np.float32).reshape(64, 64, 1)
    for strength in (0.01, 0.3):
        noise = np.stack([_of_light(image, strength, rng) for _ in range(400)])
        assert noise.dtype == np.float32
        assert noise.mean() == pytest.approx(0, abs=0.005)
        assert np.square(noise).mean() == pytest.approx(1, rel=0.02)
        skewness = (noise**3).mean()
        assert skewness < 0.05 if strength < 0.1 else skewness > 0.2
    assert _of_light(0 * image, 0.1, rng).std() == pytest.approx(1, rel=0.05)


@pytest.mark.parametrize("n_channels", [1, 3])
def test_universal_noise_is_of_several_kinds(n_channels):
    correlated, rounded = kinds_of_universal(n_channels)
    assert correlated == pytest.approx(0.28, abs=0.07)
    assert rounded == pytest.approx(0.18, abs=0.06)


def test_the_share_of_white_noise_may_be_chosen():
    assert kinds_of_universal(white=1.0)[0] < 0.05
    assert kinds_of_universal(white=0.0)[0] == pytest.approx(0.52, abs=0.08)
    with pytest.raises(ValueError, match="white"):
        NOISE_MODELS["universal"](np.zeros((8, 8)), white=1.5, rng=np.random.default_rng(0))
