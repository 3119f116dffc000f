"""Training in plain PyTorch, as its users train: what ours is compared with.

A program that runs beside the benchmarks, in a Python that has torch: for each number of
seconds that it is asked for it trains so long on one prepared batch and answers with the steps per
second, and per second of processor time.
"""

import sys
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

from benchmarks._beside import answer
from benchmarks._measuring import calls_per_second
from benchmarks._torch_networks import Autoencoder, UNet

BATCH_SIZE, PATCH_SIZE = 32, 64
NETWORKS = {"autoencoder": Autoencoder, "unet": UNet}


def main(name: str, precision: str, n_threads: int) -> None:
    """Train a denoiser in f32 or bf16."""
    torch.set_num_threads(n_threads)
    torch.manual_seed(0)
    network = NETWORKS[name]().to(memory_format=torch.channels_last).train()
    clean = torch.rand(BATCH_SIZE, 1, PATCH_SIZE, PATCH_SIZE)
    noisy = (clean + 0.1 * torch.randn_like(clean)).to(memory_format=torch.channels_last)
    clean = clean.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)

    def step() -> float:
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
            denoised = network(noisy)
        loss = functional.mse_loss(denoised.float(), clean)
        loss.backward()
        optimizer.step()
        return loss.item()

    serve(network, step)


def serve(network: nn.Module, step: Callable[[], object]) -> None:
    """Take as many steps as there is time for, again and again."""
    for _ in range(3):
        step()
    n_parameters = sum(parameter.numel() for parameter in network.parameters())
    answer(lambda line: calls_per_second(step, float(line)), torch.__version__, n_parameters)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
