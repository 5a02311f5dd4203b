"""Sample pictures to start with, read at run time from the installed scikit-image and scikit-learn packages.

Only files that lie inside the two wheels are used, so nothing is downloaded and no picture is copied into
this repository. The packages themselves are located, not imported.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class Sample:
    """name: what a user types; package, file: where the picture lies; credit: shown beside it."""

    name: str
    title: str
    credit: str
    package: str
    file: str

    @property
    def path(self) -> Path:
        """The installed file. Raises FileNotFoundError when the package or its picture is missing."""
        spec = find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            raise FileNotFoundError(
                f"the sample picture {self.name!r} comes with the package {self.package}, "
                "which is not installed; run: pip install -r requirements.txt"
            )
        path = Path(spec.submodule_search_locations[0], self.file)
        if not path.is_file():
            raise FileNotFoundError(f"the sample picture {self.name!r} should be at {path}, but is not there")
        return path


SAMPLES = (
    Sample("astronaut", "Eileen Collins, astronaut", "NASA, public domain", "skimage", "data/astronaut.png"),
    Sample("cat", "Chelsea the cat", "Stéfan van der Walt, CC0", "skimage", "data/chelsea.png"),
    Sample("coffee", "A cup of coffee", "Rachel Michetti, CC0", "skimage", "data/coffee.png"),
    Sample("rocket", "Falcon 9 before its launch", "SpaceX, public domain", "skimage", "data/rocket.jpg"),
    Sample(
        "china",
        "Pagoda above a lake, China",
        "danielbuechele, CC BY 2.0",
        "sklearn",
        "datasets/images/china.jpg",
    ),
    Sample("flower", "A dahlia", "vultilion, CC BY 2.0", "sklearn", "datasets/images/flower.jpg"),
)


def load_sample(name: str) -> "Image.Image":
    """The sample picture called `name` as an RGB image. Raises ValueError for an unknown name."""
    from PIL import Image

    for sample in SAMPLES:
        if sample.name == name:
            with Image.open(sample.path) as picture:
                return picture.convert("RGB")
    raise ValueError(f"no sample picture is called {name!r}; there are {', '.join(s.name for s in SAMPLES)}")
