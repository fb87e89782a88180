//! Password hashes as the store keeps them: PHC strings of Argon2id, and what making one costs.
//!
//! Whatever a stored string asks for, its cost is within the bounds of [`Params`] or it is no hash.

use std::fmt;

use argon2::password_hash::phc::{self, Output, ParamsString, Salt};
use argon2::{Algorithm, Argon2, Block, Version};
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::authn::password::Password;
use crate::secret::Secret;

/// Greatest memory, in KiB, that a stored hash may ask for: 1 GiB.
pub const MAX_MEMORY_KIB: u32 = 1024 * 1024;

/// Most passes that a stored hash may ask for.
pub const MAX_ITERATIONS: u32 = 64;

/// Most lanes that a stored hash may ask for.
pub const MAX_PARALLELISM: u32 = 16;

/// What one Argon2id run costs: memory, passes and lanes. The default is 19 MiB, 2, 1 (OWASP).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Params {
    memory_kib: u32,
    iterations: u32,
    parallelism: u32,
}

impl Params {
    /// Memory in KiB (at least 8 per lane, at most 1 GiB), passes (1..=64), lanes (1..=16).
    ///
    /// # Errors
    /// [`BadParams`] outside of these bounds.
    pub fn new(memory_kib: u32, iterations: u32, parallelism: u32) -> Result<Self, BadParams> {
        let within = memory_kib <= MAX_MEMORY_KIB
            && iterations <= MAX_ITERATIONS
            && parallelism <= MAX_PARALLELISM
            && argon2::Params::new(memory_kib, iterations, parallelism, None).is_ok();
        let params = Self {
            memory_kib,
            iterations,
            parallelism,
        };
        within.then_some(params).ok_or(BadParams)
    }

    /// The memory of one run in KiB.
    #[must_use]
    pub fn memory_kib(&self) -> u32 {
        self.memory_kib
    }
}

impl Default for Params {
    fn default() -> Self {
        Self {
            memory_kib: 19_456,
            iterations: 2,
            parallelism: 1,
        }
    }
}

/// No Argon2 run may have these parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "password hashing needs 8 KiB of memory per lane up to 1 GiB, 1 to 64 iterations and 1 to 16 lanes"
)]
pub struct BadParams;

/// A stored password: a PHC string (`$argon2id$v=19$m=…,t=…,p=…$salt$hash`).
///
/// A damaged one is kept as it is and matches nothing.
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// The PHC string.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash")
    }
}

/// Hashes `password` for the store with a fresh salt of 128 bits.
///
/// # Panics
/// When the machine has not the memory that `params` ask for. The decoy is made at start with
/// the same parameters, so such a configuration does not get to serve anyone.
#[must_use]
pub fn hash(password: &Password, params: &Params) -> PasswordHash {
    hash_in(&mut Memory::default(), password, params)
}

/// [`hash`] in memory that is used again.
///
/// # Panics
/// As [`hash`] does.
#[must_use]
pub fn hash_in(memory: &mut Memory, password: &Password, params: &Params) -> PasswordHash {
    let recipe = Recipe::new(*params);
    let output = recipe.cook(password, memory);
    let phc = phc::PasswordHash {
        algorithm: recipe.algorithm.ident(),
        version: Some(recipe.version.into()),
        params: ParamsString::try_from(&recipe.params)
            .expect("three numbers fit into a PHC string"),
        salt: Some(recipe.salt),
        hash: Some(output),
    };
    PasswordHash(phc.to_string())
}

/// A hash that no password matches, to be worked on where there is no account.
///
/// # Panics
/// As [`hash`] does.
#[must_use]
pub fn decoy(params: &Params) -> PasswordHash {
    let unknown: [u8; 32] = crate::secret::random();
    hash(
        &Password(Secret::new(BASE64URL_NOPAD.encode(&unknown))),
        params,
    )
}

/// Working memory for Argon2, which one thread can use for one check after the other.
///
/// It saves the pages of every check from being handed out and zeroed anew.
#[derive(Default)]
pub struct Memory(Vec<Block>);

impl Memory {
    /// Exactly `count` blocks, so that one greedy hash does not keep its memory for ever.
    ///
    /// Panics, rather than aborting the process, when the machine has not got them.
    pub(in crate::authn) fn blocks(&mut self, count: usize) -> &mut [Block] {
        if self.0.len() != count {
            self.0 = Vec::new();
            let room = self.0.try_reserve_exact(count);
            room.expect("the machine has the memory that the parameters ask for");
            self.0.resize(count, Block::new());
        }
        &mut self.0
    }
}

#[cfg(test)]
impl Memory {
    /// How many blocks the last run left behind.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memory")
    }
}

/// Everything that goes into a hash but the password; its parameters are within bounds.
pub(crate) struct Recipe {
    algorithm: Algorithm,
    version: Version,
    params: argon2::Params,
    salt: Salt,
}

impl Recipe {
    /// The current algorithm with a fresh salt.
    fn new(params: Params) -> Self {
        let Params {
            memory_kib,
            iterations,
            parallelism,
        } = params;
        let length = Some(argon2::Params::DEFAULT_OUTPUT_LEN);
        Self {
            algorithm: Algorithm::Argon2id,
            version: Version::V0x13,
            params: argon2::Params::new(memory_kib, iterations, parallelism, length)
                .expect("`Params::new` accepts only what Argon2 accepts"),
            salt: Salt::new(&crate::secret::random::<16>()).expect("a salt may have 8 to 48 bytes"),
        }
    }

    /// What a stored hash was made with, and what came out.
    pub(crate) fn of(hash: &PasswordHash) -> Option<(Self, Output)> {
        let phc = phc::PasswordHash::new(hash.as_str()).ok()?;
        let params = argon2::Params::try_from(&phc).ok()?;
        // A hash from an import or a damaged store may not eat the machine.
        Params::new(params.m_cost(), params.t_cost(), params.p_cost()).ok()?;
        let recipe = Self {
            algorithm: Algorithm::try_from(phc.algorithm.as_str()).ok()?,
            version: Version::try_from(phc.version?).ok()?,
            params,
            salt: phc.salt?,
        };
        Some((recipe, phc.hash?))
    }

    pub(crate) fn has_cost_of(&self, other: &Self) -> bool {
        (self.algorithm, self.version) == (other.algorithm, other.version)
            && self.params == other.params
    }

    /// The slow part: one Argon2 run.
    pub(crate) fn cook(&self, password: &Password, memory: &mut Memory) -> Output {
        let mut output = Zeroizing::new([0; Output::MAX_LENGTH]);
        let length = self
            .params
            .output_len()
            .unwrap_or(argon2::Params::DEFAULT_OUTPUT_LEN);
        let output = &mut output[..length];
        Argon2::new(self.algorithm, self.version, self.params.clone())
            .hash_password_into_with_memory(
                password.expose().as_bytes(),
                &self.salt,
                output,
                memory.blocks(self.params.block_count()),
            )
            .expect("salt and output have the length that a PHC string can hold");
        Output::new(output).expect("an output of 10 to 64 bytes")
    }
}

#[cfg(test)]
impl Recipe {
    /// Memory in KiB, passes, lanes.
    pub(crate) fn cost(&self) -> (u32, u32, u32) {
        let params = &self.params;
        (params.m_cost(), params.t_cost(), params.p_cost())
    }
}
