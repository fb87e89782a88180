//! Encryption at rest: a store around a store.
//!
//! Every value is sealed for its own row: moved, swapped with another row, changed or under another
//! key, it is an error and never a value. Keys and expiry stay readable to the store inside; what
//! security depends on, times included, belongs into the value.

use crate::secret::Key;
use crate::store::{BoxFuture, Change, Durability, Entry, Error, Found, Row, Store, Swap, Tree};
use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use std::fmt;

/// The first byte of a sealed value: AES-256-GCM-SIV (RFC 8452), nonce, ciphertext, tag.
const FORMAT: u8 = 1;

/// Seals every value before `S` sees it, and opens every value that `S` finds.
pub struct Sealed<S> {
    inner: S,
    key: RandomizedNonceKey,
}

impl<S: Store> Sealed<S> {
    /// Seals what goes into `inner` under a key of its own, derived from the `master` key.
    #[must_use]
    pub fn new(inner: S, master: &Key) -> Self {
        // SIV: a nonce drawn twice tells only that two values are equal.
        let key =
            RandomizedNonceKey::new(&AES_256_GCM_SIV, master.derive("store records").expose())
                .expect("a key has the 256 bits that the cipher takes");
        Self { inner, key }
    }

    /// The store inside, for what is not about values: its sweep, its counters.
    pub const fn inner(&self) -> &S {
        &self.inner
    }

    fn seal(&self, tree: Tree, key: &[u8], value: &[u8]) -> Result<Vec<u8>, Error> {
        // With room for the tag, so that no copy of the plain value is left behind by growing.
        let mut body = Vec::with_capacity(value.len() + AES_256_GCM_SIV.tag_len());
        body.extend_from_slice(value);
        let nonce = self
            .key
            .seal_in_place_append_tag(Aad::from(place(tree, key)), &mut body)
            .map_err(|_| Error::Io("a value could not be sealed".to_owned()))?;
        let mut sealed = Vec::with_capacity(1 + NONCE_LEN + body.len());
        sealed.push(FORMAT);
        sealed.extend_from_slice(nonce.as_ref());
        sealed.append(&mut body);
        Ok(sealed)
    }

    fn open(&self, tree: Tree, key: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Error> {
        let damaged = |reason: &str| Error::Damaged {
            tree,
            reason: reason.to_owned(),
        };
        let Some((&FORMAT, rest)) = sealed.split_first() else {
            return Err(damaged("unknown form of sealing"));
        };
        let (nonce, body) = rest
            .split_first_chunk::<NONCE_LEN>()
            .ok_or_else(|| damaged("too short"))?;
        let mut body = body.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let aad = Aad::from(place(tree, key));
        let length = self
            .key
            .open_in_place(nonce, aad, &mut body)
            .map_err(|_| damaged("it does not open here under this key"))?
            .len();
        body.truncate(length);
        Ok(body)
    }
}

/// What a value is bound to: the format, the tree and the key.
fn place(tree: Tree, key: &[u8]) -> Vec<u8> {
    // Two single bytes first, so no two places read the same.
    let mut place = vec![FORMAT, tree.tag()];
    place.extend_from_slice(key);
    place
}

impl<S: Store> Store for Sealed<S> {
    fn get<'a>(&'a self, tree: Tree, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Found>, Error>> {
        Box::pin(async move {
            let Some(found) = self.inner.get(tree, key).await? else {
                return Ok(None);
            };
            let value = self.open(tree, key, &found.value)?;
            let version = found.version;
            Ok(Some(Found { value, version }))
        })
    }

    fn swap<'a>(
        &'a self,
        changes: &'a [Change<'a>],
        durability: Durability,
    ) -> BoxFuture<'a, Result<Swap, Error>> {
        Box::pin(async move {
            let seal = |change: &Change<'a>| {
                let new = change.new.as_ref();
                new.map(|row| self.seal(change.tree, change.key, row.value))
                    .transpose()
            };
            let values: Vec<Option<Vec<u8>>> =
                changes.iter().map(seal).collect::<Result<_, _>>()?;
            let sealed: Vec<Change<'_>> = changes
                .iter()
                .zip(&values)
                .map(|(change, value)| Change {
                    new: change.new.zip(value.as_deref()).map(|(row, value)| Row {
                        value,
                        expires: row.expires,
                    }),
                    ..*change
                })
                .collect();
            self.inner.swap(&sealed, durability).await
        })
    }

    fn scan<'a>(
        &'a self,
        tree: Tree,
        prefix: &'a [u8],
        after: Option<&'a [u8]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Entry>, Error>> {
        Box::pin(async move {
            let found = self.inner.scan(tree, prefix, after, limit).await?;
            let open = |(key, sealed): Entry| {
                let value = self.open(tree, &key, &sealed)?;
                Ok((key, value))
            };
            found.into_iter().map(open).collect()
        })
    }

    fn ping(&self) -> BoxFuture<'_, Result<(), Error>> {
        self.inner.ping()
    }
}

impl<S: fmt::Debug> fmt::Debug for Sealed<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sealed").field(&self.inner).finish()
    }
}

#[cfg(test)]
mod tests;
