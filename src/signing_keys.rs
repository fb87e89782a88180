//! The keys that sign assertions: kept in the store, made on first use.
//!
//! Every stored key is published; the newest one of the configured algorithm signs.

use crate::clock::Clock;
use crate::identity::jwks::Jwks;
use crate::identity::key::{Algorithm, DamagedKey, KeyRecord, SigningKey};
use crate::store::table::{Record, Table};
use crate::store::{Error, Tree};

impl Record for KeyRecord {
    const TREE: Tree = Tree::SigningKeys;
}

/// Why there is no key to sign with.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A stored key cannot be used.
    #[error("{0}")]
    Damaged(#[from] DamagedKey),
    /// The store failed.
    #[error("{0}")]
    Store(#[from] Error),
}

/// The key that signs, and the public halves of all.
#[derive(Debug)]
pub struct KeySet {
    /// Signs from now on.
    pub current: SigningKey,
    /// What apps verify with.
    pub published: Jwks,
}

/// More keys than rotation could ever leave behind.
const MOST: usize = 64;

/// Loads all keys; makes one of `algorithm` if there is none.
///
/// # Errors
/// When a key is damaged or the store fails: nothing is signed with a guess.
pub async fn load(
    table: &Table<KeyRecord>,
    algorithm: Algorithm,
    clock: &dyn Clock,
) -> Result<KeySet, KeyError> {
    let mut records = stored(table).await?;
    if !records.iter().any(|record| record.algorithm() == algorithm) {
        let record = KeyRecord::generate(algorithm, clock.now());
        let id = SigningKey::open(&record)?.id().to_owned();
        table.insert(id.as_bytes(), &record).await?.expect_new()?;
        records = stored(table).await?;
    }
    let keys: Vec<SigningKey> = records
        .iter()
        .map(SigningKey::open)
        .collect::<Result<_, _>>()?;
    let published = Jwks::publish(keys.iter());
    let current = keys
        .into_iter()
        .zip(&records)
        .filter(|(_, record)| record.algorithm() == algorithm)
        .max_by_key(|(_, record)| record.created())
        .map(|(key, _)| key);
    Ok(KeySet {
        current: current.ok_or(DamagedKey)?,
        published,
    })
}

async fn stored(table: &Table<KeyRecord>) -> Result<Vec<KeyRecord>, Error> {
    let found = table.scan(&[], None, MOST).await?;
    Ok(found.into_iter().map(|(_, record)| record).collect())
}
