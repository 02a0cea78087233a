"""The head template and its texture chart: mesh -> maps -> the texels that carry Gaussians."""
