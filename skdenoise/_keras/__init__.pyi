from ._backend import has_fast_bfloat16, rounded_to_bfloat16, to_tensors
from ._bending import FusedBending
from ._denoising import ExpectedError
from ._devices import chosen_devices
from ._enhancing import Enhancing
from ._formats import read_exported, write_exported
from ._graph import denoising_graph, enhancing_graph
from ._network import Network, draw_weights, get_curve_network, get_network
from ._precision_loss import precision_loss
from ._prediction import predict
from ._revival import revival_is_due
from ._training import DivergenceError, Plan, Trainer, scheduled_rate, train

__all__ = [
    "DivergenceError",
    "Enhancing",
    "ExpectedError",
    "FusedBending",
    "Network",
    "Plan",
    "Trainer",
    "chosen_devices",
    "denoising_graph",
    "draw_weights",
    "enhancing_graph",
    "get_curve_network",
    "get_network",
    "has_fast_bfloat16",
    "precision_loss",
    "predict",
    "read_exported",
    "revival_is_due",
    "rounded_to_bfloat16",
    "scheduled_rate",
    "to_tensors",
    "train",
    "write_exported",
]
