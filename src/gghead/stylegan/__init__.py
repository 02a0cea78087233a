"""StyleGAN2 in plain torch: layers, resampling, modulation, mapping, synthesis, critic. Nothing 3D."""
