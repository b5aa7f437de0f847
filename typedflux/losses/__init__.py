"""Losses: `loss(prediction, target, agg=flux.mean)`; shapes must match exactly.

`agg` makes one number of the losses of the elements: `flux.mean`, `flux.sum`, `flux.identity` or
any function of a tensor. The mean of no elements is nan, their sum 0.
"""

from typedflux.losses.classification import binary_focal_loss as binary_focal_loss
from typedflux.losses.classification import binarycrossentropy as binarycrossentropy
from typedflux.losses.classification import crossentropy as crossentropy
from typedflux.losses.classification import focal_loss as focal_loss
from typedflux.losses.classification import kldivergence as kldivergence
from typedflux.losses.classification import label_smoothing as label_smoothing
from typedflux.losses.classification import logitbinarycrossentropy as logitbinarycrossentropy
from typedflux.losses.classification import logitcrossentropy as logitcrossentropy
from typedflux.losses.common import Aggregate as Aggregate
from typedflux.losses.margins import hinge_loss as hinge_loss
from typedflux.losses.margins import siamese_contrastive_loss as siamese_contrastive_loss
from typedflux.losses.margins import squared_hinge_loss as squared_hinge_loss
from typedflux.losses.overlap import dice_coeff_loss as dice_coeff_loss
from typedflux.losses.overlap import tversky_loss as tversky_loss
from typedflux.losses.regression import huber_loss as huber_loss
from typedflux.losses.regression import mae as mae
from typedflux.losses.regression import mse as mse
from typedflux.losses.regression import msle as msle
from typedflux.losses.regression import poisson_loss as poisson_loss
