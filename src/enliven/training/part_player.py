"""The adversary that looks at mouth and eyes alone."""

from __future__ import annotations

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from enliven.model.part_critic import PartCritic
from enliven.training import losses
from enliven.training.batches import Batch
from enliven.training.train_config import OptimiserSettings

_SIDE = 48
_CLIP = 2.0


class PartPlayer:
    """A patch discriminator for crops, with its optimiser; the generator hears it through two losses."""

    def __init__(self, fabric: Fabric, settings: OptimiserSettings) -> None:
        self.fabric = fabric
        self.critic = PartCritic().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        betas = (settings.discriminator_beta1, settings.beta2)
        self.optimiser = torch.optim.Adam(self.critic.parameters(), settings.discriminator_rate, betas)
        self._critic, self._stepped = fabric.setup(self.critic, self.optimiser)

    def heard(self, fake: Tensor, batch: Batch) -> dict[str, Tensor]:
        """The generator's losses; the critic's weights stand still meanwhile. ``fake``: (B, 3, S, S)."""
        drawings = _parts(batch.drawing, batch)
        self.critic.requires_grad_(False)
        with torch.no_grad():
            _, real_features = self.critic(_parts(batch.target, batch), drawings)
        scores, fake_features = self.critic(_parts(fake, batch), drawings)
        self.critic.requires_grad_(True)
        return {
            "parts": losses.hinge_for_generator(scores),
            "parts_matching": losses.feature_matching(fake_features, real_features),
        }

    def learn(self, fake: Tensor, batch: Batch) -> dict[str, Tensor]:
        """One step of the critic on true and made crops."""
        both = torch.cat([_parts(batch.target, batch), _parts(fake, batch)])
        scores, _ = self._critic(both, _parts(batch.drawing, batch).repeat(2, 1, 1, 1))
        real, made = scores.chunk(2)
        loss = losses.hinge_for_discriminator(real, made)
        self._stepped.zero_grad()
        self.fabric.backward(loss)
        nn.utils.clip_grad_norm_(self.critic.parameters(), _CLIP)
        self._stepped.step()
        return {"parts_critic": loss.detach()}


def _parts(pictures: Tensor, batch: Batch) -> Tensor:
    """(3 B, 3, 48, 48) mouths, right eyes, left eyes of (B, 3, S, S) pictures; differentiable."""
    boxes = (batch.mouth_boxes(), *batch.eye_boxes())
    return torch.cat([losses.cut(pictures, box, _SIDE) for box in boxes])
