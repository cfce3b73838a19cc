"""The PyTorch module, and networks that come from PyTorch."""

import numpy as np
import pytest
from conftest import FIXTURES

import sirenc

torch = pytest.importorskip("torch")
from sirenc.torch import Field, from_state_dict, to_state_dict  # noqa: E402


def test_values_are_those_of_the_decoder():
    seen = 0
    for path in sorted((FIXTURES / "valid").glob("*.siren")):
        field = sirenc.open(path)
        if field.info["field"] != "siren" or field.info["has_missing"]:
            continue
        generator = np.random.default_rng(0)
        points = generator.uniform(-0.5, [axis.length - 0.5 for axis in field.axes], (200, len(field.axes)))
        expected = field.sample(points).reshape(200, -1).astype(float)
        found = Field(field)(torch.from_numpy(points)).detach().numpy()
        span = max(np.abs(expected).max(), 1e-6)
        assert np.abs(found - expected).max() <= 2**-15 * span, path.name
        seen += 1
    assert seen > 20


def test_it_is_differentiable():
    field = sirenc.open(FIXTURES / "valid/fitted-astronaut-tiles.siren")
    module = Field(field)
    points = torch.tensor([[40.3, 63.6], [63.7, 64.2]], dtype=torch.float64, requires_grad=True)
    module(points)[:, 1].sum().backward()
    assert np.allclose(points.grad, field.sample(points.detach().numpy(), "gradient")[:, 1], atol=1e-5)
    assert any(p.grad is not None and p.grad.abs().max() > 0 for p in module.parameters())
    with pytest.raises(sirenc.ParameterError, match="sine networks"):
        Field(sirenc.open(FIXTURES / "valid/spline-rgb-u8.siren"))


class Sine(torch.nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.linear = torch.nn.Linear(inputs, outputs)

    def forward(self, x):
        return torch.sin(30 * self.linear(x))


@pytest.mark.parametrize("corners, order", [(True, "yx"), (False, "xy")])
def test_a_siren_comes_and_goes(corners, order):
    torch.manual_seed(1)
    network = torch.nn.Sequential(Sine(2, 16), Sine(16, 16), torch.nn.Linear(16, 3))
    shape = (20, 31)
    field = sirenc.open(from_state_dict(network.state_dict(), shape, corners=corners, order=order))
    ends = [1 if corners else 1 - 1 / n for n in shape]
    y, x = torch.meshgrid(*[torch.linspace(-end, end, n) for end, n in zip(ends, shape)], indexing="ij")
    expected = network(torch.stack([y, x] if order == "yx" else [x, y], -1)).detach().numpy() / 2 + 0.5
    assert field.shape == (20, 31, 3)
    assert np.abs(field.render(dtype="float32") - expected).max() < 1e-4
    back = torch.nn.Sequential(Sine(2, 16), Sine(16, 16), torch.nn.Linear(16, 3))
    back.load_state_dict({name.removeprefix("net."): value for name, value in to_state_dict(field).items()})
    local = [(2 * torch.arange(n) + 1 - n) / 31 for n in shape]
    y, x = torch.meshgrid(*local, indexing="ij")
    found = back(torch.stack([x, y], -1)).detach().numpy()
    assert np.abs(found - expected).max() < 1e-4


def test_other_states_are_refused():
    state = torch.nn.Sequential(Sine(3, 16), torch.nn.Linear(16, 3)).state_dict()
    with pytest.raises(sirenc.ParameterError, match="layers"):
        from_state_dict(state, (4, 4))
    with pytest.raises(sirenc.ParameterError, match="weights"):
        from_state_dict({}, (4, 4))
