"""What the loop does with a batch: draw the random inputs, then one pass for each network and one for R1."""
