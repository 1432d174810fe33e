"""The table of settings in `docs/training.md`, made from the settings' own source.

A row is a field of a settings class; its reason is the comment behind the field, or the lines
of comment that follow it.
"""

import inspect
import io
import tokenize
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic_core import PydanticUndefined

from gambol.app.pipeline_file import PipelineConfig, StepConfig
from gambol.app.terms import ClusterConfig
from gambol.behavior.align import AlignSettings
from gambol.behavior.clean import CleanSettings
from gambol.behavior.dwell import DwellSettings
from gambol.behavior.features import Features
from gambol.behavior.regions import RegionSettings
from gambol.behavior.trajectories import TrajectorySettings
from gambol.behavior.wavelets import Wavelets
from gambol.core.config import Config
from gambol.multiview.associate import Associate
from gambol.multiview.bundle import Bundle
from gambol.multiview.joins import ByMidline, ByShape, ByTemplate
from gambol.multiview.lags import Search
from gambol.multiview.selfcalibrate import SelfCalibration
from gambol.multiview.tiers.auto import Auto
from gambol.multiview.tiers.distance import Distance
from gambol.multiview.tiers.gimbal import Gimbal
from gambol.multiview.tiers.robust import Robust
from gambol.nn.augment import AugmentConfig
from gambol.nn.backbones.efficientnet import EfficientNetSpec
from gambol.nn.backbones.hourglass import HourglassSpec
from gambol.nn.backbones.leap import LeapSpec
from gambol.nn.backbones.linear import LinearSpec
from gambol.nn.backbones.resnet import ResNetSpec
from gambol.nn.backbones.stacked_densenet import StackedDensenetSpec
from gambol.nn.backbones.timm_encoder import TimmSpec
from gambol.nn.backbones.unet import UNetSpec
from gambol.nn.backbones.vit import VitSpec
from gambol.nn.heads import SimpleSpec
from gambol.nn.outputs.confidence import ConfidenceSpec
from gambol.nn.outputs.graph import GraphSpec
from gambol.nn.outputs.location import LocationSpec
from gambol.nn.outputs.simcc import SimccSpec
from gambol.nn.outputs.softmax import SoftmaxSpec
from gambol.nn.unlabelled.consistency import ConsistencySpec
from gambol.nn.unlabelled.many_views import ManyViewsSpec
from gambol.nn.unlabelled.one_view import OneViewSpec
from gambol.nn.unlabelled.temporal import TemporalSpec
from gambol.pose.appearance_settings import AppearanceConfig
from gambol.pose.clean import Cleaning
from gambol.pose.instances import InstanceScoring
from gambol.pose.train import FitConfig
from gambol.pose.unlabelled import UnlabelledConfig
from gambol.simulate.filming import Flaws
from gambol.simulate.shots import PictureConfig
from gambol.simulate.world import SimulateConfig as WorldConfig
from gambol.stages.accept import AcceptConfig
from gambol.stages.agreement import AgreementConfig
from gambol.stages.align import AlignConfig
from gambol.stages.apply_syllables import ApplyConfig as SyllablesApply
from gambol.stages.behavior_report import BehaviorReportConfig
from gambol.stages.bench_models import BenchConfig
from gambol.stages.calibrate import CalibrateConfig
from gambol.stages.classify import ClassifyConfig
from gambol.stages.compare_states import CompareConfig
from gambol.stages.draw_poses import DrawConfig
from gambol.stages.ensemble import EnsembleConfig
from gambol.stages.ethogram_convert import ConvertConfig
from gambol.stages.evaluate import EvaluateConfig
from gambol.stages.fit_classifier import FitConfig as ClassifierFit
from gambol.stages.fit_map import FitConfig as MapFit
from gambol.stages.fit_pose_prior import PriorConfig
from gambol.stages.fit_states import FitConfig as StatesFit
from gambol.stages.fit_syllables import FitConfig as SyllablesFit
from gambol.stages.fit_syllables import ModelConfig as SyllablesModel
from gambol.stages.group_stats import GroupConfig
from gambol.stages.import_poses import ImportPosesConfig
from gambol.stages.label_map import LabelMapConfig
from gambol.stages.map_animals import GroupSettings
from gambol.stages.map_stability import StabilityConfig
from gambol.stages.map_tables import TableSettings
from gambol.stages.movie_settings import SyllableMovieConfig
from gambol.stages.movies import MoviesConfig
from gambol.stages.mutual_information import InformationConfig
from gambol.stages.plan import PlanConfig
from gambol.stages.plan_world import SettingConfig
from gambol.stages.queue import QueueConfig
from gambol.stages.scan_states import ScanConfig
from gambol.stages.simulate import FilmConfig
from gambol.stages.simulate_behavior import BehaviorConfig
from gambol.stages.simulate_states import SimulateConfig
from gambol.stages.simulate_views import ViewsConfig
from gambol.stages.state_movies import MovieConfig
from gambol.stages.state_results import Rare
from gambol.stages.states import StatesConfig
from gambol.stages.structure import StructureConfig
from gambol.stages.syllable_learning import LearningConfig
from gambol.stages.syllable_results import Written
from gambol.stages.syllables import SyllablesConfig
from gambol.stages.synchronize import SynchronizeConfig
from gambol.stages.track import TrackConfig as TrackingConfig
from gambol.stages.train import LinearFit, SplitConfig, TrainConfig
from gambol.stages.train_many import ManyConfig
from gambol.stages.triangulate import TriangulateConfig
from gambol.tracking.costs import WindowSpec
from gambol.tracking.features import EllipseSpec, OksSpec
from gambol.tracking.matchers import TwoPassSpec
from gambol.tracking.motion import FlowSpec, KalmanSpec
from gambol.tracking.trackers import TrackConfig

FOLDER = Path(__file__).parents[1]
BEGIN, END = "<!-- made by `make docs`, do not edit -->", "<!-- end -->"
BLOCKS: dict[str, list[tuple[str, type[Config]]]] = {
    "training.md": [
        ("", TrainConfig),
        ("fit", FitConfig),
        ("split", SplitConfig),
        ("structure", StructureConfig),
        ("augment", AugmentConfig),
        ("linear", LinearFit),
        ("backbone", UNetSpec),
        ("backbone", LeapSpec),
        ("backbone", LinearSpec),
        ("backbone", EfficientNetSpec),
        ("backbone", ResNetSpec),
        ("backbone", HourglassSpec),
        ("backbone", StackedDensenetSpec),
        ("backbone", VitSpec),
        ("backbone", TimmSpec),
        ("head", SimpleSpec),
        ("output", ConfidenceSpec),
        ("output", LocationSpec),
        ("output", SoftmaxSpec),
        ("output", SimccSpec),
        ("output", GraphSpec),
        ("many", ManyConfig),
    ],
    "networks.md": [("gambol bench-models", BenchConfig)],
    "prediction.md": [("", MoviesConfig)],
    "ensembles.md": [
        ("gambol ensemble", EnsembleConfig),
        ("gambol accept", AcceptConfig),
        ("unlabelled", UnlabelledConfig),
        ("unlabelled.losses", TemporalSpec),
        ("unlabelled.losses", OneViewSpec),
        ("unlabelled.losses", ManyViewsSpec),
        ("unlabelled.losses", ConsistencySpec),
    ],
    "many-animals.md": [
        ("gambol track", TrackingConfig),
        ("cleaning", Cleaning),
        ("appearance", AppearanceConfig),
        ("tracker", TrackConfig),
        ("tracker.candidates", WindowSpec),
        ("tracker.feature", EllipseSpec),
        ("tracker.feature", OksSpec),
        ("tracker.motion", KalmanSpec),
        ("tracker.motion", FlowSpec),
        ("tracker.matcher", TwoPassSpec),
    ],
    "three-dimensions.md": [
        ("gambol calibrate", CalibrateConfig),
        ("animal", SelfCalibration),
        ("animal.join", ByTemplate),
        ("animal.join", ByMidline),
        ("animal.join", ByShape),
        ("bundle", Bundle),
        ("gambol triangulate", TriangulateConfig),
        ("crowd", Associate),
        ("tier", Auto),
        ("tier", Robust),
        ("tier", Distance),
        ("tier", Gimbal),
        ("gambol synchronize", SynchronizeConfig),
        ("search", Search),
        ("gambol rig align", AlignConfig),
        ("gambol fit-pose-prior", PriorConfig),
        ("gambol draw-poses", DrawConfig),
    ],
    "states.md": [
        ("gambol fit-states", StatesFit),
        ("gambol scan-states", ScanConfig),
        ("rare", Rare),
        ("gambol mutual-information, lags", InformationConfig),
        ("gambol compare-states", CompareConfig),
        ("gambol state-movies", MovieConfig),
        ("gambol states", StatesConfig),
        ("gambol simulate-states", SimulateConfig),
    ],
    "behaviour.md": [
        ("gambol import-poses", ImportPosesConfig),
        ("gambol clean", CleanSettings),
        ("gambol align", AlignSettings),
        ("gambol ethogram-convert", ConvertConfig),
        ("gambol agreement", AgreementConfig),
        ("gambol group-stats", GroupConfig),
        ("gambol features", Features),
    ],
    "maps.md": [
        ("gambol map and fit-map", MapFit),
        ("wavelets", Wavelets),
        ("regions", RegionSettings),
        ("stays", DwellSettings),
        ("tables", TableSettings),
        ("stability", StabilityConfig),
        ("groups", GroupSettings),
    ],
    "syllables.md": [
        ("gambol fit-syllables and syllables", SyllablesModel),
        ("gambol fit-syllables", SyllablesFit),
        ("write", Written),
        ("gambol syllables", SyllablesConfig),
        ("learning", LearningConfig),
        ("gambol apply-syllables", SyllablesApply),
        ("gambol simulate-behavior", BehaviorConfig),
    ],
    "classifier.md": [
        ("gambol fit-classifier", ClassifierFit),
        ("gambol classify", ClassifyConfig),
        ("gambol queue", QueueConfig),
    ],
    "findings.md": [
        ("gambol label-map", LabelMapConfig),
        ("trajectories", TrajectorySettings),
        ("gambol behavior-report", BehaviorReportConfig),
        ("gambol syllable-movies", SyllableMovieConfig),
    ],
    "evaluation.md": [("", EvaluateConfig), ("oks", InstanceScoring)],
    "pipelines.md": [
        ("", PipelineConfig),
        ("steps.NAME", StepConfig),
        ("cluster", ClusterConfig),
    ],
    "plan.md": [
        ("gambol plan", PlanConfig),
        ("world", SettingConfig),
        ("world.picture", PictureConfig),
    ],
    "simulate.md": [
        ("", FilmConfig),
        ("world", WorldConfig),
        ("gambol simulate --cameras", ViewsConfig),
        ("picture", PictureConfig),
        ("flaws", Flaws),
    ],
}
# fields whose name says it all to the reader of the code, but not to that of the page
PLAIN = {
    "backbone": "network, see below; null: chosen with its depth",
    "colour": "`grey` or `rgb`",
    "batch": "windows in a step",
    "rate": "learning rate after warm-up",
    "precision": "of training: `float32`, `bfloat16`, or what the processor does fastest",
    "seed": "of everything random",
    "animal": "`mouse` or `fly`",
    "animals": "how many, 6 at most",
    "cameras": "how many, 12 at most",
    "seconds": "length of the film",
    "fps": "frames a second",
    "height": "px",
    "labelled": "frames that are labelled",
    "burst_seconds": "mean length of such a burst",
    "swap_seconds": "mean length of such a bout",
    "hidden_seconds": "mean length of such a bout",
    "blind_seconds": "mean length of such a bout",
    "nudged": "cameras that are knocked: `frame`, and `degrees` by which",
    "gamma": "drawn between the two",
    "optimizer": "see below",
    "steps": "of the optimiser",
    "ridge": "weight of the penalty on large weights",
    "depth": "levels above the middle",
    "doubt": "probability of an identity below which it is marked",
    "filters": "channels of the first level",
    "norm": "normalisation: `none`, `batch` or `group`",
    "patch": "side of the patch, network pixels; odd",
    "decoder": "what reads positions; the fit of a Gaussian is the most exact under noise",
}


def page(name: str) -> str:
    """Return the text of a page with its tables made anew."""
    text = (FOLDER / name).read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    kinds = [kind for _, kind in BLOCKS[name]]
    tables = "\n\n".join(
        _table(block, kind, [known for known in kinds[:n] if issubclass(kind, known)])
        for n, (block, kind) in enumerate(BLOCKS[name])
    )
    return f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}"


def write() -> None:
    """Write the tables into their pages."""
    for name in BLOCKS:
        (FOLDER / name).write_text(page(name), encoding="utf-8")


def _table(block: str, kind: type[Config], above: Sequence[type[Config]] = ()) -> str:
    """Return the table of a block; what it has from a table above is not said again."""
    inherited = {name for known in above for name in known.model_fields}
    fields = {name: f for name, f in kind.model_fields.items() if name not in inherited}
    whole = {n for n, f in fields.items() if isinstance(f.default, Config)}
    settled = "kind" in fields and len(get_args(fields["kind"].annotation)) == 1
    specific = f" with `kind: {fields['kind'].default}`" if settled else ""
    title = f"In the block `{block}`{specific}:" if block else "At the top:"
    if block.startswith("gambol "):
        title, block = f"Of `{block}`, at the top:", ""
    reasons: dict[str, str] = {}
    for base in reversed(kind.__mro__):  # a setting may be inherited, its comment with it
        if issubclass(base, Config):
            reasons |= _reasons(base)
    rows = [
        f"| `{f'{block}.' if block else ''}{name}` | {_default(field.default)} | "
        f"{reasons.get(name, PLAIN.get(name, ''))} |"
        for name, field in fields.items()
        if name not in whole and not (settled and name == "kind")
    ]
    return "\n".join([title, "", "| setting | default | meaning |", "|---|---|---|", *rows])


def _default(value: Any) -> str:
    if value is PydanticUndefined:
        return "has to be given"
    plain = list(value) if isinstance(value, tuple) else value
    text = yaml.safe_dump(plain, default_flow_style=True, width=1000)  # one line
    text = text.removesuffix("...\n").strip()
    return f"`{text}`"


def _reasons(kind: type[Config]) -> dict[str, str]:
    """Return the comment of every field."""
    source = inspect.cleandoc(inspect.getsource(kind))
    found: dict[str, str] = {}
    name, depth = "", 0
    tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    for token, after in zip(tokens, tokens[1:], strict=False):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(token.string, 0)
        starts = token.type == tokenize.NAME and after.string == ":" and not depth
        if starts and token.string in kind.model_fields:
            name = token.string
        elif token.type == tokenize.COMMENT and name and "noqa" not in token.string:
            found[name] = f"{found.get(name, '')} {token.string.lstrip('# ')}".strip()
    return {key: reason.replace("|", "\\|") for key, reason in found.items()}
