"""The recipe of the enhancer's weights: repeatable, and its file is an enhancer like any other."""

import numpy as np
import pytest
from PIL import Image

from skdenoise import ZeroDCEEnhancer, load
from skdenoise._enhancer_pretraining import Recipe, main, pretrain


@pytest.fixture(scope="module")
def images(color_photos):
    return list(color_photos)


@pytest.mark.parametrize("architecture", ["dce", "dce++"])
def test_the_same_recipe_gives_the_same_weights(images, architecture, capsys):
    recipe = Recipe(architecture, n_steps=3, patch_size=24, batch_size=2)
    one, other = (pretrain(images, images, recipe) for _ in range(2))
    for name, array in one.weights_.items():
        np.testing.assert_array_equal(array, other.weights_[name])
        # Numbers of bfloat16: the upper half of a float32.
        assert not (array.view(np.uint32) & 0xFFFF).any()
    assert one.transform(images[0][None]).dtype == np.uint8
    assert "step 3" in capsys.readouterr().out


def test_parameters_of_the_training_are_not_kept(images, capsys):
    enhancer = pretrain(images, images, Recipe("dce++", n_steps=1, patch_size=24, batch_size=2))
    assert enhancer.get_params() == ZeroDCEEnhancer("dce++").get_params()
    assert enhancer.learning_ == "re-exposed"


def test_the_command_writes_a_small_file(images, tmp_path, capsys):
    for index, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / f"{index}.png")
    path = tmp_path / "new.safetensors"
    options = ["--architecture", "dce++", "--steps", "2", "--patch-size", "24"]
    main([str(tmp_path), str(tmp_path), "-o", str(path), *options])
    assert path.stat().st_size < 50_000
    assert load(path).transform(images[0][None]).shape == (1, 64, 64, 3)
