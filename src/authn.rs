//! Who is asking: passwords, one-time codes, and the sessions they earn. Pure; no I/O.
//!
//! The chain of custody, each arrow one function, each type with private fields:
//!
//! ```text
//! Password   --password::verify-->        PasswordVerified
//! Invitation --Account::accept-->         InvitationAccepted
//! PasswordVerified --begin-->             FirstFactorSession --finish(SecondFactorVerified)--> Session
//! InvitationAccepted --begin-->           EnrolmentSession   --finish(SecondFactorVerified)--> Session
//! Code, BackupCode --Account::verify_…--> SecondFactorVerified
//! SessionRecord --resume-->               Session
//! ```

pub mod transaction;
pub mod account;
pub mod session;
pub mod invitation;
pub mod backup_code;
pub mod enrolment;
pub mod totp;
pub mod lockout;
pub mod password;
pub mod username;
pub mod profile;

use crate::secret::{Token, TokenDigest};
use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use serde::{Deserialize, Serialize};
use std::fmt;
use zeroize::Zeroizing;

/// The immutable id of an account: 128 random bits, never reused, also when a name is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountId([u8; 16]);

impl AccountId {
    /// A fresh id.
    #[must_use]
    pub fn generate() -> Self {
        Self(crate::secret::random())
    }

    /// The raw bytes, for store keys.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Takes over raw bytes from a store key.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Reads the text form, `u_` and 26 characters of lower-case base32.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let encoded = text.strip_prefix("u_").filter(|rest| rest.len() == 26)?;
        let bytes = BASE32_NOPAD
            .decode(encoded.to_ascii_uppercase().as_bytes())
            .ok()?;
        Some(Self(bytes.try_into().ok()?))
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "u_{}", BASE32_NOPAD.encode(&self.0).to_ascii_lowercase())
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<AccountId> for String {
    fn from(id: AccountId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for AccountId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not an account id")
    }
}

/// A token that also says to which account its record belongs, so that one key finds it.
///
/// The id is random and tells nothing; only the 256-bit token opens anything.
pub struct AccountToken<R> {
    account: AccountId,
    token: Token<R>,
}

impl<R> AccountToken<R> {
    /// A fresh token for a record of `account`.
    #[must_use]
    pub fn generate(account: AccountId) -> Self {
        let token = Token::generate();
        Self { account, token }
    }

    /// Reads what [`AccountToken::to_text`] wrote; anything else is no token.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // 22 characters of id, a dot, 43 of token: the length is fixed, so nothing long is decoded.
        let (account, token) = text.split_once('.').filter(|_| text.len() == 66)?;
        let account: [u8; 16] = BASE64URL_NOPAD
            .decode(account.as_bytes())
            .ok()?
            .try_into()
            .ok()?;
        Some(Self {
            account: AccountId(account),
            token: Token::parse(token)?,
        })
    }

    /// 66 characters of base64url and one dot, for a cookie or a link.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let account = BASE64URL_NOPAD.encode(self.account.as_bytes());
        Zeroizing::new(format!("{account}.{}", *self.token.to_text()))
    }

    /// Whose record it opens, if its token is right.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// What the store may see of the token.
    #[must_use]
    pub fn digest(&self) -> TokenDigest {
        self.token.digest()
    }
}

impl<R> fmt::Debug for AccountToken<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountToken({})", self.account)
    }
}

/// Why an attempt was refused. For the audit stream; a visitor reads one sentence for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// The account is disabled.
    AccountDisabled,
    /// The second factor was enrolled already.
    AlreadyEnrolled,
    /// The one-time code was right, and was used before.
    CodeReplayed,
    /// The pending enrolment is too old, or there is none.
    EnrolmentExpired,
    /// The invitation was used, replaced, or is too old.
    InvitationInvalid,
    /// Too many wrong answers; `vestibule user unlock` lifts it.
    Locked,
    /// The account has no second factor.
    NoSecondFactor,
    /// The login was begun before the account's epoch changed, or is too old.
    TransactionOver,
    /// There is no such account.
    UnknownAccount,
    /// No such backup code, or it was spent.
    WrongBackupCode,
    /// The one-time code is wrong.
    WrongCode,
    /// The password is wrong.
    WrongPassword,
}

impl Rejection {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::AccountDisabled,
        Self::AlreadyEnrolled,
        Self::CodeReplayed,
        Self::EnrolmentExpired,
        Self::InvitationInvalid,
        Self::Locked,
        Self::NoSecondFactor,
        Self::TransactionOver,
        Self::UnknownAccount,
        Self::WrongBackupCode,
        Self::WrongCode,
        Self::WrongPassword,
    ];

    /// The stable name, for the audit stream and for counters.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AccountDisabled => "account_disabled",
            Self::AlreadyEnrolled => "already_enrolled",
            Self::CodeReplayed => "code_replayed",
            Self::EnrolmentExpired => "enrolment_expired",
            Self::InvitationInvalid => "invitation_invalid",
            Self::Locked => "locked",
            Self::NoSecondFactor => "no_second_factor",
            Self::TransactionOver => "transaction_over",
            Self::UnknownAccount => "unknown_account",
            Self::WrongBackupCode => "wrong_backup_code",
            Self::WrongCode => "wrong_code",
            Self::WrongPassword => "wrong_password",
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::error::Error for Rejection {}

/// Which second factor was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Factor {
    /// A TOTP code.
    Totp,
    /// A backup code (NIST: look-up secret).
    BackupCode,
}

impl Factor {
    /// The stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::BackupCode => "backup_code",
        }
    }
}

/// Proof that the second factor of an account was shown. Only this module tree makes one.
///
/// ```compile_fail,E0451
/// use vestibule::authn::{AccountId, Factor, SecondFactorVerified};
/// let forged = SecondFactorVerified { account: AccountId::generate(), factor: Factor::Totp };
/// ```
#[derive(Debug)]
#[must_use]
pub struct SecondFactorVerified {
    account: AccountId,
    factor: Factor,
}

impl SecondFactorVerified {
    fn assertion(account: AccountId, factor: Factor) -> Self {
        Self { account, factor }
    }

    /// Which second factor it was.
    #[must_use]
    pub fn factor(&self) -> Factor {
        self.factor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_id_survives_its_text_form() {
        let id = AccountId::generate();
        assert_eq!(AccountId::parse(&id.to_string()), Some(id));
        assert_eq!(AccountId::parse("u_"), None);
        assert_eq!(AccountId::parse(&id.to_string()[1..]), None);
    }

    #[test]
    fn an_account_token_survives_its_text_form() {
        let token = AccountToken::<()>::generate(AccountId::generate());
        let again = AccountToken::<()>::parse(&token.to_text()).unwrap();
        assert_eq!(
            (again.account(), again.digest()),
            (token.account(), token.digest())
        );
    }

    #[test]
    fn no_other_text_is_an_account_token() {
        let text = AccountToken::<()>::generate(AccountId::generate()).to_text();
        for bad in [
            "",
            ".",
            &text[1..],
            &text.replace('.', "_"),
            &format!("{}a", *text),
        ] {
            assert!(AccountToken::<()>::parse(bad).is_none(), "{bad}");
        }
    }
}
