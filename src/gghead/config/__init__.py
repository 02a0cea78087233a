"""What a run is: the model, its training, presets and a strict JSON codec. Standard library only."""
