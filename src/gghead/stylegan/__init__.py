"""StyleGAN2's building blocks in plain torch: layers, resampling, modulation, mapping, synthesis, critic. Nothing 3D."""
