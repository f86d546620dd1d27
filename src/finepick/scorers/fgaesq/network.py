"""The network: CLIP's visual tower over tokens of two scales, and a head that answers 1…10; for torch.

Modules are called what the release and OpenAI call them, so that names in files are names here.
"""

from __future__ import annotations

from itertools import pairwise

try:
    import torch
    from torch import Tensor, nn
    from torch.nn import functional
except ImportError as error:
    from finepick.errors import MissingExtraError

    raise MissingExtraError("running FGAesQ with torch", extra="torch") from error

from finepick.scorers.fgaesq.architecture import Architecture
from finepick.scorers.fgaesq.tokens import FINE, PADDING

QUICK_GELU = 1.702
"""CLIP's activation is x · sigmoid(1.702 x)."""

_DROPOUT = (0.2, 0.1)
_EXPANSION = 4
_NEW_SPREAD = 0.02  # ours: what is not learned yet starts small beside CLIP's own embeddings


class FgaesqNetwork(nn.Module):
    """FGAesQ (CVPR 2026, section 3): tokens in, a feature of the photo and ten logits out.

    Weights are whatever torch starts with until some are loaded, or until `start_afresh`. Ready for training
    (dropout in the head) as well as for inference.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        self.visual = _VisualTower(architecture)
        self.scale_embedding = nn.Parameter(torch.zeros(1, 2, architecture.width))
        self.mask_token = nn.Parameter(torch.zeros(1, 1, architecture.width))
        first, second = architecture.head
        self.iqa_head = nn.Sequential(
            nn.Linear(architecture.embedding, first),
            nn.ReLU(),
            nn.Dropout(_DROPOUT[0]),
            nn.Linear(first, second),
            nn.ReLU(),
            nn.Dropout(_DROPOUT[1]),
            nn.Linear(second, architecture.answers),
        )

    def forward(self, patches: Tensor, marks: Tensor, rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
        """Features (n, embedding) and logits (n, answers) of n photos of t tokens each, as `Tokens` has them.

        patches: (n, t, 3, patch, patch). marks: (n, t), integers. rows, columns: (n, t, grid). The class token
        is added here. Padding takes part in attention, as in the release.
        """
        x = self.visual.ln_pre(self.embed(patches, marks, rows, columns))
        x = self.visual.transformer.resblocks(x)
        features = self.visual.ln_post(self._pooled(x, marks)) @ self.visual.proj
        return features, self.iqa_head(features)

    def _pooled(self, x: Tensor, marks: Tensor) -> Tensor:
        if self.architecture.pooling == "class":
            return x[:, 0]
        return mean_of_tokens(x, marks)

    def embed(self, patches: Tensor, marks: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """What the blocks are given, before `ln_pre`: (n, 1 + t, width), the class token first."""
        visual, marks = self.visual, marks.unsqueeze(-1)
        pixels = functional.linear(visual.stemmed(patches).flatten(2), visual.conv1.weight.flatten(1))
        content = torch.where(marks == PADDING, self.mask_token.to(pixels.dtype), pixels)
        coarse, fine = self.scale_embedding.to(pixels.dtype).unbind(1)
        # Padding gets the scale embedding of coarse tokens: the release resets its marks before it looks.
        content = content + torch.where(marks == FINE, fine, coarse)
        class_position, grid = visual.positional_embedding[0], visual.positional_embedding[1:]
        weights = rows.unsqueeze(-1) * columns.unsqueeze(-2)
        content = content + weights.flatten(-2) @ grid
        leading = (visual.class_embedding + class_position).to(content.dtype)
        return torch.cat([leading.expand(len(patches), 1, -1), content], dim=1)

    @torch.no_grad()
    def start_afresh(self, seed: int) -> None:
        """Give every weight a value of its own that depends on *seed* alone: a network to be trained.

        The visual tower starts with the spreads that CLIP itself started with.
        """
        generator = torch.Generator().manual_seed(seed)
        self.start_beginnings(generator)
        self.visual.start_afresh(generator)

    @torch.no_grad()
    def start_beginnings(self, generator: torch.Generator) -> None:
        """Give new values to what CLIP does not have: head, scale embedding and mask token.

        The head's last layer starts with zeros, so that every answer is as likely as the next. Where it does not,
        dropout makes scores differ at random before they mean anything, and what an order teaches first is to be
        certain of one answer: then nothing can be learned any more.
        """
        for learned in (self.scale_embedding, self.mask_token):
            learned.normal_(std=_NEW_SPREAD, generator=generator)
        for layer in self.iqa_head:
            if isinstance(layer, nn.Linear):
                nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu", generator=generator)
                layer.bias.zero_()
        last = self.iqa_head[-1]
        assert isinstance(last, nn.Linear)
        last.weight.zero_()


def mean_of_tokens(x: Tensor, marks: Tensor) -> Tensor:
    """(n, width), the mean of all tokens but padding and the first. x: (n, 1 + t, width); marks: (n, t)."""
    shares = (marks != PADDING).to(x.dtype)
    shares = shares / shares.sum(1, keepdim=True).clamp(min=1)
    return (shares.unsqueeze(1) @ x[:, 1:]).squeeze(1)


class _VisualTower(nn.Module):
    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        width, (channels, side) = architecture.width, architecture.embedded
        self.class_embedding = nn.Parameter(torch.zeros(width))
        self.positional_embedding = nn.Parameter(torch.zeros(architecture.grid**2 + 1, width))
        self.proj = nn.Parameter(torch.zeros(width, architecture.embedding))
        self.stem = nn.ModuleList(
            nn.Conv2d(before, after, kernel_size=3, stride=2, padding=1)
            for before, after in pairwise((3, *architecture.stem))
        )
        self.conv1 = nn.Conv2d(channels, width, kernel_size=side, stride=side, bias=False)
        self.ln_pre = _LayerNorm(width)
        self.transformer = _Transformer(architecture)
        self.ln_post = _LayerNorm(width)

    def stemmed(self, patches: Tensor) -> Tensor:
        """Patches (n, t, 3, patch, patch) after the stem, where there is one: (n, t, channels, side, side)."""
        if not len(self.stem):
            return patches
        x = patches.flatten(0, 1)
        for convolution in self.stem:
            x = functional.relu(convolution(x))
        return x.view(*patches.shape[:2], *x.shape[1:])

    def start_afresh(self, generator: torch.Generator) -> None:
        width = len(self.class_embedding)
        for convolution in self.stem:
            assert isinstance(convolution, nn.Conv2d) and convolution.bias is not None
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu", generator=generator)
            convolution.bias.zero_()
        for embedding in (self.class_embedding, self.positional_embedding, self.proj):
            embedding.normal_(std=width**-0.5, generator=generator)
        self.conv1.weight.normal_(std=self.conv1.weight[0].numel() ** -0.5, generator=generator)
        for norm in (self.ln_pre, self.ln_post):
            norm.reset_parameters()
        self.transformer.start_afresh(generator)


class _Transformer(nn.Module):
    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        blocks = [_Block(architecture) for _ in range(architecture.layers)]
        self.resblocks = nn.Sequential(*blocks)

    def start_afresh(self, generator: torch.Generator) -> None:
        for block in self.resblocks:
            assert isinstance(block, _Block)
            block.start_afresh(generator, depth=len(self.resblocks))


class _Block(nn.Module):
    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.ln_1 = _LayerNorm(architecture.width)
        self.attn = _Attention(architecture.width, architecture.heads)
        self.ln_2 = _LayerNorm(architecture.width)
        self.mlp = _Mlp(architecture.width)

    def forward(self, x: Tensor) -> Tensor:
        attended: Tensor = x + self.attn(self.ln_1(x))
        result: Tensor = attended + self.mlp(self.ln_2(attended))
        return result

    def start_afresh(self, generator: torch.Generator, *, depth: int) -> None:
        attention, mlp = self.attn, self.mlp
        width = attention.out_proj.in_features
        attention.in_proj_weight.normal_(std=width**-0.5, generator=generator)
        mlp.c_fc.weight.normal_(std=(2 * width) ** -0.5, generator=generator)
        for last in (attention.out_proj, mlp.c_proj):
            last.weight.normal_(std=(2 * width * depth) ** -0.5, generator=generator)
        for bias in (attention.in_proj_bias, attention.out_proj.bias, mlp.c_fc.bias, mlp.c_proj.bias):
            bias.zero_()
        for norm in (self.ln_1, self.ln_2):
            norm.reset_parameters()


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.zeros(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        joint = functional.linear(x, self.in_proj_weight, self.in_proj_bias)
        n, t, _ = x.shape
        query, key, value = joint.view(n, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        if x.device.type == "cpu":  # where the fused function takes twice as long, most of it backwards
            weights = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
            seen = weights.softmax(-1).to(value.dtype) @ value
        else:
            seen = functional.scaled_dot_product_attention(query, key, value)
        result: Tensor = self.out_proj(seen.transpose(1, 2).flatten(2))
        return result


class _Mlp(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.c_fc = nn.Linear(width, _EXPANSION * width)
        self.c_proj = nn.Linear(_EXPANSION * width, width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.c_fc(x)
        result: Tensor = self.c_proj(x * torch.sigmoid(QUICK_GELU * x))
        return result


class _LayerNorm(nn.LayerNorm):
    """In fp32 whatever comes in, as in CLIP."""

    def forward(self, x: Tensor) -> Tensor:
        weight, bias = self.weight.float(), self.bias.float()
        return functional.layer_norm(x.float(), self.normalized_shape, weight, bias, self.eps).to(x.dtype)
