"""The whole-hand networks of systems 4 and 5, and this project's own.

- `DualHand`: InceptionV3, squeeze-excitation after each Inception block, two heads, age and sex (Rayed et al. 2025).
- `RegressionHand`: Inception-ResNet-v2, global average pooling, one ReLU neuron; a model for each sex (Cheng et al. 2021).
- `DistributionHand`: a timm backbone, sex joined in, a distribution over months whose mean is the answer.
Differences from the papers stand in the cards.
"""

from __future__ import annotations

import timm
import torch
from torch import Tensor, nn

from boneage_desk.engines.networks.attention import SqueezeExcitation, attend
from boneage_desk.engines.networks.whole_hand import DUAL, REGRESSION, Outputs, WholeHand

MEAN_MONTHS, SD_MONTHS = 127.0, 41.0
"""Of the training films: a network starts at their mean."""
MONTHS = 240
SEX_FEATURES = 32
HIDDEN = 512


class DualHand(WholeHand):
    """System 4: bone age and sex from the picture alone; the sex that is handed in is not looked at."""

    needs_sex = False

    def __init__(self, dropout: float = 0.3) -> None:
        super().__init__()
        self.trunk = timm.create_model("inception_v3", pretrained=False, in_chans=1, num_classes=0, aux_logits=False)
        attend(self.trunk, SqueezeExcitation)
        features = int(self.trunk.num_features)
        self.drop = nn.Dropout(dropout)
        self.age = nn.Linear(features, 1)
        self.sex = nn.Linear(features, 1)

    def outputs(self, pixels: Tensor, male: Tensor) -> Outputs:
        """See `WholeHand.outputs`; ``male`` is ignored."""
        features = self.drop(self.trunk(pixels))
        months = MEAN_MONTHS + SD_MONTHS * self.age(features)[:, 0].float()
        return Outputs(months, self.sex(features)[:, 0].float())

    def gradcam_layer(self, male: float | None = None) -> nn.Module:
        """The last Inception block with its attention."""
        return self.trunk.get_submodule("Mixed_7c")


class Regressor(WholeHand):
    """System 5 for one sex. The single ReLU neuron gives years and begins at the films' mean age with small weights:
    begun at zero, a batch of young children could push it below 0 for ever."""

    needs_sex = False

    def __init__(self, dropout: float = 0.2) -> None:
        super().__init__()
        self.trunk = timm.create_model("inception_resnet_v2", pretrained=False, in_chans=1, num_classes=0)
        self.drop = nn.Dropout(dropout)
        self.age = nn.Linear(int(self.trunk.num_features), 1)
        nn.init.normal_(self.age.weight, std=1e-3)
        nn.init.constant_(self.age.bias, MEAN_MONTHS / 12)

    def outputs(self, pixels: Tensor, male: Tensor) -> Outputs:
        """See `WholeHand.outputs`; ``male`` is ignored."""
        return Outputs(12 * torch.relu(self.age(self.drop(self.trunk(pixels)))[:, 0].float()))

    def gradcam_layer(self, male: float | None = None) -> nn.Module:
        """The last convolution."""
        return self.trunk.get_submodule("conv2d_7b")


class RegressionHand(WholeHand):
    """System 5: a `Regressor` for each sex, weights named ``male.`` and ``female.``. An unknown sex takes both by half."""

    def __init__(self) -> None:
        super().__init__()
        self.male, self.female = Regressor(), Regressor()

    def outputs(self, pixels: Tensor, male: Tensor) -> Outputs:
        """See `WholeHand.outputs`."""
        months = torch.zeros(len(pixels), device=pixels.device)
        for model, share in ((self.male, male), (self.female, 1 - male)):
            of = (share > 0).nonzero()[:, 0]
            if len(of):
                months = months.index_add(0, of, share[of] * model.outputs(pixels[of], share[of]).months)
        return Outputs(months)

    def gradcam_layer(self, male: float | None = None) -> nn.Module:
        """The last convolution of the model of that sex. Raises ValueError where it is not 1 or 0."""
        if male not in (0.0, 1.0):
            raise ValueError("a saliency map of this model needs the sex of the child")
        return (self.male if male == 1.0 else self.female).gradcam_layer()


class DistributionHand(WholeHand):
    """Ours: backbone features and a sex embedding -> hidden layer -> softmax over months 0..239; the mean is the answer."""

    month: Tensor

    def __init__(self, backbone: str, dropout: float = 0.3, drop_path: float = 0.1) -> None:
        super().__init__()
        self.trunk = timm.create_model(backbone, pretrained=False, in_chans=1, num_classes=0, drop_path_rate=drop_path)
        self.sex = nn.Linear(1, SEX_FEATURES)
        self.drop = nn.Dropout(dropout)
        self.hidden = nn.Linear(int(self.trunk.num_features) + SEX_FEATURES, HIDDEN)
        self.bins = nn.Linear(HIDDEN, MONTHS)
        self.register_buffer("month", torch.arange(MONTHS, dtype=torch.float32), persistent=False)

    def outputs(self, pixels: Tensor, male: Tensor) -> Outputs:
        """See `WholeHand.outputs`."""
        sex = torch.relu(self.sex((2 * male - 1)[:, None]))
        features = torch.cat([self.trunk(pixels), sex], 1)
        bins = self.bins(self.drop(torch.relu(self.hidden(self.drop(features))))).float()
        return Outputs(torch.softmax(bins, 1) @ self.month, bins=bins)

    def gradcam_layer(self, male: float | None = None) -> nn.Module:
        """The last convolution with its norm, or a ConvNeXt's last stage."""
        return self.trunk.get_submodule("bn2" if hasattr(self.trunk, "bn2") else "stages.3")


def build_dual(architecture: str = DUAL) -> DualHand:
    """System 4."""
    return DualHand()


def build_regression(architecture: str = REGRESSION) -> RegressionHand:
    """System 5, both sexes."""
    return RegressionHand()


def build_distribution(architecture: str) -> DistributionHand:
    """Ours, with the backbone of that name."""
    return DistributionHand(architecture)
