"""Stage 1 of RED-Aes at real size on one GPU: tokens a second, memory, share of the device's peak.

    python bench/red_gpu.py                       # Qwen2.5-VL's shape, 7 billion random weights, adapters, bf16
    python bench/red_gpu.py --full --size 3b      # all weights, in fp32 with bf16 arithmetic
    python bench/red_gpu.py --size tiny --device cpu

Needs torch and transformers alone (no TRL, no weights, no network, no Finepick): two pictures of 512 × 512 and an
answer of 160 words of a pair, as `train red` shows them, made of random tokens. Weights are random because only the
work is measured. FLOPs are counted as 6 (all weights taught) or 4 (adapters) per weight and token, plus attention
and the frozen vision tower's forward pass, so recomputed activations count as no work done.
"""

from __future__ import annotations

import argparse
import inspect
import json
import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

PEAKS = {"H100": 989e12, "H200": 989e12, "A100": 312e12, "L40S": 362e12, "4090": 165e12, "3090": 71e12}
"""Dense bf16 FLOP/s as the makers state them."""

SIZES = {  # hidden, layers, heads, key-value heads, MLP, vision layers, vision width
    "7b": (3584, 28, 28, 4, 18944, 32, 1280),
    "3b": (2048, 36, 16, 2, 11008, 32, 1280),
    "tiny": (64, 2, 4, 2, 128, 2, 64),
}
PATCH, MERGE = 14, 2
IMAGE, START, END, VIDEO = 151655, 151652, 151653, 151656


@dataclass(frozen=True)
class Work:
    """What one step looks at."""

    pairs: int
    side: int
    words: int

    @property
    def grid(self) -> int:
        return self.side // (PATCH * MERGE) * MERGE

    @property
    def picture_tokens(self) -> int:
        return (self.grid // MERGE) ** 2

    @property
    def tokens(self) -> int:
        return 2 * (self.picture_tokens + 2) + self.words


def main() -> None:
    options = arguments()
    device = torch.device(options.device)
    torch.manual_seed(0)
    network, built = timed(lambda: build(options.size, device, full=options.full), device)
    learning = [weight for weight in network.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(learning, lr=1e-5, fused=device.type == "cuda")
    work = Work(options.pairs, options.side, options.words)
    batch = batch_of(work, network, device)
    losses, seconds = [], []
    for _ in range(options.steps + 2):  # the first two warm up
        loss, took = timed(lambda: step(network, batch, optimiser, learning), device)
        losses.append(loss)
        seconds.append(took)
    report(options, work, network, learning, losses, sorted(seconds[2:]), built)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", choices=SIZES, default="7b")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--full", action="store_true", help="teach all weights, not adapters")
    parser.add_argument("--pairs", type=int, default=8, help="of a step")
    parser.add_argument("--side", type=int, default=504, help="of a picture, in pixels")
    parser.add_argument("--words", type=int, default=384, help="tokens of prompt and answer")
    parser.add_argument("--steps", type=int, default=8)
    return parser.parse_args()


def build(size: str, device: torch.device, *, full: bool) -> Any:
    """Qwen2.5-VL with random weights, made on the device itself; adapters on the words' layers unless *full*."""
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    hidden, layers, heads, kv, mlp, vision_layers, vision_width = SIZES[size]
    head = hidden // heads
    sections = [head // 8, 3 * head // 16, 3 * head // 16]
    config = Qwen2_5_VLConfig(
        text_config={
            "hidden_size": hidden,
            "num_hidden_layers": layers,
            "num_attention_heads": heads,
            "num_key_value_heads": kv,
            "intermediate_size": mlp,
            "vocab_size": 152064,
            "max_position_embeddings": 32768,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": sections},
            "tie_word_embeddings": False,
            "use_cache": False,
        },
        vision_config={
            "depth": vision_layers,
            "hidden_size": vision_width,
            "num_heads": 16 if vision_width > 64 else 4,
            "intermediate_size": 3420 if vision_width > 64 else 128,
            "out_hidden_size": hidden,
            "patch_size": PATCH,
            "spatial_merge_size": MERGE,
            "temporal_patch_size": 2,
            "fullatt_block_indexes": [index for index in (7, 15, 23, 31) if index < vision_layers],
        },
        image_token_id=IMAGE,
        video_token_id=VIDEO,
        vision_start_token_id=START,
        vision_end_token_id=END,
    )
    config._attn_implementation = "sdpa"
    dtype = torch.float32 if full or device.type == "cpu" else torch.bfloat16
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with device:
            network = Qwen2_5_VLForConditionalGeneration(config)
    finally:
        torch.set_default_dtype(before)
    network.model.visual.requires_grad_(False)
    if not full:
        network.requires_grad_(False)
        add_adapters(network.model.language_model, rank=64 if size != "tiny" else 4)
    network.gradient_checkpointing_enable({"use_reentrant": False})
    return network.train()


class Adapted(nn.Module):
    """A layer and a low-rank one beside it (LoRA), the latter in fp32."""

    def __init__(self, layer: nn.Linear, rank: int) -> None:
        super().__init__()
        self.layer = layer
        device = layer.weight.device
        self.down = nn.Parameter(torch.randn(rank, layer.in_features, device=device) / layer.in_features**0.5)
        self.up = nn.Parameter(torch.zeros(layer.out_features, rank, device=device))

    def forward(self, inputs: Tensor) -> Tensor:
        low = nn.functional.linear(nn.functional.linear(inputs, self.down.to(inputs)), self.up.to(inputs))
        return self.layer(inputs) + 2 * low


def add_adapters(words: nn.Module, *, rank: int) -> None:
    for module in list(words.modules()):
        for name, layer in list(module.named_children()):
            if isinstance(layer, nn.Linear) and name.endswith("_proj"):
                setattr(module, name, Adapted(layer, rank))


def batch_of(work: Work, network: Any, device: torch.device) -> dict[str, Tensor]:
    """*work*'s pairs: random words, random pictures; the last 160 tokens are the answer that is learned."""
    shown = [START, *[IMAGE] * work.picture_tokens, END]
    words = torch.randint(0, 150_000, (work.pairs, work.words))
    prompt = torch.tensor(shown * 2).repeat(work.pairs, 1)
    tokens = torch.cat([prompt, words], dim=1).to(device)
    labels = tokens.clone()
    labels[:, :-160] = -100
    patches = 2 * work.pairs * work.grid**2
    batch = {
        "input_ids": tokens,
        "attention_mask": torch.ones_like(tokens),
        "mm_token_type_ids": (tokens == IMAGE).int(),
        "labels": labels,
        "pixel_values": torch.randn(patches, 3 * 2 * PATCH * PATCH, device=device, dtype=network.dtype),
        "image_grid_thw": torch.tensor([[1, work.grid, work.grid]] * (2 * work.pairs), device=device),
    }
    known = inspect.signature(network.forward).parameters
    return {name: tensor for name, tensor in batch.items() if name in known}  # versions differ


def step(
    network: Any, batch: dict[str, Tensor], optimiser: torch.optim.Optimizer, learning: list[nn.Parameter]
) -> float:
    with torch.autocast(batch["input_ids"].device.type, torch.bfloat16):
        loss = network(**batch).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(learning, 1.0)
    optimiser.step()
    optimiser.zero_grad()
    return float(loss.detach())


def timed(work: Any, device: torch.device) -> tuple[Any, float]:
    begun = time.perf_counter()
    made = work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return made, time.perf_counter() - begun


def flops(options: argparse.Namespace, work: Work, network: Any) -> float:
    """Of one step, without what is computed a second time."""
    hidden, layers, *_ = SIZES[options.size]
    words = network.model.language_model
    weights = sum(weight.numel() for weight in words.parameters()) - words.embed_tokens.weight.numel()
    weights += network.lm_head.weight.numel()
    times = 3 if options.full else 2  # forward, gradients of inputs, and of weights where they are taught
    tokens = work.pairs * work.tokens
    attention = 2 * 2 * tokens * work.tokens * hidden * layers / 2  # causal
    vision_weights = sum(weight.numel() for weight in network.model.visual.parameters())
    vision = 2 * vision_weights * 2 * work.pairs * work.grid**2
    return times * (2 * weights * tokens + attention) + vision


def report(
    options: argparse.Namespace,
    work: Work,
    network: Any,
    learning: list[nn.Parameter],
    losses: list[float],
    seconds: list[float],
    built: float,
) -> None:
    on_gpu = options.device.startswith("cuda")
    name = torch.cuda.get_device_name() if on_gpu else "CPU"
    peak = next((peak for known, peak in PEAKS.items() if known in name), None)
    took = seconds[len(seconds) // 2]
    rate = flops(options, work, network) / took
    facts = {
        "device": name,
        "torch": torch.__version__,
        "model": f"Qwen2.5-VL {options.size}, random weights",
        "taught": "all but vision, fp32 weights" if options.full else "adapters (LoRA)",
        "weights_billion": round(sum(weight.numel() for weight in network.parameters()) / 1e9, 3),
        "taught_million": round(sum(weight.numel() for weight in learning) / 1e6, 1),
        "pairs_a_step": work.pairs,
        "tokens_a_pair": work.tokens,
        "seconds_to_build": round(built, 1),
        "seconds_a_step": round(took, 4),
        "seconds_a_step_least_and_most": [round(seconds[0], 4), round(seconds[-1], 4)],
        "tokens_a_second": round(work.pairs * work.tokens / took),
        "pairs_a_second": round(work.pairs / took, 2),
        "tera_flops": round(rate / 1e12, 2),
        "share_of_peak": None if peak is None else round(rate / peak, 3),
        "memory_gib": round(torch.cuda.max_memory_allocated() / 2**30, 1) if on_gpu else None,
        "losses": [round(losses[0], 3), round(losses[-1], 3)],
    }
    print(json.dumps(facts, indent=1))


if __name__ == "__main__":
    main()
