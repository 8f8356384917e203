"""One training step: windows, loss, gradients, optimizers, validation."""
