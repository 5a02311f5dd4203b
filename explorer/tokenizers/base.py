"""What every tokenizer can do, whatever its family: pictures to token maps and back.

A family's adapter (multiscale.py, singlescale.py) says how features become ids, how ids become f_hat, and
which part of a partial set of maps can be shown. Everything else stands here: checks, devices, batches, the
memo.

Shapes: B batch, K scales, V codes, C code dimension, H W pixels, h w a grid, N nearest. Images are float32
in [0,1]; what comes back lies on the CPU as float32 or int64 and carries no gradient.
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor, nn

from explorer.devices import Device, open_device
from explorer.token_maps import UNKNOWN, Grid, TokenMaps, keep_masks, whole_number
from explorer.tokenizers import checks, images
from explorer.tokenizers.memo import DecodeMemo
from explorer.tokenizers.single_tokens import SingleTokens
from explorer.tokenizers.tensors import part_of, public

# Pictures are decoded together up to this many pixels (4096 at 64 px, 256 at 256 px); more gains nothing.
DECODE_PIXELS = 1 << 24


@dataclass(frozen=True, eq=False)
class ScaleTrace:
    """How one scale quantises a batch of images."""

    ids: Tensor  # (B,h,w) the chosen codes
    energy_before: Tensor  # (B,) mean square of what coarser scales left unexplained
    energy_after: Tensor  # (B,) the same after this scale
    distance: Tensor  # (B,h,w) Euclidean distance to the chosen code, or its logit margin: `chooses_by`
    nearest_ids: Tensor  # (B,h,w,N) the nearest codes, nearest first, or those with the largest logits
    nearest_distance: Tensor  # (B,h,w,N) their distances, or how far their logits lie below the largest


class Tokenizer(SingleTokens, ABC):
    """A network that turns images into token maps and back. Build one with `explorer.load_tokenizer`.

    net: a tokenizer of `explorer.nets` in float32; it is moved to the device and switched to eval mode.
    grids: ((h,w), ...) coarse to fine. name, sha256: go into the meta of encoded maps.
    memo: decoded pictures are remembered there (shared, owned by the caller). about: what else its card says
    (data, training, metrics).
    """

    def __init__(
        self,
        net: nn.Module,
        grids: Sequence[Grid],
        device: Device | str = "auto",
        precision: str = "auto",
        name: str = "unnamed",
        sha256: str | None = None,
        memo: DecodeMemo | None = None,
        about: Mapping[str, object] | None = None,
    ):
        self.device = open_device(device, precision)
        self.name = name
        self.sha256 = sha256
        self.memo = memo
        self.about = dict(about or {})
        self.grids = self._check_grids(grids)
        self._net = net.to(self.device.torch_device).eval().requires_grad_(False)
        self._encoder = part_of(
            self._net, self.device.encoder_dtype, self.device, unused=("decoder", "quantize")
        )
        self._decoder = part_of(
            self._net, self.device.compute_dtype, self.device, unused=("encoder", "quantize")
        )

    # What differs between families

    @abstractmethod
    def _check_grids(self, grids: Sequence[Grid]) -> tuple[Grid, ...]:
        """Normalised grids; ValueError when the family cannot use them."""

    @abstractmethod
    def _quantise(self, f_BChw: Tensor, given: list[Tensor] | None, masks: list[Tensor]) -> list[Tensor]:
        """K id maps of a feature; where masks[k] is True, given[k] is taken as it is."""

    @abstractmethod
    def _f_hats(self, maps: list[Tensor]) -> list[Tensor]:
        """f_hat (B,C,h,w) after each of the given maps; ids of -1 must not reach the codebook."""

    @abstractmethod
    def _shown_rows(self, maps: TokenMaps) -> tuple[int, ...]:
        """For each image the number of scales that decoding uses."""

    @abstractmethod
    def _trace(self, f_BChw: Tensor, n: int, given: list[Tensor] | None) -> list[dict[str, Tensor]]:
        """The quantizer's own trace, one dict per scale; of the given ids where there are any."""

    @abstractmethod
    def _contributions(self, ids_N: Tensor, k: int) -> Tensor:
        """(N,C): what a constant map of each code at scale k (from 0) adds to f_hat, away from borders."""

    @abstractmethod
    def _swatch_f_hat(self, ids_N: Tensor, grid: Grid, k: int) -> Tensor:
        """f_hat (N,C,h,w) of each code alone on a constant map of scale k (from 0)."""

    # What it is

    @property
    def config(self):
        """The frozen architecture of its network."""
        return self._net.config

    @property
    def family(self) -> str:
        return self._net.config.family

    @property
    def vocab_size(self) -> int:
        return self._net.config.vocab_size

    @property
    def code_dim(self) -> int:
        """Channels of a code."""
        return self._net.config.code_dim

    @property
    def chooses_by(self) -> str:
        """How a code is chosen: by "distance" (the smallest Euclidean one) or by "logits" (the largest).

        It decides what `ScaleTrace.distance` is: the distance from feature to code, or the logit margin, by
        how much the code's logit exceeds every other code's. Of the one small values are good, of the other
        large ones; a negative margin is a token that the encoder would not have chosen.
        """
        return getattr(self._net.quantize, "chooses_by", "distance")

    @property
    def downsample(self) -> int:
        """Pixels per cell of the finest grid along one side."""
        return self._net.config.downsample

    @property
    def image_hw(self) -> tuple[int, int]:
        """(H, W) of the images it takes and gives."""
        h, w = self.grids[-1]
        return h * self.downsample, w * self.downsample

    @property
    def image_size(self) -> int | tuple[int, int]:
        """The side of a square image, (H, W) of a rectangular one; `image_hw` is always a pair."""
        H, W = self.image_hw
        return H if H == W else (H, W)

    @property
    def quantizer(self) -> nn.Module:
        """The quantizer on its device, for generators, which feed its codes back into their network."""
        return self._net.quantize

    @property
    def codebook(self) -> Tensor:
        """(V,C) float32 copy of the vectors that the decoder sees."""
        return self._net.quantize.codebook().detach().float().cpu().clone()

    @property
    def meta(self) -> dict:
        """What `encode` notes in its maps."""
        size = self.image_size
        return {
            "tokenizer": self.name,
            "sha256": self.sha256,
            "grids": [list(grid) for grid in self.grids],
            "vocab_size": self.vocab_size,
            "image_size": size if isinstance(size, int) else list(size),
        }

    def __repr__(self) -> str:
        H, W = self.image_hw
        size = f"{self.vocab_size} codes, {len(self.grids)} scales, {H}x{W} px"
        return f"{type(self).__name__}({self.name}, {size})"

    def with_grids(self, grids: Sequence[Grid | int]) -> "Tokenizer":
        """The same weights with another schedule: other sizes, rectangles. ((h,w), ...) coarse to fine."""
        other = copy.copy(self)
        other.grids = self._check_grids(grids)
        return other

    # Pictures in

    def fit(self, image: Image.Image, mode: str = "crop", max_pixels: int = images.MAX_PIXELS) -> Tensor:
        """Any PIL image as (1,3,H,W) in [0,1]: "crop", "letterbox" or "reference" (see images.py)."""
        return images.fit(image, self.image_hw, mode, self.family, max_pixels)

    def encode(self, image: Tensor, given: TokenMaps | None = None, keep=0) -> TokenMaps:
        """The token maps of images (B,3,H,W) in [0,1].

        keep: k = scales 1..k are taken from `given`, the rest quantises what those leave unexplained; or a
        bool mask (h,w) / (B,h,w) on the finest grid, or K bool tensors: True = taken from `given` (see
        `keep_masks`). Never resizes: ValueError for another size, a value outside [0,1] or NaN.
        """
        image = checks.check_image(image, self.image_hw, self.name)
        masks = self._check_keep(given, keep, image.shape[0])
        with self.device.forward():
            return self._to_maps(self._features(image), given, masks)

    def requantise(self, before: TokenMaps, edited: TokenMaps, k: int) -> TokenMaps:
        """Scales 1..k of `edited`, and finer scales that pull the result back to the picture of `before`.

        The target is f_hat of `before` (of its known scales), so no source image is needed. Scales 1..k of
        `edited` must be known.
        """
        before, edited = self.check_maps(before), self.check_maps(edited)
        if before.batch != edited.batch:
            raise ValueError(f"`before` holds {before.batch} images, `edited` holds {edited.batch}")
        masks = self._check_keep(edited, edited.check_scale(k, lowest=0), edited.batch)
        with self.device.forward():
            target = self._shown_f_hat(before, list(enumerate(self._shown_rows(before))))
            return self._to_maps(target, edited, masks)

    def trace(self, image: Tensor, n: int = 8, given: TokenMaps | None = None) -> list[ScaleTrace]:
        """How each scale quantises the images: residual energy, distance of the code, n nearest codes.

        What a distance is, `chooses_by` says.

        given: complete maps (edited ones, say) whose tokens are taken instead of the nearest codes; residual
        and distances are then theirs.
        """
        image = checks.check_image(image, self.image_hw, self.name)
        n = whole_number(n, "n")
        if not 1 <= n <= self.vocab_size:
            raise ValueError(f"n = {n} nearest codes asked, there are {self.vocab_size}")
        if given is not None:
            self._check_keep(given, len(self.grids), image.shape[0])
        with self.device.forward():
            maps = None if given is None else self._on_device(given)
            scales = self._trace(self._features(image), n, maps)
        return [
            ScaleTrace(
                ids=public(scale["ids_Bhw"]),
                energy_before=public(scale["energy_before_B"]),
                energy_after=public(scale["energy_after_B"]),
                distance=public(scale["distance_Bhw"]),
                nearest_ids=public(scale["nearest_ids_BhwN"]),
                nearest_distance=public(scale["nearest_distance_BhwN"]),
            )
            for scale in scales
        ]

    # Pictures out

    def decode(self, maps: TokenMaps, force: bool = False) -> Tensor:
        """Images (B,3,H,W) in [0,1]. Partial maps are decoded as far as they are known.

        Raises ValueError for ids outside the codebook, for other grids, and (unless `force`) for maps whose
        meta names another tokenizer.
        """
        maps = self.check_maps(maps, force)
        return self._pictures(maps, list(enumerate(self._shown_rows(maps))))

    def decode_progressive(
        self, maps: TokenMaps, scales: Sequence[int] | None = None, force: bool = False
    ) -> Tensor:
        """The picture after each scale, or after the asked ones (from 1): (K,B,3,H,W), one batch.

        For partial maps: after each scale that is known for every image.
        """
        maps = self.check_maps(maps, force)
        known = min(self._shown_rows(maps))
        scales = range(1, known + 1) if scales is None else [maps.check_scale(k) for k in scales]
        for k in scales:
            if k > known:
                raise ValueError(f"the picture after scale {k} was asked, scales 1..{known} are known")
        pictures = self._pictures(maps, [(row, k) for k in scales for row in range(maps.batch)])
        return pictures.view(len(scales), maps.batch, *pictures.shape[1:])

    def accumulate(self, maps: TokenMaps, force: bool = False) -> Tensor:
        """f_hat (K,B,C,h,w) after each scale; after each known one for partial maps."""
        maps = self.check_maps(maps, force)
        known = min(self._shown_rows(maps))
        with self.device.forward():
            f_hats = self._f_hats(self._on_device(maps)[:known])
        if not f_hats:
            return torch.zeros(0, maps.batch, *self._f_hat_shape())
        return public(torch.stack(f_hats))

    def decode_code_swatches(self, ids: Tensor | Sequence[int], scale: int | None = None) -> Tensor:
        """What each code looks like alone, (N,3,d,d) in [0,1], d = `downsample`.

        The code fills a constant 3x3 map that is decoded without anything else (multi-scale: as the
        contribution of a scale, from 1, the finest where None, to an empty f_hat), and the centre cell's
        footprint is cut out, free of border effects. The decoder was never trained on such maps: read it as a
        hint at hue and texture.
        """
        k = len(self.grids) if scale is None else self._checked_scale(scale)
        ids_N = torch.as_tensor(ids, dtype=torch.int64).reshape(-1)
        checks.check_ids(ids_N, self.vocab_size, "a swatch", lowest=0)
        d = self.downsample
        swatches = [torch.zeros(0, 3, d, d)]
        for part in ids_N.split(max(1, DECODE_PIXELS // (9 * d * d))):
            with self.device.forward():
                f_hat = self._swatch_f_hat(part.to(self.device.torch_device), (3, 3), k - 1)
            swatches.append(self._to_images(f_hat)[:, :, d : 2 * d, d : 2 * d])
        return torch.cat(swatches)

    def contributions(self, k: int) -> Tensor:
        """(V,C): what every code of scale k (from 1) adds to f_hat where it fills a map of its own.

        Multi-scale: after that scale's residual convolution. Borders and neighbours do not count.
        """
        k = self._checked_scale(k)
        with self.device.forward():
            ids_V = torch.arange(self.vocab_size, device=self.device.torch_device)
            return public(self._contributions(ids_V, k - 1))

    # Checks

    def _checked_scale(self, k: int) -> int:
        k = whole_number(k, "the scale")
        if not 1 <= k <= len(self.grids):
            raise ValueError(f"scale {k} was asked, there are {len(self.grids)}")
        return k

    def check_maps(self, maps: TokenMaps, force: bool = False) -> TokenMaps:
        """The maps themselves when this tokenizer can decode them; ValueError says why not."""
        if not isinstance(maps, TokenMaps):
            raise ValueError(f"TokenMaps are needed, not a {type(maps).__name__}")
        if not force and maps.meta:
            checks.check_meta(maps.meta, self.meta)
        if maps.grids != self.grids:
            raise ValueError(
                f"the maps have grids {checks.grids_text(maps.grids)}, {self.name} has "
                f"{checks.grids_text(self.grids)}; use tokenizer.with_grids for another size"
            )
        if maps.batch == 0:
            raise ValueError("the maps hold 0 images, at least 1 is needed")
        for k, ids in enumerate(maps, start=1):
            checks.check_ids(ids, self.vocab_size, f"scale {k}", lowest=UNKNOWN)
        return maps

    def _check_keep(self, given: TokenMaps | None, keep, batch: int) -> list[Tensor]:
        """K bool masks; the tokens that they keep are known."""
        masks = keep_masks(keep, self.grids, batch)
        if not any(mask.any() for mask in masks):
            return masks
        if given is None:
            raise ValueError("`keep` asks for given tokens, but `given` is None")
        given = self.check_maps(given)
        if given.batch != batch:
            raise ValueError(f"`given` holds {given.batch} images, {batch} are encoded")
        for k, (ids, mask) in enumerate(zip(given, masks, strict=True), start=1):
            missing = int((ids[mask] < 0).sum())
            if missing:
                raise ValueError(
                    f"`keep` asks for scale {k}, where {missing} of {ids.numel()} tokens are not known"
                )
        return masks

    # Inner workings

    def _features(self, image: Tensor) -> Tensor:
        x = (image * 2 - 1).to(self.device.torch_device, self.device.encoder_dtype)
        return self._encoder.features(x).float().contiguous()

    def _to_maps(self, f_BChw: Tensor, given: TokenMaps | None, masks: list[Tensor]) -> TokenMaps:
        on_device = None if given is None else self._on_device(given)
        masks = [mask.to(self.device.torch_device) for mask in masks]
        ids = self._quantise(f_BChw, on_device, masks)
        with torch.inference_mode(False):
            return TokenMaps(tuple(public(map_Bhw) for map_Bhw in ids), self.meta)

    def _on_device(self, maps: TokenMaps) -> list[Tensor]:
        return [ids.to(self.device.torch_device) for ids in maps]

    def _f_hat_shape(self) -> tuple[int, int, int]:
        return (self._net.config.code_dim, *self.grids[-1])

    def _shown_f_hat(self, maps: TokenMaps, wanted: list[tuple[int, int]]) -> Tensor:
        """f_hat (N,C,h,w) of each (row, number of scales) wanted; no scale at all is the empty f_hat."""
        last = max(k for _, k in wanted)
        empty = torch.zeros(maps.batch, *self._f_hat_shape(), device=self.device.torch_device)
        f_hats = [empty, *self._f_hats(self._on_device(maps)[:last])]
        return torch.stack([f_hats[k][row] for row, k in wanted])

    def _pictures(self, maps: TokenMaps, wanted: list[tuple[int, int]]) -> Tensor:
        """Decoded (N,3,H,W) for each (row, number of scales); what the memo holds is not decoded again."""
        if not wanted:
            return torch.zeros(0, 3, *self.image_hw)
        if self.memo is None:
            return self._decode_wanted(maps, wanted)
        keys = [self._memo_key(maps, row, k) for row, k in wanted]
        found = {key: self.memo.get(key) for key in keys}
        missing = {key: pair for key, pair in zip(keys, wanted, strict=True) if found[key] is None}
        if missing:
            decoded = self._decode_wanted(maps, list(missing.values()))
            for key, picture in zip(missing, decoded, strict=True):
                found[key] = picture.clone()
                self.memo.put(key, found[key])
        return torch.stack([found[key] for key in keys])

    def _memo_key(self, maps: TokenMaps, row: int, k: int) -> tuple:
        weights = self.sha256 or id(self._net)
        return (weights, self.device.precision, str(self.device.torch_device), maps.digest(row, k), k)

    def _decode_wanted(self, maps: TokenMaps, wanted: list[tuple[int, int]]) -> Tensor:
        with self.device.forward():
            f_hat = self._shown_f_hat(maps, wanted)
        return self._to_images(f_hat)

    def _to_images(self, f_hat_NChw: Tensor) -> Tensor:
        """(N,3,H,W) in [0,1] on the CPU, in batches that fit the memory."""
        pixels = f_hat_NChw.shape[-2] * f_hat_NChw.shape[-1] * self.downsample**2
        size = min(f_hat_NChw.shape[0], max(1, DECODE_PIXELS // pixels))
        while True:
            try:
                return torch.cat([self._to_images_at_once(part) for part in f_hat_NChw.split(size)])
            except torch.OutOfMemoryError as error:
                if size == 1:
                    raise RuntimeError(
                        f"not enough memory on {self.device.torch_device} to decode one picture of "
                        f"{self.image_hw[0]} x {self.image_hw[1]}; use a smaller size or --device cpu"
                    ) from error
            # Outside of `except`, whose traceback would keep the failed attempt's tensors alive.
            size //= 2
            torch.cuda.empty_cache()

    def _to_images_at_once(self, f_hat_NChw: Tensor) -> Tensor:
        with self.device.forward():
            x = self._decoder.to_pixels(f_hat_NChw.to(self.device.compute_dtype)).float()
            image = (x.clamp(-1, 1) + 1) * 0.5
        return public(image)
