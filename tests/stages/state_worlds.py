"""Small recordings with known states, on disk."""

from gambol.stages import simulate_states

WORLD = dict(
    recordings=3, frames=2000, fps=20.0, syllables=8, states=3, syllable_s=0.5, state_s=8.0
)
FIT = dict(
    n_states=3, trans_kappa=300.0, iterations=12, keep_every=1, init_window_s=3.0, fps=20.0,
    lags=dict(lags=8, longest_s=20.0, surrogates=2, resamples=50),
)  # fmt: skip


def world(folder, **changes):
    cfg = simulate_states.SimulateConfig(**{**WORLD, **changes})
    simulate_states.run(cfg, folder)
    return folder
