"""
Images larger than memory, and clusters
=======================================

A scan is denoised from disk to disk, part by part, without a seam; then once more by dask. The scan
is small here, so that this page is quick, but everything would work with one of 50 gigapixels.
"""

# %%
# From disk to disk
# -----------------
# A microscope would write such a file. What is written to lies on disk, too.

import tempfile
from pathlib import Path

import numpy as np
from skimage import data

from skdenoise import AutoencoderDenoiser, NoiseInjector

folder = Path(tempfile.mkdtemp())
shape = (1, 2304, 2304)

scan = np.memmap(folder / "scan", np.uint8, "w+", shape=shape)
scan[0] = np.tile(data.camera(), (5, 5))[: shape[1], : shape[2]]
scan[:] = NoiseInjector(sigma=25, random_state=0).fit_transform(scan)

denoised = np.memmap(folder / "denoised", np.uint8, "w+", shape=shape)

# %%
# A nano network learns for a moment; any denoiser would do. With ``resume=True``, a note of what
# is finished is kept beside the result until all of it is. Interrupt it, repeat the call, and it
# goes on where it was.

noise = NoiseInjector("gaussian_range", sigma=50)
denoiser = AutoencoderDenoiser(size="nano", noise=noise, epochs=20, batch_size=16, random_state=0)
denoiser.fit(data.camera()[None])

denoised = denoiser.transform(scan, denoised, resume=True)

# %%
# Tiles of 1024 pixels meet here, in the middle of the picture.

import matplotlib.pyplot as plt

around = slice(944, 1104)
figure, axes = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
for ax, image, title in zip(axes, (scan, denoised), ("scan", "denoised"), strict=True):
    ax.imshow(image[0, around, around], cmap="gray", vmin=0, vmax=255)
    ax.set_title(title)
    ax.set_axis_off()

# %%
# Lazily
# ------
# The transform of a dask array is a dask array. Nothing has been computed yet.

import dask.array as da

lazily = denoiser.transform(da.from_array(scan, chunks=(1, 1152, 1152)))
print(lazily)

# %%
# Threads, processes and clusters compute it alike. Chunks are not tiles, and sums are rounded in
# another order, so that a pixel may differ by one gray level.

found = lazily.compute(scheduler="threads")
print(f"Largest difference: {np.abs(found.astype(int) - denoised).max()} of 255")

# %%
# A cluster
# ---------
# Two processes on this machine, each with one thread, could as well be a hundred machines. The
# denoiser travels to each of them once. Processes import the script that starts them, so they are
# started below ``if __name__ == "__main__":``. A grid search goes there through joblib.

import shutil

from joblib import parallel_config
from sklearn.model_selection import GridSearchCV

if __name__ == "__main__":
    from distributed import Client

    noise = NoiseInjector(noise_factor=0.1)
    search = GridSearchCV(
        AutoencoderDenoiser(size="nano", noise=noise, epochs=2, random_state=0),
        {"patch_size": [16, 32]},
        cv=2,
    )
    with Client(n_workers=2, threads_per_worker=1, dashboard_address=None):
        found = lazily.compute()
        with parallel_config(backend="dask"):
            search.fit(data.camera()[None, :128, :128].reshape(4, 64, 64) / 255)
    print(f"Largest difference: {np.abs(found.astype(int) - denoised).max()} of 255")
    print(search.best_params_)

shutil.rmtree(folder)
