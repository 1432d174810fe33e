"""One step of the optimiser: what fits at once, in which precision, and the exact gradient.

Losses are means whose divisors (counted keypoints, say) differ from part to part of a step. So
a step that is cut into parts, or shared by processes, first collects all answers, derives the
loss of them all by the answers, and carries that back through the network part by part: the
gradient of the step in one piece, whatever the loss, at the price of looking at parts twice.
Batch normalisation alone sees a difference: its statistics are those of the samples that pass
through together.

Source of the two passes: Gao et al. (2021), RepL4NLP, "Scaling deep contrastive learning batch
size under memory limited setup", section 3.
"""

import copy
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gambol.core.errors import InputError
from gambol.nn import transfer
from gambol.nn.model import Answers, PoseNet
from gambol.nn.targets import Scene
from gambol.pose.dataset import Batch
from gambol.pose.distributed import Team

Precision = Literal["float32", "bfloat16", "float16"]
Look = Callable[[Tensor], Answers]  # the network, as it would predict
Further = Callable[[Look], Float[Tensor, ""]]  # a loss that needs no labels
TRIED = (16, 8, 4, 2)  # samples at once, largest first
LEAST = 8  # samples a step; fewer make its direction too uncertain
PATIENCE = 50  # float16 steps in a row without a finite gradient; the scale fell 2^50-fold


class Plan(NamedTuple):
    """How many samples a step has, and how they go through the network."""

    batch: int  # samples at once, in one process
    samples: int  # a step, over all processes


class Stepped(NamedTuple):
    """What one step saw."""

    losses: tuple[float, ...]  # weighted, one per output, of the whole step
    skipped: bool  # float16 overflowed, so weights stayed and the scale was lowered


def plan(
    batch: int | None, accumulate: int | None, fits: Callable[[int], bool], team: Team
) -> Plan:
    """Settle the samples at once and a step; the smallest GPU of a team decides for all.

    Args:
        batch: samples at once; None is the largest of 16, 8, 4, 2 that fits.
        accumulate: batches a step; None is 1, or what makes 8 samples where `batch` is None.
        fits: whether so many samples fit at once.
        team: the processes that share a step.
    """
    if batch is not None:
        return Plan(batch, batch * (accumulate or 1))
    found = next((size for size in TRIED if fits(size)), 0)
    found = int(-team.largest([-float(found)])[0])
    if not found:
        raise InputError(
            f"not even {TRIED[-1]} samples fit into the memory of the device; "
            "make the window or the network smaller, or use --device cpu"
        )
    parts = accumulate or max(1, -(-LEAST // found))
    return Plan(found, -(-found * parts // team.size) * team.size)


def in_parts(plan: Plan, at_once: int | None) -> Plan:
    """Let no more than so many samples go through together; a step keeps its samples.

    >>> in_parts(Plan(8, 16), 3), in_parts(Plan(8, 16), None)
    (Plan(batch=3, samples=16), Plan(batch=8, samples=16))
    """
    return plan if at_once is None else plan._replace(batch=min(plan.batch, at_once))


def fits(net: PoseNet, device: torch.device, precision: Precision, batch: Batch) -> bool:
    """Try one step on a copy of the network: whether a batch fits into the device's memory."""
    devices = [device] if device.type == "cuda" else []
    probe = copy.deepcopy(net).train()
    try:
        with torch.random.fork_rng(devices):  # looking must not change what dropout draws
            optimiser = make_optimiser(probe, 0.0, 0.0)
            with autocast(device, precision):
                maps = probe(batch.image.to(device))
            loss = probe.loss(maps, batch.scene.to(device)).sum()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        return True
    except torch.OutOfMemoryError:
        return False
    finally:
        del probe
        if device.type == "cuda":
            torch.cuda.empty_cache()


def choose_precision(asked: Precision | Literal["auto"], device: torch.device) -> Precision:
    """Bfloat16 where it is native, else float16 on a GPU, else float32.

    Native: an emulated bfloat16 (GPUs before Ampere, older CPUs) costs accuracy and time.
    """
    if asked != "auto":
        return asked
    if supports_bfloat16(device):
        return "bfloat16"
    return "float16" if device.type == "cuda" else "float32"


def supports_bfloat16(device: torch.device) -> bool:
    """Tell whether bfloat16 convolutions are native and so worth their rounding."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and _cpu_bf16()


def _cpu_bf16() -> bool:
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def autocast(device: torch.device, precision: Precision) -> torch.autocast:
    """Compute convolutions with few digits; losses and weights keep theirs."""
    return torch.autocast(
        device.type,
        dtype=torch.float16 if precision == "float16" else torch.bfloat16,
        enabled=precision != "float32",
    )


class Optimiser:
    """AdamW, fed with a step in parts; it scales losses where float16 needs it."""

    def __init__(
        self,
        net: PoseNet,
        device: torch.device,
        precision: Precision,
        decay: float,
        team: Team,
        borrowed: Mapping[str, float] | None = None,
    ) -> None:
        self.net, self.device, self.precision, self.team = net, device, precision, team
        self.borrowed = dict(borrowed or {})  # relative rates of what was taught elsewhere
        self.adam = make_optimiser(net, 0.0, decay, self.borrowed)
        self.still = transfer.norms(net, list(self.borrowed))
        self.held = False
        half = precision == "float16"
        self.scaler = torch.amp.GradScaler(device.type if half else "cpu", enabled=half)
        self.skips = 0  # steps in a row

    def hold(self, held: bool) -> None:
        """Keep what was taught elsewhere as it is, its statistics too; or let it learn."""
        self.held = held and bool(self.borrowed)
        for name, parameter in self.net.named_parameters():
            if name in self.borrowed:
                parameter.requires_grad_(not self.held)

    def step(
        self,
        samples: Batch,
        batch: int,
        rate: float,
        clip: float,
        further: Further | None = None,
    ) -> Stepped:
        """Move along the gradient of the whole step.

        Args:
            samples: this process's share of the step.
            batch: samples that go through the network at once.
            rate: of learning.
            clip: largest norm of the gradient.
            further: one more loss, the same in every process; the last of the result.

        Returns:
            Losses that may not be finite; the weights stayed as they were then.
        """
        for group in self.adam.param_groups:
            group["lr"] = rate * group.get("relative", 1.0)
        losses = self.gradient(split(samples, batch))
        if further is not None:
            losses = torch.cat([losses, self._add(further)[None]])
        if not all(map(torch.isfinite, losses)):
            return Stepped(tuple(losses.tolist()), skipped=True)
        self.scaler.unscale_(self.adam)
        nn.utils.clip_grad_norm_(self.net.parameters(), clip)
        before = self.scaler.get_scale()
        self.scaler.step(self.adam)
        self.scaler.update()
        skipped = self.scaler.get_scale() < before
        self.skips = self.skips + 1 if skipped else 0
        return Stepped(tuple(losses.tolist()), skipped)

    def gradient(self, parts: list[Batch]) -> Float[Tensor, " outputs"]:
        """Leave the (scaled) gradient of the whole step in the network; return its losses."""
        self.net.train()
        for layer in self.still if self.held else ():
            layer.eval()
        self.adam.zero_grad(set_to_none=True)
        seen = self._look(parts) if len(parts) > 1 else [self._forward(parts[0])]
        losses, slopes = self._slopes(seen, parts)
        sizes = [len(part.image) for part in parts]
        by_part = zip(*(torch.split(slope, sizes) for slope in slopes), strict=True)
        for part, slope in zip(parts, by_part, strict=True):
            maps = self._forward(part) if len(parts) > 1 else seen[0]
            torch.autograd.backward(maps, slope)
        self.team.add([p.grad for p in self.net.parameters() if p.grad is not None])
        self._average_statistics()
        return losses

    def _add(self, further: Further) -> Float[Tensor, ""]:
        """Add the (scaled) gradient of a loss to that of the step."""
        self.net.eval()
        loss = further(self._answer)
        if loss.requires_grad:
            self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        return loss.detach().cpu()

    def _forward(self, part: Batch) -> Answers:
        return self._answer(part.image)

    def _answer(self, image: Tensor) -> Answers:
        with autocast(self.device, self.precision):
            maps: Answers = self.net(image.to(self.device))
        return maps

    @torch.no_grad()
    def _look(self, parts: list[Batch]) -> list[tuple[Tensor, ...]]:
        """Answer without a graph, which is what needs memory, and without a trace."""
        before = [buffer.clone() for buffer in self.net.buffers()]
        gpus = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(gpus):  # the second look drops out the same
            seen = [self._forward(part) for part in parts]
        for buffer, value in zip(self.net.buffers(), before, strict=True):
            buffer.copy_(value)
        return seen

    def _slopes(
        self, seen: list[tuple[Tensor, ...]], parts: list[Batch]
    ) -> tuple[Float[Tensor, " outputs"], tuple[Float[Tensor, "b _c _h _w"], ...]]:
        """Losses of the step, and the (scaled) slope of their sum by this process's answers."""
        team, n = self.team, sum(len(part.image) for part in parts)
        known = zip(*(part.scene for part in parts), strict=True)
        scene = Scene(*(team.gather(torch.cat(k).to(self.device)) for k in known))
        joined = (team.gather(torch.cat(m).detach()) for m in zip(*seen, strict=True))
        maps = tuple(one.requires_grad_() for one in joined)
        losses = self.net.loss(maps, scene)
        slopes = torch.autograd.grad(self.scaler.scale(losses.sum()), maps)
        own = slice(team.rank * n, (team.rank + 1) * n)
        return losses.detach().cpu(), tuple(slope[own] for slope in slopes)

    def _average_statistics(self) -> None:
        """Make the running statistics of all processes one, so that all networks stay equal."""
        if self.team.size > 1:
            buffers = [b for b in self.net.buffers() if b.is_floating_point()]
            self.team.add(buffers)
            for buffer in buffers:
                buffer /= self.team.size

    def state(self) -> dict[str, Any]:
        """Return what is needed to go on; it loads with weights_only=True."""
        return {
            "adam": self.adam.state_dict(),
            "scaler": self.scaler.state_dict(),  # empty without float16
            "skips": self.skips,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a state; one of another precision keeps its moments."""
        self.adam.load_state_dict(state["adam"])
        if state["scaler"] and self.scaler.is_enabled():
            self.scaler.load_state_dict(state["scaler"])
        self.skips = state["skips"]


def split(samples: Batch, batch: int) -> list[Batch]:
    """Cut a step into parts of at most `batch` samples that differ by at most one."""
    n = len(samples.image)
    parts = -(-n // batch)
    images = samples.image.tensor_split(parts)
    scenes = zip(*(known.tensor_split(parts) for known in samples.scene), strict=True)
    return [Batch(image, Scene(*s)) for image, s in zip(images, scenes, strict=True)]


def make_optimiser(
    net: nn.Module, rate: float, decay: float, borrowed: Mapping[str, float] | None = None
) -> torch.optim.AdamW:
    """AdamW that decays weights, not biases and normalisation; one kernel for all of a step.

    Each group of parameters has its `relative` rate: 1, or what `borrowed` says by name.
    """
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {(1.0, True): [], (1.0, False): []}
    for name, parameter in net.named_parameters():
        place = (borrowed or {}).get(name, 1.0), parameter.ndim > 1
        groups.setdefault(place, []).append(parameter)
    kind = next(net.parameters()).device.type
    return torch.optim.AdamW(
        [
            {"params": own, "weight_decay": decay * decays, "relative": relative}
            for (relative, decays), own in groups.items()
        ],
        lr=rate,
        fused=kind in ("cpu", "cuda"),
    )


@torch.no_grad()
def average(ema: nn.Module, net: nn.Module, decay: float) -> None:
    """Ema ← decay · ema + (1 - decay) · net; counters are copied."""
    for mine, theirs in zip(ema.state_dict().values(), net.state_dict().values(), strict=True):
        if mine.is_floating_point():
            mine.lerp_(theirs, 1 - decay)
        else:
            mine.copy_(theirs)
