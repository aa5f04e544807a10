"""The family's model trained by PyTorch: torch.compile, SDPA, fused AdamW. The peer of bench_training.

Reads a JSON object from stdin: sizes, the file of token rows; trains in one thread and prints tokens a
second of the time that it had a core, so that other work on the machine does not count, and the loss.
"""

import json
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


class Block(nn.Module):
    def __init__(self, d_model: int, heads: int, layers: int):
        super().__init__()
        self.heads = heads
        self.qkv = _linear(d_model, 3 * d_model)
        self.output = _linear(d_model, d_model, 1 / (2 * layers))
        self.up = _linear(d_model, 4 * d_model)
        self.down = _linear(4 * d_model, d_model, 1 / (2 * layers))

    def forward(self, x, cos, sin):
        B, L, D = x.shape
        qkv = self.qkv(F.rms_norm(x, (D,), eps=1e-6)).view(B, L, 3, self.heads, D // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        out = F.scaled_dot_product_attention(
            _rotate(q, cos, sin), _rotate(k, cos, sin), v, is_causal=True
        )
        x = x + self.output(out.transpose(1, 2).reshape(B, L, D))
        return x + self.down(F.gelu(self.up(F.rms_norm(x, (D,), eps=1e-6)), approximate="tanh"))


class Transformer(nn.Module):
    def __init__(self, vocabulary: int, context: int, d_model: int, layers: int, heads: int):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, d_model)
        self.blocks = nn.ModuleList(Block(d_model, heads, layers) for _ in range(layers))
        self.unembedding = _linear(d_model, vocabulary)
        half = d_model // heads // 2
        angle = torch.arange(context)[:, None] * 1e4 ** (-torch.arange(half) / half)
        self.register_buffer("cos", angle.cos())
        self.register_buffer("sin", angle.sin())

    def forward(self, tokens):
        x = self.embedding(tokens[:, :-1])
        for block in self.blocks:
            x = block(x, self.cos, self.sin)
        logits = self.unembedding(F.rms_norm(x, x.shape[-1:], eps=1e-6))
        return F.cross_entropy(
            logits.flatten(0, 1), tokens[:, 1:].flatten(), ignore_index=0, reduction="mean"
        )


def _rotate(x, cos, sin):
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], -1)


def _linear(inputs: int, outputs: int, scale: float = 1.0) -> nn.Linear:
    layer = nn.Linear(inputs, outputs, bias=False)
    std = (scale / inputs) ** 0.5 / 0.87962566103423978
    nn.init.trunc_normal_(layer.weight, std=std, a=-2 * std, b=2 * std)
    return layer


def main() -> None:
    asked = json.load(sys.stdin)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    torch._dynamo.config.suppress_errors = False
    rows = torch.from_numpy(np.load(asked["rows"]).astype(np.int64))
    names = ("vocabulary", "context", "d_model", "layers", "heads")
    model = Transformer(*(asked[name] for name in names))
    loss_of = torch.compile(model)
    rates = np.asarray(asked["rates"])
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=0.0, betas=(0.9, 0.95), weight_decay=0.1, fused=True
    )
    batches = rows.split(asked["batch_size"])
    losses, began = [], 0.0
    for step, (batch, rate) in enumerate(zip(batches, rates, strict=False)):
        if step == asked["warm_up"]:
            began = time.process_time()
        optimiser.param_groups[0]["lr"] = float(rate)
        optimiser.zero_grad(set_to_none=True)
        loss = loss_of(batch)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        losses.append(loss.detach())
    seconds = time.process_time() - began
    tokens = (len(losses) - asked["warm_up"]) * asked["batch_size"] * asked["context"]
    last = torch.stack(losses[-asked["last"] :]).mean().item()
    print(json.dumps({"tokens_per_second": tokens / seconds, "loss": last}))


if __name__ == "__main__":
    main()
