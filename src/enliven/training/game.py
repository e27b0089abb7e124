"""The two players, generator and discriminator, and one step of each on its own losses."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from enliven.errors import TrainingError
from enliven.model.discriminator import Discriminator, IdentityTable
from enliven.model.talker import Rendered
from enliven.training import losses
from enliven.training.batches import Batch
from enliven.training.beginning import first_talker
from enliven.training.feature_nets import FeatureLoss
from enliven.training.part_player import PartPlayer
from enliven.training.train_config import TrainConfig

Logged = dict[str, Tensor]
"""Scalar losses by name, before their weights; and ``total``, after."""

_OF_ADVERSARY = {"adversarial", "feature_matching", "match", "parts", "parts_matching"}
_RAMP = 1000
"""Most steps over which the adversary's weight rises."""


class _Trainee(nn.Module):
    """The talker with plain tensors at its door, as the wrappers of distributed training want them."""

    def __init__(self, talker: nn.Module) -> None:
        super().__init__()
        self.talker = talker

    def forward(self, *episode: Tensor) -> tuple[Tensor, ...]:
        person, frame = self.talker(*episode)
        pictures = (frame.result, frame.warped, frame.synthesis, frame.mask)
        return (person.embedding, *pictures, frame.flow, frame.confidence)


class Game:
    """Networks, their running mean, and optimisers; what one step changes is all in here."""

    def __init__(
        self, fabric: Fabric, config: TrainConfig, identities: int, features: Sequence[FeatureLoss]
    ) -> None:
        self.fabric, self.config, self.features = fabric, config, features
        self.talker = first_talker(config)
        self.judge = Discriminator(config.model).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.table = IdentityTable(identities, config.model.embedding).to(fabric.device)
        settings = config.optimiser
        mine, theirs = ((beta1, settings.beta2) for beta1 in (settings.beta1, settings.discriminator_beta1))
        self.optimisers: dict[str, torch.optim.Optimizer] = {
            "generator": torch.optim.Adam(self.talker.parameters(), settings.generator_rate, mine),
            "discriminator": torch.optim.Adam(self.judge.parameters(), settings.discriminator_rate, theirs),
            "table": torch.optim.SparseAdam(self.table.parameters(), settings.table_rate, theirs),
        }
        self.parts = (
            PartPlayer(fabric, settings) if config.losses.parts or config.losses.parts_matching else None
        )
        if self.parts:
            self.optimisers["critic"] = self.parts.optimiser
        self.base_rates = {name: o.param_groups[0]["lr"] for name, o in self.optimisers.items()}
        trainee = _Trainee(self.talker)
        self._trainee, self._generator_step = fabric.setup(trainee, self.optimisers["generator"])
        self._judge, self._judge_step = fabric.setup(self.judge, self.optimisers["discriminator"])
        self.mean_talker = copy.deepcopy(self.talker).eval().requires_grad_(False)

    def step(self, step: int, batch: Batch) -> Logged:
        """One generator step and, once the adversary plays, its discriminator steps. Gives every loss."""
        self._set_rates(step)
        adversary = self.adversary_share(step)
        logged, fake = self._step_generator(batch, adversary)
        if adversary > 0:
            for _ in range(self.config.optimiser.discriminator_updates):
                logged |= self._step_discriminator(batch, fake)
                logged |= self.parts.learn(fake, batch) if self.parts else {}
        self._follow(step)
        return logged

    def adversary_share(self, step: int) -> float:
        """0 before the adversary joins, then rising to 1."""
        begin = self.config.adversary_from
        ramp = max(1, min(_RAMP, begin))
        return min(1.0, (step - begin + 1) / ramp) if step >= begin else 0.0

    def _step_generator(self, batch: Batch, adversary: float) -> tuple[Logged, Tensor]:
        embedding, *frame = self._trainee(*batch.episode())
        rendered = Rendered(*(tensor.float() for tensor in frame))
        logged = picture_losses(rendered, batch, self.config)
        with self.fabric.autocast():
            for loss in self.features:
                logged[loss.name] = loss(rendered.result, batch)
            if adversary > 0:
                logged |= self._adversarial(rendered.result, embedding, batch)
                logged |= self.parts.heard(rendered.result, batch) if self.parts else {}
        total = self._weighed(logged, adversary)
        self._generator_step.zero_grad()
        self.fabric.backward(total)
        norm = self._clip(self.talker, "generator", logged)
        self._generator_step.step()
        return logged | {"total": total.detach(), "gradient": norm}, rendered.result.detach()

    def _adversarial(self, fake: Tensor, embedding: Tensor, batch: Batch) -> Logged:
        """The generator's losses that the discriminator gives; its weights stand still meanwhile."""
        self.judge.requires_grad_(False)
        rows = self.table(batch.identity).detach()
        with torch.no_grad():
            _, real_features = self.judge(batch.target, batch.drawing, rows)
        scores, fake_features = self.judge(fake, batch.drawing, rows)
        self.judge.requires_grad_(True)
        return {
            "adversarial": losses.hinge_for_generator(scores),
            "feature_matching": losses.feature_matching(fake_features, real_features),
            "match": losses.match(embedding.float(), rows),
        }

    def _step_discriminator(self, batch: Batch, fake: Tensor) -> Logged:
        rows = self.table(batch.identity)
        both = torch.cat([batch.target, fake])
        scores, _ = self._judge(both, batch.drawing.repeat(2, 1, 1, 1), rows.repeat(2, 1))
        real, made = scores.float().chunk(2)
        loss = losses.hinge_for_discriminator(real, made)
        logged = {"discriminator": loss.detach()}
        self._judge_step.zero_grad()
        self.optimisers["table"].zero_grad()
        self.fabric.backward(loss)
        self._clip(self.judge, "discriminator", logged)
        self._share_table_gradient()
        self._judge_step.step()
        self.optimisers["table"].step()
        return logged

    def _weighed(self, logged: Logged, adversary: float) -> Tensor:
        weights = self.config.losses
        own = {feature.name: feature.weight for feature in self.features}
        total = next(iter(logged.values())).new_zeros(())
        for name, value in logged.items():
            share = adversary if name in _OF_ADVERSARY else 1.0
            total = total + share * own.get(name, getattr(weights, name, 0.0)) * value
        return total

    def _clip(self, network: nn.Module, name: str, logged: Logged) -> Tensor:
        """Limits the gradient of each part and gives the largest norm; refuses to step on one that is not finite."""
        # Each part by itself: a flow moves every pixel, so the motion net's gradient would drown all others.
        parts = [part for part in network.children() if any(p.grad is not None for p in part.parameters())]
        norms = [nn.utils.clip_grad_norm_(part.parameters(), self.config.optimiser.clip) for part in parts]
        norm = torch.stack(norms).max()
        if not bool(torch.isfinite(norm)):
            bad = [key for key, value in logged.items() if not bool(torch.isfinite(value))]
            blame = f"loss '{bad[0]}' is not a number" if bad else f"the {name}'s gradient is not a number"
            raise DivergedError(blame)
        return norm.detach()

    def _share_table_gradient(self) -> None:
        """Under several processes, every one learns the rows that any of them saw."""
        if self.fabric.world_size == 1:
            return
        weight = self.table.rows.weight
        gradient = weight.grad
        assert gradient is not None
        indices = self.fabric.all_gather(gradient._indices()[0]).flatten()
        values = self.fabric.all_gather(gradient._values()).flatten(0, 1) / self.fabric.world_size
        weight.grad = torch.sparse_coo_tensor(indices[None], values, weight.shape, check_invariants=False)

    def _set_rates(self, step: int) -> None:
        rise = min(1.0, (step + 1) / max(1, self.config.optimiser.warm_up))
        for name, optimiser in self.optimisers.items():
            for group in optimiser.param_groups:
                group["lr"] = self.base_rates[name] * rise

    @torch.no_grad()
    def _follow(self, step: int) -> None:
        """The running mean comes along; quicker at first, so that it forgets where it began."""
        share = 1.0 - min(self.config.optimiser.ema, (1.0 + step) / (10.0 + step))
        for mean, now in zip(self.mean_talker.parameters(), self.talker.parameters(), strict=True):
            mean.lerp_(now, share)
        for kept, buffer in zip(self.mean_talker.buffers(), self.talker.buffers(), strict=True):
            kept.copy_(buffer)


class DivergedError(TrainingError):
    """Learning went wrong; the text says how, the loop adds where to go back to."""


def picture_losses(frame: Rendered, batch: Batch, config: TrainConfig) -> Logged:
    """The losses that need no other network, of those that have a weight."""
    weights = config.losses
    found = {"pixels": losses.pixels(frame.result, batch.target, batch.importance)}
    if weights.warped:
        found["warped"] = losses.weighed_l1(frame.warped, batch.target, batch.importance)
    if weights.synthesis:
        found["synthesis"] = losses.pixels(frame.synthesis, batch.target, batch.importance)
    if weights.painted:
        found["painted"] = losses.painted(frame.mask)
    if weights.mouth:
        found["mouth"] = losses.crop_of(frame.result, batch.target, batch.mouth_boxes())
    if weights.eyes:
        right, left = batch.eye_boxes()
        found["eyes"] = (
            losses.crop_of(frame.result, batch.target, right)
            + losses.crop_of(frame.result, batch.target, left)
        ) / 2
    return found


def used_precision(config: TrainConfig, device: torch.device) -> str:
    """What `auto` means here: bf16 on a GPU or a CPU that computes in it, else float32."""
    if config.precision != "auto":
        return config.precision
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported() else "float32"
    return "bf16" if torch.ops.mkldnn._is_mkldnn_bf16_supported() else "float32"
