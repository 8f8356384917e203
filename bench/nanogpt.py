"""A model of nanoGPT's shape in PyTorch: one product for q, k and v, torch's causal attention, the exact gelu."""

import torch
from torch import nn
from torch.nn import functional

from gpt2.hparams import HParams


class Block(nn.Module):
    """One layer: attention, then the two products with a gelu between them."""

    def __init__(self, n_embd: int, n_head: int):
        super().__init__()
        self.n_head = n_head
        self.ln_1, self.ln_2 = nn.LayerNorm(n_embd), nn.LayerNorm(n_embd)
        self.qkv, self.proj = nn.Linear(n_embd, 3 * n_embd), nn.Linear(n_embd, n_embd)
        self.mlp = nn.Sequential(nn.Linear(n_embd, 4 * n_embd), nn.GELU(), nn.Linear(4 * n_embd, n_embd))

    def forward(self, x):
        """[batch, seq, n_embd] -> the same shape."""
        qkv = self.qkv(self.ln_1(x)).chunk(3, dim=2)
        q, k, v = (part.unflatten(2, (self.n_head, -1)).transpose(1, 2) for part in qkv)
        attended = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(attended.transpose(1, 2).flatten(2))
        return x + self.mlp(self.ln_2(x))


class NanoGPT(nn.Module):
    """A GPT with tied embeddings: called on int64 ids [batch, seq + 1] it gives the mean loss, nats a token."""

    def __init__(self, hparams: HParams):
        super().__init__()
        n_embd = hparams.n_embd
        self.wte, self.wpe = nn.Embedding(hparams.n_vocab, n_embd), nn.Embedding(hparams.n_ctx, n_embd)
        self.blocks = nn.ModuleList(Block(n_embd, hparams.n_head) for _ in range(hparams.n_layer))
        self.ln_f = nn.LayerNorm(n_embd)
        for name, weight in self.named_parameters():
            if weight.ndim == 2:
                # What is added to the residual stream begins smaller, as in nanoGPT's model.py.
                added = name.endswith(("proj.weight", "mlp.2.weight"))
                nn.init.normal_(weight, std=0.02 / (2 * hparams.n_layer) ** 0.5 if added else 0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(weight)

    def forward(self, ids, reduction: str = "mean"):
        """The mean cross-entropy; with reduction none that of each token, flat."""
        x = self.wte(ids[:, :-1]) + self.wpe(torch.arange(ids.shape[1] - 1))
        for block in self.blocks:
            x = block(x)
        logits = self.ln_f(x) @ self.wte.weight.T
        return functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction=reduction)
