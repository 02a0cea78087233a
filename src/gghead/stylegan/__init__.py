"""StyleGAN2 in plain torch: layers, resampling, modulation, mapping, synthesis, discriminator. Nothing 3D."""
