"""Displays show what was computed, and say so where there is nothing to show."""

import sys

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skdenoise import NoiseInjector, ZeroDCEEnhancer, denoising_report, psnr
from skdenoise._curves import Curves
from skdenoise.plotting import CurvesDisplay, DenoisingDisplay, HistoryDisplay, ReportDisplay

HISTORY = {"loss": [0.3, 0.2, 0.1], "psnr": [20.0, 24.0, 25.0], "val_psnr": [21.0, 23.0, 24.0]}


@pytest.fixture(autouse=True)
def _no_figure_is_left():
    import matplotlib.pyplot as plt

    yield
    plt.close("all")


@pytest.fixture
def noisy_photos(photos):
    return NoiseInjector(sigma=25, random_state=0).fit_transform(photos)


def halved(images):
    """Return every image in half as many gray levels: a denoiser that needs no training."""
    return images // 2 * 2


def titles(display):
    return [[ax.get_title() for ax in row] for row in display.axes_]


def shown(ax):
    return np.asarray(ax.images[0].get_array())


def test_every_image_has_a_row_of_noisy_denoised_reference_and_removed(photos, noisy_photos):
    display = DenoisingDisplay.from_images(noisy_photos[:2], photos[:2], photos[:2])
    assert display.axes_.shape == (2, 4)
    first = titles(display)[0]
    assert first[0] == f"noisy, {psnr(photos[:1], noisy_photos[:1]):.1f} dB"
    assert first[1:3] == ["denoised, equal", "reference"]
    assert first[3].startswith("removed, std ")
    np.testing.assert_allclose(shown(display.axes_[0, 2]), photos[0] / 255)


def test_without_a_reference_there_is_no_psnr(noisy_photos):
    display = DenoisingDisplay.from_images(noisy_photos[:1], halved(noisy_photos[:1]))
    assert titles(display)[0][:2] == ["noisy", "denoised"]
    assert display.axes_.shape == (1, 3)


def test_only_the_first_images_are_denoised(noisy_photos):
    seen = []

    def denoise(images):
        seen.append(len(images))
        return halved(images)

    display = DenoisingDisplay.from_estimator(
        FunctionTransformer(denoise).fit(noisy_photos), noisy_photos, max_images=2
    )
    assert seen == [2]
    assert len(display.axes_) == 2


def test_the_injector_of_a_pipeline_is_left_out(photos, noisy_photos):
    pipeline = make_pipeline(NoiseInjector(noise_factor=0.5), FunctionTransformer(halved))
    display = DenoisingDisplay.from_estimator(pipeline.fit(photos), noisy_photos, photos)
    np.testing.assert_array_equal(display.denoised[0][..., 0], halved(noisy_photos[0]))


def test_zoom_shows_a_part_and_keeps_the_psnr_of_the_whole(photos, noisy_photos):
    whole = DenoisingDisplay.from_images(noisy_photos, halved(noisy_photos), photos)
    part = DenoisingDisplay.from_images(
        noisy_photos, halved(noisy_photos), photos, zoom=(8, 16, 20, 30)
    )
    assert titles(part) == titles(whole)
    np.testing.assert_array_equal(shown(part.axes_[0, 2]), photos[0, 8:28, 16:46] / 255)


@pytest.mark.parametrize("zoom", [(0, 0, 65, 10), (-1, 0, 4, 4), (0, 0, 0, 4), (60, 60, 8, 8)])
def test_zoom_outside_an_image_is_an_error(noisy_photos, zoom):
    with pytest.raises(ValueError, match="image of 64 x 64 pixels"):
        DenoisingDisplay.from_images(noisy_photos, noisy_photos, zoom=zoom)


def test_colors_are_shown_in_color(color_photos):
    display = DenoisingDisplay.from_images(color_photos, halved(color_photos), color_photos)
    np.testing.assert_allclose(shown(display.axes_[0, 2]), color_photos[0] / 255)


def test_other_numbers_of_channels_are_averaged():
    pair = np.stack([np.zeros((1, 20, 24)), np.ones((1, 20, 24))], axis=-1)
    display = DenoisingDisplay.from_images(pair, pair, pair)
    np.testing.assert_array_equal(shown(display.axes_[0, 0]), np.full((20, 24), 0.5))


def test_floats_of_another_range_need_one():
    gray_levels = np.full((1, 32, 32), 200.0)
    with pytest.raises(ValueError, match=r"floats from 200 to 200.*Pass data_range=255"):
        DenoisingDisplay.from_images(gray_levels, gray_levels)


def test_floats_of_another_range_are_stretched_by_data_range():
    ramp = np.linspace(100, 500, 400).reshape(1, 20, 20)
    display = DenoisingDisplay.from_images(ramp + 40, ramp + 4, ramp, data_range=400)
    np.testing.assert_allclose(shown(display.axes_[0, 2]), (ramp[0] - 100) / 400)
    assert titles(display)[0][:2] == ["noisy, 20.0 dB", "denoised, 40.0 dB"]


@pytest.mark.parametrize("dtype", [np.int16, np.uint16])
@pytest.mark.parametrize("first", [-200, 0, 100])
def test_integers_that_do_not_fit_a_data_range_begin_where_they_begin(dtype, first):
    ramp = np.arange(400).reshape(1, 20, 20) + (first if dtype == np.int16 else abs(first))
    display = DenoisingDisplay.from_images(*[ramp.astype(dtype)] * 3, data_range=400)
    np.testing.assert_allclose(shown(display.axes_[0, 2]), np.arange(400).reshape(20, 20) / 400)


def test_images_of_mixed_sizes_are_shown(photo):
    images = [photo, photo[:20, :40]]
    display = DenoisingDisplay.from_images(images, images)
    assert [shown(row[0]).shape for row in display.axes_] == [(96, 96), (20, 40)]


def test_tables_are_shown_with_the_shape_that_the_estimator_knows(photos):
    table = photos[:2].reshape(2, -1)
    injector = NoiseInjector(image_shape=(64, 64), random_state=0).fit(table)
    display = DenoisingDisplay.from_estimator(injector, table, table)
    assert shown(display.axes_[0, 0]).shape == (64, 64)


def test_unequal_numbers_of_images_are_an_error(photos):
    with pytest.raises(ValueError, match="2 noisy images, but 1 denoised"):
        DenoisingDisplay.from_images(photos[:2], photos[:1])


def test_showing_no_image_is_an_error(photos):
    with pytest.raises(ValueError, match="max_images must be 1 or more"):
        DenoisingDisplay.from_images(photos, photos, max_images=0)


def test_displays_draw_on_given_axes_and_count_them(photos):
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3)
    display = DenoisingDisplay.from_images(photos[:1], photos[:1], axes=axes)
    assert display.figure_ is figure
    with pytest.raises(ValueError, match=r"8 axes are needed, 2 x 4\. Got 3"):
        DenoisingDisplay.from_images(photos[:2], photos[:2], photos[:2], axes=axes)


def test_the_callers_images_are_not_written_to(photos, noisy_photos):
    before = noisy_photos.copy()
    DenoisingDisplay.from_images(noisy_photos, noisy_photos, photos)
    np.testing.assert_array_equal(noisy_photos, before)


def test_a_report_shows_the_residual_in_standard_deviations_of_the_noise(photos, noisy_photos):
    report = denoising_report(noisy_photos, photos, sigma=25)
    display = ReportDisplay.from_images(noisy_photos, photos, report=report, max_images=2)
    assert display.axes_.shape == (2, 4)
    assert titles(display)[1] == [
        "noisy, sigma 25",
        "denoised",
        f"residual, {report.residual_ratio[1]:.2f} sigma",
        f"local strength, leak {report.leak[1]:+.2f}",
    ]
    removed = (noisy_photos[1].astype(float) - photos[1]) / 25
    np.testing.assert_allclose(
        shown(display.axes_[1, 2]), np.clip(0.5 + removed / 6, 0, 1), atol=1e-12
    )


def test_the_local_strength_is_1_where_the_noise_was_removed():
    flat = np.full((1, 64, 64), 0.5)
    sigma = np.where(np.arange(64) < 32, 0.05, 0.1)
    noisy = flat + sigma * np.random.default_rng(0).normal(size=flat.shape)
    report = denoising_report(noisy, flat, sigma=0.05)
    strength = shown(ReportDisplay.from_images(noisy, flat, report=report).axes_[0, 3])
    assert strength[:, :20].mean() == pytest.approx(1, abs=0.05)
    assert strength[:, -20:].mean() == pytest.approx(2, abs=0.1)


def test_without_a_report_it_is_made_of_the_images_that_are_shown(photos, noisy_photos):
    display = ReportDisplay.from_images(noisy_photos, photos, max_images=3, zoom=(8, 8, 20, 30))
    assert len(display.report.sigma) == 3
    assert shown(display.axes_[0, 3]).shape == (20, 30)
    again = ReportDisplay(
        noisy=display.noisy, denoised=display.denoised, report=display.report, limits=display.limits
    ).plot()
    assert titles(again) == titles(display)


def test_constant_images_and_no_noise_are_shown():
    flat = np.full((1, 20, 20), 0.5)
    display = ReportDisplay.from_images(flat, flat)
    assert titles(display)[0][0] == "noisy, sigma 0"
    np.testing.assert_array_equal(shown(display.axes_[0, 3]), 0)


class ConstantCurves(ZeroDCEEnhancer):
    """Stands in for an enhancer whose curves are known: red is brightened, blue darkened."""

    __init__ = ZeroDCEEnhancer.__init__

    def _with_curves(self, images):
        for image in images:
            height, width, _ = image.shape
            maps = np.zeros((height, width, 1, 3), np.float32)
            maps[..., 0], maps[..., 2] = -0.5, 0.25
            maps[: height // 2, :, :, 0] = -0.25
            curves = Curves(maps, height, width)
            yield image, curves.shared() if self.keep_hue or images.n_channels == 1 else curves


def constant_curves(**options):
    return ConstantCurves(weights="default", n_iterations=1, **options)


def test_curves_are_shown_by_their_strength_and_what_they_do(color_photos):
    display = CurvesDisplay.from_estimator(constant_curves(), color_photos[:2])
    assert display.axes_.shape == (2, 4)
    np.testing.assert_allclose(shown(display.axes_[0, 0]), color_photos[0] / 255, atol=1e-6)
    enhanced = constant_curves().transform(color_photos[:2])
    np.testing.assert_allclose(shown(display.axes_[1, 1]), enhanced[1] / 255, atol=1e-6)
    strength = shown(display.axes_[0, 2])
    np.testing.assert_allclose(strength[0], 0, atol=1e-7)
    np.testing.assert_allclose(strength[-1], 0.25 / 3)
    x = display.levels
    red, green, blue = np.moveaxis(display.tones[0], -1, 0)
    np.testing.assert_allclose(red[[0, 2]], [x - r * (x - x**2) for r in (-0.25, -0.5)], atol=1e-6)
    np.testing.assert_allclose(green, np.tile(x, (3, 1)), atol=1e-6)
    np.testing.assert_allclose(blue[1], x - 0.25 * (x - x**2), atol=1e-6)
    drawn = [line.get_ydata() for line in display.axes_[0, 3].lines[1:]]
    np.testing.assert_array_equal(drawn, [red[1], green[1], blue[1]])


def test_curves_that_are_shared_are_one_line(color_photos, photos):
    for enhancer, X in [
        (constant_curves(keep_hue=True), color_photos[:1]),
        (constant_curves(), photos[:1]),
    ]:
        display = CurvesDisplay.from_estimator(enhancer, X)
        assert len(display.axes_[0, 3].lines) == 2
        assert display.tones[0].shape == (3, 65, 1)


def test_the_original_of_a_pipeline_is_what_comes_to_the_enhancer(color_photos):
    steps = NoiseInjector(), FunctionTransformer(halved), constant_curves()
    display = CurvesDisplay.from_estimator(make_pipeline(*steps), color_photos[:1])
    np.testing.assert_allclose(display.original[0], halved(color_photos[0]) / 255, atol=1e-6)


def test_curves_of_sequences_and_tables_are_shown(color_photos):
    images = [color_photos[0], color_photos[1][:20, :40]]
    display = CurvesDisplay.from_estimator(constant_curves(), images, max_images=2)
    assert [shown(row[2]).shape for row in display.axes_] == [(64, 64), (20, 40)]
    table = color_photos[:1].reshape(1, -1) / 255
    display = CurvesDisplay.from_estimator(constant_curves(image_shape=(64, 64, 3)), table)
    assert shown(display.axes_[0, 1]).shape == (64, 64, 3)


def test_what_has_no_curves_is_an_error(photos):
    with pytest.raises(ValueError, match="NoiseInjector has no curves"):
        CurvesDisplay.from_estimator(NoiseInjector(), photos)
    with pytest.raises(ValueError, match="max_images must be 1 or more"):
        CurvesDisplay.from_estimator(constant_curves(), photos, max_images=0)


class Fitted:
    """Stands for a denoiser that has learnt."""

    def __init__(self, history):
        self.history_ = history


def test_history_is_drawn_epoch_by_epoch():
    display = HistoryDisplay.from_estimator(Fitted(HISTORY))
    loss, psnrs = display.axes_
    np.testing.assert_array_equal(loss.lines[0].get_data(), [[1, 2, 3], HISTORY["loss"]])
    drawn = {line.get_label(): list(line.get_ydata()) for line in psnrs.lines}
    assert drawn == {"training": HISTORY["psnr"], "held out": HISTORY["val_psnr"]}


def test_history_without_held_out_images_has_one_curve():
    history = {name: values for name, values in HISTORY.items() if name != "val_psnr"}
    assert len(HistoryDisplay(history=history).plot().axes_[1].lines) == 1


def test_the_history_of_a_pipeline_is_that_of_its_last_step():
    pipeline = make_pipeline(NoiseInjector(), FunctionTransformer())
    pipeline.steps[-1] = ("denoise", Fitted(HISTORY))
    assert HistoryDisplay.from_estimator(pipeline).history is HISTORY


def test_no_history_is_an_error():
    with pytest.raises(ValueError, match="NoiseInjector has no history_"):
        HistoryDisplay.from_estimator(NoiseInjector())


def test_without_matplotlib_the_error_says_what_to_install(photos, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"pip install skdenoise\[plot\]"):
        DenoisingDisplay.from_images(photos[:1], photos[:1])


def test_the_history_of_an_enhancer_has_terms():
    history = {"loss": [2.0, 1.0], "spatial": [0.5, 0.4], "color": [0.1, 0.2], "seconds": [1, 1]}
    axes = HistoryDisplay(history=history).plot().axes_
    assert [line.get_label() for line in axes[1].lines] == ["spatial", "color"]
    assert axes[1].get_ylabel() == "terms of the loss"
