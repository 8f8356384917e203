"""Files of ids, also damaged ones."""

import numpy as np
import pytest

from encoder.dataset import npz


@pytest.mark.parametrize("place", [0.2, 0.5, 0.8])
def test_a_damaged_packed_array_is_an_error_that_names_it(tmp_path, place):
    path = tmp_path / "old.npz"
    np.savez_compressed(path, np.random.default_rng(1).integers(0, 300, 5000))
    damaged = bytearray(path.read_bytes())
    at = int(place * len(damaged))
    damaged[at : at + 40] = bytes(byte ^ 0xFF for byte in damaged[at : at + 40])
    path.write_bytes(damaged)
    with pytest.raises(ValueError, match=r"old\.npz: arr_0: "):
        npz.read_arrays(str(path))
