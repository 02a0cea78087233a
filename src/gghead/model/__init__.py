"""The two networks: latents -> Gaussians, picture and camera -> logit; their files, and the official ones."""
