//! How a row lies in sled: a tag byte and the key; 8 bytes of expiry and the value.

use crate::clock::Timestamp;
use crate::store::{Error, Row, Tree};

/// The key in the one sled tree.
pub(crate) fn key(tree: Tree, key: &[u8]) -> Vec<u8> {
    let mut row = Vec::with_capacity(1 + key.len());
    row.push(tree.tag());
    row.extend_from_slice(key);
    row
}

/// The stored form of `row`.
pub(crate) fn encode(row: &Row<'_>) -> Vec<u8> {
    // 0 means never, so the first second of 1970 is moved by one: it must not last for ever.
    let expires = row.expires.map_or(0, |expires| expires.0.max(1));
    let mut raw = Vec::with_capacity(8 + row.value.len());
    raw.extend_from_slice(&expires.to_be_bytes());
    raw.extend_from_slice(row.value);
    raw
}

/// Has the row not expired? One without a readable expiry counts as live, so that it is found and
/// reported as damaged.
pub(crate) fn live(raw: &[u8], now: Timestamp) -> bool {
    expires(raw).is_none_or(|expires| now < expires)
}

/// When the row vanishes by itself; `None` for never, and for one without a readable expiry.
pub(crate) fn expires(raw: &[u8]) -> Option<Timestamp> {
    let expires = u64::from_be_bytes(*raw.first_chunk::<8>()?);
    (expires != 0).then_some(Timestamp(expires))
}

/// The value within the stored form.
///
/// # Errors
/// When it is too short to be a row.
pub(crate) fn value(tree: Tree, raw: &[u8]) -> Result<&[u8], Error> {
    raw.get(8..).ok_or_else(|| Error::Damaged {
        tree,
        reason: "it is shorter than its header".to_owned(),
    })
}
