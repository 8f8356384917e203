"""The verse side: where poems come from, how they are cleaned and laid out. Knows nothing of TensorFlow."""
