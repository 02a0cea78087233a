"""The two networks of a GGHead: latents -> Gaussians, picture and camera -> logit; their files; the official checkpoints."""
