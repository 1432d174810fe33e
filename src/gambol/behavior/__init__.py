"""Sequences of behaviour: bouts, statistics, and the models of states above syllables."""
