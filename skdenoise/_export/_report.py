"""What `export` says of a file."""

from dataclasses import dataclass

LEAST_NOTABLE = 0.0005
"""Decibels that are worth a word."""


@dataclass(frozen=True)
class ExportReport:
    """What `export` has written, and how far it is from the estimator.

    Attributes
    ----------
    path : str
        The file or folder.
    format : str
        Its format.
    precision : str
        How its weights lie in it.
    inputs : tuple of str
        Names of what the graph takes.
    output : str
        Name of what it returns.
    n_channels : int
        Channels of the images.
    n_bytes : int
        Size of the file, or of the files together.
    n_bytes_float32 : int
        Size that it has in float32.
    largest_difference : float
        Of a pixel from what the network of the estimator makes of it, as a share of the range from
        black to white, on pictures of `procedural_images` of several sizes, with noise or too dark.
    mean_difference : float
        Mean absolute difference of the pixels.
    psnr_change : float or None
        By how many dB the PSNR of denoised images changes; None for an enhancer, which has no
        clean image to be compared with.
    psnr_of_transform : float or None
        By how many dB `transform` is better than the file: with weights of the package it also
        measures the noise, and tells the network. None as above.
    """

    path: str
    format: str
    precision: str
    inputs: tuple[str, ...]
    output: str
    n_channels: int
    n_bytes: int
    n_bytes_float32: int
    largest_difference: float
    mean_difference: float
    psnr_change: float | None
    psnr_of_transform: float | None

    def __str__(self) -> str:
        """Return three lines."""
        share = self.n_bytes / self.n_bytes_float32
        size = f"{self.n_bytes:,} bytes"
        if self.precision != "float32":
            size += f", {share:.2f} of those in float32"
        change = "" if self.psnr_change is None else f"; PSNR {self.psnr_change:+.3f} dB"
        if abs(self.psnr_of_transform or 0) >= LEAST_NOTABLE:
            change += f", and of transform, which measures the noise, {self.psnr_of_transform:+.3f}"
        return "\n".join(
            [
                f"{self.path}: {self.format}, {self.precision}, {size}",
                f"  {' and '.join(self.inputs)} -> {self.output}, "
                f"float32 (n_images, height, width, {self.n_channels})",
                f"  differs from the network by at most {self.largest_difference:.1e} of the "
                f"range, {self.mean_difference:.1e} on average{change}",
            ]
        )
