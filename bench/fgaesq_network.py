"""How close FGAesQ's network comes to the time of its matrix products alone.

    python bench/fgaesq_network.py [--threads 2] [--rounds 15] [--device cuda] [--peak TFLOPS] [--weights FILE]

The ceiling is the fastest way known here to do the products: every linear layer and both products of attention,
in the network's shapes, each with weights of its own, in bf16, laid out beforehand as the network has them. It is
timed in turns with the network, and the best round of each counts. Two ceilings: `run`, the products that the
network does (its last block only for the class token), and `whole`, those of twelve whole blocks. Weights are
drawn where no file is named: time does not depend on them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch

from finepick.scorers.fgaesq.architecture import Architecture
from finepick.scorers.fgaesq.batches import batches
from finepick.scorers.fgaesq.checkpoint import LoadedModel, load_model, model_of
from finepick.scorers.fgaesq.drawn import drawn_tokens
from finepick.scorers.fgaesq.folded import FoldedNetwork, Place
from finepick.scorers.fgaesq.network import FgaesqNetwork
from finepick.scorers.fgaesq.tokens import TOKENS
from finepick.scorers.fgaesq.torch_runner import has_fast_bf16, pair_distance, runner_of

Product = Callable[[], object]
TARGET = 0.65


def main() -> None:
    words = _words()
    if words.threads:
        torch.set_num_threads(words.threads)
    device = torch.device(words.device)
    model = load_model(words.weights) if words.weights else _drawn_model()
    photos = 32 if device.type == "cuda" else 1
    with torch.inference_mode():
        print(
            f"{torch.get_num_threads()} threads, {device}, torch {torch.__version__}, {photos} photos at once"
        )
        print(f"bf16 in hardware: {has_fast_bf16(device)}")
        _speed(model, Place(device, torch.bfloat16), photos, words.rounds, words.peak)
        _exact_speed(model, Place(device, torch.float32), photos, max(3, words.rounds // 4))
    _distance(model, words.device)


def _words() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=0, help="torch's own choice unless given")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--peak", type=float, default=0.0, help="the maker's figure for bf16, in TFLOPS")
    parser.add_argument("--weights", default="")
    return parser.parse_args()


def _drawn_model() -> LoadedModel:
    network = FgaesqNetwork(Architecture())
    network.start_afresh(0)
    return model_of(network)


def _speed(model: LoadedModel, place: Place, photos: int, rounds: int, peak: float) -> None:
    network = FoldedNetwork(model.state, model.architecture, place)
    batch = next(batches(drawn_tokens(photos), photos))
    arrays = [torch.from_numpy(array).to(place.device) for array in batch]
    run, whole = (_products(model.architecture, place, photos, last=last) for last in (False, True))
    work = {
        "network": lambda: network(*arrays),
        "run": lambda: [product() for product in run],
        "whole": lambda: [product() for product in whole],
    }
    seconds = _best_of(work, rounds, place.device)
    each = {name: spent / photos * 1e3 for name, spent in seconds.items()}
    print(f"network        {each['network']:8.2f} ms a photo, {1e3 / each['network']:.1f} photos/s")
    for name in ("run", "whole"):
        share = each[name] / each["network"]
        print(f"ceiling, {name:6}{each[name]:8.2f} ms a photo: the network runs at {share:.1%} of it")
    rate = operations(model.architecture, last=False) / each["network"] / 1e9
    print(f"{rate:.2f} TFLOPS", f"= {rate / peak:.1%} of the peak of {peak:g}" if peak else "")
    if place.device.type == "cuda":
        best = _largest_product(place.device)
        print(f"{rate / best:.1%} of the {best:.0f} TFLOPS that one product of 8192 × 8192 × 8192 reaches")
    print("target met" if each["run"] / each["network"] >= TARGET else f"BELOW THE TARGET of {TARGET:.0%}")


def _exact_speed(model: LoadedModel, place: Place, photos: int, rounds: int) -> None:
    network = FoldedNetwork(model.state, model.architecture, place)
    arrays = [
        torch.from_numpy(array).to(place.device) for array in next(batches(drawn_tokens(photos), photos))
    ]
    spent = _best_of({"fp32": lambda: network(*arrays)}, rounds, place.device)["fp32"] / photos
    print(f"fp32           {spent * 1e3:8.2f} ms a photo")


def _distance(model: LoadedModel, device: str) -> None:
    tokens = drawn_tokens(9)
    exact, fast = (runner_of(model, device=device, precision=name).run(tokens) for name in ("fp32", "bf16"))
    feature = np.linalg.norm(fast.features - exact.features) / np.linalg.norm(exact.features)
    print(
        f"bf16 against fp32 on 9 drawn frames: features {feature:.2%} of their norm, "
        f"scores {np.abs(fast.scores - exact.scores).max():.4f}, "
        f"pair probabilities {pair_distance(fast, exact, model.temperature):.4f} (allowed .02)"
    )


def operations(architecture: Architecture, *, last: bool) -> int:
    """Floating-point operations of all products for one photo; *last*: the last block as whole as the others."""
    width, t, blocks = architecture.width, TOKENS + 1, architecture.layers - (not last)
    block = 2 * t * 12 * width**2 + 4 * t * t * width
    class_only = 0 if last else 2 * t * 2 * width**2 + 2 * 10 * width**2 + 4 * t * width
    return blocks * block + class_only + 2 * t * width * (3 * architecture.patch**2 + architecture.grid**2)


def _products(architecture: Architecture, place: Place, photos: int, *, last: bool) -> list[Product]:
    """Every product of the network, in order."""
    width, heads, t = architecture.width, architecture.heads, TOKENS + 1
    products = [
        _linear(place, photos * TOKENS, 3 * architecture.patch**2, width),
        _linear(place, photos * TOKENS, architecture.grid**2, width),
    ]
    for _ in range(architecture.layers - (not last)):
        products += [
            _linear(place, photos * t, width, 3 * width),
            *_attention(place, photos * heads, t, width // heads),
            _linear(place, photos * t, width, width),
            _linear(place, photos * t, width, 4 * width),
            _linear(place, photos * t, 4 * width, width),
        ]
    if not last:
        products.append(_linear(place, photos * t, width, 2 * width))
        products += [_linear(place, photos, width, size) for size in (width, width, 4 * width)]
        products.append(_linear(place, photos, 4 * width, width))
    return products


def _linear(place: Place, rows: int, inputs: int, outputs: int) -> Product:
    x, weight = _drawn(place, rows, inputs), _drawn(place, outputs, inputs)
    bias = _drawn(place, outputs)
    if not place.packs:
        return lambda: torch.nn.functional.linear(x, weight, bias)
    packed = torch.ops.mkldnn._reorder_linear_weight(weight, TOKENS + 1)
    return lambda: torch.ops.mkldnn._linear_pointwise(x, packed, bias, "none", [], "")


def _attention(place: Place, heads: int, t: int, width: int) -> tuple[Product, Product]:
    query, key, value = (_drawn(place, heads, t, width) for _ in range(3))
    weights = _drawn(place, heads, t, t)
    return lambda: torch.bmm(query, key.transpose(1, 2)), lambda: torch.bmm(weights, value)


def _drawn(place: Place, *shape: int) -> torch.Tensor:
    return torch.randn(shape).to(place.device, place.dtype)


def _largest_product(device: torch.device) -> float:
    place = Place(device, torch.bfloat16)
    first, second = _drawn(place, 8192, 8192), _drawn(place, 8192, 8192)
    return 2 * 8192**3 / _best_of({"": lambda: first @ second}, 20, device)[""] / 1e12


def _best_of(work: dict[str, Product], rounds: int, device: torch.device) -> dict[str, float]:
    """Seconds of the best round of each, done in turns after one that does not count."""
    best = dict.fromkeys(work, float("inf"))
    for round_number in range(rounds + 1):
        for name, task in work.items():
            start = time.perf_counter()
            task()
            if device.type == "cuda":
                torch.cuda.synchronize()
            spent = time.perf_counter() - start
            best[name] = min(best[name], spent) if round_number else best[name]
    return best


if __name__ == "__main__":
    main()
