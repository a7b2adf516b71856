"""Checked loading of the packaged JSON tables: ``load("tw3_rus")`` is the file ``tw3_rus.json``, unaltered.

:data:`PINS` holds the SHA-256 of every table; a file of another content is refused at load, and a table without a
pin cannot be loaded.
"""

from __future__ import annotations

import hashlib
import json
from importlib import resources
from typing import Any

from boneage_desk.common.errors import StandardError

PINS: dict[str, str] = {
    "bayley_pinneau": "e7261c7b6d6b72cfcde8e14dce1bd4bb7fc7cbc1461b95ac801a813130f56e46",
    "chn_1988": "8110df8d6f58ccb343097f66c4992ae41ddcb47aa3414a0a93708e92796c30f2",
    "gp_sd": "f65bf1f16314b727a720c4261dc9c986a218c19b8f3f588857ddb782728a94a4",
    "gp_standards": "269fa20e541b484fd8ba570cfe5bee778778ede01aed73a43663aeaa05cd00b7",
    "growth_cdc2000": "45528c369fcc85525743050e797dccb6d6a45890a104982a0a5be4a72fc1a580",
    "growth_china2009": "621e8d1e32ba770a85a99a1a6d43876bc94b052bce49c8d5b37b866f285385f5",
    "growth_who2007": "b73a9bbb7ab96ece251ec5048df5e89352cd8e2f22cd74128c2c17c912c3c882",
    "height_prediction_other": "99a70af8fb113f977a629e2bda537c46cef4f86a4612a2c33a2e795a33e0190d",
    "rus_chn": "bb5104ba6771f3389cec223bee651f79912f18a78a79b2ca21894dacfee6288d",
    "rus_chn_criteria": "050aeda096614d1c62c7482ef103a53b678094a83b48e6b1c3c4247b3d9a66c5",
    "rwt": "3c89bc6cb797e591b6333109003dabcb3675cb335e33ad35b50733b46d94ef11",
    "tw3_rus": "fc6584ba3ce869f219aec9e56295d88600633c41637c91e041fb52eceaa7e2f7",
    "tw_1975_height": "7ea0b34828653ca364908d2fecbfd9bc92cff4d1450538d6a3276806281aa93a",
}
"""SHA-256 of each packaged table, by its name without ``.json``."""


def load(name: str) -> dict[str, Any]:
    """The table ``name`` (a key of :data:`PINS`) as parsed JSON, read and checked anew at each call: cache what you make.

    Raises StandardError: code 'table-altered' when the file is not the pinned one, 'table-missing' when it is absent or
    has no pin.

    >>> load("gp_standards")["unit"]
    'months'
    """
    if name not in PINS:
        raise StandardError(f"There is no packaged table '{name}'.", f"Use one of: {', '.join(PINS)}.", code="table-missing")
    return load_table(f"{name}.json", PINS[name])


def load_table(file_name: str, sha256: str) -> dict[str, Any]:
    """The table ``file_name`` as parsed JSON; raises StandardError if missing or altered."""
    try:
        raw = (resources.files(__package__) / file_name).read_bytes()
    except OSError as error:
        raise StandardError(
            f"The table {file_name} is missing.", "Install BoneAge Desk again.", code="table-missing"
        ) from error
    found = hashlib.sha256(raw).hexdigest()
    if found != sha256:
        raise StandardError(
            f"The table {file_name} was altered (SHA-256 {found[:12]}, expected {sha256[:12]}).",
            "Install BoneAge Desk again; no bone age is computed from an altered table.",
            code="table-altered",
        )
    table = json.loads(raw)
    if not isinstance(table, dict):
        raise StandardError(f"The table {file_name} is not a JSON object.", code="table-altered")
    return table
