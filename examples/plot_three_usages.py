"""
In a pipeline, in a search, in cross-validation
===============================================

A denoiser is an estimator like any other of scikit-learn. What is special is the noise: it has
to be there while the denoiser learns and is tested, and gone when it is used.
"""

# %%
# Sixteen pieces of two photographs, 64 x 64 pixels each, and four of a third one for the test.

import numpy as np
from skimage import data
from skimage.util import view_as_blocks

gravel, brick, camera = (
    view_as_blocks(image, (64, 64)).reshape(-1, 64, 64)
    for image in (data.gravel(), data.brick(), data.camera())
)
X = np.concatenate([gravel[::8], brick[::8]])
X_test = camera[[19, 20, 27, 28]]

# %%
# A pipeline
# ----------
# :class:`~skdenoise.NoiseInjector` is a step that adds noise. Behind it the denoiser sees noisy
# images as ``X``, and learns to make the clean ``y`` of them: so the clean images are passed
# twice.

from sklearn.pipeline import Pipeline

from skdenoise import AutoencoderDenoiser, NoiseInjector

pipeline = Pipeline([("noise", NoiseInjector()), ("denoise", AutoencoderDenoiser())])
pipeline.set_params(
    noise__random_state=0,
    denoise__size="nano",
    denoise__epochs=30,
    denoise__batch_size=4,
    denoise__random_state=0,
)
pipeline.fit(X, X)

# %%
# Deploying it
# ------------
# The pipeline adds noise whenever it is used, also to images that are noisy already.
# :func:`~skdenoise.without_noise` is the same pipeline without its injector.

from skdenoise import psnr, without_noise

X_noisy = NoiseInjector(noise_factor=0.1, random_state=1).fit_transform(X_test)
print(f"as it came: {psnr(X_test, X_noisy):.2f} dB")
print(f"pipeline, which adds noise first: {psnr(X_test, pipeline.transform(X_noisy)):.2f} dB")
deployed = without_noise(pipeline)
print(f"without_noise(pipeline): {psnr(X_test, deployed.transform(X_noisy)):.2f} dB")

# %%

from skdenoise.plotting import DenoisingDisplay

display = DenoisingDisplay.from_estimator(pipeline, X_noisy, X_test, max_images=2)

# %%
# Cross-validation
# ----------------
# :data:`~skdenoise.scoring.psnr_scorer` compares what the pipeline makes of ``X`` with ``y``.

from sklearn.model_selection import cross_val_score

from skdenoise import psnr_scorer

pipeline.set_params(denoise__epochs=10)
scores = cross_val_score(pipeline, X, X, scoring=psnr_scorer, cv=3)
print(f"{scores.mean():.2f} dB +- {scores.std():.2f}")

# %%
# A search over the strength of the noise
# ---------------------------------------
# How strong should the noise be from which a denoiser learns? The plain form runs, but does not
# answer: the strength that is searched makes the test easier, too, so the weakest noise wins.

import warnings

from sklearn.model_selection import GridSearchCV

factors = {"noise__noise_factor": [0.025, 0.1, 0.4]}
search = GridSearchCV(pipeline, factors, scoring=psnr_scorer, cv=2)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    search.fit(X, X)
print(search.best_params_, search.cv_results_["mean_test_score"].round(2))
print(caught[0].message)

# %%
# The honest form tests every candidate on the same noise, the one that is expected in practice.
# The scorer adds it to the clean images, and leaves the injector of the pipeline out.

expected = NoiseInjector(noise_factor=0.1)
honest = GridSearchCV(pipeline, factors, scoring=psnr_scorer.with_noise(expected), cv=2)
honest.fit(X, X)
print(honest.best_params_, honest.cv_results_["mean_test_score"].round(2))

# %%
# Without an injector in the pipeline
# -----------------------------------
# A denoiser that makes its own noise needs no pipeline, draws fresh noise at every step, and can
# be used as it is. Its noise is searched in the same way, as ``noise__noise_factor``.

denoiser = AutoencoderDenoiser(
    size="nano",
    noise=NoiseInjector(noise_factor=0.1),
    epochs=30,
    batch_size=4,
    random_state=0,
)
print(f"{psnr(X_test, denoiser.fit(X).transform(X_noisy)):.2f} dB")
