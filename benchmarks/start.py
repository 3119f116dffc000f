"""Start: the processor time that a new process spends before it can do anything."""

from collections.abc import Iterator

from benchmarks._measuring import Result, ratios, run_python, take_turns


def measure(n_rounds: int) -> Iterator[Result]:
    """Import the package, its first class and `sklearn.base`, and ask the command for help."""

    def cpu_seconds(*arguments: str) -> float:
        return run_python(*arguments)[1]

    package, classes, sklearn, command = take_turns(
        2 * n_rounds,
        lambda: cpu_seconds("-c", "import skdenoise"),
        lambda: cpu_seconds("-c", "from skdenoise import AutoencoderDenoiser"),
        lambda: cpu_seconds("-c", "import sklearn.base"),
        lambda: cpu_seconds("-m", "skdenoise", "--help"),
    )
    yield Result(
        "start",
        "processor time: import skdenoise / import sklearn.base",
        ratios(package, sklearn),
        goal=("<=", 1.1),
    )
    yield Result(
        "start",
        "processor time: from skdenoise import AutoencoderDenoiser / import sklearn.base",
        ratios(classes, sklearn),
    )
    yield Result("start", "processor time: skdenoise --help", command, unit="s", goal=("<", 1.0))
