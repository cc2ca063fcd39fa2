"""Keys of a demo portal: made at its first start and kept beside its data, so that the source holds no secret."""

import base64
import json
import os
import secrets
from pathlib import Path


def demo_keys(folder: Path) -> dict[str, str]:
    """Returns SECRET_KEY, FIELD_KEYS and INDEX_KEY of the demo portal that keeps its data in `folder`; makes them once.

    Several processes may start at the same moment: the first file linked into place wins, all read that one.
    """
    path = folder / "demo-keys.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f".demo-keys.{os.getpid()}.{secrets.token_hex(4)}"
        keys = {
            "SECRET_KEY": secrets.token_urlsafe(64),
            "FIELD_KEYS": "demo1:" + base64.b64encode(secrets.token_bytes(32)).decode(),
            "INDEX_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        }
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(keys, file)
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    stored: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return stored
