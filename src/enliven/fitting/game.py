"""Fine-tuning of Zakharov et al. 2019, section 3.3: psi', decoder, motion net and w' learn on one person's photos."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from enliven.fitting.album import Lesson
from enliven.fitting.settings import FitSettings
from enliven.model.checkpoint import Checkpoint
from enliven.model.talker import Guesses, Person, Rendered
from enliven.training import losses
from enliven.training.batches import Batch
from enliven.training.game import DivergedError, picture_losses, used_precision
from enliven.training.landmark_loss import AnyLandmarkLoss, landmark_losses
from enliven.training.train_config import LossWeights, TrainConfig

_FITTED = ("synthesis.", "motion_net.")
"""Parts that learn of the person. The decoder alone, as in the paper, changes next to nothing where most of a picture

is the photos' own pixels: where they lie and whose they are is the motion net's.
"""
_LOSSES = LossWeights(adversarial=0.05, feature_matching=0.5)
"""A discriminator that has seen eight photos has little to say. Painting is charged for as in training: where it was

not, the photos' pixels were painted over with their mean, and the person was lost.
"""
_CLIP = 2.0
_EDGES = 5.0
"""Weight of the edges of the whole picture: without them two episodes a step and an adversary paint checkerboards."""


class FitGame:
    """The base model, and what one person changes of it."""

    def __init__(
        self,
        talker: nn.Module,
        judge: nn.Module | None,
        base: Checkpoint,
        person: tuple[Tensor, Tensor],
        settings: FitSettings,
        device: torch.device,
    ) -> None:
        """``talker``: as the base has it, folded; ``judge``: its discriminator, or None.

        ``person``: e (E,) and psi (P,) of the photos.
        """
        self.settings, self.device = settings, device
        self.config = TrainConfig(model=base.config, losses=_LOSSES)
        self.talker = copy.deepcopy(talker).eval().requires_grad_(False).to(device)
        self.judge = None if judge is None else judge.to(device).train()
        e, psi = (value.to(device) for value in person)
        self.psi = nn.Parameter(psi.clone())
        self.row = nn.Parameter(e.clone())
        named = dict(self.talker.named_parameters())
        self._weights = {
            name: named[name].requires_grad_()
            for name in named
            if name.startswith(_FITTED) and "projection" not in name
        }
        groups = [
            {"params": [self.psi], "lr": settings.psi_rate},
            {"params": list(self._weights.values()), "lr": settings.rate},
        ]
        self.optimisers: dict[str, torch.optim.Optimizer] = {"fitted": torch.optim.Adam(groups)}
        if self.judge is not None:
            theirs = [*self.judge.parameters(), self.row]
            self.optimisers["judge"] = torch.optim.Adam(theirs, settings.judge_rate, (0.5, 0.999))
        self._landmarks = landmark_losses(_LOSSES, device)
        self._known: dict[tuple[str, int], Tensor] = {}
        self.mean = {name: value.detach().clone() for name, value in self.fitted().items()}
        self._bf16 = used_precision(self.config, device) == "bf16"

    def fitted(self) -> dict[str, Tensor]:
        """What has been learned so far: psi and the weights by name."""
        return {"psi": self.psi, **self._weights}

    def step(self, lesson: Lesson) -> dict[str, float]:
        """One step of the fitted part, and one of the discriminator. Gives every loss."""
        lesson = lesson.to(self.device)
        batch = lesson.batch
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._bf16):
            frame = self.render(lesson, self.psi)
            found = picture_losses(frame, batch, self.config)
            found["edges"] = losses.edges(frame.result, batch.target)
            found |= {
                loss.name: loss(frame.result, batch, self._wanted(loss, lesson)) for loss in self._landmarks
            }
            if self.judge is not None:
                found |= self._adversarial(frame.result, batch)
        total = self.psi.new_zeros(())
        for name, value in found.items():
            total = total + (_EDGES if name == "edges" else getattr(self.config.losses, name, 0.0)) * value
        if not bool(torch.isfinite(total)):
            raise DivergedError("a loss is not a number")
        fitted = self.optimisers["fitted"]
        fitted.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_([self.psi, *self._weights.values()], _CLIP)
        fitted.step()
        if self.judge is not None:
            found["discriminator"] = self._step_judge(batch, frame.result.detach())
        self._follow()
        return {name: float(value.detach()) for name, value in found.items()} | {
            "total": float(total.detach())
        }

    def render(self, lesson: Lesson, psi: Tensor) -> Rendered:
        """Frames of the episodes with AdaIN parameters ``psi`` (P,)."""
        batch, count = lesson.batch, len(lesson.batch.target)
        styles = psi[None].expand(count, -1)
        person = Person(self.row.detach()[None].expand(count, -1), styles, batch.photos, lesson.features)
        guesses = Guesses(batch.flow, batch.layers, lesson.prior, batch.paintable)
        frame: Rendered = self.talker.frame(person, batch.drawing, guesses)  # type: ignore[operator]
        return frame

    def take(self, fitted: Mapping[str, Tensor]) -> None:
        """Puts psi and weights where another moment had them."""
        with torch.no_grad():
            for name, value in self.fitted().items():
                value.copy_(fitted[name])

    def _wanted(self, loss: AnyLandmarkLoss, lesson: Lesson) -> Tensor:
        """What a loss finds in the lesson's targets, which come again and again."""
        keys = [(loss.name, target) for target in lesson.targets]
        if any(key not in self._known for key in keys):
            found = loss.wanted(lesson.batch).unflatten(0, (-1, len(keys)))  # type: ignore[no-untyped-call]
            self._known |= dict(zip(keys, found.unbind(1), strict=True))
        return torch.stack([self._known[key] for key in keys], dim=1).flatten(0, 1)

    def _adversarial(self, fake: Tensor, batch: Batch) -> dict[str, Tensor]:
        assert self.judge is not None
        rows = self.row.detach()[None].expand(len(fake), -1)
        self.judge.requires_grad_(False)
        with parametrize.cached():  # spectral norms once for both
            with torch.no_grad():
                _, real_features = self.judge(batch.target, batch.drawing, rows)
            scores, fake_features = self.judge(fake, batch.drawing, rows)
        self.judge.requires_grad_(True)
        return {
            "adversarial": losses.hinge_for_generator(scores),
            "feature_matching": losses.feature_matching(fake_features, real_features),
        }

    def _step_judge(self, batch: Batch, fake: Tensor) -> Tensor:
        assert self.judge is not None
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._bf16):
            rows = self.row[None].expand(2 * len(fake), -1)
            scores, _ = self.judge(torch.cat([batch.target, fake]), batch.drawing.repeat(2, 1, 1, 1), rows)
            real, made = scores.float().chunk(2)
            loss = losses.hinge_for_discriminator(real, made)
        optimiser = self.optimisers["judge"]
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_([*self.judge.parameters(), self.row], _CLIP)
        optimiser.step()
        return loss.detach()

    @torch.no_grad()
    def _follow(self) -> None:
        now = self.fitted()
        torch._foreach_lerp_(
            list(self.mean.values()), [now[name] for name in self.mean], 1.0 - self.settings.mean
        )
