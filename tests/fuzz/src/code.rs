//! Codes as people type them: six digits, or a backup code.

use vestibule::authn::backup_code::BackupCode;
use vestibule::authn::totp::{Code, Match, Skew, TimeStep, TotpSecret};
use vestibule::clock::Timestamp;

/// Crockford's base32, as it is documented: no I, L, O or U.
const SYMBOLS: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

const NOW: Timestamp = Timestamp(1_700_000_000);

pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let bare: String = text.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    totp(text, &bare);
    backup(text, &bare);
}

/// A code is six ASCII digits and nothing else, however they are spaced.
fn totp(text: &str, bare: &str) {
    let is_code = bare.len() == 6 && bare.bytes().all(|b| b.is_ascii_digit());
    let read: Result<Code, _> = text.parse();
    assert_eq!(read.is_ok(), is_code);
    let Ok(code) = read else { return };
    assert!(bare.parse().as_ref() == Ok(&code), "spaces change nothing");
    // Accepted once at most: never for a step at or before one that was accepted.
    let secret = TotpSecret::from_bytes([7; 20]);
    let newest = TimeStep(TimeStep::at(NOW).0 + 1);
    if let Match::Fresh(step) = secret.check(&code, NOW, Skew::OneStep, None) {
        assert!(secret.code_at(step) == code);
        assert!(step <= newest);
    }
    let again = secret.check(&code, NOW, Skew::OneStep, Some(newest));
    assert!(!matches!(again, Match::Fresh(_)));
}

/// A backup code is twelve symbols; what is easily confused is read as what was meant.
fn backup(text: &str, bare: &str) {
    let meant: String = bare
        .chars()
        .map(|c| match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        })
        .collect();
    let is_code = meant.len() == 12 && meant.chars().all(|c| SYMBOLS.contains(c));
    let read: Result<BackupCode, _> = text.parse();
    assert_eq!(read.is_ok(), is_code);
    let Ok(code) = read else { return };
    let shown = code.to_text();
    assert_eq!(shown.replace('-', ""), meant);
    assert!(
        shown.parse().as_ref() == Ok(&code),
        "what is shown is read again"
    );
}
