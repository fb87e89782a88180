//! How fast anyone may guess (NIST SP 800-63B-4, 3.2.2): every limit of a sign-in in one place.

use crate::rate_limit::{AddressPrefix, Limit, Limited};
use std::net::IpAddr;

/// How fast anyone may guess (NIST SP 800-63B-4, 3.2.2).
#[derive(Debug)]
pub struct Limits {
    /// Sign-in tries of one address, over a minute.
    pub address_minute: Limit,
    /// Sign-in tries of one address, over an hour.
    pub address_hour: Limit,
    /// The same of all addresses of one network, over a minute.
    pub network_minute: Limit,
    /// The same of all addresses of one network, over an hour.
    pub network_hour: Limit,
    /// Passwords for one name from unknown devices.
    pub account: Limit,
    /// The same from known devices. In slots of their own: no flood of names and addresses fills them.
    pub known: Limit,
    /// Authenticator codes for one account.
    pub codes: Limit,
    /// Backup codes for one account.
    pub backup_codes: Limit,
    /// Step-ups that one account begins: each is a row of the store.
    pub step_ups: Limit,
}

/// How much more a network is granted than one address.
pub const NETWORK: u32 = 10;

impl Limits {
    pub(in crate::login) fn address(&self, address: IpAddr) -> Result<(), Limited> {
        let prefix = AddressPrefix::from(address);
        self.address_minute.take(prefix)?;
        self.address_hour.take(prefix)?;
        let network = AddressPrefix::network_of(address);
        self.network_minute.take(network)?;
        self.network_hour.take(network)
    }

    /// Frees what is full again; called on a timer.
    pub fn sweep(&self) {
        self.all().into_iter().for_each(Limit::sweep);
    }

    /// How many addresses, names and accounts are remembered, over all limits.
    #[must_use]
    pub fn used_slots(&self) -> usize {
        self.all().into_iter().map(Limit::used_slots).sum()
    }

    fn all(&self) -> [&Limit; 9] {
        [
            &self.address_minute,
            &self.address_hour,
            &self.network_minute,
            &self.network_hour,
            &self.account,
            &self.known,
            &self.codes,
            &self.backup_codes,
            &self.step_ups,
        ]
    }
}
