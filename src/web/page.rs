//! What visitors see: pure functions from a plain model to a whole HTML document.
//!
//! A view knows neither requests nor time nor files. One invariant: whatever a visitor, an
//! administrator or an app supplied is text to Maud, which escapes it; nothing here is pre-escaped.
//! Every page works without a script, without a style sheet and in a text browser.

pub mod login;
pub mod second_factor;
pub mod invitation;
pub mod enrol;
pub mod backup_codes;
pub mod account;
pub mod logout;
pub mod signed_out;
pub mod sign_in_loop;
pub mod form_lost;
pub mod error;
pub mod unsent;
pub mod plain;
mod layout;
mod form;
mod qr;
mod words;
pub mod asset;

/// What all pages share.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Heading of the portal, from the configuration; stands behind each page's own title.
    pub title: &'a str,
    /// Host that people know the place by, such as `app.example.com`.
    pub site: &'a str,
    /// Language of the texts, as in BCP 47.
    pub lang: &'a str,
    /// Direction of that language.
    pub dir: Direction,
    /// URL of an image in place of our own mark; it has to be of our own origin.
    pub logo: Option<&'a str>,
    /// Where people find help: `https:`, `http:`, `mailto:` or `tel:`; other schemes are left out.
    pub support_link: Option<&'a str>,
    /// URL that [`asset::style`] is served under.
    pub stylesheet_url: &'a str,
    /// URL that [`asset::script`] is served under; only some pages load it.
    pub script_url: &'a str,
}

/// Which way a language is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// From left to right.
    #[default]
    LeftToRight,
    /// From right to left.
    RightToLeft,
}

/// Where a form goes and what it carries unseen.
#[derive(Clone, Copy, Debug)]
pub struct Form<'a> {
    /// URL that it is posted to.
    pub action: &'a str,
    /// The form token, sent back as the field `csrf`.
    pub csrf: &'a str,
    /// Where to go afterwards, sent back as the field `rd`.
    pub rd: Option<&'a str>,
}

/// Place of a page in a walk of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// This page, counted from one.
    pub number: u8,
    /// How many there are.
    pub of: u8,
}

/// A finished page and the policy that it has to be served under.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Document {
    /// The HTML, beginning with its doctype.
    pub html: String,
    /// Value of the `Content-Security-Policy` header. It allows a script on the pages that load one.
    pub policy: &'static str,
}

#[cfg(test)]
mod tests;
