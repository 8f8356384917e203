"""One token: filters, choice, batches and the engines that compute logits."""
