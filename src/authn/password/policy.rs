//! What a new password must be: long enough, and none that many people or guessers try first.
//!
//! There are no composition rules. The whole password is judged, never a part of it, after NFKC
//! and in lower case (NIST SP 800-63B-4, 3.1.1.2; ASVS 6.2).

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::authn::password::Password;
use crate::authn::password::common;

/// How many digits or symbols behind a common password still leave it common.
const LIST_SUFFIX: usize = 6;

/// What must be left before such a suffix: the shortest entry of the list.
const SHORTEST_ENTRY: usize = 6;

/// The same behind a word of the context; eight, because a date of birth has eight digits.
const CONTEXT_SUFFIX: usize = 8;

/// Shortest part of a name or title that counts as a word.
const SHORTEST_WORD: usize = 3;

/// Fewest characters in order that make a run.
const SHORTEST_RUN: usize = 3;

/// What keyboards and alphabets offer in one stroke, read in both directions and round the end.
const ROWS: [&str; 13] = [
    "1234567890",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiop",
    "azertyuiop",
    "qsdfghjklm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "!@#$%^&*()",
    "йцукенгшщзхъ",
    "фывапролджэ",
    "ячсмитьбю",
];

/// The rules for a new password. Lengths are in code points of the NFC form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Shortest password; 12 unless configured (at least 15 where a rule asks for one factor only).
    pub min_length: usize,
    /// Longest password; 256, which is also the most that a [`Password`] can hold.
    pub max_length: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            min_length: 12,
            max_length: 256,
        }
    }
}

impl Policy {
    /// Accepts `password`, or says why not.
    ///
    /// `context` is what a guesser knows about this place and this person: user name, display
    /// name, e-mail address, portal title, host name. They are taken apart into words here.
    ///
    /// # Errors
    /// [`Weak`], whose text is for the visitor.
    pub fn accept(&self, password: Password, context: &[&str]) -> Result<NewPassword, Weak> {
        let length = password.expose().chars().count();
        if length < self.min_length {
            return Err(Weak::TooShort {
                min: self.min_length,
            });
        }
        if length > self.max_length {
            return Err(Weak::TooLong {
                max: self.max_length,
            });
        }
        if password.expose().contains(char::is_control) {
            return Err(Weak::Untypable);
        }
        let folded = fold(password.expose());
        self.refuse_common(&folded)?;
        refuse_context(&folded, context)?;
        Ok(NewPassword(password))
    }

    fn refuse_common(&self, folded: &[char]) -> Result<(), Weak> {
        for core in cores(folded, LIST_SUFFIX, SHORTEST_ENTRY) {
            let unit = unit(core);
            if unit.len() < core.len() && unit.len() < self.min_length {
                return Err(Weak::Repeated);
            }
            if is_runs(unit) {
                return Err(Weak::Sequence);
            }
            if common::contains(&text(unit)) {
                return Err(Weak::Common);
            }
        }
        Ok(())
    }
}

/// A password that the policy accepted, to be hashed for an account that gets a new one.
///
/// ```compile_fail,E0423
/// use vestibule::authn::password::{Password, policy::NewPassword};
/// let weak = NewPassword(Password::new("password".to_owned()).unwrap());
/// ```
#[derive(Debug)]
#[must_use]
pub struct NewPassword(Password);

impl NewPassword {
    /// The password, for hashing.
    #[must_use]
    pub fn password(&self) -> &Password {
        &self.0
    }
}

/// Why a new password is refused. The text says it to the visitor, with what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Weak {
    /// Fewer code points than this.
    #[error(
        "This password is too short. Use at least {min} characters; a few words in a row are \
         easy to remember."
    )]
    TooShort {
        /// [`Policy::min_length`].
        min: usize,
    },
    /// More code points than this.
    #[error("This password is too long. Use at most {max} characters.")]
    TooLong {
        /// [`Policy::max_length`].
        max: usize,
    },
    /// It holds line breaks or other control characters, which no login form can send.
    #[error(
        "This password has a line break or another character that cannot be typed into a form. \
         Use letters, digits, spaces and signs."
    )]
    Untypable,
    /// It is on the list of common passwords, perhaps with a few digits behind it or twice in a row.
    #[error(
        "This password is used by many people, so it is among the first that are tried. Choose one \
         of your own, for example a few words that do not belong together."
    )]
    Common,
    /// A short piece, over and over.
    #[error(
        "This password repeats a short piece, so it is guessed like the piece alone. Choose one \
         that does not repeat itself."
    )]
    Repeated,
    /// Nothing but runs over an alphabet or a keyboard.
    #[error(
        "This password follows the alphabet or the keyboard, so it is guessed quickly. Choose one \
         without such runs."
    )]
    Sequence,
    /// Made of words that belong to this person or this place.
    #[error(
        "This password is made of your name or the name of this site, which a guesser knows. \
         Choose one that has nothing to do with either."
    )]
    Context,
}

/// NFKC in lower case, as far as `char` goes.
fn fold(text: &str) -> Zeroizing<Vec<char>> {
    // No code point becomes more than 18 under NFKC (UAX #15, table 10): one allocation, wiped.
    let mut folded = Zeroizing::new(Vec::with_capacity(18 * text.chars().count()));
    folded.extend(text.nfkc().flat_map(char::to_lowercase));
    folded
}

fn text(chars: &[char]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(4 * chars.len()));
    text.extend(chars);
    text
}

/// The password, and the password without one, two, … up to `longest` digits or symbols at its
/// end, as far as `shortest` characters are left.
fn cores(folded: &[char], longest: usize, shortest: usize) -> impl Iterator<Item = &[char]> {
    let tail = folded.iter().rev().take_while(|c| !c.is_alphabetic());
    let room = folded.len().saturating_sub(shortest);
    let cuts = tail.count().min(longest).min(room);
    (0..=cuts).map(|cut| &folded[..folded.len() - cut])
}

/// The shortest piece whose repetition is the whole, also when the last one is cut short.
fn unit(whole: &[char]) -> &[char] {
    let period =
        (1..=whole.len() / 2).find(|period| whole[*period..] == whole[..whole.len() - period]);
    &whole[..period.unwrap_or(whole.len())]
}

/// Whether nothing is left when all runs over a row of keys, letters or digits are taken away.
fn is_runs(mut rest: &[char]) -> bool {
    while !rest.is_empty() {
        let longest = ROWS.iter().map(|row| run(rest, row)).max().unwrap_or(0);
        let same = rest.iter().take_while(|c| **c == rest[0]).count();
        match longest.max(same) {
            length if length < SHORTEST_RUN => return false,
            length => rest = &rest[length..],
        }
    }
    true
}

/// How many characters from the start follow each other in `row`, forwards or backwards.
fn run(text: &[char], row: &str) -> usize {
    let keys = row.chars().count();
    let place = |c: &char| row.chars().position(|key| key == *c);
    let follows = |step: usize| {
        let pairs = text.windows(2).take_while(|pair| {
            let next = place(&pair[0]).map(|at| (at + step) % keys);
            next.is_some() && next == place(&pair[1])
        });
        1 + pairs.count()
    };
    follows(1).max(follows(keys - 1))
}

/// Refuses a password that consists of context words, with at most a short number behind them.
fn refuse_context(folded: &[char], context: &[&str]) -> Result<(), Weak> {
    let words = words(context);
    let made_of_words = cores(folded, CONTEXT_SUFFIX, SHORTEST_WORD)
        .any(|core| consists_of(&compact(core), &words));
    if made_of_words {
        Err(Weak::Context)
    } else {
        Ok(())
    }
}

/// Each text without its punctuation, both sides of its `@`, its parts between punctuation, and
/// our own name.
fn words(context: &[&str]) -> Vec<Zeroizing<Vec<char>>> {
    let mut words = vec![fold("vestibule")];
    for text in context {
        let folded = fold(text);
        words.extend(folded.split(|c| *c == '@').map(compact));
        words.extend(folded.split(|c| !c.is_alphanumeric()).map(compact));
    }
    words.retain(|word| word.len() >= SHORTEST_WORD);
    words
}

/// Letters and digits only.
fn compact(text: &[char]) -> Zeroizing<Vec<char>> {
    let mut letters = Zeroizing::new(Vec::with_capacity(text.len()));
    letters.extend(text.iter().filter(|c| c.is_alphanumeric()));
    letters
}

/// Whether `text` can be cut into `words` without a rest.
fn consists_of(text: &[char], words: &[Zeroizing<Vec<char>>]) -> bool {
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    for at in 0..text.len() {
        for word in words {
            if reached[at] && text[at..].starts_with(word) {
                reached[at + word.len()] = true;
            }
        }
    }
    !text.is_empty() && reached[text.len()]
}

#[cfg(test)]
mod tests;
