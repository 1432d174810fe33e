import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

from gambol.core.errors import InputError
from gambol.io import pretrained
from gambol.nn import cost, transfer
from gambol.nn.backbones.vit import Vit, VitSpec, places, vit
from gambol.nn.model import ModelSpec, PoseNet, default_head

# trainable parameters of timm 1.0's vit_{tiny,small}_patch16_224, less those of `head`
PUBLISHED = {"tiny": 5_717_416 - 193_000, "small": 22_050_664 - 385_000}
BLOCK = {
    f"{part}.{what}"
    for part in ("norm1", "attn.qkv", "attn.proj", "norm2", "mlp.fc1", "mlp.fc2")
    for what in ("weight", "bias")
}
OTHER = {
    "cls_token", "pos_embed", "patch_embed.proj.weight", "patch_embed.proj.bias",
    "norm.weight", "norm.bias",
}  # fmt: skip


def shallow(seed=0, **changes):
    torch.manual_seed(seed)
    return Vit(VitSpec(layers=2, **changes)).eval()


@pytest.mark.parametrize("variant", PUBLISHED)
def test_names_and_parameters_are_those_of_the_weights_that_are_passed_around(variant):
    encoder = Vit(VitSpec(variant=variant))
    assert sum(p.numel() for p in encoder.parameters()) == PUBLISHED[variant]
    blocks = {f"blocks.{i}.{name}" for i in range(12) for name in BLOCK}
    assert set(encoder.state_dict()) == OTHER | blocks
    assert encoder.pos_embed.shape[1] == 197


def test_blocks_compute_what_torch_says_a_transformer_does():
    encoder, image = shallow(), torch.rand(2, 3, 224, 224)
    with torch.no_grad():
        for parameter in encoder.parameters():  # biases and scales that would be 0 and 1
            parameter.add_(0.05 * torch.randn_like(parameter))
        words = encoder.patch_embed["proj"](image).flatten(2).transpose(1, 2)
        x = torch.cat([encoder.cls_token.expand(2, -1, -1), words], 1) + encoder.pos_embed
        for block in encoder.blocks:
            layer = nn.TransformerEncoderLayer(
                192, 3, 768, 0.0, "gelu", 1e-6, batch_first=True, norm_first=True
            )
            layer.self_attn.in_proj_weight.copy_(block.attn.qkv.weight)
            layer.self_attn.in_proj_bias.copy_(block.attn.qkv.bias)
            layer.self_attn.out_proj.load_state_dict(block.attn.proj.state_dict())
            layer.linear1.load_state_dict(block.mlp["fc1"].state_dict())
            layer.linear2.load_state_dict(block.mlp["fc2"].state_dict())
            layer.norm1.load_state_dict(block.norm1.state_dict())
            layer.norm2.load_state_dict(block.norm2.state_dict())
            x = layer(x)
        grid = encoder.norm(x)[:, 1:].reshape(2, 14, 14, 192).permute(0, 3, 1, 2)
        torch.testing.assert_close(encoder(image)[0], grid, atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize("size", [(14, 14), (7, 20), (3, 40), (28, 13)])
def test_places_are_stretched_as_torch_does_it_with_antialiasing(size):
    embedded = torch.randn(1, 1 + 14**2, 6)
    grid = embedded[:, 1:].transpose(1, 2).unflatten(2, (14, 14))
    expected = F.interpolate(grid, size, mode="bicubic", antialias=True)
    found = places(embedded, 14, torch.zeros(1, 1, *size))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    if size == (14, 14):
        assert torch.equal(found, grid)


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
def test_weights_in_a_file_find_their_places(tmp_path, suffix):
    other, path = shallow(1), tmp_path / f"weights.{suffix}"
    weights = {**other.state_dict(), "head.weight": torch.zeros(1000, 192)}
    weights = {name: value.contiguous() for name, value in weights.items()}
    (save_file if suffix == "safetensors" else torch.save)(weights, path)
    spec = VitSpec(layers=2)
    net = PoseNet(ModelSpec(backbone=spec, head=default_head(spec), keypoints=("nose",)))
    taken = transfer.encoder(net, pretrained.read(path), str(path))
    image = torch.rand(1, 3, 48, 32)
    with torch.no_grad():
        assert torch.equal(net.backbone.encoder(image)[0], other(image)[0])
    assert taken.anew == ("the heads",)
    assert {name for name in taken.rates} == {
        name for name, _ in net.named_parameters() if name.startswith("backbone.")
    }


def test_weights_for_larger_pictures_are_fitted_to_the_grid():
    encoder, given = shallow(), shallow(1).state_dict()
    given["pos_embed"] = torch.randn(1, 1 + 24**2, 192)  # of 384 px
    found = encoder.named(given)["pos_embed"]
    assert found.shape == encoder.pos_embed.shape
    assert torch.equal(found[:, 0], given["pos_embed"][:, 0])
    torch.testing.assert_close(
        found[0, 1:].T.reshape(192, 14, 14)[None],
        F.interpolate(given["pos_embed"][:, 1:].transpose(1, 2).reshape(1, 192, 24, 24),
                      (14, 14), mode="bicubic", antialias=True),
        atol=1e-5, rtol=1e-5,
    )  # fmt: skip
    given["pos_embed"] = torch.randn(1, 198, 192)  # of a ViT that was distilled
    with pytest.raises(InputError, match="198 places, which are no square grid"):
        encoder.named(given)


def test_rates_fall_by_a_quarter_from_block_to_block():
    # layers as timm counts them: 0 embeddings, 1 to 12 blocks and the last norm, 13 head
    rates = Vit(VitSpec()).rates()
    assert rates["norm.weight"] == rates["blocks.11.attn.qkv.weight"] == 0.75
    assert rates["blocks.0.mlp.fc1.bias"] == pytest.approx(0.75**12)
    for name in ("cls_token", "pos_embed", "patch_embed.proj.weight"):
        assert rates[name] == pytest.approx(0.75**13)


def test_a_finer_patch_gives_features_at_stride_eight_and_maps_at_four():
    spec = VitSpec(patch=8, layers=1)
    net = PoseNet(ModelSpec(backbone=spec, head=default_head(spec), keypoints=("nose",)))
    assert net.backbone.encoder.pos_embed.shape[1] == 1 + 28**2
    assert net.backbone.strides == (8,) and net.position.stride == 4
    (maps,) = net.eval()(torch.zeros(1, 1, 24, 40, dtype=torch.uint8))
    assert maps.shape == (1, 1, 6, 10)


def test_values_are_scaled_as_where_the_weights_were_learnt():
    image = torch.tensor([0, 128, 255]).reshape(1, 3, 1, 1).expand(-1, -1, 16, 16)
    for values, mean, sd in (
        ("half", [0.5] * 3, [0.5] * 3),
        ("imagenet", [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ):
        backbone = vit(VitSpec(layers=1, values=values), 3)
        got = []
        backbone.encoder.register_forward_pre_hook(lambda _, args, got=got: got.append(args[0]))
        backbone((image - 128) / 128)
        expected = (image / 255 - torch.tensor(mean)[:, None, None]) / torch.tensor(sd)[
            :, None, None
        ]
        torch.testing.assert_close(got[0], expected)


def test_attention_is_counted_among_the_operations():
    counts = []
    for layers in (1, 2):
        spec = VitSpec(layers=layers)
        net = PoseNet(ModelSpec(backbone=spec, head=default_head(spec), keypoints=("nose",)))
        counts.append(cost.flops(net, 96, 64))
    n, d = 1 + 6 * 4, 192
    per_block = 2 * n * d * 3 * d + 2 * 2 * n * n * d + 2 * n * d * d + 2 * 2 * n * d * 4 * d
    assert counts[1] - counts[0] == per_block
