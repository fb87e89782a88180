//! A person's authenticator app, by an implementation that is not the gate's.

use std::time::{SystemTime, UNIX_EPOCH};

use totp_lite::{Sha1, totp_custom};

/// Seconds that one code stands for (RFC 6238, the default of every app).
pub(crate) const PERIOD: u64 = 30;

/// Makes codes, each time step once, as the gate accepts each only once.
#[derive(Clone, Debug)]
pub(crate) struct Authenticator {
    secret: Vec<u8>,
    newest: u64,
}

impl Authenticator {
    /// Takes the secret as the page shows it: base32, in groups.
    pub(crate) fn new(shown: &str) -> Self {
        let compact: String = shown.chars().filter(char::is_ascii_alphanumeric).collect();
        let secret = data_encoding::BASE32_NOPAD
            .decode(compact.to_uppercase().as_bytes())
            .unwrap_or_else(|e| panic!("{shown:?} is not base32: {e}"));
        Self { secret, newest: 0 }
    }

    /// A code that was not used yet. Three in a row need no waiting, because the previous,
    /// the current and the next step are accepted; a fourth waits for time to pass.
    pub(crate) fn code(&mut self) -> String {
        loop {
            let now = now();
            // Close to its end a step may be gone when the code arrives.
            let oldest = now / PERIOD - u64::from(now % PERIOD < PERIOD - 10);
            let step = oldest.max(self.newest + 1);
            if step <= now / PERIOD + 1 {
                self.newest = step;
                return self.code_of(step);
            }
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
    }

    /// The step of the last code.
    pub(crate) fn newest_step(&self) -> u64 {
        self.newest
    }

    /// The code that [`code`](Self::code) gave last.
    pub(crate) fn spent_code(&self) -> String {
        self.code_of(self.newest)
    }

    /// Whether `code` belongs to the window that is accepted now.
    pub(crate) fn is_timely(&self, code: &str) -> bool {
        let step = now() / PERIOD;
        (step - 1..=step + 1).any(|step| self.code_of(step) == code)
    }

    /// The code of one time step.
    pub(crate) fn code_of(&self, step: u64) -> String {
        totp_custom::<Sha1>(PERIOD, 6, &self.secret, step * PERIOD)
    }
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("the clock is past 1970")
        .as_secs()
}
