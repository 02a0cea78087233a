"""How a run goes on from its newest checkpoint: with the settings and pictures that it had, and over divergences."""
