"""Sealed fields: AES-256-GCM with random nonce, and a keyed index beside it for look-up."""

from portal.crypto.fields import SealBroken, blind_index, keyed_digest, seal, seal_bytes, unseal, unseal_bytes

__all__ = ["SealBroken", "blind_index", "keyed_digest", "seal", "seal_bytes", "unseal", "unseal_bytes"]
