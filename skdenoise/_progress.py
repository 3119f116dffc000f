"""A progress bar for training: how far, how well, how long still."""


class ProgressBar:
    """A progress bar that follows the share of the training that is done."""

    def __init__(self, *, shown: bool) -> None:
        self._shown = shown

    def __enter__(self) -> "ProgressBar":
        if self._shown:
            from tqdm import tqdm

            layout = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
            self._bar = tqdm(total=1.0, desc="fit", bar_format=layout)
        return self

    def __exit__(self, *reason: object) -> None:
        if self._shown:
            self._bar.close()

    def step(self, numbers: dict[str, float]) -> None:
        """Show where training stands."""
        if not self._shown:
            return
        shown = {"epoch": str(int(numbers["epoch"])), "loss": f"{numbers['loss']:.4f}"}
        if "psnr" in numbers:
            shown["psnr"] = f"{numbers['psnr']:.2f} dB"
        self._bar.set_postfix(shown, refresh=False)
        self._bar.update(min(numbers["progress"], 1.0) - self._bar.n)
