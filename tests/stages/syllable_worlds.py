"""Small recordings with known syllables, on disk, and settings that fit them in seconds."""

from gambol.stages import simulate_behavior

WORLD = dict(recordings=3, frames=500, syllables=3, dims=3, spread=2.5, noise=0.8)
ENDS = dict(anterior=("neck",), posterior=("hips",))
FIT = dict(
    **ENDS, n_states=6, lags=1, n_dims=3, target_duration_s=0.35, ar_iterations=6, iterations=8,
    search_sweeps=2, search_tries=2, warm_sweeps=2, write=dict(labels="path"),
)  # fmt: skip


def world(folder, **changes):
    cfg = simulate_behavior.BehaviorConfig(**{**WORLD, **changes})
    return simulate_behavior.run(cfg, folder)
