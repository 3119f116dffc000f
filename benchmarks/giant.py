"""Images larger than memory: peaks of memory, by the size of the image, and what dask adds.

Linux only: the peak is read from /proc, where it can be reset after the network was traced.
SKDENOISE_GIANT_SIDE is the side of the largest image, 8192 if it is not set; 20000 takes minutes.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._measuring import Result, ratios, seconds, take_turns
from benchmarks.memory import peaks, print_peak
from skdenoise._side_by_side import n_cores

LARGEST = int(os.environ.get("SKDENOISE_GIANT_SIDE", "8192"))
CHUNK = 1024
CLUSTER_SIDE = 4096
N_SMALL, SMALL_SIDE = 100, 256


def measure(n_rounds: int) -> Iterator[Result]:
    """Measure memory once, and take turns with and without dask."""
    what = "bytes from disk to disk, unet nano"
    yield from peaks("giant", what, (LARGEST // 2, LARGEST), goal=("<=", 1.5))
    yield from _small_images(n_rounds)
    yield from _cluster(n_rounds)


def _small_images(n_rounds: int) -> Iterator[Result]:
    import dask.array as da

    denoiser = _denoiser()
    images = _noise((N_SMALL, SMALL_SIDE, SMALL_SIDE))
    lazily = denoiser.transform(da.from_array(images, chunks=(1, SMALL_SIDE, SMALL_SIDE)))
    plain, dask = take_turns(
        n_rounds,
        lambda: seconds(lambda: denoiser.transform(images)),
        lambda: seconds(lambda: lazily.compute(scheduler="threads")),
    )
    for name, part in (("time", 0), ("processor time", 1)):
        yield Result(
            "giant",
            f"{N_SMALL} images of {SMALL_SIDE} x {SMALL_SIDE}: {name}, dask / plain",
            ratios([item[part] for item in dask], [item[part] for item in plain]),
            goal=("<=", 1.1),
        )


def _cluster(n_rounds: int) -> Iterator[Result]:
    import dask.array as da
    from distributed import Client, LocalCluster

    denoiser = _denoiser()
    image = _noise((1, CLUSTER_SIDE, CLUSTER_SIDE))
    with tempfile.TemporaryDirectory() as folder:
        import zarr

        stored = zarr.create_array(
            f"{folder}/image.zarr", shape=image.shape, dtype=image.dtype, chunks=(1, CHUNK, CHUNK)
        )
        stored[...] = image
        lazily = denoiser.transform(da.from_zarr(f"{folder}/image.zarr"))
        found: list[Any] = []

        def run(client: Any) -> float:
            return seconds(lambda: found.append(lazily.compute(scheduler=client))).wall

        def cluster(n_workers: int) -> Any:
            return LocalCluster(n_workers=n_workers, threads_per_worker=1, dashboard_address=None)

        with (
            cluster(1) as one,
            Client(one) as alone,
            cluster(2) as two,
            Client(two) as together,
        ):
            run(alone), run(together)
            slow, quick = take_turns(n_rounds, lambda: run(alone), lambda: run(together))
    note = f"{n_cores()} cores, load {os.getloadavg()[0]:.1f}"
    yield Result(
        "giant",
        f"{CLUSTER_SIDE} x {CLUSTER_SIDE}: speed of two processes / one of one thread",
        ratios(slow, quick),
        goal=(">=", 1.6),
        note=note,
    )
    wanted = denoiser.transform(image)
    difference = max(np.abs(item.astype(int) - wanted).max() for item in found)
    yield Result(
        "giant",
        "largest difference between dask and plain, of 255",
        (float(difference),),
        goal=("<=", 1),
    )


def _denoiser() -> Any:
    from skdenoise import AutoencoderDenoiser, NoiseInjector

    noise = NoiseInjector(sigma=25)
    denoiser = AutoencoderDenoiser(size="nano", epochs=1, noise=noise, random_state=0)
    return denoiser.fit(_noise((1, 64, 64)))


def _noise(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).integers(256, size=shape, dtype=np.uint8)


def _denoise(side: int) -> None:
    denoiser = _denoiser()
    with tempfile.TemporaryDirectory() as folder:
        places = [Path(folder, name) for name in ("image", "denoised")]
        image = np.memmap(places[0], np.uint8, "w+", shape=(1, side, side))
        for top in range(0, side, 1000):
            image[0, top : top + 1000] = _noise((min(1000, side - top), side))
        del image
        image = np.memmap(places[0], np.uint8, "r", shape=(1, side, side))
        out = np.memmap(places[1], np.uint8, "w+", shape=image.shape)
        denoiser.transform(_noise((1, 64, 64)))
        print_peak(lambda: denoiser.transform(image, out))


if __name__ == "__main__":
    _denoise(int(sys.argv[1]))
