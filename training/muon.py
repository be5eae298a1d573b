"""An optimizer: Muon, for convolutions too."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops


class Muon(keras.optimizers.Muon):  # type: ignore[misc]  # Keras has no types
    """Momentum, made orthogonal: every direction of a kernel learns at the same pace.

    K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024; with steps as long as
    AdamW's, after J. Liu et al., "Muon is Scalable for LLM Training", 2025. Keras' own takes kernels of dense
    layers only. Here, as in Jordan's, a convolution's kernel (rows, columns, channels, filters) is a matrix
    of shape (rows * columns * channels, filters). Biases, normalisations and the last layer are AdamW's.

    Args:
        rate: of learning, or its schedule.
        weight_decay: of all variables.
        last: name of the last layer.
        averaging: momentum of the moving average of the weights; 0 is none.
    """

    def __init__(
        self,
        rate: float | keras.optimizers.schedules.LearningRateSchedule,
        *,
        weight_decay: float,
        last: str,
        averaging: float = 0.0,
    ) -> None:
        super().__init__(
            rate,
            weight_decay=weight_decay,
            adam_weight_decay=weight_decay,
            use_ema=averaging > 0,
            ema_momentum=averaging,
        )
        self._last = last

    def _should_use_adamw(self, variable: Any) -> bool:  # noqa: ANN401
        return len(variable.shape) < 2 or self._last in variable.path.split("/")

    def _muon_update_step(self, gradient: Any, variable: Any, rate: Any, momentum: Any) -> None:  # noqa: ANN401
        self.assign(momentum, self.momentum * momentum + gradient)
        rows, columns = math.prod(variable.shape[:-1]), variable.shape[-1]
        step = ops.reshape(gradient + self.momentum * momentum, (rows, columns))
        step = self.zeropower_via_newtonschulz5(step, self.ns_steps)
        scale = self.rms_rate * math.sqrt(max(rows, columns))
        self.assign_sub(variable, ops.reshape(step, variable.shape) * (rate * scale))
