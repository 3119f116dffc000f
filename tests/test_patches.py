"""Patches lie inside images, pairs stay together, and numbers are what they are said to be."""

import threading
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skdenoise._background import in_background
from skdenoise._containers import read_images
from skdenoise._normalization import image_statistics
from skdenoise._patches import PatchSampler
from skdenoise._stein import PROBE
from skdenoise.noise import NoiseInjector

SHAPES = [(20, 30), (9, 40), (8, 8), (3, 5), (1, 1)]


def numbered(shapes=SHAPES):
    """Return images in which no two pixels are equal."""
    return [np.arange(1.0, 1 + h * w).reshape(h, w) + 10_000 * i for i, (h, w) in enumerate(shapes)]


def sampler(X, y=None, noise=None, **options):
    options = {
        "patch_size": 8,
        "multiple": 4,
        "normalized": False,
        "data_range": 1.0,
        **options,
    }
    target = None if y is None else read_images(y)
    return PatchSampler(read_images(X), target, noise, **options)


def batches(patches, n_images, *, batch_size=4, seed=0, **options):
    rng = np.random.default_rng(seed)
    return list(patches.epoch(range(n_images), batch_size, rng=rng, **options))


@given(
    st.lists(st.tuples(st.integers(1, 30), st.integers(1, 30)), min_size=1, max_size=4),
    st.integers(1, 20),
    st.sampled_from([1, 2, 8]),
    st.integers(1, 5),
    st.sampled_from(["pairs", "fresh", "alone"]),
)
def test_batches_have_one_shape_on_the_grid_of_the_network(
    shapes, patch_size, multiple, batch_size, way
):
    X = numbered(shapes)
    patches = sampler(
        X,
        X if way == "pairs" else None,
        (lambda scale: lambda image, rng: image + 1) if way == "fresh" else None,
        patch_size=patch_size,
        multiple=multiple,
    )
    drawn = batches(patches, len(X), batch_size=batch_size)
    assert len(drawn) == patches.n_batches(range(len(X)), batch_size)
    assert patches.height % multiple == patches.width % multiple == 0
    assert max(patches.height, patches.width) < patch_size + multiple
    for batch in drawn:
        wanted = (batch_size, patches.height, patches.width, 1)
        assert batch.noisy.shape == batch.clean.shape == batch.sigma.shape == wanted
        assert batch.share.shape == batch.weight.shape == (batch_size, 1, 1, 1)
        assert {array.dtype for array in batch.arrays()} == {np.dtype(np.float32)}


def test_a_patch_is_a_part_of_one_image_turned_or_flipped():
    X = numbered([(20, 30), (16, 16)])
    for batch in batches(sampler(X, X), 2):
        for patch in batch.clean[..., 0]:
            image = X[int(patch.min() // 10_000)]
            parts = [np.rot90(image, turns)[:, ::flip] for turns in range(4) for flip in (1, -1)]
            corner = [np.argwhere(part == patch[0, 0])[0] for part in parts]
            assert any(
                np.array_equal(part[top : top + 8, left : left + 8], patch)
                for part, (top, left) in zip(parts, corner, strict=True)
            )


def test_all_eight_orientations_are_drawn_and_none_without_augmentation():
    X = numbered([(8, 8)])
    found = [
        {
            batch.clean.tobytes()
            for seed in range(100)
            for batch in batches(sampler(X, X), 1, batch_size=1, seed=seed, augment=augment)
        }
        for augment in (True, False)
    ]
    assert [len(each) for each in found] == [8, 1]


def test_oblong_patches_keep_their_shape():
    X = numbered([(4, 12)])
    for seed in range(10):
        (batch,) = batches(sampler(X, X, multiple=2), 1, seed=seed, batch_size=2)
        assert batch.clean.shape == (2, 4, 8, 1)


def test_pairs_stay_together():
    X = numbered()
    for batch in batches(sampler(X, [image + 0.5 for image in X]), len(X)):
        np.testing.assert_array_equal(batch.clean - batch.noisy, 0.5)


def test_an_epoch_covers_the_images_once():
    X = numbered([(16, 16), (8, 8), (24, 16)])
    patches = sampler(X, X)
    assert [patches.n_patches(index) for index in range(3)] == [4, 1, 6]
    drawn = batches(patches, 3, batch_size=11)
    seen = np.concatenate([batch.clean.min(axis=(1, 2, 3)) // 10_000 for batch in drawn])
    assert np.bincount(seen.astype(int)).tolist() == [4, 1, 6]


def test_only_the_named_images_are_drawn():
    X = numbered([(16, 16)] * 4)
    rng = np.random.default_rng(0)
    for batch in sampler(X, X).epoch([1, 3], 3, rng=rng):
        assert set(batch.clean.min(axis=(1, 2, 3)) // 10_000) <= {1, 3}


def test_the_order_and_the_places_change_from_epoch_to_epoch_and_not_with_the_seed():
    X = numbered([(40, 40)])
    patches, rng = sampler(X, X), np.random.default_rng(0)
    first, second = (next(patches.epoch([0], 4, rng=rng)).clean for _ in range(2))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(batches(patches, 1)[0].clean, batches(patches, 1)[0].clean)


def test_a_small_image_is_mirrored():
    X = [np.array([[1.0, 2.0, 3.0]]), np.zeros((4, 4))]
    patches = sampler(X, X, patch_size=4)
    rng = np.random.default_rng(0)
    (batch,) = patches.epoch([0], 1, rng=rng, augment=False)
    np.testing.assert_array_equal(batch.clean[0, ..., 0], [[1, 2, 3, 3]] * 4)


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_normalized_patches_have_the_statistics_of_their_image_taken_out(dtype):
    X = np.random.default_rng(0).integers(0, 256, (3, 24, 24)).astype(dtype)
    scale = 255 if dtype == "uint8" else 1
    for batch in batches(sampler(X, X, normalized=True), 3):
        for patch, gain in zip(batch.clean, batch.share, strict=True):
            index = np.argmin(np.abs(X.std(axis=(1, 2)) / scale - gain.item()))
            assert gain.item() == pytest.approx(X[index].std() / scale, rel=1e-5)
            pixels = scale * (patch * gain.item()) + X[index].mean()
            np.testing.assert_allclose(pixels, np.rint(pixels), atol=1e-3)
            assert np.isin(np.rint(pixels), X[index]).all()


def test_fresh_noise_counts_in_the_statistics():
    X = np.random.default_rng(0).normal(0.5, 0.1, (2, 32, 32))
    noise = NoiseInjector(noise_factor=0.3)
    drawn = batches(sampler(X, noise=noise.at_scale, normalized=True, patch_size=32), 2)
    for batch in drawn:
        np.testing.assert_allclose(batch.share, np.hypot(0.1, 0.3), rtol=0.05)
        assert np.abs(batch.noisy.std(axis=(1, 2, 3)) - 1).max() < 0.05


def test_noise_is_told_in_the_units_of_the_image():
    told = []

    def noise(scale):
        told.append(scale)
        return lambda image, rng: image

    batches(sampler(np.ones((1, 8, 8), np.uint16), noise=noise), 1)
    assert told == [65535.0]


def test_the_network_is_told_sigma_for_a_share_of_the_patches():
    X = np.random.default_rng(0).random((4, 64, 64))
    patches = sampler(X, noise=NoiseInjector(noise_factor=0.2).at_scale, normalized=True)
    blind, half, always = (
        np.concatenate(
            [(b.sigma * b.share).reshape(4, -1) for b in batches(patches, 4, known_sigma=p)]
        )
        for p in (0.0, 0.5, 1.0)
    )
    assert not blind.any()
    assert np.abs(always - 0.2).max() < 0.1
    assert (always == always[:, :1]).all()
    assert 0.35 < (half[:, 0] > 0).mean() < 0.65


def test_noisy_images_alone_make_pairs_of_neighbors():
    X = numbered([(32, 32)])
    patches = sampler(X)
    assert (patches.height, patches.width) == (8, 8)
    for batch in batches(patches, 1):
        assert set(np.abs(batch.noisy - batch.clean).ravel()) <= {1.0, 32.0}


def test_the_stride_keeps_neighbors_apart():
    X = numbered([(64, 64)])
    for batch in batches(sampler(X, stride=2), 1):
        assert set(np.abs(batch.noisy - batch.clean).ravel()) <= {2.0, 128.0}


def test_where_noise_is_white_patches_come_with_a_step_of_known_length():
    X = np.random.default_rng(0).random((2, 32, 32))
    patches = sampler(X, sigmas=[0.1, 0.4], normalized=True)
    assert (patches.height, patches.width) == (16, 16)
    drawn = batches(patches, 2, batch_size=9, known_sigma=1.0)
    assert len(drawn) == patches.n_batches(range(2), 9) == 4
    for batch in drawn:
        assert len(batch.noisy) == 2
        step = (batch.clean - batch.noisy) / PROBE
        for one, sigma, share in zip(step, batch.sigma, batch.share, strict=True):
            deviation = sigma[0, 0, 0] * share.item()
            assert min(abs(deviation - 0.1), abs(deviation - 0.4)) < 1e-5
            np.testing.assert_allclose(np.abs(one), sigma, rtol=1e-3)
            assert abs(np.sign(one).mean()) < 0.3


def test_weights_of_a_batch_are_one_on_average_and_greater_where_noise_is_weak():
    X = np.zeros((2, 8, 8))
    y = np.stack([np.full((8, 8), 0.02), np.full((8, 8), 0.5)])
    for batch in batches(sampler(X, y), 2, batch_size=8):
        weak = batch.clean.max(axis=(1, 2, 3)) < 0.1
        assert np.square(batch.weight).mean() == pytest.approx(1, rel=1e-5)
        assert batch.weight[weak].min() > batch.weight[~weak].max()


@given(st.floats(-1e6, 1e6), st.integers(1, 5), st.sampled_from([np.float32, np.float64]))
def test_a_constant_image_has_a_deviation_of_one(value, side, dtype):
    mean, deviation = image_statistics(np.full((side, side, 1), value, dtype))
    assert mean == pytest.approx(dtype(value), rel=1e-6)
    assert deviation == 1


def test_statistics_are_those_of_numpy():
    image = np.random.default_rng(0).normal(3, 2, (30, 20, 3)).astype(np.float32)
    assert image_statistics(image) == pytest.approx((image.mean(), image.std()), rel=1e-5)


# In the background


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "skdenoise-background"]


@given(st.lists(st.integers(), max_size=20), st.integers(1, 4))
def test_items_come_in_their_order(items, depth):
    assert list(in_background(items, depth=depth)) == items
    assert not threads()


def test_what_is_raised_there_is_raised_here_after_what_came_before():
    def items():
        yield 1
        raise RuntimeError("from the thread")

    received = in_background(items())
    assert next(received) == 1
    with pytest.raises(RuntimeError, match="from the thread"):
        next(received)
    assert not threads()


def test_the_thread_ends_with_its_reader():
    def for_ever():
        while True:
            yield 0

    reader = in_background(for_ever())
    assert list(islice(reader, 3)) == [0, 0, 0]
    assert len(threads()) == 1
    reader.close()
    assert not threads()


def test_no_more_is_prepared_than_asked_for():
    prepared = []

    def items():
        for index in range(100):
            prepared.append(index)
            yield index

    reader = in_background(items(), depth=2)
    next(reader)
    reader.close()
    assert len(prepared) <= 5
