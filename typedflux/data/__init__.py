"""Data: batches, splits, one-hot labels, and a few real data sets."""

from typedflux.data.labels import onecold as onecold
from typedflux.data.labels import onehotbatch as onehotbatch
from typedflux.data.loader import DataLoader as DataLoader
from typedflux.data.observations import Dataset as Dataset
from typedflux.data.observations import Subset as Subset
from typedflux.data.observations import collate as collate
from typedflux.data.observations import getobs as getobs
from typedflux.data.observations import numobs as numobs
from typedflux.data.sets import IRIS_SPECIES as IRIS_SPECIES
from typedflux.data.sets import Digits as Digits
from typedflux.data.sets import Iris as Iris
from typedflux.data.sets import digits as digits
from typedflux.data.sets import iris as iris
from typedflux.data.sets import load_idx as load_idx
from typedflux.data.splits import kfolds as kfolds
from typedflux.data.splits import splitobs as splitobs
