"""Normalisations of the stem: folded away they leave a plain network that says the same."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the extra 'torch' is not installed")

from finepick.scorers.fgaesq.architecture import Architecture  # noqa: E402
from finepick.scorers.fgaesq.network import FgaesqNetwork  # noqa: E402
from finepick.training.normalisation import folded, normalise_stem, settle_stem  # noqa: E402
from tests.scorers.fgaesq.small_models import random_tokens, tensors_of  # noqa: E402

SMALL = Architecture(width=64, layers=1, heads=1, embedding=32, head=(16, 8), stem=(8, 16), tokens=150)


def network() -> FgaesqNetwork:
    made = FgaesqNetwork(SMALL)
    made.start_afresh(1)
    return made


def test_a_taught_stem_folds_into_plain_convolutions_that_say_the_same() -> None:
    taught = network()
    normalise_stem(taught)
    optimiser = torch.optim.SGD(taught.parameters(), lr=1e-3)
    for seed in range(5):
        optimiser.zero_grad()
        features, _ = taught(*tensors_of(random_tokens(seed)))
        (features - 1).square().sum().backward()
        optimiser.step()
        settle_stem(taught)
    plain = FgaesqNetwork(SMALL)
    plain.load_state_dict(folded(taught.state_dict()))  # strict: nothing is missing, nothing is left over
    tokens = tensors_of(random_tokens(9))
    with torch.no_grad():
        there, here = taught.eval()(*tokens), plain.eval()(*tokens)
        untaught = network().eval()(*tokens)
    assert all(torch.allclose(one, other, atol=1e-5) for one, other in zip(there, here, strict=True))
    assert not torch.allclose(there[0], untaught[0], atol=1e-2)


def test_a_network_without_normalisations_stays_as_it_is() -> None:
    state = network().state_dict()
    assert all(folded(state)[name] is tensor for name, tensor in state.items())


def test_normalised_answers_have_mean_zero_and_spread_one() -> None:
    taught = network()
    normalise_stem(taught)
    patches = tensors_of(random_tokens(2))[0].flatten(0, 1) * 3 + 1
    answers = taught.visual.stem[0](patches)
    assert torch.allclose(answers.mean((0, 2, 3)), torch.zeros(8), atol=1e-5)
    assert torch.allclose(answers.std((0, 2, 3)), torch.ones(8), atol=1e-2)


def test_what_is_remembered_does_not_depend_on_the_order_of_portions() -> None:
    states = []
    for order in ((3, 4, 5), (5, 3, 4)):
        taught = network()
        normalise_stem(taught)
        for seed in order:
            taught(*tensors_of(random_tokens(seed)))
        settle_stem(taught)
        states.append(taught.state_dict())
    assert all(torch.allclose(states[0][name], states[1][name], atol=1e-6) for name in states[0])
    assert not torch.allclose(states[0]["visual.stem.0.mean"], torch.zeros(8), atol=1e-3)
