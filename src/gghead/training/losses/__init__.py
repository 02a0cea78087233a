"""What generator and discriminator are trained to lower."""
